"""Commands of `tarim audit` about exports, which two persons make, and about dropping what was exported."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._client import Reason, ask, quoted

if TYPE_CHECKING:
    from tarim.bootstrap.audit import OpenTrail

Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
DATA_DEFAULT = Path("var/tarim")
Desk = Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
DESK_DEFAULT = "http://127.0.0.1:8090"
_ExportId = Annotated[str, typer.Argument(help="The export's id. 导出编号。", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("export")(export_command)
    group.command("exports")(exports_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("fetch")(fetch_command)
    group.command("drop")(drop_command)


def export_command(
    first: Annotated[int, typer.Option(min=1, help="The first entry. 起始编号。", show_default=False)],
    last: Annotated[int, typer.Option(min=1, help="The last entry. 截止编号。", show_default=False)],
    reason: Reason,
    url: Desk = DESK_DEFAULT,
) -> None:
    """Ask for an export; another person approves it, then it can be fetched. 申请导出，经他人审批后取回。"""
    _print_export(ask("POST", url, "/v1/audit/exports", {"first_seq": first, "last_seq": last, "reason": reason}))


def exports_command(url: Desk = DESK_DEFAULT) -> None:
    """List exports, the newest first. 列出导出申请。"""
    for each in ask("GET", url, "/v1/audit/exports")["exports"]:
        _print_export(each)


def approve_command(
    export_id: _ExportId,
    digest: Annotated[str, typer.Option(help="Of what is exported, as listed. 导出内容摘要。", show_default=False)],
    note: Annotated[str, typer.Option(help="A word about it. 附言。")] = "",
    url: Desk = DESK_DEFAULT,
) -> None:
    """Approve another person's export. 批准他人的导出申请。"""
    body = {"verdict": "approve", "digest": digest, "note": note}
    _print_export(ask("POST", url, f"/v1/audit/exports/{quoted(export_id)}", body))


def reject_command(
    export_id: _ExportId,
    note: Annotated[str, typer.Option(help="Why. 理由。", show_default=False)],
    url: Desk = DESK_DEFAULT,
) -> None:
    """Reject another person's export. 驳回他人的导出申请。"""
    _print_export(ask("POST", url, f"/v1/audit/exports/{quoted(export_id)}", {"verdict": "reject", "note": note}))


def fetch_command(
    export_id: _ExportId,
    out: Annotated[Path, typer.Option(help="File to write; must not exist. 输出文件。", show_default=False)],
    url: Desk = DESK_DEFAULT,
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
    data: Data = DATA_DEFAULT,
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
    with recorded(places, os.environ, "audit.drop", about=("audit-export", export)), open_trail(data) as trail:
        who = operator_of(places, os.environ, Scope.AUDIT_EXPORT)
        bridge = trail.exports.drop(export, before_ms, who.name, trail.settings.keep_days)
    typer.echo(
        f"dropped entries {bridge.first_seq:,} to {bridge.last_seq:,}; the bridge is signed. 已清除并留存桥接签名。"
    )


def open_trail(data: Path) -> OpenTrail:
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
