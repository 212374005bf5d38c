"""`tarim models baseline|watch|measure|shifts|trials|proposal`: has what a model is used on shifted, and how does it do?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tarim.cli._client import URL_DEFAULT, Url, ask, quoted

if TYPE_CHECKING:
    from rich.progress import Progress

    from tarim.api.model_trials import TrialsBody
    from tarim.api.model_watch import WatchBody

_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
COLUMNS_SHOWN: Final = 15

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_From = Annotated[
    datetime | None, typer.Option("--from", formats=_FORMATS, help="Beginning of the span, in China. 起（含）。")
]
_To = Annotated[
    datetime | None, typer.Option("--to", formats=_FORMATS, help="End of the span, itself outside. 止（不含）。")
]
_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON. 以 JSON 输出。")]
_DATA: Final = Path("var/tarim")


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("baseline")(baseline_command)
    group.command("watch")(watch_command)
    group.command("measure")(measure_command)
    group.command("shifts")(shifts_command)
    group.command("trials")(trials_command)
    group.command("proposal")(proposal_command)


def baseline_command(
    from_time: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in China. 首日。", show_default=False)
    ],
    to_time: Annotated[
        datetime,
        typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one. 末日的次日。", show_default=False),
    ],
    data: _Data = _DATA,
) -> None:
    """Make a baseline of quiet days, at least 14, and watch against it from now on. 以平稳日建立监测基线。

    A running service takes it into use within seconds.
    """
    import os

    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.operators import operator_of
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.watching import make_baseline
    from tarim.identity import Scope

    settings, places = settings_of(data, os.environ), Places(data)
    with recorded(places, os.environ, "models.baseline") as act, _bar() as bar:
        operator_of(places, os.environ, Scope.OPERATE)
        task = bar.add_task("baseline", total=None)
        digest, baseline = make_baseline(
            settings,
            places,
            _ms(from_time),
            _ms(to_time),
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
        act.kind, act.id = "baseline", digest
    typer.echo(
        f"baseline {digest[:16]}: {baseline.file.taken:,} events of {baseline.days} days, {len(baseline.columns)} columns. "
        f"已建立基线：{baseline.days} 天。"
    )


def watch_command(
    data: _Data = _DATA, from_time: _From = None, to_time: _To = None, as_json: _Json = False, propose: bool = False
) -> None:
    """What the watch sees in a span of the journal, by replay; the same as it saw live. 回放日志，检查分布偏移。

    Ends with 1 when something has shifted. --propose keeps a proposal to train again, with the evidence.
    """
    import os

    import msgspec

    from tarim.api.model_watch import watch_body
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.watch_files import WatchPlaces
    from tarim.bootstrap.watching import watch_span

    settings, places = settings_of(data, os.environ), Places(data)
    with _bar() as bar:
        task = bar.add_task("watch", total=None)
        drift = watch_span(
            settings,
            places,
            _ms(from_time) if from_time else None,
            _ms(to_time) if to_time else None,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    files = WatchPlaces(places.watch)
    content = files.proposal_for(drift) if propose else None
    digest = files.keep_proposal(content) if content is not None else ""
    body = watch_body(drift, files)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(body)).decode())
    else:
        _print(body)
        if digest:
            typer.echo(f"proposal {digest}. 已保存再训练建议。")
    if drift.open_alarms:
        raise typer.Exit(1)


def measure_command(
    data: _Data = _DATA,
    as_json: _Json = False,
    nice: Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")] = 0,
) -> None:
    """AUC, KS, AP and alert precision by period, model and segment, as labels mature; counts trials too. 按期计算模型指标。"""
    import os

    import msgspec

    from tarim.api.model_watch import watch_body
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.watch_files import WatchPlaces
    from tarim.bootstrap.watching import measure

    if nice:
        os.nice(nice)
    settings, places = settings_of(data, os.environ), Places(data)
    measured = measure(settings, places)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(measured)).decode())
    else:
        _print_measures(watch_body(None, WatchPlaces(places.watch)))


def shifts_command(url: Url = URL_DEFAULT, as_json: _Json = False) -> None:
    """What the running service's watch sees. 查询运行中服务的模型监测。"""
    import json

    import msgspec

    from tarim.api.model_watch import WatchBody

    found = ask("GET", url, "/v1/models/watch")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(msgspec.convert(found, WatchBody))


def trials_command(
    model: Annotated[
        str, typer.Option(help="Trials of this version only, or of the one that begins so. 仅该模型版本的试验。")
    ] = "",
    segment: Annotated[str, typer.Option(help="A channel; all of them if left out. 渠道，缺省为全部。")] = "all",
    url: Url = URL_DEFAULT,
    as_json: _Json = False,
) -> None:
    """What challengers caught, and whom they troubled for nothing, beside the champion on the same events. 挑战者试验。

    Counted by the service every hour, and by `tarim models measure`. 拦截率与误报率由服务每小时统计。
    """
    import json
    from urllib.parse import urlencode

    import msgspec

    from tarim.api.model_trials import TrialsBody

    found = ask("GET", url, f"/v1/models/trials?{urlencode({'model': model, 'segment': segment})}")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_trials(msgspec.convert(found, TrialsBody))


