"""`tarim backtest DRAFT`: what a ruleset would have done to what has happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._progress import Bar
from tarim.cli._texts import draft_text
from tarim.cli._wall_time import FORMATS, instant

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tarim.bootstrap.backtesting import Asked, Tested
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import Settings
    from tarim.decisions import DraftResult, Measured, Tally

REPORT_EVERY_S = 0.2
RULES_SHOWN = 30
FILE_COLUMNS = 120
DIVISIONS = ("day", "kind", "channel", "amount", "city")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest_command)


def backtest_command(
    draft: Annotated[Path, typer.Argument(help="The ruleset on trial, TOML. 待测规则集（TOML）。", show_default=False)],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    from_time: Annotated[
        datetime | None, typer.Option("--from", formats=FORMATS, help="Beginning of the span, in China. 起（含）。")
    ] = None,
    to_time: Annotated[
        datetime | None, typer.Option("--to", formats=FORMATS, help="End of the span, itself outside. 止（不含）。")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Labels as they were known then, or now. 标签：then 当时已知，now 现在已知。")
    ] = "then",
    against: Annotated[
        Path | None, typer.Option(help="Another ruleset, to see side by side. 对比的另一规则集。")
    ] = None,
    rule: Annotated[str, typer.Option(help="One rule of the draft only. 只测其中一条规则。")] = "",
    events: Annotated[
        list[Path] | None,
        typer.Option(help="A file of events instead of the journal; may be repeated. 以事件文件代替流水日志，可重复。"),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Name of the source, for files without one. 来源名称。")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How other columns become the envelope's, TOML. 列映射文件。")
    ] = None,
    by: Annotated[str, typer.Option(help="Show it by day, kind, channel, amount or city as well. 分组显示。")] = "",
    examples: Annotated[bool, typer.Option("--examples", help="Show events of each rule. 显示命中样例。")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON. 以 JSON 输出。")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the whole result to a file, JSON. 将结果写入文件。")] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report", help="For programs: progress and outcome as JSON lines. 供程序调用：以 JSON 行报告进度与结果。"
        ),
    ] = False,
    nice: Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")] = 0,
) -> None:
    """Judge what has happened by a draft ruleset, and measure it; may run beside the service. 用草案规则回测历史。

    Nothing is decided and nothing changes. The result is kept under DATA/backtests by its digest.
    """
    import os

    from tarim.base.errors import InputError, TarimError
    from tarim.bootstrap.backtesting import Asked, Known
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.rules import RulesetInvalid

    if nice:
        os.nice(nice)
    say = _Reporter() if report else Bar()
    try:
        if labels not in [known.value for known in Known]:
            raise InputError("--labels must be then or now")
        if by not in ("", *DIVISIONS):
            raise InputError(f"--by must be one of {', '.join(DIVISIONS)}")
        texts = tuple(draft_text(path) for path in (draft, against) if path is not None)
        asked = Asked(texts, rule, instant(from_time), instant(to_time), Known(labels))
        settings, places = settings_of(data, os.environ), Places(data)
        with say:
            if events:
                tested = _test_files(settings, places, asked, events, source, mapping, say.progress)
            else:
                tested = _test(settings, places, asked, say.progress)
    except TarimError as error:
        problems = error.problems if isinstance(error, RulesetInvalid) else ()
        if report:
            _print_failure(error, [(each.place(), each.text_en, each.text_zh) for each in problems])
            return
        for problem in problems:
            typer.echo(f"{problem.place()}: {problem.text_en} | {problem.text_zh}", err=True)
        raise
    if out is not None:
        _write(out, tested.content)
    if report:
        typer.echo(json.dumps({"digest": tested.digest, "events": tested.events, "took_s": round(tested.took_s, 3)}))
    elif as_json:
        typer.echo(tested.content.decode(), nl=False)
    else:
        _print(tested, by, examples)


def _test(settings: Settings, places: Places, asked: Asked, progress: Callable[[int, int], None]) -> Tested:
    from tarim.bootstrap.backtesting import backtest

    return backtest(settings, places, asked, progress=progress)


def _test_files(
    settings: Settings,
    places: Places,
    asked: Asked,
    files: Sequence[Path],
    source: str | None,
    mapping: Path | None,
    progress: Callable[[int, int], None],
) -> Tested:
    import os

    from tarim.base.errors import NotFound
    from tarim.bootstrap.backtesting import backtest_files
    from tarim.bootstrap.file_journal import file_digest
    from tarim.cli._replaying import count_rows
    from tarim.intake import Mapping, read_file

    for path in files:
        if not path.is_file():
            raise NotFound(f"{path} is not a file")
    columns = None if mapping is None else Mapping.from_toml(draft_text(mapping))
    tables = (table for path in files for table in read_file(path, mapping=columns, limits=settings.intake))
    return backtest_files(
        settings,
        places,
        asked,
        tables,
        [file_digest(path) for path in files],
        os.environ,
        source=source,
        events=count_rows(files) or 0,
        progress=progress,
    )


def _write(path: Path, content: bytes) -> None:
    from tarim.base.errors import Unavailable

    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from None


# ---- progress --------------------------------------------------------------------------------------------------------


class _Reporter:
    """Progress as JSON lines on standard output."""

    def __init__(self) -> None:
        self._last = 0.0

    def __enter__(self) -> _Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, done: int, of: int) -> None:
        """So many events of so many are through."""
        now = perf_counter()
        if now - self._last >= REPORT_EVERY_S:
            self._last = now
            print(json.dumps({"done": done, "of": of}), flush=True)


def _print_failure(error: Any, problems: Sequence[tuple[str, str, str]]) -> None:
    listed = [{"place": place, "en": english, "zh": chinese} for place, english, chinese in problems]
    print(json.dumps({"code": error.code, "detail": error.detail, "problems": listed}, ensure_ascii=False), flush=True)


# ---- what is printed -------------------------------------------------------------------------------------------------


def _print(tested: Tested, by: str, examples: bool) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = FILE_COLUMNS
    measured = tested.core.measured
    known = {"then": "then 当时", "now": "now 现在"}[tested.core.known]
    console.print(
        f"{measured.events:,} events 事件, {measured.fraud:,} labelled fraud 欺诈标签 ({known}), "
        f"{measured.genuine:,} genuine 正常"
    )
    console.print(_totals(measured))
    for result in measured.drafts:
        console.print(_rules(result))
        if by:
            console.print(_groups(result, by))
        if examples:
            _examples(console, result)
        recorded = result.recorded
        if recorded.events:
            console.print(
                f"{recorded.events:,} of these events were decided under this ruleset; other rules hold now for "
                f"{recorded.differing:,} of them. 与当时记录不一致 {recorded.differing:,} 笔。"
            )
    console.print(f"kept 已留存: {tested.path}")


def _table(title: str, columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(columns):
        table.add_column(name, justify="left" if at == 0 else "right", no_wrap=True)
    return table


_COUNTS = (
    "events\n事件",
    "customers\n客户",
    "yuan\n金额",
    "fraud\n欺诈",
    "precision\n精确率",
    "recall\n召回率",
)


def _totals(measured: Measured) -> Table:
    table = _table("", ("", *_COUNTS))
    table.add_row("live 现行", *_cells(measured.live.hit))
    table.add_row("  stopped 拦阻", *_cells(measured.live.stopped))
    letters = ("A ", "B ") if measured.difference is not None else ("",)
    for letter, result in zip(letters, measured.drafts, strict=True):
        table.add_row(letter + _name(result), *_cells(result.hit))
        table.add_row("  stopped 拦阻", *_cells(result.stopped))
        table.add_row("  not live 新增", *_cells(result.new))
        table.add_row("  live only 漏去", *_cells(result.lost))
    if measured.difference is not None:
        table.add_row("only A 仅 A", *_cells(measured.difference.only_first))
        table.add_row("only B 仅 B", *_cells(measured.difference.only_other))
        table.add_row("both 两者", *_cells(measured.difference.both))
    return table


def _cells(tally: Tally) -> tuple[str, ...]:
    yuan = f"{tally.amount_fen / 100:,.0f}"
    return (
        f"{tally.events:,}",
        f"{tally.customers:,}",
        yuan,
        f"{tally.fraud:,}",
        _share(tally.precision),
        _share(tally.recall),
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _rules(result: DraftResult) -> Table:
    holding = sorted((each for each in result.rules if each.hit.events), key=lambda each: (-each.hit.events, each.id))
    shown = holding[:RULES_SHOWN]
    title = f"{_name(result)} {result.version[:16]}"
    if len(result.rules) > len(shown):
        title += (
            f": {len(shown)} of {len(result.rules)} rules shown, {len(result.rules) - len(holding)} hold nowhere 未命中"
        )
    table = _table(title, ("rule\n规则", "outcome\n处置", *_COUNTS, "not live\n新增"))
    for each in shown:
        table.add_row(each.id, each.outcome, *_cells(each.hit), f"{each.new_events:,}")
    return table


def _name(result: DraftResult) -> str:
    return f"{result.name}/{result.rule}" if result.rule else result.name


def _groups(result: DraftResult, by: str) -> Table:
    columns = (
        "events\n事件",
        "hit\n命中",
        "customers\n客户",
        "fraud\n欺诈",
        "caught\n命中欺诈",
        "precision\n精确率",
        "recall\n召回率",
    )
    table = _table(f"{_name(result)} by {by}", (by, *columns))
    for each in getattr(result.groups, by):
        table.add_row(
            each.value,
            f"{each.events:,}",
            f"{each.hit:,}",
            f"{each.hit_customers:,}",
            f"{each.fraud:,}",
            f"{each.hit_fraud:,}",
            _share(each.precision),
            _share(each.recall),
        )
    return table


def _examples(console: Console, result: DraftResult) -> None:
    for each in result.rules:
        for example in each.examples:
            read = ", ".join(f"{fact.name} = {_fact(fact.value)}" for fact in example.read)
            console.print(
                f"{each.id}: {example.event_id} ({example.source}) {example.occurred_at} {example.kind} "
                f"{example.channel} {example.amount_fen / 100:,.2f} yuan, customer 客户 {example.customer}"
                f"{', ' + example.label if example.label else ''}: {read}"
            )


def _fact(value: float | str | None) -> str:
    return "missing 缺失" if value is None else value if isinstance(value, str) else f"{value:.10g}"
