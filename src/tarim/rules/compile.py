"""Checked ruleset → something that runs: the last arrow, and the one that touches the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tarim.rules.domain import Band, Probe, Rule
from tarim.rules.emit import emit
from tarim.rules.kernel_cache import Kernel, load_kernel
from tarim.rules.ruleset import CheckedRuleset, check_ruleset


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A ruleset that runs.

    `evaluate(rows int64[n, 32], features float64[n, F], scores float64[n], members uint64[n, 4], hits uint64[n, 4])`
    overwrites `hits`.  `scores` are the model's, NaN without one.  Bit p % 64 of `members[i, p // 64]`
    says whether the identifier that `probes[p]` names is an entry of its list for event i.
    `version` is the SHA-256 of the text, hex.
    """

    name: str
    version: str
    text: str
    feature_names: tuple[str, ...]
    rules: tuple[Rule, ...]
    bands: tuple[Band, ...]
    probes: tuple[Probe, ...]
    evaluate: Kernel


def compile_ruleset(text: str, feature_names: Sequence[str], cache_folder: Path | None = None) -> Ruleset:
    """The ruleset of a TOML text over features in this order.  Raises RulesetInvalid with every problem found.

    With `cache_folder` the machine code is kept, and loading the same rules again takes milliseconds instead of a second.
    """
    checked = check_ruleset(text, feature_names)
    kernel = load_kernel(source_of(checked), cache_folder)
    return Ruleset(
        checked.name,
        checked.version,
        checked.text,
        checked.feature_names,
        checked.rules,
        checked.bands,
        checked.probes,
        kernel,
    )


def source_of(checked: CheckedRuleset) -> str:
    """Source of the kernel's module: the checked trees."""
    return emit(
        [expression.condition for expression in checked.expressions],
        [[int(channel) for channel in rule.channels] for rule in checked.rules],
        checked.probes,
    )


def starter_pack() -> str:
    """Text of the ruleset that comes with the product, over the reference features."""
    return resources.files("tarim.rules").joinpath("packs/starter.toml").read_text(encoding="utf-8")


def scenario_pack() -> str:
    """Text of the ruleset with every scenario of a bank, over `tarim.stream.scenario_features`."""
    return resources.files("tarim.rules").joinpath("packs/bank.toml").read_text(encoding="utf-8")
