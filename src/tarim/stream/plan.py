"""A feature set laid out for the kernels: which rings exist, what a ring remembers, what a large ring keeps up to date.

Two ways lead to the same integers.  A *small* ring (the long tail: most entities have a few events) is read backwards,
newest first, once for all windows.  A *large* ring keeps, per window, a cursor and running aggregates, and an index of
its newest position per distinct value, so that an event costs the same however long the past is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar

from tarim.base.errors import DefinitionError
from tarim.stream.definitions import Condition, Entity, Feature, FeatureSet
from tarim.stream.events import COLUMN_OF_FIELD, Col
from tarim.stream.graph import GraphFeature, GraphLayout, Store
from tarim.stream.graph.layout import layout_of
from tarim.stream.kernels import arena, ordered

_Item = TypeVar("_Item")
LARGE_LG: Final = 8
"""Rings with room for 2**LARGE_LG events and more keep running aggregates."""
ORDERED_LARGE_LG: Final = 5
"""The same for rings whose values are kept in order: selecting among them at every event is dearer than keeping them."""
RING_LG_MAX: Final = 22
"""A ring never holds 2**22 events: when one is about to, the engine stops and says so."""
FLAG_BITS_MAX: Final = 18
RUN_OPS: Final = ("label_run", "label_run_age", "label_run_min", "since_fraud", "since_clear")
"""What reads the newest events known as fraud and not known as fraud."""

Acc = tuple[str, int, int]
"""An aggregate: (kind, index of the value field or distinct field, index of the condition), -1 where it has none."""


@dataclass(slots=True)
class Window:
    """One span (t - delay - length, t - delay] of a role, and the features that read it."""

    length_ms: int
    delay_ms: int
    features: list[tuple[int, Feature]] = field(default_factory=list)
    accs: list[Acc] = field(default_factory=list)

    @property
    def start_ms(self) -> int:
        """How far back it begins."""
        return self.delay_ms + self.length_ms


@dataclass(slots=True)
class Role:
    """One ring per key: words of an event in it, flags, windows."""

    index: int
    entity: Entity
    values: list[Col] = field(default_factory=list)
    keys: list[Col] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    """Indices into `keys` of those that are counted distinctly and so carry a live bit."""
    conditions: list[Condition] = field(default_factory=list)
    labelled: bool = False
    windows: list[Window] = field(default_factory=list)
    since_last: list[tuple[int, Feature]] = field(default_factory=list)
    retention_ms: int = 0
    state: dict[tuple[object, ...], int] = field(default_factory=dict)
    ordered: list[tuple[int, int]] = field(default_factory=list)
    """Windows (length in ms) and indices of value fields whose values a large ring keeps in order."""
    large_lg: int = LARGE_LG

    @property
    def width(self) -> int:
        """Words of one event: time and flags, values, distinct keys, and its position where labels must find it."""
        return 1 + len(self.values) + len(self.keys) + (1 if self.labelled else 0)

    @property
    def flag_bits(self) -> int:
        return len(self.live) + (1 if self.labelled else 0) + len(self.conditions)

    @property
    def label_bit(self) -> int:
        return len(self.live)

    @property
    def large_words(self) -> int:
        """Words a large ring has beside its events, however large it is."""
        return len(self.state) + ordered.WORDS_MORE * len(self.ordered)

    @property
    def large_words_per_place(self) -> int:
        """Further words a large ring has per event there is room for: index and values in order."""
        return 2 * len(self.keys) + ordered.WORDS_PER_PLACE * len(self.ordered)

    @property
    def run_delays(self) -> list[int]:
        """Delays (ms) behind which the newest event known as fraud, and the newest not known as such, are looked for."""
        return sorted({w.delay_ms for w in self.windows if any(feature.op in RUN_OPS for _, feature in w.features)})

    def condition_bit(self, condition: int) -> int:
        return len(self.live) + (1 if self.labelled else 0) + condition

    @property
    def settles(self) -> bool:
        """Whether some condition waits for the decision."""
        return any(condition.reads_outcome for condition in self.conditions)

    @property
    def current(self) -> list[Window]:
        """Windows without delay, shortest first."""
        return sorted((w for w in self.windows if w.delay_ms == 0), key=lambda w: w.length_ms)

    @property
    def delayed(self) -> list[Window]:
        """Windows with a delay, by delay, then shortest first."""
        return sorted((w for w in self.windows if w.delay_ms), key=lambda w: (w.delay_ms, w.length_ms))

    @property
    def boundaries(self) -> list[int]:
        """Every distance behind the newest event where a large ring keeps a cursor."""
        offsets = {w.start_ms for w in self.windows} | {w.delay_ms for w in self.windows if w.delay_ms}
        return sorted(offsets)


@dataclass(frozen=True, slots=True)
class Cross:
    """A feature that divides by another role's sum under the same key."""

    feature: int
    role: int
    other: int
    window_ms: int
    value: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the code generator needs."""

    features: FeatureSet
    roles: tuple[Role, ...]
    crosses: tuple[Cross, ...]
    graph: GraphLayout | None = None

    @property
    def directories(self) -> tuple[Role | Store, ...]:
        """Everything that has rings by key: entities, then the stores of the graph."""
        return (*self.roles, *(self.graph.stores if self.graph else ()))


def make_plan(features: FeatureSet, large_lg: int = LARGE_LG) -> Plan:
    """Lay a feature set out; rings of 2**large_lg and more are large.

    Raises DefinitionError where a ring would need more flags than fit.
    """
    roles: dict[str, Role] = {}
    crosses: list[tuple[int, Feature]] = []

    def role_of(entity: Entity) -> Role:
        return roles.setdefault(entity.name, Role(len(roles), entity, large_lg=large_lg))

    for index, feature in enumerate(features.features):
        if isinstance(feature, GraphFeature):
            continue
        role = role_of(feature.entity)
        role.retention_ms = max(role.retention_ms, feature.window_ms + feature.delay_ms)
        if feature.op == "since_last":
            role.since_last.append((index, feature))
            continue
        window = _window(role, feature.window_ms, feature.delay_ms)
        window.features.append((index, feature))
        for acc in _aggregates(role, feature):
            if acc not in window.accs:
                window.accs.append(acc)
        if feature.other is not None:
            crosses.append((index, feature))
    made = []
    for index, feature in crosses:
        assert feature.other is not None
        other = role_of(feature.other)
        other.retention_ms = max(other.retention_ms, feature.window_ms)
        window = _window(other, feature.window_ms, 0)
        value = _value(other, feature.column)
        if ("sum", value, -1) not in window.accs:
            window.accs.append(("sum", value, -1))
        made.append(Cross(index, role_of(feature.entity).index, other.index, feature.window_ms, value))
    for role in roles.values():
        role.retention_ms += features.lateness_ms
        if role.ordered:
            role.large_lg = min(large_lg, ORDERED_LARGE_LG)
        if role.flag_bits > FLAG_BITS_MAX:
            raise DefinitionError(f"entity {role.entity.name!r} needs {role.flag_bits} flags; {FLAG_BITS_MAX} fit")
        _lay_out_state(role)
    graph = layout_of(features, len(roles), arena.CLASSES - arena.RING_CLASS)
    return Plan(features, tuple(roles.values()), tuple(made), graph)


def _window(role: Role, length_ms: int, delay_ms: int) -> Window:
    for window in role.windows:
        if (window.length_ms, window.delay_ms) == (length_ms, delay_ms):
            return window
    role.windows.append(Window(length_ms, delay_ms))
    return role.windows[-1]


def _value(role: Role, column: str) -> int:
    return _index(role.values, COLUMN_OF_FIELD[column])


def _index(items: list[_Item], item: _Item) -> int:
    if item not in items:
        items.append(item)
    return items.index(item)


def _aggregates(role: Role, feature: Feature) -> list[Acc]:
    where = -1 if feature.where is None else _index(role.conditions, feature.where)
    match feature.op:
        case "count":
            return [] if where < 0 else [("where_count", -1, where)]
        case "share":
            return [("where_count", -1, where)]
        case "sum":
            value = _value(role, feature.column)
            return [("sum", value, -1)] if where < 0 else [("where_sum", value, where)]
        case "mean" | "ratio" | "in_out_ratio":
            return [("sum", _value(role, feature.column), -1)]
        case "std" | "zscore":
            value = _value(role, feature.column)
            return [("sum", value, -1), ("square_high", value, -1), ("square_low", value, -1)]
        case "min" | "max":
            return [(feature.op, _value(role, feature.column), -1)]
        case "percentile" | "over_percentile" | "outliers":
            value = _value(role, feature.column)
            _index(role.ordered, (feature.window_ms, value))
            return [("ordered", value, -1)]
        case "distinct":
            key = _index(role.keys, COLUMN_OF_FIELD[feature.column])
            _index(role.live, key)
            return [("distinct", key, -1)]
        case "is_new":
            return [("previous", _index(role.keys, COLUMN_OF_FIELD[feature.column]), -1)]
        case "first_seen" | "delayed_count":
            return []
        case "label_count" | "label_rate":
            role.labelled = True
            return [("label", -1, -1)]
        case "label_run" | "label_run_age" | "since_fraud" | "since_clear":
            role.labelled = True
            return []
        case "label_run_min":
            role.labelled = True
            return [("run_min", _value(role, feature.column), -1)]
    raise AssertionError(feature.op)


def _lay_out_state(role: Role) -> None:
    state = role.state
    for offset in role.boundaries:
        state["cursor", offset] = len(state)
    for window in role.windows:
        for acc in window.accs:
            if acc[0] not in ("previous", "ordered"):
                state[window.length_ms, window.delay_ms, acc] = len(state)
    for delay_ms in role.run_delays:
        state["fraud", delay_ms] = len(state)
        state["clear", delay_ms] = len(state)
    for key in range(len(role.keys)):
        state["index_used", key] = len(state)
