"""The link graph: who is linked with whom, by money, devices, addresses and customers, out of the journal's newest end.

`LinkStore` is the consumer; `seen()` gives what a question reads.  `graph_around` answers with a graph that fits a page,
`shortest_path` with the payments that lead from one account to another.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.views.links.domain import (
        ALL_KINDS,
        ALL_RELATIONS,
        FOREVER_MS,
        NODES_MAX,
        Crowd,
        Entity,
        EntityKind,
        Filters,
        Hop,
        Link,
        LinkGraph,
        MoneyPath,
        Node,
        Question,
        Relation,
        Step,
        Sums,
    )
    from tarim.views.links.expanding import graph_around
    from tarim.views.links.paths import shortest_path
    from tarim.views.links.store import EVENTS_MAX, LinkStore, Seen
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "ALL_KINDS",
    "ALL_RELATIONS",
    "EVENTS_MAX",
    "FOREVER_MS",
    "NODES_MAX",
    "Crowd",
    "Entity",
    "EntityKind",
    "Filters",
    "Hop",
    "Link",
    "LinkGraph",
    "LinkStore",
    "MoneyPath",
    "Node",
    "Question",
    "Relation",
    "Seen",
    "Step",
    "Sums",
    "graph_around",
    "shortest_path",
]
