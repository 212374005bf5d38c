"""Shares of every training step with a custodian of this party's own, and a training that goes on from them (MP-05, AS-21).

After each epoch or tree, and every so many steps of an epoch where the contract says so, a party seals what it needs to go on
(its shares, and which of its rows are common) under a key of its own, signs it, and hands it to its custodian; the other party
does so with another custodian.  A custodian can read nothing: it lacks the key, and inside lie shares, uniform without those
that the other custodian holds.

    party -> custodian   contract, run; then for each step its digest, the party's signature, the sealed shares
    custodian -> party   its signature of the same, once they lie on its disk

They come back on the signatures of both parties, each given after a person there allowed it.  A session's secrets are never
part of it: a training that goes on draws new ones, so no pad is used twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, NotFound
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach
from tarim.federation.learning.boosting import BoostingState, Tree
from tarim.federation.learning.logistic import LogisticState
from tarim.federation.node.contract import Contract, Member, Signed
from tarim.federation.node.conversations import GiveShares, KeepShares, Kept, Sealed, Steps, Wanted, ask, hear, say
from tarim.federation.node.models import TreePart
from tarim.federation.node.transcripts import Held
from tarim.federation.session import Role
from tarim.privacy import MasterKey, Signer

SEALED_BYTES_MAX: Final = 1 << 30
"""Of one step."""
STATE_VERSION: Final = 1
"""Of what is sealed; raised when its numbers come to mean something else.  What says none is 0: its regressions are read as
they are, its trees are refused, because they may hold rows' numbers with other fraction bits, which nothing in them tells."""
_NONCE_BYTES: Final = 12
_HELD: Final = b"tarim shares held\0"
_RELEASED: Final = b"tarim shares released\0"

Places = npt.NDArray[np.int64]
State = LogisticState | BoostingState


class Begun(NamedTuple):
    """What a training goes on from."""

    places: Places
    state: State
    origin: str


class Return(NamedTuple):
    """A run whose shares come back, with the consents of the first and of the second party."""

    run: str
    consents: tuple[str, str]


class _Logistic(msgspec.Struct, frozen=True, tag="logistic"):
    """number: 0 in what was sealed before there were steps of epochs."""

    epochs: int
    weights: bytes
    steps: int = 0
    number: int = 0


class _Trees(msgspec.Struct, frozen=True, tag="boosting"):
    """gained: of each tree what its columns gained, words, where the training counts that."""

    trees: tuple[TreePart, ...]
    numbers: bytes
    gained: tuple[bytes, ...] = ()


class _Content(msgspec.Struct, frozen=True):
    """What is sealed.  places: own rows by common place, int64.  origin: the run that the rows were parted in."""

    places: bytes
    state: _Logistic | _Trees
    origin: str
    version: int = 0


class _AnyState(msgspec.Struct, frozen=True):
    type: str


class _Form(msgspec.Struct, frozen=True):
    """What every version says of itself."""

    state: _AnyState
    version: int = 0


def held_bytes(contract: str, run: str, role: Role, step: int, digest: str) -> bytes:
    """What party and custodian sign."""
    return _HELD + canonical_json({"contract": contract, "run": run, "role": int(role), "step": step, "digest": digest})


def release_bytes(contract: str, run: str) -> bytes:
    """What both parties sign before shares come back."""
    return _RELEASED + canonical_json({"contract": contract, "run": run})


