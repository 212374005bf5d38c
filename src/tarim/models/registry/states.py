"""Where a model stands: one table of (state, act) → state, and who may do what.

    draft ──submit──► submitted ──approve──► approved ──publish / challenge──► live ──retire──► retired
      ▲                 │     └────reject──► rejected ──submit──► submitted       │
      └────withdraw─────┘                       approved ◄──stand down────────────┘

A model that another one takes the place of stands by as `approved`, so it can come back; `retired` is for good.  Everything
but what ACTS_ALONE names takes two persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import Conflict


class ModelState(StrEnum):
    """Where a model stands."""

    DRAFT = "draft"
    """Trained, and nobody has asked for its approval, or who did took that back."""
    SUBMITTED = "submitted"
    """Somebody asks another person to approve it."""
    APPROVED = "approved"
    """May be published; also one that was live and stands by."""
    REJECTED = "rejected"
    """Refused, with why."""
    LIVE = "live"
    """Scores live events, as champion or as challenger."""
    RETIRED = "retired"
    """Never serves again."""


class ModelAct(StrEnum):
    """What happens to a model."""

    INSTALL = "install"
    """The service puts in force what its settings name, at its very first start."""
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    PUBLISH = "publish"
    """It becomes the champion: its score counts."""
    CHALLENGE = "challenge"
    """It scores beside the champion, without effect or for a part of the customers."""
    STAND_DOWN = "stand-down"
    """It no longer scores and may come back."""
    ROLL_BACK = "rollback"
    """It becomes the champion again, which it was before the present one."""
    RETIRE = "retire"
    EXIT = "exit"
    """Every model is taken out of service for good (ML-29)."""


class Role(StrEnum):
    """What a live model does."""

    NONE = ""
    CHAMPION = "champion"
    CHALLENGER = "challenger"


_S, _A = ModelState, ModelAct

TRANSITIONS: Final[Mapping[tuple[ModelState, ModelAct], ModelState]] = MappingProxyType(
    {
        (_S.DRAFT, _A.INSTALL): _S.LIVE,
        (_S.DRAFT, _A.SUBMIT): _S.SUBMITTED,
        (_S.REJECTED, _A.SUBMIT): _S.SUBMITTED,
        (_S.SUBMITTED, _A.WITHDRAW): _S.DRAFT,
        (_S.SUBMITTED, _A.APPROVE): _S.APPROVED,
        (_S.SUBMITTED, _A.REJECT): _S.REJECTED,
        (_S.APPROVED, _A.PUBLISH): _S.LIVE,
        (_S.APPROVED, _A.CHALLENGE): _S.LIVE,
        (_S.APPROVED, _A.ROLL_BACK): _S.LIVE,
        (_S.APPROVED, _A.RETIRE): _S.RETIRED,
        (_S.LIVE, _A.PUBLISH): _S.LIVE,
        (_S.LIVE, _A.CHALLENGE): _S.LIVE,
        (_S.LIVE, _A.ROLL_BACK): _S.LIVE,
        (_S.LIVE, _A.STAND_DOWN): _S.APPROVED,
        (_S.LIVE, _A.RETIRE): _S.RETIRED,
        (_S.SUBMITTED, _A.EXIT): _S.RETIRED,
        (_S.APPROVED, _A.EXIT): _S.RETIRED,
        (_S.REJECTED, _A.EXIT): _S.RETIRED,
        (_S.DRAFT, _A.EXIT): _S.RETIRED,
        (_S.LIVE, _A.EXIT): _S.RETIRED,
    }
)

ACTS_ALONE: Final = frozenset({_A.ROLL_BACK, _A.STAND_DOWN, _A.WITHDRAW})
"""Acts of one person: each goes back to what two persons approved, or takes a challenger's part away."""


def act_on(state: ModelState, act: ModelAct) -> ModelState:
    """The state after `act`.  Raises Conflict for a pair outside the table."""
    try:
        return TRANSITIONS[state, act]
    except KeyError:
        possible = [each.value for each in ModelAct if (state, each) in TRANSITIONS]
        raise Conflict(
            f"{act.value} does not go for a model that is {state.value}; what goes is {', '.join(possible) or 'nothing'}"
        ) from None


def state_diagram() -> str:
    """The table as lines of Markdown, for the reference page."""
    lines = ["| a model that is | and | becomes | persons |", "| --- | --- | --- | --- |"]
    for (state, act), after in TRANSITIONS.items():
        persons = "the service" if act is ModelAct.INSTALL else "one" if act in ACTS_ALONE | {_A.SUBMIT} else "two"
        lines.append(f"| {state.value} | {act.value} | {after.value} | {persons} |")
    return "\n".join(lines)
