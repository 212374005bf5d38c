"""What a feature is, in plain words of either language, from its own definition: what `sentence` says, without a value.

payer.count("10m")          付款账户 10 分钟内的笔数           number of events of the paying account in 10 minutes
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tarim.models.domain import FEATURES_MAX
from tarim.models.sentences import Pair, Sentence, words_of
from tarim.stream import Feature, GraphFeature, ListedFeature

_FORMS: Final[Mapping[str, Pair]] = {
    "count": ("{s} {t}内{w}的笔数", "number of events of {s}{w} in {t}"),
    "sum": ("{s} {t}内{w}{c}合计", "sum of the {c} of {s}{w} in {t}"),
    "mean": ("{s} {t}内{c}平均值", "mean {c} of {s} in {t}"),
    "min": ("{s} {t}内{c}最小值", "smallest {c} of {s} in {t}"),
    "max": ("{s} {t}内{c}最大值", "largest {c} of {s} in {t}"),
    "std": ("{s} {t}内{c}的标准差", "spread (standard deviation) of the {c} of {s} in {t}"),
    "zscore": (
        "本次{c}偏离{s} {t}内均值的标准差倍数",
        "deviations of this {c} from the mean of {s} in {t}, in standard deviations",
    ),
    "ratio": ("本次{c}与{s} {t}内均值之比", "this {c} by the mean of {s} in {t}"),
    "percentile": ("{s} {t}内{c}的 {p} 分位", "percentile {p} of the {c} of {s} in {t}"),
    "over_percentile": ("本次{c}与{s} {t}内 {p} 分位之比", "this {c} by percentile {p} of {s} in {t}"),
    "outliers": (
        "{s} {t}内{c}超过中位数 {p} 倍的笔数",
        "number of events of {s} in {t} with more than {p} times their median {c}",
    ),
    "distinct": ("{s} {t}内不同{c}的个数", "number of different {c}s of {s} in {t}"),
    "is_new": ("{c}是否为{s} {t}内首次出现", "whether the {c} is new to {s} in {t}"),
    "first_seen": ("{s}首次出现距今的时长（{t}内）", "time since {s} was first seen (within {t})"),
    "since_last": ("距{s}上一笔的时长（{t}内）", "time since the last event of {s} (within {t})"),
    "share": ("{s} {t}内{w}的占比", "share of the events of {s} in {t} that are those{w}"),
    "in_out_ratio": ("{s} {t}内{c}转入转出之比", "{c} of {s} in {t} by what went the other way"),
    "label_count": ("{s} {t}内已确认欺诈的笔数", "number of events of {s} in {t} known as fraud"),
    "label_rate": ("{s} {t}内已确认欺诈的占比", "share of the events of {s} in {t} known as fraud"),
    "delayed_count": ("{s} {t}内的笔数", "number of events of {s} in {t}"),
    "label_run": ("{s} {t}内连续已确认欺诈的笔数", "number of events of {s} in a row, in {t}, known as fraud"),
    "label_run_age": ("{s}连续欺诈开始距今的时长（{t}内）", "time since a run of frauds of {s} began (within {t})"),
    "label_run_min": ("{s}连续欺诈中{c}最小值（{t}内）", "smallest {c} in the run of frauds of {s} (within {t})"),
    "since_fraud": ("距{s}上一笔已确认欺诈的时长（{t}内）", "time since the last known fraud of {s} (within {t})"),
    "since_clear": (
        "距{s}上一笔正常的时长（{t}内）",
        "time since the last event of {s} not known as fraud (within {t})",
    ),
}
_GRAPH_FORMS: Final[Mapping[str, Pair]] = {
    "fan_in": ("{t}内向{o}付款的不同账户数", "number of different accounts that paid {o} in {t}"),
    "fan_out": ("{t}内{o}付款的不同账户数", "number of different accounts that {o} paid in {t}"),
    "cycles": ("{t}内本笔形成的 {h} 步资金回环数", "number of cycles of {h} transfers that this one closes in {t}"),
    "scatter_gather": (
        "{t}内同一来源经由不同账户到达收款账户的路径数",
        "number of accounts through which one source's money reached the receiving account in {t}",
    ),
    "gather_scatter": (
        "{t}内付款账户先集中转入再分散转出的规模",
        "accounts that paid the paying account, and that it then paid, in {t}",
    ),
    "chain": (
        "{t}内以本笔结尾的资金过账链长度（最多 {h} 步）",
        "length of the chain of transfers that this one ends, in {t} (at most {h})",
    ),
    "dwell": (
        "{t}内相近金额到账距今的时长",
        "time since the paying account received about this amount (within {t})",
    ),
    "hops_to_convicted": (
        "{o}与已确认涉案账户之间的最少转账步数（{t}内，最多 {h} 步）",
        "fewest transfers between {o} and an account known for fraud (within {t}, at most {h})",
    ),
    "hops_to_listed": (
        "{o}与名单 {l} 上账户之间的最少转账步数（{t}内，最多 {h} 步）",
        "fewest transfers between {o} and an account on the list {l} (within {t}, at most {h})",
    ),
    "shared_device": ("{t}内与{o}共用设备的其他账户数", "number of other accounts that share a device with {o} in {t}"),
    "shared_device_convicted": (
        "{t}内与{o}共用设备的涉案账户数",
        "number of accounts known for fraud that share a device with {o} in {t}",
    ),
}
_SIDES: Final[Mapping[str, Pair]] = {
    "account": ("付款账户", "the paying account"),
    "payee_account": ("收款账户", "the receiving account"),
    "": ("", ""),
}
WORDED: Final = frozenset(_FORMS) | frozenset(_GRAPH_FORMS)
"""Kinds of features that have words."""


@lru_cache(maxsize=FEATURES_MAX)
def meaning(feature: Feature) -> Sentence:
    """What the feature measures, with its window."""
    subject, where, column, within = words_of(feature)
    if isinstance(feature, GraphFeature):
        forms, side, hops = _GRAPH_FORMS[feature.op], _SIDES[feature.of], feature.hops
    else:
        forms, side, hops = _FORMS[feature.op], _SIDES[""], 0
    lists = feature.lists if isinstance(feature, ListedFeature) else ()
    chinese, english = (
        " ".join(form.format(s=s, w=w, c=c, t=t, o=o, p=feature.factor, h=hops, l=link.join(lists)).split())
        for form, s, w, c, t, o, link in zip(forms, subject, where, column, within, side, (" 或 ", " or "), strict=True)
    )
    return Sentence(chinese, english)
