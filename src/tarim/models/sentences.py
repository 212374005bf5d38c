"""What a feature's value says, in a plain sentence of either language, from the feature's own definition.

    payer.count("10m") = 7      付款账户 10 分钟内 7 笔           7 events of the paying account in 10 minutes

Values are no finer than a reader needs (ML-23): counts as they are, sums of money, spans of time and ratios to two digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from tarim.stream import Condition, Entity, Feature

Pair = tuple[str, str]
"""Chinese and English."""

_ENTITIES: Final[Mapping[str, Pair]] = {
    "payer": ("付款账户", "the paying account"),
    "payee": ("收款账户", "the receiving account"),
    "device": ("该设备", "the device"),
    "address": ("该网络地址", "the network address"),
    "customer": ("该客户", "the customer"),
    "sender": ("转出账户", "the account that money leaves"),
    "merchant": ("该商户", "the merchant"),
    "terminal": ("该终端", "the terminal"),
    "inviter": ("邀请人", "the customer who invited"),
}
_FIELDS: Final[Mapping[str, Pair]] = {
    "customer": ("客户", "customer"),
    "account": ("付款账户", "paying account"),
    "payee_account": ("收款账户", "receiving account"),
    "device_id": ("设备", "device"),
    "ip": ("网络地址", "network address"),
    "merchant_id": ("商户", "merchant"),
    "city": ("城市", "city"),
    "amount_fen": ("金额", "amount"),
    "kind": ("业务种类", "kind of event"),
    "channel": ("渠道", "channel"),
    "result": ("结果", "result"),
    "verification": ("验证方式", "verification"),
    "currency": ("币种", "currency"),
    "merchant_category": ("商户类别", "merchant category"),
    "network_kind": ("网络类型", "kind of network"),
}
_CONDITIONS: Final[Mapping[str, Pair]] = {
    "night": ("夜间", "at night"),
    "round": ("整百元", "of whole hundreds of yuan"),
    "outgoing": ("转出", "that move money out"),
    "deposited": ("存入", "that are deposits"),
    "purchase": ("消费", "that are purchases"),
    "signup": ("注册", "that are sign-ups"),
    "failed_login": ("登录失败", "that are failed log-ins"),
    "near_limit": ("略低于五万元", "just below 50,000 yuan"),
    "ten_thousands": ("整万元", "of whole ten thousands of yuan"),
    "below_thousand": ("略低于一千元", "just below 1,000 yuan"),
    "large_purchase": ("八百元以上消费", "that are purchases from 800 yuan on"),
}
_UNITS: Final = (
    (DAY_MS, "天", "day"),
    (HOUR_MS, "小时", "hour"),
    (MINUTE_MS, "分钟", "minute"),
    (SECOND_MS, "秒", "second"),
    (1, "毫秒", "millisecond"),
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class _Form:
    """How a kind of feature is said: templates of subject {s}, condition {w}, field {c}, span {t}, factor {p}, value {v}."""

    zh: str
    en: str
    value: Callable[[Feature, float], Pair]


def _number(value: float) -> str:
    """Two digits that count, whole numbers from 10 on; no exponent."""
    if value == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.0f}" if digits <= 0 else f"{rounded:.{digits}f}".rstrip("0").rstrip(".")


def _count(_: Feature, value: float) -> Pair:
    number = f"{value:,.0f}"
    return number, number


def _ratio(_: Feature, value: float) -> Pair:
    number = _number(value)
    return number, number


def _percent(_: Feature, value: float) -> Pair:
    number = f"{_number(100 * value)}%"
    return number, number


def _amount(feature: Feature, value: float) -> Pair:
    """Money in yuan when the field holds fen, else a plain number."""
    if feature.column != "amount_fen":
        return _ratio(feature, value)
    number = _number(value / 100)
    return f"约 {number} 元", f"about {number} yuan"


def span(length_ms: float) -> Pair:
    """A length of time in its largest fitting unit, to two digits."""
    for unit_ms, zh, en in _UNITS:
        if length_ms >= unit_ms or unit_ms == 1:
            number = _number(length_ms / unit_ms)
            return f"{number} {zh}", f"{number} {en}" + ("" if number == "1" else "s")
    raise AssertionError("the last unit fits everything")


def _since(_: Feature, value: float) -> Pair:
    return span(value)


def _whether(yes: Pair, no: Pair) -> Callable[[Feature, float], Pair]:
    return lambda _, value: yes if value else no


_FORMS: Final[Mapping[str, _Form]] = {
    "count": _Form("{s} {t}内{w} {v} 笔", "{v} events of {s}{w} in {t}", _count),
    "sum": _Form("{s} {t}内{w}{c}合计{v}", "{c} of {s}{w} in {t}, all together: {v}", _amount),
    "mean": _Form("{s} {t}内{c}平均{v}", "mean {c} of {s} in {t}: {v}", _amount),
    "min": _Form("{s} {t}内{c}最小{v}", "smallest {c} of {s} in {t}: {v}", _amount),
    "max": _Form("{s} {t}内{c}最大{v}", "largest {c} of {s} in {t}: {v}", _amount),
    "std": _Form("{s} {t}内{c}的标准差{v}", "spread of the {c} of {s} in {t}: {v}", _amount),
    "zscore": _Form(
        "本次{c}偏离{s} {t}内均值 {v} 个标准差", "this {c} lies {v} deviations from the mean of {s} in {t}", _ratio
    ),
    "ratio": _Form("本次{c}是{s} {t}内均值的 {v} 倍", "this {c} is {v} times the mean of {s} in {t}", _ratio),
    "percentile": _Form("{s} {t}内{c}的 {p} 分位为{v}", "percentile {p} of the {c} of {s} in {t}: {v}", _amount),
    "over_percentile": _Form(
        "本次{c}是{s} {t}内 {p} 分位的 {v} 倍", "this {c} is {v} times percentile {p} of {s} in {t}", _ratio
    ),
    "outliers": _Form(
        "{s} {t}内 {v} 笔{c}超过其中位数 {p} 倍",
        "{v} events of {s} in {t} with more than {p} times their median {c}",
        _count,
    ),
    "distinct": _Form("{s} {t}内涉及 {v} 个不同的{c}", "different {c}s of {s} in {t}: {v}", _count),
    "is_new": _Form(
        "{v}是{s} {t}内的新{c}",
        "this {c} is {v} {s} in {t}",
        _whether(("本次", "new to"), ("本次不", "known to")),
    ),
    "first_seen": _Form("{s}首次出现于 {v} 前（{t}内）", "{s} was first seen {v} ago (within {t})", _since),
    "since_last": _Form("距{s}上一笔 {v}", "{v} since the last event of {s}", _since),
    "share": _Form("{s} {t}内{w}占 {v}", "{v} of the events of {s} in {t} are those{w}", _percent),
    "in_out_ratio": _Form(
        "{s} {t}内{c}转出转入之比 {v}", "{c} of {s} in {t} against what went the other way: {v} times", _ratio
    ),
    "label_count": _Form("{s} {t}内已确认欺诈 {v} 笔", "{v} events of {s} in {t} are known as fraud", _count),
    "label_rate": _Form("{s} {t}内已确认欺诈占 {v}", "{v} of the events of {s} in {t} are known as fraud", _percent),
    "delayed_count": _Form("{s} {t}内 {v} 笔", "{v} events of {s} in {t}", _count),
    "label_run": _Form(
        "{s} {t}内连续 {v} 笔已确认欺诈", "{v} events of {s} in a row, in {t}, are known as fraud", _count
    ),
    "label_run_age": _Form(
        "{s}连续欺诈始于 {v} 前（{t}内）", "a run of frauds of {s} began {v} ago (within {t})", _since
    ),
    "label_run_min": _Form(
        "{s}连续欺诈中{c}最小{v}（{t}内）", "smallest {c} in the run of frauds of {s} (within {t}): {v}", _amount
    ),
    "since_fraud": _Form("距{s}上一笔已确认欺诈 {v}", "{v} since the last known fraud of {s}", _since),
    "since_clear": _Form("距{s}上一笔正常 {v}", "{v} since the last event of {s} not known as fraud", _since),
}
OPERATIONS: Final = frozenset(_FORMS)
"""Kinds of features that have words."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What the values of a feature say.  zh, en: what stands before, between and after the value; unknown: said of NaN."""

    feature: Feature
    zh: list[str]
    en: list[str]
    value: Callable[[Feature, float], Pair]
    unknown: Sentence

    def say(self, value: float) -> Sentence:
        """What the value says; NaN: that nothing is known."""
        if value != value:
            return self.unknown
        zh, en = self.value(self.feature, value)
        return Sentence(zh.join(self.zh), en.join(self.en))


