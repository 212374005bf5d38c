"""What a run is asked to do: everything that decides what comes out, and nothing else.

A plan is TOML in a person's hand and canonical JSON in the run's record; the same plan over the same dataset with the same
libraries gives the same model file, byte for byte.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from tarim.base.errors import DefinitionError, NotFound, TooLarge, Unavailable
from tarim.models.calibration import METHODS
from tarim.models.divisions import ROUTED, ROW_DIVISIONS
from tarim.models.intervals import REPLICATES_MAX

Kind = Literal["lightgbm", "logistic", "woe"]
KINDS: Final = ("lightgbm", "logistic", "woe")
PLAN_BYTES_MAX: Final = 256 << 10
WORDS_CHARACTERS_MAX: Final = 1_000

Numbers = Mapping[str, float]


class Range(msgspec.Struct, frozen=True):
    """A parameter's default, its bounds, and whether it is whole."""

    default: float
    low: float
    high: float
    whole: bool = False


PARAMETERS: Final[Mapping[str, Mapping[str, Range]]] = {
    "lightgbm": {
        "num_trees": Range(400, 1, 5_000, whole=True),
        "num_leaves": Range(31, 2, 4_096, whole=True),
        "max_depth": Range(6, 1, 30, whole=True),
        "learning_rate": Range(0.05, 1e-4, 1),
        "min_data_in_leaf": Range(50, 1, 1_000_000, whole=True),
        "feature_fraction": Range(0.8, 0.01, 1),
        "bagging_fraction": Range(1, 0.01, 1),
        "bagging_freq": Range(0, 0, 1_000, whole=True),
        "lambda_l1": Range(0, 0, 1e6),
        "lambda_l2": Range(1, 0, 1e6),
        "min_gain_to_split": Range(0, 0, 1e6),
        "max_bin": Range(255, 2, 65_535, whole=True),
    },
    "logistic": {
        "c": Range(1, 1e-8, 1e8),
        "iterations": Range(500, 1, 100_000, whole=True),
        "signed_log": Range(1, 0, 1, whole=True),
    },
    "woe": {
        "c": Range(1, 1e-8, 1e8),
        "iterations": Range(500, 1, 100_000, whole=True),
        "bins": Range(8, 2, 50, whole=True),
        "bin_share": Range(0.01, 0.0001, 0.5),
    },
}
"""What may be set of each kind.  `c` is the inverse of the L2 penalty, as scikit-learn has it."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan.  Money is in fen; shares are in (0, 1).

    params: see PARAMETERS; what is left out has its default.  features: those to learn from; all when empty.
    iv_min, correlation_max: features below this information value, and the weaker one of two correlated above this, are left
    out.  fraud_weight: how much a fraud counts against a genuine event; 0 is balanced.  early_stop: rounds without gain
    after which LightGBM stops; 0 never.  validation_share, test_share: of the time's latest events, where the dataset gives
    no roles.  review_cost_fen, daily_capacity: what an alert costs, and how many a day can be worked on.
    folds, fold_seeds: of the cross-validation over time; 0 folds is none.  words: a person's own reason for a feature.
    rules_only: divisions (of ROW_DIVISIONS) whose unlearned segments are left to rules; what else is thin is only listed.
    """

    kind: Kind = "lightgbm"
    params: dict[str, float] = {}
    features: tuple[str, ...] = ()
    iv_min: float = 0.0
    correlation_max: float = 1.0
    seed: int = 0
    fraud_weight: float = 1.0
    early_stop: int = 50
    calibration: str = "isotonic"
    validation_share: float = 0.2
    test_share: float = 0.2
    review_cost_fen: int = 2_000
    daily_capacity: int = 100
    replicates: int = 200
    folds: int = 3
    fold_seeds: int = 2
    threads: int = 1
    words: dict[str, str] = {}
    rules_only: tuple[str, ...] = ROUTED

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise DefinitionError("the plan is not possible: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        if self.kind not in KINDS:
            return [f"kind must be one of {', '.join(KINDS)}"]
        known = PARAMETERS[self.kind]
        found = [
            f"unknown parameter {name[:64]!r}; known are {', '.join(known)}"
            for name in self.params
            if name not in known
        ]
        for name, value in self.params.items():
            allowed = known.get(name)
            if allowed is not None and not allowed.low <= value <= allowed.high:
                found.append(f"{name} must be {allowed.low:g} to {allowed.high:g}")
            elif allowed is not None and allowed.whole and value != int(value):
                found.append(f"{name} must be a whole number")
        bounds: list[tuple[str, float, float]] = [
            ("iv_min", 0, 100), ("correlation_max", 0, 1), ("seed", 0, 2**31 - 1), ("fraud_weight", 0, 1e6),
            ("early_stop", 0, 10_000), ("validation_share", 0.01, 0.9), ("test_share", 0.01, 0.9),
            ("review_cost_fen", 1, 10**9), ("daily_capacity", 1, 10**7), ("replicates", 0, REPLICATES_MAX), ("folds", 0, 20),
            ("fold_seeds", 1, 20), ("threads", 1, 64),
        ]  # fmt: skip
        for name, low, high in bounds:
            if not low <= getattr(self, name) <= high:
                found.append(f"{name} must be {low:g} to {high:g}")
        if self.validation_share + self.test_share > 0.95:
            found.append("validation_share and test_share leave nothing to learn from")
        if self.calibration not in ("none", *METHODS):
            found.append(f"calibration must be none, {' or '.join(METHODS)}")
        unknown = [name for name in self.rules_only if name not in ROW_DIVISIONS]
        if unknown or len(set(self.rules_only)) != len(self.rules_only):
            found.append(f"rules_only names some of {', '.join(ROW_DIVISIONS)}, each once")
        found += [
            f"the words for {name[:64]!r} are too long"
            for name, text in self.words.items()
            if len(text) > WORDS_CHARACTERS_MAX
        ]
        return found

    @property
    def settings(self) -> dict[str, float]:
        """Every parameter of the kind, defaults filled in."""
        return {name: self.params.get(name, allowed.default) for name, allowed in PARAMETERS[self.kind].items()}


def plan_of(values: Mapping[str, Any]) -> Plan:
    """A plan from plain values.  Raises DefinitionError."""
    try:
        return msgspec.convert(dict(values), Plan)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"the plan is not possible: {error}") from None


def read_plan_values(path: Path) -> dict[str, Any]:
    """The plain values in a plan's TOML file, for `plan_of`.  Raises NotFound, TooLarge, DefinitionError, Unavailable."""
    try:
        with path.open("rb") as file:
            content = file.read(PLAN_BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no plan {path}") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > PLAN_BYTES_MAX:
        raise TooLarge(f"{path.name} is larger than {PLAN_BYTES_MAX} bytes")
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"{path.name} is not TOML: {error}") from None
