"""What a decision's bits mean: rules and bands of a ruleset by index, read off its text without compiling it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged
from tarim.decisions import VERIFICATION_WEIGHT, Word, effective_of, hold_shortfall
from tarim.desk.domain import Ground
from tarim.rules import BAND_WEIGHT_DEFAULT
from tarim.stream import Outcome

VERIFICATION: Final = Ground("verification", "verification", "", Outcome.CHALLENGE, VERIFICATION_WEIGHT)


@dataclass(frozen=True, slots=True)
class RuleWords:
    """Grounds of a ruleset: `rules[k]` is rule k's, `bands[b]` that of the score's band b."""

    rules: tuple[Ground, ...]
    bands: tuple[Ground, ...]

    @classmethod
    def of(cls, text: bytes) -> RuleWords:
        """Of a ruleset that was published, so that it is known to be sound.  Raises Damaged when it is not."""
        try:
            document: dict[str, Any] = tomllib.loads(text.decode())
            rules = [
                Ground("rule", rule["id"], rule["scenario"], Outcome[rule["outcome"].upper()], rule["weight"])
                for rule in document.get("rule", ())
            ]
            bands = [
                Ground("score", "score", "", Outcome[band["outcome"].upper()], band.get("weight", BAND_WEIGHT_DEFAULT))
                for band in document.get("policy", {}).get("bands", ())
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged("a ruleset that was in force cannot be read") from None
        return cls(tuple(rules), tuple(bands))

    def grounds(self, decision: npt.NDArray[np.int64]) -> tuple[Ground, ...]:
        """Grounds of one decision, shape (DECISION_WORDS,), in the order of its reasons: heaviest first."""
        found = [self.rules[index] for index in effective_of(decision)]
        band = int(decision[Word.BAND])
        if band >= 0:
            found.append(self.bands[band])
        if hold_shortfall(int(decision[Word.HOLD])):
            found.append(VERIFICATION)
        return tuple(sorted(found, key=lambda ground: (-ground.weight, -ground.outcome, ground.id)))
