"""Commands of `tarim cases` about verdicts, held payments and restrictions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tarim.cli._case_acts import URL_DEFAULT, Agreed, Alert, CaseId, DeskUrl, Restriction, act
from tarim.cli._client import Reason


def register_money(group: typer.Typer) -> None:
    """Add them."""
    for name, help_text in (
        ("ask-release", "Ask for a held payment to be released. 申请放行。"),
        ("approve-release", "Release a held payment, as a second person. 复核放行。"),
        ("drop-release", "Turn a release down, as a second person. 驳回放行。"),
        ("withdraw-release", "Take back your wish to release. 撤回放行申请。"),
        ("refuse-payment", "Refuse a held payment. 拒绝支付。"),
    ):
        group.command(name, help=help_text)(_payment(name))
    for command in (review, restrict, decide_restriction, ask_lift, decide_lift):
        group.command(command.__name__.replace("_", "-"))(command)


def _payment(word: str) -> Any:
    def command(case: CaseId, alert: Alert, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
        act(case, word, url, alert=alert, reason=reason)

    return command


def review(
    case: CaseId,
    alert: Alert,
    verdict: Annotated[str, typer.Option(help="right, wrong or undecided. 正确、错误或无法判定。", show_default=False)],
    cause: Annotated[str, typer.Option(help="Why; docs/explanation/cases.md lists them. 原因。", show_default=False)],
    reason: Reason,
    trait: Annotated[list[str] | None, typer.Option(help="What was seen; repeatable. 特征，可重复。")] = None,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Say whether the decision on an alert was right; it becomes a label. 核查结论，将回传为标签。"""
    act(case, "review", url, alert=alert, verdict=verdict, cause=cause, traits=trait or [], reason=reason)


def restrict(
    case: CaseId,
    measure: Annotated[
        str, typer.Option(help="limit_online, stop_online, stop_all, refuse_service. 措施。", show_default=False)
    ],
    basis: Annotated[
        str,
        typer.Option(
            help="aml_law, anti_telecom_fraud_law, court_or_police, sanctions, contract. 法律依据。", show_default=False
        ),
    ],
    article: Annotated[str, typer.Option(help="Of that law or order. 条款或文号。", show_default=False)],
    reason: Reason,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Ask for a restriction of a case's customer, with its legal basis. 申请限制措施。"""
    act(case, "restrict", url, measure=measure, basis=basis, article=article, reason=reason)


def decide_restriction(
    case: CaseId, restriction: Restriction, agreed: Agreed, reason: Reason, url: DeskUrl = URL_DEFAULT
) -> None:
    """Decide, as a second person, on a restriction. 复核限制措施。"""
    act(case, "decide-restriction", url, restriction=restriction, agreed=agreed, reason=reason)


def ask_lift(case: CaseId, restriction: Restriction, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Ask for a restriction to be lifted. 申请解除限制。"""
    act(case, "ask-lift", url, restriction=restriction, reason=reason)


def decide_lift(
    case: CaseId, restriction: Restriction, agreed: Agreed, reason: Reason, url: DeskUrl = URL_DEFAULT
) -> None:
    """Decide, as a second person, on lifting a restriction. 复核解除限制。"""
    act(case, "decide-lift", url, restriction=restriction, agreed=agreed, reason=reason)
