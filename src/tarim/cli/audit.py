"""`tarim audit ...`: the trail of who did what; looking for alteration, search, one decision's trace, exports, retention."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._client import Reason, ask, quoted

if TYPE_CHECKING:
    from tarim.bootstrap.audit import OpenTrail

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_DATA = Path("var/tarim")
_Desk = Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
_DESK = "http://127.0.0.1:8090"
_ExportId = Annotated[str, typer.Argument(help="The export's id. 导出编号。", show_default=False)]
_FOLLOW_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the group `audit`."""
    group = typer.Typer(no_args_is_help=True, help="Who did what: the audit trail. 审计日志。")
    group.command("verify")(verify_command)
    group.command("anchor")(anchor_command)
    group.command("search")(search_command)
    group.command("trace")(trace_command)
    group.command("tail")(tail_command)
    group.command("export")(export_command)
    group.command("exports")(exports_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("fetch")(fetch_command)
    group.command("drop")(drop_command)
    app.add_typer(group, name="audit")


def verify_command(
    data: _Data = _DATA,
    anchors: Annotated[
        list[Path] | None, typer.Option(help="A file of anchors kept elsewhere; repeatable. 异地留存的锚点文件。")
    ] = None,
) -> None:
    """Look whether the trail is what was written; what is not is named by entry. 校验审计日志，指出被改动之处。

    Works beside running services. Status 0: as it was written. Status 1: not, or its end is not anchored.
    """
    from tarim.audit import anchors_of

    kept = [anchor for path in anchors or [] for anchor in anchors_of(path)]
    with _trail(data) as trail:
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


def anchor_command(data: _Data = _DATA) -> None:
    """Anchor the trail now; running services do it every minute or so. 立即锚定审计日志。"""
    import msgspec

    with _trail(data) as trail:
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
    url: _Desk = _DESK,
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
    data: _Data = _DATA,
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
    with _trail(data) as trail:
        for mark in decision_trace(settings, places, os.environ, trail, source, event_id):
            typer.echo(f"{mark.where:16}  {mark.at:24}  {mark.what:18}  {mark.who:24}  {mark.found}")
            if mark.trouble:
                wrong += 1
                typer.echo(f"{'WRONG 不符':16}  {mark.trouble}")
    if wrong:
        raise typer.Exit(1)


def tail_command(
    data: _Data = _DATA,
    since: Annotated[int, typer.Option(min=1, help="From this entry on. 起始编号。")] = 1,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes. 持续输出。")] = False,
) -> None:
    """Print the trail as JSON, a line an entry, for a log collector. 逐行输出 JSON，供日志平台采集。"""
    import sys
    import time

    from tarim.audit import line_of

    with _trail(data) as trail:
        while True:
            for each in trail.store.read(since):
                sys.stdout.buffer.write(line_of(each) + b"\n")
                since = each.seq + 1
            sys.stdout.buffer.flush()
            if not follow:
                return
            time.sleep(_FOLLOW_S)


def export_command(
    first: Annotated[int, typer.Option(min=1, help="The first entry. 起始编号。", show_default=False)],
    last: Annotated[int, typer.Option(min=1, help="The last entry. 截止编号。", show_default=False)],
    reason: Reason,
    url: _Desk = _DESK,
) -> None:
    """Ask for an export; another person approves it, then it can be fetched. 申请导出，经他人审批后取回。"""
    _print_export(ask("POST", url, "/v1/audit/exports", {"first_seq": first, "last_seq": last, "reason": reason}))


def exports_command(url: _Desk = _DESK) -> None:
    """List exports, the newest first. 列出导出申请。"""
    for each in ask("GET", url, "/v1/audit/exports")["exports"]:
        _print_export(each)


def approve_command(
    export_id: _ExportId,
    digest: Annotated[str, typer.Option(help="Of what is exported, as listed. 导出内容摘要。", show_default=False)],
    note: Annotated[str, typer.Option(help="A word about it. 附言。")] = "",
    url: _Desk = _DESK,
) -> None:
    """Approve another person's export. 批准他人的导出申请。"""
    body = {"verdict": "approve", "digest": digest, "note": note}
    _print_export(ask("POST", url, f"/v1/audit/exports/{quoted(export_id)}", body))


def reject_command(
    export_id: _ExportId,
    note: Annotated[str, typer.Option(help="Why. 理由。", show_default=False)],
    url: _Desk = _DESK,
) -> None:
    """Reject another person's export. 驳回他人的导出申请。"""
    _print_export(ask("POST", url, f"/v1/audit/exports/{quoted(export_id)}", {"verdict": "reject", "note": note}))


def fetch_command(
    export_id: _ExportId,
    out: Annotated[Path, typer.Option(help="File to write; must not exist. 输出文件。", show_default=False)],
    url: _Desk = _DESK,
) -> None:
    """Fetch an approved export into a file and check its digest. 取回已批准的导出并核对摘要。"""
    import hashlib

    from tarim.base.errors import Conflict, Damaged

    place = f"/v1/audit/exports/{quoted(export_id)}/lines"
    sha256, from_seq = hashlib.sha256(), 0
    try:
        file = out.open("xb")
    except FileExistsError:
        raise Conflict(f"{out} exists already") from None
    with file:
        while True:
            page = ask("GET", url, place, from_seq=str(from_seq))
            content = "".join(line + "\n" for line in page["lines"]).encode()
            file.write(content)
            sha256.update(content)
            from_seq = page["next"]
            if not from_seq:
                break
    wanted = next(
        (
            each["lines_sha256"]
            for each in ask("GET", url, "/v1/audit/exports")["exports"]
            if each["proposal"]["id"] == export_id
        ),
        "",
    )
    if sha256.hexdigest() != wanted:
        raise Damaged(f"{out} is not what was approved: its digest is {sha256.hexdigest()}")
    typer.echo(f"{out}: sha256 {wanted}. 已取回，摘要一致。")


def drop_command(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Entries older than this day. 早于此日。")],
    export: Annotated[str, typer.Option(help="The approved export that holds them. 已批准的导出编号。")],
    data: _Data = _DATA,
) -> None:
    """Drop entries whose time is over, in the name of the API key in TARIM_KEY (scope audit:export). 清除到期的审计记录。

    They must lie in an approved export and below an anchor; a signed bridge stays in their place.
    """
    import os

    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.operators import operator_of
    from tarim.bootstrap.places import Places
    from tarim.cli._wall_time import instant
    from tarim.identity import Scope

    places = Places(data)
    before_ms = instant(before) or 0
    with recorded(places, os.environ, "audit.drop", about=("audit-export", export)), _trail(data) as trail:
        who = operator_of(places, os.environ, Scope.AUDIT_EXPORT)
        bridge = trail.exports.drop(export, before_ms, who.name, trail.settings.keep_days)
    typer.echo(
        f"dropped entries {bridge.first_seq:,} to {bridge.last_seq:,}; the bridge is signed. 已清除并留存桥接签名。"
    )


def _trail(data: Path) -> OpenTrail:
    import os

    from tarim.bootstrap.audit import OpenTrail
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    return OpenTrail.open(settings_of(data, os.environ).audit, Places(data), os.environ)


def _print_export(export: dict[str, Any]) -> None:
    proposal = export["proposal"]
    typer.echo(
        f"{proposal['id']}  {proposal['state']:9}  {export['first_seq']:,} - {export['last_seq']:,}  by {proposal['author']}"
        + (f" / {proposal['decider']}" if proposal["decider"] else "")
        + f"  digest {proposal['digest']}"
    )
