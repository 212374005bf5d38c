"""What every feature means, computed slowly from the definition: the naive twin of the stream engine.

For each event the twin walks over *all* events of the same entity journalled so far, keeps those whose time lies in the
window, and computes with Python integers and fractions.  Nothing is kept between two events but the list of past ones,
so there is no state to get wrong.  O(events squared): for tests only.

A feature is described by plain data (`Definition`), written down here for the reference workload or read off a declared
FeatureSet (`definitions_of`): its words only, none of the engine's code.  The rules, as ARCHITECTURE "Time" states them:

* A feature of event *e* counts the events journalled no later than *e*, *e* included, whose time lies in (t - w, t].
* An event whose key is absent (0), or that fails the entity's `when`, has NaN for its features and is no part of it.
* A label is no event: it is part of nothing; it says, to everything journalled after it, what an earlier event was.
* An event further behind the greatest event time than the lateness is LATE: it sees, beside itself, only what is
  newer than that greatest time less the lateness less the longest reach (window and delay) of any feature that reads
  the same entity.  For an event in time this horizon lies before every window.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

from tarim.stream import COLUMN_OF_FIELD, Col, Entity, FeatureSet, Kind, Rows
from tarim.stream import Condition as DeclaredCondition

Event = Sequence[int]
"""One row of words as Python integers."""

Condition = Callable[[Event], bool]

NAN = math.nan
OUT_GRACE_FEN = 100
"""What is added to the outflow of an in/out ratio, so that it is never divided by nothing: one yuan."""


def always(_event: Event) -> bool:
    """The condition every event meets."""
    return True


@dataclass(frozen=True)
class Owner:
    """An entity: the columns of its key, and which events belong to it."""

    columns: tuple[Col, ...]
    when: Condition = always

    def key_of(self, event: Event) -> tuple[int, ...] | None:
        """The event's key, None when a part of it is absent or the event does not belong here."""
        key = tuple(event[column] for column in self.columns)
        return None if 0 in key or not self.when(event) else key


@dataclass(frozen=True)
class Definition:
    """One feature: what is computed, over which entity, over how long."""

    kind: str
    owner: Owner
    window_ms: int
    column: Col | None = None
    where: Condition = always
    delay_ms: int = 0
    other: Owner | None = None
    factor: int = 0


Past = Callable[[Owner], list[Event]]
"""What the event at hand may see of its own entity in a role, itself included, in journal order."""


def value_of(definition: Definition, event: Event, past_of: Past, frauds: set[int]) -> float:
    """The feature of `event`; `frauds` holds the positions known as fraud just before it."""
    if definition.owner.key_of(event) is None:
        return NAN
    end_ms = event[Col.OCCURRED_MS] - definition.delay_ms
    start_ms = end_ms - definition.window_ms
    members = [f for f in past_of(definition.owner) if start_ms < f[Col.OCCURRED_MS] <= end_ms]
    known = sum(1 for f in members if f[Col.SEQ] in frauds)
    others = [f for f in members if f is not event]
    chosen = [f for f in members if definition.where(f)]
    match definition.kind:
        case "count":
            return float(len(chosen))
        case "first_seen":
            return float(event[Col.OCCURRED_MS] - min(f[Col.OCCURRED_MS] for f in members))
        case "since_last":
            return float(event[Col.OCCURRED_MS] - max(f[Col.OCCURRED_MS] for f in others)) if others else NAN
        case "share":
            return len(chosen) / len(members)
        case "delayed_count":
            return float(len(members))
        case "label_count":
            return float(known)
        case "label_rate":
            return known / len(members) if members else 0.0
        case "label_run" | "label_run_age" | "label_run_min" | "since_fraud" | "since_clear":
            return _by_label(definition, event, members, frauds)
    column = definition.column
    assert column is not None
    values = [f[column] for f in chosen]
    match definition.kind:
        case "sum":
            return float(sum(values))
        case "mean":
            return float(Fraction(sum(values), len(values)))
        case "min":
            return float(min(values))
        case "max":
            return float(max(values))
        case "std":
            return _root(_variance(values))
        case "percentile":
            return float(percentile(values, definition.factor))
        case "over_percentile":
            against = percentile([f[column] for f in others], definition.factor) if others else 0
            return float(event[column] / against) if against else NAN
        case "outliers":
            beside = [f[column] for f in others]
            return float(sum(x > definition.factor * percentile(beside, 50) for x in beside))
        case "distinct":
            return float(len(set(values) - {0}))
        case "is_new":
            if event[column] == 0:
                return NAN
            return 0.0 if any(f[column] == event[column] for f in others) else 1.0
        case "zscore":
            variance = _variance(values)
            if variance == 0:
                return 0.0
            return float(event[column] - Fraction(sum(values), len(values))) / _root(variance)
        case "ratio":
            total = sum(values)
            return float(Fraction(event[column] * len(values), total)) if total else 0.0
        case "in_out_ratio":
            assert definition.other is not None
            key = definition.owner.key_of(event)
            out = [f for f in past_of(definition.other) if start_ms < f[Col.OCCURRED_MS] <= end_ms]
            assert all(definition.other.key_of(f) == key for f in out)
            return float(Fraction(sum(values), sum(f[column] for f in out) + OUT_GRACE_FEN))
    raise AssertionError(definition.kind)


