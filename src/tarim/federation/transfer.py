"""Oblivious transfer extended: from 128 base transfers to millions of correlated ones, for a few symmetric operations each.

For each transfer i the sender holds q_i and one secret delta for all; the receiver holds its choice c_i and
t_i = q_i ^ c_i delta.  So `hash(q_i)` and `hash(q_i ^ delta)` are two pads of which the receiver knows the chosen one.

For each group of four columns both sides have sixteen streams (`seed_trees`), of which the sender lacks one: its number is the
group's four bits of delta.  The receiver's columns are sums of streams by the bits of their numbers; the sender, numbering the
streams from the one it lacks, gets the same columns plus delta's bits times the sum of all streams, which one column in four
turns into the choices.

Who learns what: the sender nothing about the choices (they are masked by a stream it does not know), the receiver nothing
about delta.  Semi-honest.  One message of 4 bytes a transfer from receiver to sender, in rows of 64.

Source: Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model", CRYPTO 2022, figure 7,
over groups of four; correlated form of Asharov, Lindell, Schneider, Zohner, CCS 2013.
"""

from __future__ import annotations

import hashlib
from copy import copy

import numpy as np
import numpy.typing as npt

from tarim.federation import seed_trees
from tarim.federation.base_transfer import PAIRS, receive_keys, send_keys
from tarim.federation.channel import Channel, receive_one
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.kernels.folding import DEPTH, LEAVES, fold
from tarim.federation.kernels.transposing import transpose
from tarim.federation.randomness import SEED_BYTES, Bits, Stream, Words, fresh_seed
from tarim.federation.seed_trees import GROUPS

ROWS_A_WORD = 64
BLOCK_ROWS = 1 << 18
"""Transfers at a time: 4 MiB of columns, so that memory stays flat however many are asked for."""


class TransferSender:
    """The side that holds delta.  `delta` has its lowest bit set, so that it serves as a garbler's offset as well."""

    def __init__(self, channel: Channel) -> None:
        """Both sides at the same time."""
        choices = np.unpackbits(np.frombuffer(fresh_seed(), np.uint8), bitorder="little")
        choices[0] = 1
        self._channel = channel
        self._masks = (np.uint64(0) - choices.astype(np.uint64))[:, None]
        self.delta: npt.NDArray[np.uint64] = np.packbits(choices, bitorder="little").view(np.uint64)
        away = (1 - choices).tolist()
        groups = seed_trees.open_but_one(channel, receive_keys(channel, away), away)
        lacking = choices.reshape(GROUPS, DEPTH) @ (1 << np.arange(DEPTH))
        self._seeds = [
            [seeds[place ^ int(lacks)] for place in range(LEAVES)] for seeds, lacks in zip(groups, lacking, strict=True)
        ]
        self._streams = _streams(self._seeds)

    def beside(self, channel: Channel, number: int) -> TransferSender:
        """The same delta with other transfers, on another channel; each number once."""
        found = copy(self)
        found._channel, found._streams = channel, _streams(_other(self._seeds, number))
        return found

    def extend(self, count: int) -> Blocks:
        """The q of so many transfers, shape (count, 2)."""
        found = np.empty((_padded(count), 2), np.uint64)
        for start in range(0, len(found), BLOCK_ROWS):
            rows = found[start : start + BLOCK_ROWS]
            width = len(rows) // ROWS_A_WORD
            columns, _ = _folded(self._streams, width)
            masked = receive_one(self._channel, "transfers extended", np.uint64, GROUPS, width)
            columns ^= np.repeat(masked, DEPTH, axis=0) & self._masks
            transpose(columns, rows)
        return found[:count]


class TransferReceiver:
    """The side that chooses."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._seeds = seed_trees.make(channel, send_keys(channel))
        self._streams = _streams(self._seeds)

    def beside(self, channel: Channel, number: int) -> TransferReceiver:
        """The other end of such transfers; each number once."""
        found = copy(self)
        found._channel, found._streams = channel, _streams(_other(self._seeds, number))
        return found

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
            columns, masked = _folded(self._streams, width)
            masked ^= words[start // ROWS_A_WORD : start // ROWS_A_WORD + width]
            self._channel.send("transfers extended", masked)
            transpose(columns, rows)
        return found[:count]


def _streams(seeds: list[list[bytes]]) -> list[list[Stream]]:
    return [[Stream(seed) for seed in group] for group in seeds]


def _other(seeds: list[list[bytes]], number: int) -> list[list[bytes]]:
    """Seeds that follow from these and say nothing about them."""
    content = b"tarim transfers beside" + bytes([Domain.SEED_TREE]) + number.to_bytes(8, "little")
    return [[hashlib.sha256(content + seed).digest()[:SEED_BYTES] for seed in group] for group in seeds]


def _folded(streams: list[list[Stream]], width: int) -> tuple[Words, Words]:
    """Columns (PAIRS, width) by the bits of the streams' numbers, and the sum of each group's streams (GROUPS, width)."""
    columns, totals = np.empty((PAIRS, width), np.uint64), np.empty((GROUPS, width), np.uint64)
    words = np.empty((LEAVES, width), np.uint64)
    for group, each in enumerate(streams):
        for place, stream in enumerate(each):
            words[place] = stream.words(width)
        fold(words, totals[group], columns[DEPTH * group : DEPTH * group + DEPTH])
    return columns, totals


def _padded(count: int) -> int:
    return max(1, -(-count // ROWS_A_WORD)) * ROWS_A_WORD
