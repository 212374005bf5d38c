"""`tarim models submit|approve|reject|publish|...`: models on their way into force and out of it, in a running service.

The person is the one the API key in TARIM_KEY is named after; what needs two persons needs two keys.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tarim.cli._client import URL_DEFAULT, Reason, Url, ask, quoted
from tarim.cli._proposals import tell_proposed
from tarim.cli._publishing import approve_command, reject_command, withdraw_command

SCRIPT_BYTES_MAX: Final = 64 << 10

_Model = Annotated[
    str,
    typer.Argument(
        help="The model: its version, how that begins, or its service number. 模型版本（或其开头）或服务编号。",
        show_default=False,
    ),
]
_Script = Annotated[
    Path | None,
    typer.Option(help="The script it is deployed by; kept. Without one, this command. 部署脚本（将留存）。"),
]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("submit")(submit_command)
    group.command("proposals")(proposals_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("withdraw")(withdraw_command)
    group.command("publish")(publish_command)
    group.command("challenge")(challenge_command)
    group.command("challengers")(challengers_command)
    group.command("stand-down")(stand_down_command)
    group.command("rollback")(rollback_command)
    group.command("retire")(retire_command)
    group.command("pause")(pause_command)
    group.command("resume")(resume_command)
    group.command("rules-only")(rules_only_command)
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("ledger")(ledger_command)
    group.command("export")(export_command)
    group.command("exit")(exit_command)


# ---- two persons -----------------------------------------------------------------------------------------------------


def submit_command(
    run: Annotated[str, typer.Argument(help="The run that made it. 训练运行编号。", show_default=False)],
    reason: Reason,
    name: Annotated[str, typer.Option(help="What people call it. 模型名称。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Ask for a model's approval; its card has to be complete. 提交模型审批（模型卡须填写完整）。"""
    tell_proposed(ask("POST", url, "/v1/models", {"run": run, "name": name, "reason": reason}))


def publish_command(model: _Model, reason: Reason, script: _Script = None, url: Url = URL_DEFAULT) -> None:
    """Propose that an approved model becomes the champion. 提交将已批准的模型发布为主模型。"""
    tell_proposed(ask("POST", url, "/v1/models:publish", {"model": model, "reason": reason, "script": _text(script)}))


