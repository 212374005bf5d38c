"""`tarim users ...`: signing in, users, and what they may do."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._client import Reason, ask, ask_openly, quoted

URL_DEFAULT = "http://127.0.0.1:8090"
DEVICE_VARIABLE = "TARIM_DEVICE"
Url = Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
_Login = Annotated[str, typer.Argument(help="The person's login. 账号。", show_default=False)]
_Id = Annotated[str, typer.Argument(help="Its id, as listed. 编号。", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the group `users`."""
    group = typer.Typer(no_args_is_help=True, help="Sign in; users, roles and grants. 登录、用户、角色与授权。")
    for name, command in (
        ("create-admin", create_admin_command),
        ("sign-in", sign_in_command),
        ("set-up", set_up_command),
        ("again", again_command),
        ("sign-out", sign_out_command),
        ("me", me_command),
        ("list", list_command),
        ("show", show_command),
        ("create", create_command),
        ("disable", disable_command),
        ("unlock", unlock_command),
        ("end-sessions", end_sessions_command),
        ("grant", grant_command),
        ("reach", reach_command),
        ("reset", reset_command),
        ("enable", enable_command),
        ("revoke", revoke_command),
        ("changes", changes_command),
        ("approve", approve_command),
        ("reject", reject_command),
        ("withdraw", withdraw_command),
        ("roles", roles_command),
        ("alarms", alarms_command),
    ):
        group.command(name)(command)
    app.add_typer(group, name="users")


def create_admin_command(
    login: Annotated[str, typer.Option(help="Letters a-z, digits, . _ -. 账号。", show_default=False)],
    staff_number: Annotated[str, typer.Option(help="One person, one number. 工号。", show_default=False)],
    name: Annotated[str, typer.Option(help="The person's name. 姓名。", show_default=False)],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
) -> None:
    """Make one of the first two administrators, on the machine itself. 在本机创建最初两名管理员。

    Two are needed: what one proposes the other one approves.  Works while fewer than two are active.
    """
    from tarim.bootstrap.audit import OpenTrail
    from tarim.bootstrap.identity import OpenIdentity
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    environment, places = dict(os.environ), Places(data)
    settings = settings_of(data, environment)
    with (
        OpenTrail.open(settings.audit, places, environment) as trail,
        OpenIdentity.open(settings, places, environment, trail.store.record) as identity,
    ):
        user, password = identity.administration.create_first(login, staff_number, name)
    hours = settings.identity.initial_password_h
    typer.echo(f"{user.login} is an administrator; initial password, for {hours} h, shown only now:", err=True)
    typer.echo(f"已创建管理员 {user.login}；初始口令仅显示一次，{hours} 小时内有效：", err=True)
    typer.echo(password)


def sign_in_command(login: _Login, url: Url = URL_DEFAULT) -> None:
    """Sign in, and print the session for TARIM_KEY. 登录并输出会话令牌。

    Password and code are asked for, or read from standard input, a line each.
    """
    device = os.environ.get(DEVICE_VARIABLE, "")
    shown = ask_openly("POST", url, "/v1/sign-in:start", {"login": login, "device": device})
    typer.echo(f"reserved phrase, yours? 预留信息：{shown['phrase']}", err=True)
    password = _secret("password 口令: ")
    code = _secret("code, empty before one is set up 动态口令: ") if shown["second_factor"] else ""
    body = {"login": login, "password": password, "code": code, "device": device}
    _signed_in(ask_openly("POST", url, "/v1/sign-in", body))


def set_up_command(url: Url = URL_DEFAULT) -> None:
    """After a first sign-in: one-time codes, and an own password. 首次登录：设置动态口令与本人口令。

    The session is taken from TARIM_KEY.  Initial password, new password and first code are asked for, or read from
    standard input in this order.
    """
    pending = ask("GET", url, "/v1/account")["pending"]
    old = _secret("password now 现口令: ") if "password" in pending else ""
    new = _secret("new password 新口令: ") if "password" in pending else ""
    if "second-factor" in pending:
        setup = ask("POST", url, "/v1/account/codes")
        typer.echo(f"secret for the app 密钥: {setup['secret']}\n{setup['url']}")
        code = _secret("its code now 动态口令: ")
        recovery = ask("POST", url, "/v1/account/codes:confirm", {"setup": setup["setup"], "code": code})["recovery"]
        typer.echo("recovery codes, shown only now 恢复码（仅显示一次）:\n" + "\n".join(recovery))
    if "password" in pending:
        ask("PUT", url, "/v1/account/password", {"old": old, "new": new})
    typer.echo("ready. 设置完成。", err=True)


