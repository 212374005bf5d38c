"""Additive shares modulo 2^64 in fixed point: a number is the sum of what the two sides hold, and each part alone is uniform.

Adding shares and multiplying by public numbers is local.  Looking at a value is one call, `open_to`, which names the
recipient and leaves an entry in the session's record of openings; everything that would look at a share by accident fails:
its truth, its text, its length as a list, its way into an array.

Truncation after a product is local: the first side shifts its part, the second shifts the negative of its part.  The result
is off by at most one unit in the last place, except with probability 2^(bits of |x| + 1 - 64), when it is off by
2^(64 - shift); callers that cannot live with that use a circuit.
Source: Mohassel, Zhang, "SecureML", IEEE S&P 2017, theorem 1.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import receive_one
from tarim.federation.errors import ShareMisuse
from tarim.federation.randomness import Words, fresh_words
from tarim.federation.session import Role, Session


class Share:
    """One side's part of an array of numbers modulo 2^64, with so many fraction bits."""

    __slots__ = ("_part", "fraction_bits")
    __array_ufunc__ = None  # NumPy has to leave the operators to this class

    def __init__(self, part: Words, fraction_bits: int) -> None:
        assert part.dtype == np.uint64
        self._part = part
        self.fraction_bits = fraction_bits

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the numbers."""
        return self._part.shape

    def __add__(self, other: Share) -> Share:
        return Share(self._part + self._alike(other)._part, self.fraction_bits)

    def __sub__(self, other: Share) -> Share:
        return Share(self._part - self._alike(other)._part, self.fraction_bits)

    def __neg__(self) -> Share:
        return Share(np.uint64(0) - self._part, self.fraction_bits)

    def __getitem__(self, place: Any) -> Share:
        return Share(self._part[place], self.fraction_bits)

    def times_integer(self, factors: npt.NDArray[np.int64] | int) -> Share:
        """Multiplied by public whole numbers."""
        return Share(self._part * np.asarray(factors, np.int64).astype(np.uint64), self.fraction_bits)

    def truncated(self, bits: int, role: Role) -> Share:
        """Divided by 2^bits, locally; see the module for how exactly."""
        signed = self._part.view(np.int64)
        cut = signed >> bits if role is Role.FIRST else -((-signed) >> bits)
        return Share(cut.view(np.uint64), self.fraction_bits - bits)

    def part(self) -> Words:
        """This side's part, for protocols; uniform by itself.  Everything else opens."""
        return self._part

    def _alike(self, other: object) -> Share:
        if not isinstance(other, Share) or other.fraction_bits != self.fraction_bits:
            raise ShareMisuse("shares of one scale are added to each other only")
        return other

    def _refuse(self, *_: object) -> NoReturn:
        raise ShareMisuse("a share says nothing about its value; open it to somebody with `open_to`")

    __bool__ = __len__ = __iter__ = __float__ = __int__ = __array__ = __repr__ = __str__ = __format__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __reduce__ = __reduce_ex__ = _refuse


def encoded(values: npt.NDArray[np.float64], fraction_bits: int) -> Words:
    """Numbers in fixed point modulo 2^64, rounded to the nearest."""
    return np.rint(np.asarray(values, np.float64) * 2.0**fraction_bits).astype(np.int64).view(np.uint64)


def decoded(words: Words, fraction_bits: int) -> npt.NDArray[np.float64]:
    """What they stand for."""
    return words.view(np.int64).astype(np.float64) / 2.0**fraction_bits


def share_out(session: Session, owner: Role, words: Words | None, shape: tuple[int, ...], fraction_bits: int) -> Share:
    """Shares of what one side knows; words: the numbers there, None at the other side.  One message of 8 bytes a number."""
    if session.role is owner:
        assert words is not None and words.shape == shape
        mask = fresh_words(*shape)
        session.channel.send("share of an input", mask)
        return Share(words - mask, fraction_bits)
    return Share(receive_one(session.channel, "share of an input", np.uint64, *shape), fraction_bits)


def open_to(session: Session, share: Share, recipient: Role, what: str) -> npt.NDArray[np.float64] | None:
    """The value, at the recipient; None at the other side.  `what` goes into the record of what was opened to whom."""
    session.note_opening(what, recipient, share.shape)
    part = share.part()
    if session.role is not recipient:
        session.channel.send("opening: " + what, part)
        return None
    other = receive_one(session.channel, "opening: " + what, np.uint64, *share.shape)
    return decoded(part + other, share.fraction_bits)
