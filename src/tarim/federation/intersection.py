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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
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
"""Identifiers a process is given at a time."""

Places = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Told how many of how many multiples are done."""
_Work = Callable[[Sequence[bytes]], list[bytes]]


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
    secret = os.urandom(SECRET_BYTES)
    with _workers(processes) as workers:
        counting = _Counting(progress, max(len(identifiers), padded_to))
        decoys = [os.urandom(SECRET_BYTES) for _ in range(padded_to - len(identifiers))]
        mine = _spread(workers, partial(hidden, context, secret), [*identifiers, *decoys], counting)
        shuffled = np.argsort(fresh_words(len(mine)), kind="stable")
        channel.send("intersection, how many", np.array([len(mine)], np.int64))
        channel.send("intersection, points", _array([mine[place] for place in shuffled]))
        count = int(receive_one(channel, "intersection, how many", np.int64, 1)[0])
        if not 0 <= count <= SET_MAX:
            raise ProtocolBroken("the other side's set is larger than a set may be")
        came = _points(receive_one(channel, "intersection, points", np.uint8, count, POINT_BYTES))
        counting.more(len(came))
        theirs = _spread(workers, partial(multiplied, secret), came, counting)
    if Role(1 - role) in learners:
        channel.send("intersection, points of both secrets", _array(theirs))
    if role not in learners:
        return None
    both = _points(receive_one(channel, "intersection, points of both secrets", np.uint8, len(mine), POINT_BYTES))
    known = set(theirs)
    found = sorted((point, int(place)) for point, place in zip(both, shuffled, strict=True) if point in known)
    return np.array([place for _, place in found if place < len(identifiers)], np.int64)


class _Counting:
    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._done, self._all = progress, 0, count

    def more(self, count: int) -> None:
        self._all += count

    def done(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._all)


@contextmanager
def _workers(processes: int) -> Iterator[Executor | None]:
    """Processes of their own for the multiples, which hold the interpreter's lock; None for the caller's."""
    if processes <= 1:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:
        yield pool


def _spread(workers: Executor | None, work: _Work, items: Sequence[bytes], counting: _Counting) -> list[bytes]:
    parts = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    found: list[bytes] = []
    for part in map(work, parts) if workers is None else workers.map(work, parts):
        found += part
        counting.done(len(part))
    return found


def _array(points: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(points), np.uint8).reshape(-1, POINT_BYTES)


def _points(array: npt.NDArray[np.uint8]) -> list[bytes]:
    content = array.tobytes()
    return [content[start : start + POINT_BYTES] for start in range(0, len(content), POINT_BYTES)]
