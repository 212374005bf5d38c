"""Garbled circuits over many rows at once: half gates, free XOR, point and permute; tables stream as they are made.

Who learns what: the evaluator sees one label a wire, which says nothing about the bit; the garbler sees nothing.  The colour
of an output label (its lowest bit) is an XOR share of the output, so results stay shared; opening is a step of its own.
Semi-honest.  32 bytes an AND gate and row from garbler to evaluator, nothing for XOR and NOT; the first party's inputs cost
16 bytes in all (a seed), the second party's one transfer a bit.

A circuit is a function over a device and wires; XOR is the operator `^` of the wires themselves.  Run on `Plain` it is its
own plaintext twin.

Sources: Yao 1986; Kolesnikov, Schneider 2008 (free XOR); Zahur, Rosulek, Evans, EUROCRYPT 2015 (half gates).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Channel, receive_one
from tarim.federation.errors import ProtocolBroken
from tarim.federation.hashing import Domain, Permutation
from tarim.federation.kernels import garbling as kernel
from tarim.federation.randomness import SEED_BYTES, Bits, Stream, Words, fresh_seed
from tarim.federation.session import Session

Wire = npt.NDArray[Any]
"""Labels uint64 (n, 2), or bits uint8 (n,) on the plain device."""
Word = list[Wire]
"""A number's wires, lowest bit first, two's complement where it is signed."""

CHUNK_ROWS: Final = 1 << 17
"""Rows of tables in a message: 4 MiB, so that neither side ever holds a whole circuit."""


class Device(Protocol):
    """What a circuit is computed on."""

    def conjunction(self, a: Wire, b: Wire) -> Wire:
        """Both a and b."""

    def negation(self, a: Wire) -> Wire:
        """Not a."""


class Plain:
    """Bits as they are."""

    def __init__(self) -> None:
        self.gates = 0
        """AND gates times rows so far: what the circuit costs."""

    def conjunction(self, a: Wire, b: Wire) -> Wire:
        """Both a and b."""
        self.gates += len(a)
        return a & b

    def negation(self, a: Wire) -> Wire:
        """Not a."""
        return a ^ np.uint8(1)


Table = npt.NDArray[np.uint64]
"""Of one gate, shape (n, 4)."""


class Garbler:
    """Makes the gates and hands each table to `sink`."""

    def __init__(self, permutation: Permutation, delta: npt.NDArray[np.uint64], sink: Callable[[Table], None]) -> None:
        self._permutation = permutation
        self._delta = delta
        self._sink = sink
        self._gate = 0

    def conjunction(self, a: Wire, b: Wire) -> Wire:
        """Both a and b."""
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        prepared = np.empty((4 * len(a), 2), np.uint64)
        kernel.prepare_garbling(a, b, self._delta, np.uint64(self._gate), np.uint64(0), prepared)
        table, out = np.empty((len(a), 4), np.uint64), np.empty((len(a), 2), np.uint64)
        kernel.garble(a, b, self._delta, prepared, self._permutation(prepared), table, out)
        self._gate += 1
        self._sink(table)
        return out

    def negation(self, a: Wire) -> Wire:
        """Not a."""
        negated: Wire = a ^ self._delta
        return negated


class Evaluator:
    """Follows the gates; `source` gives the next gate's table of so many rows.

    first_group, groups: the wires hold so many groups of rows from this one on, of those that were garbled together.
    """

    def __init__(
        self, permutation: Permutation, source: Callable[[int], Table], first_group: int = 0, groups: int = 1
    ) -> None:
        self._permutation = permutation
        self._source = source
        self._first_group, self._groups = first_group, groups
        self._gate = 0

    def conjunction(self, a: Wire, b: Wire) -> Wire:
        """Both a and b."""
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        prepared = np.empty((2 * len(a), 2), np.uint64)
        first = np.uint64(self._first_group * (len(a) // self._groups))
        kernel.prepare_evaluating(a, b, np.uint64(self._gate), first, prepared)
        out = np.empty((len(a), 2), np.uint64)
        kernel.evaluate(a, b, prepared, self._permutation(prepared), self._source(len(a)), out)
        self._gate += 1
        return out

    def negation(self, a: Wire) -> Wire:
        """Not a: the garbler exchanges the labels."""
        return a


class TableSender:
    """A sink that sends tables as they are made, many in a message."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: list[Table] = []
        self._rows = 0

    def __call__(self, table: Table) -> None:
        """Take a gate's table."""
        self._waiting.append(table)
        self._rows += len(table)
        if self._rows >= CHUNK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Send the tables that wait."""
        if self._rows:
            self._channel.send("garbled tables", np.concatenate(self._waiting))
            self._waiting.clear()
            self._rows = 0


class TableReader:
    """A source that reads tables as they come; a gate's rows lie in one message."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tables = np.empty((0, 4), np.uint64)

    def __call__(self, rows: int) -> Table:
        """The next gate's table.  Raises ProtocolBroken."""
        if not len(self._tables):
            (self._tables,) = self._channel.receive("garbled tables", (np.uint64, (-1, 4)))
        if len(self._tables) < rows:
            raise ProtocolBroken("the garbled tables end within a gate")
        table, self._tables = self._tables[:rows], self._tables[rows:]
        return table


