"""Contracts of three nodes without the engine: who signs, who is refused, how the third node meets both companies."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from tarim.base.errors import DefinitionError, InputError, NotAllowed, NotFound
from tarim.federation import (
    Contract,
    ContractBreach,
    Kind,
    Member,
    Party,
    Peer,
    ProtocolBroken,
    Role,
    make_party,
    verify_transcript,
)
from tarim.federation.adapters.link import Traffic
from tarim.federation.intersection import IdentifierKind
from tarim.federation.learning.boosting import Loss
from tarim.federation.learning.logistic import LogisticState
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.node import assisting, engines, second_trainings
from tarim.federation.node.contract import Columns, Opening, Signed
from tarim.federation.node.conversations import Assist, OfferContract, Work, say
from tarim.federation.node.engines import PROTOCOLS, Engine
from tarim.federation.node.terms import BoostingTerms, CrossTerms, FoundBy, LogisticTerms, Output
from tarim.federation.second_engine.interpreter import Readiness
from tarim.federation.second_engine.jobs import Done
from tarim.federation.session import Opening as Opened
from tests.fakes.clock import FakeClock
from tests.fakes.federation import QueueChannel, channels

NOW = 1_800_000_000_000
RUN = "7" * 64
ABY3 = PROTOCOLS[Engine.ABY3]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Party]]:
    """Two companies and a custodian that know each other; what one sends another receives at once, without a line."""
    home = tmp_path_factory.mktemp("nodes")
    found: dict[str, Party] = {}
    for name, kind in (("data", Kind.PARTY), ("bank", Kind.PARTY), ("vault", Kind.CUSTODIAN)):
        make_party(home / name, name, datetime.datetime.now(datetime.UTC), kind)
        found[name] = Party(home / name, {}, FakeClock(NOW))
    for node in found.values():
        for other in found.values():
            if other is not node:
                node.add_peer(other.card, other.certificate, "127.0.0.1", 1, "engineer")
    yield found
    for node in found.values():
        node.close()


@pytest.fixture(autouse=True)
def no_line(nodes: dict[str, Party], monkeypatch: pytest.MonkeyPatch) -> None:
    def send(self: Any, signed: Signed) -> None:
        sender = next(node for node in nodes.values() if node.agreements is self)
        for member in signed.contract.nodes:
            if member != sender.member:
                offered = msgspec.json.decode(msgspec.json.encode(OfferContract(signed)), type=OfferContract)
                nodes[member.name].agreements.receive(offered.signed, peer(nodes[sender.name]))

    monkeypatch.setattr("tarim.federation.node.agreements.Agreements._send", send)
    monkeypatch.setattr("tarim.federation.node.agreements.Agreements.require_own", lambda *_: None)


def peer(node: Party) -> Peer:
    return Peer(node.name, "127.0.0.1", 1, node.certificate, node.signer.public_key_hex)


def contract(nodes: dict[str, Party], **changes: Any) -> Contract:
    columns = Columns("3" * 64, "phone", IdentifierKind.PHONE, ("age",))
    made = Contract(
        "c1", "a purpose", LogisticTerms(), nodes["data"].member, nodes["bank"].member, columns,
        msgspec.structs.replace(columns, label="y"), (Opening(Output.CURVE, "bank"),), 1, NOW + 1_000, NOW,
        protocol=ABY3, third=nodes["vault"].member,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def test_what_cannot_be_agreed_on(nodes: dict[str, Party]) -> None:
    contract(nodes).check()
    contract(nodes, protocol=PROTOCOLS[Engine.CHEETAH], third=UNSET, finding=FoundBy.RR22).check()
    members = nodes["data"].member, Member("other", "1" * 64, "2" * 64)
    cases = [
        ({"third": UNSET}, "has a third node"),
        ({"protocol": PROTOCOLS[Engine.OWN]}, "no other protocol has"),
        ({"protocol": "spu semi2k"}, "computes by"),
        ({"third": nodes["bank"].member}, "neither of the parties"),
        ({"custodians": (nodes["vault"].member, members[1])}, "of its own"),
        ({"terms": BoostingTerms(loss=Loss.EXPONENTIAL)}, "log loss only"),
        ({"terms": LogisticTerms(batch_rows=1 << 15)}, "16384 rows at a learning rate of 1"),
        ({"terms": LogisticTerms(line_mbit_s=100.0)}, "products of its own"),
        ({"terms": CrossTerms(LogisticTerms())}, "does nothing else"),
    ]
    for changes, why in cases:
        with pytest.raises((DefinitionError, InputError), match=why):
            contract(nodes, **changes).check()


@pytest.mark.parametrize(
    ("terms", "digest"),
    [
        (LogisticTerms(), "06bc7dc047e17dd14d4d37f28f7cfe623a5e88d3352b173b13514c0d244fedfe"),
        (BoostingTerms(), "81a4ed06466f0c57807152d86897a7fb262ae01a58b03004b850df4d119f7440"),
    ],
)
def test_a_contract_of_two_keeps_its_digest(terms: LogisticTerms | BoostingTerms, digest: str) -> None:
    """As it was before there were three nodes: its signatures are of that name."""
    member = [Member(name, digit * 64, digit * 64) for name, digit in (("data", "1"), ("bank", "2"))]
    columns = Columns("3" * 64, "phone", IdentifierKind.PHONE, ("age",))
    made = Contract(
        "c1", "p", terms, *member, columns, msgspec.structs.replace(columns, label="y"),
        (Opening(Output.CURVE, "bank"),), 1, 2, 1,
    )  # fmt: skip
    assert made.digest == digest
    assert msgspec.convert(msgspec.to_builtins(made), Contract) == made


def test_all_three_sign_and_each_knows_it(nodes: dict[str, Party]) -> None:
    made = contract(nodes, number="signed")
    nodes["bank"].agreements.propose(made, "engineer")
    assert nodes["vault"].book.contract(made.digest).peer == "data", "the custodian has it too"
    with pytest.raises(NotAllowed, match="another person"):
        nodes["bank"].agreements.sign(made.digest, "engineer")
    for name in ("vault", "bank", "data"):
        with pytest.raises(ContractBreach, match=f"both parties and the third node: .*{name}"):
            nodes["vault"].book.contract(made.digest).signed.require(NOW)
        nodes[name].agreements.sign(made.digest, "officer")
    for node in nodes.values():
        assert node.book.contract(made.digest).signed.complete


def test_whose_contract_it_is_not_is_refused(nodes: dict[str, Party]) -> None:
    stranger = Member("stranger", "9" * 64, nodes["data"].signer.public_key_hex[::-1])
    receive = nodes["vault"].agreements.receive
    with pytest.raises(ContractBreach, match="peers that it knows"):
        receive(Signed(contract(nodes, second=stranger, outputs=(Opening(Output.CURVE, "data"),))), peer(nodes["data"]))
    two = contract(nodes, protocol=PROTOCOLS[Engine.CHEETAH], third=UNSET)
    with pytest.raises(ContractBreach, match="peers that it knows"):
        receive(Signed(two), peer(nodes["data"]))
    with pytest.raises(ContractBreach, match="not one of the node that offers it"):
        nodes["data"].agreements.receive(Signed(two), peer(nodes["vault"]))
    with pytest.raises(NotFound):
        nodes["bank"].agreements.receive(Signed(contract(nodes, number="its own")), peer(nodes["vault"]))
    forged = Signed(contract(nodes), third_signature="5" * 128)
    nodes["bank"].agreements.receive(Signed(contract(nodes)), peer(nodes["data"]))
    with pytest.raises(ContractBreach, match="not that of vault"):
        nodes["bank"].agreements.receive(forged, peer(nodes["vault"]))
    swapped = contract(
        nodes, second=nodes["vault"].member, third=nodes["bank"].member, outputs=(Opening(Output.CURVE, "data"),)
    )
    with pytest.raises(ContractBreach, match="no custodian"):
        nodes["bank"].agreements.receive(Signed(swapped), peer(nodes["data"]))


# ---- the third node meets both ---------------------------------------------------------------------------------------


class Engineless:
    """In the second engine's place: what it was made with and asked."""

    made: list[Engineless] = []

    def __init__(self, kind: Any, _python: Path, rank: int, ends: list[Any], **_: Any) -> None:
        self.kind, self.rank, self.ends, self.asked = kind, rank, ends, ()
        self.openings: tuple[Any, ...] = ()
        Engineless.made.append(self)

    def assist(self, *asked: Any) -> Done:
        self.asked = asked
        return Done(self.openings, 0.0, 0.0, 0.0, 0, 0)