def proposal_command(
    digest: Annotated[
        str, typer.Argument(help="Its digest, as `tarim models shifts` shows it. 摘要。", show_default=False)
    ],
    url: Url = URL_DEFAULT,
) -> None:
    """A proposal to train again, with its evidence; it changes nothing. 查看再训练建议及证据。"""
    import json

    found: Any = ask("GET", url, f"/v1/models/watch/proposals/{quoted(digest)}")
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _ms(moment: datetime) -> int:
    from datetime import UTC

    from tarim.base.instants import CHINA_OFFSET_MS, instant_ms

    return instant_ms(moment.replace(tzinfo=UTC)) - CHINA_OFFSET_MS


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Bar(*columns, console=Console(stderr=True), transient=True)


def _print(body: WatchBody) -> None:
    from rich.console import Console
    from rich.table import Table

    if not body.baseline:
        typer.echo("no baseline: nothing is watched; tarim models baseline. 尚无基线。")
    else:
        typer.echo(
            f"{body.taken:,} events until {body.until or '-'}; missed {body.missed:,}, too late {body.too_late:,}. 监测范围。"
        )
        for alarm in body.alarms:
            over = f" (over at {alarm.ended_at} 已结束)" if alarm.ended_at else ""
            typer.echo(f"{alarm.raised_at}  {alarm.text_en}{over}\n{' ' * 26}{alarm.text_zh}")
        if not any(not alarm.ended_at for alarm in body.alarms):
            typer.echo("nothing has shifted. 未见偏移。")
        table = Table("column 列", "PSI", "alarm from 阈值", "events 事件", "missing 缺失")
        known = [each for each in body.columns if each.psi is not None and each.threshold]
        for each in sorted(known, key=lambda each: -(each.psi or 0.0) / (each.threshold or 1.0))[:COLUMNS_SHOWN]:
            missing = f"{each.missing_share:.1%}" if each.missing_share is not None else ""
            table.add_row(each.column, f"{each.psi:.4f}", f"{each.threshold:.4f}", f"{each.events:,}", missing)
        Console().print(table)
    for digest in body.proposals:
        typer.echo(f"proposal {digest}")
    _print_measures(body)


def _print_measures(body: WatchBody) -> None:
    from rich.console import Console
    from rich.table import Table

    if not body.measures:
        return
    table = Table("period 期间", "model 模型", "segment", "events", "fraud", "alerts", "AUC", "KS", "AP", "precision")
    for each in body.measures:
        figures = [_figure(each.auc), _figure(each.ks), _figure(each.ap), _figure(each.alert_precision)]
        if not each.mature:
            figures = [f"immature until {each.matures_at[:10]} 未成熟", "", "", ""]
        counts = [f"{each.events:,}", f"{each.fraud:,}", f"{each.alerts:,}"]
        table.add_row(f"{each.begin[:10]} - {each.end[:10]}", each.model[:12], each.segment, *counts, *figures)
    Console().print(table)


def _print_trials(body: TrialsBody) -> None:
    if not body.trials:
        typer.echo("no trial has been counted. 尚无已统计的试验。")
        return
    told = None
    for each in body.trials:
        if (each.trial, each.challenger, each.segment) != told:
            told = each.trial, each.challenger, each.segment
            typer.echo(
                f"trial 试验 {each.trial}  {each.begin[:10]} - {each.end[:10]}  {each.segment}  "
                f"mature 成熟 {each.mature:,} of {each.events:,} events 事件, fraud 欺诈 {each.fraud:,}"
            )
        role = f"challenger 挑战者 {each.share / 100:g}%" if each.model == each.challenger else "champion 冠军"
        typer.echo(
            f"  {each.model[:12]} {role}  by score 按评分: alerts 告警 {each.alerts:,}, caught 拦截率 "
            f"{_figure(each.interception) or '-'} (amount 金额 {_figure(each.interception_amount) or '-'}), "
            f"false 误报率 {_figure(each.false_alerts) or '-'}"
        )
        if each.judged:
            typer.echo(
                f"{' ' * 15}by judgement 按裁决: {each.judged:,} events 事件, caught 拦截率 "
                f"{_figure(each.judged_interception) or '-'}, false 误报率 {_figure(each.judged_false_alerts) or '-'}"
            )
    typer.echo(
        f"labels until {body.trials[0].labels_until}; counted are events {body.label_delay_days} days old. "
        f"标签截至上述时间，仅统计满 {body.label_delay_days} 天的事件。"
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