class Inputs:
    """One party's inputs of a circuit.  values: (n,) for each word, None at the other party; widths: bits of each."""

    def __init__(self, widths: Sequence[int], values: Sequence[Words] | None) -> None:
        assert values is None or len(values) == len(widths)
        self.widths = tuple(widths)
        self.values = values

    def bits(self) -> Bits:
        """All bits, shape (sum of widths, n): the lowest bit of the first word first."""
        assert self.values is not None
        return np.concatenate([bits_of(word, width) for word, width in zip(self.values, self.widths, strict=True)])


Circuit = Callable[[Device, list[Word], list[Word]], list[Wire]]
"""A device, the first party's words and the second's, to output wires."""


def shared_outputs(session: Session, circuit: Circuit, first: Inputs, second: Inputs, rows: int, use: int) -> Bits:
    """XOR shares of the circuit's outputs, shape (outputs, rows).  The first party garbles.  Raises ProtocolBroken."""
    permutation = session.hashing.permutation(Domain.GARBLING, use)
    wires = [
        split(labels, of.widths)
        for labels, of in (
            (_first_labels(session, first, rows), first),
            (_second_labels(session, second, rows), second),
        )
    ]
    if session.first:
        sink = TableSender(session.channel)
        outputs = circuit(Garbler(permutation, session.sender.delta, sink), *wires)
        sink.flush()
    else:
        outputs = circuit(Evaluator(permutation, TableReader(session.channel)), *wires)
    return np.stack([colours(wire) for wire in outputs])


def colours(wire: Wire) -> Bits:
    """The lowest bit of each label."""
    return (wire[:, 0] & np.uint64(1)).astype(np.uint8)


def bits_of(words: Words, width: int) -> Bits:
    """The lowest bits of numbers (n,), shape (width, n)."""
    return ((words[None, :] >> np.arange(width, dtype=np.uint64)[:, None]) & np.uint64(1)).astype(np.uint8)


def number_of(bits: Bits) -> Words:
    """Numbers (n,) of bits (width, n), lowest first."""
    places = np.arange(len(bits), dtype=np.uint64)[:, None]
    numbers: Words = np.bitwise_or.reduce(bits.astype(np.uint64) << places, axis=0)
    return numbers


def _first_labels(session: Session, inputs: Inputs, rows: int) -> npt.NDArray[np.uint64]:
    """The garbler's own inputs: active labels are stretched from a seed that the evaluator gets."""
    width = sum(inputs.widths)
    if session.first:
        seed = fresh_seed()
        session.channel.send("seed of the garbler's labels", np.frombuffer(seed, np.uint8))
        labels = Stream(seed).words(width, rows, 2)
        zero_labels: npt.NDArray[np.uint64] = labels ^ (masks(inputs.bits())[..., None] & session.sender.delta)
        return zero_labels
    seed = receive_one(session.channel, "seed of the garbler's labels", np.uint8, SEED_BYTES).tobytes()
    return Stream(seed).words(width, rows, 2)


def _second_labels(session: Session, inputs: Inputs, rows: int) -> npt.NDArray[np.uint64]:
    """The evaluator's inputs: a transfer's q is the zero label, its t the active one."""
    width = sum(inputs.widths)
    if session.first:
        found = session.sender.extend(width * rows)
    else:
        found = session.receiver.extend(inputs.bits().reshape(-1))
    return found.reshape(width, rows, 2)


def masks(bits: Bits) -> Words:
    """All ones where a bit is set."""
    return np.uint64(0) - bits.astype(np.uint64)


def split(labels: npt.NDArray[np.uint64], widths: Sequence[int]) -> list[Word]:
    """Labels (sum of widths, n, 2) as words."""
    ends = np.cumsum((0, *widths)).tolist()
    return [list(labels[start:end]) for start, end in itertools.pairwise(ends)]
