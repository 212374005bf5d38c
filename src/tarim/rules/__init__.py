"""Rules: text an analyst reads → tree → checked tree → compiled kernel.

`compile_ruleset` makes a `Ruleset` whose `evaluate` tells for each event which rules hold; `check_ruleset` stops before
compiling and reports every fault with line, column and the fix.  `format_ruleset` writes each condition in its one canonical
form; `to_structure` and `from_structure` turn an expression into groups and rows for a visual editor and back; `read_draft`
shows a text with its faults, `change_rule` changes one rule in it, and `merge_rulesets` takes over what somebody else
published.  Each arrow is a pure function in a file of its own: `parse`, `check`, `emit` (and `lower`, which numba calls).
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.rules.compile import Ruleset, compile_ruleset, scenario_pack, source_of, starter_pack
    from tarim.rules.domain import (
        BAND_WEIGHT_DEFAULT,
        HIT_WORDS,
        MEMBER_WORDS,
        PROBES_MAX,
        REASON_CHARS_MAX,
        RULES_MAX,
        Band,
        ExpressionError,
        Probe,
        Problem,
        Rule,
        RulesetInvalid,
    )
    from tarim.rules.drafts import Draft, DraftRule, read_draft
    from tarim.rules.edit import add_rule, change_rule, remove_rule
    from tarim.rules.format import format_expression, format_ruleset
    from tarim.rules.merge import Merged, merge_rulesets
    from tarim.rules.names import NameNote, explain_names
    from tarim.rules.parse import parse as parse_expression
    from tarim.rules.prepared import load_prepared, prepare_ruleset
    from tarim.rules.ruleset import CheckedRuleset, check_ruleset, score_bands
    from tarim.rules.structure import Structure, StructureError, from_structure, to_structure
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "BAND_WEIGHT_DEFAULT",
    "HIT_WORDS",
    "MEMBER_WORDS",
    "Merged",
    "PROBES_MAX",
    "REASON_CHARS_MAX",
    "RULES_MAX",
    "Band",
    "CheckedRuleset",
    "Draft",
    "DraftRule",
    "ExpressionError",
    "NameNote",
    "Probe",
    "Problem",
    "Rule",
    "Ruleset",
    "RulesetInvalid",
    "Structure",
    "StructureError",
    "add_rule",
    "change_rule",
    "check_ruleset",
    "compile_ruleset",
    "explain_names",
    "format_expression",
    "format_ruleset",
    "from_structure",
    "load_prepared",
    "merge_rulesets",
    "parse_expression",
    "prepare_ruleset",
    "read_draft",
    "remove_rule",
    "source_of",
    "scenario_pack",
    "starter_pack",
    "to_structure",
    "score_bands",
]
