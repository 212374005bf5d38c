"""What questions and trainings need, made ahead with the peer; see `stock`."""

from __future__ import annotations

import secrets

from tarim.federation.adapters.link import Link
from tarim.federation.adapters.ports import RUN_ID_BYTES
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach
from tarim.federation.node.asking import Asked, Noted, make_ahead
from tarim.federation.node.computing import Progress
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import BeginRun, ask
from tarim.federation.node.engines import Engine
from tarim.federation.node.home import Home
from tarim.federation.node.records import Records
from tarim.federation.node.sigmoids import make_sigmoids, packets_for
from tarim.federation.node.stock import PACKET_ROWS, Level
from tarim.federation.node.terms import Algorithm, LogisticTerms
from tarim.federation.session import Session


class Stocking:
    """A node's stock, filled and looked at."""

    def __init__(self, home: Home, records: Records) -> None:
        self._home, self._records = home, records

    def prepare(self, digest: str, rows: int, operator: str, progress: Progress = lambda *_: None) -> Level:
        """Make ahead what so many questions, or rows of a training, need; what there is then.

        Raises ContractBreach, TooLarge.
        """
        kept = self._home.book.contract(digest)
        contract = kept.signed.require(self._home.clock.now_ms())
        self.require_room(contract, rows)
        run = secrets.token_hex(32)
        with self._home.talk(self._home.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            ask(link, BeginRun(contract.digest, run, operator, rows))
            with self._records.under_way(contract, run, operator, 0):
                self.make_ahead(link, contract, run, operator, rows, progress)
        return self._home.stock.level(contract.digest)

    def make_ahead(
        self, link: Link, contract: Contract, run: str, operator: str, rows: int, progress: Progress = lambda *_: None
    ) -> None:
        """One side of making ahead what so many questions, or rows of a training, need."""
        role = contract.role_of(self._home.certificate)

        def converse(channel: Channel, noted: Noted) -> None:
            session = Session(channel, role, noted)
            if isinstance(contract.terms, LogisticTerms):
                make_sigmoids(session, contract.terms.plan, contract.digest, self._home.stock, run, rows, progress)
                return
            asked = Asked(contract, role, self._home.rows(contract, role), self._home.models)
            make_ahead(session, asked, contract, self._home.stock, run, rows, progress)

        self._records.conversing(link, contract, run, operator, converse)

    def require_room(self, contract: Contract, rows: int) -> None:
        """Nothing when so many rows can be made ahead for a contract.  Raises ContractBreach, TooLarge."""
        if contract.engine is not Engine.OWN:
            raise ContractBreach(f"nothing is made ahead for {contract.engine.value}", known=True)
        if isinstance(contract.terms, LogisticTerms):
            rows = packets_for(contract.terms.plan, rows) * PACKET_ROWS
        elif contract.algorithm is not Algorithm.QUERY:
            raise ContractBreach("what questions and logistic regressions need is made ahead, nothing else", known=True)
        self._home.stock.require_room(contract.digest, rows)

    def levels(self) -> dict[str, Level]:
        """What was made ahead and is left, by contract; what is for no contract in force is removed."""
        now_ms = self._home.clock.now_ms()
        in_force = {
            contract.digest
            for kept in self._home.book.contracts()
            if (contract := kept.signed.contract).expires_ms > now_ms and kept.signed.complete
        }
        for digest in self._home.stock.contracts():
            if digest not in in_force:
                self._home.stock.remove(digest)
        levels = {digest: self._home.stock.level(digest) for digest in self._home.stock.contracts()}
        return {digest: level for digest, level in levels.items() if level.packets}
