"""The clipped sigmoid on shares: 4 clip(z / 4 + 1/2, 0, 1), which is 0 below -2, 4 above 2 and z + 2 between.

Only the two comparisons are garbled; the value passes round the circuit.  With u = z + 2, inside = [0 <= u < 4] and
above = [u >= 4] the result is inside u + 4 above, three products of XOR-shared bits and numbers, at full precision.

    before the values are known (`prepare`)   the circuit is garbled for each row with a random mask of the garbler's input, and
                                              all transfers are made with random choices
    online (`apply`), five messages           garbler -> evaluator: its masked input, the bits compared
                                              evaluator -> garbler: its input against the random choices
                                              garbler -> evaluator: a label a bit
                                              evaluator -> garbler: its output colours against the choices, and one product
                                              garbler -> evaluator: two products

Who learns what: both see uniform bits and masked labels; the comparisons' results stay XOR-shared.  Semi-honest.
The comparison drops low bits of each share, so its kinks at -2 and 2 are off by at most one of the units compared; the
function is continuous there.  Compared to the last bit it is exact.  |z| has to stay below 2^(bits - fraction_bits - 1) - 2.

The label a transfer brings: message q ^ L ^ e delta opens to t ^ L^(bit), so L has to be fresh and never q itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import clip_to_range
from tarim.federation.garbling import Evaluator, Garbler, Table, TableReader, TableSender, bits_of, colours, masks
from tarim.federation.hashing import Blocks, Domain, Permutation
from tarim.federation.randomness import SEED_BYTES, Bits, Stream, Words, fresh_bits, fresh_seed, fresh_words
from tarim.federation.session import Session

_OUTPUTS: Final = 2


@dataclass(frozen=True)
class Compared:
    """What the comparison looks at: so many bits of z, at most 16, with so many fraction bits."""

    bits: int
    fraction_bits: int

    @property
    def low_bits(self) -> int:
        """Bits below 4."""
        return self.fraction_bits + 2

    @property
    def mask(self) -> np.uint64:
        """Of the bits."""
        return np.uint64((1 << self.bits) - 1)

    @property
    def gates(self) -> int:
        """AND gates a row."""
        return 2 * self.bits - self.low_bits - 2


COARSE: Final = Compared(12, 6)
"""Kinks off by 2^-6 at most."""
EXACT: Final = Compared(16, 10)
"""For z with ten fraction bits."""


@dataclass
class _Garbled:
    """The garbler's side of a block of rows."""

    labels: Blocks
    """q ^ L, shape (bits compared, rows, 2)."""
    mask: Words
    outputs: Bits
    """Its XOR shares of inside and above, shape (2, rows)."""
    pads: tuple[Words, Words]
    """For the evaluator's output bits: hash(q), hash(q ^ delta), each (2, rows)."""
    pad: Words
    """For its own inside bit, (rows,)."""


@dataclass
class _ToEvaluate:
    """The evaluator's side of a block of rows."""

    choices: Bits
    labels: Blocks
    masked_labels: Blocks
    tables: list[Table]
    permutation: Permutation
    pad: Words
    """For its output bits, (2, rows)."""
    pads: tuple[Words, Words]
    """For the garbler's inside bit, each (rows,)."""


