"""Runs of contracts at this node: begun from here or at a peer's request, computed, and gone on with from shares in custody."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import UNSET

from tarim.federation.adapters.link import Link
from tarim.federation.adapters.ports import RUN_ID_BYTES
from tarim.federation.errors import ContractBreach
from tarim.federation.node.agreements import Agreements
from tarim.federation.node.book import Peer
from tarim.federation.node.computing import Computation, Progress
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Assist, BeginRun, ask
from tarim.federation.node.custody import Custody, Return
from tarim.federation.node.engines import require_ready
from tarim.federation.node.home import Home
from tarim.federation.node.models import ModelPart
from tarim.federation.node.records import Records
from tarim.federation.node.stocking import Stocking
from tarim.federation.node.terms import Algorithm
from tarim.federation.node.transcripts import Transcript
from tarim.federation.session import Role


class Runs:
    """What a node computes with its peers."""

    def __init__(self, home: Home, agreements: Agreements, records: Records, stocking: Stocking) -> None:
        self._home, self._agreements, self._records, self._stocking = home, agreements, records, stocking

    def carry_out(
        self, digest: str, operator: str, progress: Progress = lambda *_: None, resumes: str = ""
    ) -> Transcript:
        """Carry out a contract with its peer, beginning it from this side.  Raises ContractBreach, FederationError.

        resumes: a run that did not come to its end, to go on from its last step that the custodians hold.
        """
        kept = self._home.book.contract(digest)
        contract = kept.signed.require(self._home.clock.now_ms())
        if contract.algorithm is Algorithm.QUERY:
            raise ContractBreach("a query contract is asked, not run", known=True)
        self._agreements.require_own(contract)
        self._home.book.require_left(contract, int(not resumes))
        if not resumes:
            require_ready(contract.engine, contract.found_by, self._home.name)
        run = secrets.token_hex(32)
        consent = self._home.consents.given(contract, resumes, operator) if resumes else ""
        begin = BeginRun(contract.digest, run, operator, resumes=resumes, consent=consent)
        with self._home.talk(self._home.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            agreed = ask(link, begin)
            with self._records.under_way(contract, run, operator, int(not resumes)):
                return self.compute(link, contract, begin, agreed.consent, progress)

    @contextmanager
    def begun_at_request(self, begin: BeginRun, peer: Peer) -> Iterator[Contract]:
        """The contract of a run that a peer wants to begin; the run is counted and noted.  Raises ContractBreach."""
        kept = self._home.book.contract(begin.contract)
        contract = kept.signed.require(self._home.clock.now_ms())
        if contract.digest != begin.contract or kept.peer != peer.name:
            raise ContractBreach("the contract is not one with this party", known=True)
        self._agreements.require_own(contract)
        if not begin.resumes:
            require_ready(contract.engine, contract.found_by, self._home.name)
        if begin.ahead:
            self._stocking.require_room(contract, begin.ahead)
        # Rows asked about are counted when they are asked about.
        uses = int(contract.algorithm is not Algorithm.QUERY and not begin.resumes and not begin.ahead)
        if begin.resumes:
            self._home.consents.given(contract, begin.resumes, begin.operator)
        with self._records.under_way(contract, begin.run, begin.operator, uses):
            yield contract

    @contextmanager
    def _assisted(self, contract: Contract, begin: BeginRun) -> Iterator[Link | None]:
        """The link to the third node, which has agreed to compute along; None where there is none, or nothing to train."""
        if contract.third is UNSET or begin.resumes:
            yield None
            return
        with self._home.talk(self._home.book.peer(contract.third.name)) as link:
            ask(link, Assist(contract.digest, begin.run, begin.operator))
            yield link

    @contextmanager
    def _in_custody(self, link: Link, contract: Contract, begin: BeginRun, theirs: str) -> Iterator[Custody | None]:
        """The custody of a run's steps, where the contract has one; begun with what came back, where it resumes another."""
        role = contract.role_of(self._home.certificate)
        custodian, signed = contract.custodian(role), self._home.book.contract(contract.digest).signed
        if custodian is None:
            yield None
            return
        peer, begun = self._home.book.peer(custodian.name), None
        if begin.resumes:
            mine = self._home.shares.consent(contract, begin.resumes)
            consents = (mine, theirs) if role is Role.FIRST else (theirs, mine)
            with self._home.talk(peer) as back:
                begun = self._home.shares.taken_back(back, link, signed, role, Return(begin.resumes, consents))
        with self._home.talk(peer) as vault, self._home.shares.held(vault, signed, role, begin.run, begun) as custody:
            yield custody

    def compute(
        self, link: Link, contract: Contract, begin: BeginRun, theirs: str = "", progress: Progress = lambda *_: None
    ) -> Transcript:
        """One side of a run that both agreed to; its transcript, signed and kept whatever happens.

        theirs: the other party's consent, where the run resumes another.
        """
        run, operator = begin.run, begin.operator
        role = contract.role_of(self._home.certificate)
        with self._records.computing(contract, run, operator) as outcome:
            outcome.resumes = begin.resumes
            rows = self._home.rows(contract, role)
            with self._assisted(contract, begin) as third, self._in_custody(link, contract, begin, theirs) as custody:
                outcome.custody = [] if custody is None else custody.held
                Computation(
                    link,
                    role,
                    contract,
                    run,
                    rows,
                    outcome,
                    lambda part: self._keep_model(run, part, operator),
                    lambda opened: self._records.note(run, outcome, opened),
                    progress,
                    custody,
                    self._home.stock,
                    third,
                    self._home.scorecards,
                ).carry_out()
            self._records.keep_result(run, outcome)
        return msgspec.json.decode(self._home.book.run(run).transcript, type=Transcript)

    def _keep_model(self, run: str, part: ModelPart, operator: str) -> None:
        self._home.models.keep(run, part)
        self._home.registry.kept(run, part.contract, operator)
