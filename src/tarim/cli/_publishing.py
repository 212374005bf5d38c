"""`tarim rules publish`, `approve`, `shadow`, ...: change what is in force in a running service.

The person is the one the API key in TARIM_KEY is named after; what needs two persons needs two keys.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._client import URL_DEFAULT, Reason, Url, ask, quoted
from tarim.cli._proposals import approval, rejection, tell_decided, tell_proposed
from tarim.cli._texts import sent_text

_Rule = Annotated[str, typer.Argument(help="The rule's id. 规则编号。", show_default=False)]
_Id = Annotated[str, typer.Argument(help="The proposal's id. 提案编号。", show_default=False)]
_File = Annotated[Path, typer.Argument(help="A ruleset, TOML. 规则集文件（TOML）。", show_default=False)]
_On = Annotated[bool, typer.Option("--on/--off", help="Set or lift it. 设置或解除。")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `rules`."""
    group.command("publish")(publish_command)
    group.command("proposals")(proposals_command)
    group.command("diff")(diff_command)
    group.command("approve")(approve_command)
    group.command("reject")(reject_command)
    group.command("withdraw")(withdraw_command)
    group.command("history")(history_command)
    group.command("rollback")(rollback_command)
    group.command("shadow")(shadow_command)
    group.command("rollout")(rollout_command)
    group.command("suppress")(suppress_command)
    group.command("pause")(pause_command)
    group.command("resume")(resume_command)
    group.command("stop")(stop_command)
    group.command("restart")(restart_command)
    group.command("override")(override_command)
    group.command("switches")(switches_command)
    group.command("reviews")(reviews_command)
    group.command("review")(review_command)
    group.command("compile", hidden=True)(compile_command)
    group.command("look", hidden=True)(look_command)


