"""Shares with a custodian: sealed under the party's key, given back on the word of both parties, refused otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.audit import MIGRATIONS, Store
from tarim.base.errors import Conflict, Damaged, DefinitionError, NotFound
from tarim.federation import Contract, ContractBreach, Member, Role
from tarim.federation.intersection import IdentifierKind
from tarim.federation.learning.boosting import BoostingState, Tree
from tarim.federation.learning.logistic import LogisticState
from tarim.federation.node.book import Peer
from tarim.federation.node.contract import Columns, Opening, Signed, signed_bytes
from tarim.federation.node.conversations import GiveShares, KeepShares, Steps, hear, say
from tarim.federation.node.custodian import Custodian
from tarim.federation.node.custody import Begun, Return, Shares
from tarim.federation.node.terms import LogisticTerms, Output
from tarim.privacy import MasterKey, Signer
from tarim.records import Database
from tests.fakes.clock import FakeClock
from tests.fakes.federation import channels, together

NOW = 1_800_000_000_000
RUN = "7" * 64
MASTERS = {name: MasterKey(bytes([place]) * 32) for place, name in enumerate(("data", "bank", "vault-d", "vault-b"), 1)}
SIGNERS = {name: Signer.of(master) for name, master in MASTERS.items()}
MEMBERS = {name: Member(name, f"{place}" * 64, SIGNERS[name].public_key_hex) for place, name in enumerate(MASTERS, 1)}


def signed(**changes: object) -> Signed:
    columns = Columns("3" * 64, "phone", IdentifierKind.PHONE, ("age",))
    made = Contract(
        "c1", "a purpose", LogisticTerms(), MEMBERS["data"], MEMBERS["bank"], columns,
        msgspec.structs.replace(columns, label="y"), (Opening(Output.CURVE, "bank"),), 1, NOW + 1, NOW,
        custodians=(MEMBERS["vault-d"], MEMBERS["vault-b"]),
    )  # fmt: skip
    made = msgspec.structs.replace(made, **changes)
    signatures = [SIGNERS[name].sign(signed_bytes(made.digest)).hex() for name in ("data", "bank")]
    return Signed(made, *signatures)


def peer(name: str) -> Peer:
    return Peer(name, "127.0.0.1", 1, MEMBERS[name].certificate, MEMBERS[name].signing_key)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Custodian]:
    database = Database.open(f"sqlite:///{tmp_path / 'records.db'}", [MIGRATIONS])
    yield Custodian(tmp_path, MEMBERS["vault-b"], SIGNERS["vault-b"], Store(database), FakeClock(NOW))
    database.close()


def test_a_state_within_an_epoch_is_sealed_with_its_step() -> None:
    shares = Shares(MASTERS["bank"], SIGNERS["bank"])
    state = LogisticState(2, np.arange(9, dtype=np.uint64), number=7, steps=40)
    back = shares.opened(shares.seal(Begun(np.arange(4), state, RUN), RUN, 7), RUN, 7).state
    assert (back.epochs, back.number, back.steps) == (2, 7, 40)
    with pytest.raises(DefinitionError, match="nobody holds"):
        signed(terms=LogisticTerms(custody_steps=1), custodians=None).contract.check()
    signed(terms=LogisticTerms(batch_rows="all", custody_steps=1)).contract.check()


def test_a_contract_names_the_way_of_descent_and_why() -> None:
    for rows, planned in ((1, 1), (50_000, 50_000), ("all", None)):
        terms = msgspec.convert({"type": "logistic", "batch_rows": rows, "batch_reason": "few rows"}, LogisticTerms)
        assert terms.plan.batch_rows == planned
        assert signed(terms=terms).contract.digest != signed(terms=LogisticTerms(rows)).contract.digest
        signed(terms=terms).contract.check()
    with pytest.raises(msgspec.ValidationError, match="batch_rows"):
        msgspec.convert({"type": "logistic", "batch_rows": "some"}, LogisticTerms)


def kept(vault: Custodian, contract: Signed, epochs: int) -> list[LogisticState]:
    """Hand over some epochs of the bank; what was handed over."""
    states = [LogisticState(epoch, np.arange(9, dtype=np.uint64) * epoch, epoch) for epoch in range(1, epochs + 1)]

    def bank(link) -> None:
        with Shares(MASTERS["bank"], SIGNERS["bank"]).held(link, contract, Role.SECOND, RUN, None) as custody:
            for state in states:
                custody.keep(np.arange(4), state)
        assert [(each.step, each.custodian) for each in custody.held] == [(e, "vault-b") for e in range(1, epochs + 1)]

    def custodian(link) -> None:
        hello = hear(link, "hello", KeepShares)
        role = vault.allowed(hello, peer("bank"))
        say(link, "reply", {"type": "agreed"})
        assert vault.keep(link, hello, role) == epochs

    together(bank, custodian)
    return states


def test_what_was_handed_over_comes_back_up_to_the_step_that_both_custodians_hold(
    vault: Custodian, tmp_path: Path
) -> None:
    contract = signed()
    states = kept(vault, contract, 3)
    assert [(each.party, each.steps) for each in vault.runs()] == [("bank", 3)]
    consents = tuple(Shares(MASTERS[name], SIGNERS[name]).consent(contract.contract, RUN) for name in ("data", "bank"))
    to_peer, from_peer = channels()
    say(from_peer, "steps held", Steps((1, 2)))

    def bank(link) -> Begun:
        shares = Shares(MASTERS["bank"], SIGNERS["bank"])
        return shares.taken_back(link, to_peer, contract, Role.SECOND, Return(RUN, consents))

    def custodian(link) -> int:
        hello = hear(link, "hello", GiveShares)
        role = vault.allowed(hello, peer("bank"))
        say(link, "reply", {"type": "agreed"})
        return vault.give(link, hello, role)

    begun, step = together(bank, custodian)
    assert step == 2 and begun.origin == RUN
    assert np.array_equal(begun.places, np.arange(4))
    assert begun.state.epochs == 2 and np.array_equal(begun.state.weights, states[1].weights)
    path = next(tmp_path.rglob("2.share"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    say(from_peer, "steps held", Steps((2,)))
    with pytest.raises(Damaged, match="something else"):
        together(bank, custodian)
    say(from_peer, "steps held", Steps((9,)))
    with pytest.raises(NotFound, match="in common"):
        together(bank, lambda link: custodian(link) if link else None)


def test_who_may_not_is_refused(vault: Custodian) -> None:
    contract = signed()
    kept(vault, contract, 1)
    mine, theirs = (Shares(MASTERS[name], SIGNERS[name]).consent(contract.contract, RUN) for name in ("bank", "data"))
    hello = GiveShares(contract, RUN, (theirs, mine))
    assert vault.allowed(hello, peer("bank")) is Role.SECOND
    cases = [
        (hello, "data", "another custodian"),
        (hello, "vault-d", "not one of the contract's"),
        (GiveShares(contract, RUN, (mine, mine)), "bank", "signature of data"),
        (GiveShares(contract, RUN, (theirs, theirs)), "bank", "signature of bank"),
        (KeepShares(msgspec.structs.replace(contract, first_signature=""), RUN), "bank", "not signed by both"),
        (KeepShares(signed(expires_ms=NOW), RUN), "bank", "expired"),
    ]
    for said, who, why in cases:
        with pytest.raises(ContractBreach, match=why):
            vault.allowed(said, peer(who))
    with pytest.raises(NotFound):
        again = "8" * 64
        consents = [Shares(MASTERS[name], SIGNERS[name]).consent(contract.contract, again) for name in ("data", "bank")]
        vault.allowed(GiveShares(contract, again, (consents[0], consents[1])), peer("bank"))


def test_sealed_shares_open_for_their_party_run_and_step_alone() -> None:
    shares = Shares(MASTERS["bank"], SIGNERS["bank"])
    tree = Tree(np.array([0, 1, 0]), {0: (2, 7)}, np.arange(4, dtype=np.uint64), np.arange(3, dtype=np.uint64))
    state = BoostingState((tree,), np.arange(6, dtype=np.uint64))
    sealed = shares.seal(Begun(np.arange(6), state, RUN), RUN, 1)
    found = shares.opened(sealed, RUN, 1).state
    assert found.trees[0].own == tree.own and np.array_equal(found.numbers, state.numbers)
    assert np.array_equal(found.trees[0].gained, tree.gained)
    for wrong, run, step in (
        (Shares(MASTERS["vault-b"], SIGNERS["vault-b"]), RUN, 1), (shares, "8" * 64, 1), (shares, RUN, 2),
    ):  # fmt: skip
        with pytest.raises(Damaged):
            wrong.opened(sealed, run, step)


def sealed_as(content: dict[str, object]) -> bytes:
    """As `Shares.seal` seals, whatever the form of the content."""
    nonce = bytes(12)
    key = AESGCM(MASTERS["bank"].derive("party-custody"))
    return nonce + key.encrypt(nonce, msgspec.msgpack.encode(content), f"{RUN}:1".encode())


WORDS = np.arange(6, dtype=np.uint64).tobytes()
TREE = {"owners": [0], "own": {0: (2, 7)}, "leaves": WORDS}


@pytest.mark.parametrize(
    "state",
    [
        {"type": "boosting", "trees": [TREE], "margins": WORDS, "weights": WORDS},  # the first form there was
        {"type": "boosting", "trees": [TREE], "numbers": WORDS},  # reads like today's and means something else
    ],
)
def test_trees_sealed_by_an_older_version_are_refused_with_what_to_do(state: dict[str, object]) -> None:
    shares = Shares(MASTERS["bank"], SIGNERS["bank"])
    content = {"places": np.arange(6).tobytes(), "state": state, "origin": RUN}
    with pytest.raises(
        Conflict, match=r"older version of Tarim.*resume with the version that sealed them.*or train anew"
    ):
        shares.opened(sealed_as(content), RUN, 1)


def test_a_newer_version_is_named_and_an_older_regression_goes_on() -> None:
    shares = Shares(MASTERS["bank"], SIGNERS["bank"])
    content = {
        "places": np.arange(6).tobytes(),
        "state": {"type": "logistic", "epochs": 2, "weights": WORDS},
        "origin": RUN,
    }
    found = shares.opened(sealed_as(content), RUN, 1).state
    assert found.epochs == 2 and found.weights.tobytes() == WORDS
    newer = {"type": "what is to come"}
    with pytest.raises(Conflict, match="newer version of Tarim"):
        shares.opened(sealed_as(content | {"state": newer, "version": 2}), RUN, 1)
    with pytest.raises(Damaged):
        shares.opened(sealed_as({"version": 1}), RUN, 1)


def test_each_party_has_a_custodian_of_its_own() -> None:
    signed().contract.check()
    for both in (("vault-d", "vault-d"), ("bank", "vault-b"), ("vault-d", "data")):
        with pytest.raises(DefinitionError, match="of its own"):
            signed(custodians=tuple(MEMBERS[name] for name in both)).contract.check()
