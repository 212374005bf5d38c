"""Who is shown in a graph.

The subject and what was asked to be expanded show their most telling neighbours, and everybody else as crowds.  Further hops
add the most telling neighbours of those, a few of each and none of a hub's, as long as there is room.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.base.errors import NotFound
from tarim.views.links.choosing import Crowded, distinct, most_telling, without
from tarim.views.links.domain import Entity, EntityKind, Ints, Question
from tarim.views.links.kernels.linking import CENTRE
from tarim.views.links.looking import Neighbours, events_of
from tarim.views.links.store import Seen

HUB_LINKS: Final = 200
"""An entity with more neighbours is a hub: everybody is near it, so it says little of two of them.  So is every merchant."""
HUB_EVENTS: Final = 20_000
"""One with more events is taken for a hub without looking."""
FAN: Final = 8
"""Neighbours of its own that an entity brings in that nobody asked to expand."""
NEAR_SHARE: Final = 0.6
"""Of the room for nodes, what the subject's neighbours may take when there are further hops."""


class Selection:
    """shown: the subject first, then in the order in which they came in; hop_of: of each; hubs: of them.

    asked: the subject and what was asked to be expanded, which stand first in `shown`; crowds: their other neighbours, CENTRE
    a place in `shown`.  events: how many events of the window carry each that is shown.
    """

    def __init__(self, seen: Seen, question: Question) -> None:
        """Raises NotFound when no event carries the subject."""
        self._seen, self._filters = seen, question.filters
        self.asked = list(dict.fromkeys((question.subject, *question.also)))
        self.shown = list(self.asked)
        self.hop_of = {entity: min(place, 1) for place, entity in enumerate(self.asked)}
        self._show(list(question.kept), 1)
        self.hubs: set[Entity] = set()
        if not seen.carries(question.subject):
            raise NotFound("no event that the link graph holds carries this entity")
        own = Neighbours(seen, question.filters, self.asked).rows
        self._looked: list[tuple[list[Entity], Ints]] = [(self.asked, own)]
        self._show_near(own, question)
        for hop in range(2, question.hops + 1):
            self._show_further(own, hop, question)
        self.crowds = Crowded(seen, without(own, self.shown))
        self.events = events_of(seen, question.filters, self.shown)

    def hidden(self) -> dict[Entity, int]:
        """How many neighbours are not shown, of each that was looked at."""
        found: dict[Entity, int] = {}
        for entities, rows in self._looked:
            others = without(rows, self.shown)
            for place, entity in enumerate(entities):
                found[entity] = distinct(others[others[:, CENTRE] == place])
        return found

    def _show(self, entities: list[Entity], hop: int) -> None:
        for entity in entities:
            if entity not in self.hop_of:
                self.hop_of[entity] = hop
                self.shown.append(entity)

    def _show_near(self, own: Ints, question: Question) -> None:
        others = without(own, self.shown)
        room = question.nodes_max - len(self.shown)
        if distinct(others) > room:
            room -= len(Crowded(self._seen, others))
            room = int(room * NEAR_SHARE) if question.hops > 1 else room
        self._show(most_telling(self._seen, others, room), 1)
        self._show(Crowded(self._seen, without(own, self.shown)).alone, 1)

    def _show_further(self, own: Ints, hop: int, question: Question) -> None:
        front = [entity for entity in self.shown if self.hop_of[entity] == hop - 1 and entity not in self.asked]
        counted = events_of(self._seen, self._filters, front).tolist()
        self.hubs |= {
            entity
            for entity, events in zip(front, counted, strict=True)
            if events > HUB_EVENTS or entity.kind is EntityKind.MERCHANT
        }
        front = [entity for entity in front if entity not in self.hubs]
        room = question.nodes_max - len(self.shown) - len(Crowded(self._seen, without(own, self.shown)))
        if not front or room <= 0:
            return
        rows = Neighbours(self._seen, self._filters, front).rows
        self._looked.append((front, rows))
        degrees = np.bincount(rows[:, CENTRE], minlength=len(front))
        self.hubs |= {entity for entity, links in zip(front, degrees.tolist(), strict=True) if links > HUB_LINKS}
        others = without(rows[degrees[rows[:, CENTRE]] <= HUB_LINKS], self.shown)
        self._show(most_telling(self._seen, others, room if hop == question.hops else room // 2, FAN), hop)
