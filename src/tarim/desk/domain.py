"""Values of the desk: what a person did, what the decisions' journal says, and the limits of both."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import DefinitionError, InputError, TooLarge
from tarim.base.four_eyes import require_person
from tarim.decisions import Cause, HoldState
from tarim.stream import Outcome

DRAFTS_MAX: Final = 1_000
"""Acts of one command."""
BODY_BYTES_MAX: Final = 256 << 10
SUBJECT_CHARACTERS_MAX: Final = 128
KEY_CHARACTERS_MAX: Final = 128
TOKEN_RANGE: Final = 1 << 64
_KIND: Final = re.compile(r"[a-z]{1,24}\.[a-z_]{1,39}")
_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}")


class Draft(msgspec.Struct, frozen=True):
    """What a command wants recorded.

    kind: `book.word`, for example `cases.assign`.  subject: what it is about, an id.  body: a small value of JSON; it holds no
    personal value but sealed ones (`Texts.seal`).
    """

    kind: str
    subject: str
    body: dict[str, Any]


class Act(msgspec.Struct, frozen=True):
    """What a person did, as the desk's journal has it.  seq: its position there; at_ms never goes back from act to act."""

    seq: int
    kind: str
    subject: str
    person: str
    at_ms: int
    body: dict[str, Any]


class Ground(msgspec.Struct, frozen=True):
    """One reason of a decision, without its text: a rule with an effect, the score's band, or too weak a verification.

    source: `rule`, `score` or `verification`; id: the rule's, else the source again; scenario: the rule's, else "".
    """

    source: str
    id: str
    scenario: str
    outcome: Outcome
    weight: int


class DecisionFact(msgspec.Struct, frozen=True):
    """A decision above pass.  Tokens are unsigned, 0 = absent; amounts in fen, instants in ms since the epoch.

    score: in [0, 1], None without a model.  grounds: heaviest first.  hold_until_ms: when the hold it opened ends, 0 = none.
    rules, features, model: versions that judged; model "" = none.  city: six-digit division code, 0 = unknown.
    """

    seq: int
    source: str
    event_id: str
    kind: str
    channel: str
    occurred_ms: int
    received_ms: int
    customer: int
    account: int
    payee: int
    device: int
    amount_fen: int
    currency: str
    outcome: Outcome
    score: float | None
    grounds: tuple[Ground, ...]
    hold_until_ms: int
    features: str
    ruleset: str
    model: str
    city: int = 0

    @property
    def scenario(self) -> str:
        """Of the heaviest ground that has one; `score` or `verification` where no rule has."""
        for ground in self.grounds:
            if ground.scenario:
                return ground.scenario
        return self.grounds[0].id if self.grounds else ""


class LabelFact(msgspec.Struct, frozen=True):
    """A label: the event at `refers_seq` (-1: not known any more) was fraud, or was not.  Whoever sent it named it event_id."""

    seq: int
    source: str
    event_id: str
    refers_seq: int
    fraud: bool
    occurred_ms: int
    received_ms: int


class HoldFact(msgspec.Struct, frozen=True):
    """What happened to the hold of the event at `held_seq`.  person, reason: "" where no person did it."""

    seq: int
    held_seq: int
    outcome: Outcome
    state: HoldState
    cause: Cause
    at_ms: int
    until_ms: int
    customer: int
    amount_fen: int
    person: str = ""
    reason: str = ""


class OverrideFact(msgspec.Struct, frozen=True):
    """Two persons put another outcome in the place of the decision at `decided_seq`."""

    seq: int
    decided_seq: int
    outcome: Outcome
    author: str
    approver: str
    reason: str
    at_ms: int


Fact = DecisionFact | LabelFact | HoldFact | OverrideFact


class Facts(msgspec.Struct, frozen=True):
    """What positions from_seq ... to_seq - 1 of the decisions' journal say, in its order.  Where it is cut changes nothing."""

    from_seq: int
    to_seq: int
    facts: tuple[Fact, ...]

    def decisions(self) -> list[DecisionFact]:
        """Those about decisions above pass."""
        return [fact for fact in self.facts if type(fact) is DecisionFact]


class Once(msgspec.Struct, frozen=True):
    """What makes a repeated command the same command: a key the caller chose, and what was asked.

    Equal keys of a person with other content are a conflict.
    """

    key: str
    content: bytes

    @classmethod
    def of(cls, key: str, content: Any) -> Once:
        """content: any value of JSON or a msgspec struct.  Raises InputError for a key that is none."""
        if not _KEY.fullmatch(key):
            raise InputError(f"an idempotency key has 8 to {KEY_CHARACTERS_MAX} visible ASCII characters")
        return cls(key, canonical_json(content))


def check_drafts(drafts: list[Draft]) -> None:
    """Nothing for drafts that can be recorded.  Raises TooLarge, DefinitionError."""
    if len(drafts) > DRAFTS_MAX:
        raise TooLarge(f"one command does at most {DRAFTS_MAX} acts, this one {len(drafts)}")
    for draft in drafts:
        if not _KIND.fullmatch(draft.kind):
            raise DefinitionError(f"{draft.kind[:64]!r} is no kind of act: it is like cases.assign")
        if not 1 <= len(draft.subject) <= SUBJECT_CHARACTERS_MAX:
            raise DefinitionError(f"the subject of an act has 1 to {SUBJECT_CHARACTERS_MAX} characters")
        size = len(canonical_json(draft.body))
        if size > BODY_BYTES_MAX:
            raise TooLarge(f"the body of an act has at most {BODY_BYTES_MAX} bytes, this one {size}")


__all__ = [
    "BODY_BYTES_MAX",
    "DRAFTS_MAX",
    "Act",
    "DecisionFact",
    "Draft",
    "Fact",
    "Facts",
    "Ground",
    "HoldFact",
    "LabelFact",
    "Once",
    "OverrideFact",
    "check_drafts",
    "require_person",
]
