"""Answering about one customer from a model that stays shared: a decision, the best of several offers, or a score.

The SECOND party asks: it names the row by the reference both hold, and alone learns the answer.  Everything but the sums
is made ahead, while nobody waits (`QueryPool`): transfers with random choices for every bit of a row's columns, and the
comparison, garbled.

    second -> first   its bits against the random choices
    first -> second   its bits against the random choices; its weights times the other's bits, masked
    second -> first   its weights times the other's bits, masked
    first -> second   a - m              (score: its part of the score, and that is all)
    second -> first   the circuit's choices
    first -> second   a label a bit, and the colours of the outputs

Who learns what: the first party that a query was made and for which row; the second the answer that the contract opens and
nothing beside it: a score is not opened by a decision.  Semi-honest.  Scores are compared to their last bit.
|score| has to stay below 2^(COMPARED_BITS - 1 - SCORE_FRACTION_BITS) = 1,024.

What is made ahead is used once: rows are given out in order and never again, and the pool dies with its session.
Source: as `learning.products`; Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995, for the random choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, Unavailable
from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add, greatest, not_negative
from tarim.federation.garbling import Device, Wire, Word, number_of
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded
from tarim.federation.learning.logistic import SCORE_FRACTION_BITS, WEIGHT_FRACTION_BITS, JointModel
from tarim.federation.prepared import PreparedCircuit
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share, decoded

COMPARED_BITS: Final = 32
OFFERS_MAX: Final = 64
POOL_ROWS_MAX: Final = 1 << 20
_LANES: Final = 2
"""Words of one hash."""

Answer = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Question(StrEnum):
    """What is asked."""

    DECISION = "decision"
    """Whether the score reaches a public cut: 0 or 1."""
    BEST_OFFER = "best-offer"
    """The number of the model whose score is greatest; the lower one of two that are equal."""
    SCORE = "score"
    """The score, before the sigmoid."""


class QueryPool:
    """Correlations for so many rows, made ahead, and the questions they answer.  Both sides build it at the same time."""

    def __init__(
        self, session: Session, models: Sequence[JointModel], question: Question, rows: int, cut: float = 0.0
    ) -> None:
        """models: one, or for BEST_OFFER one for each offer, all on the same columns.  cut: of DECISION, public.

        Raises InputError.
        """
        if not 1 <= rows <= POOL_ROWS_MAX:
            raise InputError(f"a pool holds 1 to {POOL_ROWS_MAX} rows")
        if not 1 <= len(models) <= OFFERS_MAX or (len(models) > 1) is not (question is Question.BEST_OFFER):
            raise InputError(f"a best offer is asked of 2 to {OFFERS_MAX} models, everything else of one")
        if len({(model.first, model.second) for model in models}) != 1:
            raise InputError("the models are on other columns than each other")
        self._session, self._question, self._rows, self._used = session, question, rows, 0
        first, second = models[0].first, models[0].second
        weights = np.stack([model.weights.part() for model in models])
        bias = np.array([-(1 << FRACTION_BITS)], np.int64).view(np.uint64)
        offsets = np.concatenate([bias, first.offsets, second.offsets])
        self._constants: Words = np.uint64(0) - (weights * offsets).sum(axis=1)
        if question is Question.DECISION and session.first:
            self._constants -= np.rint(np.array([cut]) * 2.0**SCORE_FRACTION_BITS).astype(np.int64).view(np.uint64)
        of_first, of_second = weights[:, 1 : 1 + len(first)], weights[:, 1 + len(first) :]
        self._own, self._widths = (of_first, first) if session.first else (of_second, second)
        their_weights, their_widths = (of_second, second) if session.first else (of_first, first)
        self._given: Words = np.ascontiguousarray(
            (their_weights[:, their_widths.column_of_bit] * their_widths.weight_of_bit).T
        )
        self._prepare_transfers(rows, len(models))
        self._candidates = 1 << (len(models) - 1).bit_length()
        self._circuit = self._prepared_circuit(rows)
        if self._circuit is not None:
            self._circuit.receive()

    def _prepare_transfers(self, rows: int, models: int) -> None:
        session, uses = self._session, -(-models // _LANES)
        use, total = session.uses.take(2 * uses), self._widths.total
        self._choices: Bits = fresh_bits(rows * total).reshape(rows, total)
        chosen, given = (use, use + uses) if session.first else (use + uses, use)

        def pads(blocks: Blocks, of_use: int, bits: int) -> Words:
            found = [session.hashing(Domain.CORRELATED, of_use + each, blocks) for each in range(uses)]
            return np.ascontiguousarray(np.concatenate(found, axis=1)[:, :models]).reshape(rows, bits, models)

        def choose() -> None:
            self._chosen = pads(session.receiver.extend(self._choices.reshape(-1)), chosen, total)

        def give() -> None:
            theirs = len(self._given)
            q = session.sender.extend(rows * theirs)
            self._zero, self._one = pads(q, given, theirs), pads(q ^ session.sender.delta, given, theirs)

        for act in (choose, give) if session.first else (give, choose):
            act()

    def _prepared_circuit(self, rows: int) -> PreparedCircuit | None:
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
                return PreparedCircuit(self._session, decide, COMPARED_BITS, rows)
            case Question.BEST_OFFER:
                return PreparedCircuit(self._session, best, COMPARED_BITS, rows * candidates, candidates)

    @property
    def left(self) -> int:
        """Rows that can still be asked about."""
        return self._rows - self._used

    def answer(self, own: Encoded) -> None:
        """Answer a question about these rows, as the FIRST party.  Raises Unavailable when the pool is used up."""
        assert self._session.first
        channel, (part, start) = self._session.channel, self._scores(own)
        self._session.note_opening(f"query: {self._question.value}", Role.SECOND, (len(own),))
        if self._circuit is None:
            channel.send("opening: query, score", part[:, 0])
            return
        colours = self._circuit.outputs(self._padded(part), start * self._candidates)
        channel.send("opening: query, answer", packed(colours))

    def ask(self, own: Encoded) -> Answer:
        """The answer for each of these rows, as the SECOND party.  Raises Unavailable when the pool is used up."""
        assert not self._session.first
        channel, (part, start) = self._session.channel, self._scores(own)
        self._session.note_opening(f"query: {self._question.value}", Role.SECOND, (len(own),))
        if self._circuit is None:
            other = receive_one(channel, "opening: query, score", np.uint64, len(own))
            return decoded(part[:, 0] + other, SCORE_FRACTION_BITS)
        mine = self._circuit.outputs(self._padded(part), start * self._candidates)
        colours = receive_one(channel, "opening: query, answer", np.uint8, packed_bytes(mine.size))
        return number_of(mine ^ unpacked(colours, mine.shape)).astype(np.int64)

    def shared_scores(self, own: Encoded) -> Share:
        """Shares of the scores of these rows (rows, models), opened to nobody; both sides.  Raises Unavailable."""
        return Share(self._scores(own)[0], SCORE_FRACTION_BITS)

    def _scores(self, own: Encoded) -> tuple[Words, int]:
        """(this side's parts of the scores (rows, models), place of the first row in the pool)."""
        start = self._take(own)
        channel, rows, theirs = self._session.channel, len(own), len(self._given)
        flips = packed(own.bits ^ self._choices[start : start + rows])
        masked_shape = (rows, self._widths.total, len(self._own))
        if self._session.first:
            data = receive_one(channel, "query, own bits", np.uint8, packed_bytes(rows * theirs))
            products, sums = self._give(unpacked(data, (rows, theirs)), start)
            channel.send("query, own bits and products", flips, products)
            masked = receive_one(channel, "query, products", np.uint64, *masked_shape)
        else:
            channel.send("query, own bits", flips)
            data, masked = channel.receive(
                "query, own bits and products", (np.uint8, (packed_bytes(rows * theirs),)), (np.uint64, masked_shape)
            )
            products, sums = self._give(unpacked(data, (rows, theirs)), start)
            channel.send("query, products", products)
        chosen = self._chosen[start : start + rows] + masked * own.bits[:, :, None].astype(np.uint64)
        scores: Words = own.scaled @ self._own.T + chosen.sum(axis=1) + sums + self._constants
        return scores, start

    def _take(self, own: Encoded) -> int:
        if own.widths != self._widths:
            raise InputError("the rows have other columns than the model")
        if not 1 <= len(own) <= self.left:
            raise Unavailable(f"what was made ahead answers {self.left} more rows; make more")
        start = self._used
        self._used += len(own)
        return start

    def _give(self, flips: Bits, start: int) -> tuple[Words, Words]:
        """(masked products with the other side's bits, own shares of their sums (rows, models))."""
        part = slice(start, start + len(flips))
        flipped = flips[:, :, None].astype(bool)
        zero, one = self._zero[part], self._one[part]
        low, high = np.where(flipped, one, zero), np.where(flipped, zero, one)
        return low + self._given - high, np.uint64(0) - low.sum(axis=1)

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
