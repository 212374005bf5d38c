"""What a rule may name, told to people: kind, unit, values and meaning of each word in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tarim.privacy import FIELDS
from tarim.rules.tree import Unit
from tarim.rules.vocabulary import (
    EVENT_NAMES,
    CodeField,
    FlagField,
    NumberField,
    SetField,
    TokenField,
    is_yes_or_no,
    unit_of_feature,
)

_DERIVED: Final = {
    "hour": ("hour of the day in China, 0 to 23", "北京时间的小时，0 到 23"),
    "weekday": ("day of the week in China, 0 = Monday to 6 = Sunday", "北京时间的星期，0 为星期一，6 为星期日"),
    "score": ("the model's score, 0 to 1; missing without a model", "模型评分，0 到 1；没有模型时缺失"),
    "band": (
        "the band the score lies in, by the names the ruleset gives its bands, lowest first; missing below the first band",
        "评分所在的评分带，名称由规则集给出，由低到高；低于最低评分带时缺失",
    ),
    "late": ("the event came later than the features wait for", "事件晚到，超出特征等待的时间"),
    "backfill": ("the event was fed after an outage", "中断之后补录的事件"),
    "payee_name_score": (
        "how alike the payee's name is to somebody on a watch list, 0 to 100; 0 is nobody",
        "收款人姓名与监控名单的相似度，0 到 100；0 为无匹配",
    ),
    "customer_name_score": (
        "the same of the customer's registered name",
        "客户登记姓名与监控名单的相似度，0 到 100；0 为无匹配",
    ),
    "payee_name_unscreened": (
        "the screening of the payee's name had no answer in time",
        "收款人姓名未能及时完成筛查",
    ),
}
_UNITS: Final = {Unit.PLAIN: "", Unit.COUNT: "", Unit.FEN: "fen", Unit.MS: "ms"}


@dataclass(frozen=True, slots=True)
class NameNote:
    """One word a rule may use.

    kind: number, code, set, condition, identifier or feature.  unit: fen, ms or "".  values: the quoted names a code or set
    has, () where there are none or any currency goes.  stands_alone: whether it is a condition by itself.
    """

    name: str
    kind: str
    unit: str
    values: tuple[str, ...]
    text_en: str
    text_zh: str
    stands_alone: bool = False


def explain_names(feature_names: Sequence[str]) -> list[NameNote]:
    """Every name a rule over these features may use: the event's own in the order of the vocabulary, then the features."""
    return [*(_event_note(name) for name in EVENT_NAMES), *(_feature_note(name) for name in feature_names)]


def _event_note(name: str) -> NameNote:
    known = EVENT_NAMES[name]
    english, chinese = _DERIVED[name] if name in _DERIVED else (FIELDS[known.field].doc, FIELDS[known.field].doc_zh)
    match known:
        case NumberField():
            return NameNote(name, "number", _UNITS[known.unit], (), english, chinese)
        case CodeField():
            return NameNote(name, "code", "", tuple(known.codes or ()), english, chinese)
        case SetField():
            members = tuple(member for member, mask in known.members.items() if mask)
            return NameNote(name, "set", "", members, english, chinese)
        case FlagField():
            return NameNote(name, "condition", "", (), english, chinese, True)
        case TokenField():
            return NameNote(name, "identifier", "", (), english, chinese)


def _feature_note(name: str) -> NameNote:
    if is_yes_or_no(name):
        return NameNote(
            name, "feature", "", (), "1 or 0; may stand alone as a condition", "取值 1 或 0；可单独作为条件", True
        )
    unit = _UNITS[unit_of_feature(name)]
    told = {
        "fen": ("an amount; compare it with yuan or fen", "金额；与 yuan 或 fen 比较"),
        "ms": ("a length of time; compare it with ms, s, m, h or d", "时长；与 ms、s、m、h 或 d 比较"),
        "": ("a number", "数值"),
    }
    return NameNote(name, "feature", unit, (), *told[unit])
