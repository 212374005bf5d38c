"""Products of a bit one side knows and a number the other side knows, as shares: one correlated transfer each.

For each i the chooser has a bit c_i and the giver a number d_i modulo 2^w.  Afterwards giver and chooser hold g_i and h_i,
each uniform by itself, with g_i + h_i = c_i d_i.

Who learns what: the giver nothing about the bits, the chooser only pads and d_i masked by a pad it does not know.
Semi-honest.  One message of w/8 bytes a product from giver to chooser; the transfers themselves come from `transfer`.

A number may have several lanes (shape (n, k)), multiplied by the same bit; k w must be at most 128.  Numbers of which only the
low bits mean something are sent in as many bytes as these need; the shares' higher bits mean nothing then.
Source: Asharov, Lindell, Schneider, Zohner, CCS 2013, section 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import octets, receive_one, sent_bytes
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.randomness import Bits
from tarim.federation.session import Session

Numbers = npt.NDArray[Any]
"""Shape (n, k) of uint32 or uint64: numbers modulo 2^32 or 2^64."""


def give(session: Session, q: Blocks, numbers: Numbers, use: int, bits: int = 0) -> Numbers:
    """The giver's shares, shape of `numbers`; q from the transfers of which the other side chose.

    bits: how many mean something, 0 for all.
    """
    zero = _lanes(session.hashing(Domain.CORRELATED, use, q), numbers.dtype, numbers.shape[1])
    one = _lanes(session.hashing(Domain.CORRELATED, use, q ^ session.sender.delta), numbers.dtype, numbers.shape[1])
    masked = np.ascontiguousarray(zero + numbers - one)
    session.channel.send("products, masked", octets(masked)[..., : sent_bytes(bits or 8 * masked.itemsize)])
    return np.zeros_like(zero) - zero


def choose(
    session: Session, t: Blocks, chosen: Bits, kind: npt.DTypeLike, lanes: int, use: int, bits: int = 0
) -> Numbers:
    """The chooser's shares, shape (n, lanes) of `kind`; t from the transfers with these bits as choices."""
    pad = _lanes(session.hashing(Domain.CORRELATED, use, t), kind, lanes)
    sent = sent_bytes(bits or 8 * np.dtype(kind).itemsize)
    masked = np.zeros((len(chosen), lanes), kind)
    octets(masked)[..., :sent] = receive_one(session.channel, "products, masked", np.uint8, len(chosen), lanes, sent)
    found: Numbers = pad + masked * chosen[:, None].astype(kind)
    return found


def _lanes(hashed: Blocks, kind: npt.DTypeLike, lanes: int) -> Numbers:
    found: Numbers = hashed.view(kind)[:, :lanes]
    return found
