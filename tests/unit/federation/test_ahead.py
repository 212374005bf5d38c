"""What is made ahead by another thread: never more than one, errors where the thing would have come; transfers beside."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tarim.federation import Session
from tarim.federation.learning.ahead import Ahead
from tests.fakes.federation import in_session


def test_one_thing_is_made_while_another_is_used() -> None:
    made: list[int] = []
    begun = threading.Event()

    def things() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                begun.set()
            yield number

    used = []
    with Ahead(things()) as ready:
        for thing in ready:
            if thing == 0:
                assert begun.wait(10), "the next is begun while this one is used"
            assert made[-1] <= thing + 1, "and none beyond it"
            used.append(thing)
    assert used == made == list(range(5))


def test_what_fails_ahead_fails_in_its_place() -> None:
    def things() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    used = []
    with pytest.raises(ValueError, match="no more"), Ahead(things()) as ready:
        used.extend(ready)
    assert used == [1]


def test_transfers_beside_are_transfers_of_the_same_secret_and_others_each_time() -> None:
    choices = np.random.default_rng(1).integers(0, 2, 500).astype(np.uint8)

    def act(session: Session):
        beside = [session.beside() for _ in range(2)]
        sessions = [session, *beside]
        uses = [each.uses.take() for each in sessions]
        if session.first:
            return uses, session.sender.delta, [each.sender.extend(500) for each in sessions]
        return uses, None, [each.receiver.extend(choices) for each in sessions]

    (uses, delta, q), (theirs, _, t) = in_session(act)
    assert uses == theirs and len(set(uses)) == 3
    for sent, got in zip(q, t, strict=True):
        assert np.array_equal(got, sent ^ (choices[:, None] * delta))
    assert len({each.tobytes() for each in q}) == 3
