"""Where does a segment end, and is what follows a torn write or damage?

A crash or power cut may leave the blocks written since the last commit in any state: whole, absent, in pieces, in any
order.  What was committed before is whole.  So the walk stops at the first block that is not whole, and asks for
evidence that this place had been durable:

    the durable mark (a hint kept by the writer) lies beyond it                     damage
    a whole block further on says that it was durable when that block was written   damage
    its header is neither whole nor absent (one sector), and something follows it   damage
    its header is whole, its content is not, and no part of it is absent            damage
    otherwise                                                                       torn, may be cut
"""

from __future__ import annotations

from dataclasses import dataclass

from tarim.journal.domain.blocks import (
    BLOCK_ALIGN,
    ENDING,
    FOOTER_KIND,
    HEADER_BYTES,
    SECTOR_BYTES,
    BlockHeader,
    Bytes,
    SegmentHeader,
    block_bytes,
    content_matches,
    ends_well,
    parse_block_header,
)

_ZEROS = bytes(1 << 16)


@dataclass(slots=True)
class Tail:
    """The end of a segment.

    offset       first byte after the last whole block
    next_seq     position after it
    digest       chain digest there
    entries      sparse index of the blocks walked
    sealed       the walk ended at a whole footer
    torn_bytes   length of what may be cut, up to the last byte that is not zero
    damage       why it must not be cut, "" when all is well
    """

    offset: int
    next_seq: int
    digest: bytes
    entries: list[tuple[int, int]]
    sealed: bool = False
    torn_bytes: int = 0
    damage: str = ""


def find_tail(data: Bytes, segment: SegmentHeader, durable_seq: int, index_stride_bytes: int) -> Tail:
    """Walk the blocks of an unsealed segment and judge what follows them.

    data: the whole file.  durable_seq: positions below it are known to have been durable; 0 when nothing is known.
    """
    tail = Tail(HEADER_BYTES, segment.first_seq, segment.previous, [])
    entry_at = -index_stride_bytes
    while True:
        header = whole_block(data, tail.offset, tail.next_seq, tail.digest)
        if header is None:
            break
        if header.kind != FOOTER_KIND and tail.offset - entry_at >= index_stride_bytes:
            tail.entries.append((header.first_seq, tail.offset))
            entry_at = tail.offset
        tail.offset += block_bytes(header.payload_bytes)
        tail.next_seq += header.count
        tail.digest = header.digest
        if header.kind == FOOTER_KIND:
            tail.sealed = True
            break
    tail.torn_bytes = _used_bytes(data, tail.offset)
    if not tail.sealed or tail.torn_bytes:
        tail.damage = _damage(data, tail, durable_seq)
    elif tail.next_seq < durable_seq:
        tail.damage = _missing(tail.next_seq, durable_seq)
    return tail


def whole_block(data: Bytes, offset: int, seq: int, previous: bytes) -> BlockHeader | None:
    """The block at `offset` if it is whole and follows position and digest; None otherwise."""
    header = parse_block_header(data, offset)
    if header is None or header.first_seq != seq or header.previous != previous:
        return None
    if not content_matches(data, offset, header) or not ends_well(data, offset, header):
        return None
    return header


def _missing(next_seq: int, durable_seq: int) -> str:
    return f"positions {next_seq} to {durable_seq - 1} had been committed and are missing"


def _damage(data: Bytes, tail: Tail, durable_seq: int) -> str:
    """Why the bytes after the tail's last whole block are damage; "" when they are torn, or nothing."""
    if durable_seq > tail.next_seq:
        return _missing(tail.next_seq, durable_seq)
    if not tail.torn_bytes:
        return ""
    offset = tail.offset
    header = parse_block_header(data, offset)
    if header is None:
        if tail.torn_bytes > HEADER_BYTES and any(data[offset : offset + HEADER_BYTES]):
            return "the header of a block is damaged"
    elif header.first_seq != tail.next_seq or header.previous != tail.digest:
        return "a block does not follow the one before it"
    elif not _has_absent_part(data, offset, header):
        return "the content of a block differs from its digest"
    later = _later_durable_seq(data, offset + BLOCK_ALIGN, tail.next_seq)
    return _missing(tail.next_seq, later) if later > tail.next_seq else ""


def _has_absent_part(data: Bytes, offset: int, header: BlockHeader) -> bool:
    """Whether the file or the write ended too early, or a sector of the payload never reached the disk (reads as zeros)."""
    start = offset + HEADER_BYTES
    end = start + header.payload_bytes
    if offset + block_bytes(header.payload_bytes) > len(data) or not data[end + len(ENDING) - 1]:
        return True
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if not any(data[start:stop]):
            return True
        start = stop
    return False


def _later_durable_seq(data: Bytes, offset: int, seq: int) -> int:
    """The largest durable position that whole blocks from `offset` on testify to; 0 when there is none."""
    best = 0
    while (offset := _next_nonzero(data, offset)) < len(data):
        offset -= offset % BLOCK_ALIGN
        header = parse_block_header(data, offset)
        if header is not None and header.first_seq >= seq and content_matches(data, offset, header):
            best = max(best, header.durable_seq)
            offset += block_bytes(header.payload_bytes)
        else:
            offset += BLOCK_ALIGN
    return best


def _next_nonzero(data: Bytes, offset: int) -> int:
    """Offset of a byte that is not zero at or shortly before it, from `offset` on; len(data) when there is none."""
    while offset < len(data):
        chunk = bytes(data[offset : offset + len(_ZEROS)])
        if chunk != _ZEROS[: len(chunk)]:
            return offset + len(chunk) - len(chunk.lstrip(b"\0"))
        offset += len(chunk)
    return len(data)


def _used_bytes(data: Bytes, offset: int) -> int:
    """Length from `offset` to the last byte that is not zero."""
    end = len(data)
    while end > offset:
        start = max(offset, end - len(_ZEROS))
        chunk = bytes(data[start:end])
        if chunk != _ZEROS[: len(chunk)]:
            return start + len(chunk.rstrip(b"\0")) - offset
        end = start
    return 0
