"""Laws of the journal under any sequence of acts: appending, committing, rolling, crashing, reopening, dropping."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tarim.journal import FolderReader, Journal, JournalLimits, verify

LIMITS = JournalLimits(segment_bytes=4096, block_bytes_max=1024, index_stride_bytes=256, free_bytes_min=0)


class JournalMachine(RuleBasedStateMachine):
    """A journal beside a list of what it must hold.  `committed` counts the records that may never be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-machine-"))
        self.model: list[tuple[int, int, int, bytes]] = []
        self.committed = 0
        self.first_seq = 0
        self.next_seq = 0

    @initialize()
    def open(self) -> None:
        self.journal = Journal.open(self.folder, LIMITS)

    @rule(
        payload=st.binary(max_size=900),
        parts=st.integers(1, 3),
        kind=st.integers(1, 0xFFFF),
        count=st.integers(1, 300),
    )
    def append(self, payload: bytes, parts: int, kind: int, count: int) -> None:
        cut = len(payload) // parts
        first_seq = self.journal.append(kind, [payload[:cut], memoryview(payload)[cut:]], count)
        assert first_seq == self.next_seq
        self.model.append((first_seq, count, kind, payload))
        self.next_seq += count

    @rule(bytes_count=st.integers(0, 2000))
    def reserve(self, bytes_count: int) -> None:
        self.journal.reserve(bytes_count)

    @rule()
    def commit(self) -> None:
        assert self.journal.commit() == self.next_seq
        self.committed = len(self.model)

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.committed = len(self.model)
        self.journal = Journal.open(self.folder, LIMITS)
        assert self.journal.recovery.truncated_bytes == 0

    @rule(data=st.data())
    def power_cut(self, data: st.DataObject) -> None:
        """The folder as the disk has it: what was synced, plus any prefix of sectors of the rest, other sectors zero."""
        self.journal._release()
        last = max(self.folder.glob("*.seg"))
        content = bytearray(last.read_bytes())
        durable_end = self._end_of(self.model[: self.committed], int(last.stem))
        sector = -(-durable_end // 512)
        while sector * 512 < len(content):
            start = max(sector * 512, durable_end)
            stop = (sector + 1) * 512
            if any(content[start:stop]) and data.draw(st.booleans(), label=f"sector {sector} lost"):
                content[start:stop] = bytes(stop - start)
            sector += 1
        last.write_bytes(content)
        self.journal = Journal.open(self.folder, LIMITS)
        kept = [entry for entry in self.model if entry[0] < self.journal.next_seq]
        assert len(kept) >= self.committed, "a committed record was lost"
        self.model = kept
        self.committed = len(kept)
        self.next_seq = self.journal.next_seq
        assert self.next_seq == (kept[-1][0] + kept[-1][1] if kept else self.first_seq)

    @staticmethod
    def _end_of(entries: list[tuple[int, int, int, bytes]], segment_first_seq: int) -> int:
        """Offset after the blocks of these entries that lie in the segment."""
        inside = [payload for first_seq, _, _, payload in entries if first_seq >= segment_first_seq]
        return 128 + sum(-(-(136 + len(payload)) // 128) * 128 for payload in inside)

    @precondition(lambda self: self.model)
    @rule(share=st.floats(0, 1))
    def drop(self, share: float) -> None:
        seq = int(self.first_seq + share * (self.next_seq - self.first_seq))
        kept = self.journal.drop_before(seq)
        assert self.first_seq <= kept
        assert kept <= max(seq, self.first_seq)
        dropped = sum(entry[0] < kept for entry in self.model)
        self.model = self.model[dropped:]
        self.committed = max(0, self.committed - dropped)
        self.first_seq = kept

    @precondition(lambda self: self.committed)
    @rule(share=st.floats(0, 1, exclude_max=True))
    def read_somewhere(self, share: float) -> None:
        entry = self.model[int(share * self.committed)]
        seq = entry[0] + int(share * entry[1])
        record = self.journal.read_at(seq)
        assert (record.first_seq, record.count, record.kind, bytes(record.payload)) == entry

    @rule()
    def verify(self) -> None:
        assert verify(self.folder).findings == ()

    @invariant()
    def what_is_committed_is_read(self) -> None:
        if not hasattr(self, "journal"):
            return
        durable = [entry for entry in self.model if entry[0] < self.journal.durable_seq]
        assert len(durable) >= self.committed
        for reader in (self.journal, FolderReader(self.folder)):
            records = [(r.first_seq, r.count, r.kind, bytes(r.payload)) for r in reader.read(self.first_seq)]
            assert records == durable
            assert reader.durable_seq == self.journal.durable_seq

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            assert verify(self.folder).ok
        shutil.rmtree(self.folder, ignore_errors=True)


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
