"""`tarim lists create`, `import`, `diff`, `propose`, `approve`, `show`, `as-at`, ...: the lists of a running service.

The person is the one the API key in TARIM_KEY is named after; what needs two persons needs two keys.
"""

from __future__ import annotations

import base64
import csv
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._client import URL_DEFAULT, Reason, Url, ask, quoted
from tarim.cli._proposals import approval, rejection, tell_decided, tell_proposed

_Name = Annotated[str, typer.Argument(help="The list's name. 名单名称。", show_default=False)]
_Id = Annotated[str, typer.Argument(help="The proposal's id. 提案编号。", show_default=False)]
_File = Annotated[Path, typer.Argument(help="CSV or Excel (.xlsx). CSV 或 Excel 文件。", show_default=False)]
_Source = Annotated[str, typer.Option(help="Who says so; it is kept. 信息来源（将留存）。", show_default=False)]
_Customer = Annotated[str, typer.Option(help="Whose entry, on customers' own lists. 所属客户号（客户专属名单）。")]
_At = Annotated[str, typer.Option(help="A day or an RFC 3339 instant; now if not given. 时点，默认当前。")]
_Replace = Annotated[
    bool, typer.Option("--replace", help="Remove entries the file does not name. 移除文件中没有的条目。")
]
_PAGE = 10_000
_COLUMNS = (
    "token",
    "customer_token",
    "masked",
    "source",
    "reason",
    "valid_from",
    "valid_to",
    "added_by",
    "approved_by",
    "added_at",
)


