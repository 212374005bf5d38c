"""A joint training by the second engine, on one side: at two nodes, or at three with a custodian that computes along.

The columns, rows and shares are those of `trainings`; only the fitting is another's.  It has no steps to go on from: what
custodians of shares get is the finished model's part, one step that counts as all of them.  Opened are the splits of trees,
to their owners, at the end of the fitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.learning.boosting import BoostingState, JointTrees
from tarim.federation.learning.logistic import JointModel, LogisticState
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Work, say
from tarim.federation.node.custody import State
from tarim.federation.node.engines import KINDS
from tarim.federation.node.terms import BoostingTerms, LogisticTerms
from tarim.federation.node.trainings import (
    BoostingTraining,
    JointTraining,
    Keep,
    LogisticTraining,
    Places,
    Progress,
    Side,
    Trees,
    some_of,
)
from tarim.federation.second_engine.engine import SecondEngine
from tarim.federation.second_engine.interpreter import interpreter
from tarim.federation.second_engine.jobs import Done
from tarim.federation.session import Opening, Role, Session
from tarim.federation.sharing import Share

SPLITS = "splits of the trees"


def second_training_of(side: Side, terms: LogisticTerms | BoostingTerms, third: Channel | None) -> JointTraining:
    """The training of a contract that names the second engine.  third: the link to the third node, where there is one."""
    if isinstance(terms, LogisticTerms):
        return SecondLogistic(side, terms, third)
    return SecondBoosting(side, terms, third)


def openings_of(contract: Contract) -> list[Opening]:
    """What the second engine opens in a contract's training."""
    if not isinstance(contract.terms, BoostingTerms):
        return []
    plan = contract.terms.plan
    return [Opening(SPLITS, role, (plan.trees, (1 << plan.depth) - 1)) for role in Role]


def require_opened(done: Done, openings: Sequence[Opening]) -> None:
    """Nothing when the engine opened to each company what was noted before, and no more.  Raises ProtocolBroken."""
    opened = dict.fromkeys((int(role) for role in Role), 0)
    for _, rank, shape in done.openings:
        opened[rank] = opened.get(rank, 0) + int(np.prod(shape))
    noted = dict.fromkeys((int(role) for role in Role), 0)
    for each in openings:
        noted[int(each.recipient)] += int(np.prod(each.shape))
    if opened != noted:
        raise ProtocolBroken("the second engine opened something else than the contract has it open")


@dataclass(frozen=True)
class _Engine:
    """The second engine at a party's node."""

    side: Side
    third: Channel | None

    def begun(self, session: Session, work: Work, progress: Progress) -> SecondEngine:
        """With the third node told what it computes on, and what will be opened noted."""
        for each in openings_of(self.side.contract):
            session.note_opening(*each)
        if self.third is not None:
            say(self.third, "work", work)
        both: list[Channel | None] = [self.side.link, self.side.link]
        both[self.side.role] = None
        channels = both if self.third is None else [*both, self.third]

        def told(phase: str, done: int, whole: int) -> None:
            if phase == "training":
                progress(done, whole)

        kind = KINDS[self.side.contract.engine]
        return SecondEngine(kind, interpreter(), self.side.role, channels, progress=told)

    def work(self, rows: int, own: tuple[int, ...], theirs: tuple[int, ...]) -> Work:
        """The public shape of what is computed on."""
        first, second = (own, theirs) if self.side.role is Role.FIRST else (theirs, own)
        return Work(rows, first, second)


class SecondLogistic(LogisticTraining):
    """Logistic regression."""

    def __init__(self, side: Side, terms: LogisticTerms, third: Channel | None) -> None:
        super().__init__(side, terms)
        self._engine = _Engine(side, third)

    def fit(
        self, session: Session, training: Places, progress: Progress, keep: Keep, begun: State | None
    ) -> JointModel:
        """See `JointTraining`."""
        own, plan = some_of(self._encoded, training), self._terms.plan
        work = self._engine.work(len(own), own.widths.bits, self._theirs.bits)
        if begun is not None:
            if not isinstance(begun, LogisticState) or begun.epochs != plan.epochs:
                raise ContractBreach("the run that is to be resumed trained something else", known=True)
            widths = (own.widths, self._theirs) if session.first else (self._theirs, own.widths)
            return JointModel(Share(begun.weights, WEIGHT_FRACTION_BITS), *widths)
        engine = self._engine.begun(session, work, progress)
        model, done = engine.logistic(own, self._theirs, self._side.labels_of(training), plan)
        require_opened(done, openings_of(self._side.contract))
        keep(LogisticState(plan.epochs, model.weights.part(), plan.epochs))
        return model


class SecondBoosting(BoostingTraining):
    """Boosted trees."""

    def __init__(self, side: Side, terms: BoostingTerms, third: Channel | None) -> None:
        super().__init__(side, terms)
        self._engine = _Engine(side, third)

    def fit(self, session: Session, training: Places, progress: Progress, keep: Keep, begun: State | None) -> Trees:
        """See `JointTraining`."""
        edges, own, theirs = self._cut(training)
        plan = self._terms.plan
        if begun is not None:
            if not isinstance(begun, BoostingState) or len(begun.trees) != plan.trees:
                raise ContractBreach("the run that is to be resumed trained something else", known=True)
            return Trees(JointTrees(plan.depth, list(begun.trees)), edges)
        engine = self._engine.begun(session, self._engine.work(len(training), own.counts, theirs.counts), progress)
        labels, bins = self._side.labels_of(training), self._bins(edges, training)
        found, done = engine.boosting(bins, own, theirs, labels, plan)
        require_opened(done, openings_of(self._side.contract))
        keep(BoostingState(tuple(found.trees), np.zeros(0, np.uint64)))
        return Trees(found, edges)
