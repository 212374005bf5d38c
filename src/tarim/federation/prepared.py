"""A garbled circuit made before its inputs are known, for sums of two shares: online three messages and no table.

The circuit's input is a number u of so many bits, shared as u = a + b.  Before, the garbler garbles it with a random mask m in
its own place (labels from a seed) and both make one transfer a bit with random choices.

    garbler -> evaluator   a - m, uniform
    evaluator -> garbler   the bits of b + (a - m) against its random choices, uniform
    garbler -> evaluator   one label a bit

Inside, the circuit adds mask and evaluator's number.  Outputs are XOR shares, as with every circuit.

Who learns what: nothing.  Semi-honest.  16 bytes a bit online; 32 bytes a gate and 4 a bit before.
The label a transfer brings: message q ^ L ^ e delta opens to t ^ L^(bit), so L has to be fresh and never q itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Array, Spec, packed, packed_bytes, receive_one, unpacked
from tarim.federation.garbling import (
    Device,
    Evaluator,
    Garbler,
    Plain,
    Table,
    TableReader,
    TableSender,
    Wire,
    Word,
    bits_of,
    colours,
    masks,
)
from tarim.federation.hashing import Blocks, Domain, Hashing, Permutation
from tarim.federation.randomness import SEED_BYTES, Bits, Stream, Words, fresh_bits, fresh_seed, fresh_words
from tarim.federation.session import Meeting, Session

SumCircuit = Callable[[Device, Word, Word], list[Wire]]
"""A device and the wires of two numbers whose sum is the input, to output wires.

It may give one output row for each group of `group` input rows; a group's rows follow each other.
"""


@dataclass
class _Garbled:
    labels: Blocks
    """q ^ L, shape (bits, rows, 2)."""
    mask: Words
    outputs: Bits
    """The garbler's XOR shares, shape (outputs, rows / group)."""
    delta: Words
    """The offset of the labels, (2,)."""

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        return {"labels": self.labels, "mask": self.mask, "outputs": self.outputs, "delta": self.delta}


@dataclass
class _ToEvaluate:
    choices: Bits
    labels: Blocks
    masked_labels: Blocks
    tables: list[Table]
    permutation: Permutation

    def arrays(self) -> dict[str, Array]:
        """To be stored, all but the permutation, which salt and use give again."""
        tables: dict[str, Array] = {f"table {number}": table for number, table in enumerate(self.tables)}
        return tables | {"flips": self.choices, "labels": self.labels, "masked labels": self.masked_labels}


