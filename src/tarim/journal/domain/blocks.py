"""The bytes of a segment: a header, blocks, and a footer once it is sealed.  Little endian throughout.

    segment    name: first position in 20 digits + ".seg"
    0          segment header (HEADER_BYTES)
    128        block: header (HEADER_BYTES), payload, ENDING, zeros up to a multiple of BLOCK_ALIGN
    ...        blocks
               footer: a block of kind 0 and count 0, whose payload is the sparse index; the file ends with it
    zeros      the preallocated rest of a segment that is not sealed

    segment header                               block header
      0  8  magic "TARIMSG1"                       0  4  magic "TBLK"
      8  2  version (1)                            4  2  kind, 0 = footer
     10  6  zeros                                  6  2  zeros
     16 16  journal id, random                     8  4  count: positions the record takes
     32  8  first position                        12  4  payload length in bytes
     40  8  capacity in bytes                     16  8  first position
     48 16  zeros                                 24  8  positions below this were durable when it was written
     64 32  digest of the block before            32 32  digest of the block before
     96 28  zeros                                 64 32  digest = SHA-256(bytes 0-63 of this header, payload)
    124  4  CRC-32 of bytes 0-123                 96 28  zeros
                                                 124  4  CRC-32 of bytes 0-123

The digest is both checksum and hash chain: one pass over the payload.  The first segment of a journal follows a digest
made of its id.  A header lies within one 512-byte sector, so a power cut leaves it whole or absent: a header that is
neither is damage, not a torn write.  ENDING is never zero, so a write that stopped halfway shows at the block's end.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final, NamedTuple
from zlib import crc32

Bytes = bytes | bytearray | memoryview

HEADER_BYTES: Final = 128
BLOCK_ALIGN: Final = 128
SECTOR_BYTES: Final = 512
FOOTER_END_BYTES: Final = 16
DIGEST_BYTES: Final = 32
FOOTER_KIND: Final = 0
ENDING: Final = b"TBLKEND\n"

_SEGMENT_MAGIC: Final = b"TARIMSG1"
_BLOCK_MAGIC: Final = b"TBLK"
_VERSION: Final = 1
_SEGMENT: Final = struct.Struct("<8sH6x16sQQ16x32s28x")
_FIELDS: Final = struct.Struct("<4sH2xIIQQ32s")
_BLOCK: Final = struct.Struct("<4sH2xIIQQ32s32s28xI")
_CRC: Final = struct.Struct("<I")
_CRC_AT: Final = HEADER_BYTES - 4
_PAIR: Final = struct.Struct("<QQ")
_PADDED_ENDING: Final = ENDING + bytes(BLOCK_ALIGN)
assert _SEGMENT.size == _CRC_AT and _BLOCK.size == HEADER_BYTES and _FIELDS.size == 64
assert SECTOR_BYTES % BLOCK_ALIGN == 0 and BLOCK_ALIGN >= HEADER_BYTES


class SegmentHeader(NamedTuple):
    """The first bytes of a segment."""

    journal_id: bytes
    first_seq: int
    capacity_bytes: int
    previous: bytes


class BlockHeader(NamedTuple):
    """What stands before a payload.  `durable_seq`: positions below it were durable when the block was written."""

    kind: int
    count: int  # type: ignore[assignment]  # the word of the format, not tuple.count
    payload_bytes: int
    first_seq: int
    durable_seq: int
    previous: bytes
    digest: bytes


def block_bytes(payload_bytes: int) -> int:
    """Bytes a block of this payload takes in the segment."""
    return -(-(HEADER_BYTES + payload_bytes + len(ENDING)) // BLOCK_ALIGN) * BLOCK_ALIGN


def footer_bytes_max(segment_bytes: int, index_stride_bytes: int) -> int:
    """Room to keep free for the footer of a segment of this size."""
    return block_bytes((segment_bytes // index_stride_bytes + 3) * _PAIR.size)


def segment_name(first_seq: int) -> str:
    """File name of the segment that starts at a position; names sort like positions."""
    return f"{first_seq:020d}.seg"


def genesis(journal_id: bytes) -> bytes:
    """The digest that the first block of a journal follows."""
    return sha256(b"tarim journal " + journal_id).digest()


def pack_segment_header(header: SegmentHeader) -> bytes:
    """HEADER_BYTES bytes."""
    body = _SEGMENT.pack(
        _SEGMENT_MAGIC, _VERSION, header.journal_id, header.first_seq, header.capacity_bytes, header.previous
    )
    return body + _CRC.pack(crc32(body))


def parse_segment_header(data: Bytes) -> SegmentHeader | None:
    """The header at the start of `data`, None when it is not a whole one of a known version."""
    if len(data) < HEADER_BYTES or crc32(data[:_CRC_AT]) != _CRC.unpack_from(data, _CRC_AT)[0]:
        return None
    magic, version, journal_id, first_seq, capacity_bytes, previous = _SEGMENT.unpack_from(data)
    if magic != _SEGMENT_MAGIC or version != _VERSION:
        return None
    return SegmentHeader(journal_id, first_seq, capacity_bytes, previous)


def pack_block(
    kind: int, count: int, first_seq: int, durable_seq: int, previous: bytes, payload: Bytes
) -> tuple[bytes, bytes]:
    """(header, digest) of a block; the payload follows the header on disk."""
    fields = _FIELDS.pack(_BLOCK_MAGIC, kind, count, len(payload), first_seq, durable_seq, previous)
    hasher = sha256(fields)
    hasher.update(payload)
    digest = hasher.digest()
    body = fields + digest + bytes(28)
    return body + _CRC.pack(crc32(body)), digest


def parse_block_header(data: Bytes, offset: int) -> BlockHeader | None:
    """The block header at `offset`, None when there is no whole one."""
    if offset + HEADER_BYTES > len(data):
        return None
    magic, kind, count, payload_bytes, first_seq, durable_seq, previous, digest, crc = _BLOCK.unpack_from(data, offset)
    if magic != _BLOCK_MAGIC or crc32(data[offset : offset + _CRC_AT]) != crc:
        return None
    return BlockHeader(kind, count, payload_bytes, first_seq, durable_seq, previous, digest)


def content_matches(data: Bytes, offset: int, header: BlockHeader) -> bool:
    """Whether the payload behind the header at `offset` has the header's digest (and is all there)."""
    start = offset + HEADER_BYTES
    end = start + header.payload_bytes
    if end > len(data):
        return False
    hasher = sha256(data[offset : offset + _FIELDS.size])
    hasher.update(data[start:end])
    return hasher.digest() == header.digest


