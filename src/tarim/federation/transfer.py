"""Oblivious transfer extended: from 128 base transfers to millions of correlated ones, for a few symmetric operations each.

For each transfer i the sender holds q_i and one secret delta for all; the receiver holds its choice c_i and
t_i = q_i ^ c_i delta.  So `hash(q_i)` and `hash(q_i ^ delta)` are two pads of which the receiver knows the chosen one.

Who learns what: the sender nothing about the choices (they are masked by a stream it does not know), the receiver nothing
about delta.  Semi-honest.  One message of 16 bytes a transfer from receiver to sender, in rows of 64.

Source: Ishai, Kilian, Nissim, Petrank, "Extending Oblivious Transfers Efficiently", CRYPTO 2003; correlated form of
Asharov, Lindell, Schneider, Zohner, CCS 2013.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tarim.federation.base_transfer import PAIRS, receive_keys, send_keys
from tarim.federation.channel import Channel, receive_one
from tarim.federation.hashing import Blocks
from tarim.federation.kernels.transposing import transpose
from tarim.federation.randomness import Bits, Stream, fresh_seed

ROWS_A_WORD = 64
BLOCK_ROWS = 1 << 18
"""Transfers at a time: 4 MiB of columns, so that memory stays flat however many are asked for."""


class TransferSender:
    """The side that holds delta.  `delta` has its lowest bit set, so that it serves as a garbler's offset as well."""

    def __init__(self, channel: Channel) -> None:
        choices = np.unpackbits(np.frombuffer(fresh_seed(), np.uint8), bitorder="little")
        choices[0] = 1
        self._channel = channel
        self._masks = (np.uint64(0) - choices.astype(np.uint64))[:, None]
        self.delta: npt.NDArray[np.uint64] = np.packbits(choices, bitorder="little").view(np.uint64)
        self._streams = [Stream(key) for key in receive_keys(channel, choices.tolist())]

    def extend(self, count: int) -> Blocks:
        """The q of so many transfers, shape (count, 2)."""
        found = np.empty((_padded(count), 2), np.uint64)
        for start in range(0, len(found), BLOCK_ROWS):
            rows = found[start : start + BLOCK_ROWS]
            width = len(rows) // ROWS_A_WORD
            columns = np.empty((PAIRS, width), np.uint64)
            for column, stream in zip(columns, self._streams, strict=True):
                column[:] = stream.words(width)
            columns ^= receive_one(self._channel, "transfers extended", np.uint64, PAIRS, width) & self._masks
            transpose(columns, rows)
        return found[:count]


class TransferReceiver:
    """The side that chooses."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._streams = [(Stream(zero), Stream(one)) for zero, one in send_keys(channel)]

    def extend(self, choices: Bits) -> Blocks:
        """The t of one transfer for each choice, shape (len(choices), 2)."""
        count = len(choices)
        found = np.empty((_padded(count), 2), np.uint64)
        chosen = np.zeros(len(found) // 8, np.uint8)
        chosen[: -(-count // 8)] = np.packbits(choices, bitorder="little")
        words = chosen.view(np.uint64)
        for start in range(0, len(found), BLOCK_ROWS):
            rows = found[start : start + BLOCK_ROWS]
            width = len(rows) // ROWS_A_WORD
            columns, masked = np.empty((PAIRS, width), np.uint64), np.empty((PAIRS, width), np.uint64)
            for own, sent, (zero, one) in zip(columns, masked, self._streams, strict=True):
                own[:] = zero.words(width)
                sent[:] = one.words(width)
            masked ^= columns
            masked ^= words[start // ROWS_A_WORD : start // ROWS_A_WORD + width]
            self._channel.send("transfers extended", masked)
            transpose(columns, rows)
        return found[:count]


def _padded(count: int) -> int:
    return max(1, -(-count // ROWS_A_WORD)) * ROWS_A_WORD
