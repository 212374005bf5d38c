"""`tarim names import`, `approve`, `register`, `rescreen`, `matches`, `clear`, ...: name screening of a running service.

The person is the one the API key in TARIM_KEY is named after; what needs two persons needs two keys.  Names of customers come
from files or standard input, never from the command line.
"""

from __future__ import annotations

import base64
import csv
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._client import URL_DEFAULT, Reason, Url, ask, quoted
from tarim.cli._names_work import compare_command, helper_command, prepare_command, screen_all_command
from tarim.cli._proposals import approval, rejection, tell_decided, tell_proposed

_List = Annotated[
    str, typer.Option("--list", help="Name of the watch list, for example ofac. 名单名称。", show_default=False)
]
_Id = Annotated[str, typer.Argument(help="The proposal's id. 提案编号。", show_default=False)]
_File = Annotated[
    Path,
    typer.Argument(help="sdn.csv (alt.csv, add.csv beside it), UN XML, or own*.csv. 名单文件。", show_default=False),
]
_At = Annotated[str, typer.Option(help="A day or an RFC 3339 instant; now if not given. 时点，默认当前。")]
_Token = Annotated[str, typer.Argument(help="Token, as matches shows it. 令牌，见 matches。", show_default=False)]
_Entry = Annotated[str, typer.Argument(help="The entry's id. 名单条目编号。", show_default=False)]
_Party = Annotated[str, typer.Option(help="customer or payee. 客户或收款人。")]
_PAGE = 200
_REGISTER_ROWS = 500
_WATCH_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the group `names`."""
    group = typer.Typer(no_args_is_help=True, help="Name screening: watch lists, customers, matches. 姓名筛查。")
    group.command("import")(import_command)
    group.command("list")(list_command)
    group.command("diff")(diff_command)
    group.command("proposals")(proposals_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("withdraw")(withdraw_command)
    group.command("register")(register_command)
    group.command("check")(check_command)
    group.command("rescreen")(rescreen_command)
    group.command("screening")(screening_command)
    group.command("cancel")(cancel_command)
    group.command("matches")(matches_command)
    group.command("confirm")(confirm_command)
    group.command("clear")(clear_command)
    group.command("good-guys")(good_guys_command)
    group.command("end")(end_command)
    group.command("helper", hidden=True)(helper_command)
    group.command("prepare", hidden=True)(prepare_command)
    group.command("compare", hidden=True)(compare_command)
    group.command("screen-all", hidden=True)(screen_all_command)
    app.add_typer(group, name="names")


# ---- watch lists -----------------------------------------------------------------------------------------------------


def import_command(file: _File, list_name: _List, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Propose an edition of a watch list; another person approves it. 提交名单新版本，由他人审批后生效。"""
    found = _sent(url, file, list_name, reason, propose=True)
    _show_diff(found["diff"])
    tell_proposed(found["proposal"])


