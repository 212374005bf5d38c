"""What a run did, as each side saw it, signed by that side (AS-22, AS-23, MP-10).

Inputs are named by digest, never shown; outputs by what was opened to whom and how large it was.
"""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import UNSET, UnsetType

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged


class Step(msgspec.Struct, frozen=True):
    """A phase: how long it took and what went over the line, as this side counts."""

    name: str
    took_ms: int
    sent_bytes: int
    received_bytes: int
    rounds: int


class Opened(msgspec.Struct, frozen=True):
    """Something that was opened."""

    what: str
    to: str
    shape: tuple[int, ...]


class Held(msgspec.Struct, frozen=True):
    """Shares of a step that a custodian holds.  digest: of the sealed bytes; receipt: the custodian's signature."""

    step: int
    digest: str
    bytes: int
    custodian: str
    receipt: str


class Transcript(msgspec.Struct, frozen=True):
    """One side's record of one run.  state: `done`, or `failed` with the name of the error.

    custody: shares of the steps of a training that its custodian holds; resumes: the run whose shares it went on from.
    third: the node that computes along on shares, in a run of three; its own transcript names the first party as its peer.
    iterations: how far a training came, by name: steps and whole epochs of a regression, trees; with an early stop, those after
    the model too.
    """

    run: str
    contract: str
    party: str
    peer: str
    operator: str
    begun_ms: int
    ended_ms: int
    state: str
    inputs: dict[str, str]
    rows: dict[str, int]
    steps: list[Step]
    opened: list[Opened]
    result: dict[str, float]
    model: str
    error: str = ""
    custody: list[Held] = []
    resumes: str = ""
    third: str | UnsetType = UNSET
    iterations: dict[str, int] | UnsetType = UNSET

    def signed_bytes(self) -> bytes:
        """What is signed."""
        return b"tarim transcript\0" + canonical_json(self)


def verify_transcript(content: str, signature: str, signing_key: str) -> Transcript:
    """The transcript, if the party of this key signed it.  Raises Damaged."""
    try:
        transcript = msgspec.json.decode(content, type=Transcript)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signing_key))
        key.verify(bytes.fromhex(signature), transcript.signed_bytes())
    except (msgspec.MsgspecError, ValueError, InvalidSignature):
        raise Damaged("the transcript is not one that the party signed, or it was changed since") from None
    return transcript
