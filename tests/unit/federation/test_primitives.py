"""Transfers, hashing, garbling and shares between two sides, against what they say in the clear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.federation import Role, ShareMisuse, circuits, seed_trees
from tarim.federation.base_transfer import PAIRS, receive_keys, send_keys
from tarim.federation.correlated import choose, give
from tarim.federation.garbling import Inputs, Plain, bits_of, number_of, shared_outputs
from tarim.federation.hashing import Domain, Hashing
from tarim.federation.kernels.transposing import transpose
from tarim.federation.randomness import Stream, fresh_bits, fresh_words
from tarim.federation.sharing import Share, decoded, encoded, open_to, share_out
from tests.fakes.federation import in_session, together


def test_of_each_pair_of_keys_the_receiver_gets_the_one_it_chose() -> None:
    choices = fresh_bits(PAIRS).tolist()
    pairs, keys = together(send_keys, lambda end: receive_keys(end, choices))
    assert [pair[choice] for pair, choice in zip(pairs, choices, strict=True)] == keys
    assert all(pair[1 - choice] != key for pair, choice, key in zip(pairs, choices, keys, strict=True))
    assert len({key for pair in pairs for key in pair}) == 2 * PAIRS


def test_a_stream_is_counter_mode_of_its_seed() -> None:
    """NIST SP 800-38A has no all-zero counter; this is AES-128 of the counters 0 and 1 under the zero key (FIPS 197)."""
    assert Stream(bytes(16)).words(2).tobytes().hex() == "66e94bd4ef8a2c3b884cfa59ca342b2e"
    assert (Stream(bytes(16)).words(6)[2:] != 0).all()


def test_bits_are_laid_on_their_side() -> None:
    columns = fresh_words(128, 3)
    rows = np.empty((192, 2), np.uint64)
    transpose(columns, rows)
    of_columns = np.unpackbits(columns.view(np.uint8).reshape(128, -1), axis=1, bitorder="little")
    of_rows = np.unpackbits(rows.view(np.uint8).reshape(192, -1), axis=1, bitorder="little")
    assert np.array_equal(of_columns, of_rows.T)


def test_hashes_of_other_purposes_uses_and_places_have_nothing_in_common() -> None:
    blocks, hashing = fresh_words(50, 2), Hashing(bytes(range(16)))
    seen = [
        hashing(Domain.CORRELATED, 1, blocks),
        hashing(Domain.CORRELATED, 2, blocks),
        hashing(Domain.GARBLING, 1, blocks),
        hashing(Domain.CORRELATED, 1, blocks, first=1),
        Hashing(bytes(16))(Domain.CORRELATED, 1, blocks),
    ]
    assert len({row.tobytes() for each in seen for row in each}) == 250
    assert np.array_equal(seen[0][1:], hashing(Domain.CORRELATED, 1, blocks[1:], first=1))


def test_the_other_side_lacks_one_seed_of_each_group() -> None:
    choices = np.random.default_rng(8).integers(0, 2, PAIRS).tolist()
    every, known = together(
        lambda end: seed_trees.make(end, send_keys(end)),
        lambda end: seed_trees.open_but_one(end, receive_keys(end, choices), choices),
    )
    for group in range(seed_trees.GROUPS):
        lacking = sum((1 - choices[4 * group + bit]) << bit for bit in range(4))
        assert [place for place in range(16) if every[group][place] != known[group][place]] == [lacking]
        assert known[group][lacking] == bytes(16)
    assert len({seed for group in every for seed in group}) == 16 * seed_trees.GROUPS


def test_extended_transfers_keep_their_correlation_however_they_are_asked_for() -> None:
    choices = [fresh_bits(count) for count in (1, 63, 64, 1_000, 300_000)]

    def side(session):
        if session.first:
            return [session.sender.extend(len(each)) for each in choices], session.sender.delta
        return [session.receiver.extend(each) for each in choices], None

    (sent, delta), (received, _) = in_session(side)
    for q, t, chosen in zip(sent, received, choices, strict=True):
        assert np.array_equal(q ^ t, (np.uint64(0) - chosen.astype(np.uint64))[:, None] & delta)
    assert delta[0] & np.uint64(1)


@pytest.mark.parametrize(("kind", "lanes"), [(np.uint64, 1), (np.uint64, 2), (np.uint32, 4), (np.uint32, 1)])
def test_a_bit_times_a_number_over_the_whole_ring(kind: type, lanes: int) -> None:
    count = 2_000
    numbers = fresh_words(count, 2).view(kind)[:, :lanes].copy()
    numbers[:3] = [[0] * lanes, [1] * lanes, [np.iinfo(kind).max] * lanes]
    bits = fresh_bits(count)

    def side(session):
        use = session.uses.take()
        if session.first:
            return give(session, session.sender.extend(count), numbers, use)
        return choose(session, session.receiver.extend(bits), bits, kind, lanes, use)

    given, chosen = in_session(side)
    assert np.array_equal(given + chosen, numbers * bits[:, None].astype(kind))
    assert len(np.unique(given)) > 0.99 * given.size or kind is np.uint32


WIDTH = 9


def _numbers(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


def _run(circuit, a: np.ndarray, b: np.ndarray, width: int) -> np.ndarray:
    """The circuit's output bits on both ways: garbled between two sides, and in the clear; they must agree."""
    device = Plain()
    clear = np.stack(circuit(device, [list(bits_of(a, width))], [list(bits_of(b, width))]))

    def side(session):
        use = session.uses.take()
        first = Inputs((width,), [a] if session.first else None)
        second = Inputs((width,), None if session.first else [b])
        return shared_outputs(session, circuit, first, second, len(a), use)

    one, other = in_session(side)
    assert np.array_equal(one ^ other, clear)
    return clear


