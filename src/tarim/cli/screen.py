"""`tarim screen NAME --list FILE`: who on a sanctions list this could be, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tarim.screening import Match, NameList, Screener

PROGRESS_AFTER_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("screen")(screen)


def screen(
    name: Annotated[
        str,
        typer.Argument(
            help="The name in any script; - reads it from standard input, so that no shell history keeps it. "
            "姓名，任何文字均可；- 表示从标准输入读取。",
            show_default=False,
        ),
    ],
    lists: Annotated[
        list[Path],
        typer.Option(
            "--list",
            help="sdn.csv of OFAC (alt.csv and add.csv beside it), the UN list as XML, or their Parquet tables; may be "
            "repeated. 名单文件，可重复。",
            show_default=False,
        ),
    ],
    birth: Annotated[
        str, typer.Option(help="Date of birth: 1970, 1970-05 or 1970-05-21. 出生日期。", show_default=False)
    ] = "",
    country: Annotated[
        list[str] | None,
        typer.Option(
            help="Country code of two letters, for example CN; may be repeated. 国家或地区代码，可重复。",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least score, 0.5 to 1. 最低得分。", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON. 以 JSON 输出。")] = False,
) -> None:
    """Screen a name against sanctions lists. 姓名与制裁名单比对。

    Status 0: no match. Status 1: at least one match.
    """
    from tarim.screening import NAME_THRESHOLD, BirthSpan, Subject

    asked = sys.stdin.readline(4096).strip() if name == "-" else name
    subject = Subject(asked, BirthSpan.parse(birth) if birth else None, tuple(code.upper() for code in country or ()))
    given, screener = _load(lists, NAME_THRESHOLD if threshold is None else threshold)
    matches = screener.screen(subject)
    if as_json:
        typer.echo(json.dumps(_plain(given, matches), ensure_ascii=False))
    else:
        _print(given, matches)
    if matches:
        raise typer.Exit(1)


def _load(paths: list[Path], threshold: float) -> tuple[list[NameList], Screener]:
    """The lists and their screener, with a progress bar when it takes longer than two seconds."""
    from rich.console import Console
    from rich.progress import Progress

    from tarim.screening import Screener, load_list

    begun = perf_counter()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("reading lists 读取名单", total=len(paths) + 1)
    given: list[NameList] = []
    try:
        for path in paths:
            given.append(load_list(path))
            if perf_counter() - begun > PROGRESS_AFTER_S:
                bar.start()
            bar.advance(task)
        return given, Screener(given, threshold)
    finally:
        bar.stop()


def _plain(given: list[NameList], matches: tuple[Match, ...]) -> dict[str, object]:
    from tarim.screening import plain_match

    return {
        "lists": [
            {"name": entry.name, "digest": entry.digest, "dated": entry.dated, "entries": len(entry.entries)}
            for entry in given
        ],
        "matches": [plain_match(match) for match in matches],
    }


def _print(given: list[NameList], matches: tuple[Match, ...]) -> None:
    from tarim.screening import KIND_NAMES, explain

    for match in matches:
        kind = KIND_NAMES[match.entry.kind]
        typer.echo(
            f"{match.score:.2f}  {match.entry.id}  {match.name.text}  [{kind.zh} {kind.en}, {match.entry.programme}]"
        )
        for sentence in explain(match):
            typer.echo(f"      {sentence.zh}\n      {sentence.en}")
    entries = sum(len(entry.entries) for entry in given)
    typer.echo(f"{len(matches)} 条匹配，共比对 {entries:,} 个条目。 {len(matches)} matches among {entries:,} entries.")
