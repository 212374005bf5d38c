"""The watch of models beside the service: shown each group, told in log and figures, read over HTTP (ML-08, ML-25)."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Final

import msgspec
import structlog

from tarim.api.figures import Figures
from tarim.api.model_trials import trials_route
from tarim.api.routes import Call, Route
from tarim.base.errors import TarimError, Unavailable
from tarim.base.instants import instant_text
from tarim.bootstrap.children import finished
from tarim.bootstrap.house import House
from tarim.bootstrap.watch_files import WatchPlaces, days_of
from tarim.decisions import Batch, Taken
from tarim.identity import Scope
from tarim.models import Alarm, Drift, Measure, RetrainingProposal

_CHECK_S: Final = 5.0
_MEASURE_S_MAX: Final = 3_600
_SHOWN_MAX: Final = 200


class StandingBody(msgspec.Struct, frozen=True):
    """A watched column over the last 24 whole hours of the events' own time.

    psi: PSI of the score, CSI of a feature; null with too few events.  threshold: what makes an alarm; null where nothing can
    be said.  missing_share in [0, 1].
    """

    column: str
    psi: float | None
    threshold: float | None
    events: int
    missing_share: float | None
    alarmed: bool


class AlarmBody(msgspec.Struct, frozen=True):
    """A column that has shifted.  ended_at: "" while it lasts.  actual, expected: shares by bin, first what is missing."""

    column: str
    text_en: str
    text_zh: str
    raised_at: str
    ended_at: str
    psi: float
    threshold: float
    actual: list[float]
    expected: list[float]


class MeasureBody(msgspec.Struct, frozen=True):
    """How a model did in a period and segment; figures are null until the labels have had time to arrive (`mature`)."""

    model: str
    segment: str
    begin: str
    end: str
    mature: bool
    matures_at: str
    events: int
    labelled: int
    fraud: int
    alerts: int
    auc: float | None
    ks: float | None
    ap: float | None
    alert_precision: float | None


class WatchBody(msgspec.Struct, frozen=True):
    """The watch.

    baseline: its digest, "" when there is none, and then nothing is watched.  model: version whose scores it compares.
    since_seq, until: the first event seen, and the end of the last whole hour.  missed, too_late: events it was not shown, or
    that came more than a day late.  alarms: those that last, the largest first, then those that are over.  proposals: digests
    of proposals to train again.
    """

    baseline: str
    model: str
    since_seq: int
    until: str
    taken: int
    missed: int
    too_late: int
    columns: list[StandingBody]
    alarms: list[AlarmBody]
    measures: list[MeasureBody]
    proposals: list[str]


class WatchQuery(msgspec.Struct, frozen=True):
    """segment: measures of this segment only (`all`, or a channel); "" for all segments."""

    segment: str = ""


def alarm_text(alarm: Alarm) -> tuple[str, str]:
    """One sentence on an alarm, in English and Chinese."""
    where = max(range(len(alarm.actual)), key=lambda k: abs(alarm.actual[k] - alarm.expected[k]))
    was, now = alarm.expected[where], alarm.actual[where]
    part_en, part_zh = ("missing values", "缺失值") if where == 0 else (f"its bin {where}", f"第{where}分箱")
    return (
        f"{alarm.column} has shifted (PSI {alarm.psi:.3f}, alarm from {alarm.threshold:.3f}): {part_en} now {now:.1%}, "
        f"expected {was:.1%}",
        f"{alarm.column} 分布偏移（PSI {alarm.psi:.3f}，告警阈值 {alarm.threshold:.3f}）：{part_zh}占比现为 {now:.1%}，"
        f"预期 {was:.1%}",
    )


class LiveWatch:
    """Shows the house's watch every group, and keeps it; a watcher of groups beside `figures`."""

    def __init__(self, house: House, figures: Figures) -> None:
        self._house = house
        self._figures = figures
        self._files = WatchPlaces(house.places.watch)
        self._log = structlog.get_logger("tarim.watch")
        self._told: set[tuple[str, int]] = set()
        self._baseline = house.watch.baseline.digest if house.watch else ""
        self._changed = False

    # ---- watching groups -------------------------------------------------------------------------------------------

    def group(self, batch: Batch, taken: Taken, judged_s: float, durable_s: float) -> None:
        """A group became durable; its features are still those of this group."""
        self._figures.group(batch, taken, judged_s, durable_s)
        self._house.show_watch(taken)

    def failed(self, error: BaseException) -> None:
        """Something failed for a reason that is not the sender's."""
        self._figures.failed(error)

    # ---- figures ---------------------------------------------------------------------------------------------------

    @property
    def alarm_count(self) -> float:
        """Columns that have shifted, as it stands."""
        return float(len(self._house.watch.open_alarms)) if self._house.watch else 0.0

    def psi(self) -> list[tuple[str, float, float]]:
        """(column, PSI, threshold) of every watched column; NaN and infinity where nothing can be said."""
        watch = self._house.watch
        return [(each.column, each.psi, each.threshold) for each in watch.standings()] if watch else []

    # ---- beside the server -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell of alarms, keep the watch, take another baseline into use; runs beside the server until cancelled."""
        loop = asyncio.get_running_loop()
        saved = time.monotonic()
        while True:
            await asyncio.sleep(_CHECK_S)
            try:
                self._change_baseline()
                watch = self._house.watch
                if watch is None:
                    continue
                if self._tell(watch) and (content := self._files.proposal_for(watch)) is not None:
                    digest = await loop.run_in_executor(None, self._files.keep_proposal, content)
                    self._log.warning("proposal to train again", digest=digest)
                if self._changed or time.monotonic() - saved >= self._house.settings.watch.save_every_s:
                    self._changed, saved = False, time.monotonic()
                    await loop.run_in_executor(None, self._files.keep_state, watch.encoded())
            except TarimError as error:
                self._figures.failed(error)

    async def measure(self) -> None:
        """Have the figures by period computed now and then, in a process of their own; until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._house.settings.watch.measure_every_s)
            if any(self._house.service.governance.lineup.versions):
                await loop.run_in_executor(None, self._measure)

    def snapshot_written(self) -> None:
        """Keep the watch at the next look: a restart starts from the snapshot, and must not find an older watch."""
        self._changed = True

    def _measure(self) -> None:
        nice, data = str(self._house.settings.snapshots.nice), str(self._house.places.data)
        try:
            child = finished(
                ["models", "measure", "--nice", nice, "--data", data],
                purpose="models could not be measured",
                seconds_max=_MEASURE_S_MAX,
            )
        except Unavailable as error:
            self._figures.failed(error)
            return
        if child.status:
            self._figures.failed(_MeasuringFailed(child.errors[-500:]))

    def _change_baseline(self) -> None:
        """Begin anew when another baseline has been put into use."""
        digest = self._files.baseline_digest()
        if digest == self._baseline:
            return
        self._baseline = digest
        house = self._house
        days = days_of(house.places.data)
        house.watch = self._files.drift(house.features.version, house.settings.watch, house.journal.durable_seq, days)
        self._log.info("baseline", digest=digest, used=house.watch is not None)

    def _tell(self, watch: Drift) -> bool:
        """Say in the log what has shifted since the last look; whether anything has."""
        fresh = [alarm for alarm in watch.open_alarms if (alarm.column, alarm.raised_ms) not in self._told]
        for alarm in fresh:
            english, chinese = alarm_text(alarm)
            self._log.warning("model drift", column=alarm.column, text=english, text_zh=chinese)
        self._told = {(alarm.column, alarm.raised_ms) for alarm in watch.open_alarms}
        return bool(fresh)


class _MeasuringFailed(TarimError):
    """The child that measures models failed."""


def watch_routes(house: House) -> list[Route]:
    """The routes."""
    files = WatchPlaces(house.places.watch)

    async def read(call: Call) -> WatchBody:
        return watch_body(house.watch, files, call.query.segment)

    async def read_proposal(call: Call) -> msgspec.Raw:
        return msgspec.Raw(files.proposal(call.path["digest"]))

    return [
        Route(
            "GET",
            "/v1/models/watch",
            "read_watch",
            "Shifts of scores and features, and figures of models as labels mature / 模型监测：偏移与成熟期指标",
            Scope.READ,
            read,
            WatchBody,
            query=WatchQuery,
        ),
        trials_route(files),
        Route(
            "GET",
            "/v1/models/watch/proposals/{digest}",
            "read_retraining_proposal",
            "A proposal to train again, with its evidence / 再训练建议及其证据",
            Scope.READ,
            read_proposal,
            RetrainingProposal,
        ),
    ]


def watch_body(watch: Drift | None, files: WatchPlaces, segment: str = "") -> WatchBody:
    """The watch as it is shown."""
    measured = files.measured()
    measures = [each for each in measured.measures if not segment or each.segment == segment] if measured else []
    shown = [_measure_body(each) for each in measures[:_SHOWN_MAX]]
    if watch is None:
        return WatchBody("", "", -1, "", 0, 0, 0, [], [], shown, files.proposals())
    over = sorted((alarm for alarm in watch.alarms if alarm.ended_ms), key=lambda alarm: -alarm.ended_ms)
    return WatchBody(
        watch.baseline.digest,
        watch.baseline.file.model,
        watch.since_seq,
        instant_text(watch.until_ms) if watch.until_ms else "",
        watch.taken,
        watch.missed,
        watch.too_late,
        [
            StandingBody(
                each.column,
                _finite(each.psi),
                _finite(each.threshold),
                each.events,
                _finite(each.missing_share),
                each.alarmed,
            )
            for each in watch.standings()
        ],
        [_alarm_body(alarm) for alarm in [*watch.open_alarms, *over][:_SHOWN_MAX]],
        shown,
        files.proposals(),
    )


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _alarm_body(alarm: Alarm) -> AlarmBody:
    english, chinese = alarm_text(alarm)
    ended = instant_text(alarm.ended_ms) if alarm.ended_ms else ""
    return AlarmBody(
        alarm.column,
        english,
        chinese,
        instant_text(alarm.raised_ms),
        ended,
        round(alarm.psi, 6),
        round(alarm.threshold, 6),
        alarm.actual,
        alarm.expected,
    )


def _measure_body(each: Measure) -> MeasureBody:
    return MeasureBody(
        each.model,
        each.segment,
        instant_text(each.from_ms),
        instant_text(each.to_ms),
        each.mature,
        instant_text(each.matures_ms),
        each.events,
        each.labelled,
        each.fraud,
        each.alerts,
        each.auc,
        each.ks,
        each.ap,
        each.alert_precision,
    )
