"""Carrying out a contract with the other party, on a connection where both have agreed to.

Common customers are found first; both sides then hold them in one order, and the rows to judge a model by are drawn from a seed
that is public: the contract's digest and the run's id.  Everything both must agree on follows from these two.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, InputError
from tarim.federation.adapters.link import Link
from tarim.federation.intersection import normalised
from tarim.federation.learning.logistic import LogisticState
from tarim.federation.learning.logistic_blocks import Sigmoids, none_ready
from tarim.federation.node.campaigns import campaign_sums
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Ready, hear, say
from tarim.federation.node.custody import Custody, State
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.engines import Engine
from tarim.federation.node.finding import found_by
from tarim.federation.node.judging import cross_validated, figures_of, importances, judged_curve, shares_gained
from tarim.federation.node.models import ModelPart
from tarim.federation.node.scorecards import Scorecards
from tarim.federation.node.scoring import Scored, encrypted_scores, require_columns, scorer
from tarim.federation.node.screening import Screened, Screening
from tarim.federation.node.second_trainings import second_training_of
from tarim.federation.node.sigmoids import StockedSigmoids
from tarim.federation.node.stock import Stock
from tarim.federation.node.terms import (
    BoostingTerms,
    CampaignTerms,
    CrossTerms,
    IntersectionTerms,
    LogisticTerms,
    Output,
    ScoreTerms,
    ScreeningTerms,
    Terms,
)
from tarim.federation.node.trainings import Side, training_of
from tarim.federation.node.transcripts import Held, Opened, Step
from tarim.federation.session import Opening, Role, Session

JUDGED_ROWS_MAX: Final = 200_000

Places = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]
"""Told the phase, and how much of it is done out of how much."""


@dataclass
class Outcome:
    """What came of a run, on this side.  common: own rows that both have, where this side was to learn it.

    iterations: of a training, how far it came.
    """

    steps: list[Step] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    iterations: dict[str, int] = field(default_factory=dict)
    result: dict[str, float] = field(default_factory=dict)
    common: Places | None = None
    model: ModelPart | None = None
    screened: Screened | None = None
    scored: Scored | None = None
    custody: list[Held] = field(default_factory=list)
    resumes: str = ""


class Computation:
    """One run of one contract, on one side."""

    def __init__(
        self,
        link: Link,
        role: Role,
        contract: Contract,
        run: str,
        rows: Rows,
        outcome: Outcome,
        keep: Callable[[ModelPart], None],
        note: Callable[[Opened], None],
        progress: Progress,
        custody: Custody | None = None,
        stock: Stock | None = None,
        third: Link | None = None,
        scorecards: Scorecards | None = None,
    ) -> None:
        """outcome: what is filled in.  keep: keeps this side's part of the model, durably.

        note: writes down what is about to be opened.  third: the link to the third node, in a run of three.
        """
        self._link, self._role, self._contract, self._run = link, role, contract, run
        self._rows, self._keep, self._note, self._progress = rows, keep, note, progress
        self._stock, self._third, self._scorecards, self.outcome = stock, third, scorecards, outcome
        self._custody, self._begun = custody, None if custody is None else custody.begun
        self._names = {each: contract.member(each).name for each in Role}

    def carry_out(self) -> None:
        """Do what the contract says.  `outcome` holds what was done so far when it raises.

        Raises InputError, FederationError.
        """
        terms = self._contract.terms
        if isinstance(terms, IntersectionTerms):
            learners = self._contract.opened_to(Output.COMMON)
            for each in sorted(learners):
                self._opened(Opening(Output.COMMON.value, each, ()))
            self.outcome.common = self._common(learners, terms.padded_to)
            return
        for each in Role:  # both have to know their rows of the customers that they compute on
            self._opened(Opening(Output.COMMON.value, each, ()))
        places = self._common(frozenset(Role)) if self._begun is None else self._begun.places
        assert places is not None
        if len(places) < 2:
            raise DefinitionError("the parties have fewer than two customers in common")
        if isinstance(terms, ScreeningTerms):
            self._screening(places)
            return
        if isinstance(terms, CampaignTerms):
            self._campaign(terms, places)
            return
        if isinstance(terms, ScoreTerms):
            self._scores(terms, places)
            return
        with self._step("session"):
            session = Session(self._link, self._role, self._opened)
        side = Side(
            self._link, self._contract, self._role, self._rows, places, self._labels(places), self._sigmoids(terms)
        )
        if isinstance(terms, CrossTerms):
            with self._step("cross-validation"):
                joint = training_of(side, terms.model)
                self.outcome.result = cross_validated(session, side, joint, terms, self._progress)
        elif isinstance(terms, LogisticTerms | BoostingTerms):
            self._trained(session, side, terms)
        else:
            raise DefinitionError("questions are asked in a conversation of their own")

    def _trained(self, session: Session, side: Side, terms: LogisticTerms | BoostingTerms) -> None:
        training, judged = self._split(len(side.places))
        self.outcome.rows |= {"training": len(training), "judged": len(judged)}
        begun = None if self._begun is None else self._begun.state
        with self._step("training"), self._with_third():
            own = self._contract.engine is Engine.OWN
            joint = training_of(side, terms) if own else second_training_of(side, terms, self._third)
            model = joint.fit(
                session,
                training,
                lambda done, whole: self._iterated(
                    "steps" if isinstance(terms, LogisticTerms) else "trees", done, whole
                ),
                lambda state: self._held(side.places, state),
                begun,
            )
        self._kept(joint.part(model))
        if len(judged) and self._contract.opened_to(Output.CURVE):
            with self._step("judging"):
                found = judged_curve(session, side, joint, model, judged, Output.CURVE)
                self.outcome.result |= figures_of(found)
        if len(judged) and self._contract.opened_to(Output.IMPORTANCE):
            with self._step("importance"):
                self.outcome.result |= importances(session, side, joint, model, judged, self._progress)
        if self._contract.opened_to(Output.GAIN):
            with self._step("gain"):
                self.outcome.result |= shares_gained(session, side, model)

    def _sigmoids(self, terms: Terms) -> Sigmoids:
        """What was made ahead for this contract's training."""
        if self._stock is None or not isinstance(terms, LogisticTerms):
            return none_ready
        return StockedSigmoids(self._stock, self._contract.digest, terms.plan)

    def _opened(self, opening: Opening) -> None:
        self._note(Opened(opening.what, self._names[opening.recipient], opening.shape))

    def _common(self, learners: frozenset[Role], padded_to: int = 0) -> Places | None:
        """Own rows that both have, in the common order."""
        kind = self._contract.data(self._role).key_kind
        found: dict[bytes, int] = {}
        unreadable = repeated = 0
        for place, text in enumerate(self._rows.keys()):
            try:
                key = normalised(kind, text)
            except InputError:
                unreadable += 1
                continue
            if key in found:
                repeated += 1
            else:
                found[key] = place
        if repeated:
            raise DefinitionError(f"{repeated} rows of the data set have a key that another row has; drop them first")
        self.outcome.rows |= {"own": len(self._rows), "unreadable": unreadable}
        context = bytes.fromhex(self._contract.digest) + bytes.fromhex(self._run)
        with self._step("common customers"):
            places = found_by(
                self._contract.found_by,
                padded_to,
                self._link,
                self._role,
                list(found),
                context,
                learners,
                lambda done, whole: self._progress("common customers", done, whole),
            )
        if places is None:
            return None
        self.outcome.rows["common"] = len(places)
        own = np.fromiter(found.values(), np.int64, len(found))
        return own[places]

    def _split(self, count: int) -> tuple[Places, Places]:
        """Common places to train on and to judge by."""
        origin = self._run if self._begun is None else self._begun.origin
        seed = hashlib.sha256(bytes.fromhex(self._contract.digest) + bytes.fromhex(origin)).digest()
        order = np.random.default_rng(int.from_bytes(seed, "little")).permutation(count)
        cut = min(int(count * self._contract.test_share), JUDGED_ROWS_MAX)
        return order[cut:], order[:cut]

    def _campaign(self, terms: CampaignTerms, places: Places) -> None:
        columns, groups = (self._contract.data(each).features for each in Role)
        learners = self._contract.opened_to(Output.SUMS)
        for each in sorted(learners):
            self._opened(Opening(Output.SUMS.value, each, (len(groups), len(columns))))
        with self._step("campaign sums"):
            self.outcome.result = campaign_sums(self._link, self._role, self._contract, terms, self._rows, places)

    def _scores(self, terms: ScoreTerms, places: Places) -> None:
        scorecard = None
        if self._scorecards is not None and scorer(self._contract) is self._role:
            scorecard = self._scorecards.get(terms.scorecard)
            require_columns(self._contract, scorecard)
        for each in self._contract.opened_to(Output.SCORES):
            self._opened(Opening(Output.SCORES.value, each, (len(places),)))
        with self._step("encrypted scores"):
            self.outcome.scored = encrypted_scores(
                self._link, self._role, self._contract, terms, self._rows, places, scorecard
            )

    def _screening(self, places: Places) -> None:
        with self._step("own columns"):
            screening = Screening(self._link, self._contract, self._role, self._rows, places)
        with self._step("session"):
            session = Session(self._link, self._role, self._opened)
        if self._contract.opened_to(Output.INFORMATION):
            with self._step("information values"):
                screening.information(session)
        if self._contract.opened_to(Output.CORRELATION):
            with self._step("correlations"):
                screening.correlation(session)
        self.outcome.screened, self.outcome.result = screening.found, screening.found.figures

    def _iterated(self, unit: str, done: int, whole: int) -> None:
        self.outcome.iterations[unit] = done
        self._progress("training", done, whole)

    def _held(self, places: Places, state: State) -> None:
        if isinstance(state, LogisticState):
            self.outcome.iterations["epochs"] = state.epochs
        if self._custody is not None:
            self._custody.keep(places, state)

    def _kept(self, part: ModelPart) -> None:
        """Both keep their parts before anything is opened: no result is without its model on either side."""
        self._keep(part)
        self.outcome.model = part
        say(self._link, "model kept", Ready())
        hear(self._link, "model kept", Ready)

    def _labels(self, places: Places) -> npt.NDArray[np.uint8] | None:
        return self._rows.labels()[places] if self._role is Role.SECOND else None

    @contextmanager
    def _with_third(self) -> Iterator[None]:
        """A step that counts what goes to and from the third node, where there is one."""
        if self._third is None:
            yield
        else:
            with self._step("third node", self._third):
                yield

    @contextmanager
    def _step(self, name: str, link: Link | None = None) -> Iterator[None]:
        """A phase, with what goes over a link: the one to the other party, if none is said."""
        traffic, begin = (link or self._link).traffic, time.perf_counter()
        sent, received, rounds = traffic.sent_bytes, traffic.received_bytes, traffic.rounds
        self._progress(name, 0, 1)
        try:
            yield
        finally:
            self.outcome.steps.append(
                Step(
                    name,
                    int(1_000 * (time.perf_counter() - begin)),
                    traffic.sent_bytes - sent,
                    traffic.received_bytes - received,
                    traffic.rounds - rounds,
                )
            )
        self._progress(name, 1, 1)
