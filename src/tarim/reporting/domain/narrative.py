"""The words of a suspicious transaction report, in Chinese, made from the facts of a case: the same facts, the same words.

Every number carries its unit, every period its length.  Sentences whose facts are not there, or say nothing, are left out.  The
person who fills the report in goes on from them; nothing here is a judgement that a person did not make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS, MINUTE_MS, instant_text
from tarim.reporting.domain.case_facts import CaseFacts, MovementFact, scenario_of

_KINDS: Final = {
    "transfer": "转账", "payment": "支付", "withdrawal": "取现", "deposit": "存入", "login": "登录", "signup": "注册",
    "application": "申请", "device_binding": "设备绑定",
}  # fmt: skip
_CHANNELS: Final = {
    "pc": "网上银行", "mobile": "手机银行", "counter": "柜面", "atm": "自助设备", "pos": "POS终端", "api": "接口",
}  # fmt: skip
_OUTCOMES: Final = {"block": "拒绝", "suspend": "暂停", "delay": "延迟", "challenge": "加强验证", "notice": "提示"}
CASH_LIMIT_FEN: Final = 5_000_000
"""50,000 yuan, the cash reporting limit of order 2016 no. 3: splitting stays just below it."""
_BELOW_SHARE: Final = 0.9
_SPLIT_LEAST: Final = 3
_NIGHT_SHARE: Final = 0.2
_PEAK_MS: Final = HOUR_MS
_PEAK_LEAST: Final = 3
_QUICK_MS: Final = 30 * MINUTE_MS
_COUNTERPARTIES_TOLD: Final = 3


def yuan(amount_fen: int, currency: str = "CNY") -> str:
    """`人民币1,234.50元`; other currencies by code, in major units of two decimals as amounts are kept; "" is not known."""
    text = f"{amount_fen // 100:,}.{amount_fen % 100:02d}"
    if not currency:
        return f"{text}（币种不详）"
    return f"人民币{text}元" if currency == "CNY" else f"{currency} {text}"


def day_text(at_ms: int) -> str:
    """`2026年2月10日` in China."""
    text = instant_text(at_ms + CHINA_OFFSET_MS)
    return f"{int(text[:4])}年{int(text[5:7])}月{int(text[8:10])}日"


def minute_text(at_ms: int) -> str:
    """`2026年2月10日09时30分` in China."""
    text = instant_text(at_ms + CHINA_OFFSET_MS)
    return f"{day_text(at_ms)}{text[11:13]}时{text[14:16]}分"


def span_text(span_ms: int) -> str:
    """`2天3小时`, `45分钟`; less than a minute is that."""
    days, rest = divmod(span_ms, DAY_MS)
    hours, rest = divmod(rest, HOUR_MS)
    minutes = rest // MINUTE_MS
    parts = (
        [f"{days}天"] * (days > 0) + [f"{hours}小时"] * (hours > 0) + [f"{minutes}分钟"] * (minutes > 0 and not days)
    )
    return "".join(parts) or "不足1分钟"


def conduct_text(facts: CaseFacts) -> str:
    """资金交易及客户行为情况: what moved, when, between how many, and what was done about it."""
    moves = sorted(facts.movements, key=lambda move: (move.at_ms, move.seq))
    if not moves:
        return ""
    money = [move for move in moves if move.amount_fen > 0]
    lines = [_period(moves), *_sums(money), *_sizes(money), *_people(moves), *_times(moves, money), *_actions(moves)]
    return "\n".join(lines)


def analysis_text(facts: CaseFacts) -> str:
    """疑点分析: which scenarios spoke how often, what reviewers saw, and what is suggested."""
    moves = sorted(facts.movements, key=lambda move: (move.at_ms, move.seq))
    if not moves:
        return ""
    lines = ["本行交易风险监测系统对上述交易触发以下场景：" + "；".join(_scenarios(moves)) + "。"]
    rules = Counter(rule for move in moves for rule in move.rules)
    if rules:
        told = "、".join(f"{rule}（{count}笔）" for rule, count in _ranked(rules)[:10])
        lines.append(f"命中规则：{told}。")
    if facts.traits:
        lines.append("人工核查发现：" + "、".join(zh for zh, _ in facts.traits) + "。")
    right = sum(move.verdict == "right" for move in moves)
    if right:
        lines.append(f"上述交易中有{right}笔经核实确认为欺诈或异常交易。")
    if facts.ring_size > 1:
        lines.append(f"该客户账户处于由{facts.ring_size}个账户组成的关联群体之中。")
    names = "、".join(dict.fromkeys(scenario_of(move.scenario).name[0] for move in moves))
    lines.append(f"上述情形符合“{names}”的预警特征。")
    return "\n".join(lines)


def suggested_codes(facts: CaseFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(features, crimes) that the scenarios of the case suggest, the most frequent scenario first."""
    ranked = [name for name, _ in _ranked(Counter(move.scenario for move in facts.movements))]
    features = dict.fromkeys(code for name in ranked for code in scenario_of(name).features)
    crimes = dict.fromkeys(code for name in ranked for code in scenario_of(name).crimes)
    known = [code for code in crimes if code != "9999"]
    return tuple(features), tuple(known or crimes)


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _period(moves: Sequence[MovementFact]) -> str:
    first, last = moves[0].at_ms, moves[-1].at_ms
    accounts = len({move.account for move in moves if move.account}) or 1
    kinds = "、".join(f"{_KINDS.get(kind, kind)}{count}笔" for kind, count in _ranked(Counter(m.kind for m in moves)))
    when = (
        f"{minute_text(first)}至{minute_text(last)}（历时{span_text(last - first)}）"
        if last > first
        else minute_text(first)
    )
    return f"{when}，该客户名下{accounts}个账户发生触发预警的交易或操作共{len(moves)}笔，其中{kinds}。"


