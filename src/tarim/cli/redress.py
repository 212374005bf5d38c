"""`tarim redress ...`: losses, complaints, disputes, requests of authorities, legal holds, funds, duty rosters."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from tarim.cli._client import Reason, ask, ask_openly, quoted
from tarim.cli._redress_values import body_of, described

DESK_URL_DEFAULT: Final = "http://127.0.0.1:8090"
_Url = Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
_Id = Annotated[str, typer.Argument(help="The file's id. 档案编号。", show_default=False)]
_KindName = Annotated[
    str,
    typer.Argument(
        help="complaint, loss, dispute, request, hold, erasure, fund or roster. 档案类型。",
        show_default=False,
        metavar="KIND",
    ),
]
_Values = Annotated[
    list[str] | None, typer.Argument(help="NAME=VALUE; @file and - read the value. 字段=值。", show_default=False)
]
_Period = Annotated[str, typer.Argument(help="A half year like 2026H1. 半年期。", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the group `redress`."""
    group = typer.Typer(no_args_is_help=True, help="Losses, complaints, disputes, requests. 损失、投诉、争议与协查。")
    group.command("kinds")(kinds_command)
    group.command("open")(open_command)
    group.command("list")(list_command)
    group.command("find")(find_command)
    group.command("show")(show_command)
    group.command("do")(do_command)
    group.command("reveal")(reveal_command)
    group.command("attach")(attach_command)
    group.command("link-decision")(link_command)
    group.command("incomplete")(incomplete_command)
    group.command("lapsed")(lapsed_command)
    group.command("package")(package_command)
    group.command("open-package")(open_package_command)
    group.command("statistics")(statistics_command)
    group.command("sign")(sign_command)
    group.command("channels")(channels_command)
    group.command("clocks")(clocks_command)
    app.add_typer(group, name="redress")


def kinds_command(kind: Annotated[str, typer.Argument(help="Only this kind. 仅此类型。")] = "") -> None:
    """Print kinds of files, their events, and what each takes; * takes a second person. 列出档案类型与事项。"""
    from tarim.redress import KINDS, PLURALS

    for name in PLURALS:
        if kind in ("", name):
            typer.echo(f"{name}: {described(KINDS[name].opening)}")
            for tag, event in KINDS[name].events.items():
                if not event.inner:
                    typer.echo(
                        f"    {tag}{'*' if event.second else ''} {described(event)}  ({KINDS[name].scope_of(event).value})"
                    )


