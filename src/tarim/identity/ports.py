"""What identity needs from outside: a trail to tell, and secrets kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """One act of identity, in the form of the audit trail's entry.  No personal values: logins, ids and words only.

    kind: person, local (the account at the command line) or nobody.  result: done or refused.
    """

    at_ms: int
    who: str
    kind: str
    act: str
    object: str
    address: str = ""
    session: str = ""
    reason: str = ""
    result: str = "done"
    detail: Mapping[str, str | int] = field(default_factory=dict)


class Trail(Protocol):
    """Where acts of identity are told; they are kept by the audit trail."""

    def record(self, event: IdentityEvent) -> None: ...


class Hasher(Protocol):
    """Passwords, kept so that they cannot be read back."""

    def hash(self, password: str) -> str:
        """What is kept of a password.  Slow on purpose.  Raises Unavailable when too many wait."""

    def verify(self, kept: str, password: str) -> bool:
        """Whether it is the password; takes as long for `kept` = "", which is never right.  Raises Unavailable."""

    def outdated(self, kept: str) -> bool:
        """Whether it was made with weaker numbers than those set now."""


class Secrets(Protocol):
    """Small secrets that have to be read back, and names that must not be."""

    def seal(self, secret: bytes, owner: str) -> str: ...

    def open(self, sealed: str, owner: str) -> bytes:
        """Raises Damaged for what was not sealed for this owner."""

    def mark(self, *words: str) -> str:
        """A keyed digest of words, 32 hex digits."""
