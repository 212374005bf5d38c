"""The clipped sigmoid on shares: 4 clip(z / 4 + 1/2, 0, 1), which is 0 below -2, 4 above 2 and z + 2 between.

Only the two comparisons are garbled; the value passes round the circuit.  With u = z + 2, inside = [0 <= u < 4] and
above = [u >= 4] the result is inside u + 4 above, three products of XOR-shared bits and numbers, at full precision.

    before the values are known (`prepare`)   the circuit is garbled for each row with a random mask of the garbler's input, and
                                              all transfers are made with random choices
    online (`apply`), five messages           three of the prepared circuit
                                              evaluator -> garbler: its output colours against the choices, and one product
                                              garbler -> evaluator: two products

Who learns what: both see uniform bits and masked labels; the comparisons' results stay XOR-shared.  Semi-honest.
The comparison drops low bits of each share, so its kinks at -2 and 2 are off by at most one of the units compared; the
function is continuous there.  Compared to the last bit it is exact.  |z| has to stay below 2^(bits - fraction_bits - 1) - 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Array, packed, packed_bytes, unpacked
from tarim.federation.circuits import clip_to_range
from tarim.federation.garbling import Device, Wire, Word, masks
from tarim.federation.hashing import Domain
from tarim.federation.prepared import PreparedCircuit
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Session

_OUTPUTS: Final = 2
_INNER: Final = "comparison, "
"""Begins the names of the circuit's arrays among those that are stored."""


@dataclass(frozen=True)
class Compared:
    """What the comparison looks at: so many bits of z, at most 64, with so many fraction bits."""

    bits: int
    fraction_bits: int

    @property
    def low_bits(self) -> int:
        """Bits below 4."""
        return self.fraction_bits + 2


COARSE: Final = Compared(12, 6)
"""Kinks off by 2^-6 at most."""


@dataclass
class _GarblerPads:
    """The garbler's side of the products of a block of rows."""

    of_outputs: tuple[Words, Words]
    """For the evaluator's output bits: hash(q), hash(q ^ delta), each (2, rows)."""
    of_inside: Words
    """For its own inside bit, (rows,)."""

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        return {"outputs 0": self.of_outputs[0], "outputs 1": self.of_outputs[1], "inside": self.of_inside}


@dataclass
class _EvaluatorPads:
    """The evaluator's side."""

    choices: Bits
    """For its output bits, (2, rows)."""
    of_outputs: Words
    of_inside: tuple[Words, Words]
    """For the garbler's inside bit, each (rows,)."""

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        zero, one = self.of_inside
        return {"choices": self.choices, "chosen": self.of_outputs, "inside 0": zero, "inside 1": one}


