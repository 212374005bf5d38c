"""How backtests look outside: bodies of requests and answers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tarim.bootstrap.backtesting import Core

WallTime = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?$")]
RulesetText = Annotated[str, Meta(min_length=1, max_length=1_000_000)]


class BacktestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to test: the TOML text of a draft, of another one to see side by side, one rule of them or all.

    from, to: the span, wall times in China, `to` outside; without them all of the journal.  labels: as known then or now.
    """

    draft: RulesetText
    against: RulesetText | None = None
    rule: Annotated[str, Meta(pattern="^([a-z][a-z0-9_]{0,63})?$")] = ""
    from_: WallTime | None = msgspec.field(default=None, name="from")
    to: WallTime | None = None
    labels: Annotated[str, Meta(pattern="^(then|now)$")] = "then"


class ProblemOfDraft(msgspec.Struct, frozen=True):
    """A fault of a draft: line, column and rule, and what is wrong, in both languages."""

    place: str
    en: str
    zh: str


class BacktestState(msgspec.Struct, frozen=True):
    """Where a backtest stands.

    state: running, done, failed or cancelled.  done, of: positions of the journal that are through, of how many.
    digest: under which the result is kept, "" before.  code, detail, problems: why it failed.  result: when it is done.
    """

    id: str
    state: str
    person: str
    asked_at: str
    done: int
    of: int
    digest: str
    took_s: float
    code: str
    detail: str
    problems: list[ProblemOfDraft]
    result: Core | None


class OfDraftQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: of the draft that was tested, the SHA-256 of its text."""

    version: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class KeptBacktestBody(msgspec.Struct, frozen=True):
    """A result that was kept under its digest."""

    digest: str
    at: str


class KeptBacktestsBody(msgspec.Struct, frozen=True):
    """Results of a draft, the newest first."""

    backtests: list[KeptBacktestBody]
