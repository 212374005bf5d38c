"""The bytes of a segment."""

from __future__ import annotations

import pytest

from tarim.base.errors import DefinitionError
from tarim.journal import JournalLimits
from tarim.journal.domain.blocks import (
    BLOCK_ALIGN,
    ENDING,
    HEADER_BYTES,
    SegmentHeader,
    block_bytes,
    content_matches,
    ends_well,
    find_footer,
    footer_bytes_max,
    genesis,
    pack_block,
    pack_footer,
    pack_segment_header,
    parse_block_header,
    parse_footer,
    parse_segment_header,
    segment_name,
)

PREVIOUS = genesis(b"i" * 16)


def block(payload: bytes, *, kind: int = 7, count: int = 3, first_seq: int = 40, previous: bytes = PREVIOUS) -> bytes:
    header, _ = pack_block(kind, count, first_seq, first_seq, previous, payload)
    return (header + payload + ENDING).ljust(block_bytes(len(payload)), b"\0")


def test_a_segment_header_comes_back() -> None:
    header = SegmentHeader(b"i" * 16, 2**40, 64 << 20, PREVIOUS)
    packed = pack_segment_header(header)
    assert len(packed) == HEADER_BYTES
    assert parse_segment_header(packed) == header
    assert parse_segment_header(packed[:-1]) is None


def test_a_block_comes_back() -> None:
    data = block(b"payload")
    header = parse_block_header(data, 0)
    assert header is not None
    assert (header.kind, header.count, header.payload_bytes, header.first_seq) == (7, 3, 7, 40)
    assert header.previous == PREVIOUS
    assert content_matches(data, 0, header)
    assert ends_well(data, 0, header)


@pytest.mark.parametrize("payload_bytes", [0, 1, 119, 120, 121, 247, 248, 249, 5000])
def test_blocks_are_aligned_and_headers_never_straddle_a_sector(payload_bytes: int) -> None:
    size = block_bytes(payload_bytes)
    assert size % BLOCK_ALIGN == 0
    assert HEADER_BYTES + payload_bytes + len(ENDING) <= size < HEADER_BYTES + payload_bytes + len(ENDING) + BLOCK_ALIGN
    assert size % 512 in (0, 128, 256, 384)


def test_any_changed_bit_of_a_block_is_seen() -> None:
    """Header, payload, ending and padding: nothing is outside every check."""
    data = block(b"some payload that matters")
    for index in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[index] ^= bit
            header = parse_block_header(changed, 0)
            assert header is None or not (content_matches(changed, 0, header) and ends_well(changed, 0, header))


def test_any_changed_bit_of_a_segment_header_is_seen() -> None:
    data = pack_segment_header(SegmentHeader(b"i" * 16, 5, 4096, PREVIOUS))
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 4
        assert parse_segment_header(changed) is None


def test_the_digest_covers_the_block_before() -> None:
    """The same content after another block has another digest: blocks cannot be exchanged."""
    _, one = pack_block(1, 1, 0, 0, PREVIOUS, b"x")
    _, other = pack_block(1, 1, 0, 0, genesis(b"j" * 16), b"x")
    assert one != other


@pytest.mark.parametrize("entries_count", [0, 1, 6, 7, 8, 100])
def test_a_footer_is_found_from_the_files_end(entries_count: int) -> None:
    entries = [(index * 3, 128 * (index + 1)) for index in range(entries_count)]
    payload = pack_footer(entries, 1280)
    data = bytes(1280) + block(payload, kind=0, count=0)
    assert len(data) == 1280 + HEADER_BYTES + len(payload) + len(ENDING)
    found = find_footer(data)
    assert found is not None
    assert found[0] == 1280
    assert parse_footer(payload) == entries
    assert find_footer(data[:-128]) is None
    assert find_footer(data + bytes(128)) is None


def test_names_sort_like_positions() -> None:
    positions = [0, 9, 10, 99, 2**40, 2**47]
    assert sorted(map(segment_name, reversed(positions))) == [segment_name(seq) for seq in positions]


def test_limits_must_fit_each_other() -> None:
    with pytest.raises(DefinitionError, match="block_bytes_max"):
        JournalLimits(segment_bytes=1 << 20, block_bytes_max=1 << 20)
    with pytest.raises(DefinitionError, match="segment_bytes"):
        JournalLimits(segment_bytes=1000)
    room = (1 << 20) - HEADER_BYTES - footer_bytes_max(1 << 20, 16 << 10)
    largest = room - HEADER_BYTES - len(ENDING)
    assert JournalLimits(segment_bytes=1 << 20, block_bytes_max=largest).block_bytes_max == largest
    with pytest.raises(DefinitionError):
        JournalLimits(segment_bytes=1 << 20, block_bytes_max=largest + BLOCK_ALIGN)
