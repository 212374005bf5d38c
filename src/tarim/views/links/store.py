"""The link store: every event of the journal's newest end, found by whom it carries.

Events come in the journal's order and lie in parts: small ones are made as they come, and four of a size are put together to
one four times as large, up to PART_EVENTS.  So an event is sorted a few times in its life, a late one is in its place like
any other, and what a question reads never changes under it: it takes the list of parts and needs no lock after that.  Which
event lies in which part is seen in no answer.

The store is bounded: above `events_max` the oldest part goes, and answers say from when on they are complete.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.stream import Col, Kind
from tarim.views.blocks import Block
from tarim.views.links.domain import Entity, EntityKind, Ints
from tarim.views.links.kernels.parts import ACCOUNT, CUSTOMER
from tarim.views.links.parts import Part, Raw

TAIL_EVENTS: Final = 4_096
"""Events that wait to become a part; a question makes a part of those there are."""
TOGETHER: Final = 4
PART_EVENTS: Final = 1 << 18
"""Events of the largest part."""
EVENTS_MAX: Final = 5_000_000
CUSTOMERS_ASKED: Final = 3
LABELS_MAX: Final = 1_000_000
"""Events whose label is kept; the earliest labelled goes first."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a question reads: parts, tokens of convicted accounts ascending, and as `LinkGraph` has them the other two."""

    parts: tuple[Part, ...]
    convicted: Ints
    complete_from_ms: int
    end_seq: int

    def convicted_among(self, kinds: Ints, tokens: Ints) -> Mask:
        """Which of some entities are convicted, bool (k,): a label `fraud` stands on a payment to them."""
        if not len(self.convicted):
            return np.zeros(len(tokens), np.bool_)
        place = np.minimum(np.searchsorted(self.convicted, tokens), len(self.convicted) - 1)
        found: Mask = (kinds == EntityKind.ACCOUNT) & (self.convicted[place] == tokens)
        return found

    def carries(self, entity: Entity) -> bool:
        """Whether any event in the store carries it."""
        kinds, tokens = np.array([entity.kind], np.int64), np.array([entity.token], np.int64)
        return any(part.numbers(kinds, tokens)[0] >= 0 for part in self.parts)

    def customers_of(self, entities: Collection[Entity]) -> Iterator[list[int]]:
        """For each entity a few customers (tokens) with whom it was seen, in parts of the journal's newest end first."""
        listed = list(entities)
        kinds = np.fromiter((entity.kind for entity in listed), np.int64, len(listed))
        tokens = np.fromiter((entity.token for entity in listed), np.int64, len(listed))
        found: list[dict[int, None]] = [{} for _ in listed]
        for part in reversed(self.parts):
            numbers = part.numbers(kinds, tokens)
            for place in np.flatnonzero(numbers >= 0).tolist():
                if len(found[place]) < CUSTOMERS_ASKED:
                    found[place] |= dict.fromkeys(part.customers_of(int(numbers[place]), CUSTOMERS_ASKED))
        yield from (list(each)[:CUSTOMERS_ASKED] for each in found)

    def entity_of_event(self, seq: int) -> Entity | None:
        """Who acted in the event at a position of the journal: its account, else its customer."""
        for part in self.parts:
            if found := part.entities_of(seq):
                return found.get(ACCOUNT) or found.get(CUSTOMER)
        return None


class LinkStore:
    """A consumer of the journal (`tarim.views.Consumer`); one thread gives, any thread asks."""

    def __init__(self, events_max: int = EVENTS_MAX) -> None:
        self._events_max = events_max
        self._lock = threading.Lock()
        self._sizes: list[int] = []  # of each part: 0 for the smallest, 1 for TOGETHER of them, ...
        self._parts: list[Part] = []
        self._tail: list[Raw] = []
        self._tail_part: Part | None = None
        self._tail_events = 0
        self._events = 0
        self._fraud_of: dict[int, int] = {}  # position of an event -> payee's token, 0 for genuine; latest label last
        self._convicted: Ints | None = None
        self._complete_from_ms = 0
        self._end_seq = 0

    def __len__(self) -> int:
        """Events in it."""
        return self._events

    @property
    def size_bytes(self) -> int:
        """What the parts take; events that wait are not counted."""
        with self._lock:
            return sum(part.size_bytes for part in self._parts)

    def take(self, block: Block) -> None:
        """Take in a block of the journal; see `tarim.views.Consumer`."""
        rows = block.rows
        raw = Raw.of_rows(rows, block.first_seq)
        labels = rows[(rows[:, Col.KIND] == Kind.LABEL) & (rows[:, Col.REFERS_SEQ] >= 0)]
        with self._lock:
            self._end_seq = block.first_seq + len(block)
            if len(labels):
                self._learn(labels[:, (Col.REFERS_SEQ, Col.LABEL, Col.PAYEE)].tolist())
            if not len(raw):
                return
            self._tail.append(raw)
            self._tail_events += len(raw)
            self._tail_part = None
            self._events += len(raw)
            full = self._tail_events >= TAIL_EVENTS
        if full:
            self._settle()

    def seen(self) -> Seen:
        """What can be asked now."""
        with self._lock:
            if self._tail_part is None and self._tail:
                self._tail_part = Part.of(Raw.joined(self._tail))
            if self._convicted is None:
                payees = np.fromiter(self._fraud_of.values(), np.int64, len(self._fraud_of))
                self._convicted = np.unique(payees[payees != 0])
            parts = (*self._parts, self._tail_part) if self._tail_part else tuple(self._parts)
            return Seen(parts, self._convicted, self._complete_from_ms, self._end_seq)

    def _learn(self, labels: list[list[int]]) -> None:
        """Take in labels: (position of the event, 1 fraud or 0 genuine, payee's token); the latest about an event holds."""
        for refers_seq, fraud, payee in labels:
            self._fraud_of.pop(refers_seq, None)
            self._fraud_of[refers_seq] = payee if fraud == 1 else 0
        while len(self._fraud_of) > LABELS_MAX:
            del self._fraud_of[next(iter(self._fraud_of))]
        self._convicted = None

    def _settle(self) -> None:
        """Make a part of what waits, put parts together, and let the oldest go.  Only the thread that gives calls it."""
        sizes, parts = [*self._sizes, 0], [*self._parts, Part.of(Raw.joined(self._tail))]
        while (
            sizes[-TOGETHER:] == [sizes[-1]] * TOGETHER and sum(len(part) for part in parts[-TOGETHER:]) <= PART_EVENTS
        ):
            joined = Part.of(Raw.joined([part.raw() for part in parts[-TOGETHER:]]))
            sizes[-TOGETHER:], parts[-TOGETHER:] = [sizes[-1] + 1], [joined]
        dropped_ms = 0
        events = sum(map(len, parts))
        while events > self._events_max and len(parts) > 1:
            dropped_ms = max(dropped_ms, int(parts[0].times_ms[-1]) + 1)
            events -= len(parts[0])
            del sizes[0], parts[0]
        with self._lock:
            self._sizes, self._parts, self._events = sizes, parts, events
            self._tail, self._tail_part, self._tail_events = [], None, 0
            self._complete_from_ms = max(self._complete_from_ms, dropped_ms)
