"""One poller a process for everybody who watches decisions arrive, however many they are.

Who may see what is the services' matter, so nothing is shown that was not answered to somebody with the same rights:

    kind of viewer    viewers are grouped by what their scopes change in an answer (scores in full or rounded, figures of the
                      service or none), and a hub serves one kind: it asks with the session of one of its own viewers, and
                      what it is answered goes to them alone
    admission         each viewer's own session and scopes are looked at when the stream opens, and again every CHECK_S
    revoked           a session that is over, or has other scopes now, closes its stream; was it the one asked with, another's
                      is taken
    nobody there      the hub stops asking

The feed is masked by the service for everybody alike.  Requests of a hub do not keep a session from becoming idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from tarim.console.live_views import Counts, Feed, Row
from tarim.console.services import Client, Refused, Service

TICK_S: Final = 1.0
"""Between two questions; what a viewer sees changes no faster, however fast events come."""
LATENCY_EVERY_S: Final = 10.0
COUNTS_EVERY_S: Final = {"1h": 2.0, "24h": 20.0, "7d": 60.0}
CHECK_S: Final = 15.0
ROWS_ASKED: Final = 100
ROWS_KEPT: Final = 200
NARROW_MAX: Final = 8
"""Filters asked for apart in one tick, where there are more decisions than a question takes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a viewer looks at.  outcome, scenario, channel: "" for all."""

    window: str = "1h"
    outcome: str = ""
    scenario: str = ""
    channel: str = ""

    @property
    def narrow(self) -> tuple[str, str]:
        """What a service can be asked for."""
        return self.outcome, self.scenario

    def takes(self, row: Row) -> bool:
        """Whether a row is wanted."""
        return (
            self.outcome in ("", row.outcome)
            and self.channel in ("", row.channel)
            and (not self.scenario or self.scenario in row.scenarios)
        )


@dataclass(slots=True, eq=False)
class Viewer:
    """One stream.  serve, views: services in the person's name.  refused: the session was refused while it was asked with."""

    serve: Client
    views: Client
    wanted: Wanted
    refused: bool = False
    checked_s: float = field(default_factory=monotonic)


class Asking(Protocol):
    """What a hub asks; `live_views` has the product's."""

    async def feed(self, views: Client, after: int, outcome: str, scenario: str, limit: int) -> Feed:
        """Decisions behind a position, the newest first.  Raises Refused."""

    async def counts(self, views: Client, window: str) -> Counts:
        """Counts of a window.  Raises Refused."""

    async def latency_ms(self, serve: Client) -> float | None:
        """P99 of decisions; None when it is not to be had."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What viewers have in common.  scores: told in full; figures: they may read the service's."""

    scores: bool
    figures: bool


class Hub:
    """What viewers of one kind are shown.  One loop."""

    def __init__(self, asking: Asking, kind: Kind) -> None:
        self._asking = asking
        self._kind = kind
        self._viewers: list[Viewer] = []
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._rows: deque[Row] = deque(maxlen=ROWS_KEPT)
        self._seqs: set[int] = set()
        self._counted_s: dict[str, float] = {}
        self.after = -1
        self.counts: dict[str, Counts] = {}
        self.latency_ms: float | None = None
        self.trouble = ""

    @property
    def watched(self) -> int:
        """How many streams are open."""
        return len(self._viewers)

    @contextlib.contextmanager
    def joined(self, viewer: Viewer) -> Iterator[None]:
        """While a viewer is there, the hub asks."""
        self._viewers.append(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ask_on())
        try:
            yield
        finally:
            self._viewers.remove(viewer)

    async def changed(self, most_s: float) -> None:
        """Until something is new, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), most_s)

    def rows(self, after: int, wanted: Wanted) -> list[Row]:
        """Rows behind a position that are wanted, the oldest first."""
        return sorted((row for row in self._rows if row.seq > after and wanted.takes(row)), key=lambda row: row.seq)

    async def _ask_on(self) -> None:
        while self._viewers:
            began = monotonic()
            try:
                await self._ask()
                self.trouble = ""
            except Refused as error:
                self.trouble = error.code or str(error.status)
            self._changed.set()
            self._changed = asyncio.Event()
            await asyncio.sleep(max(0.05, TICK_S - (monotonic() - began)))
        self._rows.clear()
        self._seqs.clear()
        self.counts.clear()
        self._counted_s.clear()
        self.after = -1

    async def _ask(self) -> None:
        """One tick, in the name of the first viewer that is still known."""
        for viewer in [each for each in self._viewers if not each.refused]:
            try:
                await self._ask_as(viewer.views)
                await self._ask_latency(viewer.serve)
            except Refused as error:
                if error.status not in (401, 403):
                    raise
                viewer.refused = True
            else:
                return

    async def _ask_as(self, views: Client) -> None:
        first = self.after < 0
        feed = await self._asking.feed(views, self.after, "", "", ROWS_ASKED)
        narrow: Sequence[tuple[str, str]] = ()
        if feed.skipped or first:
            narrow = sorted({each.wanted.narrow for each in self._viewers} - {("", "")})[:NARROW_MAX]
        found = list(feed.rows)
        for outcome, scenario in narrow:
            found += (await self._asking.feed(views, self.after, outcome, scenario, ROWS_ASKED)).rows
        for row in sorted(found, key=lambda row: row.seq):
            if row.seq not in self._seqs:
                if len(self._rows) == ROWS_KEPT:
                    self._seqs.discard(self._rows[0].seq)
                self._rows.append(row)
                self._seqs.add(row.seq)
        self.after = max(self.after, feed.seq)
        for window in {each.wanted.window for each in self._viewers}:
            if monotonic() - self._counted_s.get(window, -1e9) >= COUNTS_EVERY_S[window]:
                self.counts[window] = await self._asking.counts(views, window)
                self._counted_s[window] = monotonic()

    async def _ask_latency(self, serve: Client) -> None:
        if self._kind.figures and monotonic() - self._counted_s.get("latency", -1e9) >= LATENCY_EVERY_S:
            self.latency_ms = await self._asking.latency_ms(serve)
            self._counted_s["latency"] = monotonic()


class Hubs:
    """The hubs of one process, by service and kind of viewer."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._of: WeakKeyDictionary[Service, dict[Kind, Hub]] = WeakKeyDictionary()

    def of(self, service: Service, kind: Kind) -> Hub:
        """The hub of viewers of a kind, who ask this service."""
        kinds = self._of.setdefault(service, {})
        if kind not in kinds:
            kinds[kind] = Hub(self._asking, kind)
        return kinds[kind]

    def watched(self, service: Service) -> int:
        """Streams open in this process."""
        return sum(hub.watched for hub in self._of.get(service, {}).values())
