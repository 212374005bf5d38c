"""Looking at a journal from outside: `verify` walks everything, `describe` only the headers.

Both only read, need no lock, and may run beside a writer.  Segments are read, not mapped: a writer may cut the end of
the last one off at any moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tarim.base.errors import Damaged, FieldError, NotFound, TarimError
from tarim.journal.adapters.folder import Mark, cannot, list_segments, read_anchor
from tarim.journal.domain.blocks import (
    DIGEST_BYTES,
    FOOTER_KIND,
    HEADER_BYTES,
    SegmentHeader,
    block_bytes,
    content_matches,
    ends_well,
    find_footer,
    genesis,
    parse_block_header,
    parse_segment_header,
    segment_name,
)
from tarim.journal.domain.tails import find_tail
from tarim.journal.domain.values import INDEX_STRIDE_BYTES, Finding, VerifyReport


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """One segment: its positions, bytes used, bytes on disk, and whether it is sealed."""

    name: str
    first_seq: int
    next_seq: int
    used_bytes: int
    file_bytes: int
    sealed: bool


@dataclass(frozen=True, slots=True)
class JournalInfo:
    """A journal from outside.  Per kind: records and positions."""

    journal_id: str
    durable_seq: int
    segments: tuple[SegmentInfo, ...]
    records_by_kind: dict[int, int]
    positions_by_kind: dict[int, int]


@dataclass(slots=True)
class _Walk:
    """The state of a verification between two blocks."""

    seq: int
    previous: bytes
    journal_id: bytes
    durable_seq: int | None
    expected: bytes | None
    records_count: int = 0
    bytes_count: int = 0
    tail_bytes: int = 0
    expected_seq: int | None = None
    findings: list[Finding] = field(default_factory=list)

    def find(self, segment: str, offset: int, text: str) -> None:
        self.findings.append(Finding(segment, offset, self.seq, text))

    def met(self, digest: bytes) -> None:
        self.previous = digest
        if digest == self.expected:
            self.expected_seq = self.seq


def verify(folder: Path, *, expect: str = "", progress: Callable[[int], None] | None = None) -> VerifyReport:
    """Walk every block of every segment: digests, chain, positions, seals, anchor and mark.

    expect: a digest kept from earlier (hexadecimal); it is a finding when the chain never passes through it.
    progress: called with the bytes of each segment walked.  Raises NotFound when there is no journal in the folder.
    """
    folder = Path(folder)
    expected = _parse_digest(expect) if expect else None
    mark_trouble, durable_seq = _mark_of(folder)  # before the list: a writer only moves ahead
    firsts = _segments_or_refuse(folder)
    walk = _Walk(firsts[0], b"", b"", durable_seq, expected)
    if mark_trouble:
        walk.find("durable", 0, mark_trouble)
    try:
        anchor = read_anchor(folder)
    except Damaged as error:
        walk.find("anchor", 0, error.detail)
        anchor = None
    if anchor is not None:
        while len(firsts) > 1 and firsts[1] <= anchor[0]:
            firsts.pop(0)  # a drop that a crash had interrupted
    walk.seq = firsts[0]
    for index, first_seq in enumerate(firsts):
        _verify_segment(folder, first_seq, walk, anchor, last=index == len(firsts) - 1, first=index == 0)
        if progress is not None:
            progress((folder / segment_name(first_seq)).stat().st_size)
    if durable_seq is not None and walk.seq < durable_seq and not walk.findings:
        walk.find(
            segment_name(firsts[-1]), 0, f"positions {walk.seq} to {durable_seq - 1} had been committed and are missing"
        )
    if expected is not None and walk.expected_seq is None:
        walk.find("", 0, "the chain does not pass through the expected digest")
    return VerifyReport(
        segments_count=len(firsts),
        records_count=walk.records_count,
        bytes_count=walk.bytes_count,
        first_seq=firsts[0],
        next_seq=walk.seq,
        digest=walk.previous.hex(),
        tail_bytes=walk.tail_bytes,
        findings=tuple(walk.findings),
        expected_seq=walk.expected_seq,
    )


def describe(folder: Path) -> JournalInfo:
    """Segments, positions, sizes and kinds, from the headers only.  Raises NotFound, Damaged."""
    folder = Path(folder)
    _, durable_seq = _mark_of(folder)
    records: Counter[int] = Counter()
    positions: Counter[int] = Counter()
    segments: list[SegmentInfo] = []
    journal_id = ""
    for first_seq in _segments_or_refuse(folder):
        path = folder / segment_name(first_seq)
        data = memoryview(_read(path))
        head = parse_segment_header(data[:HEADER_BYTES])
        if head is None:
            raise Damaged(f"{path.name} offset 0: the segment's header is damaged")
        journal_id = head.journal_id.hex()
        offset, seq, sealed = HEADER_BYTES, first_seq, False
        while not sealed and (block := parse_block_header(data, offset)) is not None:
            offset += block_bytes(block.payload_bytes)
            sealed = block.kind == FOOTER_KIND
            if not sealed:
                seq += block.count
                records[block.kind] += 1
                positions[block.kind] += block.count
        segments.append(SegmentInfo(path.name, first_seq, seq, offset, len(data), sealed))
    end = segments[-1].next_seq if durable_seq is None else durable_seq
    return JournalInfo(journal_id, end, tuple(segments), dict(sorted(records.items())), dict(sorted(positions.items())))


def _verify_segment(
    folder: Path, first_seq: int, walk: _Walk, anchor: tuple[int, bytes] | None, *, first: bool, last: bool
) -> None:
    """Walk one segment.  After a finding the walk goes on where the segment's own bytes allow it."""
    name = segment_name(first_seq)
    data = memoryview(_read(folder / name))
    head = parse_segment_header(data[:HEADER_BYTES])
    if head is None or head.first_seq != first_seq:
        walk.find(name, 0, "the segment's header is damaged")
        head = SegmentHeader(walk.journal_id, first_seq, len(data), b"")
    elif first:
        walk.journal_id = head.journal_id
        start, previous = anchor if anchor is not None else (0, genesis(head.journal_id))
        if first_seq != start:
            walk.find(name, 0, f"the journal should start at position {start}")
        elif head.previous != previous:
            walk.find(name, 0, "the first segment does not follow the chain's start")
    elif head.first_seq != walk.seq:
        walk.find(name, 0, f"positions {walk.seq} to {first_seq - 1} are missing before this segment")
    elif head.previous != walk.previous or head.journal_id != walk.journal_id:
        walk.find(name, 0, "the segment does not follow the one before it")
    walk.seq = first_seq
    walk.met(head.previous)
    offset = _verify_blocks(data, name, walk, sealed=not last)
    walk.bytes_count += offset
    if last:
        _verify_end(data, name, offset, head, walk)
    elif offset != len(data):
        walk.find(name, offset, "a sealed segment does not end in its footer")
        footer = find_footer(data)
        if footer is not None:
            walk.seq = footer[1].first_seq
            walk.met(footer[1].digest)


