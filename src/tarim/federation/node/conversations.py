"""What two nodes say to each other that is not computing: JSON messages on the same pinned connection.

A conversation is one link.  Who dials begins with a `Hello`; the other side answers `Agreed` or `Refused` and, after a run was
agreed, both go on with the protocol.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from tarim.base.errors import TarimError
from tarim.base.four_eyes import PERSON_CHARACTERS_MAX
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.intersection import SET_MAX
from tarim.federation.learning.encoding import COLUMNS_MAX as ENCODED_COLUMNS_MAX
from tarim.federation.node.contract import Member, Signed
from tarim.federation.node.data_sets import DataSet
from tarim.federation.node.terms import Digest

MESSAGE_BYTES_MAX: Final = 8 << 20
Signature = Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
MaybeSignature = Annotated[str, Meta(pattern="^([0-9a-f]{128})?$")]


class AskSets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sets"):
    """Which data sets do you offer?"""


class OfferContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="contract"):
    """Keep this contract, with the signatures it has."""

    signed: Signed


class BeginRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run"):
    """Compute what this contract says, now; or make ahead what so many questions need (ahead: rows, 0 for none).

    resumes: a run to go on from, "" for none; consent: this party's signature that its shares may come back.
    """

    contract: Digest
    run: Digest
    operator: Annotated[str, Meta(min_length=1, max_length=PERSON_CHARACTERS_MAX)]
    ahead: Annotated[int, Meta(ge=0)] = 0
    resumes: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    consent: MaybeSignature = ""


class KeepShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="keep shares"):
    """Hold the shares of this run's steps: to a custodian."""

    signed: Signed
    run: Digest


class GiveShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="give shares"):
    """Give back shares of this run.  consents: signatures of the first and of the second party."""

    signed: Signed
    run: Digest
    consents: tuple[Signature, Signature]


class Assist(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="assist"):
    """Compute along in this run of a contract that you signed: to a third node, from both companies."""

    contract: Digest
    run: Digest
    operator: Annotated[str, Meta(min_length=1, max_length=PERSON_CHARACTERS_MAX)]


class Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="agreed"):
    """Yes.  sets, custodian: what was asked for.  consent: that shares of the run that is resumed may come back."""

    sets: tuple[DataSet, ...] = ()
    custodian: Member | None = None
    consent: MaybeSignature = ""


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of a step follow.  digest: SHA-256 of the sealed bytes; signature: the party's."""

    step: int
    digest: Digest
    signature: Signature


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """They lie on the custodian's disk.  signature: the custodian's."""

    signature: Signature


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps that a custodian holds."""

    steps: tuple[int, ...]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step that is wanted back."""

    step: int


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="refused"):
    """No, and why."""

    why: str


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public shape of a party's columns: bits, or bins, of each."""

    columns: tuple[int, ...]


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a third node computes on, of which it sees shares: rows; bits, or bins, of each party's columns."""

    rows: Annotated[int, Meta(ge=2, le=SET_MAX)]
    first: Annotated[tuple[int, ...], Meta(min_length=1, max_length=ENCODED_COLUMNS_MAX)]
    second: Annotated[tuple[int, ...], Meta(min_length=1, max_length=ENCODED_COLUMNS_MAX)]


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of a packet of what was made ahead."""

    packet: Annotated[str, Meta(pattern="^[0-9a-f]{32}-[0-9]{6}$")]
    start: Annotated[int, Meta(ge=0)]
    rows: Annotated[int, Meta(ge=1)]


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows asked about, by their place among the common customers, and what was made ahead for them, if anything was."""

    rows: tuple[int, ...]
    pieces: Annotated[tuple[Piece, ...], Meta(max_length=1_024)] = ()


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go on; or why not.  from_stock: with the pieces that were named; without them when one is not here or was used."""

    refused: str = ""
    from_stock: bool = False


Hello = AskSets | OfferContract | BeginRun | KeepShares | GiveShares | Assist
Reply = Agreed | Refused


def say(channel: Channel, step: str, message: Any) -> None:
    """Send a message."""
    channel.send(step, np.frombuffer(msgspec.json.encode(message), np.uint8))


def hear(channel: Channel, step: str, kind: Any) -> Any:
    """The next message, of this kind.  Raises ProtocolBroken."""
    (content,) = channel.receive(step, (np.uint8, (-1,)))
    if content.size > MESSAGE_BYTES_MAX:
        raise ProtocolBroken(f"a message of more than {MESSAGE_BYTES_MAX} bytes came")
    try:
        return msgspec.json.decode(content.tobytes(), type=kind)
    except msgspec.MsgspecError:
        raise ProtocolBroken(f"the message of the step {step!r} cannot be read") from None


def ask(channel: Channel, hello: Hello) -> Agreed:
    """Begin a conversation; what the other side agrees to.  Raises ContractBreach with its reason when it refuses."""
    say(channel, "hello", hello)
    reply = hear(channel, "reply", Reply)
    if isinstance(reply, Refused):
        raise ContractBreach(f"the other party refused: {reply.why}", known=True)
    agreed: Agreed = reply
    return agreed


def refusal(error: TarimError) -> Refused:
    """What the other side is told."""
    return Refused(error.detail[:500])
