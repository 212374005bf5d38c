"""What is written down of a run: that it began, what it opened, its signed transcript, and what this party learned.

Every run that began has a transcript at the end, even one that never came to compute and one whose process was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from msgspec import UNSET

from tarim.base.errors import NotFound, TarimError
from tarim.federation.adapters.link import Link
from tarim.federation.channel import Channel
from tarim.federation.node.asking import Noted
from tarim.federation.node.book import UNDER_WAY
from tarim.federation.node.computing import Outcome
from tarim.federation.node.contract import Contract
from tarim.federation.node.home import Home
from tarim.federation.node.scoring import Scored
from tarim.federation.node.screening import Screened
from tarim.federation.node.transcripts import Opened, Transcript
from tarim.federation.session import Opening, Role

_Result = TypeVar("_Result", Screened, Scored)


class Records:
    """A node's runs, in its book and its folder."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @contextmanager
    def under_way(self, contract: Contract, run: str, operator: str, uses: int) -> Iterator[None]:
        """A run from its first note to its last: it has a transcript at the end, even one that never came to compute."""
        begun_ms = self._home.clock.now_ms()
        with self._home.claims.held(run):
            self._home.book.begin(contract, run, begun_ms, uses)
            try:
                yield
            finally:
                if self._home.book.run(run).state == UNDER_WAY:
                    self._give_up(contract, run, operator, begun_ms, "the peer was lost before the computation began")

    def settle(self) -> list[str]:
        """Runs that a process of this party began and did not live to end get their transcript now; their ids."""
        left = []
        for each in self._home.book.runs():
            # Whoever ends a run writes its transcript before letting go of it: look at the book after the claim.
            held = each.state != UNDER_WAY or self._home.claims.is_held(each.run)
            if not held and self._home.book.run(each.run).state == UNDER_WAY:
                contract = self._home.book.contract(each.contract).signed.contract
                why = "the process that carried it out ended"
                self._give_up(contract, each.run, "", each.begun_ms, why, self._home.claims.noted(each.run))
                self._home.claims.drop(each.run)
                left.append(each.run)
        return left

    def _give_up(
        self, contract: Contract, run: str, operator: str, begun_ms: int, why: str, opened: Sequence[Opened] = ()
    ) -> None:
        self._end(contract, run, operator, begun_ms, Outcome(opened=list(opened)), why)

    @contextmanager
    def computing(self, contract: Contract, run: str, operator: str) -> Iterator[Outcome]:
        """What comes of a run in the block; its transcript is signed and kept whatever happens there."""
        begun_ms, outcome, error = self._home.clock.now_ms(), Outcome(), ""
        try:
            yield outcome
        except BaseException as trouble:
            error = trouble.detail if isinstance(trouble, TarimError) else type(trouble).__name__
            raise
        finally:
            self._end(contract, run, operator, begun_ms, outcome, error)

    def note(self, run: str, outcome: Outcome, opened: Opened) -> None:
        """Write down that something is about to be opened."""
        self._home.claims.note(run, opened)
        outcome.opened.append(opened)

    def conversing(
        self, link: Link, contract: Contract, run: str, operator: str, act: Callable[[Channel, Noted], None]
    ) -> None:
        """Do something on a link that opens values; its transcript is kept whatever happens."""
        with self.computing(contract, run, operator) as outcome:

            def noted(opening: Opening) -> None:
                name = contract.member(opening.recipient).name
                self.note(run, outcome, Opened(opening.what, name, opening.shape))

            act(link, noted)

    def keep_result(self, run: str, outcome: Outcome) -> None:
        """What was opened to this party, as a file of its own."""
        structured = outcome.screened or outcome.scored
        if not outcome.result and outcome.common is None and structured is None:
            return
        folder = self._home.folder / "results"
        folder.mkdir(mode=0o700, exist_ok=True)
        content = json.dumps(outcome.result) if outcome.common is None else json.dumps(outcome.common.tolist())
        if structured is not None:
            content = msgspec.json.encode(structured).decode()
        path = folder / f"{run}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)

    def _end(self, contract: Contract, run: str, operator: str, begun_ms: int, outcome: Outcome, error: str) -> None:
        """Keep a run's transcript, signed.  error: why it did not come to its end, "" when it did."""
        transcript = Transcript(
            run,
            contract.digest,
            self._home.name,
            contract.counterpart(self._home.certificate).name,
            operator,
            begun_ms,
            self._home.clock.now_ms(),
            "failed" if error else "done",
            {contract.member(each).name: contract.data(each).data_set for each in Role},
            outcome.rows,
            outcome.steps,
            outcome.opened,
            outcome.result,
            run if outcome.model is not None and not error else "",
            error,
            outcome.custody,
            outcome.resumes,
            UNSET if contract.third is UNSET else contract.third.name,
            outcome.iterations or UNSET,
        )
        self._home.book.end(transcript, self._home.signer.sign(transcript.signed_bytes()).hex())

    def screened(self, run: str) -> Screened:
        """What a run found out about columns, on this side.  Raises NotFound."""
        return self._result(run, Screened, "that run screened no columns")

    def scores(self, run: str) -> list[tuple[str, float]]:
        """Key and score of each customer that a run scored, when this side was to learn the scores.

        Raises NotFound; ContractBreach when the data set has changed since.
        """
        scored = self._result(run, Scored, "that run opened no scores to this party")
        contract = self._home.book.contract(self._home.book.run(run).contract).signed.contract
        keys = self._home.rows(contract, contract.role_of(self._home.certificate)).keys()
        return [(keys[row], score) for row, score in zip(scored.rows, scored.scores, strict=True)]

    def _result(self, run: str, kind: type[_Result], lacking: str) -> _Result:
        try:
            content = (self._home.folder / "results" / f"{self._home.book.run(run).run}.json").read_bytes()
            return msgspec.json.decode(content, type=kind)
        except (OSError, msgspec.MsgspecError):
            raise NotFound(lacking) from None
