"""Acts of `tarim cases`: each posts to one route and prints how the case then stands."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tarim.cli._client import Reason, ask, quoted

URL_DEFAULT: Final = "http://127.0.0.1:8090"
DeskUrl = Annotated[str, typer.Option("--url", help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
CaseId = Annotated[str, typer.Argument(help="The case, like CASE-2026-000123. 案件编号。", show_default=False)]
Alert = Annotated[int, typer.Option(help="An alert of the case. 预警编号。", show_default=False)]
Version = Annotated[int, typer.Option(help="The version that was looked at. 所审阅的版本号。", show_default=False)]
Agreed = Annotated[
    bool, typer.Option("--agree/--refuse", help="Agree to it, or not. 同意或不同意。", show_default=False)
]
Restriction = Annotated[int, typer.Option(help="A restriction of the case. 限制措施编号。", show_default=False)]


def act(case: str, word: str, url: str, **body: Any) -> None:
    """Post an act, and print the case's state, assignee and version."""
    found = ask("POST", url, f"/v1/cases/{quoted(case)}/{word}", body)
    print_case(found)


def print_case(found: dict[str, Any]) -> None:
    """One line of a case."""
    due = "overdue" if found["overdue"] else found["due"]
    typer.echo(
        f"{found['id']}  {found['state']:12}  P{found['priority']}  {found['money_fen'] / 100:>15,.2f}  "
        f"{found['scenario']:18}  {found['queue']:10}  {found['assignee'] or '-':12}  v{found['version']}  {due}"
    )


def register_acts(group: typer.Typer) -> None:
    """Add the commands of a case's way and contents."""
    for name, word, help_text in (
        ("take", "take", "Take a case. 领取案件。"),
        ("start", "start", "Begin, or go on after it was returned. 开始或继续处理。"),
        ("withdraw", "withdraw", "Take back what you submitted. 撤回提交。"),
        ("unlock", "unlock", "Take your lock off. 解锁。"),
    ):
        group.command(name, help=help_text)(_plain(word))
    for name, word, help_text in (
        ("unassign", "unassign", "Put a case back into its queue. 退回队列。"),
        ("return", "return", "Send a submitted case back, as a second person. 复核退回。"),
        ("ask-reopen", "ask-reopen", "Ask for a closed case to be opened again. 申请重开。"),
        ("escalate", "escalate", "Hand a case to a higher level. 升级。"),
    ):
        group.command(name, help=help_text)(_with_reason(word))
    for command in (assign, lock, submit, approve, decide_reopen, note, tag, link, follow_up, followed_up, attach):
        group.command(command.__name__.replace("_", "-"))(command)


def _plain(word: str) -> Any:
    def command(case: CaseId, url: DeskUrl = URL_DEFAULT) -> None:
        act(case, word, url)

    return command


def _with_reason(word: str) -> Any:
    def command(case: CaseId, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
        act(case, word, url, reason=reason)

    return command


def assign(
    case: CaseId,
    to: Annotated[str, typer.Option(help="Who gets it. 指派给何人。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Give a case to a person. 指派案件。"""
    act(case, "assign", url, to=to)


def lock(
    case: CaseId,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="For how long. 分钟数。")] = 15,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Keep others from changing your case for a while. 锁定。"""
    act(case, "lock", url, minutes=minutes)


def submit(
    case: CaseId,
    wish: Annotated[str, typer.Option(help="close or report. 办结（close）或上报（report）。", show_default=False)],
    reason: Reason,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Ask for a case to be closed or reported; another person decides. 提交办结或上报，由他人复核。"""
    act(case, "submit", url, wish=wish, reason=reason)


def approve(case: CaseId, version: Version, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Agree, as a second person, to what a case is submitted for. 复核同意。"""
    act(case, "approve", url, version=version, reason=reason)


def decide_reopen(case: CaseId, agreed: Agreed, version: Version, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Decide, as a second person, on opening a case again. 复核重开。"""
    act(case, "decide-reopen", url, agreed=agreed, version=version, reason=reason)


def note(
    case: CaseId,
    text: Annotated[str, typer.Option(prompt=True, help="The note; asked for. 备注（交互输入）。")],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Write a note; asked for, so that it does not stay in the shell's history. 添加备注。"""
    act(case, "note", url, text=text)


def tag(
    case: CaseId,
    word: Annotated[str, typer.Argument(help="The tag. 标签。", show_default=False)],
    off: Annotated[bool, typer.Option("--off", help="Take it off. 去除。")] = False,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Put a tag on a case. 添加或去除标签。"""
    act(case, "tag", url, tag=word, on=not off)


def link(
    case: CaseId,
    other: Annotated[str, typer.Argument(help="The other case. 另一案件。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Say that two cases have to do with each other. 关联案件。"""
    act(case, "link", url, other=other)


def follow_up(
    case: CaseId,
    at: Annotated[datetime, typer.Option(help="When, local time. 跟进时间（本地）。", show_default=False)],
    text: Annotated[str, typer.Option(prompt=True, help="What for; asked for. 事项（交互输入）。")],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Set a date to come back to a case. 设定跟进日期。"""
    act(case, "follow-up", url, due_ms=int(at.timestamp() * 1_000), text=text)


def followed_up(
    case: CaseId,
    entry: Annotated[int, typer.Option(help="An entry of its diary. 跟进事项编号。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Be done with such a date. 完成跟进。"""
    act(case, "followed-up", url, entry=entry)


def attach(
    case: CaseId,
    file: Annotated[Path, typer.Argument(help="The file. 证据文件。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Keep a file with a case: PDF, PNG, JPEG, MP3, WAV, MP4 or text. 上传证据。"""
    try:
        content = file.read_bytes()
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}. 无法读取文件。", err=True)
        raise typer.Exit(1) from None
    body = {"case": case, "name": file.name, "content_base64": base64.b64encode(content).decode()}
    print_case(ask("POST", url, "/v1/cases:evidence", body))