class ClippedSigmoid:
    """Prepared for a block of rows, applied to slices of it, each row once.  fraction_bits: of z.

    Made by both sides at the same time; then both call `finish`, with other work in between where there is some.
    """

    def __init__(
        self, session: Session, rows: int, fraction_bits: int, compared: Compared, made: dict[str, Array] | None = None
    ) -> None:
        """made: what `arrays` gave; without it, it is made now."""
        self._session, self._rows = session, rows
        self._fraction_bits = fraction_bits
        self._shift = np.uint64(fraction_bits - compared.fraction_bits)

        def circuit(device: Device, mask: Word, number: Word) -> list[Wire]:
            return list(clip_to_range(device, mask, number, compared.low_bits))

        self._garbler: _GarblerPads | None = None
        self._evaluator: _EvaluatorPads | None = None
        inner = (
            None
            if made is None
            else {name[len(_INNER) :]: each for name, each in made.items() if name.startswith(_INNER)}
        )
        self._comparisons = PreparedCircuit(session, circuit, compared.bits, rows, made=inner)
        if made is None:
            self._use = session.uses.take(2)
        elif session.first:
            self._garbler = _GarblerPads((made["outputs 0"], made["outputs 1"]), made["inside"])
        else:
            self._evaluator = _EvaluatorPads(made["choices"], made["chosen"], (made["inside 0"], made["inside 1"]))

    def arrays(self) -> dict[str, Array]:
        """All that was made ahead, to be stored; after `finish`, before any row is used."""
        held = self._garbler or self._evaluator
        assert held is not None
        return held.arrays() | {_INNER + name: each for name, each in self._comparisons.arrays().items()}

    def used_in(self, session: Session) -> None:
        """Go on there: what was made ahead by one thread is used by another."""
        self._session = session
        self._comparisons.used_in(session)

    def finish(self) -> None:
        """Make the transfers of the products as well; nothing to do with what was made ahead."""
        if self._garbler is not None or self._evaluator is not None:
            return
        self._comparisons.receive()
        if self._session.first:
            self._garbler = self._garblers_pads(self._rows, self._use)
        else:
            self._evaluator = self._evaluators_pads(self._rows, self._use)

    def _garblers_pads(self, rows: int, use: int) -> _GarblerPads:
        session = self._session
        t = session.receiver.extend(self._comparisons.garbled_outputs[0])
        of_inside = np.ascontiguousarray(session.hashing(Domain.CORRELATED, use + 1, t)[:, 0])
        q = session.sender.extend(_OUTPUTS * rows)
        zero, one = (
            session.hashing(Domain.CORRELATED, use, each)[:, 0].reshape(_OUTPUTS, rows)
            for each in (q, q ^ session.sender.delta)
        )
        return _GarblerPads((zero, one), of_inside)

    def _evaluators_pads(self, rows: int, use: int) -> _EvaluatorPads:
        session = self._session
        choices = fresh_bits(_OUTPUTS * rows)
        t = session.receiver.extend(choices)
        pads = session.hashing(Domain.CORRELATED, use, t)[:, 0].reshape(_OUTPUTS, rows)
        q = session.sender.extend(rows)
        zero, one = (
            np.ascontiguousarray(session.hashing(Domain.CORRELATED, use + 1, each)[:, 0])
            for each in (q, q ^ session.sender.delta)
        )
        return _EvaluatorPads(choices.reshape(_OUTPUTS, rows), pads, (zero, one))

    def apply(self, z: Words, start: int) -> Words:
        """Shares of the result for rows start, start + 1, ... of the block, from shares of z (rows,); both sides."""
        part = slice(start, start + len(z))
        if self._garbler is not None:
            return self._apply_garbler(self._garbler, z, part)
        assert self._evaluator is not None
        return self._apply_evaluator(self._evaluator, z, part)

    def _apply_garbler(self, pads: _GarblerPads, z: Words, part: slice) -> Words:
        channel, rows = self._session.channel, len(z)
        u = z + np.uint64(2 << self._fraction_bits)
        inside, above = self._comparisons.outputs(u >> self._shift, part.start)
        flip_bytes, their_product = channel.receive(
            "sigmoid, outputs and product", (np.uint8, (packed_bytes(_OUTPUTS * rows),)), (np.uint64, (rows,))
        )
        flips = unpacked(flip_bytes, (_OUTPUTS, rows))
        four = np.full(rows, 4 << self._fraction_bits, np.uint64)
        result: Words = (masks(inside) & u) + above * four + pads.of_inside[part] + (masks(inside) & their_product)
        zero, one = (pad[:, part] for pad in pads.of_outputs)
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

    def _apply_evaluator(self, pads: _EvaluatorPads, z: Words, part: slice) -> Words:
        channel, rows = self._session.channel, len(z)
        outputs = self._comparisons.outputs(z >> self._shift, part.start)
        inside, above = outputs
        zero, one = (pad[part] for pad in pads.of_inside)
        channel.send(
            "sigmoid, outputs and product",
            packed(outputs ^ pads.choices[:, part]),
            zero + np.where(inside, np.uint64(0) - z, z) - one,
        )
        for_inside, for_above = channel.receive("sigmoid, products", (np.uint64, (rows,)), (np.uint64, (rows,)))
        pad = pads.of_outputs[:, part]
        result: Words = (masks(inside) & z) - zero
        result += pad[0] + (masks(inside) & for_inside) + pad[1] + (masks(above) & for_above)
        return result


def clipped_sigmoid(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The plaintext twin: clip(z / 4 + 1/2, 0, 1)."""
    clipped: npt.NDArray[np.float64] = np.clip(z / 4 + 0.5, 0.0, 1.0)
    return clipped
