"""`tarim holds ...`: payments that wait, who decides on them, and what follows from an outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._client import URL_DEFAULT, Reason, Url, ask, quoted
from tarim.cli._texts import sent_text

_EventId = Annotated[
    str, typer.Argument(help="The source's id of the event held. 被挂起事件的编号。", show_default=False)
]
_Source = Annotated[str, typer.Option(help="The system that sent it. 来源系统。", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the group `holds`."""
    group = typer.Typer(no_args_is_help=True, help="Payments that wait, and decisions on them. 挂起的交易及其处理。")
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("changes")(changes_command)
    group.command("release")(release_command)
    group.command("refuse")(refuse_command)
    group.command("limit")(limit_command)
    group.command("treatment")(treatment_command)
    group.command("propose-treatment")(propose_treatment_command)
    app.add_typer(group, name="holds")


def list_command(
    escalated: Annotated[
        bool,
        typer.Option("--escalated", help="Those whose time is over and that wait for a person. 仅列已到期待人工者。"),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many. 条数。")] = 20,
    url: Url = URL_DEFAULT,
) -> None:
    """List open holds, the earliest end first. 列出未决挂起，最早到期者在前。"""
    state = "escalated" if escalated else "waiting"
    for hold in ask("GET", url, "/v1/holds", state=state, limit=str(limit))["holds"]:
        typer.echo(
            f"{hold['until']}  {hold['kind']:9}  {hold['amount_fen'] / 100:>15,.2f}  {hold['source']}  {hold['event_id']}"
            + (f"  release proposed by {hold['proposed_by']}" if hold["proposed_by"] else "")
        )


def show_command(event_id: _EventId, source: _Source, url: Url = URL_DEFAULT) -> None:
    """Show the hold of an event. 显示某事件的挂起状态。"""
    _print(ask("GET", url, f"/v1/holds/{quoted(event_id)}", source=source))


def changes_command(
    since: Annotated[int, typer.Option(min=0, help="The first journal position. 起始日志位置。")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="About how many. 大约条数。")] = 200,
    url: Url = URL_DEFAULT,
) -> None:
    """Print what changed, and the position to go on from. 打印状态变更及后续起始位置。"""
    page = ask("GET", url, "/v1/holds:changes", since=str(since), limit=str(limit))
    for change in page["changes"]:
        typer.echo(f"{change['seq']:>12}  {change['id']:>12}  {change['at']}  {change['state']:9}  {change['cause']}")
    typer.echo(f"next {page['next']}")


def release_command(event_id: _EventId, source: _Source, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Release a hold; above the amount of one's right this proposes it to a second person. 释放；超出权限金额须另一人同意。"""
    _print(_decide(event_id, source, "release", reason, url))


def refuse_command(event_id: _EventId, source: _Source, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Refuse a hold. 拒绝。"""
    _print(_decide(event_id, source, "refuse", reason, url))


def limit_command(
    single_fen: Annotated[
        int, typer.Option(min=0, help="Largest single payment, fen. 单笔限额（分）。", show_default=False)
    ],
    day_fen: Annotated[
        int, typer.Option(min=0, help="Largest sum of a day, fen. 日累计限额（分）。", show_default=False)
    ],
    customer: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="The bank's identifier; asked for. 客户号（交互输入）。")
    ],
    method: Annotated[
        list[str] | None, typer.Option(help="A verification method; repeatable. 验证方式，可重复。")
    ] = None,
    url: Url = URL_DEFAULT,
) -> None:
    """Set a customer's own limits for payments verified by these methods. 为客户设置更低的限额。"""
    body = {
        "customer": customer,
        "methods": method or [],
        "single_fen_max": single_fen,
        "day_fen_max": day_fen,
    }
    _print(ask("PUT", url, "/v1/limits", body))


def treatment_command(
    proposal: Annotated[str, typer.Option(help="The one proposed, by its proposal's id. 待审批的提案编号。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Print what follows from an outcome: as in force, or as proposed. 打印处置之后的安排。"""
    query = {"proposal": proposal} if proposal else {}
    found = ask("GET", url, "/v1/treatment", **query)
    typer.echo(f"# version {found['version']}")
    typer.echo(found["text"])


def propose_treatment_command(
    file: Annotated[Path, typer.Argument(help="The treatment (TOML). 处置安排文件。", show_default=False)],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose another treatment; it is in force when another person approves it. 提交变更，由他人审批后生效。"""
    _print(ask("POST", url, "/v1/treatment", {"text": sent_text(file), "reason": reason}))


def _decide(event_id: str, source: str, verdict: str, reason: str, url: str) -> dict[str, Any]:
    body = {"verdict": verdict, "reason": reason}
    answer: dict[str, Any] = ask("POST", url, f"/v1/holds/{quoted(event_id)}", body, source=source)
    return answer


def _print(answer: dict[str, Any]) -> None:
    for name, value in answer.items():
        if value != "":
            typer.echo(f"{name:16} {', '.join(value) if isinstance(value, list) else value}")
