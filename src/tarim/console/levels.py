"""服务等级 Service levels: what the services say of themselves against objectives; what is not measured is said to be so."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from tarim.console.levels_figures import Figures, Histogram, figures_of
from tarim.console.log_views import ChainState
from tarim.console.pages import Page, View, Visit
from tarim.console.rendering import NOTHING, count, percent
from tarim.console.services import Client, Refused
from tarim.console.words import _
from tarim.identity import Scope

READS: Final = frozenset({Scope.METRICS})


@dataclass(frozen=True, slots=True)
class Objective:
    """`share` of the observations of a histogram within `bound_s`.  title: a message id; source: where the target is from."""

    service: str
    histogram: str
    title: str
    share: float
    bound_s: float
    source: str


OBJECTIVES: Final = (
    Objective("serve", "tarim_decision_seconds", "决策时延", 0.99, 0.005, "验收线：每秒 10,000 笔时 P99"),
    Objective("serve", "tarim_decision_seconds", "决策时延", 0.999, 0.02, "验收线：每秒 10,000 笔时 P99.9"),
    Objective("desk", "tarim_desk_read_seconds", "工作台读取", 0.95, 0.2, "本页目标"),
    Objective("desk", "tarim_desk_write_seconds", "工作台写入（含落盘）", 0.95, 0.5, "本页目标"),
    Objective("views", "tarim_views_read_seconds", "视图读取", 0.95, 0.2, "本页目标"),
)
AVAILABILITY: Final = 0.9999
"""QO-09: 99.99 % of a year."""
QUANTILES: Final = (0.5, 0.95, 0.99)


class Health(msgspec.Struct):
    """What a service says without being asked who asks."""

    status: str = ""
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: how it is, since when it runs, as far as it says so."""

    name: str
    status: str
    version: str
    up_ms: float | None
    trouble: str
    answered_ms: float
    failures: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """An objective against its measurement.  met: None when nothing was measured.  left: part of the error budget left."""

    title: str
    target: str
    measured: str
    within: str
    left: float | None
    met: bool | None
    observations: str
    source: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles of one histogram, in ms."""

    title: str
    quantiles: tuple[str, ...]
    observations: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure of now.  tone: good, bad or ""."""

    title: str
    value: str
    unit: str
    tone: str
    note: str


async def show_levels(visit: Visit) -> View:
    """Everything; a service that does not answer is shown as not answering."""
    clients = {"serve": visit.serve, "desk": visit.desk, "views": visit.views}
    found = dict(zip(clients, await asyncio.gather(*(_asked(each) for each in clients.values())), strict=True))
    figures = {name: each[1] for name, each in found.items()}
    chain = None
    if visit.may(Scope.AUDIT_READ):
        try:
            chain = await visit.desk.get("/v1/audit/state", ChainState)
        except Refused as error:
            if not error.unreachable:
                raise
    processes = [_process(name, health, of, took_ms) for name, (health, of, took_ms) in found.items()]
    values = {
        "processes": processes,
        "levels": [_level(each, figures[each.service]) for each in OBJECTIVES] + [_availability(figures["serve"])],
        "latencies": _latencies(figures),
        "gauges": _gauges(figures, chain),
        "alarms": [each for each in processes if each.status != "ok"],
        "at_ms": int(1_000 * time.time()),
    }
    return View("levels/levels.html", values, fragment="levels/_levels.html")


async def _asked(client: Client) -> tuple[Health, Figures | None, float]:
    began = time.perf_counter()
    try:
        health = await client.get("/v1/health", Health)
    except Refused as error:
        health = Health("lost" if error.unreachable else "broken", "", error.detail)
    took_ms = 1_000 * (time.perf_counter() - began)
    if health.status == "lost":
        return health, None, took_ms
    try:
        return health, figures_of(await client.text("/metrics")), took_ms
    except (Refused, ValueError):
        return health, None, took_ms


def _process(name: str, health: Health, figures: Figures | None, took_ms: float) -> Process:
    started_s = figures.value("tarim_started_seconds") if figures else None
    up_ms = 1_000 * (time.time() - started_s) if started_s else None
    failures = figures.value(_FAILURES[name]) if figures else None
    return Process(name, health.status, health.version, up_ms, health.trouble, took_ms, failures)


_FAILURES: Final = {
    "serve": "tarim_failures_total",
    "desk": "tarim_desk_failures_total",
    "views": "tarim_views_failures_total",
}


def _level(objective: Objective, figures: Figures | None) -> Level:
    histogram = figures.histogram(objective.histogram) if figures else Histogram((), ())
    within = histogram.within(objective.bound_s)
    target = _("{share} 在 {ms} 内").format(share=_share(objective.share), ms=f"{1_000 * objective.bound_s:g} ms")
    left = None if within is None else 1 - (1 - within) / (1 - objective.share)
    return Level(
        _(objective.title),
        target,
        _ms(histogram.quantile_ms(objective.share)),
        percent(within, 3),
        left,
        None if within is None else within >= objective.share,
        count(histogram.total) if histogram.total else NOTHING,
        _(objective.source),
    )


