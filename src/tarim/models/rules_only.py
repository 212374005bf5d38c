"""Where a model is not asked: segments it saw too little of, in which rules alone decide (ML-27).

The run that trains a model writes them into the model's file, so they belong to its version: whoever loads the model, in the
service, in a replay or in a backtest, leaves out the same events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.models.divisions import CODES, ROW_DIVISIONS, TITLES, VALUES

SEGMENTS_MAX: Final = sum(map(len, VALUES.values()))
_CHINESE: Final = {
    "transfer": "转账", "payment": "消费", "withdrawal": "取现", "deposit": "存入", "login": "登录操作", "signup": "注册",
    "application": "申请", "binding": "绑定", "confirmation": "确认", "reversal": "冲正", "label": "标签", "unknown": "不明",
    "pc": "网上银行", "mobile": "手机银行", "counter": "柜面", "atm": "自助设备", "pos": "POS 终端", "api": "接口",
}  # fmt: skip
"""Kinds and channels as a reason calls them."""


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of one of ROW_DIVISIONS; rows and frauds: how many of it the model learned from."""

    division: str
    value: str
    rows: int
    frauds: int


@dataclass(frozen=True, slots=True)
class RulesOnly:
    """Segments of a model in which rules alone decide; an event belongs to one when any of its divisions has that value."""

    segments: tuple[Segment, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.segments)

    @property
    def table(self) -> npt.NDArray[np.uint8]:
        """Which codes they are, shape (len(ROW_DIVISIONS), CODES): 1 = rules alone decide."""
        found = np.zeros((len(ROW_DIVISIONS), CODES), np.uint8)
        for each in self.segments:
            found[ROW_DIVISIONS.index(each.division), VALUES[each.division].index(each.value)] = 1
        return found

    def covers(self, segments: Mapping[str, npt.NDArray[Any]], count: int) -> npt.NDArray[np.bool_]:
        """Of `count` rows, with the text of each by division, those that belong to one of these segments; shape (count,)."""
        found = np.zeros(count, bool)
        for division in {each.division for each in self.segments} & set(segments):
            values = [each.value for each in self.segments if each.division == division]
            found |= np.isin(segments[division].astype(str), values)
        return found

    def as_document(self) -> list[dict[str, Any]]:
        """Plain values, fit for JSON; `rules_only_of` reads them back."""
        return [msgspec.structs.asdict(each) for each in self.segments]


def rules_only_of(document: Any) -> RulesOnly:
    """The segments in a model file.  Raises DefinitionError for a division or value that no event can have."""
    try:
        segments = msgspec.convert(document, tuple[Segment, ...])
    except msgspec.ValidationError as error:
        raise DefinitionError(f"the model's segments for rules cannot be read: {error}") from None
    if len(segments) > SEGMENTS_MAX:
        raise DefinitionError(
            f"the model leaves {len(segments)} segments to rules, at most {SEGMENTS_MAX} are possible"
        )
    for each in segments:
        if each.value not in VALUES.get(each.division, ()):
            raise DefinitionError(
                f"the model leaves {each.division[:64]}={each.value[:64]} to rules, which no event can be"
            )
    if len({(each.division, each.value) for each in segments}) != len(segments):
        raise DefinitionError("the model leaves a segment to rules twice")
    return RulesOnly(segments)


def segment_texts(division: int, code: int) -> tuple[str, str]:
    """A segment by the codes of a decision, in Chinese and English, such as `种类：登录操作` and `kind login`."""
    name = ROW_DIVISIONS[division]
    value = VALUES[name][code]
    zh, en = TITLES[name]
    return f"{zh}：{_CHINESE.get(value, value)}", f"{en} {value}"


def listed(segments: Iterable[Segment]) -> list[str]:
    """A line each, as a model's card has them."""
    return [f"{each.division}={each.value}: {each.rows} rows, {each.frauds} frauds" for each in segments]
