"""Ruleset text (TOML) → checked ruleset: every rule parsed and checked, every fault reported at once.

name = "starter"

[[rule]]
id = "many_transfers"            # letters, digits, _; unique
when = "payer_count_10m >= 5"    # the condition
outcome = "challenge"            # a name of the ladder
weight = 60                      # order of the reasons, 0 to 1,000
scenario = "telecom_fraud"
reason = "十分钟内转账频繁"
reason_en = "many transfers within ten minutes"
channels = ["mobile", "pc"]      # optional

[[policy.bands]]                 # optional: what a model's score alone leads to
at_least = 0.9
outcome = "delay"
name = "high"                    # optional: rules may ask `band == "high"` or `band >= "high"`
reason = "模型评分高"
reason_en = "high model score"
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tarim.rules.check import check_with_index
from tarim.rules.checked import Always, CheckedExpression
from tarim.rules.domain import (
    BAND_WEIGHT_DEFAULT,
    BANDS_MAX,
    PROBES_MAX,
    REASON_CHARS_MAX,
    RULES_MAX,
    RULESET_CHARS_MAX,
    WEIGHT_MAX,
    Band,
    ExpressionError,
    Probe,
    Problem,
    Rule,
    RulesetInvalid,
)
from tarim.rules.parse import parse
from tarim.rules.positions import Positions
from tarim.stream import Channel, Outcome

RULE_KEYS: Final = ("id", "when", "outcome", "weight", "scenario", "reason", "reason_en", "channels")
BAND_KEYS: Final = ("at_least", "outcome", "weight", "reason", "reason_en", "name")
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OUTCOMES: Final = {outcome.name.lower(): outcome for outcome in Outcome}
_CHANNELS: Final = {channel.name.lower(): channel for channel in Channel}
_T = TypeVar("_T")
_NOTHING: Final = CheckedExpression(Always(False), ())


@dataclass(frozen=True, slots=True)
class CheckedRuleset:
    """A ruleset without fault, before compilation; `expressions[k]` belongs to `rules[k]`.

    `version` is the SHA-256 of the text in hex: the same text is the same version wherever it runs.
    """

    name: str
    version: str
    text: str
    feature_names: tuple[str, ...]
    rules: tuple[Rule, ...]
    expressions: tuple[CheckedExpression, ...]
    bands: tuple[Band, ...]
    probes: tuple[Probe, ...]


def check_ruleset(text: str, feature_names: Sequence[str]) -> CheckedRuleset:
    """The checked ruleset of a TOML text.  Raises RulesetInvalid with every problem found."""
    return _Reader(text, tuple(feature_names)).read(read_toml(text))


def score_bands(text: str) -> tuple[Band, ...]:
    """The score bands of a ruleset's text, whatever features its rules name.  Raises RulesetInvalid."""
    return _Reader(text, ()).only_bands(read_toml(text))


def read_toml(text: str) -> dict[str, Any]:
    """The TOML document of a ruleset's text.  Raises RulesetInvalid where it is none, or longer than RULESET_CHARS_MAX."""
    if len(text) > RULESET_CHARS_MAX:
        raise _unreadable(
            f"the ruleset is longer than {RULESET_CHARS_MAX} characters", f"规则集超过 {RULESET_CHARS_MAX} 个字符"
        )
    try:
        text.encode()
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        what = str(error).split(" (at ")[0]
        raise _unreadable(f"not TOML: {what}", f"不是有效的 TOML：{what}", line, column) from None
    except UnicodeEncodeError:
        raise _unreadable("not text: it holds half of a surrogate pair", "不是有效文本：含有不成对的代理字符") from None
    except RecursionError:
        raise _unreadable("not TOML: nested too deeply", "不是有效的 TOML：嵌套过深") from None
    except ValueError:  # a whole number of thousands of digits
        raise _unreadable("not TOML: a number is too long", "不是有效的 TOML：数值过长") from None


def _unreadable(english: str, chinese: str, line: int = 0, column: int = 0) -> RulesetInvalid:
    return RulesetInvalid([Problem("", line, column, english, chinese)])


