"""A node's folder, open: its keys, its book and stores, and its connections to peers.  What it does with others stands on it.

See `folders` for what lies in it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tarim.audit import MIGRATIONS as TRAIL
from tarim.audit import Entry
from tarim.audit import Store as Trail
from tarim.base.errors import DefinitionError
from tarim.base.four_eyes import require_person
from tarim.base.instants import Clock
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, Pinned, fingerprint
from tarim.federation.adapters.ports import RUN_ID_BYTES, Dialler
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Book, Peer
from tarim.federation.node.claims import Claims
from tarim.federation.node.consents import Consents
from tarim.federation.node.contract import Contract, Member
from tarim.federation.node.conversations import Agreed, AskSets, ask
from tarim.federation.node.custodian import Custodian
from tarim.federation.node.custody import Shares
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.folders import Card, Kind, certificate_of, read_settings
from tarim.federation.node.limits import Limits
from tarim.federation.node.models import ModelStore
from tarim.federation.node.probing import Alarms
from tarim.federation.node.registry import Registry
from tarim.federation.node.scorecards import Scorecard, Scorecards
from tarim.federation.node.stock import Stock
from tarim.federation.node.tables import MIGRATIONS
from tarim.federation.session import Role
from tarim.privacy import Signer, load_master_key
from tarim.records import Database


class Home:
    """A folder, open.  Close it; several processes may have it open."""

    def __init__(self, folder: Path, environment: Mapping[str, str], clock: Clock) -> None:
        """Raises NotFound, DefinitionError, Unavailable."""
        settings = read_settings(folder)
        self.name, self.patience_s = settings.name, settings.patience_s
        self.kind, self._custodian = settings.kind, settings.custodian
        master = load_master_key(folder / "master.key", environment)
        self.folder, self.clock = folder, clock
        self.signer = Signer.of(master)
        self.models = ModelStore(folder / "models", master)
        self.scorecards = Scorecards(folder / "scorecards", master)
        self.certificate = fingerprint(folder / CERTIFICATE_FILE)
        self._database = Database.open(f"sqlite:///{folder.resolve() / 'records.db'}", [MIGRATIONS, TRAIL])
        self.book = Book(self._database)
        self.limits = Limits(self._database, self.book)
        self.alarms = Alarms(self._database, clock)
        self.shares = Shares(master, self.signer)
        self._trail = Trail(self._database)
        self.consents = Consents(self.name, self._trail, self.book, self.shares, clock)
        self.registry = Registry(self._trail, clock)
        self.stock = Stock(folder / "stock", master, lambda digest: self.alarms.sound("stock", contract=digest))
        self.claims = Claims(folder / "under-way")

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    @property
    def member(self) -> Member:
        """This party as a contract names it."""
        return Member(self.name, self.certificate, self.signer.public_key_hex)

    @property
    def custodian(self) -> Member | None:
        """Who holds this party's shares.  Raises NotFound when party.toml names somebody who is no peer."""
        return self.book.peer(self._custodian).member if self._custodian else None

    @property
    def holding(self) -> Custodian:
        """What this node holds for others.  Raises ContractBreach when it is no custodian."""
        if self.kind is not Kind.CUSTODIAN:
            raise ContractBreach("this node is no custodian", known=True)
        return Custodian(self.folder, self.member, self.signer, self._trail, self.clock)

    @property
    def card(self) -> Card:
        """What another party needs to know of this one."""
        return Card(self.member, certificate_of(self.folder))

    def add_peer(self, card: Card, certificate: str, host: str, port: int, person: str) -> Peer:
        """Pin a peer's certificate.  certificate: its fingerprint, as people read it to each other.

        Raises Conflict, DefinitionError when the card holds another certificate than that.
        """
        require_person(person)
        path = self._peer_file(card.member.name)
        temporary = path.with_suffix(".new")
        temporary.write_text(card.certificate, encoding="utf-8")
        try:
            shown = fingerprint(temporary)
        except ValueError:
            shown = ""
        if not shown == card.member.certificate == certificate:
            temporary.unlink()
            raise DefinitionError("the card's certificate is another one than the fingerprint says; compare them again")
        peer = Peer(card.member.name, host, port, certificate, card.member.signing_key)
        self.book.add_peer(peer, person, self.clock.now_ms())
        temporary.rename(path)
        return peer

    def keep_scorecard(self, scorecard: Scorecard, person: str) -> None:
        """Keep a linear model of this party's, and note who did.  Raises DefinitionError without a person."""
        require_person(person)
        self.scorecards.keep(scorecard)
        detail: dict[str, str | int] = {"name": scorecard.name, "columns": len(scorecard.columns)}
        what = f"scorecard:{scorecard.digest}"
        self._trail.record(Entry(self.clock.now_ms(), person, "key", "scorecard.kept", what, detail=detail))

    def pinned(self) -> Pinned:
        """TLS towards all peers known now."""
        return Pinned(self.folder, *(self._peer_file(peer.name) for peer in self.book.peers()))

    @contextmanager
    def talk(self, peer: Peer, run_id: bytes | None = None) -> Iterator[Link]:
        """A conversation that this party begins.  Raises PeerLost, PeerUnknown."""
        pinned = Pinned(self.folder, self._peer_file(peer.name))
        dialler = Dialler(peer.host, peer.port, pinned, run_id or secrets.token_bytes(RUN_ID_BYTES))
        with Link(dialler, patience_s=self.patience_s) as link:
            yield link

    def offered_by(self, peer: Peer) -> Agreed:
        """Data sets that a peer offers, and its custodian."""
        with self.talk(peer) as link:
            return ask(link, AskSets())

    def rows(self, contract: Contract, role: Role) -> Rows:
        """This party's rows that a contract names.  Raises NotFound."""
        wanted = contract.data(role)
        return Rows(self.book.data_set(wanted.data_set), wanted)

    def _peer_file(self, name: str) -> Path:
        return self.folder / "peers" / f"{name}.pem"
