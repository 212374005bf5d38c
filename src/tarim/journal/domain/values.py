"""What the journal gives and takes: limits, records, and the reports of recovery and verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tarim.base.errors import DefinitionError
from tarim.journal.domain.blocks import BLOCK_ALIGN, HEADER_BYTES, block_bytes, footer_bytes_max

KIND_MAX = 0xFFFF
COUNT_MAX = 1 << 30
INDEX_STRIDE_BYTES = 16 << 10


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """Sizes of the journal; all of them are maxima or fixed sizes, in bytes.

    segment_bytes       a segment file is preallocated to this size, so that a commit never waits for allocation
    block_bytes_max     largest payload of one append
    index_stride_bytes  one entry of the in-memory index per this many bytes: `read_at` walks no further than that
    free_bytes_min      a new segment is refused when the disk would be left with less than this
    segments_max        more segments than this are refused; drop or archive old ones
    """

    segment_bytes: int = 64 << 20
    block_bytes_max: int = 32 << 20
    index_stride_bytes: int = INDEX_STRIDE_BYTES
    free_bytes_min: int = 64 << 20
    segments_max: int = 1_000_000

    def __post_init__(self) -> None:
        if self.segment_bytes % BLOCK_ALIGN or not 1024 <= self.segment_bytes <= 1 << 30:
            raise DefinitionError(f"segment_bytes must be a multiple of {BLOCK_ALIGN} between 1 KiB and 1 GiB")
        if self.index_stride_bytes < BLOCK_ALIGN:
            raise DefinitionError(f"index_stride_bytes must be at least {BLOCK_ALIGN}")
        if self.block_bytes_max < 1 or self.free_bytes_min < 0 or self.segments_max < 1:
            raise DefinitionError("block_bytes_max and segments_max must be positive, free_bytes_min not negative")
        room = self.segment_bytes - HEADER_BYTES - footer_bytes_max(self.segment_bytes, self.index_stride_bytes)
        if block_bytes(self.block_bytes_max) > room:
            raise DefinitionError(
                f"block_bytes_max must leave a segment room for its header and footer: at most {room}"
            )


class Record(NamedTuple):
    """One appended record: positions first_seq ... first_seq + count - 1.

    `payload` looks into the mapped segment without copying; it stays valid as long as it is held.
    """

    first_seq: int
    count: int  # type: ignore[assignment]  # positions taken, not tuple.count
    kind: int
    payload: memoryview

    @property
    def next_seq(self) -> int:
        """The position after this record."""
        return self.first_seq + self.count


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening found and did.

    truncated_bytes  length of the torn tail that was cut (0 after a clean stop); never anything committed
    segment, offset  where the cut was made, "" and 0 when nothing was cut
    next_seq         the position the next record gets
    """

    truncated_bytes: int
    next_seq: int
    segment: str = ""
    offset: int = 0

    def __str__(self) -> str:
        if not self.truncated_bytes:
            return f"journal is whole, next position {self.next_seq}"
        return (
            f"cut a torn tail of {self.truncated_bytes} bytes at {self.segment} offset {self.offset}; "
            f"next position {self.next_seq}"
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where: segment file name, byte offset in it, journal position."""

    segment: str
    offset: int
    seq: int
    text: str

    def __str__(self) -> str:
        return f"{self.segment} offset {self.offset} position {self.seq}: {self.text}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` saw.

    first_seq, next_seq  positions kept: first_seq ... next_seq - 1
    digest               the chain's digest at the end, hexadecimal; keep it elsewhere to prove the journal later
    tail_bytes           bytes after the last durable position: a writer at work, or a torn tail not yet cut
    expected_seq         position right after which the expected digest was met; None when not asked or not met
    """

    segments_count: int
    records_count: int
    bytes_count: int
    first_seq: int
    next_seq: int
    digest: str
    tail_bytes: int
    findings: tuple[Finding, ...]
    expected_seq: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
