"""Answering about one customer from a model that stays shared: a decision, the best of several offers, or a score.

The SECOND party asks: it names the row by the reference both hold, and alone learns the answer.  Everything but the sums
is made ahead, while nobody waits (`QueryPool`): what the scoring needs, and the comparison, garbled.

    second -> first   its bits against random ones: `linear_queries`, `tree_queries`
    first -> second   its own, and its part of the score a less a random mask: a - m
                      (score: a itself, and that is all)
    second -> first   the circuit's choices, see `prepared`
    first -> second   a label a bit, and the colours of the outputs

Who learns what: the first party that a query was made and for which row; the second the answer that the contract opens and
nothing beside it: a score is not opened by a decision.  All it sees before are even bits, and numbers and labels under masks of
their own.  Semi-honest.  Scores are compared to their last bit.
|score| and |cut| have to stay below 2^(COMPARED_BITS - 2 - fraction bits): 512 of logistic regression; of trees 2^16, which
they do.  Between offers scores are compared up to twice that.

What is made ahead is used once: rows are given out in order and never again, and the pool dies with its session, or is stored
(`arrays`) before the first of its rows is used, and then begins where its keeper says (`node.stock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, Unavailable
from tarim.federation.channel import Array, Spec, packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add, greatest, not_negative
from tarim.federation.garbling import Device, Wire, Word, number_of
from tarim.federation.learning.boosting import JointTrees
from tarim.federation.learning.encoding import Encoded
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import SCORE_FRACTION_BITS, WEIGHT_FRACTION_BITS
from tarim.federation.linear_queries import LinearScoring
from tarim.federation.prepared import PreparedCircuit
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Meeting, Role
from tarim.federation.sharing import Share, decoded, encoded
from tarim.federation.tree_queries import TreeScoring

COMPARED_BITS: Final = 32
OFFERS_MAX: Final = 64
POOL_ROWS_MAX: Final = 1 << 20
SHARE_BITS: Final = 64
_WAYS: Final = "query, bits"
_WAYS_AND_INPUT: Final = "query, bits and masked part"
Answer = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Question(StrEnum):
    """What is asked."""

    DECISION = "decision"
    """Whether the score reaches a public cut: 0 or 1."""
    BEST_OFFER = "best-offer"
    """The number of the model whose score is greatest; the lower one of two that are equal."""
    SCORE = "score"
    """The score, before the sigmoid."""


class Scoring(Protocol):
    """Makes shares of scores; what it needs was made ahead for so many rows.

    own_bits, their_bits: told of each row.  ring_bits: shares are modulo 2^ring_bits, higher bits mean nothing.
    """

    fraction_bits: int
    ring_bits: int
    own_bits: int
    their_bits: int

    def arrays(self) -> dict[str, Array]:
        """What was made ahead, to be stored."""

    def count(self, own: Any) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""

    def ways(self, own: Any, start: int) -> Bits:
        """Own bits against the random ones, (rows, own_bits): what the other side is told.

        start: the first row in what was made ahead.
        """

    def parts(self, own: Any, mine: Bits, theirs: Bits, start: int) -> Words:
        """This side's parts of the scores, (rows, models), from what both sides were told."""


