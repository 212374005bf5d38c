"""Views: what is made from the decisions' journal in memory, for people who look.

A `Follower` reads the journal once, beside whoever writes it, and hands it in blocks to every `Consumer`; nothing is locked or
written, and all of it can be made anew by reading again.  A view is a consumer with questions of its own:

    class Amounts:                                   a Consumer
        def take(self, block):                       events without a gap under one set of versions, and records before them
            self.total += int(block.rows[:, Col.AMOUNT_FEN].sum())

    follower = Follower(folder, [amounts, ...])
    follower.catch_up(progress)                      everything that is durable now
    follower.follow()                                what came since; called again and again by the thread of `Views`

The product's own: `Live` (the newest decisions, counts by minute), `Known` (where an event lies, what became of it), `Entities`
(how many decisions an identifier was part of), `LinkStore` (who is linked with whom).
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.views.blocks import BLOCK_EVENTS, Block
    from tarim.views.entities import Entities, Tally
    from tarim.views.features import FeatureSeen, features_seen
    from tarim.views.feed import Entry, Page
    from tarim.views.follower import Follower, Progress
    from tarim.views.known import Became, Known, LabelSeen
    from tarim.views.links import (
        ALL_KINDS,
        ALL_RELATIONS,
        FOREVER_MS,
        Crowd,
        Entity,
        EntityKind,
        Filters,
        Hop,
        Link,
        LinkGraph,
        LinkStore,
        MoneyPath,
        Node,
        Question,
        Relation,
        Seen,
        Step,
        Sums,
        graph_around,
        shortest_path,
    )
    from tarim.views.live import RATE_S, WINDOWS, Figures, Live
    from tarim.views.minutes import Total, Trend
    from tarim.views.ports import Consumer
    from tarim.views.rule_hits import HitFigures, HitsOfRule, HitSpan, RuleHits
    from tarim.views.rulebook import RuleBook, TextOf
    from tarim.views.views import CURRENT_S_MAX, Views, ViewsState
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "ALL_KINDS",
    "ALL_RELATIONS",
    "BLOCK_EVENTS",
    "Became",
    "Block",
    "CURRENT_S_MAX",
    "Consumer",
    "Crowd",
    "Entities",
    "Entity",
    "EntityKind",
    "Entry",
    "FOREVER_MS",
    "FeatureSeen",
    "Figures",
    "Filters",
    "Follower",
    "HitFigures",
    "HitSpan",
    "HitsOfRule",
    "Hop",
    "Known",
    "LabelSeen",
    "Link",
    "LinkGraph",
    "LinkStore",
    "Live",
    "MoneyPath",
    "Node",
    "Page",
    "Progress",
    "Question",
    "RATE_S",
    "Relation",
    "RuleBook",
    "RuleHits",
    "Seen",
    "Step",
    "Sums",
    "Tally",
    "TextOf",
    "Total",
    "Trend",
    "Views",
    "ViewsState",
    "WINDOWS",
    "features_seen",
    "graph_around",
    "shortest_path",
]
