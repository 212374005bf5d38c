"""`docs/reference/rule-language.md`, written from the code: python -m tarim.rules.reference docs/reference."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from tarim.rules import domain, parse, ruleset, structure
from tarim.rules.format import LINE_CHARS_MAX
from tarim.rules.names import NameNote, explain_names
from tarim.rules.tree import Unit

PAGE: Final = "rule-language.md"
_OPERATORS: Final = (
    ("or", "some side holds", "任一成立", "late or backfill"),
    ("and", "both sides hold", "同时成立", "late and amount_fen > 100 yuan"),
    ("not", "the condition does not hold", "不成立", "not late"),
    ("== !=", "equal, different", "等于、不等于", 'channel == "mobile"'),
    ("< <= > >=", "less, at most, more, at least", "小于、不大于、大于、不小于", "amount_fen >= 5_000 yuan"),
    ("in, not in", "one of these values; none of them", "属于所列取值；不属于", 'kind in ("transfer", "payment")'),
    (
        "in list, not in list",
        "the identifier is an entry of the list; it is known and no entry",
        "标识在名单中；标识存在且不在名单中",
        'payee_account in list "suspect_accounts"',
    ),
    (
        "between, not between",
        "from the first to the second, both included; outside of them",
        "介于两值之间（含两端）；在其之外",
        "hour between 0 and 5",
    ),
    ("is missing, is not missing", "there is no value; there is one", "缺失；不缺失", "merchant_id is not missing"),
    ("has", "the set holds this member", "集合包含该项", 'verification has "face"'),
    (
        "+ - * /",
        "arithmetic; `-` also before a value",
        "四则运算；`-` 亦可作负号",
        "amount_fen > 3 * payer_mean_amount_fen_7d",
    ),
)
_MISSING: Final = (
    (
        "A comparison with a missing side is false, and so are `!=`, `not in` and `not between`.",
        "比较的任一侧缺失时结果为假，`!=`、`not in`、`not between` 也为假。",
    ),
    (
        "`not` turns the result around: `not amount_fen > 1` is true without an amount.",
        "`not` 将结果取反：没有金额时 `not amount_fen > 1` 为真。",
    ),
    ("Arithmetic with a missing number, and division by zero, are missing.", "含缺失值的运算以及除以零，结果为缺失。"),
    (
        "An amount, city or merchant category of 0 and an absent identifier are missing.",
        "金额、城市、商户类别为 0 以及不存在的身份标识均为缺失。",
    ),
    (
        "An absent identifier is in no list, and `not in list` is false of it as well.",
        "不存在的身份标识不在任何名单中，`not in list` 也为假。",
    ),
    (
        "Features are missing where the entity's key is absent or the customer did not authorise the use of history.",
        "缺少主体标识或客户未授权使用历史交易时，特征缺失。",
    ),
)
_KEYS: Final = {
    "id": ("small letters, digits and _; unique in the ruleset", "小写字母、数字和下划线；在规则集内唯一"),
    "when": ("the condition", "条件表达式"),
    "outcome": (
        "pass, notice, challenge, delay, suspend or block",
        "处置：通过、提示、附加验证、延迟结算、挂起确认、拦截",
    ),
    "weight": ("order of the reasons, heaviest first", "理由的排序权重，大者在前"),
    "scenario": ("the kind of risk", "场景"),
    "reason": ("the reason in Chinese", "中文理由"),
    "reason_en": ("the reason in English", "英文理由"),
    "channels": ("optional: the rule holds in these channels only", "可选：仅在这些渠道生效"),
}
_LIMITS: Final = (
    ("EXPRESSION_CHARS_MAX", "characters of a condition", "条件的字符数"),
    ("EXPRESSION_DEPTH_MAX", "levels of groups and of chained arithmetic", "嵌套及连算的层数"),
    ("RULES_MAX", "rules of a ruleset", "规则集的规则数"),
    ("PROBES_MAX", "different questions to the lists in a ruleset", "规则集中不同的名单查询数"),
    ("BANDS_MAX", "score bands", "评分带数"),
    ("RULESET_CHARS_MAX", "characters of a ruleset", "规则集的字符数"),
    ("REASON_CHARS_MAX", "characters of a reason", "理由的字符数"),
    ("WEIGHT_MAX", "weight", "权重"),
)


_PAGE: Final = """<!-- Written by `python -m tarim.rules.reference docs/reference`; do not edit. -->

# The rule language 规则语言