def _availability(figures: Figures | None) -> Level:
    """Share of decision requests that did not fail for a reason of ours, since the process started."""
    answered = figures.histogram("tarim_decision_seconds").total if figures else 0
    failures = figures.value("tarim_failures_total") if figures else None
    share = None if not answered or failures is None else max(0.0, 1 - failures / answered)
    left = None if share is None else 1 - (1 - share) / (1 - AVAILABILITY)
    return Level(
        _("决策请求成功率"),
        f"≥ {_share(AVAILABILITY)}",
        percent(share, 3),
        percent(share, 3),
        left,
        None if share is None else share >= AVAILABILITY,
        count(answered) if answered else NOTHING,
        _("要求 QO-09：全年可用率"),
    )


def _latencies(figures: dict[str, Figures | None]) -> list[Latency]:
    rows = (
        (_("决策：请求到应答"), "serve", "tarim_decision_seconds"),
        (_("决策：一组的评判"), "serve", "tarim_group_judge_seconds"),
        (_("决策：一组的落盘"), "serve", "tarim_group_commit_seconds"),
        (_("工作台：读取"), "desk", "tarim_desk_read_seconds"),
        (_("工作台：写入（含落盘）"), "desk", "tarim_desk_write_seconds"),
        (_("视图：读取"), "views", "tarim_views_read_seconds"),
    )
    shown = []
    for title, service, name in rows:
        of = figures[service]
        histogram = of.histogram(name) if of else Histogram((), ())
        quantiles = tuple(_ms(histogram.quantile_ms(share)) for share in QUANTILES)
        shown.append(Latency(title, quantiles, count(histogram.total) if histogram.total else NOTHING))
    return shown


def _gauges(figures: dict[str, Figures | None], chain: ChainState | None) -> list[Gauge]:
    def of(service: str, name: str) -> float | None:
        found = figures[service]
        return found.value(name) if found else None

    def gauge(title: str, value: float | None, unit: str, note: str, bad_from: float = math.inf) -> Gauge:
        tone = "" if value is None else "bad" if value >= bad_from else "good" if not math.isinf(bad_from) else ""
        return Gauge(title, count(value), unit, tone, note)

    durable, snapshot = of("serve", "tarim_journal_durable_seq"), of("serve", "tarim_snapshot_seq")
    behind = None if durable is None or snapshot is None else max(0.0, durable - snapshot)
    shown = [
        gauge(_("决策日志"), durable, _("条"), _("已落盘的位置，自启用起")),
        gauge(_("快照之后"), behind, _("条"), _("重启时要重放的位置数")),
        gauge(_("视图落后"), of("views", "tarim_views_behind"), _("条"), _("实时页与图谱尚未看到的位置"), 100_000),
        gauge(_("工作台落后"), of("desk", "tarim_desk_behind"), _("条"), _("案件尚未看到的位置"), 10_000),
        gauge(_("未决挂起"), of("serve", "tarim_open_holds"), _("笔"), _("此刻等待释放或拒绝的付款")),
        gauge(_("等待请求"), of("serve", "tarim_waiting_requests"), "", _("此刻尚未应答")),
        gauge(_("标签送达"), of("desk", "tarim_desk_labels_wait"), "", _("1 表示核查结论暂时送不到决策服务"), 1),
        gauge(_("指令送达"), of("desk", "tarim_desk_orders_wait"), "", _("1 表示释放或拒绝的指令暂时送不到"), 1),
        gauge(_("消息渠道中断"), of("desk", "tarim_desk_receivers_down"), "", _("此刻不收消息的渠道"), 1),
        gauge(_("漂移告警"), of("serve", "tarim_watch_alarms"), "", _("近 24 个整点小时，PSI 超阈值"), 1),
        gauge(_("业务指标异常"), of("serve", "tarim_indicators_abnormal"), "", _("近几分钟与前一日相比"), 1),
        gauge(_("最长停顿"), _seconds(of("serve", "tarim_stall_seconds_max")), "ms", _("一组决策，自进程启动")),
    ]
    if chain is not None:
        shown.append(gauge(_("审计待锚定"), chain.unanchored, _("条"), _("此刻，尚无签名锚点覆盖"), 10_000))
    return shown


def _seconds(value: float | None) -> float | None:
    return None if value is None else 1_000 * value


def _ms(value: float | None) -> str:
    if value is None:
        return NOTHING
    return _("超出最大档") if math.isinf(value) else f"{value:,.1f} ms" if value < 100 else f"{value:,.0f} ms"


def _share(share: float) -> str:
    return f"{100 * share:g}%"


PAGES: Final = (Page("GET", "/levels", "levels", READS, show_levels, nav="levels"),)