def publish_command(file: _File, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Propose a ruleset; it is in force when another person approves it. 提交规则集，由他人审批后生效。"""
    tell_proposed(ask("POST", url, "/v1/rulesets", {"text": sent_text(file), "reason": reason}))


def proposals_command(url: Url = URL_DEFAULT) -> None:
    """What waits for a decision. 待审批事项。"""
    found = ask("GET", url, "/v1/proposals")["proposals"]
    for each in found:
        typer.echo(f"{each['id']}  {each['what']:8}  {each['author']:16}  {each['proposed_at']}  {each['reason']}")
    typer.echo(f"{len(found)} open. 待审批 {len(found)} 项。")


def diff_command(
    version: Annotated[str, typer.Argument(help="Version of the ruleset. 规则集版本。", show_default=False)],
    against: Annotated[str, typer.Option(help="Another version; the one in force if not given. 对比版本。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """What a ruleset changes. 规则集差异。"""
    query = {"against": against} if against else {}
    found = ask("GET", url, f"/v1/rulesets/{quoted(version)}/diff", **query)
    for word, key in (("added 新增", "added"), ("removed 删除", "removed"), ("changed 修改", "changed")):
        typer.echo(f"{word}: {', '.join(found[key]) or '-'}")
    for line in found["lines"]:
        typer.echo(line)


def approve_command(
    proposal_id: _Id,
    digest: Annotated[
        str, typer.Option(help="Digest of what you looked at; asked for when it is not given. 所审内容的摘要。")
    ] = "",
    note: Annotated[str, typer.Option(help="A note, kept with it. 审批意见。")] = "",
    url: Url = URL_DEFAULT,
) -> None:
    """Approve another person's proposal. 审批通过他人的提案。"""
    if not digest:
        found = [each for each in ask("GET", url, "/v1/proposals")["proposals"] if each["id"] == proposal_id]
        if not found:
            typer.echo("no open proposal of that id. 没有该编号的待审批提案。", err=True)
            raise typer.Exit(1)
        (each,) = found
        typer.echo(f"{each['what']} by {each['author']}: {each['reason']}\ndigest 摘要 {each['digest']}")
        typer.confirm("Approve exactly this? 确认审批通过该内容？", abort=True)
        digest = each["digest"]
    tell_decided(ask("POST", url, f"/v1/proposals/{quoted(proposal_id)}", approval(digest, note)))


def reject_command(
    proposal_id: _Id,
    note: Annotated[str, typer.Option(help="Why. 驳回理由。", show_default=False)],
    url: Url = URL_DEFAULT,
) -> None:
    """Reject another person's proposal. 驳回他人的提案。"""
    tell_decided(ask("POST", url, f"/v1/proposals/{quoted(proposal_id)}", rejection(note)))


def withdraw_command(proposal_id: _Id, url: Url = URL_DEFAULT) -> None:
    """Withdraw your own proposal. 撤回自己的提案。"""
    tell_decided(ask("DELETE", url, f"/v1/proposals/{quoted(proposal_id)}"))


def history_command(url: Url = URL_DEFAULT) -> None:
    """Rulesets as they came into force, the newest first. 规则集生效历史。"""
    for each in ask("GET", url, "/v1/rulesets")["rulesets"]:
        people = f"{each['author'] or '-'} / {each['approver'] or '-'}"
        typer.echo(f"{each['version'][:16]}  {each['name']:20}  {each['at']}  {people:24}  {each['reason']}")


def rollback_command(reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Go back to the ruleset that was in force before. 回退到上一规则集。"""
    found = ask("POST", url, "/v1/rulesets:rollback", {"reason": reason})
    typer.echo(f"{found['name']} {found['version'][:16]} is in force again. 已恢复生效。")


def shadow_command(rule: _Rule, reason: Reason, on: _On = True, url: Url = URL_DEFAULT) -> None:
    """Propose that a rule is judged and recorded without effect. 提交规则影子运行（只记录、不处置）。"""
    _propose(url, {"what": "shadow", "target": rule, "value": int(on), "reason": reason})


def rollout_command(
    rule: _Rule,
    percent: Annotated[float, typer.Argument(min=0, max=100, help="Part of the customers. 客户比例（%）。")],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose that a rule has effect for a part of the customers, always the same ones. 提交规则按客户比例灰度。"""
    _propose(url, {"what": "rollout", "target": rule, "value": round(percent * 100), "reason": reason})


def suppress_command(
    rule: _Rule,
    customer: Annotated[str, typer.Argument(help="The customer's identifier. 客户号。", show_default=False)],
    reason: Reason,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For so many days. 有效天数。")] = 30,
    on: _On = True,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose that a rule (`*`: every rule) has no effect for one customer for some days. 提交对单一客户暂免某规则。"""
    until = int((datetime.now(UTC) + timedelta(days=days)).timestamp() * 1000)
    body = {"what": "suppress", "target": rule, "value": int(on), "reason": reason, "customer": customer}
    _propose(url, body | ({"until_ms": until} if on else {}))


def pause_command(rule: _Rule, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Take a rule's effect away at once. 立即暂停一条规则。"""
    _throw(url, {"what": "pause", "target": rule, "value": 1, "reason": reason})


def resume_command(rule: _Rule, reason: Reason, url: Url = URL_DEFAULT) -> None:
    """Give a paused rule its effect back. 恢复已暂停的规则。"""
    _throw(url, {"what": "pause", "target": rule, "value": 0, "reason": reason})


def stop_command(
    kind: Annotated[str, typer.Argument(help="Kind of event, such as transfer. 业务种类。", show_default=False)],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Refuse new events of a kind at once. 立即停办一类业务。"""
    _throw(url, {"what": "stop", "target": kind, "value": 1, "reason": reason})


def restart_command(
    kind: Annotated[str, typer.Argument(help="Kind of event. 业务种类。", show_default=False)],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose that a stopped kind of business goes on. 提交恢复已停办的业务。"""
    _propose(url, {"what": "stop", "target": kind, "value": 0, "reason": reason})


def override_command(
    event_id: Annotated[str, typer.Argument(help="The source's id of the event. 事件编号。", show_default=False)],
    source: Annotated[str, typer.Option(help="The system that sent it. 来源系统。", show_default=False)],
    outcome: Annotated[str, typer.Option(help="The outcome to put in its place. 改判结果。", show_default=False)],
    reason: Reason,
    url: Url = URL_DEFAULT,
) -> None:
    """Propose another outcome for one decision. 提交对单笔决策的人工改判。"""
    body = {"event_id": event_id, "source": source, "outcome": outcome, "reason": reason}
    tell_proposed(ask("POST", url, "/v1/overrides", body))


def switches_command(url: Url = URL_DEFAULT) -> None:
    """Switches that are set. 现行开关。"""
    for each in ask("GET", url, "/v1/switches")["switches"]:
        whom = each["customer"] or "*"
        people = f"{each['author']} / {each['approver'] or '-'}"
        typer.echo(
            f"{each['what']:8}  {each['target']:32}  {each['value']:6}  {whom:16}  {each['until']:24}  {people}  "
            f"{each['reason']}"
        )


def reviews_command(
    closed: Annotated[bool, typer.Option("--closed", help="Those reviewed last. 最近已复核的事项。")] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """What one person paused or stopped, and who has to look at it until when. 单人停用事项的事后复核。"""
    found = ask("GET", url, "/v1/switch-reviews", state="closed" if closed else "open")["reviews"]
    for each in found:
        people = f"{each['author']} / {each['reviewer'] or '-'}"
        typer.echo(
            f"{each['id']}  {each['what']:11}  {each['target']:32}  {each['state']:9}  {each['standing']:7}  "
            f"{each['due_at']}  {people:24}  {each['note'] or each['reason']}"
        )
    typer.echo(f"{len(found)} {'closed 已复核' if closed else 'open 待复核'}.")


def review_command(
    review_id: Annotated[str, typer.Argument(help="The review's id. 复核编号。", show_default=False)],
    note: Annotated[str, typer.Option(help="What you find. 复核意见。", show_default=False)],
    revert: Annotated[
        bool, typer.Option("--revert", help="Undo it; the end of a stop is proposed. 撤销；恢复停办业务须再经审批。")
    ] = False,
    url: Url = URL_DEFAULT,
) -> None:
    """Confirm or undo, as another person, what one person paused or stopped. 由另一人确认或撤销单人停用。"""
    body = {"verdict": "revert" if revert else "confirm", "note": note}
    found = ask("POST", url, f"/v1/switch-reviews/{quoted(review_id)}", body)
    typer.echo(f"review {found['id']}: {found['state']}. 复核状态：{found['state']}。")
    if found["state"] == "open":
        typer.echo(f"proposal {found['proposal']} to end it waits for another person. 恢复提案待他人审批。")


def compile_command() -> None:
    """Compile a ruleset given on standard input, and write what loads it; for the service. 供服务调用：编译规则集。"""
    import sys

    from tarim.bootstrap.ruleset_texts import compile_given

    sys.stdout.buffer.write(compile_given(sys.stdin.buffer.read()))


def look_command() -> None:
    """Check a ruleset, or compare two, given on standard input; for the service. 供服务调用：检查或比较规则集。"""
    import sys

    from tarim.bootstrap.ruleset_texts import look

    sys.stdout.buffer.write(look(sys.stdin.buffer.read()))


def _propose(url: str, body: dict[str, Any]) -> None:
    tell_proposed(ask("POST", url, "/v1/switches", body))


def _throw(url: str, body: dict[str, Any]) -> None:
    found = ask("POST", url, "/v1/switches:throw", body)
    typer.echo(
        f"{found['what']} {found['target']} = {found['value']}, in force from the next event on. 自下一事件起生效。"
    )
