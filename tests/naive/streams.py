"""Random feature sets and random event streams, as hypothesis strategies: small, crowded and disordered on purpose.

Time runs on a grid of one unit (a millisecond or an hour) over a few dozen cells, windows are whole units, so that ties
and the edges of windows are everywhere; keys are few, a part of them absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tarim.stream import Channel, Col, Condition, Entity, Feature, FeatureSet, Flag, Kind, Rows, empty_rows

BASE_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
KEYS: tuple[Any, ...] = (
    "customer",
    "account",
    "payee_account",
    "device_id",
    "ip",
    "merchant_id",
    "city",
    ("account", "payee_account"),
    ("customer", "device_id"),
    ("ip", "merchant_id"),
)
DISTINCT_FIELDS = ("account", "payee_account", "device_id", "ip", "merchant_id", "city", "channel", "kind")
NUMBER_FIELDS = ("amount_fen", "extra_0", "extra_3")
ABOUT = [Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT, Col.CITY]
"""What the decision path copies into a label from the event it is about, so that its entities are found."""
WHOLE_OPS = ("count", "first_seen", "since_last")
NUMBER_OPS = ("sum", "mean", "min", "max", "std", "zscore", "ratio")
LABEL_OPS = (
    "label_count", "label_rate", "delayed_count", "label_run", "label_run_age", "since_fraud", "since_clear",
)  # fmt: skip
PERCENTILE_OPS = ("percentile", "over_percentile", "outliers")

CONDITIONS = (
    Condition("transfers", ("kind", "==", "transfer")),
    Condition("not_login", ("kind", "!=", "login"), ("amount_fen", ">", 0)),
    Condition("big", ("amount_fen", ">=", 1_000)),
    Condition("small", ("amount_fen", "<", 1_000), ("amount_fen", "<=", 999)),
    Condition("remote", ("channel", "in", ("mobile", "pc"))),
    Condition("round", ("amount_fen", "multiple_of", 100)),
    Condition("faced", ("verification", "has", 16)),
    Condition("night", ("hour", "<", 6)),
    Condition("weekend", ("weekday", ">=", 5)),
    Condition("negative", ("extra_0", "<", 0)),
)


@dataclass(frozen=True)
class Stream:
    """Rows in journal order and the unit of their time grid."""

    rows: Rows
    unit_ms: int


@st.composite
def feature_sets(
    draw: st.DrawFn, unit_ms: int = 1, features_max: int = 8, lateness_units: int | None = None
) -> FeatureSet:
    """1 to `features_max` features over 1 to 3 entities; windows of 1 to 40 units."""
    unit = {1: "ms", HOUR_MS: "h"}[unit_ms]
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    entities = []
    for number, key in enumerate(keys):
        when = draw(st.one_of(st.none(), st.none(), st.sampled_from(CONDITIONS)))
        entities.append(Entity(f"entity{number}", key=key, when=when))
    found: dict[str, Feature] = {}
    for _ in range(draw(st.integers(1, features_max))):
        feature = draw(_features(entities, unit))
        found[feature.name] = feature
    lateness = draw(st.sampled_from((1, 3, 10, 1_000))) if lateness_units is None else lateness_units
    return FeatureSet("random", *found.values(), lateness=f"{lateness}{unit}")


@st.composite
def _features(draw: st.DrawFn, entities: list[Entity], unit: str) -> Feature:
    entity = draw(st.sampled_from(entities))
    window = f"{draw(st.sampled_from((1, 2, 3, 5, 8, 20, 40)))}{unit}"
    family = draw(st.sampled_from(("whole", "where", "number", "percentile", "distinct", "label", "in_out")))
    where = draw(st.sampled_from(CONDITIONS))
    match family:
        case "whole":
            op = draw(st.sampled_from(WHOLE_OPS))
            return getattr(entity, op)(window)
        case "where":
            match draw(st.sampled_from(("count", "sum", "share"))):
                case "count":
                    return entity.count(window, where=where)
                case "sum":
                    return entity.sum(draw(st.sampled_from(NUMBER_FIELDS)), window, where=where)
            return entity.share(where, window)
        case "number":
            op = draw(st.sampled_from(NUMBER_OPS))
            return getattr(entity, op)(draw(st.sampled_from(NUMBER_FIELDS)), window)
        case "percentile":
            op, percent = draw(st.sampled_from(PERCENTILE_OPS)), draw(st.sampled_from((1, 2, 37, 50, 90, 100)))
            return getattr(entity, op)(draw(st.sampled_from(NUMBER_FIELDS)), percent, window)
        case "distinct":
            op = draw(st.sampled_from(("distinct", "is_new")))
            return getattr(entity, op)(draw(st.sampled_from(DISTINCT_FIELDS)), window)
        case "label":
            delay = f"{draw(st.sampled_from((1, 2, 5, 20)))}{unit}"
            op = draw(st.sampled_from((*LABEL_OPS, "label_run_min")))
            if op == "label_run_min":
                return entity.label_run_min(draw(st.sampled_from(NUMBER_FIELDS)), window, delay)
            return getattr(entity, op)(window, delay)
    other = draw(st.sampled_from([e for e in entities if len(e.key_fields) == len(entity.key_fields)]))
    return entity.in_out_ratio("amount_fen", window, other)


_EVENTS = st.tuples(
    st.tuples(st.integers(0, 6), st.sampled_from((0, 0, 0, 0, 0, 1, 2, 5, 15))),  # the front advances; this one lags
    st.tuples(*(st.integers(0, 2) for _ in range(6))),  # customer, account, payee, device, address, merchant
    st.sampled_from((0, 1, 99, 100, 1_000, 123_456, 10**12)),
    st.sampled_from((Kind.TRANSFER, Kind.TRANSFER, Kind.PAYMENT, Kind.LOGIN, Kind.LABEL)),
    st.sampled_from(tuple(Channel)),
    st.integers(-3, 3),  # extra_0; extra_3 is its large multiple
    st.integers(0, 200),  # what a label refers to
)


@st.composite
def streams(draw: st.DrawFn, unit_ms: int = 1, events_max: int = 60) -> Stream:
    """Up to `events_max` rows in journal order, labels among them, SEQ with gaps as a journal has them."""
    size = draw(st.integers(1, events_max))
    drawn = draw(st.lists(_EVENTS, min_size=size, max_size=size))
    return Stream(rows_of(drawn, unit_ms, control_records=draw(st.booleans())), unit_ms)


def rows_of(drawn: list[Any], unit_ms: int, *, control_records: bool) -> Rows:
    """The rows of drawn events; with `control_records` some positions of the journal between them hold no event."""
    rows = empty_rows(len(drawn))
    front = 0
    position = 0
    for number, ((advance, lag), keys, fen, kind, channel, extra, refers) in enumerate(drawn):
        row = rows[number]
        front += advance
        row[Col.SEQ] = position
        position += 1 + (refers % 3 if control_records and refers % 10 == 0 else 0)
        row[Col.OCCURRED_MS] = BASE_MS + (front - lag) * unit_ms
        row[Col.RECEIVED_MS] = row[Col.OCCURRED_MS]
        row[[Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT]] = keys
        row[[Col.ACCOUNT, Col.PAYEE]] *= -(2**62) + 3  # tokens are any signed 64-bit number but 0
        row[Col.CITY] = 110_000 + 100 * keys[1] if keys[0] else 0
        row[Col.AMOUNT_FEN] = fen
        row[Col.KIND] = kind
        row[Col.CHANNEL] = channel
        row[Col.VERIFICATION] = (refers * 7) % 32
        row[Col.FLAGS] = Flag.HISTORY_AUTHORISED
        row[Col.EXTRA_0] = extra
        row[Col.EXTRA_3] = extra * 333_333_333_333
        row[Col.EVENT_KEY] = number + 1
        if kind == Kind.LABEL:
            row[Col.LABEL] = refers % 3 != 0
            target = refers % (number + 1)
            known = target < number and rows[target, Col.KIND] != Kind.LABEL
            row[ABOUT] = rows[target, ABOUT] if known else 0
            row[Col.REFERS_SEQ] = rows[target, Col.SEQ] if known else -1
            row[Col.REFERS_KEY] = rows[target, Col.EVENT_KEY] if known else 0
            row[Col.REFERS_MS] = rows[target, Col.OCCURRED_MS] if known else 0
    return rows


def long_stream(seed: int, count: int, keys: int, unit_ms: int = 1, pace: int = 1) -> Stream:
    """`count` rows over few keys, for what small examples do not reach: full rings, growing tables, expiry.

    Time advances about once in `pace` events: with a high pace a window holds hundreds of events, and most are tied.
    """
    rng = np.random.default_rng(seed)
    kinds = (Kind.TRANSFER, Kind.TRANSFER, Kind.TRANSFER, Kind.PAYMENT, Kind.LOGIN, Kind.LABEL)
    drawn = [
        (
            (
                int(rng.choice((1, 1, 2, 9)) if rng.integers(2 * pace) == 0 else 0),
                int(rng.choice((0, 0, 0, 0, 0, 1, 2, 9, 30))),
            ),
            tuple(int(k) for k in rng.integers(0, keys + 1, 6)),
            int(rng.choice((0, 1, 100, 999, 123_456, 10**12))),
            kinds[rng.integers(len(kinds))],
            Channel(int(rng.integers(0, 7))),
            int(rng.integers(-3, 4)),
            int(rng.integers(0, 10**6)),
        )
        for _ in range(count)
    ]
    return Stream(rows_of(drawn, unit_ms, control_records=True), unit_ms)