class PreparedCircuit:
    """Prepared for a block of rows, used for slices of it, each row once.

    Made by both sides at the same time: the evaluator asks for transfers, the garbler garbles and sends.  The evaluator takes
    what comes when it calls `receive`, and may do other work before.
    """

    def __init__(
        self,
        session: Meeting,
        circuit: SumCircuit,
        bits: int,
        rows: int,
        group: int = 1,
        made: dict[str, Array] | None = None,
    ) -> None:
        """rows: a multiple of `group`.  made: what `arrays` gave; without it, it is made now, in a `Session`."""
        assert rows % group == 0 and bits <= 64
        self._session = session
        self._circuit = circuit
        self._bits, self._group = bits, group
        self._mask = np.uint64(2**bits - 1)
        self._kind = np.dtype(np.uint16 if bits <= 16 else np.uint32 if bits <= 32 else np.uint64)
        self._rows = rows
        self._to_evaluate: _ToEvaluate | None = None
        self._garbled: _Garbled | None = None
        if made is not None:
            self._restore(made)
            return
        assert isinstance(session, Session)
        self._making, self._use = session, session.uses.take()
        if session.first:
            self._garbled = self._garble()
        else:
            self._choices = fresh_bits(bits * rows).reshape(bits, rows)
            self._transfers = session.receiver.extend(self._choices.reshape(-1)).reshape(bits, rows, 2)

    def used_in(self, session: Meeting) -> None:
        """Go on there: what was made ahead by one thread is used by another."""
        self._session = session

    def arrays(self) -> dict[str, Array]:
        """What was made ahead, to be stored; after `receive`."""
        held = self._garbled or self._to_evaluate
        assert held is not None
        return held.arrays() | {"salt": self._making.hashing.salt, "use": np.array([self._use])}

    def _restore(self, made: dict[str, Array]) -> None:
        if self._session.first:
            self._garbled = _Garbled(made["labels"], made["mask"], made["outputs"], made["delta"])
            return
        tables = [made[f"table {number}"] for number in range(sum(name.startswith("table ") for name in made))]
        permutation = Hashing(made["salt"].tobytes()).permutation(Domain.GARBLING, int(made["use"][0]))
        self._to_evaluate = _ToEvaluate(made["flips"], made["labels"], made["masked labels"], tables, permutation)

    def _garble(self) -> _Garbled:
        session, delta, bits, rows = self._making, self._making.sender.delta, self._bits, self._rows
        q = session.sender.extend(bits * rows).reshape(bits, rows, 2)
        mask, seed = fresh_words(rows) & self._mask, fresh_seed()
        session.channel.send("seed of the mask's labels", np.frombuffer(seed, np.uint8))
        own = Stream(seed).words(bits, rows, 2) ^ (masks(bits_of(mask, bits))[..., None] & delta)
        theirs = fresh_words(bits, rows, 2)
        sink = TableSender(session.channel)
        device = Garbler(session.hashing.permutation(Domain.GARBLING, self._use), delta, sink)
        outputs = np.stack([colours(wire) for wire in self._circuit(device, list(own), list(theirs))])
        sink.flush()
        return _Garbled(q ^ theirs, mask, outputs, delta)

    def receive(self) -> None:
        """Take labels and tables, at the evaluator; nothing to do at the garbler, or with what was made ahead."""
        if self._session.first or self._to_evaluate is not None:
            return
        session, bits, rows = self._making, self._bits, self._rows
        seed = receive_one(session.channel, "seed of the mask's labels", np.uint8, SEED_BYTES).tobytes()
        read = TableReader(session.channel)
        tables = [read(size) for size in self._gate_rows(rows)]
        labels = Stream(seed).words(bits, rows, 2)
        permutation = session.hashing.permutation(Domain.GARBLING, self._use)
        self._to_evaluate = _ToEvaluate(self._choices, labels, self._transfers, tables, permutation)

    @property
    def garbled_outputs(self) -> Bits:
        """The garbler's XOR shares of all outputs, known before any input is; at the garbler only."""
        assert self._garbled is not None
        return self._garbled.outputs

    def _gate_rows(self, rows: int) -> list[int]:
        """Rows of each gate, by a walk through the circuit in the clear for one group."""
        device = _Counting()
        zeros = [np.zeros(self._group, np.uint8)] * self._bits
        self._circuit(device, zeros, zeros)
        return [size * (rows // self._group) for size in device.sizes]

    def outputs(self, values: Words, start: int) -> Bits:
        """XOR shares of the outputs, shape (outputs, rows / group), for rows start, start + 1, ...; both sides.

        values: this side's parts of the numbers, (rows,).
        """
        channel, rows = self._session.channel, len(values)
        if self._garbled is not None:
            channel.send("prepared circuit, masked input", self.masked(values, start))
            self.send_labels(rows, start)
            return self.garbled_outputs[:, start // self._group : (start + rows) // self._group]
        (masked,) = channel.receive("prepared circuit, masked input", self.masked_spec(rows))
        return self.evaluated(values, masked, start)

    def masked_spec(self, rows: int) -> Spec:
        """What `masked` gives for so many rows."""
        return self._kind, (rows,)

    def masked(self, values: Words, start: int) -> Array:
        """The garbler's parts, masked: the first message, for the caller to send."""
        assert self._garbled is not None
        mask = self._garbled.mask[start : start + len(values)]
        return ((values - mask) & self._mask).astype(self._kind)

    def send_labels(self, rows: int, start: int) -> None:
        """The other two messages, at the garbler: take the choices, send the labels."""
        block, channel, part = self._garbled, self._session.channel, slice(start, start + rows)
        assert block is not None
        size = packed_bytes(self._bits * rows)
        flips = unpacked(receive_one(channel, "prepared circuit, choices", np.uint8, size), (self._bits, rows))
        labels = block.labels[:, part] ^ (masks(flips)[..., None] & block.delta)
        channel.send("prepared circuit, labels", labels)

    def evaluated(self, values: Words, masked: Array, start: int) -> Bits:
        """The other two messages, at the evaluator: its XOR shares of the outputs, from its own parts and the masked ones."""
        block, channel, rows = self._to_evaluate, self._session.channel, len(values)
        part = slice(start, start + rows)
        assert block is not None
        bits = bits_of((values + masked) & self._mask, self._bits)
        channel.send("prepared circuit, choices", packed(bits ^ block.choices[:, part]))
        labels = receive_one(channel, "prepared circuit, labels", np.uint64, self._bits, rows, 2)
        theirs = labels ^ block.masked_labels[:, part]
        first, last = part.start // self._group, part.stop // self._group
        stored = _slices(block.tables, len(block.masked_labels[0]) // self._group, first, last)
        device = Evaluator(block.permutation, lambda _rows: next(stored), first_group=first, groups=last - first)
        wires = self._circuit(device, list(block.labels[:, part]), list(theirs))
        return np.stack([colours(wire) for wire in wires])


def _slices(tables: list[Table], groups: int, first: int, last: int) -> Iterator[Table]:
    for table in tables:
        size = len(table) // groups
        yield np.ascontiguousarray(table[first * size : last * size])


class _Counting(Plain):
    """Notes how many rows each gate has."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def conjunction(self, a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        self.sizes.append(len(a))
        return super().conjunction(a, b)
