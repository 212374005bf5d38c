"""Torn or damaged?  A segment of three committed blocks and two that were not yet:

      0     128    640       1152      1664     2176     2688
      | head | A     | B       | C       | d      | e      | zeros ...
                                         ^ durable

A to C say nothing or little about each other; d and e were written when everything below d was durable.
"""

from __future__ import annotations

import pytest

from tarim.journal.domain.blocks import (
    ENDING,
    HEADER_BYTES,
    SegmentHeader,
    block_bytes,
    genesis,
    pack_block,
    pack_segment_header,
)
from tarim.journal.domain.tails import Tail, find_tail

JOURNAL_ID = b"i" * 16
HEAD = SegmentHeader(JOURNAL_ID, 0, 8192, genesis(JOURNAL_ID))
PAYLOAD = bytes(range(1, 101)) * 3
STEP = block_bytes(len(PAYLOAD))
AT = [HEADER_BYTES + STEP * index for index in range(6)]


def segment() -> bytearray:
    data = bytearray(pack_segment_header(HEAD))
    previous = HEAD.previous
    for seq in range(5):
        header, previous = pack_block(1, 1, seq, min(seq, 3), previous, PAYLOAD)
        data += (header + PAYLOAD + ENDING).ljust(STEP, b"\0")
    return data.ljust(HEAD.capacity_bytes, b"\0")


def judge(data: bytearray, durable_seq: int = 0) -> Tail:
    return find_tail(memoryview(data), HEAD, durable_seq, 512)


def test_a_whole_segment_has_no_tail() -> None:
    tail = judge(segment())
    assert (tail.next_seq, tail.offset, tail.torn_bytes, tail.damage, tail.sealed) == (5, AT[5], 0, "", False)


def test_the_index_has_an_entry_per_stride() -> None:
    assert judge(segment()).entries == [(seq, AT[seq]) for seq in range(5)]
    assert find_tail(segment(), HEAD, 0, 2 * STEP).entries == [(0, AT[0]), (2, AT[2]), (4, AT[4])]


@pytest.mark.parametrize("cut", range(AT[3], AT[5], 7))
def test_a_write_that_stopped_anywhere_is_cut_back_to_a_block(cut: int) -> None:
    data = segment()
    data[cut:] = bytes(len(data) - cut)
    tail = judge(data, durable_seq=3)
    assert tail.damage == ""
    written = HEADER_BYTES + len(PAYLOAD) + len(ENDING)
    whole = sum(cut >= start + written for start in AT[:5])
    assert tail.next_seq == whole
    assert tail.offset == AT[whole]


@pytest.mark.parametrize("lost", [(AT[3], 512), (AT[3] // 512 * 512 + 512, 512), (AT[4], 128)])
def test_a_lost_sector_of_what_was_not_committed_is_torn(lost: tuple[int, int]) -> None:
    """A power cut may lose a sector and keep later ones."""
    data = segment()
    start, length = lost
    data[start : start + length] = bytes(length)
    tail = judge(data, durable_seq=3)
    assert tail.damage == ""
    assert 3 <= tail.next_seq < 5
    assert tail.torn_bytes > 0


def test_a_sector_lost_in_the_middle_of_a_large_block_is_torn() -> None:
    """Header, first and last sector reached the disk, one between them did not."""
    payload = bytes(range(1, 251)) * 8
    header, _ = pack_block(1, 9, 0, 0, HEAD.previous, payload)
    data = bytearray(pack_segment_header(HEAD) + header + payload + ENDING).ljust(HEAD.capacity_bytes, b"\0")
    assert judge(data).next_seq == 9
    data[1024:1536] = bytes(512)
    tail = judge(data)
    assert (tail.next_seq, tail.offset, tail.damage) == (0, HEADER_BYTES, "")
    assert tail.torn_bytes == HEADER_BYTES + len(payload) + len(ENDING)


def test_a_lost_sector_of_what_was_committed_is_damage() -> None:
    """Block d was written when B was durable, so B cannot have torn, even when the mark is lost."""
    data = segment()
    data[AT[1] : AT[1] + 512] = bytes(512)
    tail = judge(data)
    assert "had been committed and are missing" in tail.damage
    assert tail.next_seq == 1


def test_the_mark_alone_shows_that_committed_blocks_are_missing() -> None:
    data = segment()
    data[AT[2] :] = bytes(len(data) - AT[2])
    assert judge(data).damage == ""
    assert judge(data, durable_seq=3).damage == "positions 2 to 2 had been committed and are missing"


def test_a_changed_bit_in_the_last_block_is_damage_not_a_torn_write() -> None:
    """Nothing of the block is absent, so no power cut explains it; dropping it could lose an answered decision."""
    for index in range(AT[4], AT[4] + HEADER_BYTES + len(PAYLOAD)):
        data = segment()
        data[index] ^= 0x10
        assert judge(data).damage != ""


def test_a_block_of_another_chain_is_damage() -> None:
    data = segment()
    header, _ = pack_block(1, 1, 4, 3, genesis(b"x" * 16), PAYLOAD)
    data[AT[4] : AT[4] + HEADER_BYTES] = header
    assert judge(data).damage == "a block does not follow the one before it"


def test_a_file_cut_short_is_torn() -> None:
    data = segment()
    del data[AT[4] + 200 :]
    tail = judge(data, durable_seq=4)
    assert (tail.next_seq, tail.torn_bytes, tail.damage) == (4, 200, "")
