"""Questions at this node: asked of a peer, answered to one, counted, and sounded as alarms where they look like attempts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tarim.federation.adapters.link import Link
from tarim.federation.adapters.ports import RUN_ID_BYTES
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach
from tarim.federation.node.agreements import Agreements
from tarim.federation.node.asking import Asked, Count, NotCommon, Noted, Places, answer_about, ask_about
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import BeginRun, ask
from tarim.federation.node.home import Home
from tarim.federation.node.limits import Sweep, TooMuchAsked
from tarim.federation.node.records import Records
from tarim.federation.node.terms import Algorithm
from tarim.federation.queries import Answer
from tarim.federation.session import Role


class Questions:
    """Asking and answering under query contracts."""

    def __init__(self, home: Home, agreements: Agreements, records: Records) -> None:
        self._home, self._agreements, self._records = home, agreements, records

    def ask(self, digest: str, keys: Sequence[str], operator: str) -> Answer:
        """Ask about customers by their keys, as the SECOND party.  Raises ContractBreach, NotFound."""
        kept = self._home.book.contract(digest)
        contract = kept.signed.require(self._home.clock.now_ms())
        role, run = contract.role_of(self._home.certificate), secrets.token_hex(32)
        if contract.algorithm is not Algorithm.QUERY or role is not Role.SECOND:
            raise ContractBreach("only the second party of a query contract asks", known=True)
        self._agreements.require_own(contract)
        with self._alarmed(contract, kept.peer, operator):
            self._home.limits.require_few_missed(contract, operator, self._home.clock.now_ms())
            asked = Asked(contract, role, self._home.rows(contract, role), self._home.models)
            places = asked.places_of(keys)
        answers: list[Answer] = []

        def converse(link: Channel, noted: Noted) -> None:
            count = self._counting(contract, kept.peer, operator)
            answers.append(ask_about(link, noted, asked, contract, count, self._home.stock, places))

        with self._home.talk(self._home.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            ask(link, BeginRun(contract.digest, run, operator))
            with self._records.under_way(contract, run, operator, 0):
                self._records.conversing(link, contract, run, operator, converse)
        return answers[0]

    def answer(self, link: Link, contract: Contract, run: str, operator: str) -> None:
        """Answer a question as the FIRST party."""
        role = contract.role_of(self._home.certificate)
        if role is not Role.FIRST:
            raise ContractBreach("the first party of a query contract answers", known=True)
        asked = Asked(contract, role, self._home.rows(contract, role), self._home.models)

        def converse(channel: Channel, noted: Noted) -> None:
            count = self._counting(contract, contract.member(Role.SECOND).name, operator)
            answer_about(channel, noted, asked, contract, count, self._home.stock)

        self._records.conversing(link, contract, run, operator, converse)

    def _counting(self, contract: Contract, peer: str, operator: str) -> Count:
        def count(places: Places) -> None:
            with self._alarmed(contract, peer, operator):
                self._home.limits.count(contract, places, operator, self._home.clock.now_ms())

        return count

    @contextmanager
    def _alarmed(self, contract: Contract, peer: str, operator: str) -> Iterator[None]:
        """What is refused in the block and looks like an attempt is an alarm."""

        def sound(kind: str) -> None:
            self._home.alarms.sound(kind, who=operator, peer=peer, contract=contract.digest)

        try:
            yield
        except NotCommon as error:
            sound("unassigned-customer")
            with self._alarmed(contract, peer, operator):
                self._home.limits.missed(contract, operator, error.customers, self._home.clock.now_ms())
            raise
        except TooMuchAsked:
            sound("limit")
            raise
        except Sweep:
            sound("sweep")
            raise
