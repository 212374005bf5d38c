"""Who makes a call: a person with a session, or a key of a service."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import NotAllowed, ProofOutdated
from tarim.identity.keys import KeyId, Scope

EVERYTHING: Final = frozenset({"*"})
"""Every branch, or every queue."""


class CallerKind(StrEnum):
    """How a caller has shown who it is."""

    PERSON = "person"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller of one request.

    name: a person's login, or the name on the key.  branches, queues: whose objects it may see; empty = none, `EVERYTHING` =
    all.  session: id of the session, safe to log, "" for a key.  address: where the request came from.  authenticated_ms:
    when the person last proved who it is, 0 for a key.
    """

    name: str
    kind: CallerKind
    scopes: frozenset[Scope]
    branches: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    session: str = ""
    address: str = ""
    authenticated_ms: int = 0

    def require(self, scope: Scope) -> None:
        """Nothing when the caller has the scope.  Raises NotAllowed (403)."""
        if scope not in self.scopes:
            raise NotAllowed(f"{self.name} has no scope {scope.value}", known=True)

    def may_see(self, branch: str, queue: str) -> bool:
        """Whether an object of this branch and queue is the caller's business."""
        return (self.branches == EVERYTHING or branch in self.branches) and (
            self.queues == EVERYTHING or queue in self.queues
        )

    def require_recent(self, now_ms: int, within_ms: int) -> None:
        """Nothing when the person has proved who it is within `within_ms` milliseconds.

        Raises NotAllowed (403): for personal data in full and for what destroys (DP-07).  A person may prove it again
        (ProofOutdated); a key can never do it.
        """
        if self.kind is not CallerKind.PERSON:
            raise NotAllowed(f"{self.name} has to sign in again before this", known=True)
        if not 0 <= now_ms - self.authenticated_ms <= within_ms:
            raise ProofOutdated(f"{self.name} has to sign in again before this. 请重新验证身份后再操作。")


def caller_of_key(key: KeyId, address: str = "") -> Caller:
    """The caller behind a key: a service sees every branch and queue that its scopes are about."""
    return Caller(key.name, CallerKind.KEY, key.scopes, EVERYTHING, EVERYTHING, address=address)
