"""Keeps a trail honest: anchors it now and then, and examines it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tarim.audit.adapters.anchor_file import AnchorFile
from tarim.audit.adapters.store import Store
from tarim.audit.domain.anchors import Anchor, Seal, is_genuine, signed_anchor
from tarim.audit.domain.chain import Chained
from tarim.audit.domain.examine import Report, examine
from tarim.audit.domain.unfinished import Unfinished
from tarim.base.errors import Damaged
from tarim.base.instants import Clock


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and acts of which only the beginning is known."""

    report: Report
    unfinished: Sequence[Chained]


class Keeper:
    """One trail, its anchors, and the key they are signed with."""

    def __init__(self, store: Store, anchors: AnchorFile, seal: Seal, clock: Clock) -> None:
        self.store = store
        self.anchors = anchors
        self.seal = seal
        self._clock = clock

    def anchor(self) -> Anchor | None:
        """The newest anchor, made now when entries came since the last; None for a trail without entries.

        Raises Damaged when the trail is not what was anchored last, or its end is not what its mark says; Unavailable.
        """
        with self.anchors.alone():
            newest, head = self.anchors.newest(), self.store.head()
            if newest is not None:
                self._compare(newest, head.seq)
            if head.seq == (newest.seq if newest else 0):
                return newest
            last = self.store.at(head.seq)
            if last is None or last.digest != head.digest:
                raise Damaged("the end of the audit trail is not what its mark says; look with: tarim audit verify")
            made = signed_anchor(head.seq, head.digest, self._clock.now_ms(), self.seal)
            self.anchors.append(made)
            return made

    def _compare(self, newest: Anchor, seq: int) -> None:
        """The trail with its newest anchor, which retention may have left behind."""
        if not is_genuine(newest, self.seal):
            raise Damaged(f"the newest anchor in {self.anchors.path} is not this installation's")
        dropped = max((bridge.last_seq for bridge in self.store.bridges()), default=0)
        found = self.store.at(newest.seq)
        if newest.seq > dropped and (newest.seq > seq or found is None or found.digest.hex() != newest.head):
            raise Damaged("the audit trail is not what was anchored; look with: tarim audit verify")

    def examine(self, kept_elsewhere: Sequence[Anchor] = ()) -> Examination:
        """Walk the whole trail.  kept_elsewhere: anchors that others kept.  Raises Unavailable, Damaged (file of anchors)."""
        anchors, (marked, last) = [*self.anchors.read(), *kept_elsewhere], self.store.ends()
        unfinished = Unfinished()
        entries = unfinished.watch(self.store.read(first=-(1 << 62), last=last))  # not what comes meanwhile
        report = examine(entries, anchors, self.store.bridges(), marked, self.seal)
        return Examination(report, list(unfinished.open.values()))
