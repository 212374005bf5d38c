"""What redress needs of the house."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlalchemy import Connection

from tarim.redress.domain.loss_events import DecisionLink


class Decisions(Protocol):
    """The decisions' journal, looked at."""

    def link(self, seq: int) -> DecisionLink:
        """The decision at a position.  Raises NotFound, Unavailable."""

    def rules_in_force(self) -> tuple[str, frozenset[str]]:
        """The ruleset that judged the newest event: its version, and the ids of its rules.  Raises NotFound, Unavailable."""

    def last_event(self, customer: int) -> tuple[int, int]:
        """When the newest event of a customer (unsigned token) was received or occurred, 0 = none is kept, labels left out; and
        the journal's position up to which it was looked through.  Raises Unavailable, Damaged.
        """


class OpenCases(Protocol):
    """Cases, looked at in a command."""

    def __call__(self, connection: Connection, customer: int, /) -> Sequence[str]:
        """References of open cases about a customer (unsigned token)."""


class Aliases(Protocol):
    """Names of one human."""

    def __call__(self, name: str, /) -> Collection[str]:
        """Every name that the human behind `name` goes by, the name itself or not."""
