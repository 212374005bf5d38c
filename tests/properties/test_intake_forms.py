"""The same event gives the same row, word for word, whichever way it comes in."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarim.base.errors import FieldError
from tarim.intake import Intake
from tarim.privacy import FIELDS, Tokenizer, unpack_bundles, unpack_fields
from tarim.stream import Col
from tests.fakes.clock import FakeClock
from tests.naive import combinations as naive_combinations

RECEIVED_MS = 1_800_000_000_000
KEY = bytes(range(32))


class OpenVault:
    """Remembers combinations and 'seals' into readable bytes, so that a test can look inside."""

    def __init__(self) -> None:
        self.combinations: set[int] = set()

    def unsealed(self, tokens: Any, texts: Any, need: Any) -> Any:
        return naive_combinations.unsealed(self.combinations, tokens.tolist(), texts.tolist(), need)

    def remember(self, keys: Any) -> None:
        self.combinations.update(keys.tolist())

    def seal_bundles(self, customers: Any, bundles: Any) -> list[bytes]:
        return [
            int(customer).to_bytes(8, "little", signed=True) + bundle
            for customer, bundle in zip(customers, bundles, strict=True)
        ]


def intake() -> Intake:
    return Intake(Tokenizer(KEY), OpenVault(), clock=FakeClock(RECEIVED_MS))


IDENTIFIERS = st.sampled_from(
    ["C1", " C2 ", "6222 02", "", "客户七", "x" * 65, "x" * 64, "a\x00b", "a\u200bb", "6222020200112233"]
)
TEXTS = st.sampled_from(["iPhone", "张三", "", "a b", "tab\tx", "x" * 64, "x" * 300, "\u202egnp", "é", " "])
WHEN = st.sampled_from(
    [
        "2026-10-01T12:00:00.123+08:00",
        "2026-10-01T12:00:00Z",
        "2026-10-01t12:00:00.999999999z",
        "2026-02-29T12:00:00Z",
        "2024-02-29T23:59:59.5-11:30",
        "1999-12-31T23:59:59Z",
        "2000-01-01T00:00:00Z",
        "2100-12-31T23:59:59Z",
        "2027-01-15T08:05:00+00:00",
        "2027-01-15T08:05:00.001+00:00",
        "2026-10-01 12:00:00Z",
        "2026-10-01T12:00:00",
        "2026-10-01T24:00:00Z",
        "2026-10-01T12:00:60Z",
        "",
    ]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "event_id": st.sampled_from(["e-1", "e-2", "x" * 64, "x" * 65, "", "a b", "é"]),
    "source": st.sampled_from(["core", "app-2", "Core", "", "x" * 33]),
    "kind": st.sampled_from(["transfer", "payment", "login", "label", "reversal", "Transfer", ""]),
    "occurred_at": WHEN,
    "customer_type": st.sampled_from(["individual", "corporate", "person"]),
    "customer": IDENTIFIERS,
    "account": IDENTIFIERS,
    "payee_account": IDENTIFIERS,
    "payee_name": TEXTS,
    "payee_bank": TEXTS,
    "payee_phone": TEXTS,
    "amount_fen": st.sampled_from([0, 1, 12345, 10**12, 10**12 + 1, -1, 2**62]),
    "currency": st.sampled_from(["CNY", "USD", "usd", "", "CNYY"]),
    "channel": st.sampled_from(["pc", "mobile", "unknown", "fax"]),
    "result": st.sampled_from(["succeeded", "failed", ""]),
    "verification": st.lists(st.sampled_from(["sms_code", "face", "token", "none"]), max_size=3),
    "device_id": IDENTIFIERS,
    "device_model": TEXTS,
    "device_os": TEXTS,
    "app_version": TEXTS,
    "ip": st.sampled_from(
        ["10.0.0.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:10.0.0.1", "10.0.0.01", "fe80::1%eth0", "", " 10.0.0.2"]
    ),
    "ip_port": st.sampled_from([1, 443, 65535, 65536, 0]),
    "network_kind": st.sampled_from(["wifi", "5g"]),
    "network_state": TEXTS,
    "network_quality": TEXTS,
    "operation_log": TEXTS,
    "location_permitted": st.booleans(),
    "latitude": st.sampled_from([0.0, -0.0, 31.2304, 90.0, 90.00001, -12.123456789, 1e-9]),
    "longitude": st.sampled_from([0.0, 121.4737, 180.0, -180.5]),
    "city": st.sampled_from([110105, 99999, 1000000]),
    "merchant_id": IDENTIFIERS,
    "merchant_category": st.sampled_from([5411, 742, 0, 10000]),
    "order_id": TEXTS,
    "history_authorised": st.booleans(),
    "legal_basis": st.sampled_from(["contract", "consent", "whim"]),
    "refers_to": st.sampled_from(["e-0", "", "a b"]),
    "label": st.sampled_from(["fraud", "genuine", "maybe"]),
    "extra_0": st.sampled_from([0, -1, 10**15, 10**15 + 1]),
    "extra_1": st.integers(-10, 10),
    "extra_2": st.integers(-10, 10),
    "extra_3": st.integers(-10, 10),
}
assert set(VALUES) == set(FIELDS)
GOOD = {
    "event_id": "e-9",
    "source": "core",
    "kind": "transfer",
    "occurred_at": "2026-10-01T12:00:00.123+08:00",
    "customer": "C9",
    "account": "6222020200112233",
    "payee_account": "6222020200112299",
    "amount_fen": 100,
}


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """A good message with some of its fields replaced, added or dropped."""
    message = dict(GOOD)
    for name in draw(st.lists(st.sampled_from(list(FIELDS)), max_size=6, unique=True)):
        message[name] = draw(VALUES[name])
    for name in draw(st.lists(st.sampled_from(list(GOOD)), max_size=1)):
        message.pop(name, None)
    return message


TYPES = {
    "amount_fen": pa.int64(),
    "extra_0": pa.int64(),
    "extra_1": pa.int64(),
    "extra_2": pa.int64(),
    "extra_3": pa.int64(),
    "city": pa.int32(),
    "merchant_category": pa.int16(),
    "ip_port": pa.int32(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "location_permitted": pa.bool_(),
    "history_authorised": pa.bool_(),
    "verification": pa.list_(pa.string()),
}


def typed_table(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """The messages as a table with a type for each column."""
    names = [
        name
        for name in FIELDS
        if any(name in row for row in rows) or name in ("event_id", "kind", "occurred_at", "customer", "source")
    ]
    arrays = [pa.array([row.get(name) for row in rows], TYPES.get(name, pa.string())) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names)


def text_of(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if name == "merchant_category":
        return f"{value:04d}"
    if name in ("latitude", "longitude"):
        return f"{value:.12f}"
    return "|".join(value) if isinstance(value, list) else str(value)


def text_table(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """The messages as a table of nothing but text, as CSV gives it."""
    table = typed_table(rows)
    arrays = [pa.array([text_of(name, row.get(name)) for row in rows], pa.string()) for name in table.schema.names]
    return pa.RecordBatch.from_arrays(arrays, table.schema.names)


def by_message(rows: list[dict[str, Any]]) -> tuple[list[Any], list[tuple[int, str, str]]]:
    taken, refused = [], []
    one = intake()
    for place, row in enumerate(rows):
        try:
            taken.append(one.message(json.dumps(row).encode()))
        except FieldError as error:
            refused.append((place, error.field, error.rule))
    return taken, refused


def check(rows: list[dict[str, Any]], table: pa.RecordBatch) -> None:
    taken, refused = by_message(rows)
    batch, refusals = intake().table(table)
    assert [(refusal.row, refusal.field, refusal.rule) for refusal in refusals] == refused
    assert len(batch) == len(taken)
    for place, single in enumerate(taken):
        assert batch.rows[place].tolist() == single.rows[0].tolist()
        assert batch.event_ids[place] == single.event_ids[0]
        assert batch.sources[place] == single.sources[0]
        assert batch.notes[place] == single.notes[0]
    revealed: dict[int, set[tuple[str, str]]] = {}
    expected: dict[int, set[tuple[str, str]]] = {}
    for found, batches in ((revealed, [batch]), (expected, taken)):
        for one in batches:
            for row, blob in zip(one.rows, one.sealed, strict=True):
                if blob is not None:
                    for values in unpack_bundles(blob[8:]):
                        found.setdefault(int(row[Col.CUSTOMER]), set()).update(values.items())
    assert revealed == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages(), min_size=1, max_size=8))
def test_a_typed_table_gives_the_rows_of_its_messages(rows: list[dict[str, Any]]) -> None:
    check(rows, typed_table(rows))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages(), min_size=1, max_size=8))
def test_a_table_of_texts_gives_the_rows_of_its_messages(rows: list[dict[str, Any]]) -> None:
    rows = [{name: value for name, value in row.items() if value not in ("", [])} for row in rows]  # CSV has no such
    if all("event_id" in row and "kind" in row and "occurred_at" in row and "customer" in row for row in rows):
        check(rows, text_table(rows))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages(), min_size=2, max_size=8), st.integers(0, 8))
def test_where_a_table_is_cut_changes_nothing(rows: list[dict[str, Any]], cut: int) -> None:
    table = typed_table(rows)
    whole, refusals = intake().table(table)
    first, first_refusals = intake().table(table.slice(0, cut))
    second, second_refusals = intake().table(table.slice(cut))
    assert np.concatenate([first.rows, second.rows]).tolist() == whole.rows.tolist()
    places = [one.row for one in first_refusals] + [one.row + min(cut, len(rows)) for one in second_refusals]
    assert places == [one.row for one in refusals]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_every_unit_give_the_instant(unit: str) -> None:
    at_ms = 1_700_000_000_000
    raw = {"s": at_ms // 1000, "ms": at_ms, "us": at_ms * 1000, "ns": at_ms * 1_000_000}[unit]
    table = typed_table([GOOD, GOOD])
    place = table.schema.names.index("occurred_at")
    column = pa.array([raw, raw], pa.int64()).cast(pa.timestamp(unit, "Asia/Shanghai"))
    batch, refusals = intake().table(table.set_column(place, "occurred_at", column))
    assert refusals == []
    assert batch.rows[:, Col.OCCURRED_MS].tolist() == [at_ms] * 2
    naive = table.set_column(place, "occurred_at", column.cast(pa.int64()).cast(pa.timestamp(unit)))
    _, refusals = intake().table(naive)
    assert [refusal.field for refusal in refusals] == ["occurred_at"] * 2


def test_what_is_accepted_is_not_sealed_again_and_what_is_not_is() -> None:
    one = intake()
    body = json.dumps(GOOD).encode()
    first = one.message(body)
    assert first.sealed[0] is not None
    assert one.message(body).sealed[0] is not None, "not accepted yet"
    one.accepted([first])
    assert one.message(body).sealed[0] is None
    table, _ = one.table(typed_table([GOOD, {**GOOD, "event_id": "e-10", "payee_account": "7"}]))
    assert table.sealed[0] is None
    assert unpack_fields((table.sealed[1] or b"")[8:]) == {"payee_account": "7"}