def challenge_command(
    model: _Model,
    reason: Reason,
    percent: Annotated[
        float, typer.Option(min=0, max=100, help="Part of the customers it judges; 0: it only scores. 判定的客户比例。")
    ] = 0,
    script: _Script = None,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose that an approved model scores beside the champion. 提交已批准的模型作为挑战者。"""
    body = {"model": model, "reason": reason, "share": round(percent * 100), "script": _text(script)}
    tell_proposed(ask("POST", url, "/v1/models:challenge", body))


def retire_command(model: _Model, reason: Reason, script: _Script = None, url: Url = URL_DEFAULT) -> None:
    """Propose that a model never serves again. 提交模型退役。"""
    tell_proposed(ask("POST", url, "/v1/models:retire", {"model": model, "reason": reason, "script": _text(script)}))


def exit_command(reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Propose that every model is taken out for good and its bytes destroyed. 提交全部模型下线并销毁模型文件。"""
    typer.confirm(
        "When another person approves it, no model of this data folder can be loaded again. 批准后不可恢复，确认提交？",
        abort=True,
    )
    tell_proposed(ask("POST", url, "/v1/models:exit", {"reason": reason}))


# ---- one person ------------------------------------------------------------------------------------------------------


def rollback_command(reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Go back to the champion before this one. 回退到上一主模型。"""
    found = ask("POST", url, "/v1/models:rollback", {"reason": reason})
    typer.echo(f"{found['service']} {found['version'][:16]} is champion again. 已恢复为主模型。")


def stand_down_command(model: _Model, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Have a challenger no longer score. 停止挑战者评分。"""
    found = ask("POST", url, "/v1/models:stand-down", {"model": model, "reason": reason})
    typer.echo(f"{found['service']} no longer scores. 已停止评分。")


def pause_command(model: _Model, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Have a live model not score, at once; without its champion a decision is the rules' alone. 立即暂停模型。"""
    _pause(model, 1, reason, url)
    typer.echo("It does not score until it is resumed. 已暂停评分。")


def resume_command(model: _Model, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Let a paused model score again. 恢复已暂停的模型。"""
    _pause(model, 0, reason, url)
    typer.echo("It scores again. 已恢复评分。")


def rules_only_command(
    reason: Reason,
    on: Annotated[bool, typer.Option("--on/--off", help="Begin, or propose to end it. 开启，或提交结束。")] = True,
    url: Url = URL_DEFAULT,
) -> None:
    """Let rules alone decide, at once; ending it takes two. 立即切换为仅规则判定；结束须两人。"""
    body = {"what": "rules_only", "target": "*", "value": int(on), "reason": reason}
    if on:
        ask("POST", url, "/v1/switches:throw", body)
        typer.echo("Rules alone decide. 现仅由规则判定。")
    else:
        tell_proposed(ask("POST", url, "/v1/switches", body))


# ---- looking ---------------------------------------------------------------------------------------------------------


def list_command(url: Url = URL_DEFAULT) -> None:
    """Models and where they stand. 模型及其状态。"""
    found = ask("GET", url, "/v1/models")
    for each in found["models"]:
        typer.echo(_line(each))
    if found["rules_only"]:
        typer.echo("Rules alone decide at present. 现仅由规则判定。")
    if found["closed"]:
        typer.echo("Every model was taken out of service for good. 全部模型已下线。")
    typer.echo(f"{len(found['models'])} models. 共 {len(found['models'])} 个模型。")


def proposals_command(url: Url = URL_DEFAULT) -> None:
    """What is proposed about models, and what it would do. 模型待审批事项及其内容。"""
    found = ask("GET", url, "/v1/model-proposals")["proposals"]
    for each in found:
        share = f" {each['share'] / 100:g}%" if each["share"] else ""
        about = each["service"] or "every model 全部模型"
        typer.echo(
            f"{each['id']}  {each['act']:9} {about}{share}  {each['author']:16}  {each['proposed_at']}  {each['reason']}"
        )
        typer.echo(f"{'':16}  digest 摘要 {each['digest']}")
    typer.echo(f"{len(found)} open. 待审批 {len(found)} 项。")


def challengers_command(url: Url = URL_DEFAULT) -> None:
    """The champion and who scores beside it. 主模型及挑战者。"""
    for each in ask("GET", url, "/v1/models")["models"]:
        if each["role"]:
            typer.echo(_line(each))


def show_command(
    model: _Model,
    card: Annotated[bool, typer.Option("--card", help="Print its card only. 仅输出模型卡。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """A model with its signed package and its card. 模型详情、签名包与模型卡。"""
    found = ask("GET", url, f"/v1/models/{quoted(model)}")
    if card:
        typer.echo(found["card"])
        return
    for part in (found["model"], found["package"] or {}):
        for key, value in part.items():
            typer.echo(f"{key:14} {value}")
    if not found["package"]:
        typer.echo("It has no package: the settings named it at the first start. 无签名包：由设置在首次启动时指定。")


def ledger_command(
    model: Annotated[str, typer.Option(help="About this model only. 仅此模型。")] = "",
    count: Annotated[int, typer.Option(min=1, max=1_000, help="So many lines. 条数。")] = 50,
    script: Annotated[
        int, typer.Option(help="Print the script of the line at this position. 输出该条的部署脚本。")
    ] = -1,
    url: Url = URL_DEFAULT,
) -> None:
    """Who deployed or tried what, when, with which result. 模型部署台账。"""
    if script >= 0:
        typer.echo(ask("GET", url, f"/v1/model-ledger/{script}/script")["script"], nl=False)
        return
    query = {"count": str(count)} | ({"model": model} if model else {})
    for each in ask("GET", url, "/v1/model-ledger", **query)["lines"]:
        people = f"{each['operator'] or '-'} / {each['approver'] or '-'}"
        about = each["service"] or "-"
        scripted = " [script]" if each["script"] else ""
        typer.echo(
            f"{each['seq']:>10}  {each['at']}  {each['act']:16}  {about:12}  {each['result']:7}  {people:24}  "
            f"{each['detail']}{scripted}"
        )


def export_command(
    model: _Model,
    out: Annotated[Path, typer.Option(help="The file to write. 输出文件。", show_default=False)],
    url: Url = URL_DEFAULT,
) -> None:
    """Take a model's file out; it is logged, and other posts than model management are refused. 导出模型文件（留痕）。"""
    version = ask("GET", url, f"/v1/models/{quoted(model)}")["model"]["version"]
    found = ask("POST", url, "/v1/models:export", {"model": version})
    content = base64.b64decode(found["content"])
    temporary = out.with_name(out.name + ".new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(out)
    except OSError as error:
        typer.echo(f"{out} cannot be written: {error.strerror}. 无法写入文件。", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{len(content):,} bytes in {out}. 已导出。")


# ---- inside ----------------------------------------------------------------------------------------------------------


def _pause(model: str, value: int, reason: str, url: str) -> None:
    version = ask("GET", url, f"/v1/models/{quoted(model)}")["model"]["version"]
    ask("POST", url, "/v1/switches:throw", {"what": "pause_model", "target": version, "value": value, "reason": reason})


def _text(script: Path | None) -> str:
    if script is None:
        return ""
    try:
        with script.open("rb") as file:
            content = file.read(SCRIPT_BYTES_MAX + 1)
        if len(content) > SCRIPT_BYTES_MAX:
            typer.echo(f"{script} is larger than {SCRIPT_BYTES_MAX} bytes. 脚本过大。", err=True)
            raise typer.Exit(1)
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"{script} cannot be read as UTF-8 text: {type(error).__name__}. 无法读取文件。", err=True)
        raise typer.Exit(1) from None


def _line(each: dict[str, Any]) -> str:
    role = (
        each["role"] + (f" {each['share'] / 100:g}%" if each["share"] else "") + (" paused" if each["paused"] else "")
    )
    return f"{each['service']:12}  {each['version'][:16]}  {each['state']:9}  {role or '-':18}  {each['name']}"