def percentile(values: Sequence[int], percent: int) -> Fraction:
    """Where `percent` of a hundred parts of the way from the least to the greatest value lie, between neighbours straight."""
    place = Fraction((len(values) - 1) * percent, 100)
    rising = sorted(values)
    low, high = rising[math.floor(place)], rising[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _by_label(definition: Definition, event: Event, members: Sequence[Event], frauds: set[int]) -> float:
    """What the order of frauds and other events in the span says."""
    rising = sorted(members, key=lambda f: (f[Col.OCCURRED_MS], f[Col.SEQ]))
    clear = [f for f in rising if f[Col.SEQ] not in frauds]
    run = rising[rising.index(clear[-1]) + 1 :] if clear else rising
    if definition.kind == "label_run":
        return float(len(run))
    if definition.kind == "label_run_min":
        assert definition.column is not None
        return float(min((f[definition.column] for f in run), default=NAN))
    of_kind = {
        "label_run_age": run[:1],
        "since_fraud": [f for f in rising if f[Col.SEQ] in frauds][-1:],
        "since_clear": clear[-1:],
    }[definition.kind]
    return float(event[Col.OCCURRED_MS] - of_kind[0][Col.OCCURRED_MS]) if of_kind else NAN


def _variance(values: Sequence[int]) -> Fraction:
    """Variance over the population, exact."""
    count = len(values)
    return Fraction(sum(x * x for x in values), count) - Fraction(sum(values), count) ** 2


def _root(value: Fraction) -> float:
    """Square root of an exact value, right to the last digit or the one before."""
    scale = 1 << 128
    return math.isqrt(value.numerator * scale * scale // value.denominator) / scale


def compute(
    definitions: Sequence[Definition], rows: Rows, *, lateness_ms: int = 2 * 86_400_000
) -> tuple[list[list[float]], list[bool]]:
    """Every feature of every row, and which rows are LATE.

    rows: in journal order, SEQ rising.  An entity's reach is the longest window plus delay that reads it.
    """
    owners = {owner for d in definitions for owner in (d.owner, d.other) if owner is not None}
    reach_ms = {
        owner: lateness_ms + max(d.window_ms + d.delay_ms for d in definitions if owner in (d.owner, d.other))
        for owner in owners
    }
    past: dict[tuple[Owner, tuple[int, ...]], list[Event]] = {}
    frauds: set[int] = set()
    newest_ms: int | None = None
    features: list[list[float]] = []
    late: list[bool] = []
    journal: list[list[int]] = rows.tolist()
    for event in journal:
        if event[Col.KIND] == Kind.LABEL:
            if event[Col.REFERS_SEQ] >= 0:
                (frauds.add if event[Col.LABEL] == 1 else frauds.discard)(event[Col.REFERS_SEQ])
            features.append([NAN] * len(definitions))
            late.append(False)
            continue
        at_ms = event[Col.OCCURRED_MS]
        newest_ms = at_ms if newest_ms is None else max(newest_ms, at_ms)
        late.append(at_ms < newest_ms - lateness_ms)
        horizon_ms = {owner: newest_ms - reach_ms[owner] for owner in owners}
        for owner in owners:
            key = owner.key_of(event)
            if key is not None:
                past.setdefault((owner, key), []).append(event)
        outcome, event[Col.OUTCOME] = event[Col.OUTCOME], -1  # while its features are computed it is not decided yet
        values = []
        for definition in definitions:
            key = definition.owner.key_of(event)
            values.append(value_of(definition, event, _past(past, key, event, horizon_ms), frauds))
        features.append(values)
        event[Col.OUTCOME] = outcome
    return features, late


def _past(
    past: dict[tuple[Owner, tuple[int, ...]], list[Event]],
    key: tuple[int, ...] | None,
    event: Event,
    horizon_ms: dict[Owner, int],
) -> Past:
    """How `event` sees the entities with its key: itself, and what is newer than their horizon."""

    def past_of(owner: Owner) -> list[Event]:
        assert key is not None
        return [f for f in past.get((owner, key), []) if f is event or f[Col.OCCURRED_MS] > horizon_ms[owner]]

    return past_of


def reference_definitions() -> list[Definition]:
    """The 46 features of the reference workload, in its order."""
    payer, payee = Owner((Col.ACCOUNT,)), Owner((Col.PAYEE,))
    device, address = Owner((Col.DEVICE,)), Owner((Col.ADDRESS,))
    minute, hour, day = 60_000, 3_600_000, 86_400_000
    money = Col.AMOUNT_FEN
    found: list[Definition] = []
    for window in (minute, 10 * minute, hour, day, 7 * day):
        found.append(Definition("count", payer, window))
        found += [Definition(kind, payer, window, money) for kind in ("sum", "mean", "max")]
    found.append(Definition("std", payer, 7 * day, money))
    found += [Definition("distinct", payer, window, Col.PAYEE) for window in (hour, day, 7 * day)]
    found.append(Definition("distinct", payer, 7 * day, Col.DEVICE))
    found.append(Definition("since_last", payer, 30 * day))
    found.append(Definition("zscore", payer, 30 * day, money))
    found.append(Definition("is_new", payer, 30 * day, Col.PAYEE))
    for window in (10 * minute, hour, day, 7 * day):
        found.append(Definition("count", payee, window))
        found.append(Definition("sum", payee, window, money))
        found.append(Definition("distinct", payee, window, Col.ACCOUNT))
    found.append(Definition("in_out_ratio", payee, day, money, other=payer))
    found += [Definition("distinct", device, window, Col.ACCOUNT) for window in (day, 7 * day)]
    found.append(Definition("count", device, hour))
    found += [Definition("distinct", address, window, Col.ACCOUNT) for window in (hour, day)]
    assert len(found) == 46
    return found


def definitions_of(features: FeatureSet) -> list[Definition]:
    """What a declared set asks for, in its order."""
    owners: dict[str, Owner] = {}

    def owner_of(entity: Entity) -> Owner:
        columns = tuple(COLUMN_OF_FIELD[name] for name in entity.key_fields)
        return owners.setdefault(entity.name, Owner(columns, condition_of(entity.when)))

    return [
        Definition(
            feature.op,
            owner_of(feature.entity),
            feature.window_ms,
            COLUMN_OF_FIELD[feature.column] if feature.column else None,
            condition_of(feature.where),
            feature.delay_ms,
            owner_of(feature.other) if feature.other else None,
            feature.factor,
        )
        for feature in features.features
    ]


def condition_of(declared: DeclaredCondition | None) -> Condition:
    """A declared condition as a plain function of the event."""
    return always if declared is None else lambda event: all(_meets(event, *test) for test in declared.tests)


def _meets(event: Event, name: str, op: str, wanted: Any) -> bool:
    china = datetime.fromtimestamp(event[Col.OCCURRED_MS] // 1000, timezone(timedelta(hours=8)))
    match name:
        case "hour":
            value = china.hour
        case "weekday":
            value = china.weekday()
        case "outcome":
            value = event[Col.OUTCOME]
        case _:
            value = event[COLUMN_OF_FIELD[name]]
    match op:
        case "in":
            return bool(value in wanted)
        case "multiple_of":
            return bool(value % wanted == 0)
        case "has":
            return bool(value & wanted != 0)
    return bool(
        getattr(operator, {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[op])(value, wanted)
    )
