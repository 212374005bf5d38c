"""Rules: text an analyst reads → tree → checked tree → compiled kernel.

`compile_ruleset` makes a `Ruleset` whose `evaluate` tells for each event which rules hold; `check_ruleset` stops before
compiling and reports every fault with line, column and the fix.  Each arrow is a pure function in a file of its own:
`parse`, `check`, `emit` (and `lower`, which numba calls).
"""

from tarim.rules.compile import Ruleset, compile_ruleset, source_of, starter_pack
from tarim.rules.domain import (
    HIT_WORDS,
    MEMBER_WORDS,
    PROBES_MAX,
    RULES_MAX,
    Band,
    ExpressionError,
    Probe,
    Problem,
    Rule,
    RulesetInvalid,
)
from tarim.rules.ruleset import CheckedRuleset, check_ruleset

__all__ = [
    "HIT_WORDS",
    "MEMBER_WORDS",
    "PROBES_MAX",
    "RULES_MAX",
    "Band",
    "CheckedRuleset",
    "ExpressionError",
    "Probe",
    "Problem",
    "Rule",
    "Ruleset",
    "RulesetInvalid",
    "check_ruleset",
    "compile_ruleset",
    "source_of",
    "starter_pack",
]
