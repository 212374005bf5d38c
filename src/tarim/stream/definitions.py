"""What a feature is: entities, conditions, features and versioned sets of them, declared once in Python.

    payer = Entity("payer", key="account")
    FEATURES = FeatureSet("mine", payer.count("10m"), payer.sum("amount_fen", "24h"), payer.is_new("payee_account", "30d"))

A feature of event *e* reads the events of *e*'s entity that were journalled no later than *e* and whose event time lies
in `(t - window, t]`; *e* counts itself.  With a delay *d* the span is `(t - d - window, t - d]`: what is known only *d* later,
such as a label.  An event without the entity's key, or outside the entity's `when`, has NaN there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tarim.base.errors import DefinitionError
from tarim.base.instants import DAY_MS, duration_ms
from tarim.privacy import Purpose, require_purpose
from tarim.stream.events import COLUMN_OF_FIELD, Channel, Col, Kind, NetworkKind, Outcome, Result

WINDOW_MS_MAX: Final = 366 * DAY_MS
"""Longest window plus delay plus lateness a set may ask for."""
FEATURES_MAX: Final = 512
OWNER_CHARACTERS_MAX: Final = 64

Op = Literal["==", "!=", "<", "<=", ">", ">=", "in", "multiple_of", "has"]
Test = tuple[str, Op, object]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_OPS: Final = ("==", "!=", "<", "<=", ">", ">=", "in", "multiple_of", "has")
_ENUMS: Final = {"kind": Kind, "channel": Channel, "result": Result, "network_kind": NetworkKind, "outcome": Outcome}
_DERIVED: Final = ("hour", "weekday", "outcome")
_SHORT: Final = {
    "account": "payer",
    "payee_account": "payee",
    "device_id": "device",
    "ip": "address",
    "merchant_id": "merchant",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A named conjunction of tests on the event, for example `Condition("night", ("hour", "<", 6))`.

    A test is (field, operator, value); fields are those of the envelope that the engine computes on, and `hour`
    (0-23, China), `weekday` (0 = Monday), `outcome` (what was decided for that event).  Enum fields compare with
    their lower-case names.  `multiple_of` tests divisibility, `has` a bit of a bit set.
    """

    name: str
    tests: tuple[Test, ...]

    def __init__(self, name: str, *tests: Test) -> None:
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"condition name {name!r} is not lower-case letters, digits and underscores")
        if not 1 <= len(tests) <= 8:
            raise DefinitionError(f"condition {name!r} needs 1 to 8 tests")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "tests", tuple(_checked_test(name, test) for test in tests))

    @property
    def reads_outcome(self) -> bool:
        """Whether it is known only after the event was decided."""
        return any(test[0] == "outcome" for test in self.tests)


def _checked_test(name: str, test: Test) -> Test:
    column, op, value = test
    if op not in _OPS:
        raise DefinitionError(f"condition {name!r}: unknown operator {op!r}; use one of {', '.join(_OPS)}")
    if column not in _DERIVED:
        if column not in COLUMN_OF_FIELD:
            raise DefinitionError(f"condition {name!r}: the engine has no field {column!r}")
        require_purpose(column, Purpose.RISK)
    values = value if op == "in" else (value,)
    if not isinstance(values, tuple) or not values:
        raise DefinitionError(f"condition {name!r}: `in` needs a tuple of values")
    codes = tuple(_code(name, column, item) for item in values)
    return (column, op, codes if op == "in" else codes[0])


def _code(name: str, column: str, value: object) -> int:
    if isinstance(value, str) and column in _ENUMS:
        enum = _ENUMS[column]
        try:
            return int(enum[value.upper()])
        except KeyError:
            known = ", ".join(member.name.lower() for member in enum)
            raise DefinitionError(f"condition {name!r}: {column} has no {value!r}; it has {known}") from None
    if isinstance(value, int) and -(2**62) < value < 2**62:
        return int(value)
    raise DefinitionError(f"condition {name!r}: {column} is compared with a {type(value).__name__}")


