"""A joint training on one side, the same for both algorithms: fit on some of the common rows, score others.

Rows are places among the common customers, which both sides hold in one order.  What a party's columns look like to the other
(bits, or bins) is exchanged; see `learning.encoding` and `learning.boosting`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.learning.boosting import (
    Bins,
    Boosting,
    BoostingState,
    JointTrees,
    bin_edges,
    binned,
    margins,
)
from tarim.federation.learning.encoding import Encoded, Encoder, Widths
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import JointModel, LogisticState, train
from tarim.federation.learning.logistic_blocks import Sigmoids, none_ready
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Shape, hear, say
from tarim.federation.node.custody import State
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.models import ModelPart, part_of_logistic, part_of_trees
from tarim.federation.node.terms import BoostingTerms, LogisticTerms, Output
from tarim.federation.queries import QueryPool, Question
from tarim.federation.randomness import Bits
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share

Places = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
Keep = Callable[[State], None]


@dataclass(frozen=True)
class Side:
    """What a training needs to know of this side.  labels: of the common rows, at the second party.  sigmoids: made ahead."""

    link: Channel
    contract: Contract
    role: Role
    rows: Rows
    places: Places
    labels: Bits | None
    sigmoids: Sigmoids = none_ready

    @property
    def features(self) -> tuple[str, ...]:
        """Names of own columns."""
        return self.contract.data(self.role).features

    def labels_of(self, places: Places) -> Bits | None:
        """The labels of some rows."""
        return None if self.labels is None else self.labels[places]

    def exchanged(self, columns: tuple[int, ...]) -> tuple[int, ...]:
        """The other party's public shape."""
        say(self.link, "shape of the columns", Shape(columns))
        theirs: tuple[int, ...] = hear(self.link, "shape of the columns", Shape).columns
        return theirs


class JointTraining(Protocol):
    """One of the two.  Both sides call the same in the same order."""

    def fit(self, session: Session, training: Places, progress: Progress, keep: Keep, begun: State | None) -> Any:
        """A model trained on these rows.  keep: given each step's state; begun: a state to go on from."""

    def scores(self, session: Session, model: Any, judged: Places, shuffled: int | None = None) -> Share:
        """Scores of these rows.  shuffled: an own column whose values are dealt out anew among them."""

    def part(self, model: Any) -> ModelPart:
        """What is kept of a model."""


def training_of(side: Side, terms: LogisticTerms | BoostingTerms) -> JointTraining:
    """The training of a contract by our own engine."""
    return LogisticTraining(side, terms) if isinstance(terms, LogisticTerms) else BoostingTraining(side, terms)


class LogisticTraining:
    """Logistic regression."""

    def __init__(self, side: Side, terms: LogisticTerms) -> None:
        self._side, self._terms = side, terms
        self._encoded = encoded_rows(side.rows, side.places)
        self._theirs = Widths(side.exchanged(self._encoded.widths.bits))

    def fit(
        self, session: Session, training: Places, progress: Progress, keep: Keep, begun: State | None
    ) -> JointModel:
        """See `JointTraining`."""
        if begun is not None and not isinstance(begun, LogisticState):
            raise ContractBreach("the run that is to be resumed trained something else", known=True)
        own, labels = some_of(self._encoded, training), self._side.labels_of(training)
        return train(session, own, self._theirs, labels, self._terms.plan, progress, keep, begun, self._side.sigmoids)

    def scores(self, session: Session, model: JointModel, judged: Places, shuffled: int | None = None) -> Share:
        """See `JointTraining`."""
        rows = some_of(self._encoded, judged)
        if shuffled is not None:
            counts = _encoded_columns(self._side)
            start = sum(counts[:shuffled])
            columns = slice(start, start + counts[shuffled])
            rows.integers[:, columns] = rows.integers[_dealt(len(judged)), columns]
        return QueryPool(session, [model], Question.SCORE, len(rows)).shared_scores(rows)[:, 0]

    def part(self, model: JointModel) -> ModelPart:
        """See `JointTraining`."""
        return part_of_logistic(self._side.contract.digest, self._side.places, model, self._side.features)


@dataclass(frozen=True)
class Trees:
    """Trees and the edges of own columns' bins."""

    trees: JointTrees
    edges: list[npt.NDArray[np.float64]]


class BoostingTraining:
    """Boosted trees; the bins are cut on the training rows."""

    def __init__(self, side: Side, terms: BoostingTerms) -> None:
        self._side, self._terms = side, terms
        self._columns = [column[side.places] for column in side.rows.features(np.sort(side.places), apart=False)]

    def fit(self, session: Session, training: Places, progress: Progress, keep: Keep, begun: State | None) -> Trees:
        """See `JointTraining`."""
        if begun is not None and not isinstance(begun, BoostingState):
            raise ContractBreach("the run that is to be resumed trained something else", known=True)
        edges, own, theirs = self._cut(training)
        labels, bins = self._side.labels_of(training), self._bins(edges, training)
        counts = bool(self._side.contract.opened_to(Output.GAIN))
        boosting = Boosting(session, bins, own, theirs, labels, self._terms.plan, counts_gains=counts)
        return Trees(boosting.run(progress, keep, begun), edges)

    def scores(self, session: Session, model: Trees, judged: Places, shuffled: int | None = None) -> Share:
        """See `JointTraining`."""
        bins = self._bins(model.edges, judged)
        if shuffled is not None:
            bins[:, shuffled] = bins[_dealt(len(judged)), shuffled]
        return Share(margins(session, model.trees, bins), LEAF_FRACTION_BITS)

    def part(self, model: Trees) -> ModelPart:
        """See `JointTraining`."""
        side = self._side
        return part_of_trees(
            side.contract.digest, side.places, model.trees, self._terms.loss, model.edges, side.features
        )

    def _cut(self, training: Places) -> tuple[list[npt.NDArray[np.float64]], Bins, Bins]:
        """Edges of own columns' bins, and the public shapes of both parties' columns."""
        edges = [bin_edges(column[training]) for column in self._columns]
        own = Bins(tuple(len(at) + 1 for at in edges))
        theirs = Bins(self._side.exchanged(own.counts))
        if len(theirs.counts) != len(self._side.contract.data(Role(1 - self._side.role)).features):
            raise ProtocolBroken("the other party has other columns than the contract names")
        return edges, own, theirs

    def _bins(self, edges: list[npt.NDArray[np.float64]], rows: Places) -> Binned:
        pairs = zip(self._columns, edges, strict=True)
        return np.stack([binned(column[rows], at) for column, at in pairs], axis=1)


def encoded_rows(rows: Rows, places: Places) -> Encoded:
    """Own rows of the common customers, encoded; what the encoder learns is of all of them, in the order of the file.

    So the runs of several contracts on the same data encode alike, and their models answer one question together.
    """
    order = np.sort(places)
    columns = rows.features(order, apart=True)
    encoder = Encoder.learned([column[order] for column in columns])
    return encoder.encoded([column[places] for column in columns])


def _encoded_columns(side: Side) -> list[int]:
    """How many encoded columns each own column became."""
    return [
        1 if raw.values.dtype.kind == "f" else len(np.unique(raw.values[side.places])) - 1 for raw in side.rows.raw()
    ]


def _dealt(rows: int) -> Places:
    """An order that nobody else knows."""
    return np.random.default_rng().permutation(rows)


def some_of(encoded: Encoded, places: Places) -> Encoded:
    """Some of the rows."""
    return Encoded(encoded.widths, encoded.integers[places])
