"""Answering peers: each conversation in a thread of its own, a few at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import structlog

from tarim.base.errors import TarimError
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import Pinned
from tarim.federation.adapters.ports import RUN_ID_BYTES, Arrival, Listening
from tarim.federation.errors import ContractBreach, FederationError
from tarim.federation.node.book import Peer
from tarim.federation.node.conversations import (
    Agreed,
    AskSets,
    Assist,
    BeginRun,
    GiveShares,
    Hello,
    KeepShares,
    OfferContract,
    hear,
    refusal,
    say,
)
from tarim.federation.node.party import Party
from tarim.federation.node.terms import Algorithm

CONVERSATIONS_MAX: Final = 16
"""At a time; who comes then waits."""
_LOOK_S: Final = 0.5


class Serving:
    """A party's node, listening.  `run` until `stop`."""

    def __init__(self, party: Party, host: str, port: int) -> None:
        """Raises OSError when the address is taken."""
        self._party = party
        self._pinned = party.pinned()
        self._listening = Listening(host, port, self._pinned_now, self._stranger)
        self._stopped = threading.Event()
        self._room = threading.BoundedSemaphore(CONVERSATIONS_MAX)
        self._log: Any = structlog.get_logger("tarim.party")
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port taken."""
        return self._listening.port

    def stop(self) -> None:
        """Take no new conversation and let those under way end."""
        self._stopped.set()

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answer until stopped; runs that an earlier process left get their transcript first."""
        for left in self._party.records.settle():
            self._log.warning("run left by a process that ended", run=left)
        ready()
        while not self._stopped.is_set():
            try:
                arrival = self._listening.arrivals.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            self._room.acquire()
            thread = threading.Thread(target=self._converse, args=(arrival,), name="conversation", daemon=True)
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            thread.start()
        self._listening.close()
        for thread in self._threads:
            thread.join(self._party.patience_s)

    def _pinned_now(self) -> Pinned:
        """TLS towards the peers known now: one may have been added since."""
        certificates = {peer.certificate for peer in self._party.book.peers()}
        if certificates != self._pinned.peers:
            self._pinned = self._party.pinned()
        return self._pinned

    def _stranger(self, address: str) -> None:
        self._party.alarms.sound("unpinned-certificate", address=address)

    def _converse(self, arrival: Arrival) -> None:
        peer = None
        try:
            peer = self._party.book.peer_of(arrival.peer)
            with Link(self._listening.run(arrival.run_id), patience_s=self._party.patience_s) as link:
                try:
                    self._answer(link, peer, arrival.run_id)
                except TarimError as error:
                    if isinstance(error, FederationError) and not isinstance(error, ContractBreach):
                        raise
                    # The line is whole: what was said last, why it was refused, still has to arrive.
                    self._log.warning("refused", peer=peer.name, error=error.detail)
        except (TarimError, OSError) as error:
            detail = error.detail if isinstance(error, TarimError) else type(error).__name__
            self._log.warning("conversation", peer=peer.name if peer else "", error=detail)
        except Exception as error:
            self._log.error("conversation", peer=peer.name if peer else "", error=type(error).__name__, exc_info=True)
        finally:
            self._listening.forget(arrival.run_id)
            self._room.release()

    def _answer(self, link: Link, peer: Peer, run_id: bytes) -> None:
        party = self._party
        hello = hear(link, "hello", Hello)
        with ExitStack() as under_way:
            try:
                if isinstance(hello, AskSets):
                    sets = tuple(each.offered() for each in party.book.sets())
                    say(link, "reply", Agreed(sets, party.custodian))
                    return
                if isinstance(hello, OfferContract):
                    party.agreements.receive(hello.signed, peer)
                    say(link, "reply", Agreed())
                    self._log.info("contract", peer=peer.name, contract=hello.signed.contract.digest)
                    return
                if isinstance(hello, Assist):
                    meeting, leads = under_way.enter_context(party.assistance.met(link, hello, peer))
                elif isinstance(hello, KeepShares | GiveShares):
                    role = party.holding.allowed(hello, peer)
                else:
                    _check_names(hello, run_id)
                    contract = under_way.enter_context(party.runs.begun_at_request(hello, peer))
            except TarimError as error:
                say(link, "reply", refusal(error))
                raise
            if isinstance(hello, Assist):
                say(link, "reply", Agreed())
                party.assistance.carry_out(meeting, leads=leads)
                self._log.info("computed along", peer=peer.name, contract=hello.contract, run=hello.run)
                return
            if isinstance(hello, KeepShares | GiveShares):
                say(link, "reply", Agreed())
                if isinstance(hello, KeepShares):
                    party.holding.keep(link, hello, role)
                else:
                    party.holding.give(link, hello, role)
                return
            consent = party.shares.consent(contract, hello.resumes) if hello.resumes else ""
            say(link, "reply", Agreed(consent=consent))
            self._log.info("run begins", peer=peer.name, contract=contract.digest, run=hello.run)
            if hello.ahead:
                party.stocking.make_ahead(link, contract, hello.run, hello.operator, hello.ahead)
            elif contract.algorithm is Algorithm.QUERY:
                party.questions.answer(link, contract, hello.run, hello.operator)
            else:
                party.runs.compute(link, contract, hello, hello.consent)
        self._log.info("run done", peer=peer.name, contract=contract.digest, run=hello.run)


def _check_names(begin: BeginRun, run_id: bytes) -> None:
    if len(begin.run) != 64 or not begin.run.startswith(run_id.hex()) or len(run_id) != RUN_ID_BYTES:
        raise ContractBreach("the run is named otherwise than its connection", known=True)
