"""What the decision service needs from outside: a log, an engine, a judge, batches, a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tarim.base.errors import TarimError
from tarim.decisions.domain import Beside, Effects, Lineup
from tarim.rules import Rule
from tarim.stream import Rows

Words = npt.NDArray[np.int64]
Features = npt.NDArray[np.float64]


class LogRecord(Protocol):
    """One record of the log; it takes the positions first_seq ... first_seq + count - 1."""

    @property
    def first_seq(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def kind(self) -> int: ...
    @property
    def payload(self) -> memoryview: ...


class LogReader(Protocol):
    """The durable, ordered log, read only."""

    @property
    def durable_seq(self) -> int: ...
    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[LogRecord]: ...
    def read_at(self, seq: int) -> LogRecord: ...


class Log(LogReader, Protocol):
    """The log with its one writer."""

    @property
    def next_seq(self) -> int: ...

    def reserve(self, bytes_count: int) -> None:
        """Make sure that so many bytes can be appended.  Raises Unavailable, with nothing changed, when not."""

    def append(self, kind: int, payload_parts: Sequence[bytes | memoryview], count: int) -> int:
        """Append one record that takes `count` positions; its first position.  Not durable before commit."""

    def commit(self) -> object:
        """Make everything appended before the call durable.  May run in another thread than append."""


class FeatureSet(Protocol):
    """What the engine computes."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...
    @property
    def needs_outcomes(self) -> bool:
        """Whether some feature depends on earlier decisions, so that events are decided one by one."""


class FeatureEngine(Protocol):
    """Events to features; it stands at a position of the log and refuses a gap."""

    @property
    def features(self) -> FeatureSet: ...
    @property
    def offset(self) -> int: ...
    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists that features look at."""

    def list_part(self, change: str, name: str, index: int, accounts: Words, periods: Words) -> object:
        """Take in part `index` of a change of a list: tokens and periods, shape (n,).  It counts when the change is closed."""

    def list_close(self, change: str) -> object:
        """A change of a list is in force."""

    def process(self, rows: Rows, out: Features, decide: Callable[[Rows, Features], Words] | None = None) -> object:
        """Take in rows, shape (n, ROW_WORDS), and write their features, shape (n, F); may set Flag.LATE in a row.

        When a feature needs outcomes, `decide` is called for one event at a time and gives its outcome, shape (1,);
        unless the row's outcome is set already.
        """

    def pass_over(self, first_seq: int, count: int = 1) -> object:
        """Skip positions that hold no events."""

    def snapshot(self, path: Path) -> object:
        """Write the whole state to a file."""


class Judge(Protocol):
    """Features to decisions, by a ruleset, models and a policy."""

    @property
    def ruleset_version(self) -> str: ...
    @property
    def lineup(self) -> Lineup:
        """The models that score at present."""

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules of its ruleset."""

    def steer(self, effects: Effects) -> None:
        """From the next event on, have this effect only."""

    def line_up(self, lineup: Lineup) -> None:
        """From the next event on, score by these models.  Raises DefinitionError for one that it does not have."""

    def decide(
        self, rows: Rows, features: Features, decisions: Words | None = None, beside: Beside | None = None
    ) -> Words:
        """Decisions, shape (n, decision words); sets Col.OUTCOME of each row, and fills `beside` if it is given."""


class Batch(Protocol):
    """Events as intake gives them: rows and, beside them, what the engine never sees.  All of length n."""

    @property
    def rows(self) -> Rows: ...
    @property
    def event_ids(self) -> Sequence[str]: ...
    @property
    def sources(self) -> Sequence[str]: ...
    @property
    def notes(self) -> Sequence[Mapping[str, str] | None]: ...
    @property
    def sealed(self) -> Sequence[bytes | None]: ...


B = TypeVar("B", bound=Batch)


class Reader(Protocol[B]):
    """Bodies to batches, strictly; `tarim.intake.Intake` is one.  A refusal is a TarimError that says what is wrong."""

    def message(self, body: bytes, *, backfill: bool = False) -> B:
        """One event."""

    def messages(self, body: bytes, *, backfill: bool = False) -> B:
        """Many events, all or none."""

    def group(self, bodies: Sequence[bytes]) -> tuple[B, list[TarimError | None]]:
        """The good ones of many messages, and for each body None or what is wrong with it."""

    def accepted(self, batches: Sequence[B]) -> None:
        """These batches lie in the journal, with all their events."""