def require_signature(member: Member, content: bytes, signature: str, what: str) -> None:
    """Nothing when the member signed the content.  Raises ContractBreach."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(member.signing_key))
        key.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        raise ContractBreach(f"{what} does not bear the signature of {member.name}", known=True) from None


class Shares:
    """Seals and opens this party's shares, and moves them to and from its custodian."""

    def __init__(self, master: MasterKey, signer: Signer) -> None:
        self._key = AESGCM(master.derive("party-custody"))
        self._signer = signer

    @contextmanager
    def held(self, link: Channel, signed: Signed, role: Role, run: str, begun: Begun | None) -> Iterator[Custody]:
        """The custody of a run's steps, on a conversation with the custodian."""
        ask(link, KeepShares(signed, run))
        yield Custody(link, self, signed.contract, role, run, begun)
        say(link, "shares, of a step", None)

    def seal(self, begun: Begun, run: str, step: int) -> bytes:
        """What the custodian holds."""
        places = begun.places.astype(np.int64).tobytes()
        content = msgspec.msgpack.encode(_Content(places, _packed(begun.state), begun.origin, STATE_VERSION))
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._key.encrypt(nonce, content, _bound(run, step))

    def opened(self, sealed: bytes, run: str, step: int) -> Begun:
        """What `seal` was given.  Raises Damaged, Conflict for a version that cannot be gone on from."""
        try:
            content = self._key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(run, step))
            _require_version(msgspec.msgpack.decode(content, type=_Form))
            found = msgspec.msgpack.decode(content, type=_Content)
        except (InvalidTag, ValueError, msgspec.MsgspecError):
            raise Damaged("the shares do not open: they were altered, or sealed by another party's key") from None
        return Begun(np.frombuffer(found.places, np.int64).copy(), _unpacked(found.state), found.origin)

    def signature(self, contract: Contract, role: Role, run: str, step: int, digest: str) -> str:
        """This party's signature of what it hands over."""
        return self._signer.sign(held_bytes(contract.digest, run, role, step, digest)).hex()

    def consent(self, contract: Contract, run: str) -> str:
        """This party's signature that shares of a run may come back."""
        return self._signer.sign(release_bytes(contract.digest, run)).hex()

    def taken_back(self, link: Channel, peer: Channel, signed: Signed, role: Role, wanted: Return) -> Begun:
        """The last step of a run that both custodians hold.  Raises NotFound, ContractBreach, Damaged, Conflict.

        link: to the own custodian; peer: to the other party, which does the same with its own.
        """
        run = wanted.run
        ask(link, GiveShares(signed, run, wanted.consents))
        mine = hear(link, "steps held", Steps).steps
        say(peer, "steps held", Steps(mine))
        both = set(mine) & set(hear(peer, "steps held", Steps).steps)
        if not both:
            raise NotFound("the custodians hold no step of that run in common")
        step = max(both)
        say(link, "step wanted", Wanted(step))
        header = hear(link, "shares, of a step", Sealed)
        (sealed,) = link.receive("shares, sealed", (np.uint8, (-1,)))
        content, contract = sealed.tobytes(), signed.contract
        if header.step != step or hashlib.sha256(content).hexdigest() != header.digest:
            raise Damaged("the custodian gave back something else than was asked for")
        own = held_bytes(contract.digest, run, role, step, header.digest)
        require_signature(contract.member(role), own, header.signature, "what the custodian gave back")
        return self.opened(content, run, step)


class Custody:
    """A run's steps as they are handed over.  begun: what it goes on from; held: what the custodian has confirmed."""

    def __init__(
        self, link: Channel, shares: Shares, contract: Contract, role: Role, run: str, begun: Begun | None
    ) -> None:
        custodian = contract.custodian(role)
        assert custodian is not None
        self._link, self._shares, self._contract, self._role, self._run = link, shares, contract, role, run
        self._custodian, self.begun = custodian, begun
        self.held: list[Held] = []

    def keep(self, places: Places, state: State) -> None:
        """Hand over a step; it lies on the custodian's disk when this returns.  Raises ContractBreach, PeerLost."""
        step = state.number if isinstance(state, LogisticState) else len(state.trees)
        origin = self._run if self.begun is None else self.begun.origin
        sealed = self._shares.seal(Begun(places, state, origin), self._run, step)
        digest = hashlib.sha256(sealed).hexdigest()
        signature = self._shares.signature(self._contract, self._role, self._run, step, digest)
        say(self._link, "shares, of a step", Sealed(step, digest, signature))
        self._link.send("shares, sealed", np.frombuffer(sealed, np.uint8))
        receipt = hear(self._link, "shares, kept", Kept).signature
        mine = held_bytes(self._contract.digest, self._run, self._role, step, digest)
        require_signature(self._custodian, mine, receipt, "the custodian's receipt")
        self.held.append(Held(step, digest, len(sealed), self._custodian.name, receipt))


def _require_version(form: _Form) -> None:
    """Nothing for a state that this version goes on from.  Raises Conflict."""
    if form.version > STATE_VERSION:
        raise Conflict(
            f"the shares were sealed by a newer version of Tarim (form {form.version}, this one reads up to {STATE_VERSION}): "
            "install that one at both parties and resume again, or train anew: tarim party run without --resume"
        )
    if form.version < 1 and form.state.type == "boosting":
        raise Conflict(
            "the shares are of joint trees and were sealed by an older version of Tarim, which held their numbers otherwise: "
            "resume with the version that sealed them at both parties, or train anew: tarim party run without --resume"
        )


def _bound(run: str, step: int) -> bytes:
    return f"{run}:{step}".encode()


def _packed(state: State) -> _Logistic | _Trees:
    if isinstance(state, LogisticState):
        return _Logistic(state.epochs, state.weights.tobytes(), state.steps, state.number)
    trees = tuple(TreePart(each.owners.tolist(), dict(each.own), each.leaves.tobytes()) for each in state.trees)
    return _Trees(trees, state.numbers.tobytes(), tuple(each.gained.tobytes() for each in state.trees))


def _unpacked(state: _Logistic | _Trees) -> State:
    def words(content: bytes) -> npt.NDArray[np.uint64]:
        return np.frombuffer(content, np.uint64).copy()

    if isinstance(state, _Logistic):
        return LogisticState(state.epochs, words(state.weights), state.number or state.epochs, state.steps)
    trees = tuple(
        Tree(np.array(each.owners, np.int64), dict(each.own), words(each.leaves), words(gained))
        for each, gained in zip(state.trees, state.gained, strict=True)
    )
    return BoostingState(trees, words(state.numbers))
