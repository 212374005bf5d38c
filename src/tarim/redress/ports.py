"""What redress needs of the house."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from tarim.redress.domain.loss_events import DecisionLink


class Decisions(Protocol):
    """The decisions' journal, looked at."""

    def link(self, seq: int) -> DecisionLink:
        """The decision at a position.  Raises NotFound, Unavailable."""

    def rules_in_force(self) -> tuple[str, frozenset[str]]:
        """The ruleset that judged the newest event: its version, and the ids of its rules.  Raises NotFound, Unavailable."""


class Aliases(Protocol):
    """Names of one human."""

    def __call__(self, name: str, /) -> Collection[str]:
        """Every name that the human behind `name` goes by, the name itself or not."""