NIGHT: Final = Condition("night", ("hour", "<", 6))
ROUND: Final = Condition("round", ("amount_fen", "multiple_of", 10_000))
"""Whole hundreds of yuan."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A role that a key of the event plays: whose past a feature looks at.

    `key` is a field of the envelope or a pair of them.  `when` limits the entity to some events.
    """

    name: str
    key: str | tuple[str, str]
    when: Condition | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise DefinitionError(f"entity name {self.name!r} is not lower-case letters, digits and underscores")
        for part in self.key_fields:
            if part not in COLUMN_OF_FIELD or part in ("occurred_at", "amount_fen", "label"):
                raise DefinitionError(f"entity {self.name!r}: {part!r} cannot be a key")
            require_purpose(part, Purpose.RISK)
        if self.when is not None and self.when.reads_outcome:
            raise DefinitionError(f"entity {self.name!r}: `when` cannot depend on the outcome")

    @property
    def key_fields(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else self.key

    def count(self, window: str, where: Condition | None = None) -> Feature:
        """How many events."""
        return self._feature("count", "", window, where=where)

    def sum(self, column: str, window: str, where: Condition | None = None) -> Feature:
        """Sum of a field."""
        return self._feature("sum", column, window, where=where)

    def mean(self, column: str, window: str) -> Feature:
        """Mean of a field."""
        return self._feature("mean", column, window)

    def min(self, column: str, window: str) -> Feature:
        """Smallest value of a field."""
        return self._feature("min", column, window)

    def max(self, column: str, window: str) -> Feature:
        """Largest value of a field."""
        return self._feature("max", column, window)

    def std(self, column: str, window: str) -> Feature:
        """Population standard deviation of a field; 0 for one event."""
        return self._feature("std", column, window)

    def zscore(self, column: str, window: str) -> Feature:
        """(x - mean) / std over the window, *e* included; 0 where the deviation is 0."""
        return self._feature("zscore", column, window)

    def ratio(self, column: str, window: str) -> Feature:
        """X / mean over the window, *e* included; 0 where the sum is 0."""
        return self._feature("ratio", column, window)

    def percentile(self, column: str, percent: int, window: str) -> Feature:
        """The value below which `percent` (0 to 100) of a hundred parts lie, interpolated; 50 is the median."""
        return self._feature("percentile", column, window, factor=percent)

    def over_percentile(self, column: str, percent: int, window: str) -> Feature:
        """X / percentile of the window's other events; NaN where there are none or it is 0.  100: against the largest."""
        return self._feature("over_percentile", column, window, factor=percent)

    def outliers(self, column: str, times: int, window: str) -> Feature:
        """How many of the window's other events have more than `times` (1 to 100) times the median of those others."""
        return self._feature("outliers", column, window, factor=times)

    def distinct(self, column: str, window: str) -> Feature:
        """How many different values of a field; absent values (0) do not count."""
        return self._feature("distinct", column, window)

    def is_new(self, column: str, window: str) -> Feature:
        """1 when no earlier event in the window has this event's value of the field, else 0; NaN when absent."""
        return self._feature("is_new", column, window)

    def first_seen(self, window: str) -> Feature:
        """Milliseconds since the oldest event in the window; 0 when *e* is the only one."""
        return self._feature("first_seen", "", window)

    def since_last(self, within: str = "30d") -> Feature:
        """Milliseconds since the previous event, NaN when none lies within."""
        return self._feature("since_last", "", within)

    def share(self, where: Condition, window: str) -> Feature:
        """Share of the events that meet a condition, in [0, 1]."""
        return self._feature("share", "", window, where=where)

    def in_out_ratio(self, column: str, window: str, other: Entity) -> Feature:
        """This entity's sum over (the same key's sum as `other` + 100): what came in against what went out."""
        return self._feature("in_out_ratio", column, window, other=other)

    def label_count(self, window: str, delay: str) -> Feature:
        """How many events of the delayed window are known as fraud."""
        return self._feature("label_count", "", window, delay=delay)

    def label_rate(self, window: str, delay: str) -> Feature:
        """Share of the delayed window's events known as fraud; 0 when there are none."""
        return self._feature("label_rate", "", window, delay=delay)

    def delayed_count(self, window: str, delay: str) -> Feature:
        """How many events lie in the delayed window."""
        return self._feature("delayed_count", "", window, delay=delay)

    def label_run(self, window: str, delay: str) -> Feature:
        """How many events of the delayed window are known as fraud since its newest one that is not."""
        return self._feature("label_run", "", window, delay=delay)

    def label_run_age(self, window: str, delay: str) -> Feature:
        """Milliseconds since the first event of that run; NaN when it is empty."""
        return self._feature("label_run_age", "", window, delay=delay)

    def label_run_min(self, column: str, window: str, delay: str) -> Feature:
        """Smallest value of a field in that run; NaN when it is empty."""
        return self._feature("label_run_min", column, window, delay=delay)

    def since_fraud(self, window: str, delay: str) -> Feature:
        """Milliseconds since the delayed window's newest event known as fraud, NaN when there is none."""
        return self._feature("since_fraud", "", window, delay=delay)

    def since_clear(self, window: str, delay: str) -> Feature:
        """Milliseconds since the delayed window's newest event not known as fraud, NaN when there is none."""
        return self._feature("since_clear", "", window, delay=delay)

    def _feature(
        self,
        op: str,
        column: str,
        window: str,
        *,
        where: Condition | None = None,
        delay: str = "",
        other: Entity | None = None,
        factor: int = 0,
    ) -> Feature:
        return Feature(self, op, column, window, where, delay, other, factor)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number about an entity at an instant; made by the methods of Entity."""

    entity: Entity
    op: str
    column: str
    window: str
    where: Condition | None = None
    delay: str = ""
    other: Entity | None = None
    factor: int = field(default=0, repr=False)
    """Percent of a percentile, times of outliers.  The name has it, so that a set's version needs no second mention."""
    window_ms: int = field(init=False)
    delay_ms: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "window_ms", duration_ms(self.window))
        object.__setattr__(self, "delay_ms", duration_ms(self.delay) if self.delay else 0)
        if self.column:
            if self.column not in COLUMN_OF_FIELD:
                raise DefinitionError(f"{self.name}: the engine has no field {self.column!r}")
            require_purpose(self.column, Purpose.RISK)
            if self.op not in ("distinct", "is_new") and not _is_number(self.column):
                raise DefinitionError(f"{self.name}: {self.column!r} is not an amount or number")
        if self.factor not in range(1 if self.op == "outliers" else 0, 101):
            raise DefinitionError(f"{self.name}: {self.factor!r} is not a whole number that {self.op} takes, up to 100")
        if self.other is not None and len(self.other.key_fields) != len(self.entity.key_fields):
            raise DefinitionError(f"{self.name}: {self.other.name!r} has a key of another shape")

    @property
    def name(self) -> str:
        """For example `payer_sum_amount_fen_24h`; rules, models and exports use it."""
        short = _SHORT.get(self.column, self.column)
        if self.op == "since_last":
            return f"{self.entity.name}_since_last" + ("" if self.window == "30d" else f"_{self.window}")
        if self.op == "in_out_ratio":
            return f"{self.entity.name}_in_out_ratio_{self.window}"
        op = self.op.replace("percentile", f"p{self.factor}")
        if op == "outliers":
            op = f"outliers_{self.factor}x"
        parts = [self.entity.name, op, short, self.where.name if self.where else "", self.window]
        if self.delay:
            parts.append(f"delay_{self.delay}")
        return "_".join(part for part in parts if part)


