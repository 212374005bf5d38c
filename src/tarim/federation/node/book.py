"""A node's database: peers, data sets, contracts, runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from tarim.base.errors import Conflict, NotFound
from tarim.federation.errors import ContractBreach
from tarim.federation.node.contract import Contract, Member, Signed
from tarim.federation.node.data_sets import DataSet
from tarim.federation.node.tables import CONTRACTS, PEERS, RUNS, SETS
from tarim.federation.node.transcripts import Transcript
from tarim.records import Database

UNDER_WAY: Final = "under way"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another party: where its node listens and how it is known."""

    name: str
    host: str
    port: int
    certificate: str
    signing_key: str

    @property
    def member(self) -> Member:
        """As a contract names it."""
        return Member(self.name, self.certificate, self.signing_key)


@dataclass(frozen=True, slots=True)
class Kept:
    """A contract as this node keeps it.  author, signer: this side's persons, "" where there is none."""

    signed: Signed
    peer: str
    author: str
    signer: str
    used: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run and this side's signed transcript of it; "" while it is under way."""

    run: str
    contract: str
    begun_ms: int
    state: str
    transcript: str
    signature: str


class Book:
    """What a node remembers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_peer(self, peer: Peer, person: str, at_ms: int) -> None:
        """Know a peer.  Raises Conflict for a name or certificate that is known."""
        with self._unique(f"a peer of the name {peer.name} or with that certificate is known already") as connection:
            connection.execute(
                insert(PEERS).values(
                    name=peer.name,
                    host=peer.host,
                    port=peer.port,
                    certificate=peer.certificate,
                    signing_key=peer.signing_key,
                    added_ms=at_ms,
                    added_by=person,
                )
            )

    def peers(self) -> list[Peer]:
        """All peers by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(PEERS).order_by(PEERS.c.name)).mappings().all()
        return [Peer(row["name"], row["host"], row["port"], row["certificate"], row["signing_key"]) for row in rows]

    def peer(self, name: str) -> Peer:
        """A peer by name.  Raises NotFound."""
        return _one([peer for peer in self.peers() if peer.name == name], f"no peer is called {name}")

    def peer_of(self, certificate: str) -> Peer:
        """A peer by its certificate's fingerprint.  Raises NotFound."""
        return _one([peer for peer in self.peers() if peer.certificate == certificate], "the peer is not known")

    def add_set(self, data_set: DataSet, person: str, at_ms: int) -> None:
        """Register a data set.  Raises Conflict."""
        with self._unique(f"a data set called {data_set.name}, or of this content, is registered") as connection:
            body = msgspec.to_builtins(data_set)
            connection.execute(
                insert(SETS).values(
                    digest=data_set.digest, name=data_set.name, body=body, added_ms=at_ms, added_by=person
                )
            )

    def sets(self) -> list[DataSet]:
        """All data sets by name."""
        with self._database.reading() as connection:
            bodies = connection.execute(select(SETS.c.body).order_by(SETS.c.name)).scalars().all()
        return [msgspec.convert(body, DataSet) for body in bodies]

    def data_set(self, name_or_digest: str) -> DataSet:
        """One of them.  Raises NotFound."""
        found = [each for each in self.sets() if name_or_digest in (each.name, each.digest)]
        return _one(found, "no data set of that name or digest is registered here")

    def keep(self, signed: Signed, peer: str, author: str, at_ms: int) -> None:
        """Keep a contract that is new here; nothing when it is known."""
        with self._database.writing() as connection:
            digest = signed.contract.digest
            if connection.execute(select(CONTRACTS.c.digest).where(CONTRACTS.c.digest == digest)).first() is None:
                connection.execute(
                    insert(CONTRACTS).values(
                        digest=digest,
                        body=msgspec.to_builtins(signed),
                        peer=peer,
                        author=author,
                        signer="",
                        kept_ms=at_ms,
                        used=0,
                    )
                )

    def update_contract(self, signed: Signed, signer: str = "") -> None:
        """Keep a contract's further signatures; signer: the person, when one is this side's.

        What came meanwhile stays: it is joined in the transaction.
        """
        of_contract = CONTRACTS.c.digest == signed.contract.digest
        with self._database.writing() as connection:
            self._database.lock(connection, "party-signatures")
            known = msgspec.convert(
                connection.execute(select(CONTRACTS.c.body).where(of_contract)).scalar_one(), Signed
            )
            values: dict[str, Any] = {"body": msgspec.to_builtins(known.joined(signed))}
            connection.execute(
                update(CONTRACTS).where(of_contract).values(**values | ({"signer": signer} if signer else {}))
            )

    def contracts(self) -> list[Kept]:
        """All contracts, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(CONTRACTS).order_by(CONTRACTS.c.kept_ms.desc())).mappings().all()
        return [
            Kept(msgspec.convert(row["body"], Signed), row["peer"], row["author"], row["signer"], row["used"])
            for row in rows
        ]

    def contract(self, digest: str) -> Kept:
        """One by its digest or the beginning of it, if that is enough to tell.  Raises NotFound."""
        found = [kept for kept in self.contracts() if digest and kept.signed.contract.digest.startswith(digest)]
        if len(found) != 1:
            raise NotFound(f"{len(found) or 'no'} contracts have a digest that begins like that")
        return found[0]

    def require_left(self, contract: Contract, uses: int) -> None:
        """Nothing when the contract has so many uses left.  Raises ContractBreach."""
        with self._database.reading() as connection:
            self._left(connection, contract, uses)

    def begin(self, contract: Contract, run: str, at_ms: int, uses: int) -> None:
        """Count uses and note a run, in one transaction.  Raises ContractBreach when the uses are up."""
        with self._database.writing() as connection:
            self._database.lock(connection, "party-uses")
            self.use(connection, contract, uses)
            connection.execute(
                insert(RUNS).values(
                    run=run,
                    contract=contract.digest,
                    begun_ms=at_ms,
                    state=UNDER_WAY,
                    transcript="",
                    signature="",
                )
            )

    def use(self, connection: Connection, contract: Contract, uses: int) -> None:
        """Count uses within a transaction.  Raises ContractBreach when they are up."""
        used = self._left(connection, contract, uses)
        of_contract = CONTRACTS.c.digest == contract.digest
        connection.execute(update(CONTRACTS).where(of_contract).values(used=used + uses))

    def used(self, connection: Connection, contract: Contract) -> int:
        """How often the contract was used."""
        of_contract = CONTRACTS.c.digest == contract.digest
        found: int = connection.execute(select(CONTRACTS.c.used).where(of_contract)).scalar_one()
        return found

    def _left(self, connection: Connection, contract: Contract, uses: int) -> int:
        """How often the contract was used, if so many uses are left."""
        used = self.used(connection, contract)
        if used + uses > contract.uses:
            raise ContractBreach(f"of the contract's {contract.uses} uses {contract.uses - used} are left", known=True)
        return used

    def end(self, transcript: Transcript, signature: str) -> None:
        """Keep a run's transcript."""
        with self._database.writing() as connection:
            connection.execute(
                update(RUNS)
                .where(RUNS.c.run == transcript.run)
                .values(
                    state=transcript.state,
                    transcript=msgspec.json.encode(transcript, order="sorted").decode(),
                    signature=signature,
                )
            )

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(RUNS).order_by(RUNS.c.begun_ms.desc())).mappings().all()
        return [Run(**row) for row in rows]

    def run(self, run: str) -> Run:
        """One by its id or the beginning of it.  Raises NotFound."""
        found = [each for each in self.runs() if run and each.run.startswith(run)]
        if len(found) != 1:
            raise NotFound(f"{len(found) or 'no'} runs have an id that begins like that")
        return found[0]

    @contextmanager
    def _unique(self, message: str) -> Iterator[Connection]:
        try:
            with self._database.writing() as connection:
                yield connection
        except IntegrityError:
            raise Conflict(message) from None


def _one(found: list[T], message: str) -> T:
    if not found:
        raise NotFound(message)
    return found[0]