def open_command(
    kind: _KindName,
    values: _Values = None,
    of_customer: Annotated[bool, typer.Option("--of-customer", help="Ask for the customer. 询问客户号。")] = False,
    branch: Annotated[str, typer.Option(help="Whose it is; head-office if not said. 机构。")] = "",
    department: Annotated[str, typer.Option(help="As routed if not said. 部门。")] = "",
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Open a file; prints its id, of a complaint the tracking id. 建立档案并打印编号。"""
    from tarim.redress import KINDS

    customer = typer.prompt("customer 客户号", hide_input=True) if of_customer else ""
    body = {
        "file": body_of(KINDS[_known(kind)].opening, values or []),
        "customer": customer,
        "branch": branch,
        "department": department,
    }
    typer.echo(ask("POST", url, f"/v1/{_plural(kind)}", body)["id"])


def list_command(
    kind: _KindName,
    state: Annotated[str, typer.Option(help="Only in this state. 状态。")] = "",
    owner: Annotated[str, typer.Option(help="Only this person's. 经办人。")] = "",
    department: Annotated[str, typer.Option(help="Only this department's. 部门。")] = "",
    standing: Annotated[str, typer.Option(help="A clock stands so: warned, overdue, ... 时限状态。")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for a second person. 待复核。")] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Closed ones too. 含已办结。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """List files, the one that came first first. 列出档案，先到者在前。"""
    wanted = {
        "state": state,
        "owner": owner,
        "department": department,
        "standing": standing,
        "waiting": "true" if waiting else "",
        "ended": "true" if ended else "",
        "limit": str(limit),
    }
    query = urlencode({name: value for name, value in wanted.items() if value})
    _lines(ask("GET", url, f"/v1/{_plural(kind)}?{query}")["files"])


def find_command(kind: _KindName, url: _Url = DESK_URL_DEFAULT) -> None:
    """List the files of a customer, who is asked for. 查询某客户的档案（交互输入客户号）。"""
    customer = typer.prompt("customer 客户号", hide_input=True)
    _lines(ask("POST", url, f"/v1/{_plural(kind)}:find", {"customer": customer})["files"])


def show_command(file: _Id, url: _Url = DESK_URL_DEFAULT) -> None:
    """Show a file with its clocks and history, texts masked. 显示档案、时限与经过（文字遮蔽）。"""
    _print(ask("GET", url, _path(file)))


def do_command(
    file: _Id,
    event: Annotated[str, typer.Argument(help="See tarim redress kinds. 事项。", show_default=False)],
    values: _Values = None,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Bring an event about; what takes two persons waits for approve with its digest. 办理事项；需双人者等待复核。"""
    from tarim.redress import kind_of

    known = kind_of(file).events
    if event not in known or known[event].inner:
        offered = ", ".join(tag for tag in known if not known[tag].inner)
        typer.echo(f"there is no event {event}; there are {offered}. 无此事项。", err=True)
        raise typer.Exit(1)
    _print(ask("POST", url, f"{_path(file)}/events", body_of(known[event], values or [])))


def reveal_command(file: _Id, reason: Reason, url: _Url = DESK_URL_DEFAULT) -> None:
    """Print a file's texts in full; it is audited. 显示档案全文（留痕）。"""
    for each in ask("POST", url, f"{_path(file)}/texts", {"reason": reason})["texts"]:
        typer.echo(f"{each['where']}: {each['text']}")


def attach_command(
    file: _Id,
    document: Annotated[Path, typer.Argument(help="The document. 文件。", show_default=False)],
    title: Annotated[str, typer.Option(help="What it is. 标题。", show_default=False)],
    media_type: Annotated[str, typer.Option(help="Its type. 类型。")] = "application/pdf",
    authority: Annotated[bool, typer.Option("--authority", help="It is the authority's own. 办案机关文书。")] = False,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Keep a document with a file, encrypted; prints its SHA-256. 加密保存附件并打印摘要。"""
    content = base64.b64encode(_bytes(document)).decode()
    body = {"title": title, "media_type": media_type, "content": content, "authority": authority}
    typer.echo(ask("POST", url, f"{_path(file)}/documents", body)["digest"])


def link_command(
    file: _Id,
    source: Annotated[str, typer.Argument(help="The system that sent the event. 来源系统。", show_default=False)],
    event_id: Annotated[str, typer.Argument(help="Its id there. 事件编号。", show_default=False)],
    seq: Annotated[int, typer.Argument(help="The decision's position. 决策日志位置。", show_default=False)],
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Name the decision a loss goes back to; its versions are read from the journal. 关联损失对应的决策及版本。"""
    _print(ask("POST", url, f"{_path(file)}/decision", {"source": source, "event_id": event_id, "seq": seq}))


def incomplete_command(url: _Url = DESK_URL_DEFAULT) -> None:
    """List losses whose files lack parts. 列出要件不全的损失档案。"""
    for each in ask("GET", url, "/v1/incomplete-losses")["losses"]:
        typer.echo(f"{each['id']:20} {each['state']:10} {each['owner']:20} {', '.join(each['missing'])}")


def lapsed_command(url: _Url = DESK_URL_DEFAULT) -> None:
    """List losses whose rule of prevention is not in force any more. 列出防范规则已失效的损失档案。"""
    for each in ask("GET", url, "/v1/lapsed-containments")["rules"]:
        typer.echo(f"{each['id']:20} {each['state']:10} {each['owner']:20} {each['rule']:32} {each['since_at']}")


def package_command(
    file: _Id,
    output: Annotated[Path, typer.Argument(help="Where to write it. 输出文件。", show_default=False)],
    recipient: Annotated[str, typer.Option(help="Who gets it. 接收人。", show_default=False)],
    certificate: Annotated[Path | None, typer.Option(help="Seal it for this certificate (PEM). 接收方证书。")] = None,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Seal what two persons approved for an authority; without a certificate, with a passphrase. 封装并加密协查材料。"""
    pem = _bytes(certificate).decode("ascii", "replace") if certificate else ""
    passphrase = "" if pem else typer.prompt("passphrase 口令", hide_input=True, confirmation_prompt=True)
    body = {"recipient": recipient, "certificate": pem, "passphrase": passphrase}
    package = ask("POST", url, f"{_path(file)}/packages", body)
    _write(output, base64.b64decode(package["content"]))
    typer.echo(f"{output}: SHA-256 {package['digest']}, manifest {package['manifest']}")


def open_package_command(
    package: Annotated[Path, typer.Argument(help="The sealed package. 加密包。", show_default=False)],
    output: Annotated[Path, typer.Argument(help="Where to write the ZIP archive. 输出文件。", show_default=False)],
) -> None:
    """Open a package that was sealed with a passphrase, without a desk. 用口令解开加密包。"""
    from tarim.redress import opened_package

    sealed = _bytes(package)
    _write(output, opened_package(sealed, typer.prompt("passphrase 口令", hide_input=True)))


def statistics_command(
    period: _Period,
    pdf: Annotated[Path | None, typer.Option(help="Write them as PDF instead. 写入 PDF 文件。")] = None,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Print the draft of a half year's statistics of complaints. 打印投诉半年统计草稿。"""
    if pdf is not None:
        document = ask("GET", url, f"/v1/complaint-statistics/{quoted(period)}/document")
        _write(pdf, base64.b64decode(document["content"]))
        typer.echo(f"{pdf}: SHA-256 {document['digest']}")
        return
    found = ask("GET", url, f"/v1/complaint-statistics/{quoted(period)}")
    typer.echo(found["draft"])
    typer.echo(f"digest {found['digest']}")
    typer.echo(f"due {found['clock']['due_at']}  signed by {found['signed_by'] or '-'}")


def sign_command(
    period: _Period,
    digest: Annotated[str, typer.Argument(help="Of the draft that was read. 草稿摘要。", show_default=False)],
    findings: Annotated[Path, typer.Option(help="Problems found, what will be done. 问题与改进。", show_default=False)],
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Sign a half year's statistics. 签署投诉半年统计。"""
    body = {"digest": digest, "text": _bytes(findings).decode("utf-8", "replace")}
    typer.echo(ask("POST", url, f"/v1/complaint-statistics/{quoted(period)}/signature", body)["id"])


def channels_command(url: _Url = DESK_URL_DEFAULT) -> None:
    """Print how customers can complain, to the bank and beyond it. 打印投诉渠道公示。"""
    found = ask_openly("GET", url, "/v1/complaint-channels")
    for each in found.pop("channels"):
        typer.echo(f"{each['channel']:16} {each['reached'] or '- (not stated yet 尚未公示)'}")
    for name, value in found.items():
        typer.echo(f"{name:22} {value or '- (not stated yet 尚未公示)'}")


def clocks_command(url: _Url = DESK_URL_DEFAULT) -> None:
    """Print kinds of clocks, and the years whose holidays are known. 打印时限种类与节假日年份。"""
    found = ask("GET", url, "/v1/clock-kinds")
    for each in found["clocks"]:
        typer.echo(f"{each['kind']:22} {each['length']:>4} {each['unit']:14} {each['title_zh']}  {each['source']}")
    for year, source in found["years"].items():
        typer.echo(f"{year}  {source}")
    if found["warning"]:
        typer.echo(found["warning"], err=True)


def _known(kind: str) -> str:
    from tarim.redress import PLURALS

    if kind not in PLURALS:
        typer.echo(f"there is no kind {kind}; there are {', '.join(PLURALS)}. 无此类型。", err=True)
        raise typer.Exit(1)
    return kind


def _plural(kind: str) -> str:
    from tarim.redress import PLURALS

    return PLURALS[_known(kind)]


def _path(file: str) -> str:
    from tarim.redress import PLURALS, kind_of

    name = kind_of(file).name
    return f"/v1/{PLURALS.get(name, name)}/{quoted(file)}"


def _lines(files: list[dict[str, Any]]) -> None:
    for each in files:
        clocks = "  ".join(f"{clock['kind']} {clock['standing']} {clock['due_at']}" for clock in each["clocks"])
        waits = "  waits for a second person" if each["waits_for_second"] else ""
        typer.echo(f"{each['id']:20} {each['state']:14} {each['department']:16} {each['owner']:16} {clocks}{waits}")


def _print(found: dict[str, Any]) -> None:
    for name, value in found.items():
        if isinstance(value, list):
            for each in value:
                typer.echo(
                    f"{name:12} " + ("  ".join(map(str, each.values())) if isinstance(each, dict) else str(each))
                )
        elif isinstance(value, dict):
            for inner, each in value.items():
                if each not in ("", None, [], 0):
                    typer.echo(f"{name:12} {inner}: {each}")
        elif value != "":
            typer.echo(f"{name:12} {value}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        typer.echo(f"{path} cannot be read: {error.strerror}. 无法读取文件。", err=True)
        raise typer.Exit(1) from None


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        typer.echo(f"{path} cannot be written: {error.strerror}. 无法写入文件。", err=True)
        raise typer.Exit(1) from None
