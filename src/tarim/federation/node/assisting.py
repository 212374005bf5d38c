"""The third node's part in a run of three: a custodian that computes along on shares.

    first, second -> third    contract, run; the third waits until both have come, each on a link of its own
    third -> first, second    agreed
    first, second -> third    rows, and the public shape of the columns, both the same
    then the second engine's messages, over the same two links and the one between the companies

It has no data and learns nothing but what is public: rows, shapes, terms, times.  It computes from its own copy of the
contract, which it signed, counts its uses in its own book and keeps a signed transcript.  No share outlives its worker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tarim.base.errors import TarimError
from tarim.federation.adapters.link import Link
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.node.book import Peer
from tarim.federation.node.computing import Outcome
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Assist, Work, hear
from tarim.federation.node.engines import KINDS, require_ready
from tarim.federation.node.home import Home
from tarim.federation.node.records import Records
from tarim.federation.node.second_trainings import openings_of, require_opened
from tarim.federation.node.terms import BoostingTerms, FoundBy, LogisticTerms
from tarim.federation.node.transcripts import Opened, Step
from tarim.federation.second_engine.engine import SecondEngine
from tarim.federation.second_engine.interpreter import interpreter
from tarim.federation.second_engine.kinds import CUSTODIAN_RANK
from tarim.federation.session import Role

MEETING_S: Final = 60.0
"""How long the company that comes first waits for the other one."""


@dataclass
class Meeting:
    """A run at which both companies have to arrive; the thread of who comes last leads it.

    led: both have come.  settled: the leader has begun the run (`counted`) or could not.  over: it ended; `failed`: badly.
    """

    contract: Contract
    run: str
    operator: str
    links: dict[Role, Link] = field(default_factory=dict)
    led: bool = False
    counted: bool = False
    why_not: str = ""
    settled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    failed: bool = False


class Assistance:
    """What this node computes along.  Threads of one process use it."""

    def __init__(self, home: Home, records: Records) -> None:
        self._home, self._records = home, records
        self._meetings: dict[tuple[str, str], Meeting] = {}
        self._lock = threading.Lock()

    @contextmanager
    def met(self, link: Link, hello: Assist, peer: Peer) -> Iterator[tuple[Meeting, bool]]:
        """The run, once both companies have come, and whether this thread leads; the leader has it counted and noted.

        Raises ContractBreach, also when the other company does not come in time.
        """
        contract = self._home.book.contract(hello.contract).signed.require(self._home.clock.now_ms())
        if contract.digest != hello.contract or self._home.member not in contract.nodes[len(Role) :]:
            raise ContractBreach("this node is not the third of that contract", known=True)
        role = contract.role_of(peer.certificate)
        meeting, leads = self._arrived(contract, hello, role, link)
        if not leads:
            self._await(meeting)
            yield meeting, False
            return
        try:
            require_ready(contract.engine, FoundBy.OWN, self._home.name)
            with self._records.under_way(contract, hello.run, hello.operator, 1):
                meeting.counted = True
                meeting.settled.set()
                yield meeting, True
        except BaseException as trouble:
            meeting.failed = True
            meeting.why_not = trouble.detail if isinstance(trouble, TarimError) else type(trouble).__name__
            raise
        finally:
            self._leave(meeting)
            meeting.settled.set()
            meeting.over.set()

    def carry_out(self, meeting: Meeting, *, leads: bool) -> None:
        """Compute along; the thread that does not lead waits until that is over.  Raises FederationError."""
        if not leads:
            meeting.over.wait()
            if meeting.failed:
                raise ProtocolBroken("the run ended without a result on the thread that led it")
            return
        with self._records.computing(meeting.contract, meeting.run, meeting.operator) as outcome:
            self._compute(meeting, outcome)

    def _compute(self, meeting: Meeting, outcome: Outcome) -> None:
        contract, links = meeting.contract, meeting.links
        first, second = (hear(links[role], "work", Work) for role in Role)
        if first != second:
            raise ProtocolBroken("the companies do not say the same of what is computed on")
        outcome.rows["training"] = first.rows
        openings = openings_of(contract)
        for each in openings:
            name = contract.member(each.recipient).name
            self._records.note(meeting.run, outcome, Opened(each.what, name, each.shape))
        terms = contract.terms
        assert isinstance(terms, LogisticTerms | BoostingTerms)
        engine = SecondEngine(KINDS[contract.engine], interpreter(), CUSTODIAN_RANK, [*map(links.get, Role), None])
        begin, before = time.perf_counter(), {role: _counted(links[role]) for role in Role}
        try:
            done = engine.assist(terms.plan, first.rows, first.first, first.second)
            require_opened(done, openings)
        finally:
            took_ms = int(1_000 * (time.perf_counter() - begin))
            for role in Role:
                moved = [after - earlier for after, earlier in zip(_counted(links[role]), before[role], strict=True)]
                outcome.steps.append(Step(f"with {contract.member(role).name}", took_ms, *moved))

    def _arrived(self, contract: Contract, hello: Assist, role: Role, link: Link) -> tuple[Meeting, bool]:
        """Take a place; whether it was the last one free."""
        with self._lock:
            key = (contract.digest, hello.run)
            meeting = self._meetings.setdefault(key, Meeting(contract, hello.run, hello.operator))
            if role in meeting.links or meeting.operator != hello.operator:
                raise ContractBreach("the company has come to that run before, or names another operator", known=True)
            meeting.links[role] = link
            meeting.led = len(meeting.links) == len(Role)
            return meeting, meeting.led

    def _await(self, meeting: Meeting) -> None:
        """Until the other company has come and the run has begun."""
        if not meeting.settled.wait(MEETING_S):
            with self._lock:
                if not meeting.led:
                    del self._meetings[meeting.contract.digest, meeting.run]
                    raise ContractBreach("the other company did not come to the third node in time", known=True)
            meeting.settled.wait()
        if not meeting.counted:
            raise ContractBreach(f"the run could not begin at the third node: {meeting.why_not}", known=True)

    def _leave(self, meeting: Meeting) -> None:
        with self._lock:
            self._meetings.pop((meeting.contract.digest, meeting.run), None)


def _counted(link: Link) -> tuple[int, int, int]:
    """Bytes sent, bytes received, rounds."""
    traffic = link.traffic
    return traffic.sent_bytes, traffic.received_bytes, traffic.rounds
