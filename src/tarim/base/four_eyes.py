"""Four eyes: what one person prepared another one releases, and exactly that.

A proposal names the content by its digest, so nobody approves something else than what was shown.  It is a value without
a clock; who keeps it and what follows from the approval is the business of each context.

    proposed ──approve(another person, same digest)──► approved
        └─────reject / withdraw─────────────────────► closed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tarim.base.errors import Conflict, DefinitionError, NotAllowed

PERSON_CHARACTERS_MAX: Final = 64
NOTE_CHARACTERS_MAX: Final = 500


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something one person wants and another has to agree to.

    digest: SHA-256 of the content, hex.  author, decider: names of persons (`decider` is "" while it is open).  Instants are
    milliseconds since the epoch.
    """

    id: str
    what: str
    digest: str
    author: str
    proposed_ms: int
    reason: str
    state: ProposalState = ProposalState.PROPOSED
    decider: str = ""
    decided_ms: int = 0
    note: str = ""

    def approve(self, person: str, digest: str, at_ms: int, note: str = "") -> Proposal:
        """The approved proposal.

        Raises NotAllowed (403) for its own author, Conflict when it is closed or the digest is another one.
        """
        self._require_other(person)
        if digest != self.digest:
            raise Conflict(
                f"proposal {self.id} holds other content than what was looked at; look at it again. 内容已变化，请重新查看。"
            )
        return self._close(ProposalState.APPROVED, person, at_ms, note)

    def reject(self, person: str, at_ms: int, note: str) -> Proposal:
        """The rejected proposal, with why.  Raises NotAllowed for its own author, Conflict, DefinitionError."""
        self._require_other(person)
        if not note.strip():
            raise DefinitionError("a rejection needs a note that says why. 驳回须写明理由。")
        return self._close(ProposalState.REJECTED, person, at_ms, note)

    def withdraw(self, person: str, at_ms: int) -> Proposal:
        """The proposal taken back by its author.  Raises NotAllowed for anybody else, Conflict."""
        if person != self.author:
            raise NotAllowed(f"only {self.author} can withdraw proposal {self.id}. 只有提交人可以撤回。", known=True)
        return self._close(ProposalState.WITHDRAWN, person, at_ms, "")

    def _require_other(self, person: str) -> None:
        require_person(person)
        if person == self.author:
            raise NotAllowed(
                f"{person} proposed it: another person has to decide on proposal {self.id}. 须由提交人以外的人决定。",
                known=True,
            )

    def _close(self, state: ProposalState, person: str, at_ms: int, note: str) -> Proposal:
        if self.state is not ProposalState.PROPOSED:
            raise Conflict(f"proposal {self.id} is {self.state.value} already")
        if len(note) > NOTE_CHARACTERS_MAX:
            raise DefinitionError(f"a note has at most {NOTE_CHARACTERS_MAX} characters")
        return replace(self, state=state, decider=person, decided_ms=at_ms, note=note)


def require_person(person: str) -> None:
    """Nothing for a name that can stand for a person.  Raises DefinitionError."""
    if not 1 <= len(person) <= PERSON_CHARACTERS_MAX or not person.isprintable() or person != person.strip():
        raise DefinitionError(f"a person's name has 1 to {PERSON_CHARACTERS_MAX} printable characters")