def diff_command(
    what: Annotated[str, typer.Argument(help="A proposal's id, or a file. 提案编号或名单文件。", show_default=False)],
    list_name: Annotated[str, typer.Option("--list", help="With a file: the list to compare with. 名单名称。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """What a proposal or a file would change in the edition in force. 与生效版本的差异。"""
    if list_name:
        found = _sent(url, Path(what), list_name, "diff", propose=False)
        _show_diff(found["diff"])
    else:
        _show_proposal(url, what)


def list_command(
    name: Annotated[str, typer.Argument(help="One list, with its editions. 单个名单及其版本。")] = "",
    at: _At = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Watch lists in force, now or at an instant. 生效的监控名单。"""
    if name:
        editions = ask("GET", url, f"/v1/name-lists/{quoted(name)}")["editions"]
    else:
        found = ask("GET", url, "/v1/name-lists", None, **({"at": at} if at else {}))
        editions = found["lists"]
        state = "due 待筛查" if found["behind"] else "up to date 已筛查"
        typer.echo(f"{found['customers']:,} customers registered 已登记客户; screening 筛查: {state}")
    for each in editions:
        people = f"{each['author']} / {each['approver']}"
        counts = f"+{each['added']:,} ~{each['changed']:,} -{each['removed']:,}"
        typer.echo(
            f"{each['list_name']:16}  {each['at']}  {each['entries']:>9,}  {counts:24}  {people:24}  "
            f"{each['digest'][:16]}  {each['reason']}"
        )


# ---- proposals -------------------------------------------------------------------------------------------------------


def proposals_command(url: Url = URL_DEFAULT) -> None:
    """Editions and good guys that wait for another person. 待审批事项。"""
    found = ask("GET", url, "/v1/name-proposals")["proposals"]
    for each in found:
        proposal = each["proposal"]
        typer.echo(
            f"{proposal['id']}  {proposal['what']:10}  {proposal['author']:16}  {_about(each)}  {proposal['reason']}"
        )
    typer.echo(f"{len(found)} proposals. 共 {len(found)} 项。")


def approve_command(
    proposal_id: _Id,
    digest: Annotated[str, typer.Option(help="Of what you looked at; asked for if not given. 所审内容的摘要。")] = "",
    note: Annotated[str, typer.Option(help="A note, kept with it. 审批意见。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Approve another person's edition or good guy. 审批通过他人的提案。"""
    if not digest:
        digest = _show_proposal(url, proposal_id)
        typer.confirm("Approve exactly this? 确认审批通过该内容？", abort=True)
    tell_decided(ask("POST", url, f"/v1/proposals/{quoted(proposal_id)}", approval(digest, note)))


def reject_command(
    proposal_id: _Id,
    note: Annotated[str, typer.Option(help="Why. 驳回理由。", show_default=False)],
    url: Url = URL_DEFAULT,
) -> None:
    """Reject another person's edition or good guy. 驳回他人的提案。"""
    tell_decided(ask("POST", url, f"/v1/proposals/{quoted(proposal_id)}", rejection(note)))


def withdraw_command(proposal_id: _Id, url: Url = URL_DEFAULT) -> None:
    """Withdraw your own proposal. 撤回自己的提案。"""
    tell_decided(ask("DELETE", url, f"/v1/proposals/{quoted(proposal_id)}"))


# ---- customers -------------------------------------------------------------------------------------------------------


def register_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with the header customer,name,birth,countries (the last two optional). 客户姓名文件。"
        ),
    ],
    url: Url = URL_DEFAULT,
) -> None:
    """Register customers' names, new or changed; what stands is left alone. 登记客户姓名。"""
    counts = {"fresh": 0, "changed": 0, "unchanged": 0}
    rows = _register_rows(file)
    while part := list(islice(rows, _REGISTER_ROWS)):
        found = ask("POST", url, "/v1/names:register", {"customers": part})
        counts = {name: counts[name] + found[name] for name in counts}
    typer.echo(
        f"new 新增 {counts['fresh']:,}, changed 变更 {counts['changed']:,}, unchanged 不变 {counts['unchanged']:,}"
    )


def check_command(
    birth: Annotated[str, typer.Option(help="1970, 1970-05 or 1970-05-21. 出生日期。")] = "",
    country: Annotated[list[str] | None, typer.Option(help="Code of two letters. 国家或地区代码。")] = None,
    at: _At = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON. 以 JSON 输出。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """Screen a name, read from standard input, against the lists in force. 按生效名单筛查一个姓名（从标准输入读取）。

    Status 0: no match. Status 1: at least one match.
    """
    name = sys.stdin.readline(4096).strip()
    body = {"name": name, "birth": birth, "countries": [code.upper() for code in country or ()], "at": at}
    found = ask("POST", url, "/v1/names:screen", body)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        for match in found["matches"]:
            typer.echo(
                f"{match['score']:.2f}  {match['list']}  {match['entry']}  {match['name']}  [{match['programme']}]"
            )
            for sentence in match["explanation"]:
                typer.echo(f"      {sentence['zh']}\n      {sentence['en']}")
        typer.echo(f"{len(found['matches'])} matches. 共 {len(found['matches'])} 条匹配。")
    if found["matches"]:
        raise typer.Exit(1)


def rescreen_command(
    full: Annotated[bool, typer.Option("--full", help="Everybody against everything. 全量筛查。")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end. 等待完成。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """Screen all customers now; a change of a list does it by itself. 立即筛查全部客户。

    With --wait: status 1 when it failed or was broken off.
    """
    job = ask("POST", url, "/v1/name-screenings", {"full": full})
    typer.echo(f"screening {job['id']}. 筛查任务 {job['id']}。")
    while wait and job["state"] == "running":
        time.sleep(_WATCH_S)
        job = ask("GET", url, f"/v1/name-screenings/{job['id']}")
    if wait:
        _show_screening(job)
        if job["state"] != "done":
            raise typer.Exit(1)


def screening_command(
    screening: Annotated[
        str, typer.Argument(help="An id, or the digest of a kept result; all if not given. 编号或摘要。")
    ] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Screenings of all customers, and what they found. 筛查任务与结果。"""
    if screening:
        job = ask("GET", url, f"/v1/name-screenings/{quoted(screening)}")
        _show_screening(job)
        for each in job["found"]:
            typer.echo(f"  {each['score']:>3}  {each['token']}  {each['list_name']}  {each['entry']}")
    else:
        for job in ask("GET", url, "/v1/name-screenings")["screenings"]:
            _show_screening(job)


def cancel_command(
    screening: Annotated[str, typer.Argument(help="The screening's id. 任务编号。", show_default=False)],
    url: Url = URL_DEFAULT,
) -> None:
    """Break a screening off; none starts by itself until something changes again. 中止筛查。"""
    _show_screening(ask("DELETE", url, f"/v1/name-screenings/{quoted(screening)}"))


# ---- matches ---------------------------------------------------------------------------------------------------------


def matches_command(
    standing: Annotated[str, typer.Option(help="open, confirmed, cleared or all. 状态。")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="How many. 显示条数。")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Behind so many. 起始位置。")] = 0,
    at: _At = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Customers and payees that match a listed party, highest score first. 匹配结果，按得分排序。"""
    query = {"standing": standing, "limit": str(limit), "offset": str(offset)} | ({"at": at} if at else {})
    found = ask("GET", url, "/v1/name-matches", None, **query)
    for each in found["matches"]:
        typer.echo(
            f"{each['score']:>3}  {each['party']:8}  {each['token']}  {each['masked']:12}  {each['list_name']:10}  "
            f"{each['entry']:14}  {each['standing']:9}  {each['entry_digest']}  {each['listed']}"
        )
    typer.echo(f"{found['count']} matches. 共 {found['count']} 条。")


def confirm_command(
    token: _Token,
    entry: _Entry,
    list_name: _List,
    reason: Reason,
    party: _Party = "customer",
    url: Url = URL_DEFAULT,
) -> None:
    """A match is true; it keeps counting. 确认匹配成立。"""
    found = ask("POST", url, "/v1/name-matches:confirm", _match(party, token, list_name, entry, reason))
    typer.echo(f"{found['entry']}: {found['standing']}. 状态：{found['standing']}。")


def clear_command(
    token: _Token,
    entry: _Entry,
    list_name: _List,
    entry_digest: Annotated[str, typer.Option(help="As matches shows it. 条目摘要，见 matches。", show_default=False)],
    until: Annotated[str, typer.Option(help="The match counts again from this day. 失效日期。", show_default=False)],
    reason: Reason,
    party: _Party = "customer",
    url: Url = URL_DEFAULT,
) -> None:
    """Propose that a match is false (a good guy); another person approves it. 提交排除匹配，由他人审批后生效。"""
    body = _match(party, token, list_name, entry, reason) | {"entry_digest": entry_digest, "until": until}
    tell_proposed(ask("POST", url, "/v1/name-matches:clear", body))


def good_guys_command(at: _At = "", url: Url = URL_DEFAULT) -> None:
    """Matches that two persons found to be false, now or at an instant. 已排除的匹配。"""
    found = ask("GET", url, "/v1/good-guys", None, **({"at": at} if at else {}))["good_guys"]
    for each in found:
        people = f"{each['author']} / {each['approver']}"
        typer.echo(
            f"{each['party']:8}  {each['token']}  {each['list_name']:10}  {each['entry']:14}  {each['until']}  "
            f"{people:24}  {each['reason']}"
        )
    typer.echo(f"{len(found)} good guys. 共 {len(found)} 项。")


def end_command(
    token: _Token,
    entry: _Entry,
    list_name: _List,
    reason: Reason,
    party: _Party = "customer",
    url: Url = URL_DEFAULT,
) -> None:
    """End a good guy: the match counts again; one person may. 恢复匹配（一人即可）。"""
    found = ask("POST", url, "/v1/good-guys:end", _match(party, token, list_name, entry, reason))
    typer.echo(f"{found['entry']}: counts again from {found['until']}. 自 {found['until']} 起恢复匹配。")


# ---- inside ----------------------------------------------------------------------------------------------------------


def _sent(url: str, file: Path, list_name: str, reason: str, *, propose: bool) -> dict[str, Any]:
    name = file.name.lower()
    parts = {"sdn.csv": ("sdn.csv", "alt.csv", "add.csv")}.get(name, (file.name,))
    called = "consolidated.xml" if name.endswith(".xml") else "own.csv" if name.startswith("own") else ""
    files = {}
    for part in parts:
        path = file.with_name(part)
        try:
            files[called or part] = base64.b64encode(path.read_bytes()).decode()
        except OSError as error:
            typer.echo(f"{path} cannot be read: {error.strerror}. 无法读取文件。", err=True)
            raise typer.Exit(1) from None
    body = {"list_name": list_name, "files": files, "reason": reason, "propose": propose}
    answer: dict[str, Any] = ask("POST", url, "/v1/name-lists:import", body)
    return answer


def _register_rows(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            given = set(reader.fieldnames or ())
            if not {"customer", "name"} <= given <= {"customer", "name", "birth", "countries"}:
                typer.echo(
                    "the first line must be customer,name,birth,countries. 首行须为 customer,name,birth,countries。",
                    err=True,
                )
                raise typer.Exit(1)
            for row in reader:
                countries = [code.strip().upper() for code in (row.get("countries") or "").split(";") if code.strip()]
                yield {
                    "customer": row["customer"] or "",
                    "name": row["name"] or "",
                    "birth": row.get("birth") or "",
                    "countries": countries,
                }
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}. 无法读取文件。", err=True)
        raise typer.Exit(1) from None
    except UnicodeDecodeError:
        typer.echo(f"{file} is not UTF-8. 文件不是 UTF-8 编码。", err=True)
        raise typer.Exit(1) from None


def _match(party: str, token: str, list_name: str, entry: str, reason: str) -> dict[str, str]:
    return {"party": party, "token": token, "list_name": list_name, "entry": entry, "reason": reason}


def _about(shown: dict[str, Any]) -> str:
    edition, good_guy = shown["edition"], shown["good_guy"]
    if edition is not None:
        return f"{edition['list_name']}: {edition['entries']:,} entries 条目"
    quiet = good_guy["good_guy"]
    return f"{quiet['party']} {quiet['token']} is not 不是 {quiet['entry']} {good_guy['listed']} ({good_guy['score']})"


def _show_proposal(url: str, proposal_id: str) -> str:
    """Print what a proposal would do; its digest."""
    shown = ask("GET", url, f"/v1/name-proposals/{quoted(proposal_id)}")
    proposal = shown["proposal"]
    typer.echo(f"{proposal['author']}, {proposal['proposed_at']}: {proposal['reason']}")
    typer.echo(_about(shown))
    digest: str = proposal["digest"]
    typer.echo(f"digest 摘要 {digest}")
    if shown["diff"] is not None:
        _show_diff(shown["diff"])
    return digest


def _show_diff(diff: dict[str, Any]) -> None:
    words = (("added", "新增"), ("changed", "变更"), ("removed", "移除"))
    typer.echo(
        f"{diff['entries']:,} entries 条目: " + ", ".join(f"{word} {chinese} {diff[word]:,}" for word, chinese in words)
    )
    for word, _ in words:
        for each in diff[f"{word}_examples"]:
            typer.echo(f"  {word:8}  {each['id']:14}  {each['kind']:8}  {each['name']}  [{each['programme']}]")


def _show_screening(job: dict[str, Any]) -> None:
    name = job["id"] or job["digest"]
    typer.echo(
        f"{name}  {job['state']:9}  {job['done']:,}/{job['of']:,}  matches 匹配 {job['found_count']:,}  "
        f"{job['digest']}  {job['detail']}"
    )
