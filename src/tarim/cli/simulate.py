"""tarim simulate OUT_FOLDER: days of a bank to play with, and the truth about its crime."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tarim.simulation import SimulatedDay, SimulationSettings, Written

PROGRESS_AFTER_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("simulate")(simulate)


def simulate(
    out_folder: Annotated[
        Path, typer.Argument(help="where the files go; made when it is not there, must hold no simulation")
    ],
    customers: Annotated[int, typer.Option(help="customers of the bank 客户数")] = 350_000,
    events_per_day: Annotated[int, typer.Option(help="mean number of events a day 日均事件数")] = 36_000,
    days: Annotated[int, typer.Option(help="days to simulate 天数")] = 30,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes 随机种子")] = 42,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="first day 起始日期")] = datetime(2026, 1, 5),
    file_format: Annotated[str, typer.Option("--format", help="parquet, csv or jsonl 文件格式")] = "parquet",
    crime_share: Annotated[float, typer.Option(help="share of criminal events 犯罪事件占比")] = 0.003,
    scenarios: Annotated[
        str, typer.Option(help="core: five broad kinds of crime; all: every typology, and what looks like it 犯罪类型")
    ] = "core",
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="add label events, days later 加入标签事件")
    ] = False,
    late_share: Annotated[float, typer.Option(help="share of events that arrive late 乱序事件占比")] = 0.0,
    late_ms_max: Annotated[int, typer.Option(help="how late at most, in milliseconds 最大延迟毫秒")] = 5_000,
    late_batch_day: Annotated[
        int | None, typer.Option(help="day (0 = first) of which a batch comes a day late 整批迟到的日期序号")
    ] = None,
    late_batch_events: Annotated[int, typer.Option(help="size of that batch 迟到批次大小")] = 5_000,
) -> None:
    """Simulate a provincial bank with labelled crime into files. 生成带标签的省级银行模拟数据。"""
    from tarim.base.errors import InputError
    from tarim.simulation import CrimeSettings, FileFormat, LateBatch, SimulationSettings, write_days

    if scenarios not in ("core", "all"):
        raise InputError("--scenarios must be core or all")
    formats = [entry.value for entry in FileFormat]
    if file_format not in formats:
        raise InputError(f"--format must be one of {', '.join(formats)}")
    settings = SimulationSettings(
        customers=customers,
        events_per_day=events_per_day,
        days=days,
        start=date(start.year, start.month, start.day),
        seed=seed,
        crime=CrimeSettings(share=crime_share),
        scenarios=scenarios,  # type: ignore[arg-type]  # narrowed above
        label_events=labels,
        out_of_order_share=late_share,
        out_of_order_ms_max=late_ms_max,
        late_batch=None if late_batch_day is None else LateBatch(late_batch_day, late_batch_events),
    )
    begun = perf_counter()
    with _Progress(settings) as progress:
        written = write_days(settings, out_folder, FileFormat(file_format), progress.after_day)
    _summary(out_folder, settings, written, perf_counter() - begun)


class _Progress:
    """A progress bar that shows itself when the work takes longer than two seconds."""

    def __init__(self, settings: SimulationSettings) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("days 天"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("simulating 模拟中", total=settings.days)
        self._begun = perf_counter()
        self._shown = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._bar.stop()

    def after_day(self, day: SimulatedDay) -> None:
        """One more day is written."""
        if not self._shown and perf_counter() - self._begun > PROGRESS_AFTER_S:
            self._bar.start()
            self._shown = True
        self._bar.update(self._task, completed=day.day + 1)


def _summary(folder: Path, settings: SimulationSettings, written: Written, took_s: float) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(
        title=f"{written.events:,} events 事件, {settings.days} days 天, seed {settings.seed}", title_justify="left"
    )
    table.add_column("kind 类型")
    table.add_column("events 事件数", justify="right")
    for name, count in sorted(written.by_kind.items(), key=lambda entry: -entry[1]):
        table.add_row(name, f"{count:,}")
    table.add_section()
    for name, count in sorted(written.by_crime.items(), key=lambda entry: -entry[1]):
        table.add_row(f"crime: {name}", f"{count:,}")
    console.print(table)
    crimes = sum(written.by_crime.values())
    console.print(
        f"{crimes:,} criminal events in {written.rings:,} rings ({crimes / max(1, written.events):.2%}); "
        f"{written.files} files, {written.bytes_written / 1e6:.1f} MB in {folder}; "
        f"{written.events / max(took_s, 1e-9):,.0f} events a second, files included",
        soft_wrap=True,
        highlight=False,
    )