def _is_number(column: str) -> bool:
    return COLUMN_OF_FIELD[column] in (Col.AMOUNT_FEN, Col.EXTRA_0, Col.EXTRA_1, Col.EXTRA_2, Col.EXTRA_3)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, versioned set of features with the lateness it stays exact for.

    `version` is a digest of every definition, so two sets with one version compute the same numbers.  `owners`: who answers for
    each feature, a post or a team, in the features' order; "" for nobody.
    """

    name: str
    features: tuple[Feature, ...]
    lateness_ms: int
    version: str
    needs_outcomes: bool
    """Whether some feature depends on earlier decisions, so that events are decided one by one."""
    owners: tuple[str, ...] = field(compare=False)

    def __init__(
        self,
        name: str,
        *features: Feature,
        lateness: str = "2d",
        owner: str = "",
        owners: Mapping[str, str] | None = None,
    ) -> None:
        """owner: of all features but those that `owners` names.  Raises DefinitionError."""
        lateness_ms = duration_ms(lateness)
        if not 1 <= len(features) <= FEATURES_MAX:
            raise DefinitionError(
                f"feature set {name!r} has {len(features)} features; 1 to {FEATURES_MAX} are possible"
            )
        names = [feature.name for feature in features]
        twice = sorted({each for each in names if names.count(each) > 1})
        if twice:
            raise DefinitionError(f"feature set {name!r} names {', '.join(twice)} twice")
        own = dict(owners or {})
        unknown = sorted(set(own) - set(names))
        if unknown:
            raise DefinitionError(f"feature set {name!r} names an owner of {unknown[0]!r}, which it does not have")
        for each in (owner, *own.values()):
            if len(each) > OWNER_CHARACTERS_MAX or not each.isprintable():
                raise DefinitionError(
                    f"feature set {name!r}: an owner has up to {OWNER_CHARACTERS_MAX} printable characters"
                )
        entities: dict[str, Entity] = {}
        for feature in features:
            for entity in (feature.entity, feature.other):
                if entity is not None and entities.setdefault(entity.name, entity) != entity:
                    raise DefinitionError(f"feature set {name!r} defines the entity {entity.name!r} in two ways")
            if feature.window_ms + feature.delay_ms + lateness_ms > WINDOW_MS_MAX:
                raise DefinitionError(
                    f"{feature.name}: window, delay and lateness exceed {WINDOW_MS_MAX // DAY_MS} days"
                )
        text = repr((sorted((repr(feature) for feature in features)), names, lateness_ms))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "features", tuple(features))
        object.__setattr__(self, "lateness_ms", lateness_ms)
        waits = any(feature.where is not None and feature.where.reads_outcome for feature in features)
        object.__setattr__(self, "needs_outcomes", waits)
        object.__setattr__(self, "version", hashlib.sha256(text.encode()).hexdigest()[:16])
        object.__setattr__(self, "owners", tuple(own.get(each, owner) for each in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in the order of the output."""
        return tuple(feature.name for feature in self.features)