def again_command(url: Url = URL_DEFAULT) -> None:
    """Prove again who you are, and print the new session. 重新验证身份并输出新令牌。"""
    body = {"password": _secret("password 口令: "), "code": _secret("code 动态口令: ")}
    _signed_in(ask("POST", url, "/v1/account:reauthenticate", body))


def sign_out_command(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All own sessions. 全部会话。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """End this session, or all of one's own. 退出登录。"""
    ended = ask("POST", url, "/v1/account:sign-out-everywhere" if everywhere else "/v1/account:sign-out")["ended"]
    typer.echo(f"{ended} ended. 已结束 {ended} 个会话。")


def me_command(url: Url = URL_DEFAULT) -> None:
    """Show who this session is and what it may do. 显示当前会话及其权限。"""
    _print(ask("GET", url, "/v1/account"))


def list_command(
    after: Annotated[str, typer.Option(help="Go on after this login. 从该账号之后继续。")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50,
    url: Url = URL_DEFAULT,
) -> None:
    """List users. 列出用户。"""
    for user in ask("GET", url, "/v1/users", after=after, limit=str(limit))["users"]:
        locked = f"  locked {user['locked_until']}" if user["locked_until"] else ""
        typer.echo(
            f"{user['login']:20}  {user['state']:8}  {user['staff_number']:12}  {user['display_name']}  "
            f"{','.join(user['roles']) or '-'}{locked}"
        )


def show_command(login: _Login, url: Url = URL_DEFAULT) -> None:
    """Show a user with all grants. 显示用户及其全部授权。"""
    _print(ask("GET", url, f"/v1/users/{quoted(login)}"))


def create_command(
    login: _Login,
    staff_number: Annotated[str, typer.Option(help="One person, one number. 工号。", show_default=False)],
    name: Annotated[str, typer.Option(help="The person's name. 姓名。", show_default=False)],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Make an account without rights. 新建无权限账号。"""
    body = {"login": login, "staff_number": staff_number, "display_name": name, "reason": reason}
    made = ask("POST", url, "/v1/users", body)
    typer.echo(f"made {made['user']['login']}; initial password, shown only now 初始口令:", err=True)
    typer.echo(made["initial_password"])


def disable_command(login: _Login, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Close an account and end its sessions. 停用用户。"""
    ask("POST", url, f"/v1/users/{quoted(login)}:disable", {"reason": reason})
    typer.echo(f"{login} is disabled. 已停用。")


def unlock_command(login: _Login, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Take sign-ins of a locked person again. 解锁用户。"""
    ask("POST", url, f"/v1/users/{quoted(login)}:unlock", {"reason": reason})
    typer.echo(f"{login} may sign in again. 已解锁。")


def end_sessions_command(login: _Login, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """End all sessions of a person. 结束用户全部会话。"""
    ended = ask("POST", url, f"/v1/users/{quoted(login)}/sessions:end", {"reason": reason})["ended"]
    typer.echo(f"{ended} ended. 已结束 {ended} 个会话。")


def grant_command(
    login: _Login,
    role: Annotated[str, typer.Option(help="analyst, investigator, reviewer ... 角色。", show_default=False)],
    lasts: Annotated[str, typer.Option(help="How long, such as 90d. 有效期。", show_default=False)],
    reason: Reason,
    lent_by: Annotated[str, typer.Option(help="Whose role it lends. 受谁委托。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Propose a role for a person; another administrator approves. 提交角色授权，由另一管理员审批。"""
    from tarim.base.instants import duration_ms

    until_ms = time.time_ns() // 1_000_000 + duration_ms(lasts)
    change = {"kind": "grant", "login": login, "role": role, "until_ms": until_ms, "for_login": lent_by}
    _proposed(ask("POST", url, "/v1/changes", {"change": change, "reason": reason}))


def reach_command(
    login: _Login,
    reason: Reason,
    branch: Annotated[list[str] | None, typer.Option(help="A branch, * for all; repeatable. 机构。")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="A queue, * for all; repeatable. 队列。")] = None,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose whose objects a person sees. 提交数据范围变更。"""
    change = {"kind": "reach", "login": login, "branches": branch or [], "queues": queue or []}
    _proposed(ask("POST", url, "/v1/changes", {"change": change, "reason": reason}))


def reset_command(login: _Login, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Propose a new initial password without second factor. 提交重置登录凭据。"""
    _proposed(ask("POST", url, "/v1/changes", {"change": {"kind": "reset", "login": login}, "reason": reason}))


def enable_command(login: _Login, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Propose to open a disabled account again. 提交启用用户。"""
    _proposed(ask("POST", url, "/v1/changes", {"change": {"kind": "enable", "login": login}, "reason": reason}))


def revoke_command(grant: _Id, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """End a grant at once. 立即撤销授权。"""
    ended = ask("POST", url, f"/v1/grants/{quoted(grant)}:revoke", {"reason": reason})
    typer.echo(f"{ended['role']} ended {ended['ended_at']}. 已撤销。")


def changes_command(url: Url = URL_DEFAULT) -> None:
    """List changes that wait for a second person. 列出待审批的变更。"""
    for change in ask("GET", url, "/v1/changes")["changes"]:
        _proposed(change)


def approve_command(
    change: _Id,
    digest: Annotated[str, typer.Option(help="The digest of what you looked at. 内容摘要。", show_default=False)],
    note: Annotated[str, typer.Option(help="A note. 备注。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Agree to a change, as a second person. 审批通过。"""
    done = ask("POST", url, f"/v1/changes/{quoted(change)}:approve", {"digest": digest, "note": note})
    typer.echo(f"{done['change']['state']}. 已通过。", err=True)
    if done["initial_password"]:
        typer.echo("initial password, shown only now 初始口令:", err=True)
        typer.echo(done["initial_password"])


def reject_command(change: _Id, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Say no to a change. 驳回变更。"""
    _proposed(ask("POST", url, f"/v1/changes/{quoted(change)}:reject", {"reason": reason}))


def withdraw_command(change: _Id, url: Url = URL_DEFAULT) -> None:
    """Take a change of one's own back. 撤回变更。"""
    _proposed(ask("POST", url, f"/v1/changes/{quoted(change)}:withdraw"))


def roles_command(url: Url = URL_DEFAULT) -> None:
    """Show the matrix of roles. 显示角色权限表。"""
    for role in ask("GET", url, "/v1/roles")["roles"]:
        typer.echo(f"{role['role']:18} {role['title_zh']}: {', '.join(role['scopes'])}")
        typer.echo(f"{'':18} not with 互斥: {', '.join(role['conflicts']) or '-'}")


def alarms_command(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many. 条数。")] = 50, url: Url = URL_DEFAULT
) -> None:
    """List alarms of sign-in, newest first. 列出登录告警。"""
    for alarm in ask("GET", url, "/v1/sign-in-alarms", limit=str(limit))["alarms"]:
        typer.echo(
            f"{alarm['at']}  {alarm['kind']:12}  {alarm['login'] or '-':16}  {alarm['address']}  {alarm['text_zh']}"
        )


def _signed_in(answer: dict[str, Any]) -> None:
    if answer["pending"]:
        typer.echo("first: tarim users set-up. 请先完成设置。", err=True)
    if answer["device"]:
        typer.echo(f"this device, for {DEVICE_VARIABLE} 设备令牌: {answer['device']}", err=True)
    if answer["last_at"]:
        typer.echo(f"last sign-in 上次登录: {answer['last_at']} {answer['last_address']}", err=True)
    typer.echo(answer["token"])


def _proposed(change: dict[str, Any]) -> None:
    typer.echo(
        f"{change['id']}  {change['state']}  {change['author']}  {json.dumps(change['change'], ensure_ascii=False)}"
    )
    typer.echo(f"    digest {change['digest']}  {change['reason']}")


def _secret(prompt: str) -> str:
    """Something typed without being shown, or a line of standard input."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _print(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
