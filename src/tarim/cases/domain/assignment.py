"""Who gets a case, by rule: branch by place, queue by scenario and branch, person by workload (RM-04).

The rules are one TOML text, put in force by two persons and kept in the desk's journal.  The first queue that fits counts;
what fits none goes to `general`.  A queue with `automatic` gives a new case to its member with the fewest open ones, as long as
that is below `open_max`; other queues wait until somebody takes a case or is given one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import DefinitionError

RULES_CHARACTERS_MAX: Final = 256 << 10
GENERAL: Final = "general"
HEAD_OFFICE: Final = "head-office"
OPEN_MAX: Final = 10_000

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,31}$")]
Person = Annotated[str, Meta(min_length=1, max_length=64)]


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A branch and the places it looks after: prefixes of six-digit division codes; the longest that fits counts."""

    name: Name
    cities: Annotated[list[Annotated[str, Meta(pattern="^[1-9][0-9]{0,5}$")]], Meta(min_length=1, max_length=1_000)]


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A queue of work.  scenarios, branches: which cases; empty = all.  members: who may be given them by rule."""

    name: Name
    scenarios: Annotated[list[str], Meta(max_length=256)] = []
    branches: Annotated[list[Name], Meta(max_length=1_000)] = []
    members: Annotated[list[Person], Meta(max_length=1_000)] = []
    automatic: bool = False
    open_max: Annotated[int, Meta(ge=1, le=OPEN_MAX)] = 50


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    queues: Annotated[list[Queue], Meta(max_length=256)] = []
    branches: Annotated[list[Branch], Meta(max_length=1_000)] = []


class Assignment:
    """The rules of one text.  `version` is the first part of its digest."""

    def __init__(self, text: str, content: _Text) -> None:
        self.text = text
        self.version = sha256(text.encode()).hexdigest()[:16]
        self.queues = tuple(content.queues)
        self._branch_of: Mapping[str, str] = {
            city: branch.name for branch in content.branches for city in branch.cities
        }
        self.branches = (HEAD_OFFICE, *(branch.name for branch in content.branches))

    def branch_of(self, city: int) -> str:
        """The branch that looks after a place; `head-office` for an unknown one."""
        code = str(city) if city else ""
        for length in range(len(code), 0, -1):
            if (found := self._branch_of.get(code[:length])) is not None:
                return found
        return HEAD_OFFICE

    def queue_of(self, scenario: str, branch: str) -> str:
        """Name of the queue for a case."""
        for queue in self.queues:
            fits = not queue.scenarios or scenario in queue.scenarios
            if fits and (not queue.branches or branch in queue.branches):
                return queue.name
        return GENERAL

    def queue(self, name: str) -> Queue:
        """A queue by name; one that no text names has nobody."""
        return next((queue for queue in self.queues if queue.name == name), Queue(name))

    def person_for(self, queue: Queue, open_of: Mapping[str, int]) -> str:
        """The member who gets a new case: the one with the fewest open ones, the first of those by name; "" for nobody."""
        free = [(open_of.get(name, 0), name) for name in queue.members if open_of.get(name, 0) < queue.open_max]
        return min(free)[1] if queue.automatic and free else ""


@lru_cache(maxsize=8)
def read_assignment(text: str) -> Assignment:
    """The rules of a text.  Raises DefinitionError naming what is wrong."""
    if len(text) > RULES_CHARACTERS_MAX:
        raise DefinitionError(f"assignment rules have at most {RULES_CHARACTERS_MAX} characters")
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        content = msgspec.convert(raw, _Text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"the assignment rules are not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise DefinitionError(f"the assignment rules are wrong: {error}") from None
    faults = [
        f"{what} {name} stands there twice"
        for what, names in (
            ("queue", [queue.name for queue in content.queues]),
            ("branch", [branch.name for branch in content.branches]),
            ("city", [city for branch in content.branches for city in branch.cities]),
        )
        for name in sorted({each for each in names if names.count(each) > 1})
    ]
    known = {HEAD_OFFICE, *(branch.name for branch in content.branches)}
    faults += [
        f"queue {queue.name} names the branch {name}, which there is not"
        for queue in content.queues
        for name in queue.branches
        if name not in known
    ]
    if faults:
        raise DefinitionError("; ".join(faults))
    return Assignment(text, content)


@lru_cache(maxsize=1)
def default_assignment() -> str:
    """The text that counts until the bank has put another one in force."""
    return resources.files("tarim.cases").joinpath("assignment.toml").read_text("utf-8")
