"""What a report is drafted from: the facts of a case, without a raw identifier, and what its scenarios are called."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

FACTS_MAX: Final = 5_000


class MovementFact(msgspec.Struct, frozen=True):
    """A transaction of a case that raised an alert.  Instants in ms since the epoch, money in fen, tokens unsigned, 0 = none.

    incoming: the money came to the customer.  outcome: `block` and the like.  currency: "" when
    it is not known any more.  verdict: `right`, `wrong`, `undecided`, or "" before its review.
    rules: ids of the rules that spoke.
    """

    seq: int
    event_id: str
    at_ms: int
    kind: str
    channel: str
    incoming: bool
    amount_fen: int
    currency: str
    account: int
    counterparty: int
    device: int
    outcome: str
    scenario: str
    rules: tuple[str, ...]
    verdict: str


class CaseFacts(msgspec.Struct, frozen=True):
    """A case as a report needs it.  customer: token.  ring_size: accounts of the gang it belongs to, 0 = none is known.

    traits: what reviewers saw, as words of both languages.  hands: persons who worked on it.
    """

    ref: str
    customer: int
    branch: str
    scenario: str
    opened_ms: int
    ring_size: int
    movements: tuple[MovementFact, ...]
    traits: tuple[tuple[str, str], ...]
    hands: tuple[str, ...]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario's names (Chinese, English), and codes of features and crimes that a draft suggests."""

    name: tuple[str, str]
    features: tuple[str, ...]
    crimes: tuple[str, ...]


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario of the packs, by id."""
    found = tomllib.loads((files(__package__) / "scenarios.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: msgspec.convert(content, Scenario) for name, content in found.items()})


def scenario_of(name: str) -> Scenario:
    """A scenario; one that the bank wrote itself is called by its id, and suggests nothing in particular."""
    return scenarios().get(name) or Scenario((name, name), ("K099",), ("9999",))
