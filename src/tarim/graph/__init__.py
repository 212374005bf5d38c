"""Gangs and rings, found offline: communities, risk that flows from convicted accounts, what hangs together with them.

`relations_of` turns event rows into elements (accounts, devices, addresses) and their relations as at an instant;
`communities` (Leiden), `propagate` (personalised PageRank) and `expand` read those; `write_tags` writes what they found as a
table that names the instant from which it was known.  Features of the same kind in the stream are `tarim.stream.Graph`.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.graph.domain import Element, Relation, Relations, relations_of
    from tarim.graph.service import HUB_MAX, Communities, Ring, accounts_among, communities, expand, propagate
    from tarim.graph.tags import TAG_COLUMNS, Tag, write_entries, write_tags
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "HUB_MAX",
    "TAG_COLUMNS",
    "Communities",
    "Element",
    "Relation",
    "Relations",
    "Ring",
    "Tag",
    "accounts_among",
    "communities",
    "expand",
    "propagate",
    "relations_of",
    "write_entries",
    "write_tags",
]