class ClippedSigmoid:
    """Prepared for a block of rows, applied to slices of it, each row once.  fraction_bits: of z."""

    def __init__(self, session: Session, rows: int, fraction_bits: int, compared: Compared) -> None:
        """Prepare; both sides at the same time."""
        self._session = session
        self._fraction_bits = fraction_bits
        self._compared = compared
        self._shift = np.uint64(fraction_bits - compared.fraction_bits)
        use = session.uses.take(3)
        self._garbled = self._garble(rows, use) if session.first else None
        self._to_evaluate = None if session.first else self._receive(rows, use)

    def _garble(self, rows: int, use: int) -> _Garbled:
        session, delta, compared = self._session, self._session.sender.delta, self._compared.bits
        q = session.sender.extend((compared + _OUTPUTS) * rows).reshape(-1, rows, 2)
        mask, seed = fresh_words(rows) & self._compared.mask, fresh_seed()
        session.channel.send("seed of the mask's labels", np.frombuffer(seed, np.uint8))
        own = Stream(seed).words(compared, rows, 2) ^ (masks(bits_of(mask, compared))[..., None] & delta)
        theirs = fresh_words(compared, rows, 2)
        sink = TableSender(session.channel)
        device = Garbler(session.hashing.permutation(Domain.GARBLING, use), delta, sink)
        outputs = np.stack(
            [colours(wire) for wire in clip_to_range(device, list(own), list(theirs), self._compared.low_bits)]
        )
        sink.flush()
        of_outputs = np.ascontiguousarray(q[compared:]).reshape(-1, 2)
        hashed = [
            session.hashing(Domain.CORRELATED, use + 1, each)[:, 0].reshape(_OUTPUTS, rows)
            for each in (of_outputs, of_outputs ^ delta)
        ]
        pad = session.hashing(Domain.CORRELATED, use + 2, session.receiver.extend(outputs[0]))[:, 0]
        return _Garbled(q[:compared] ^ theirs, mask, outputs, (hashed[0], hashed[1]), pad)

    def _receive(self, rows: int, use: int) -> _ToEvaluate:
        session, compared = self._session, self._compared.bits
        choices = fresh_bits((compared + _OUTPUTS) * rows).reshape(-1, rows)
        t = session.receiver.extend(choices.reshape(-1)).reshape(-1, rows, 2)
        seed = receive_one(session.channel, "seed of the mask's labels", np.uint8, SEED_BYTES).tobytes()
        read = TableReader(session.channel)
        tables = [read(rows) for _ in range(self._compared.gates)]
        of_outputs = np.ascontiguousarray(t[compared:]).reshape(-1, 2)
        pad = session.hashing(Domain.CORRELATED, use + 1, of_outputs)[:, 0].reshape(_OUTPUTS, rows)
        q = session.sender.extend(rows)
        pads = [
            np.ascontiguousarray(session.hashing(Domain.CORRELATED, use + 2, each)[:, 0])
            for each in (q, q ^ session.sender.delta)
        ]
        return _ToEvaluate(
            choices,
            Stream(seed).words(compared, rows, 2),
            t[:compared],
            tables,
            session.hashing.permutation(Domain.GARBLING, use),
            pad,
            (pads[0], pads[1]),
        )

    def apply(self, z: Words, start: int) -> Words:
        """Shares of the result for rows start, start + 1, ... of the block, from shares of z (rows,); both sides."""
        part = slice(start, start + len(z))
        if self._garbled is not None:
            return self._apply_garbler(self._garbled, z, part)
        assert self._to_evaluate is not None
        return self._apply_evaluator(self._to_evaluate, z, part)

    def _apply_garbler(self, block: _Garbled, z: Words, part: slice) -> Words:
        channel, delta, rows = self._session.channel, self._session.sender.delta, len(z)
        compared = self._compared.bits
        u = z + np.uint64(2 << self._fraction_bits)
        channel.send(
            "sigmoid, masked input", (((u >> self._shift) - block.mask[part]) & self._compared.mask).astype(np.uint16)
        )
        size = packed_bytes(compared * rows)
        flips = unpacked(receive_one(channel, "sigmoid, choices", np.uint8, size), (compared, rows))
        channel.send("sigmoid, labels", block.labels[:, part] ^ (masks(flips)[..., None] & delta))
        flip_bytes, their_product = channel.receive(
            "sigmoid, outputs and product", (np.uint8, (packed_bytes(_OUTPUTS * rows),)), (np.uint64, (rows,))
        )
        flips = unpacked(flip_bytes, (_OUTPUTS, rows))
        inside, above = block.outputs[:, part]
        four = np.full(rows, 4 << self._fraction_bits, np.uint64)
        result: Words = (masks(inside) & u) + above * four + block.pad[part] + (masks(inside) & their_product)
        zero, one = (pad[:, part] for pad in block.pads)
        products = []
        for index, number in enumerate(
            (np.where(inside, np.uint64(0) - u, u), np.where(above, np.uint64(0) - four, four))
        ):
            first = np.where(flips[index], one[index], zero[index])
            second = np.where(flips[index], zero[index], one[index])
            products.append(first + number - second)
            result -= first
        channel.send("sigmoid, products", *products)
        return result

    def _apply_evaluator(self, block: _ToEvaluate, z: Words, part: slice) -> Words:
        channel, rows, compared = self._session.channel, len(z), self._compared.bits
        masked = receive_one(channel, "sigmoid, masked input", np.uint16, rows).astype(np.uint64)
        bits = bits_of(((z >> self._shift) + masked) & self._compared.mask, compared)
        channel.send("sigmoid, choices", packed(bits ^ block.choices[:compared, part]))
        labels = receive_one(channel, "sigmoid, labels", np.uint64, compared, rows, 2)
        theirs = labels ^ block.masked_labels[:, part]
        stored = _slices(block.tables, part)
        device = Evaluator(block.permutation, lambda _rows: next(stored), first_row=part.start)
        wires = clip_to_range(device, list(block.labels[:, part]), list(theirs), self._compared.low_bits)
        outputs = np.stack([colours(wire) for wire in wires])
        inside, above = outputs
        zero, one = (pad[part] for pad in block.pads)
        channel.send(
            "sigmoid, outputs and product",
            packed(outputs ^ block.choices[compared:, part]),
            zero + np.where(inside, np.uint64(0) - z, z) - one,
        )
        for_inside, for_above = channel.receive("sigmoid, products", (np.uint64, (rows,)), (np.uint64, (rows,)))
        pad = block.pad[:, part]
        result: Words = (masks(inside) & z) - zero
        result += pad[0] + (masks(inside) & for_inside) + pad[1] + (masks(above) & for_above)
        return result


def _slices(tables: list[Table], part: slice) -> Iterator[Table]:
    return iter([np.ascontiguousarray(table[part]) for table in tables])


def clipped_sigmoid(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The plaintext twin: clip(z / 4 + 1/2, 0, 1)."""
    clipped: npt.NDArray[np.float64] = np.clip(z / 4 + 0.5, 0.0, 1.0)
    return clipped
