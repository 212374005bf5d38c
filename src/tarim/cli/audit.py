"""`tarim audit ...`: the trail of who did what; looking for alteration, search, one decision's trace, exports, retention."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tarim.cli import _audit_exports, _audit_looks
from tarim.cli._audit_exports import DATA_DEFAULT, DESK_DEFAULT, Data, Desk, open_trail
from tarim.cli._client import ask

_FOLLOW_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the group `audit`."""
    group = typer.Typer(no_args_is_help=True, help="Who did what: the audit trail. 审计日志。")
    group.command("verify")(verify_command)
    group.command("anchor")(anchor_command)
    group.command("search")(search_command)
    group.command("trace")(trace_command)
    group.command("tail")(tail_command)
    group.command("preserve")(preserve_command)
    _audit_exports.register(group)
    _audit_looks.register(group)
    app.add_typer(group, name="audit")


def verify_command(
    data: Data = DATA_DEFAULT,
    anchors: Annotated[
        list[Path] | None, typer.Option(help="A file of anchors kept elsewhere; repeatable. 异地留存的锚点文件。")
    ] = None,
) -> None:
    """Look whether the trail is what was written; what is not is named by entry. 校验审计日志，指出被改动之处。

    Works beside running services. Status 0: as it was written. Status 1: not, or its end is not anchored.
    """
    from tarim.audit import anchors_of

    kept = [anchor for path in anchors or [] for anchor in anchors_of(path)]
    with open_trail(data) as trail:
        found = trail.keeper.examine(kept)
    report = found.report
    typer.echo(
        f"entries {report.first_seq:,} to {report.last_seq:,} ({report.entries:,}), {report.anchors:,} anchors, "
        f"anchored up to {report.anchored_seq:,}. 共 {report.entries:,} 条，锚定至第 {report.anchored_seq:,} 条。"
    )
    for fault in report.faults:
        typer.echo(f"  {fault.kind:10} {fault.first:>12,} - {fault.last:<12,} {fault.text}")
    if report.further_faults:
        typer.echo(f"  and {report.further_faults:,} more. 另有 {report.further_faults:,} 处。")
    for each in found.unfinished:
        typer.echo(f"  no outcome of entry {each.seq:,}: {each.entry.act} by {each.entry.who}. 该操作无结果记录。")
    if not report.sound:
        typer.echo("NOT as it was written. 审计日志已被改动。")
        raise typer.Exit(1)
    typer.echo("As it was written. 审计日志完好。")


def anchor_command(data: Data = DATA_DEFAULT) -> None:
    """Anchor the trail now; running services do it every minute or so. 立即锚定审计日志。"""
    import msgspec

    with open_trail(data) as trail:
        anchor = trail.keeper.anchor()
    if anchor is None:
        typer.echo("the trail has no entries yet. 尚无审计记录。", err=True)
        raise typer.Exit(1)
    typer.echo(msgspec.json.encode(anchor).decode())


def search_command(
    who: Annotated[str, typer.Option(help="Login, or name on the key. 操作人。")] = "",
    act: Annotated[str, typer.Option(help="Name of the operation, or its beginning and *. 操作名称或前缀*。")] = "",
    about: Annotated[str, typer.Option("--object", help="kind:id, as proposal:1f2e. 对象。")] = "",
    result: Annotated[str, typer.Option(help="intended, done, refused or failed. 结果。")] = "",
    since: Annotated[datetime | None, typer.Option(help="From this instant, in China. 起（含）。")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this instant, in China. 止（不含）。")] = None,
    below: Annotated[int, typer.Option(min=0, help="Entries older than this number. 早于此编号。")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many. 条数。")] = 50,
    url: Desk = DESK_DEFAULT,
) -> None:
    """Search the trail, the newest first. 查询审计日志，最新在前。"""
    from tarim.cli._wall_time import instant

    given = {
        "who": who,
        "act": act,
        "object": about,
        "result": result,
        "since_ms": instant(since) or 0,
        "until_ms": instant(until) or 0,
        "below": below,
        "limit": limit,
    }
    query = {name: str(value) for name, value in given.items() if value}
    found = ask("GET", url, "/v1/audit/entries", None, **query)
    for each in found["entries"]:
        typer.echo(
            f"{each['seq']:>10}  {each['at']}  {each['result']:8}  {each['who'] or '-':20}  {each['act']:28}  "
            f"{each['object'] or '-'}" + (f"  {each['reason']}" if each["reason"] else "")
        )
    if found["next"]:
        typer.echo(f"older: --below {found['next']}. 更早的记录。", err=True)


def trace_command(
    event_id: Annotated[str, typer.Argument(help="The source's id of the event. 事件编号。", show_default=False)],
    source: Annotated[str, typer.Option(help="The system that sent it. 来源系统。", show_default=False)],
    data: Data = DATA_DEFAULT,
) -> None:
    """Everything that is known of one decision, from its message to its case. 追溯一笔决策：报文、规则、模型、案件。

    Status 0: all is as it was written. Status 1: something is not, and is named.
    """
    import os

    from tarim.bootstrap.audit_trace import decision_trace
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    wrong = 0
    settings, places = settings_of(data, os.environ), Places(data)
    with open_trail(data) as trail:
        for mark in decision_trace(settings, places, os.environ, trail, source, event_id):
            typer.echo(f"{mark.where:16}  {mark.at:24}  {mark.what:18}  {mark.who:24}  {mark.found}")
            if mark.trouble:
                wrong += 1
                typer.echo(f"{'WRONG 不符':16}  {mark.trouble}")
    if wrong:
        raise typer.Exit(1)


def tail_command(
    data: Data = DATA_DEFAULT,
    since: Annotated[int, typer.Option(min=1, help="From this entry on. 起始编号。")] = 1,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes. 持续输出。")] = False,
) -> None:
    """Print the trail as JSON, a line an entry, for a log collector. 逐行输出 JSON，供日志平台采集。"""
    import sys
    import time

    from tarim.audit import line_of

    with open_trail(data) as trail:
        while True:
            for each in trail.store.read(since):
                sys.stdout.buffer.write(line_of(each) + b"\n")
                since = each.seq + 1
            sys.stdout.buffer.flush()
            if not follow:
                return
            time.sleep(_FOLLOW_S)


def preserve_command(
    out: Annotated[
        Path, typer.Argument(help="Folder to write, or with --check to look at. 目标目录。", show_default=False)
    ],
    data: Data = DATA_DEFAULT,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept. 事由（将留存）。")] = "",
    check: Annotated[bool, typer.Option("--check", help="Look whether it is as it was preserved. 仅核验。")] = False,
) -> None:
    """Preserve the scene of an incident: a signed copy of journals, trail and state, no keys. 保全现场：签名副本，不含密钥。

    Works beside running services. --check: status 2 when something is not as it was preserved, and it is named.
    """
    import os

    from tarim.bootstrap import preserving
    from tarim.bootstrap.audit import account, recorded
    from tarim.bootstrap.places import Places

    places = Places(data)
    if check:
        with open_trail(data) as trail:
            scene = preserving.check(out, trail.keeper.seal)
        typer.echo(
            f"{len(scene.files):,} files, {scene.entries:,} entries, as preserved by {scene.who}. 与保全时一致。"
        )
        return
    with recorded(places, os.environ, "audit.preserve", reason=reason) as act, open_trail(data) as trail:
        scene, digest = preserving.preserve(places, trail, out, account(places, os.environ), reason, trail.clock)
        act.kind, act.id = "scene", digest
    typer.echo(f"{out}: {len(scene.files):,} files, {scene.entries:,} entries, manifest {digest}. 现场已保全。")