def wording(feature: Feature) -> Wording:
    """The words of a feature, whose `op` is one of OPERATIONS: put together once, not for every value."""
    form = _FORMS[feature.op]
    subject, where, field, within = words_of(feature)
    zh, en = (
        " ".join(template.format(s=s, w=w, c=c, t=t, v="{v}", p=feature.factor).split()).split("{v}")
        for template, s, w, c, t in zip((form.zh, form.en), subject, where, field, within, strict=True)
    )
    unknown = Sentence(
        f"{subject[0]} {within[0]}内没有可比的记录", f"no record of {subject[1]} in {within[1]} to compare with"
    )
    return Wording(feature, zh, en, form.value, unknown)


def words_of(feature: Feature) -> tuple[Pair, Pair, Pair, Pair]:
    """Whom it is about, its condition ("" for none), its field and its span of time."""
    within = span(feature.window_ms)
    if feature.delay_ms:
        delay = span(feature.delay_ms)
        within = (f"{delay[0]}前的 {within[0]}", f"{within[1]} up to {delay[1]} ago")
    column = _FIELDS.get(feature.column or "amount_fen", (feature.column, feature.column))
    return _entity(feature.entity), _where(feature.where), column, within


def plain_sentence(name: str, value: float) -> Sentence:
    """For a number that is not a declared feature."""
    if math.isnan(value):
        return Sentence(f"{name} 未知", f"{name} is not known")
    return Sentence(f"{name} 为 {_number(value)}", f"{name} is {_number(value)}")


def _entity(entity: Entity) -> Pair:
    if entity.name in _ENTITIES:
        return _ENTITIES[entity.name]
    words = [_FIELDS.get(field, (field, field)) for field in entity.key_fields]
    return "与".join(f"该{zh}" for zh, _ in words), "the " + " and the ".join(en for _, en in words)


def _where(condition: Condition | None) -> Pair:
    if condition is None:
        return "", ""
    zh, en = _CONDITIONS.get(condition.name, (f"满足 {condition.name} 的", f"that meet {condition.name}"))
    return zh, " " + en