class QueryPool:
    """Correlations for so many rows, made ahead, and the questions they answer.  Both sides build it at the same time."""

    def __init__(
        self,
        session: Meeting,
        models: Sequence[JointModel] | Sequence[JointTrees],
        question: Question,
        rows: int,
        cut: float = 0.0,
        made: dict[str, Array] | None = None,
    ) -> None:
        """models: one, or for BEST_OFFER one for each offer, all of one kind.  cut: of DECISION, public.

        made: what `arrays` gave; without it, it is made now, in a `Session`.  Raises InputError.
        """
        if not 1 <= rows <= POOL_ROWS_MAX:
            raise InputError(f"a pool holds 1 to {POOL_ROWS_MAX} rows")
        if not 1 <= len(models) <= OFFERS_MAX or (len(models) > 1) is not (question is Question.BEST_OFFER):
            raise InputError(f"a best offer is asked of 2 to {OFFERS_MAX} models, everything else of one")
        self._session, self._question, self._rows, self._used = session, question, rows, 0
        trees = [model for model in models if isinstance(model, JointTrees)]
        linear = [model for model in models if isinstance(model, JointModel)]
        if trees and linear:
            raise InputError("the scores of trees and those of logistic regression are not compared with each other")
        reach = 2.0 ** (COMPARED_BITS - 2 - (TreeScoring if trees else LinearScoring).fraction_bits)
        if not abs(cut) < reach:
            raise InputError(f"a cut lies between {-reach:,.0f} and {reach:,.0f}")
        self._scoring: Scoring = (
            TreeScoring(session, trees, rows, made) if trees else LinearScoring(session, linear, rows, made)
        )
        self._cut: Words = np.zeros(1, np.uint64)
        if question is Question.DECISION and session.first:
            self._cut = encoded(np.array([cut]), self._scoring.fraction_bits)
        self._candidates = 1 << (len(models) - 1).bit_length()
        self._circuit = self._prepared_circuit(rows, made)
        if self._circuit is not None:
            self._circuit.receive()

    def arrays(self) -> dict[str, Array]:
        """All that was made ahead, to be stored; before any row is used."""
        assert self._used == 0
        return self._scoring.arrays() | ({} if self._circuit is None else self._circuit.arrays())

    def skip(self, rows: int) -> None:
        """Never use the next rows; both sides."""
        assert 0 <= rows <= self.left
        self._used += rows

    def _prepared_circuit(self, rows: int, made: dict[str, Array] | None) -> PreparedCircuit | None:
        candidates = self._candidates

        def decide(device: Device, one: Word, other: Word) -> list[Wire]:
            return [not_negative(device, one, other)]

        def best(device: Device, one: Word, other: Word) -> list[Wire]:
            total = add(device, one, other)
            return greatest(device, [*total[:-1], device.negation(total[-1])], candidates)

        match self._question:
            case Question.SCORE:
                return None
            case Question.DECISION:
                return PreparedCircuit(self._session, decide, COMPARED_BITS, rows, made=made)
            case Question.BEST_OFFER:
                return PreparedCircuit(self._session, best, COMPARED_BITS, rows * candidates, candidates, made)

    @property
    def left(self) -> int:
        """Rows that can still be asked about."""
        return self._rows - self._used

    def answer(self, own: Any) -> None:
        """Answer a question about these rows, as the FIRST party.  Raises Unavailable when the pool is used up.

        own: `Encoded` for logistic regression, for trees an array of bins (rows, columns) for each model.
        """
        assert self._session.first
        channel, start, mine = self._session.channel, *self._told(own)
        rows, place = len(mine), start * self._candidates
        theirs = self._received_ways(rows)
        part = self._scoring.parts(own, mine, theirs, start) - self._cut
        self._session.note_opening(f"query: {self._question.value}", Role.SECOND, (rows,))
        if self._circuit is None:
            channel.send(_WAYS, packed(mine))
            channel.send("opening: query, score", part[:, 0])
            return
        padded = self._padded(part)
        channel.send(_WAYS_AND_INPUT, packed(mine), self._circuit.masked(padded, place))
        self._circuit.send_labels(len(padded), place)
        groups = slice(start, start + rows)
        channel.send("opening: query, answer", packed(self._circuit.garbled_outputs[:, groups]))

    def ask(self, own: Any) -> Answer:
        """The answer for each of these rows, as the SECOND party.  Raises Unavailable when the pool is used up."""
        assert not self._session.first
        channel, start, mine = self._session.channel, *self._told(own)
        rows, place = len(mine), start * self._candidates
        self._session.note_opening(f"query: {self._question.value}", Role.SECOND, (rows,))
        channel.send(_WAYS, packed(mine))
        if self._circuit is None:
            part = self._scoring.parts(own, mine, self._received_ways(rows), start)
            other = receive_one(channel, "opening: query, score", np.uint64, rows)
            unused = np.uint64(64 - self._scoring.ring_bits)
            return decoded((part[:, 0] + other) << unused, self._scoring.fraction_bits + int(unused))
        data, masked = channel.receive(
            _WAYS_AND_INPUT, self._ways_spec(rows), self._circuit.masked_spec(rows * self._candidates)
        )
        part = self._scoring.parts(own, mine, self._unpacked(data, rows), start)
        bits = self._circuit.evaluated(self._padded(part), masked, place)
        colours = receive_one(channel, "opening: query, answer", np.uint8, packed_bytes(bits.size))
        return number_of(bits ^ unpacked(colours, bits.shape)).astype(np.int64)

    def shared_scores(self, own: Any) -> Share:
        """Shares of the scores of these rows (rows, models) of logistic regression, opened to nobody; both sides.

        Raises Unavailable.
        """
        assert self._scoring.ring_bits == SHARE_BITS
        start, mine = self._told(own)
        self._session.channel.send(_WAYS, packed(mine))
        part = self._scoring.parts(own, mine, self._received_ways(len(mine)), start)
        return Share(part, self._scoring.fraction_bits)

    def _told(self, own: Any) -> tuple[int, Bits]:
        """(place of the first row in the pool, what the other side is told of the rows)."""
        start = self._take(own)
        return start, self._scoring.ways(own, start)

    def _received_ways(self, rows: int) -> Bits:
        kind, shape = self._ways_spec(rows)
        return self._unpacked(receive_one(self._session.channel, _WAYS, kind, *shape), rows)

    def _ways_spec(self, rows: int) -> Spec:
        return np.uint8, (packed_bytes(rows * self._scoring.their_bits),)

    def _unpacked(self, data: Array, rows: int) -> Bits:
        return unpacked(data, (rows, self._scoring.their_bits))

    def _take(self, own: Any) -> int:
        rows = self._scoring.count(own)
        if not 1 <= rows <= self.left:
            raise Unavailable(f"what was made ahead answers {self.left} more rows; make more")
        start = self._used
        self._used += rows
        return start

    def _padded(self, part: Words) -> Words:
        """One number after the other; places without a model hold the least number there is, as the first party's."""
        least = np.uint64(1 << (COMPARED_BITS - 1)) if self._session.first else np.uint64(0)
        full = np.full((len(part), self._candidates), least, np.uint64)
        full[:, : part.shape[1]] = part
        return full.reshape(-1)


def answered_in_the_clear(
    models: Sequence[npt.NDArray[np.float64]], question: Question, first: Encoded, second: Encoded, cut: float = 0.0
) -> Answer:
    """The plaintext twin.  models: weights (bias, first party's, second party's) with WEIGHT_FRACTION_BITS fraction bits."""
    x = np.column_stack([np.ones(len(first)), first.values, second.values])
    exact = np.rint(np.stack(models) * 2.0**WEIGHT_FRACTION_BITS) / 2.0**WEIGHT_FRACTION_BITS
    scores: npt.NDArray[np.float64] = x @ exact.T
    match question:
        case Question.SCORE:
            single: Answer = scores[:, 0]
            return single
        case Question.DECISION:
            threshold = np.rint(cut * 2.0**SCORE_FRACTION_BITS) / 2.0**SCORE_FRACTION_BITS
            decisions: Answer = (scores[:, 0] >= threshold).astype(np.int64)
            return decisions
        case Question.BEST_OFFER:
            best: Answer = scores.argmax(axis=1)
            return best