class _Reader:
    def __init__(self, text: str, feature_names: tuple[str, ...]) -> None:
        self._text = text
        self._feature_names = feature_names
        self._index_of = {name: index for index, name in enumerate(feature_names)}
        self._positions = Positions(text)
        self._problems: list[Problem] = []
        self._score_bands: tuple[Band, ...] = ()

    def only_bands(self, document: Mapping[str, Any]) -> tuple[Band, ...]:
        policy = document.get("policy", {})
        bands = self._bands(self._tables(policy if isinstance(policy, dict) else {}, "bands", BANDS_MAX))
        if self._problems:
            raise RulesetInvalid(self._problems)
        return bands

    def read(self, document: Mapping[str, Any]) -> CheckedRuleset:
        self._known_keys(document, ("name", "rule", "policy"), "", (1, 1))
        name = self._text_of(document, "name", "", (1, 1), 64)
        policy = document.get("policy", {})
        if not isinstance(policy, dict):
            self._add("", (1, 1), "`policy` must be a table", "`policy` 应为表")
            policy = {}
        self._known_keys(policy, ("bands",), "policy", (1, 1))
        bands = self._score_bands = self._bands(self._tables(policy, "bands", BANDS_MAX))
        rules, expressions = self._rules(self._tables(document, "rule", RULES_MAX))
        probes = tuple(dict.fromkeys(probe for expression in expressions for probe in expression.probes))
        if len(probes) > PROBES_MAX:
            self._add(
                "",
                (1, 1),
                f"the rules ask {len(probes)} different questions of the lists, at most {PROBES_MAX}; merge lists",
                f"规则共有 {len(probes)} 种名单查询，最多 {PROBES_MAX} 种；请合并名单",
            )
        if self._problems:
            raise RulesetInvalid(sorted(self._problems, key=lambda problem: (problem.line, problem.column)))
        version = hashlib.sha256(self._text.encode()).hexdigest()
        return CheckedRuleset(name, version, self._text, self._feature_names, rules, expressions, bands, probes)

    def _add(self, rule: str, place: tuple[int, int], english: str, chinese: str) -> None:
        self._problems.append(Problem(rule, *place, english, chinese))

    def _tables(self, parent: Mapping[str, Any], key: str, count_max: int) -> list[dict[str, Any]]:
        tables = parent.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._add("", (1, 1), f"`{key}` must be a list of tables, [[{key}]]", f"`{key}` 应为表的列表 [[{key}]]")
            return []
        if len(tables) > count_max:
            self._add(
                "",
                (1, 1),
                f"{len(tables)} of {key}, at most {count_max}",
                f"{key} 有 {len(tables)} 个，最多 {count_max} 个",
            )
            return []
        return tables

    # --- rules ------------------------------------------------------------------------------------------------------

    def _rules(self, tables: list[dict[str, Any]]) -> tuple[tuple[Rule, ...], tuple[CheckedExpression, ...]]:
        rules, expressions, seen = [], [], set[str]()
        for index, table in enumerate(tables):
            place = self._positions.rule(index)
            rule_id = self._text_of(table, "id", f"rule {index + 1}", place, 64)
            if rule_id and _ID.fullmatch(rule_id) is None:
                self._add(
                    rule_id, place,
                    "`id` must be small letters, digits and _, starting with a letter, at most 64",
                    "`id` 应为小写字母、数字和下划线，以字母开头，最多 64 个字符",
                )  # fmt: skip
            if rule_id in seen:
                self._add(
                    rule_id, place, "this id is used twice; give each rule its own", "编号重复；每条规则须有自己的编号"
                )
            seen.add(rule_id)
            known = rule_id or f"rule {index + 1}"
            self._known_keys(table, RULE_KEYS, known, place)
            when = self._text_of(table, "when", known, place, RULESET_CHARS_MAX)
            expression = self._expression(index, known, when) if when else _NOTHING
            rules.append(
                Rule(
                    index,
                    rule_id,
                    when,
                    self._outcome(table, known, place),
                    self._weight(table, known, place, None),
                    self._text_of(table, "scenario", known, place, 64),
                    self._text_of(table, "reason", known, place, REASON_CHARS_MAX),
                    self._text_of(table, "reason_en", known, place, REASON_CHARS_MAX),
                    self._channels(table, known, place),
                    expression.reads,
                )
            )
            expressions.append(expression)
        return tuple(rules), tuple(expressions)

    def _expression(self, index: int, rule: str, when: str) -> CheckedExpression:
        try:
            return check_with_index(parse(when), self._index_of, bands=self._score_bands)
        except ExpressionError as error:
            place = self._positions.expression(index, when, error.at)
            problem = Problem(rule, *place, error.text_en, error.text_zh, error.suggestion, index, error.at)
            self._problems.append(problem)
            return _NOTHING

    def _channels(self, table: Mapping[str, Any], rule: str, place: tuple[int, int]) -> tuple[Channel, ...]:
        names = table.get("channels", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._add(rule, place, "`channels` must be a list of channel names", "`channels` 应为渠道名称的列表")
            return ()
        return tuple(
            dict.fromkeys(self._choice(name, _CHANNELS, "channels", rule, place, Channel.UNKNOWN) for name in names)
        )

    # --- bands ------------------------------------------------------------------------------------------------------

    def _bands(self, tables: list[dict[str, Any]]) -> tuple[Band, ...]:
        bands = [self._band(table, f"band {index + 1}") for index, table in enumerate(tables)]
        for index, (lower, upper) in enumerate(itertools.pairwise(bands)):
            if not lower.at_least < upper.at_least:
                self._add(
                    f"band {index + 2}", (0, 0), "bands go upwards in `at_least`", "评分带须按 `at_least` 递增排列"
                )
        names = [band.name for band in bands if band.name]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                self._add("", (0, 0), f"two bands are named {name!r}", f"评分带名称 {name!r} 重复")
        return tuple(bands)

    def _band(self, table: Mapping[str, Any], band: str) -> Band:
        self._known_keys(table, BAND_KEYS, band, (0, 0))
        at_least = table.get("at_least")
        if isinstance(at_least, bool) or not isinstance(at_least, int | float) or not 0 <= at_least <= 1:
            self._add(band, (0, 0), "`at_least` must be a score from 0 to 1", "`at_least` 应为 0 到 1 的评分")
            at_least = 0.0
        return Band(
            float(at_least),
            self._outcome(table, band, (0, 0)),
            self._weight(table, band, (0, 0), BAND_WEIGHT_DEFAULT),
            self._text_of(table, "reason", band, (0, 0), REASON_CHARS_MAX),
            self._text_of(table, "reason_en", band, (0, 0), REASON_CHARS_MAX),
            self._band_name(table, band),
        )

    def _band_name(self, table: Mapping[str, Any], band: str) -> str:
        name = self._text_of(table, "name", band, (0, 0), 64) if "name" in table else ""
        if name and _ID.fullmatch(name) is None:
            self._add(
                band, (0, 0),
                "`name` must be small letters, digits and _, starting with a letter, at most 64",
                "`name` 应为小写字母、数字和下划线，以字母开头，最多 64 个字符",
            )  # fmt: skip
        return name

    # --- values -----------------------------------------------------------------------------------------------------

    def _known_keys(self, table: Mapping[str, Any], known: Sequence[str], rule: str, place: tuple[int, int]) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key[:64], known, n=1)
                hint = f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(known)}"
                hint_zh = f"；是否指 `{close[0]}`？" if close else f"；可用的键：{'、'.join(known)}"
                self._add(rule, place, f"unknown key `{key[:64]}`{hint}", f"未知的键 `{key[:64]}`{hint_zh}")

    def _text_of(self, table: Mapping[str, Any], key: str, rule: str, place: tuple[int, int], length_max: int) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            self._add(rule, place, f"`{key}` is needed, a text", f"缺少 `{key}`（文本）")
            return ""
        if len(value) > length_max:
            self._add(
                rule, place, f"`{key}` has more than {length_max} characters", f"`{key}` 超过 {length_max} 个字符"
            )
            return ""
        return value

    def _weight(self, table: Mapping[str, Any], rule: str, place: tuple[int, int], default: int | None) -> int:
        weight = table.get("weight", default)
        if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= WEIGHT_MAX:
            self._add(
                rule,
                place,
                f"`weight` must be a whole number from 0 to {WEIGHT_MAX}",
                f"`weight` 应为 0 到 {WEIGHT_MAX} 的整数",
            )
            return 0
        return weight

    def _outcome(self, table: Mapping[str, Any], rule: str, place: tuple[int, int]) -> Outcome:
        name = self._text_of(table, "outcome", rule, place, 32)
        return self._choice(name, _OUTCOMES, "outcome", rule, place, Outcome.PASS) if name else Outcome.PASS

    def _choice(
        self, name: str, choices: Mapping[str, _T], key: str, rule: str, place: tuple[int, int], otherwise: _T
    ) -> _T:
        if name in choices:
            return choices[name]
        names = ", ".join(choices)
        self._add(
            rule,
            place,
            f"`{key}` has no value {name[:64]!r}; it has {names}",
            f"`{key}` 没有取值 {name[:64]!r}；可用取值：{names}",
        )
        return otherwise
