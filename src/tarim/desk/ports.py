"""What the desk needs of the contexts above it, and of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from tarim.desk.domain import Act, Draft, Facts
from tarim.desk.rulewords import RuleWords
from tarim.records import Migrations


class Post(Protocol):
    """Where orders go (`ServiceLink`)."""

    def post(self, path: str, message: Mapping[str, Any]) -> None:
        """Have a message taken.  Raises InputError when it never will be, another TarimError to try again."""


class Book(Protocol):
    """Tables that are made from both journals and from nothing else.

    `apply` and `follow` read no clock, no random number and nothing but tables of books; whatever is unique or comes from
    outside stands in an act's body.  So refilling the tables gives equal tables.
    """

    @property
    def name(self) -> str:
        """The first half of its acts' kinds."""

    @property
    def migrations(self) -> Migrations:
        """Its tables with their history."""

    def apply(self, connection: Connection, act: Act) -> None:
        """Take in one act, of any book: those of others are mostly passed over."""

    def follow(self, connection: Connection, facts: Facts) -> None:
        """Take in what the decisions' journal says; the same facts in smaller or larger pieces make the same tables."""


Command = Callable[[Connection], Sequence[Draft]]
"""Reads tables, checks state, permission and four eyes, and says what is to be recorded.  Raises TarimError to refuse.

It runs in the writer's thread and sees everything that was recorded before it; it changes no table.
"""

RuleWordsOf = Callable[[str], RuleWords]
"""Rules and bands of a ruleset that was in force, by version.  Raises NotFound when it is not kept."""
