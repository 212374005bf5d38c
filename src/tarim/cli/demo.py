"""`tarim demo`: the first minute.  A simulated bank is learned from and judged, and goes on with people in it: services,
console, an account for every role, cases in every state, traffic.

One language at a time, `--lang`; left out, the one of the terminal (LC_ALL, LC_MESSAGES, LANG).  Only the reasons of
the example decisions are shown in both, because every decision carries both.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tarim.bootstrap.demonstration import Report

PORT: Final = 8470
"""Taken when it is free; otherwise the service takes any."""

WIDTH_MIN: Final = 112
"""Characters a line; the tables need them, and a narrower terminal wraps."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo_command)


def demo_command(
    data: Annotated[
        Path, typer.Option(help="Folder of the demonstration; replaced. 演示目录，再次运行时替换。")
    ] = Path("var/demo"),
    customers: Annotated[int, typer.Option(help="Customers of the bank. 客户数。")] = 350_000,
    events_per_day: Annotated[int, typer.Option(help="Mean number of events a day. 日均事件数。")] = 36_000,
    days: Annotated[int, typer.Option(help="Two thirds are learned from, one third is judged. 天数。")] = 21,
    crime_share: Annotated[
        float, typer.Option(help="Share of criminal events; more for a small bank. 犯罪事件占比。")
    ] = 0.003,
    seed: Annotated[int, typer.Option(help="The same seed and start give the same bank. 随机种子。")] = 42,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="First day; left out, so that the last is yesterday. 起始日期。",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; left out, 8470 or any free one. 监听端口。", show_default=False)
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Leave services and console running. 是否留下服务与控制台。")
    ] = True,
    stop: Annotated[bool, typer.Option("--stop", help="Only end what runs. 仅停止演示进程。")] = False,
    codes: Annotated[
        bool, typer.Option("--codes", help="Only print one-time codes for now. 仅显示当前动态口令。")
    ] = False,
    lang: Annotated[
        str | None, typer.Option(help="zh or en; left out, the terminal's. 语言。", show_default=False)
    ] = None,
) -> None:
    """Simulate a bank, learn, judge, show what was caught, and serve. 演示：模拟、学习、判断、展示、提供服务。"""
    from rich.console import Console

    from tarim.base.errors import InputError
    from tarim.cli import _background
    from tarim.cli._demo_texts import Texts

    if lang not in (None, "zh", "en"):
        raise InputError("--lang must be zh or en")
    texts = Texts((lang or language_of(os.environ)) == "zh")
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH_MIN)
    if stop:
        console.print(texts.stopped(_background.stop(data)))
        return
    if codes:
        from tarim.cli._demo_console import codes as codes_of

        texts.show_codes(console, codes_of(data))
        return
    with _alone(data):
        _demonstrate(
            data, texts, console, _settings(customers, events_per_day, days, crime_share, seed, start), port, serve
        )


def language_of(environment: Mapping[str, str]) -> str:
    """`zh` for a Chinese terminal, `en` for every other."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def _settings(
    customers: int, events_per_day: int, days: int, crime_share: float, seed: int, start: datetime | None
) -> Any:
    from tarim.base.instants import CHINA_OFFSET_MS
    from tarim.simulation import CrimeSettings, SimulationSettings

    today = (datetime.now(UTC) + timedelta(milliseconds=CHINA_OFFSET_MS)).date()
    first = date(start.year, start.month, start.day) if start else today - timedelta(days=days)
    return SimulationSettings(
        customers=customers,
        events_per_day=events_per_day,
        days=days,
        seed=seed,
        start=first,
        crime=CrimeSettings(share=crime_share),
        label_events=True,
    )


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Held while a demonstration is made, so that two of one folder do not meet.  Raises Conflict."""
    from tarim.base.errors import Conflict, Unavailable

    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        handle = (data.parent / f".{data.name}.lock").open("wb")
    except OSError as error:
        raise Unavailable(f"{data.parent}: {error.strerror}") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(f"another demonstration is being made in {data}") from None
        yield


def _demonstrate(data: Path, texts: Any, console: Console, settings: Any, port: int | None, serve: bool) -> None:
    from tarim.base.errors import Unavailable
    from tarim.bootstrap.demonstration import demonstrate, learned_days, require_replaceable
    from tarim.cli import _background

    learned_days(settings.days)
    require_replaceable(data)
    if _background.stop(data):
        console.print(texts.stopped(True))
    if port is not None and serve and _background.free_port(port) != port:
        raise Unavailable(f"port {port} is in use; leave --port out to take a free one")
    console.print(texts.title(settings))
    begin = time.perf_counter()
    with _Stages(texts) as stages:
        report = demonstrate(settings, data, port or PORT, stages)
    texts.show(console, report, data)
    if serve:
        address = _serve(data, texts, console, report, _background.free_port(PORT) if port is None else port)
    console.print(texts.end(time.perf_counter() - begin, data, address if serve else ""))


def _serve(data: Path, texts: Any, console: Console, report: Report, port: int) -> str:
    """Start everything and show it; the console's address."""
    from tarim.cli import _background, _demo_console, _demo_rule

    keys = _demo_rule.make_keys(data)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TARIM_")}
    with console.status(texts.starting):
        url = _background.start(data, port, environment)
    now = datetime.now(UTC) + timedelta(hours=8)
    event = {
        "event_id": f"demo-{now:%Y%m%d-%H%M%S}",
        "source": "demo",
        "occurred_at": f"{now:%Y-%m-%dT%H:%M:%S}.000+08:00",
        **report.sample,
    }
    body = json.dumps(event, ensure_ascii=False)
    status, answer = _background.call(url, "POST", "/v1/decisions", report.key, body.encode())
    _demo_rule.show(data, url, keys, texts, console, report)
    texts.show_service(console, url, report.key, body, status, answer, f"/v1/decisions/{event['event_id']}?source=demo")
    return _demo_console.open_bank(data, url, texts, console)


class _Stages:
    """Progress bars of the stages, on standard error; nothing but the finished lines stays."""

    def __init__(self, texts: Any) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._texts = texts
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task: Any = None
        self._name = ""
        self._begin = 0.0

    def __enter__(self) -> _Stages:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._console.print(f"  {self._texts.stage(self._name)}  {time.perf_counter() - self._begin:.1f} s")

    def begin(self, name: str, total: int | None) -> None:
        """See tarim.bootstrap.demonstration.Stage."""
        self._finish()
        self._name, self._begin = name, time.perf_counter()
        self._task = self._bar.add_task(self._texts.stage(name), total=total)

    def advance(self, done: int) -> None:
        """See tarim.bootstrap.demonstration.Stage."""
        self._bar.advance(self._task, done)
