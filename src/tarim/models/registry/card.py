"""The model card: what a model is for and why it is made as it is, in words of the persons who answer for it (ML-07).

TOML.  `[run]` is filled from the run record and must stay as it is; the texts of `[words]` are written by hand, and a card that
lacks one of them is refused with all that is missing.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from tarim.base.errors import DefinitionError

CARD_BYTES_MAX: Final = 64 << 10
WORDS_CHARACTERS_MIN: Final = 20
WORDS_CHARACTERS_MAX: Final = 4_000

QUESTIONS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "business_definition",
        "What counts as fraud here, for which business, customers and channels, and from which source the labels are.",
        "业务定义：针对何种业务、客户与渠道，何为欺诈，标签来自何处。",
    ),
    (
        "algorithm_rationale",
        "Why logistic regression (few features, tight budget) or boosted trees (many weak features), and what was compared.",
        "算法选择理由：为何选用逻辑回归（特征少、算力紧）或梯度提升树（弱特征多），与何者作过比较。",
    ),
    (
        "feature_rationale",
        "Why these features: what each group of them is for, and which were left out.",
        "特征选择理由：各组特征的作用，以及舍弃了哪些特征。",
    ),
    (
        "intended_use",
        "What its score is used for, by which rules or bands, and what it must not be used for.",
        "用途：评分由哪些规则或评分带使用，以及禁止的用途。",
    ),
    (
        "limitations",
        "Where it is weak: thin segments, old data, labels that come late, groups it treats differently.",
        "局限：样本稀少的客群、陈旧数据、迟到标签、群体差异等。",
    ),
    (
        "fallback",
        "What happens when it has to be stopped: the model before it, or rules alone, and who decides that.",
        "退出安排：停用后由上一模型还是仅由规则承接，由谁决定。",
    ),
)
"""Key, question in English, question in Chinese."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the run says: run_id, digests of model and dataset, kind, version of the feature set, and figures by name.

    rules_only: segments in which the model is not asked, a line each; thin: others that it learned too little of.
    compared: what it was preferred to, a line each; choice: who preferred it, and why.
    owners: who answers for the features, and for how many.
    """

    run_id: str
    model: str
    dataset: str
    kind: str
    features: str
    figures: dict[str, float]
    rules_only: tuple[str, ...] = ()
    thin: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    choice: str = ""
    owners: tuple[str, ...] = ()


def card_template(facts: CardFacts) -> str:
    """A card with the run's part filled in and the words left to write."""
    lines = [
        "# Model card.  [run] is the run's and stays as it is; write every text of [words].",
        "# 模型卡：[run] 由训练运行填写，请勿改动；[words] 各项须由人工填写。",
        "",
        "[run]",
        *(f"{key} = {_text(value)}" for key, value in _run_part(facts).items()),
        "",
        "[figures]",
        *(f"{_text(name)} = {value!r}" for name, value in sorted(facts.figures.items())),
        "",
        "[words]",
    ]
    for key, english, chinese in QUESTIONS:
        lines += [f"# {english}", f"# {chinese}", f'{key} = ""', ""]
    return "\n".join(lines)


def check_card(content: bytes, facts: CardFacts) -> dict[str, str]:
    """The words of a complete card of this run, by key.  Raises DefinitionError that names everything missing or changed."""
    if len(content) > CARD_BYTES_MAX:
        raise DefinitionError(f"the model card is longer than {CARD_BYTES_MAX} bytes")
    try:
        card: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"the model card is not TOML: {error}") from None
    problems = [f"[{key[:64]}] is unknown" for key in card if key not in ("run", "figures", "words")]
    if card.get("run") != _run_part(facts):
        problems.append("[run] is not what the run recorded")
    words = card.get("words")
    words = words if isinstance(words, dict) else {}
    known = [key for key, _, _ in QUESTIONS]
    problems += [f"words.{key[:64]} is unknown" for key in words if key not in known]
    for key in known:
        text = words.get(key)
        if not isinstance(text, str) or not text.strip():
            problems.append(f"words.{key} is missing")
        elif not WORDS_CHARACTERS_MIN <= len(text.strip()) <= WORDS_CHARACTERS_MAX:
            problems.append(f"words.{key} must have {WORDS_CHARACTERS_MIN} to {WORDS_CHARACTERS_MAX} characters")
    if problems:
        raise DefinitionError("the model card is not complete: " + "; ".join(problems))
    return {key: words[key].strip() for key in known}


def _run_part(facts: CardFacts) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {
        "run_id": facts.run_id,
        "model": facts.model,
        "dataset": facts.dataset,
        "kind": facts.kind,
        "features": facts.features,
    }
    if facts.choice:
        found["choice"] = facts.choice
    lists = {
        "compared": list(facts.compared),
        "owners": list(facts.owners),
        "rules_only": list(facts.rules_only),
        "thin": list(facts.thin),
    }
    return found | {name: each for name, each in lists.items() if each}


def _text(value: str | list[str]) -> str:
    """A TOML text, or a list of them with one a line."""
    if isinstance(value, list):
        return "[" + "".join(f"\n    {_text(each)}," for each in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)
