"""Which customers two companies have in common, without either seeing the other's list.

Each side multiplies the points of its identifiers by a secret of its own and sends them shuffled; the other side multiplies
what came by its secret.  Points that both have carry both secrets and are equal; every other point is as good as random to
whoever lacks a secret (decisional Diffie-Hellman in the prime-order subgroup).

Who learns what: both learn how many identifiers the other one sent, padding included; who is to learn the result learns
which of its own are common.  The other one learns no more.  Semi-honest: a party can put in identifiers it does not have, as
many as the contract's limit on its set allows, and then learns whether the other side has them.
Three messages: 32 bytes an identifier each way, and 32 bytes an identifier back to each one that learns.

Both get common customers in the same order when both learn: by the points that carry both secrets.
Source: Meadows, IEEE S&P 1986; Huberman, Franklin, Hogg, "Enhancing Privacy and Trust in Electronic Communities", EC 1999.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from multiprocessing import get_context
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.federation.channel import Channel, receive_one
from tarim.federation.errors import ProtocolBroken
from tarim.federation.points import POINT_BYTES, hidden, multiplied
from tarim.federation.randomness import fresh_words
from tarim.federation.session import Role

SET_MAX: Final = 1 << 24
IDENTIFIER_CHARACTERS_MAX: Final = 256
SECRET_BYTES: Final = 32
_CHUNK: Final = 4_096
"""Identifiers of a message, and of what a process is given at a time."""

Places = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Told how many of how many multiples are done."""
_Work = Callable[[Sequence[bytes]], list[bytes]]
_Spread = Callable[[_Work, Iterable[list[bytes]]], Iterable[list[bytes]]]


class IdentifierKind(StrEnum):
    """What identifies a customer in both companies' data; it decides how texts are made alike."""

    PHONE = "phone"
    DOCUMENT = "document"
    CARD = "card"
    EMAIL = "email"
    TEXT = "text"


def normalised(kind: IdentifierKind, text: str) -> bytes:
    """An identifier as both companies have to write it for it to be found.

    Full-width characters become plain ones; spaces and separators go; a phone number loses +86; letters of a document become
    capitals and those of an e-mail address small.  Raises InputError for what cannot be one, TooLarge.
    """
    if len(text) > IDENTIFIER_CHARACTERS_MAX:
        raise TooLarge(f"an identifier has at most {IDENTIFIER_CHARACTERS_MAX} characters")
    plain = unicodedata.normalize("NFKC", text).strip()
    match kind:
        case IdentifierKind.PHONE:
            plain = re.sub(r"^(\+|00)?86(?=1\d{10}$)", "", re.sub(r"[\s()-]", "", plain))
        case IdentifierKind.DOCUMENT:
            plain = re.sub(r"[\s-]", "", plain).upper()
        case IdentifierKind.CARD:
            plain = re.sub(r"[\s-]", "", plain)
        case IdentifierKind.EMAIL:
            plain = plain.lower()
        case IdentifierKind.TEXT:
            pass
    wanted = {IdentifierKind.PHONE: r"\+?\d{5,20}", IdentifierKind.CARD: r"\d{8,32}"}.get(kind, r".+")
    if not re.fullmatch(wanted, plain):
        raise InputError(f"an identifier of the kind {kind.value} cannot be read as one")
    return plain.encode()


def intersect(
    channel: Channel,
    role: Role,
    identifiers: Sequence[bytes],
    context: bytes,
    learners: frozenset[Role],
    *,
    padded_to: int = 0,
    processes: int = 1,
    progress: Progress = lambda _done, _all: None,
) -> Places | None:
    """Places in `identifiers` of those that the other side has too, in an order common to both; None for who does not learn.

    identifiers: normalised, each once.  context: the contract's digest and the run's, so that no two runs' points compare.
    padded_to: send so many points at least, so that the size of the set stays hidden below it.  Both sides call it with
    the same `learners`.  Raises InputError for repeated identifiers, TooLarge, ProtocolBroken.
    """
    if len(set(identifiers)) != len(identifiers):
        raise InputError("an identifier stands in the set more than once; drop the repetitions first")
    if max(len(identifiers), padded_to) > SET_MAX:
        raise TooLarge(f"a set has at most {SET_MAX} identifiers")
    secret, count = os.urandom(SECRET_BYTES), max(len(identifiers), padded_to)
    order = np.argsort(fresh_words(count), kind="stable")
    channel.send("intersection, how many", np.array([count], np.int64))
    their_count = int(receive_one(channel, "intersection, how many", np.int64, 1)[0])
    if not 0 <= their_count <= SET_MAX:
        raise ProtocolBroken("the other side's set is larger than a set may be")
    theirs_to_learn, mine_to_learn = Role(1 - role) in learners, role in learners
    known: set[bytes] = set()
    with _workers(processes) as spread:
        counting = _Counting(progress, count + their_count)
        shuffled = (_padded(identifiers, order[part]) for part in _parts(count))
        for points in spread(partial(hidden, context, secret), shuffled):
            channel.send("intersection, points", _array(points))
            counting.done(len(points))
        came = (_received(channel, "intersection, points", part) for part in _parts(their_count))
        for points in spread(partial(multiplied, secret), came):
            if theirs_to_learn:
                channel.send("intersection, points of both secrets", _array(points))
            if mine_to_learn:
                known.update(points)
            counting.done(len(points))
    if not mine_to_learn:
        return None
    both = [
        point for part in _parts(count) for point in _received(channel, "intersection, points of both secrets", part)
    ]
    found = sorted((point, int(place)) for point, place in zip(both, order, strict=True) if point in known)
    return np.array([place for _, place in found if place < len(identifiers)], np.int64)


def _parts(count: int) -> list[slice]:
    return [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]


def _padded(identifiers: Sequence[bytes], places: Places) -> list[bytes]:
    """The identifiers of these places; a place beyond them gets one that nobody has."""
    return [identifiers[place] if place < len(identifiers) else os.urandom(SECRET_BYTES) for place in places]


def _received(channel: Channel, step: str, part: slice) -> list[bytes]:
    return _points(receive_one(channel, step, np.uint8, part.stop - part.start, POINT_BYTES))


class _Counting:
    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._done, self._all = progress, 0, count

    def done(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._all)


@contextmanager
def _workers(processes: int) -> Iterator[_Spread]:
    """A `map` over processes of its own for the multiples, which hold the interpreter's lock; one that keeps order."""
    if processes <= 1:
        yield map
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:

        def spread(work: _Work, parts: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
            ahead: deque[Future[list[bytes]]] = deque()
            for part in parts:
                ahead.append(pool.submit(work, part))
                if len(ahead) > 2 * processes:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

        yield spread


def _array(points: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(points), np.uint8).reshape(-1, POINT_BYTES)


def _points(array: npt.NDArray[np.uint8]) -> list[bytes]:
    content = array.tobytes()
    return [content[start : start + POINT_BYTES] for start in range(0, len(content), POINT_BYTES)]