A rule's `when` is one condition over the event, its features, the model's score and the lists. It has no loops, reaches nothing
outside, and cannot fail while it runs. How to write one: [write a ruleset](../how-to/write-a-ruleset.md).

规则的 `when` 是一个条件，可使用事件字段、特征、模型评分和名单；没有循环，不触及外部，运行时不会出错。

## Grammar 语法

```ebnf
{grammar}
```

Words of the language: {keywords}. A text stands in straight quotes, double or single. Spaces and line breaks are free.

## Operators 运算符

From the loosest to the tightest; comparisons are not chained. 自上而下结合由松到紧；比较不能连写。

{operators}

## Units 单位

A number with a unit is an amount in fen or a length of time in milliseconds. The two do not mix, nor does either
with counts, codes, ratios and the score; a number without a unit and the bank's own numbers (`extra_0` to `extra_3`) go with
anything. An amount times or by a count is an amount, an amount by an amount is a ratio, and amounts times amounts measure
nothing. 金额、时长以及次数、代码、比率之间不能混用；不带单位的数值可与任何一种比较。

{units}

A literal has at most {number_chars_max} characters and is at most {number_max:,} fen, milliseconds or plain.
数值的长度与大小以此为限。

## Missing values 缺失值

{missing}

## Names 名称

{names}

`currency` is compared with three capital letters. An identifier is asked of lists and for being there, nothing else.
Every [feature](features.md) of the set in force is a name as well: a sum, mean, least, largest, percentile or deviation of
amounts is fen, `first_seen`, ages and what begins with `since_` are milliseconds, `is_new` may stand alone as a condition, the
others are counts and ratios.
`tarim rules explain-names` prints them all. 当前特征集中的特征均可使用。

## Rules and bands 规则与评分带

{keys}

`[[policy.bands]]` has {band_keys}: from score `at_least` (0 to 1) on, up to the next band, the outcome follows;
`weight` is {band_weight} if left out. 评分达到 `at_least` 起适用该处置。

## Limits 限制

{limits}

Whatever is longer, deeper or more is refused with its place. 超出者拒绝，并指出位置。

## Canonical text 规范格式

`tarim rules format` writes each condition in one way: parentheses only where they are needed, amounts in yuan from one yuan on
when they are whole fen, lengths of time in the largest unit that leaves them whole, a condition of more than {line_chars_max}
characters on several lines. Comments and order stay. 注释和顺序保持不变。

## Structured form 结构化形式

`tarim rules structure` prints each condition as groups and rows for a visual editor; it reads back without loss.
可视化编辑器使用的分组与行，可无损还原。

```text
{structure}
```
"""


def page() -> str:
    """The whole page."""
    return _PAGE.format(
        grammar=_block(parse),
        keywords=_codes(sorted(parse.KEYWORDS)),
        operators=_table(
            ("operator", "meaning", "含义", "example"),
            ([f"`{operator}`", english, chinese, f"`{example}`"] for operator, english, chinese, example in _OPERATORS),
        ),
        units=_table(("unit", "is", "换算"), _units()),
        number_chars_max=parse.NUMBER_CHARS_MAX,
        number_max=int(parse.NUMBER_MAX),
        missing="\n".join(f"- {english} {chinese}" for english, chinese in _MISSING),
        names=_table(
            ("name", "kind", "unit", "values", "meaning", "含义"), (_name_row(note) for note in explain_names(()))
        ),
        keys=_table(("key of `[[rule]]`", "meaning", "含义"), ([f"`{key}`", *_KEYS[key]] for key in ruleset.RULE_KEYS)),
        band_keys=_codes(ruleset.BAND_KEYS),
        band_weight=domain.BAND_WEIGHT_DEFAULT,
        limits=_table(
            ("at most", "of", "上限"),
            ([f"{getattr(domain, name):,}", english, chinese] for name, english, chinese in _LIMITS),
        ),
        line_chars_max=LINE_CHARS_MAX,
        structure=_block(structure),
    )


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _block(module: ModuleType) -> str:
    """The indented part of a module's docstring."""
    lines = (module.__doc__ or "").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _units() -> Iterable[list[str]]:
    of = {Unit.FEN: ("fen", "分"), Unit.MS: ("ms", "毫秒")}
    for name, (unit, factor) in parse.UNITS.items():
        english, chinese = of[unit]
        yield [f"`{name}`", f"{factor:,} {english}", f"{factor:,} {chinese}"]


def _name_row(note: NameNote) -> list[str]:
    return [f"`{note.name}`", note.kind, note.unit, _codes(note.values), note.text_en, note.text_zh]


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
