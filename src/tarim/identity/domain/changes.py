"""What takes two administrators: giving a right, or giving an account into other hands.

    grant    a role until an instant, perhaps lent by another person
    reach    the branches and queues whose objects a person sees
    reset    a new initial password, no second factor, no sessions
    enable   an account that was disabled

Taking a right away takes one, and at once.  `standing` is who would decide in truth: a person, and everybody in whose place
the person acts by a lent role.  Author and decider have nobody in common, and neither is the person it is about.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, NotAllowed
from tarim.base.instants import DAY_MS
from tarim.identity.domain.policy import IdentitySettings
from tarim.identity.domain.roles import Role, conflicts


class ChangeKind(StrEnum):
    """Kinds of changes by two persons."""

    GRANT = "grant"
    REACH = "reach"
    RESET = "reset"
    ENABLE = "enable"


Places = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=32)], ...], Meta(max_length=200)]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wanted.  login: whose account.  role, until_ms, for_login: of a grant; branches, queues: of a reach."""

    kind: ChangeKind
    login: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role | None = None
    until_ms: Annotated[int, Meta(ge=0, le=1 << 52)] = 0
    for_login: Annotated[str, Meta(max_length=64)] = ""
    branches: Places = ()
    queues: Places = ()

    @property
    def digest(self) -> str:
        """SHA-256 of its content, hex: what an approval names."""
        return sha256(canonical_json(self)).hexdigest()


def require_two(author: Collection[str], decider: Collection[str], subject: str) -> None:
    """Nothing when two persons agree about a third.  All are ids of persons; author and decider are whom each stands for.

    Raises NotAllowed (403).
    """
    if set(author) & set(decider):
        raise NotAllowed(
            "the same person stands behind both: another one has to decide. 须由另一名管理员审批。", known=True
        )
    if subject in author or subject in decider:
        raise NotAllowed("nobody has a part in a change of the own account. 任何人不得参与本人账号的变更。", known=True)


def check_grant(
    role: Role, held: Collection[Role], until_ms: int, now_ms: int, lent: bool, settings: IdentitySettings
) -> None:
    """Nothing when a grant may be given.  held: roles the person has, those to come included.

    Raises Conflict for a conflict of duty or an end that is not within the limits.
    """
    if clashing := conflicts(role, held):
        raise Conflict(
            f"the role {role.value} does not go together with {clashing[0].value}, which the person has. 与现有角色不相容。"
        )
    days_max = settings.delegation_days_max if lent else settings.grant_days_max
    if not now_ms < until_ms <= now_ms + days_max * DAY_MS:
        what = "a lent role" if lent else "a role"
        raise Conflict(
            f"{what} ends within {days_max} days from now, and not before. 截止日须在今天之后{days_max}天以内。"
        )