def _sums(money: Sequence[MovementFact]) -> Iterable[str]:
    for currency in sorted({move.currency for move in money}):
        parts = []
        for incoming, word in ((True, "转入"), (False, "转出")):
            of = [move.amount_fen for move in money if move.currency == currency and move.incoming is incoming]
            if of:
                parts.append(f"{word}{len(of)}笔、合计{yuan(sum(of), currency)}，单笔最高{yuan(max(of), currency)}")
        yield "；".join(parts) + "。"


def _sizes(money: Sequence[MovementFact]) -> Iterable[str]:
    cny = [move.amount_fen for move in money if move.currency == "CNY"]
    below = [fen for fen in cny if _BELOW_SHARE * CASH_LIMIT_FEN <= fen < CASH_LIMIT_FEN]
    if len(below) >= _SPLIT_LEAST:
        yield (
            f"其中{len(below)}笔金额在{yuan(int(_BELOW_SHARE * CASH_LIMIT_FEN))}（含）至{yuan(CASH_LIMIT_FEN)}之间，"
            f"略低于{yuan(CASH_LIMIT_FEN)}的大额现金交易报告标准，合计{yuan(sum(below))}。"
        )
    same = Counter(cny)
    amount, count = max(same.items(), key=lambda each: (each[1], each[0]), default=(0, 0))
    if count >= _SPLIT_LEAST:
        yield f"金额同为{yuan(amount)}的交易有{count}笔。"


def _people(moves: Sequence[MovementFact]) -> Iterable[str]:
    others = Counter(str(move.counterparty) for move in moves if move.counterparty)
    devices = {move.device for move in moves if move.device}
    parts = []
    if others:
        ranked = [count for _, count in _ranked(others)[:_COUNTERPARTIES_TOLD]]
        most = (
            f"，往来最多的{len(ranked)}个对手分别为{'、'.join(f'{count}笔' for count in ranked)}"
            if len(others) > 1
            else ""
        )
        parts.append(f"涉及交易对手账户{len(others)}个{most}")
    if devices:
        parts.append(f"使用设备{len(devices)}台")
    channels = _ranked(Counter(_CHANNELS.get(move.channel, move.channel) for move in moves))
    parts.append("渠道为" + "、".join(f"{name}{count}笔" for name, count in channels))
    yield "；".join(parts) + "。"


def _times(moves: Sequence[MovementFact], money: Sequence[MovementFact]) -> Iterable[str]:
    night = sum(_is_night(move.at_ms) for move in moves)
    if night and night >= _NIGHT_SHARE * len(moves):
        yield f"其中{night}笔发生在夜间22时至次日6时，占{100 * night / len(moves):.0f}%。"
    peak = _peak(moves)
    if len(peak) >= _PEAK_LEAST and len(peak) < len(moves):
        sums = sum(move.amount_fen for move in peak if move.currency == "CNY")
        yield f"最密集的1小时自{minute_text(peak[0].at_ms)}起，发生{len(peak)}笔，合计{yuan(sums)}。"
    quick = [after.at_ms - before.at_ms for before, after in pairwise(money) if before.incoming and not after.incoming]
    if quick and min(quick) <= _QUICK_MS:
        often = sum(gap <= _QUICK_MS for gap in quick)
        yield f"资金转入后最快{span_text(min(quick))}即转出；转入后{span_text(_QUICK_MS)}内转出的情形有{often}次。"


def _actions(moves: Sequence[MovementFact]) -> Iterable[str]:
    ranked = _ranked(Counter(move.outcome for move in moves))
    yield "本行已采取的措施：" + "、".join(f"{_OUTCOMES.get(name, name)}{count}笔" for name, count in ranked) + "。"


def _scenarios(moves: Sequence[MovementFact]) -> list[str]:
    ranked = _ranked(Counter(move.scenario for move in moves))
    return [f"{scenario_of(name).name[0]}（{count}笔）" for name, count in ranked]


def _peak(moves: Sequence[MovementFact]) -> Sequence[MovementFact]:
    """The densest hour, the earliest of equals; moves are in the order of time."""
    best: Sequence[MovementFact] = ()
    start = 0
    for end, move in enumerate(moves):
        while move.at_ms - moves[start].at_ms >= _PEAK_MS:
            start += 1
        if end + 1 - start > len(best):
            best = moves[start : end + 1]
    return best


def _is_night(at_ms: int) -> bool:
    hour = (at_ms + CHINA_OFFSET_MS) % DAY_MS // HOUR_MS
    return hour >= 22 or hour < 6