words = st.lists(st.integers(0, 2**WIDTH - 1), min_size=1, max_size=40)


@settings(max_examples=5, deadline=None)
@given(words, st.integers(0, 2**32))
def test_circuits_say_what_arithmetic_says(values: list[int], seed: int) -> None:
    a = _numbers([*values, 0, 2**WIDTH - 1, 2 ** (WIDTH - 1)])
    b = np.random.default_rng(seed).integers(1, 2**WIDTH, len(a)).astype(np.uint64)

    def all_of(device, x, y):
        (p,), (q,) = x, y
        difference, borrow = circuits.subtract(device, p, q)
        return [
            *circuits.add(device, p, q),
            *difference,
            borrow,
            *circuits.absolute(device, p),
            *circuits.multiply(device, p, q),
            *circuits.choose(device, borrow, p, q),
            *circuits.divide(device, p, q, WIDTH + 3, 3),
            *circuits.clip_to_range(device, p, q, 4),
            circuits.not_negative(device, p, q),
            *circuits.add_growing(device, p, q),
        ]

    bits = _run(all_of, a, b, WIDTH)
    at = 0

    def next_number(width: int) -> np.ndarray:
        nonlocal at
        at += width
        return number_of(bits[at - width : at]).astype(np.int64)

    x, y = a.astype(np.int64), b.astype(np.int64)
    whole = 2**WIDTH
    assert np.array_equal(next_number(WIDTH), (x + y) % whole)
    assert np.array_equal(next_number(WIDTH), (x - y) % whole)
    assert np.array_equal(next_number(1), x < y)
    signed = np.where(x >= whole // 2, x - whole, x)
    assert np.array_equal(next_number(WIDTH - 1), np.abs(signed) % (whole // 2))
    assert np.array_equal(next_number(2 * WIDTH), x * y)
    assert np.array_equal(next_number(WIDTH), np.where(x < y, x, y))
    assert np.array_equal(next_number(WIDTH + 3), (x << 3) // y)
    total = (x + y) % whole
    total = np.where(total >= whole // 2, total - whole, total)
    assert np.array_equal(next_number(1), (total >= 0) & (total < 16))
    assert np.array_equal(next_number(1), total >= 16)
    assert np.array_equal(next_number(1), total >= 0)
    assert np.array_equal(next_number(WIDTH + 1), x + y)
    assert at == len(bits)


@pytest.mark.parametrize("most", [2, 2**7])
def test_the_greatest_of_each_group_is_found_the_lowest_of_equal_ones(most: int) -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.integers(0, most, 5 * 16).astype(np.uint64) for _ in range(2))

    def best(device, x, y):
        return circuits.greatest(device, circuits.add_growing(device, x[0], y[0]), 16)

    index = number_of(_run(best, a, b, 7)).astype(np.int64)
    assert np.array_equal(index, (a + b).reshape(5, 16).argmax(axis=1))


def test_a_share_is_added_and_opened_to_one_side_by_name() -> None:
    values = np.array([1.5, -2.25, 1e6, 0.0])

    def side(session):
        mine = share_out(session, Role.FIRST, encoded(values, 16) if session.first else None, (4,), 16)
        theirs = share_out(session, Role.SECOND, None if session.first else encoded(values, 16), (4,), 16)
        total = (mine + theirs).times_integer(3) - theirs
        opened = open_to(session, total, Role.SECOND, "the total")
        return opened, mine.part(), session.openings

    (nothing, one, openings), (opened, other, also) = in_session(side)
    assert nothing is None and np.array_equal(opened, 5 * values)
    assert np.array_equal(decoded(one + other, 16), values)
    assert openings == also and openings[0][:2] == ("the total", Role.SECOND)


def test_looking_at_a_share_by_accident_fails() -> None:
    share = Share(fresh_words(3), 16)
    for look in (bool, len, list, repr, str, float, np.asarray, hash, lambda each: each == 1, "{}".format):
        with pytest.raises(ShareMisuse, match="open"):
            look(share)
    with pytest.raises(ShareMisuse, match="one scale"):
        share + Share(fresh_words(3), 20)
    with pytest.raises(TypeError):
        np.array([1, 2, 3]) + share