def register(app: typer.Typer) -> None:
    """Add the group `lists`."""
    group = typer.Typer(no_args_is_help=True, help="Black, white, grey and trusted lists. 黑、白、灰名单与可信名单。")
    group.command("create")(create_command)
    group.command("import")(import_command)
    group.command("diff")(diff_command)
    group.command("propose")(propose_command)
    group.command("proposals")(proposals_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("withdraw")(withdraw_command)
    group.command("show")(show_command)
    group.command("as-at")(as_at_command)
    group.command("export")(export_command)
    group.command("hits")(hits_command)
    group.command("read", hidden=True)(read_command)
    group.command("settle", hidden=True)(settle_command)
    app.add_typer(group, name="lists")


def create_command(
    name: _Name,
    kind: Annotated[
        str,
        typer.Option(
            help="black, white, grey, trusted_payees, trusted_devices, payee_roster or suspect_addresses. 名单类型。",
            show_default=False,
        ),
    ],
    reason: Reason,
    field: Annotated[
        str, typer.Option(help="customer, account, payee_account, device_id, ip or merchant_id. 名单所列字段。")
    ] = "",
    per_customer: Annotated[bool, typer.Option("--per-customer", help="Customers' own entries. 客户专属。")] = False,
    title_zh: Annotated[str, typer.Option(help="Title in Chinese. 中文名称。")] = "",
    title_en: Annotated[str, typer.Option(help="Title in English. 英文名称。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Propose a new list; it is there when another person approves it. 提交新建名单，由他人审批后生效。"""
    body: dict[str, Any] = {"name": name, "kind": kind, "reason": reason, "field": field}
    body |= {"title_zh": title_zh, "title_en": title_en} | ({"per_customer": True} if per_customer else {})
    tell_proposed(ask("POST", url, "/v1/lists", body))


def import_command(
    name: _Name, file: _File, source: _Source, reason: Reason, replace: _Replace = False, url: Url = URL_DEFAULT
) -> None:
    """Propose a file of entries; nothing is taken when a row is refused. 提交名单文件；任一行不合规则整体不受理。

    Status 1: rows are refused, each with its row, column and rule.
    """
    found = _sent(url, name, file, source, reason, replace=replace, propose=False)
    _show_preview(found["preview"])
    if found["preview"]["refused"]:
        raise typer.Exit(1)
    tell_proposed(_sent(url, name, file, source, reason, replace=replace, propose=True)["proposal"])


def diff_command(
    what: Annotated[
        str, typer.Argument(help="A list's name, or a proposal's id. 名单名称或提案编号。", show_default=False)
    ],
    file: Annotated[
        Path | None, typer.Argument(help="CSV or Excel (.xlsx); for a list. 名单文件。", show_default=False)
    ] = None,
    source: Annotated[str, typer.Option(help="Stands in where the file names none. 缺省来源。")] = "import",
    reason: Annotated[str, typer.Option(help="Stands in where the file names none. 缺省原因。")] = "import",
    replace: _Replace = False,
    url: Url = URL_DEFAULT,
) -> None:
    """What a file would do to a list, or what a proposal would do now. 文件或提案对名单的影响。

    Status 1: rows are refused.
    """
    if file is not None:
        preview = _sent(url, what, file, source, reason, replace=replace, propose=False)["preview"]
        _show_preview(preview)
        if preview["refused"]:
            raise typer.Exit(1)
    else:
        _show_proposal(url, what)


def propose_command(
    name: _Name,
    source: _Source,
    reason: Reason,
    add: Annotated[
        list[str] | None, typer.Option(help="A value to add or change; may be repeated. 新增或变更。")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A value to remove; may be repeated. 移除。")] = None,
    customer: _Customer = "",
    valid_from: Annotated[str, typer.Option(help="A day or an instant. 生效时间。")] = "",
    valid_to: Annotated[str, typer.Option(help="A day or an instant; expires then. 失效时间。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Propose single entries: added, removed, or given another validity. 提交条目的新增、移除或有效期变更。"""
    own = {"customer": customer} if customer else {}
    period = {"valid_from": valid_from, "valid_to": valid_to}
    entries = [{"value": value, **own, **period} for value in add or []]
    entries += [{"value": value, "operation": "remove", **own} for value in remove or []]
    if not entries:
        typer.echo("say what to --add or to --remove. 请给出 --add 或 --remove。", err=True)
        raise typer.Exit(1)
    body = {"source": source, "reason": reason, "entries": entries}
    found = ask("POST", url, f"/v1/lists/{quoted(name)}/entries", body)
    _show_preview(found["preview"])
    tell_proposed(found["proposal"])


def proposals_command(
    everything: Annotated[bool, typer.Option("--all", help="Decided ones as well. 含已审结。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """Changes of lists that wait for a decision. 待审批的名单变更。"""
    found = ask("GET", url, "/v1/list-proposals", None, **({"all": "true"} if everything else {}))["proposals"]
    for each in found:
        typer.echo(
            f"{each['id']}  {each['state']:9}  {each['list_name']:24}  {each['entries']:>9,}  {each['author']:16}  "
            f"{each['proposed_at']}  {each['reason']}"
        )
    typer.echo(f"{len(found)} proposals. 共 {len(found)} 项。")


def approve_command(
    proposal_id: _Id,
    digest: Annotated[
        str, typer.Option(help="Digest of what you looked at; asked for when it is not given. 所审内容的摘要。")
    ] = "",
    note: Annotated[str, typer.Option(help="A note, kept with it. 审批意见。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Approve another person's change of a list. 审批通过他人的名单变更。"""
    if not digest:
        digest = _show_proposal(url, proposal_id)
        typer.confirm("Approve exactly this? 确认审批通过该内容？", abort=True)
    tell_decided(ask("POST", url, f"/v1/list-proposals/{quoted(proposal_id)}", approval(digest, note)))


def reject_command(
    proposal_id: _Id,
    note: Annotated[str, typer.Option(help="Why. 驳回理由。", show_default=False)],
    url: Url = URL_DEFAULT,
) -> None:
    """Reject another person's change of a list. 驳回他人的名单变更。"""
    tell_decided(ask("POST", url, f"/v1/list-proposals/{quoted(proposal_id)}", rejection(note)))


def withdraw_command(proposal_id: _Id, url: Url = URL_DEFAULT) -> None:
    """Withdraw your own change of a list. 撤回自己的名单变更。"""
    tell_decided(ask("DELETE", url, f"/v1/list-proposals/{quoted(proposal_id)}"))


def show_command(
    name: Annotated[str, typer.Argument(help="The list's name; all lists if not given. 名单名称。")] = "",
    at: _At = "",
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="Entries to show. 显示条数。")] = 20,
    url: Url = URL_DEFAULT,
) -> None:
    """The lists there are; or one with its changes and entries. 名单一览，或单个名单的变更与条目。"""
    if not name:
        for each in ask("GET", url, "/v1/lists")["lists"]:
            own = "per customer" if each["per_customer"] else ""
            typer.echo(f"{each['name']:24}  {each['kind']:18}  {each['field']:14}  {own:12}  {each['title_zh']}")
        return
    found = ask("GET", url, f"/v1/lists/{quoted(name)}")
    definition = found["definition"]
    typer.echo(
        f"{name}: {definition['kind']} of {definition['field']}, {definition['title_zh']} / {definition['title_en']}"
    )
    for change in found["changes"]:
        people = f"{change['author']} / {change['approver']}"
        typer.echo(f"  {change['at']}  {change['entries']:>9,} entries  {people:24}  {change['reason']}")
    page = ask("GET", url, f"/v1/lists/{quoted(name)}/entries", None, limit=str(limit), **({"at": at} if at else {}))
    for entry in page["entries"]:
        _show_entry(entry)
    if page["next"]:
        typer.echo("more: export them all. 余下条目请用 export 导出。")


def as_at_command(
    name: _Name,
    value: Annotated[str, typer.Argument(help="The identifier. 标识值。", show_default=False)],
    at: _At = "",
    customer: _Customer = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Was it on the list then, why and from whom? 该值在某一时点是否在名单上、缘由与来源。

    Status 0: it was. Status 1: it was not.
    """
    body = {"value": value, "customer": customer, "at": at}
    found = ask("POST", url, f"/v1/lists/{quoted(name)}/as-at", body)
    word = "on the list 在名单上" if found["member"] else "not on the list 不在名单上"
    typer.echo(f"{found['at']}: {word}")
    for entry in found["history"]:
        _show_entry(entry)
    if not found["member"]:
        raise typer.Exit(1)


def export_command(
    name: _Name,
    out: Annotated[Path | None, typer.Option(help="A CSV file; standard output if not given. 输出文件。")] = None,
    at: _At = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Write all entries as CSV, masked, with tokens; an import takes the file in again. 导出名单（脱敏，可再导入）。"""
    pages = _pages(url, name, at)
    first = next(pages)  # before anything is written: a refusal leaves the file as it was
    if out is None:
        count = _export(first, pages, sys.stdout)
    else:
        part = out.with_name(f"{out.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                count = _export(first, pages, file)
            part.replace(out)
        except OSError as error:
            typer.echo(f"{out} cannot be written: {error.strerror}. 无法写入文件。", err=True)
            raise typer.Exit(1) from None
    typer.echo(f"{count:,} entries. 共 {count:,} 条。", err=True)


def hits_command(
    name: _Name,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="Entries to show. 显示条数。")] = 20,
    url: Url = URL_DEFAULT,
) -> None:
    """How often entries were met by events, most often first. 名单条目命中次数。"""
    for each in ask("GET", url, f"/v1/lists/{quoted(name)}/hits", None, limit=str(limit))["hits"]:
        typer.echo(f"{each['hits']:>9,}  {each['masked']:20}  {each['first_at']}  {each['last_at']}  {each['token']}")


def _sent(url: str, name: str, file: Path, source: str, reason: str, *, replace: bool, propose: bool) -> dict[str, Any]:
    try:
        content = base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}. 无法读取文件。", err=True)
        raise typer.Exit(1) from None
    body = {"name": name, "format": file.suffix.lower().lstrip("."), "content": content, "source": source}
    body |= {"reason": reason}
    answer: dict[str, Any] = ask("POST", url, "/v1/lists:import", {**body, "replace": replace, "propose": propose})
    return answer


def _show_proposal(url: str, proposal_id: str) -> str:
    """Print what a proposal would do now; its digest."""
    found = ask("GET", url, f"/v1/list-proposals/{quoted(proposal_id)}")
    proposal, definition = found["proposal"], found["definition"]
    typer.echo(f"{proposal['list_name']}: {proposal['author']}, {proposal['proposed_at']}: {proposal['reason']}")
    if definition is not None:
        own = "customers' own 客户专属" if definition["per_customer"] else "everybody's 全行"
        typer.echo(f"new list 新建名单: {definition['kind']} of {definition['field']}, {own}")
    digest: str = proposal["digest"]
    typer.echo(f"digest 摘要 {digest}")
    _show_preview(found["preview"])
    return digest


def _show_preview(preview: dict[str, Any]) -> None:
    words = (("added", "新增"), ("changed", "变更"), ("removed", "移除"), ("unchanged", "不变"), ("refused", "拒绝"))
    typer.echo(", ".join(f"{word} {chinese} {preview[word]:,}" for word, chinese in words))
    for each in preview["examples"]:
        if each["what"] != "unchanged":
            period = f"{each['valid_from'] or '-'} .. {each['valid_to'] or '-'}"
            typer.echo(f"  {each['what']:9}  {each['masked']:20}  {period:52}  {each['source']}: {each['reason']}")
    for each in preview["refusals"]:
        typer.echo(f"  row 第 {each['row']} 行, {each['field']}: {each['rule']}")


def _show_entry(entry: dict[str, Any]) -> None:
    period = "removed 已移除" if entry["removed"] else f"{entry['valid_from'] or '-'} .. {entry['valid_to'] or '-'}"
    people = f"{entry['added_by']} / {entry['approved_by']}"
    typer.echo(
        f"  {entry['added_at']}  {entry['masked']:20}  {period:52}  {people:24}  {entry['source']}: {entry['reason']}"
    )


def _pages(url: str, name: str, at: str) -> Iterator[list[dict[str, Any]]]:
    """All entries, a page at a time; at least one page."""
    after = ""
    while True:
        query = {"limit": str(_PAGE), "after": after} | ({"at": at} if at else {})
        page = ask("GET", url, f"/v1/lists/{quoted(name)}/entries", None, **query)
        yield page["entries"]
        after = page["next"]
        if not after:
            return


def _export(first: list[dict[str, Any]], more: Iterator[list[dict[str, Any]]], file: Any) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    count = 0
    for entries in chain([first], more):
        writer.writerows([entry[column] for column in _COLUMNS] for entry in entries)
        count += len(entries)
    return count


def read_command(
    folder: Annotated[Path, typer.Argument(help="Where the file lies, and its parts go. 文件所在目录。")],
    proposal_id: Annotated[str, typer.Argument(help="Id of the proposal, if it asks for one. 提案编号。")],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    nice: Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")] = 0,
) -> None:
    """Read a file of entries and compare it with its list; for the service. 供服务调用：读取名单文件并与名单对比。"""
    import json
    import os

    from tarim.base.errors import FieldError, TarimError
    from tarim.bootstrap.list_files import read_list_file
    from tarim.bootstrap.places import Places

    os.nice(nice)
    try:
        sys.stdout.buffer.write(read_list_file(Places(data), os.environ, folder, proposal_id))
    except TarimError as error:
        place = {"field": error.field, "rule": error.rule} if isinstance(error, FieldError) else {}
        print(json.dumps({"code": error.code, "detail": error.detail, **place}, ensure_ascii=False))
        raise typer.Exit(1) from None


def settle_command(
    from_seq: Annotated[int, typer.Argument(min=0, help="First position. 起始位置。")],
    to_seq: Annotated[int, typer.Argument(min=0, help="Position behind the last. 结束位置。")],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    nice: Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")] = 0,
) -> None:
    """Write a change that is in the journal into the history of lists; for the service. 供服务调用：将名单变更写入历史。"""
    import os

    from tarim.bootstrap.lists import settle_history
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    os.nice(nice)
    settle_history(Places(data), settings_of(data, os.environ).journal.index_stride_bytes, from_seq, to_seq)
