"""Events to features: exact, in event time, over any window, from declared definitions.

Declare entities and features, make a set, give an engine the journal's rows in order; it writes one vector an event.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.stream.definitions import NIGHT, ROUND, Condition, Entity, Feature, FeatureSet
    from tarim.stream.engine import MEMORY_BYTES_MAX, Engine, EntityUse, GraphUse, MemoryUse
    from tarim.stream.events import (
        AMOUNT_FEN_MAX,
        COLUMN_OF_FIELD,
        ROW_WORDS,
        Channel,
        Col,
        Flag,
        Kind,
        NetworkKind,
        Outcome,
        Result,
        Rows,
        Verification,
        empty_rows,
    )
    from tarim.stream.graph import MOVED, Graph, GraphFeature, ListedFeature, graph_features
    from tarim.stream.kernels.arena import prefetch
    from tarim.stream.reference import reference_features
    from tarim.stream.scenarios import scenario_features
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "AMOUNT_FEN_MAX",
    "COLUMN_OF_FIELD",
    "MEMORY_BYTES_MAX",
    "MOVED",
    "NIGHT",
    "ROUND",
    "ROW_WORDS",
    "Channel",
    "Col",
    "Condition",
    "Engine",
    "Entity",
    "EntityUse",
    "Feature",
    "FeatureSet",
    "Flag",
    "Graph",
    "GraphFeature",
    "GraphUse",
    "Kind",
    "ListedFeature",
    "MemoryUse",
    "NetworkKind",
    "Outcome",
    "Result",
    "Rows",
    "Verification",
    "empty_rows",
    "graph_features",
    "prefetch",
    "reference_features",
    "scenario_features",
]
