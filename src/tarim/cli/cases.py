"""`tarim cases ...`: alerts as cases, worked by one person and ended by two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tarim.cli._case_acts import URL_DEFAULT, Agreed, CaseId, DeskUrl, print_case, register_acts
from tarim.cli._case_money import register_money
from tarim.cli._client import Reason, ask, quoted
from tarim.cli._texts import sent_text

_RINGS_AT_ONCE: Final = 2_000


def register(app: typer.Typer) -> None:
    """Add the group `cases`."""
    group = typer.Typer(no_args_is_help=True, help="Alerts as cases, and work on them. 预警案件及其处置。")
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("find")(find_command)
    group.command("overdue")(overdue_command)
    group.command("diary")(diary_command)
    group.command("reveal")(reveal_command)
    register_acts(group)
    register_money(group)
    group.command("assignment")(assignment_command)
    group.command("propose-assignment")(propose_assignment_command)
    group.command("decide-assignment")(decide_assignment_command)
    group.command("rings")(rings_command)
    app.add_typer(group, name="cases")


def list_command(
    sort: Annotated[str, typer.Option(help="work, due, newest, changed or money. 排序。")] = "work",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50,
    cursor: Annotated[str, typer.Option(help="Where the page before ended. 上一页末尾。")] = "",
    state: Annotated[str, typer.Option(help="Only of this state. 状态。")] = "",
    queue: Annotated[str, typer.Option(help="Only of this queue. 队列。")] = "",
    branch: Annotated[str, typer.Option(help="Only of this branch. 机构。")] = "",
    assignee: Annotated[str, typer.Option(help="A person, me, or nobody. 处理人。")] = "",
    scenario: Annotated[str, typer.Option(help="Only of this scenario. 场景。")] = "",
    tag: Annotated[str, typer.Option(help="Only with this tag. 标签。")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only with an overdue review. 仅逾期。")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones too. 含已办结。")] = False,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """List cases of your branches and queues, what to do first on top. 列出案件，最紧急者在前。"""
    query = {
        "sort": sort,
        "limit": str(limit),
        "cursor": cursor,
        "state": state,
        "queue": queue,
        "branch": branch,
        "assignee": assignee,
        "scenario": scenario,
        "tag": tag,
        "overdue": "true" if overdue else "",
        "closed": "true" if closed else "",
    }
    page = ask("GET", url, "/v1/cases", **{name: value for name, value in query.items() if value})
    for case in page["cases"]:
        print_case(case)
    typer.echo(f"{page['count']} fit" + (f"; next {page['next']}" if page["next"] else ""))


def show_command(case: CaseId, url: DeskUrl = URL_DEFAULT) -> None:
    """Show a case with everything, personal values masked. 显示案件（脱敏）。"""
    _print_whole(ask("GET", url, f"/v1/cases/{quoted(case)}"))


def find_command(
    customer: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="The bank's number; asked for. 客户号（交互输入）。")
    ],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """List the cases of a customer. 按客户号查案件。"""
    for case in ask("POST", url, "/v1/cases:find", {"customer": customer})["cases"]:
        print_case(case)


def overdue_command(
    kind: Annotated[str, typer.Option(help="block, hold, challenge or notice. 核查种类。")] = "block",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """List reviews that are overdue, the longest first. 列出逾期未核查。"""
    for each in ask("GET", url, "/v1/cases:overdue", kind=kind, limit=str(limit))["reviews"]:
        typer.echo(
            f"{each['due']}  {each['case']}  {each['alert']:>12}  {each['kind']:9}  {each['amount_fen'] / 100:>15,.2f}"
            f"  {each['assignee'] or '-'}"
        )


def diary_command(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """List your dates to come back to cases, the earliest first. 列出本人待跟进事项。"""
    for each in ask("GET", url, "/v1/cases:follow-ups", limit=str(limit))["follow_ups"]:
        typer.echo(f"{each['due']}  {each['case']}  entry {each['entry']}" + ("  overdue" if each["overdue"] else ""))


def reveal_command(case: CaseId, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Show a case in full; sign in anew before, it is on the audit trail. 显示案件明文（须重新认证，将留痕）。"""
    _print_whole(ask("POST", url, f"/v1/cases/{quoted(case)}/reveal", {"reason": reason}))


def assignment_command(
    proposal: Annotated[int, typer.Option(min=0, help="The proposed ones, by number. 待复核的编号。")] = 0,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Print who gets which cases: as in force, or as proposed. 打印分派规则。"""
    found = ask("GET", url, "/v1/case-assignments" + (f"/{proposal}" if proposal else ""))
    typer.echo(f"# version {found['version']}  {found['state']}  {found['author']}")
    typer.echo(found["text"])


def propose_assignment_command(
    file: Annotated[Path, typer.Argument(help="The rules (TOML). 分派规则文件。", show_default=False)],
    reason: Reason,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Propose other rules; another person decides. 提交分派规则，由他人复核。"""
    typer.echo(f"id {ask('POST', url, '/v1/case-assignments', {'text': sent_text(file), 'reason': reason})['id']}")


def decide_assignment_command(
    proposal: Annotated[int, typer.Argument(help="Its number. 编号。", show_default=False)],
    version: Annotated[str, typer.Option(help="Of the text that was looked at. 所审阅的版本。", show_default=False)],
    agreed: Agreed,
    reason: Reason,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Put proposed rules in force, or refuse them. 复核分派规则。"""
    body = {"version": version, "agreed": agreed, "reason": reason}
    typer.echo(f"id {ask('POST', url, f'/v1/case-assignments/{proposal}/decide', body)['id']}")


def rings_command(
    file: Annotated[Path, typer.Argument(help="Lines of token,ring. 每行：账户令牌,团伙。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Say in which ring accounts lie, for alerts to come. 导入团伙归属。"""
    rings: dict[str, str] = {}
    for number, line in enumerate(sent_text(file).splitlines(), 1):
        account, comma, ring = line.partition(",")
        if not comma:
            typer.echo(f"{file}:{number}: a line is token,ring. 每行须为“令牌,团伙”。", err=True)
            raise typer.Exit(1)
        rings[account.strip().lower()] = ring.strip()
    entries = sorted(rings.items())
    for at in range(0, len(entries), _RINGS_AT_ONCE):
        ask("POST", url, "/v1/case-rings", {"rings": dict(entries[at : at + _RINGS_AT_ONCE])})
    typer.echo(f"{len(entries)} accounts. 已导入。")


def _print_whole(found: dict[str, Any]) -> None:
    """A case, part by part, one line for each thing."""
    print_case(found["case"])
    if found["watermark"]:
        typer.echo(f"seen in full by {found['watermark']}. 明文查看人及时间。")
    typer.echo(f"possible: {', '.join(found['possible'])}")
    for field, values in found["personal"].items():
        typer.echo(f"{field:16} {', '.join(values)}")
    for alert in found["alerts"]:
        verdict = f"{alert['verdict']} ({alert['cause']})" if alert["verdict"] else f"due {alert['due']}"
        typer.echo(
            f"alert {alert['id']:>12}  {alert['outcome']:9}  {alert['amount_fen'] / 100:>15,.2f}  {alert['source']}  "
            f"{alert['event_id']}  {','.join(alert['rules'])}  {alert['hold'] or '-'}  {verdict}"
        )
    for name in ("notes", "evidence", "diary", "restrictions", "history"):
        for each in found[name]:
            typer.echo(f"{name:12} " + "  ".join(str(value) for value in each.values() if value not in ("", None)))
    for name in ("tags", "related"):
        if found[name]:
            typer.echo(f"{name:12} {', '.join(found[name])}")