@pytest.fixture
def engineless(monkeypatch: pytest.MonkeyPatch) -> list[Engineless]:
    Engineless.made = []
    monkeypatch.setattr(assisting, "SecondEngine", Engineless)
    monkeypatch.setattr(engines, "second_engine_readiness", lambda: Readiness(Path("python")))
    return Engineless.made


def in_force(nodes: dict[str, Party], **changes: Any) -> Contract:
    made = contract(nodes, **changes)
    nodes["bank"].agreements.propose(made, "engineer")
    for node in nodes.values():
        node.agreements.sign(made.digest, "officer")
    return made


class Counted(QueueChannel):
    """With the figures of a link."""

    traffic = Traffic()


def at_third(nodes: dict[str, Party], hellos: dict[str, Assist], works: dict[str, Work]) -> list[Any]:
    """What comes of both companies' conversations with the third node: None, or what is raised."""
    results: list[Any] = [None] * len(hellos)

    def converse(place: int, name: str, hello: Assist) -> None:
        far, near = channels()
        near.__class__ = Counted
        if name in works:
            say(far, "work", works[name])
        else:
            far._out.put(None)  # the company is gone
        try:
            with nodes["vault"].assistance.met(near, hello, peer(nodes[name])) as (meeting, leads):
                nodes["vault"].assistance.carry_out(meeting, leads=leads)
        except Exception as error:
            results[place] = error

    threads = [
        threading.Thread(target=converse, args=(place, name, hello))
        for place, (name, hello) in enumerate(hellos.items())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return results


def test_the_third_node_computes_once_both_have_come(nodes: dict[str, Party], engineless: list[Engineless]) -> None:
    made, vault = in_force(nodes, number="met"), nodes["vault"]
    hello, work = Assist(made.digest, RUN, "engineer.bank"), Work(900, (3, 1), (8,))
    assert at_third(nodes, {"data": hello, "bank": hello}, {"data": work, "bank": work}) == [None, None]
    (engine,) = engineless
    assert (engine.rank, engine.ends[2]) == (2, None) and None not in engine.ends[:2]
    assert engine.asked == (Plan(), 900, (3, 1), (8,))
    kept = vault.book.run(RUN)
    transcript = verify_transcript(kept.transcript, kept.signature, vault.signer.public_key_hex)
    assert (transcript.party, transcript.third, transcript.peer, transcript.state) == ("vault", "vault", "data", "done")
    assert transcript.rows == {"training": 900} and transcript.result == {} and transcript.model == ""
    assert [step.name for step in transcript.steps] == ["with data", "with bank"]
    assert vault.book.contract(made.digest).used == 1
    again = Assist(made.digest, "8" * 64, "engineer.bank")
    for refused in at_third(nodes, {"data": again, "bank": again}, {"data": work, "bank": work}):
        assert isinstance(refused, ContractBreach) and "0 are left" in refused.detail


def test_companies_that_differ_end_the_run_at_once(
    nodes: dict[str, Party], engineless: list[Engineless], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, run = in_force(nodes, number="differ", uses=3), "a" * 64
    hello = Assist(made.digest, run, "engineer.bank")
    works = {"data": Work(900, (3, 1), (8,)), "bank": Work(901, (3, 1), (8,))}
    assert all(isinstance(each, ProtocolBroken) for each in at_third(nodes, {"data": hello, "bank": hello}, works))
    assert nodes["vault"].book.run(run).state == "failed" and not engineless
    lost = Assist(made.digest, "b" * 64, "engineer.bank")
    ended = at_third(nodes, {"data": lost, "bank": lost}, {"data": works["data"]})
    assert all(isinstance(each, ProtocolBroken) for each in ended)
    other = Assist(made.digest, "c" * 64, "somebody.else")
    monkeypatch.setattr(assisting, "MEETING_S", 1.0)
    mixed = at_third(nodes, {"data": msgspec.structs.replace(other, operator="engineer.bank"), "bank": other}, works)
    assert sorted("operator" in each.detail for each in mixed) == [False, True]
    assert sorted("in time" in each.detail for each in mixed) == [False, True]
    assert nodes["vault"].book.contract(made.digest).used == 2, "what did not begin is no use"


def test_who_is_not_the_third_or_has_no_engine_refuses(
    nodes: dict[str, Party], engineless: list[Engineless], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_force(nodes, number="refused")
    hello = Assist(made.digest, RUN, "engineer.bank")
    with (
        pytest.raises(ContractBreach, match="not the third"),
        nodes["bank"].assistance.met(None, hello, peer(nodes["data"])),
    ):
        pass
    monkeypatch.setattr(engines, "second_engine_readiness", lambda: Readiness(Path("python"), "no module /srv/secret"))
    for refused in at_third(nodes, {"data": hello, "bank": hello}, {}):
        assert isinstance(refused, ContractBreach) and "secret" not in refused.detail
        assert "vault does not have the second engine" in refused.detail
    assert nodes["vault"].book.contract(made.digest).used == 0
    engines.require_ready(Engine.OWN, FoundBy.OWN, "vault")


def test_what_the_engine_opened_is_held_to_what_was_noted(nodes: dict[str, Party]) -> None:
    made = contract(nodes, terms=BoostingTerms(trees=2, depth=2))
    noted = second_trainings.openings_of(made)
    assert noted == [Opened("splits of the trees", role, (2, 3)) for role in Role]
    right = tuple((f"splits of tree {n}", rank, (3,)) for rank in (0, 1) for n in (1, 2))
    second_trainings.require_opened(Done(right, 0, 0, 0, 0, 0), noted)
    for wrong in (right[1:], (*right, ("more", 2, (1,))), (*right, ("more", 0, (1,)))):
        with pytest.raises(ProtocolBroken, match="something else"):
            second_trainings.require_opened(Done(wrong, 0, 0, 0, 0, 0), noted)
    assert second_trainings.openings_of(contract(nodes)) == []


def test_a_finished_part_that_comes_back_from_custody_is_the_model(nodes: dict[str, Party]) -> None:
    class Bare(second_trainings.SecondLogistic):
        def __init__(self) -> None:
            from tarim.federation.learning.encoding import Encoder, Widths

            self._terms, self._theirs = LogisticTerms(epochs=4), Widths((1,))
            column = np.linspace(-1, 1, 8)
            self._encoded = Encoder.learned([column]).encoded([column])
            self._engine = second_trainings._Engine(type("S", (), {"role": Role.FIRST})(), None)

    session = type("S", (), {"first": True})()
    weights = np.arange(3, dtype=np.uint64)
    whole = Bare().fit(session, np.arange(8), print, print, LogisticState(4, weights, 4))
    assert np.array_equal(whole.weights.part(), weights) and len(whole.second) == 1
    with pytest.raises(ContractBreach, match="something else"):
        Bare().fit(session, np.arange(8), print, print, LogisticState(3, weights, 3))
