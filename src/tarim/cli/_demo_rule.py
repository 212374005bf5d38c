"""A rule's life, in the demonstration: written, tested on the days just judged, approved by two, live, taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tarim.base.errors import TarimError

if TYPE_CHECKING:
    from rich.console import Console

    from tarim.bootstrap.backtesting import Tested
    from tarim.bootstrap.demonstration import Report

RULE_ID: Final = "strangers_pay_one_payee"
WHEN: Final = (
    'kind == "transfer" and payer_is_new_payee_30d and payee_distinct_payer_1h >= 3 and amount_fen >= 500 yuan'
)
DRAFT: Final = f"""

[[rule]]
id = "{RULE_ID}"
when = '{WHEN}'
outcome = "challenge"
weight = 70
scenario = "fan_in"
reason = "一小时内三名以上客户首次向同一收款方转账"
reason_en = "three or more customers pay one payee for the first time within an hour"
"""
PEOPLE: Final = {"li.na": ("author", "approve"), "wang.wei": ("author", "approve"), "zhao.min": ("operate",)}
"""Scopes by name; li.na could approve, only not her own."""


def make_keys(data: Path) -> dict[str, str]:
    """A key for each of three persons; their names are invented."""
    from tarim.bootstrap.clock import SystemClock
    from tarim.bootstrap.places import Places
    from tarim.identity import create_key

    file, now_ms = Places(data).api_keys, SystemClock().now_ms()
    return {name: create_key(file, name, scopes, now_ms)[1] for name, scopes in PEOPLE.items()}


def show(data: Path, url: str, keys: Mapping[str, str], texts: Any, console: Console, report: Report) -> None:
    """Live it and print it.  A step that does not go as it should is told, and the demonstration goes on."""
    from tarim.rules import starter_pack

    draft = starter_pack() + DRAFT
    console.print()
    console.print(texts._("一条规则的一生", "A rule's life"), style="bold")
    _step(console, "1", texts._("写", "written"), WHEN)
    try:
        with console.status(texts._("正在回测", "backtesting")):
            tested = _tested(data, draft, report)
        _step(console, "2", texts._("回测", "tested"), _test_line(texts, tested, report.judged_days))
    except TarimError as error:
        _step(console, "2", texts._("回测", "tested"), error.detail)

    def ask(who: str, path: str, body: object) -> tuple[int, Any]:
        from tarim.cli import _background

        return _background.call(url, "POST", path, keys[who], json.dumps(body).encode())

    reason = texts._("新手法：陌生人向同一账户汇集", "a new pattern: strangers pay into one account")
    status, proposal = ask("li.na", "/v1/rulesets", {"text": draft, "reason": reason})
    if status != 201:
        _step(console, "3", texts._("提交", "proposed"), f"{status}: {proposal.get('detail', '')}")
        return
    verdict = {"verdict": "approve", "digest": proposal["digest"]}
    alone, _ = ask("li.na", f"/v1/proposals/{proposal['id']}", verdict)
    begin = time.perf_counter()
    status, _ = ask("wang.wei", f"/v1/proposals/{proposal['id']}", verdict)
    took_s = time.perf_counter() - begin
    _step(
        console,
        "3",
        texts._("四眼", "four eyes"),
        texts._(
            f"li.na 提交；li.na 自己审批：{alone}，被拒绝；wang.wei 审批：{status}，{took_s:.1f} 秒后生效，其间服务不停",
            f"li.na proposes; li.na approves: {alone}, refused; wang.wei approves: {status}, in force after {took_s:.1f} s "
            "while the service goes on",
        ),
    )
    _step(console, "4", texts._("生效", "live"), _event_line(texts, url, report))
    status, back = ask("zhao.min", "/v1/rulesets:rollback", {"reason": texts._("演示回退", "to show the way back")})
    what = texts._(
        f"zhao.min 回退到上一规则集：{status} {back.get('name', '')}",
        f"zhao.min goes back: {status} {back.get('name', '')}",
    )
    _step(console, "5", texts._("回退", "taken back"), what)


def _tested(data: Path, draft: str, report: Report) -> Tested:
    from tarim.bootstrap.backtesting import Asked, backtest
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    first = report.settings.start + timedelta(days=report.settings.days - report.judged_days)
    from_ms = int((datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=8)).timestamp() * 1000)
    return backtest(settings_of(data, {}), Places(data), Asked((draft,), RULE_ID, from_ms))


def _test_line(texts: Any, tested: Tested, days: int) -> str:
    (result,) = tested.core.measured.drafts
    precision = "-" if result.hit.precision is None else f"{result.hit.precision:.1%}"
    return str(
        texts._(
            f"最近 {days} 天命中 {result.hit.events:,} 笔、{result.hit.customers:,} 名客户，精确率 {precision}"
            f"（按当时已知的标签）；其中 {result.new.events:,} 笔现行规则未命中；{tested.took_s:.1f} 秒",
            f"hits in the last {days} days: {result.hit.events:,} events of {result.hit.customers:,} customers, precision "
            f"{precision} by the labels known then; {result.new.events:,} of them no live rule hits; {tested.took_s:.1f} s",
        )
    )


def _event_line(texts: Any, url: str, report: Report) -> str:
    from tarim.cli import _background

    now = datetime.now(UTC) + timedelta(hours=8)
    outcomes, named = [], ""
    for number in (1, 2, 3):
        event = {
            "event_id": f"demo-rule-{now:%Y%m%d-%H%M%S}-{number}",
            "source": "demo",
            "kind": "transfer",
            "occurred_at": f"{now:%Y-%m-%dT%H:%M:%S}.{number:03}+08:00",
            "customer": f"DEMO{number}",
            "account": f"62220000000000{number}",
            "payee_account": f"6222{now:%Y%m%d%H%M%S}",
            "amount_fen": 500_000,
            "channel": "mobile",
        }
        status, answer = _background.call(url, "POST", "/v1/decisions", report.key, json.dumps(event).encode())
        if status != 200:
            return f"{status}: {answer.get('detail', '')}"
        outcomes.append(answer["outcome_zh"] if texts.chinese else answer["outcome"])
        named = "; ".join(each["zh" if texts.chinese else "en"] for each in answer["reasons"] if each["id"] == RULE_ID)
    return str(
        texts._(
            f"三名客户先后向同一新账户转账 5,000 元：{'、'.join(outcomes)}（{named or '未命中'}）",
            f"three customers pay 5,000 yuan each to one new account: {', '.join(outcomes)} ({named or 'no hit'})",
        )
    )


def _step(console: Console, number: str, name: str, text: str) -> None:
    console.print(f"  {number} {name}  {text}", markup=False)
