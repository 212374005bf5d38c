"""`tarim backfill FILE...`: feed what an outage missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

EVENTS_PER_REQUEST = 500
RETRIES = 20
RETRY_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backfill")(backfill_command)


def backfill_command(
    files: Annotated[list[Path], typer.Argument(help="Files of events, in order. 事件文件。", show_default=False)],
    data: Annotated[
        Path, typer.Option(help="The data folder, when no service runs on it. 数据目录（服务未运行时）。")
    ] = Path("var/tarim"),
    url: Annotated[str, typer.Option(help="A running service instead of a folder. 运行中的服务地址。")] = "",
    key: Annotated[
        str,
        typer.Option(envvar="TARIM_KEY", help="API key with scope decide, for --url. 接口密钥。", show_default=False),
    ] = "",
    source: Annotated[str | None, typer.Option(help="Name of the source, for files without one. 来源名称。")] = None,
    mapping: Annotated[Path | None, typer.Option(help="How other columns become the envelope's. 列映射文件。")] = None,
) -> None:
    """Feed events that an outage missed: marked, decided as usual, none twice. 补录中断期间的事件。

    Status 0: every event was taken now or before. Status 1: some were refused or in conflict.
    """
    if url:
        troubles = _over_http(files, url, key, source, mapping)
    else:
        from tarim.cli._replaying import open_house, run_files
        from tarim.cli.replay import print_summary

        with open_house(data, None, None, None, lenient=True, make=False) as house:
            summary = run_files(house, files, None, truth=None, source=source, backfill=True, mapping=mapping)
        print_summary(summary, None)
        troubles = summary.refused.total() + summary.conflicts
    if troubles:
        raise typer.Exit(1)


def _over_http(files: list[Path], url: str, key: str, source: str | None, mapping: Path | None) -> int:
    """Feed a running service in batches; how many events were refused or in conflict."""
    import http.client
    from urllib.parse import urlsplit

    from tarim.base.errors import NotFound

    for path in files:
        if not path.is_file():
            raise NotFound(f"{path} is not a file")
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=120)
    counts: Counter[str] = Counter()
    batch: list[dict[str, Any]] = []
    for event in _events(files, source, mapping):
        batch.append(event)
        if len(batch) == EVENTS_PER_REQUEST:
            _send(connection, key, batch, counts)
            batch = []
    if batch:
        _send(connection, key, batch, counts)
    decided = sum(count for name, count in counts.items() if name.startswith("decided "))
    typer.echo(f"{decided:,} events decided or known before. 已决策或此前已接收。")
    for name, count in sorted(counts.items()):
        typer.echo(f"  {name} {count:,}")
    return sum(count for name, count in counts.items() if name.startswith("refused "))


def _events(files: list[Path], source: str | None, mapping: Path | None) -> Iterator[dict[str, Any]]:
    """The events as messages."""
    from tarim.intake import Mapping, read_file

    how = None if mapping is None else Mapping.from_toml(mapping.read_text(encoding="utf-8"))
    for path in files:
        for table in read_file(path, mapping=how):
            for row in table.to_pylist():
                event = {name: _plain(name, value) for name, value in row.items() if value is not None and value != ""}
                if source is not None:
                    event.setdefault("source", source)
                yield event


def _plain(name: str, value: Any) -> Any:
    """A cell as JSON has it."""
    from datetime import UTC, datetime

    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return moment.isoformat(timespec="milliseconds")
    if name == "verification" and isinstance(value, str):
        return value.split("|")
    return value


def _send(connection: Any, key: str, batch: list[dict[str, Any]], counts: Counter[str]) -> None:
    """One request, repeated while the service is busy; a batch refused as a whole is sent event by event."""
    import json
    import time

    from tarim.base.errors import NotAllowed, Unavailable

    body = json.dumps(batch).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for _ in range(RETRIES):
        try:
            connection.request("POST", "/v1/decisions:batch?backfill=true", body, headers)
            answer = connection.getresponse()
            status, content = answer.status, json.loads(answer.read())
        except OSError as error:
            raise Unavailable(f"the service cannot be reached: {error}") from None
        if status != 503:
            break
        time.sleep(RETRY_S)
    if status == 200:
        for result in content["results"]:
            if "decision" in result:
                counts[f"decided {result['decision']['outcome']}"] += 1
            else:
                counts[f"refused {result['problem']['code']}"] += 1
    elif status in (401, 403):
        raise NotAllowed(content["detail"])
    elif status == 503:
        raise Unavailable(content["detail"])
    elif len(batch) > 1:
        half = len(batch) // 2
        _send(connection, key, batch[:half], counts)
        _send(connection, key, batch[half:], counts)
    else:
        counts[f"refused {content['code']}"] += 1
