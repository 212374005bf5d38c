"""One party: its folder open (see `folders`), and everything it does with others."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tarim.audit import MIGRATIONS as TRAIL
from tarim.audit import Store as Trail
from tarim.base.errors import DefinitionError, NotAllowed, NotFound, TarimError
from tarim.base.four_eyes import require_person
from tarim.base.instants import Clock
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, Pinned, fingerprint
from tarim.federation.adapters.ports import RUN_ID_BYTES, Dialler
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach
from tarim.federation.node.asking import Asked, Count, NotCommon, Noted, Places, answer_about, ask_about, make_ahead
from tarim.federation.node.book import UNDER_WAY, Book, Kept, Peer
from tarim.federation.node.claims import Claims
from tarim.federation.node.computing import Computation, Outcome, Progress
from tarim.federation.node.consents import Consents
from tarim.federation.node.contract import (
    Algorithm,
    Contract,
    LogisticTerms,
    Member,
    QueryTerms,
    Signed,
    signed_bytes,
)
from tarim.federation.node.conversations import Agreed, AskSets, BeginRun, OfferContract, ask
from tarim.federation.node.custodian import Custodian
from tarim.federation.node.custody import Custody, Return, Shares
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.folders import Card, Kind, certificate_of, read_settings
from tarim.federation.node.limits import Limits, Sweep, TooMuchAsked
from tarim.federation.node.models import ModelPart, ModelStore
from tarim.federation.node.probing import Alarms
from tarim.federation.node.registry import Registry
from tarim.federation.node.screening import Screened
from tarim.federation.node.sigmoids import make_sigmoids, packets_for
from tarim.federation.node.stock import PACKET_ROWS, Level, Stock
from tarim.federation.node.tables import MIGRATIONS
from tarim.federation.node.transcripts import Opened, Transcript
from tarim.federation.queries import Answer
from tarim.federation.session import Opening, Role, Session
from tarim.privacy import Signer, load_master_key
from tarim.records import Database


class Party:
    """A party's folder, open.  Close it, or use it as a context; several processes may have it open."""

    def __init__(self, folder: Path, environment: Mapping[str, str], clock: Clock) -> None:
        """Raises NotFound, DefinitionError, Unavailable."""
        settings = read_settings(folder)
        self.name, self.patience_s = settings.name, settings.patience_s
        self.kind, self._custodian = settings.kind, settings.custodian
        master = load_master_key(folder / "master.key", environment)
        self.folder, self.clock = folder, clock
        self.signer = Signer.of(master)
        self.models = ModelStore(folder / "models", master)
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
        self._claims = Claims(folder / "under-way")

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Party:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def propose(self, contract: Contract, peer: Peer, person: str) -> None:
        """Write a contract down, here and at the peer; nobody has signed it yet.  Raises DefinitionError, ContractBreach."""
        require_person(person)
        contract.check()
        self._require_own(contract)
        self.book.keep(Signed(contract), peer.name, person, self.clock.now_ms())
        with self.talk(peer) as link:
            ask(link, OfferContract(Signed(contract)))

    def receive(self, signed: Signed, peer: Peer) -> None:
        """Keep what a peer offers: a new contract, or its signature of a known one.  Raises ContractBreach, DefinitionError."""
        contract = signed.contract
        contract.check()
        role = contract.role_of(self.certificate)
        if contract.member(role) != self.member or contract.member(Role(1 - role)) != peer.member:
            raise ContractBreach(
                "the contract names other parties than this one and the one that offers it", known=True
            )
        self.book.keep(Signed(contract), peer.name, "", self.clock.now_ms())
        theirs = signed.signature(Role(1 - role))
        if theirs:
            kept = self.book.contract(contract.digest).signed
            self.book.update_contract(kept.with_signature(Role(1 - role), theirs))
            self.registry.deployed(self.book.contract(contract.digest))

    def sign(self, digest: str, person: str) -> Kept:
        """Sign a contract for this party and send the signature.

        Raises NotAllowed for the person who wrote it down (four eyes), ContractBreach, Conflict.
        """
        require_person(person)
        kept = self.book.contract(digest)
        contract = kept.signed.contract
        if person == kept.author:
            raise NotAllowed(f"{person} wrote the contract: another person has to sign it", known=True)
        self._require_own(contract)
        role = contract.role_of(self.certificate)
        signed = kept.signed.with_signature(role, self.signer.sign(signed_bytes(contract.digest)).hex())
        self.book.update_contract(signed, person)
        self.registry.deployed(self.book.contract(contract.digest))
        with self.talk(self.book.peer(kept.peer)) as link:
            ask(link, OfferContract(signed))
        return self.book.contract(contract.digest)

    def _require_own(self, contract: Contract) -> None:
        """What the contract uses of this party's is there and may be used for it."""
        role = contract.role_of(self.certificate)
        wanted = contract.data(role)
        if contract.custodians is not None and contract.custodian(role) != self.custodian:
            raise ContractBreach("the contract names another custodian than this party's own", known=True)
        self.book.data_set(wanted.data_set).require(wanted, contract.purpose)
        if isinstance(contract.terms, QueryTerms):
            self.registry.require_in_use(contract.terms.models)

    def run(self, digest: str, operator: str, progress: Progress = lambda *_: None, resumes: str = "") -> Transcript:
        """Carry out a contract with its peer, beginning it from this side.  Raises ContractBreach, FederationError.

        resumes: a run that did not come to its end, to go on from its last step that the custodians hold.
        """
        kept = self.book.contract(digest)
        contract = kept.signed.require(self.clock.now_ms())
        if contract.algorithm is Algorithm.QUERY:
            raise ContractBreach("a query contract is asked, not run", known=True)
        self._require_own(contract)
        self.book.require_left(contract, int(not resumes))
        run = secrets.token_hex(32)
        consent = self.consents.given(contract, resumes, operator) if resumes else ""
        begin = BeginRun(contract.digest, run, operator, resumes=resumes, consent=consent)
        with self.talk(self.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            agreed = ask(link, begin)
            with self._under_way(contract, run, operator, int(not resumes)):
                return self.compute(link, contract, begin, agreed.consent, progress)

    @contextmanager
    def begun_at_request(self, begin: BeginRun, peer: Peer) -> Iterator[Contract]:
        """The contract of a run that a peer wants to begin; the run is counted and noted.  Raises ContractBreach."""
        kept = self.book.contract(begin.contract)
        contract = kept.signed.require(self.clock.now_ms())
        if contract.digest != begin.contract or kept.peer != peer.name:
            raise ContractBreach("the contract is not one with this party", known=True)
        self._require_own(contract)
        if begin.ahead:
            self._require_ahead(contract, begin.ahead)
        # Rows asked about are counted when they are asked about.
        uses = int(contract.algorithm is not Algorithm.QUERY and not begin.resumes and not begin.ahead)
        if begin.resumes:
            self.consents.given(contract, begin.resumes, begin.operator)
        with self._under_way(contract, begin.run, begin.operator, uses):
            yield contract

    @contextmanager
    def _under_way(self, contract: Contract, run: str, operator: str, uses: int) -> Iterator[None]:
        """A run from its first note to its last: it has a transcript at the end, even one that never came to compute."""
        begun_ms = self.clock.now_ms()
        with self._claims.held(run):
            self.book.begin(contract, run, begun_ms, uses)
            try:
                yield
            finally:
                if self.book.run(run).state == UNDER_WAY:
                    self._give_up(contract, run, operator, begun_ms, "the peer was lost before the computation began")

    def settle(self) -> list[str]:
        """Runs that a process of this party began and did not live to end get their transcript now; their ids."""
        left = []
        for each in self.book.runs():
            # Whoever ends a run writes its transcript before letting go of it: look at the book after the claim.
            held = each.state != UNDER_WAY or self._claims.is_held(each.run)
            if not held and self.book.run(each.run).state == UNDER_WAY:
                contract = self.book.contract(each.contract).signed.contract
                why = "the process that carried it out ended"
                self._give_up(contract, each.run, "", each.begun_ms, why, self._claims.noted(each.run))
                self._claims.drop(each.run)
                left.append(each.run)
        return left

    def _give_up(
        self, contract: Contract, run: str, operator: str, begun_ms: int, why: str, opened: Sequence[Opened] = ()
    ) -> None:
        outcome = Outcome(opened=list(opened))
        self._end(contract, contract.role_of(self.certificate), run, operator, begun_ms, outcome, why)

    @contextmanager
    def _in_custody(self, link: Link, contract: Contract, begin: BeginRun, theirs: str) -> Iterator[Custody | None]:
        """The custody of a run's steps, where the contract has one; begun with what came back, where it resumes another."""
        role = contract.role_of(self.certificate)
        custodian, signed = contract.custodian(role), self.book.contract(contract.digest).signed
        if custodian is None:
            yield None
            return
        peer, begun = self.book.peer(custodian.name), None
        if begin.resumes:
            mine = self.shares.consent(contract, begin.resumes)
            consents = (mine, theirs) if role is Role.FIRST else (theirs, mine)
            with self.talk(peer) as back:
                begun = self.shares.taken_back(back, link, signed, role, Return(begin.resumes, consents))
        with self.talk(peer) as vault, self.shares.held(vault, signed, role, begin.run, begun) as custody:
            yield custody

    def compute(
        self, link: Link, contract: Contract, begin: BeginRun, theirs: str = "", progress: Progress = lambda *_: None
    ) -> Transcript:
        """One side of a run that both agreed to; its transcript, signed and kept whatever happens.

        theirs: the other party's consent, where the run resumes another.
        """
        run, operator = begin.run, begin.operator
        role, begun_ms = contract.role_of(self.certificate), self.clock.now_ms()
        outcome, error = Outcome(), ""
        try:
            rows = self._rows(contract, role)
            with self._in_custody(link, contract, begin, theirs) as custody:
                computation = Computation(
                    link,
                    role,
                    contract,
                    run,
                    rows,
                    lambda part: self._keep_model(run, part, operator),
                    lambda opened: self._claims.note(run, opened),
                    progress,
                    custody,
                    self.stock,
                )
                outcome = computation.outcome
                outcome.resumes = begin.resumes
                outcome.custody = [] if custody is None else custody.held
                computation.carry_out()
            self._keep_result(run, outcome)
        except BaseException as trouble:
            error = trouble.detail if isinstance(trouble, TarimError) else type(trouble).__name__
            raise
        finally:
            self._end(contract, role, run, operator, begun_ms, outcome, error)
        return msgspec.json.decode(self.book.run(run).transcript, type=Transcript)

    def query(self, digest: str, keys: Sequence[str], operator: str) -> Answer:
        """Ask about customers by their keys, as the SECOND party.  Raises ContractBreach, NotFound."""
        kept = self.book.contract(digest)
        contract = kept.signed.require(self.clock.now_ms())
        role, run = contract.role_of(self.certificate), secrets.token_hex(32)
        if contract.algorithm is not Algorithm.QUERY or role is not Role.SECOND:
            raise ContractBreach("only the second party of a query contract asks", known=True)
        self._require_own(contract)
        with self._alarmed(contract, kept.peer, operator):
            self.limits.require_few_missed(contract, operator, self.clock.now_ms())
            asked = Asked(contract, role, self._rows(contract, role), self.models)
            places = asked.places_of(keys)
        answers: list[Answer] = []

        def converse(link: Channel, noted: Noted) -> None:
            count = self._counting(contract, kept.peer, operator)
            answers.append(ask_about(link, noted, asked, contract, count, self.stock, places))

        with self.talk(self.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            ask(link, BeginRun(contract.digest, run, operator))
            with self._under_way(contract, run, operator, 0):
                self._converse(link, contract, role, run, operator, converse)
        return answers[0]

    def answer(self, link: Link, contract: Contract, run: str, operator: str) -> None:
        """Answer a question as the FIRST party."""
        role = contract.role_of(self.certificate)
        if role is not Role.FIRST:
            raise ContractBreach("the first party of a query contract answers", known=True)
        asked = Asked(contract, role, self._rows(contract, role), self.models)

        def converse(channel: Channel, noted: Noted) -> None:
            count = self._counting(contract, contract.member(Role.SECOND).name, operator)
            answer_about(channel, noted, asked, contract, count, self.stock)

        self._converse(link, contract, role, run, operator, converse)

    def prepare(self, digest: str, rows: int, operator: str, progress: Progress = lambda *_: None) -> Level:
        """Make ahead what so many questions, or rows of a training, need; what there is then.

        Raises ContractBreach, TooLarge.
        """
        kept = self.book.contract(digest)
        contract = kept.signed.require(self.clock.now_ms())
        self._require_ahead(contract, rows)
        run = secrets.token_hex(32)
        with self.talk(self.book.peer(kept.peer), bytes.fromhex(run)[:RUN_ID_BYTES]) as link:
            ask(link, BeginRun(contract.digest, run, operator, rows))
            with self._under_way(contract, run, operator, 0):
                self.make_ahead(link, contract, run, operator, rows, progress)
        return self.stock.level(contract.digest)

    def make_ahead(
        self, link: Link, contract: Contract, run: str, operator: str, rows: int, progress: Progress = lambda *_: None
    ) -> None:
        """One side of making ahead what so many questions, or rows of a training, need."""
        role = contract.role_of(self.certificate)

        def converse(channel: Channel, noted: Noted) -> None:
            session = Session(channel, role, noted)
            if isinstance(contract.terms, LogisticTerms):
                make_sigmoids(session, contract.terms.plan, contract.digest, self.stock, run, rows, progress)
                return
            asked = Asked(contract, role, self._rows(contract, role), self.models)
            make_ahead(session, asked, contract, self.stock, run, rows, progress)

        self._converse(link, contract, role, run, operator, converse)

    def _require_ahead(self, contract: Contract, rows: int) -> None:
        if isinstance(contract.terms, LogisticTerms):
            rows = packets_for(contract.terms.plan, rows) * PACKET_ROWS
        elif contract.algorithm is not Algorithm.QUERY:
            raise ContractBreach("what questions and logistic regressions need is made ahead, nothing else", known=True)
        self.stock.require_room(contract.digest, rows)

    def stocked(self) -> dict[str, Level]:
        """What was made ahead and is left, by contract; what is for no contract in force is removed."""
        now_ms = self.clock.now_ms()
        in_force = {
            contract.digest
            for kept in self.book.contracts()
            if (contract := kept.signed.contract).expires_ms > now_ms and kept.signed.complete
        }
        for digest in self.stock.contracts():
            if digest not in in_force:
                self.stock.remove(digest)
        levels = {digest: self.stock.level(digest) for digest in self.stock.contracts()}
        return {digest: level for digest, level in levels.items() if level.packets}

    def _counting(self, contract: Contract, peer: str, operator: str) -> Count:
        def count(places: Places) -> None:
            with self._alarmed(contract, peer, operator):
                self.limits.count(contract, places, operator, self.clock.now_ms())

        return count

    @contextmanager
    def _alarmed(self, contract: Contract, peer: str, operator: str) -> Iterator[None]:
        """What is refused in the block and looks like an attempt is an alarm."""

        def sound(kind: str) -> None:
            self.alarms.sound(kind, who=operator, peer=peer, contract=contract.digest)

        try:
            yield
        except NotCommon as error:
            sound("unassigned-customer")
            with self._alarmed(contract, peer, operator):
                self.limits.missed(contract, operator, error.customers, self.clock.now_ms())
            raise
        except TooMuchAsked:
            sound("limit")
            raise
        except Sweep:
            sound("sweep")
            raise

    def _converse(
        self,
        link: Link,
        contract: Contract,
        role: Role,
        run: str,
        operator: str,
        act: Callable[[Channel, Noted], None],
    ) -> None:
        begun_ms, outcome, error = self.clock.now_ms(), Outcome(), ""

        def noted(opening: Opening) -> None:
            opened = Opened(opening.what, contract.member(opening.recipient).name, opening.shape)
            self._claims.note(run, opened)
            outcome.opened.append(opened)

        try:
            act(link, noted)
        except BaseException as trouble:
            error = trouble.detail if isinstance(trouble, TarimError) else type(trouble).__name__
            raise
        finally:
            self._end(contract, role, run, operator, begun_ms, outcome, error)

    def _keep_model(self, run: str, part: ModelPart, operator: str) -> None:
        self.models.keep(run, part)
        self.registry.kept(run, part.contract, operator)

    def _rows(self, contract: Contract, role: Role) -> Rows:
        wanted = contract.data(role)
        return Rows(self.book.data_set(wanted.data_set), wanted)

    def _keep_result(self, run: str, outcome: Outcome) -> None:
        """What was opened to this party, as a file of its own."""
        if not outcome.result and outcome.common is None and outcome.screened is None:
            return
        folder = self.folder / "results"
        folder.mkdir(mode=0o700, exist_ok=True)
        content = json.dumps(outcome.result) if outcome.common is None else json.dumps(outcome.common.tolist())
        if outcome.screened is not None:
            content = msgspec.json.encode(outcome.screened).decode()
        path = folder / f"{run}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)

    def _end(
        self,
        contract: Contract,
        role: Role,
        run: str,
        operator: str,
        begun_ms: int,
        outcome: Outcome,
        error: str,
    ) -> None:
        transcript = Transcript(
            run,
            contract.digest,
            self.name,
            contract.member(Role(1 - role)).name,
            operator,
            begun_ms,
            self.clock.now_ms(),
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
        )
        self.book.end(transcript, self.signer.sign(transcript.signed_bytes()).hex())

    def screened(self, run: str) -> Screened:
        """What a run found out about columns, on this side.  Raises NotFound."""
        try:
            content = (self.folder / "results" / f"{self.book.run(run).run}.json").read_bytes()
            return msgspec.json.decode(content, type=Screened)
        except (OSError, msgspec.MsgspecError):
            raise NotFound("that run screened no columns") from None

    def _peer_file(self, name: str) -> Path:
        return self.folder / "peers" / f"{name}.pem"