def _verify_blocks(data: memoryview, name: str, walk: _Walk, *, sealed: bool) -> int:
    """Walk blocks as far as their headers lead; gives the offset after the last one (after the footer if met)."""
    offset = HEADER_BYTES
    while (header := parse_block_header(data, offset)) is not None:
        if header.first_seq != walk.seq or (walk.previous and header.previous != walk.previous):
            walk.find(name, offset, "a block does not follow the one before it")
            if header.first_seq != walk.seq:
                break
        whole = content_matches(data, offset, header) and ends_well(data, offset, header)
        if not whole:
            if not sealed and (walk.durable_seq is None or walk.seq >= walk.durable_seq):
                break  # the end of the journal: _verify_end judges it
            walk.find(name, offset, "the content of a block differs from its digest")
        offset += block_bytes(header.payload_bytes)
        if header.kind == FOOTER_KIND:
            walk.met(header.digest)
            break
        walk.seq += header.count
        walk.records_count += 1
        walk.met(header.digest)
    return offset


def _verify_end(data: memoryview, name: str, offset: int, head: SegmentHeader, walk: _Walk) -> None:
    """What lies behind the last block: nothing, a tail that may be cut, or damage."""
    if any(finding.segment == name for finding in walk.findings):
        return
    tail = find_tail(data, head, walk.durable_seq or 0, INDEX_STRIDE_BYTES)
    walk.tail_bytes = tail.torn_bytes
    if tail.damage:
        walk.find(name, tail.offset, tail.damage)


def _segments_or_refuse(folder: Path) -> list[int]:
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    firsts = list_segments(folder)
    if not firsts:
        raise NotFound(f"there is no journal in {folder}")
    return firsts


def _mark_of(folder: Path) -> tuple[str, int | None]:
    """(trouble, durable position); None without a mark."""
    try:
        mark = Mark.look(folder)
        if mark is None:
            return "", None
        durable_seq = mark.get()
        mark.close()
    except TarimError as error:
        return error.detail, None
    return "", durable_seq


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot("read", path, error) from error


def _parse_digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise FieldError("expect", f"must be {2 * DIGEST_BYTES} hexadecimal digits")
    return digest