def ends_well(data: Bytes, offset: int, header: BlockHeader) -> bool:
    """Whether ENDING and untouched zeros stand between the payload and the next block."""
    end = offset + block_bytes(header.payload_bytes)
    rest = data[offset + HEADER_BYTES + header.payload_bytes : end]
    return end <= len(data) and rest == _PADDED_ENDING[: len(rest)]


def pack_footer(entries: list[tuple[int, int]], offset: int) -> bytes:
    """Payload of the footer block at `offset`: the sparse index, its length, and the footer's own offset last.

    entries: (first position, byte offset) of some blocks, ascending.  Fills its block without padding, so that a sealed
    file ends in the footer's offset and ENDING.
    """
    body = b"".join(_PAIR.pack(*entry) for entry in entries)
    trailer = _PAIR.pack(len(entries), offset)
    room = block_bytes(len(body) + len(trailer)) - HEADER_BYTES - len(ENDING)
    return body + bytes(room - len(body) - len(trailer)) + trailer


def parse_footer(payload: Bytes) -> list[tuple[int, int]]:
    """The entries that `pack_footer` wrote; the payload has been checked against its digest."""
    entries_count = _PAIR.unpack_from(payload, len(payload) - _PAIR.size)[0]
    return list(_PAIR.iter_unpack(payload[: entries_count * _PAIR.size]))


def footer_offset(end: Bytes, file_bytes: int) -> int:
    """Where the footer starts, read off the file's last FOOTER_END_BYTES; 0 when it does not end in one."""
    if len(end) != FOOTER_END_BYTES or end[-len(ENDING) :] != ENDING:
        return 0
    offset = int.from_bytes(end[: -len(ENDING)], "little")
    return offset if offset % BLOCK_ALIGN == 0 and HEADER_BYTES <= offset < file_bytes else 0


def find_footer(data: Bytes) -> tuple[int, BlockHeader] | None:
    """(offset, header) of the footer that ends `data`, None when the segment is not sealed or the end is damaged."""
    offset = footer_offset(data[-FOOTER_END_BYTES:], len(data))
    header = parse_block_header(data, offset) if offset else None
    if header is None or header.kind != FOOTER_KIND or offset + block_bytes(header.payload_bytes) != len(data):
        return None
    return (offset, header) if content_matches(data, offset, header) else None
