"""Files of every format give the rows of their messages; mappings bring foreign tables in."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from tarim.base.errors import DefinitionError, FieldError
from tarim.intake import (
    Column,
    Drop,
    Intake,
    Integrity,
    Mapping,
    check_digest,
    check_file,
    content_digest,
    problem,
    read_file,
)
from tarim.privacy import FIELDS, Tokenizer
from tarim.stream import Col, Flag
from tests.fakes.clock import FakeClock


def intake() -> Intake:
    return Intake(Tokenizer(bytes(range(32))), clock=FakeClock(1_800_000_000_000))


MESSAGES: list[dict[str, Any]] = [
    {
        "event_id": "e-1",
        "source": "core",
        "kind": "transfer",
        "occurred_at": "2026-10-01T12:00:00.123+08:00",
        "customer": "客户1",
        "account": "6222020200112233",
        "payee_account": "DE21500500009876543210",
        "payee_name": '张三, "小张"',
        "amount_fen": 12345,
        "currency": "CNY",
        "channel": "mobile",
        "verification": ["sms_code", "face"],
        "ip": "0:0:0:0:0:0:0:1",
        "ip_port": 443,
        "location_permitted": True,
        "latitude": 31.2304,
        "longitude": -0.5,
        "city": 310000,
        "extra_1": -5,
    },
    {"event_id": "e-2", "source": "pos", "kind": "login", "occurred_at": "2026-10-01T12:00:01Z", "customer": "C2"},
    {
        "event_id": "e-3",
        "source": "core",
        "kind": "label",
        "occurred_at": "2026-10-01T12:00:02Z",
        "customer": "C2",
        "refers_to": "e-1",
        "label": "fraud",
        "merchant_category": "0742",
        "history_authorised": False,
    },
]


def rows_of_messages() -> list[list[int]]:
    return [intake().message(json.dumps(message).encode()).rows[0].tolist() for message in MESSAGES]


def rows_of(path: Path) -> list[list[int]]:
    rows = []
    for table in read_file(path):
        batch, refusals = intake().table(table)
        assert refusals == []
        rows += batch.rows.tolist()
    return rows


def cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else "|".join(value) if isinstance(value, list) else str(value)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def names() -> list[str]:
    return [name for name in FIELDS if any(name in message for message in MESSAGES)]


def test_json_lines_give_the_rows_of_their_messages(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\r\n".join(json.dumps(message, ensure_ascii=False).encode() for message in MESSAGES))
    assert rows_of(path) == rows_of_messages()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_gives_the_rows_of_its_messages(tmp_path: Path, mark: bytes, end: str) -> None:
    lines = [",".join(names()), *(",".join(cell(message.get(name)) for name in names()) for message in MESSAGES), ""]
    (tmp_path / "a.csv").write_bytes(mark + end.join(lines).encode())
    assert rows_of(tmp_path / "a.csv") == rows_of_messages()


def test_parquet_gives_the_rows_of_its_messages(tmp_path: Path) -> None:
    pa.parquet.write_table(
        pa.Table.from_pylist([{name: m.get(name) for name in names()} for m in MESSAGES]), tmp_path / "a.parquet"
    )
    assert rows_of(tmp_path / "a.parquet") == rows_of_messages()


def test_what_backfill_brings_is_marked_and_the_same_event(tmp_path: Path) -> None:
    body = json.dumps(MESSAGES[0]).encode()
    live, late = intake().message(body), intake().message(body, backfill=True)
    assert late.rows[0, Col.FLAGS] == live.rows[0, Col.FLAGS] | int(Flag.BACKFILL)
    assert late.rows[0, Col.CONTENT_KEY] == live.rows[0, Col.CONTENT_KEY]


def test_every_field_but_the_receipt_is_part_of_the_content() -> None:
    full = {
        **MESSAGES[0],
        "device_id": "d",
        "merchant_id": "m",
        "order_id": "o",
        "legal_basis": "consent",
        "payee_phone": "1",
    }
    before = intake().message(json.dumps(full).encode()).rows[0, Col.CONTENT_KEY]
    later = Intake(Tokenizer(bytes(range(32))), clock=FakeClock(1_800_000_000_999)).message(json.dumps(full).encode())
    assert later.rows[0, Col.CONTENT_KEY] == before
    changes = {
        "event_id": "e-9", "source": "x", "kind": "payment", "occurred_at": "2026-10-01T12:00:00.124+08:00", "customer": "C",
        "account": "1", "payee_account": "2", "payee_name": "李四", "payee_phone": "2", "amount_fen": 1, "currency": "USD",
        "channel": "pc", "verification": ["face"], "ip": "::2", "ip_port": 80, "latitude": 1, "longitude": 1, "city": 110105,
        "extra_1": 5, "extra_0": 1, "device_id": "e", "merchant_id": "n", "order_id": "p", "legal_basis": "contract",
        "merchant_category": 1, "device_model": "x", "device_os": "x", "app_version": "x", "network_kind": "wifi",
        "network_state": "x", "network_quality": "x", "operation_log": "x", "payee_bank": "x", "result": "failed",
        "history_authorised": False, "extra_2": 1, "extra_3": 1,
    }  # fmt: skip
    assert set(FIELDS) - set(changes) == {"customer_type", "location_permitted", "refers_to", "label"}
    for name, value in changes.items():
        changed = intake().message(json.dumps({**full, name: value}).encode()).rows[0, Col.CONTENT_KEY]
        assert changed != before, name


# ------------------------------------------------------------------------------------------------------------- mapping

HANDBOOK = """
[constants]
source = "handbook"
kind = "payment"

[fields.event_id]
column = "TRANSACTION_ID"
prefix = "t-"

[fields.customer]
column = "CUSTOMER_ID"

[fields.account]
column = "CUSTOMER_ID"
prefix = "acc-"

[fields.amount_fen]
column = "TX_AMOUNT"
scale = 100

[fields.occurred_at]
column = "TX_DATETIME"
zone = "+08:00"

[fields.channel]
column = "TYPE"
values = { A = "pos", B = "mobile" }

[[drop]]
column = "TYPE"
values = ["INIT"]
"""


def handbook(**columns: Any) -> pa.RecordBatch:
    given = {
        "TRANSACTION_ID": [0, 1, 2],
        "CUSTOMER_ID": [596, 4961, 2],
        "TX_AMOUNT": [57.16, 81.51, 0.29],
        "TX_DATETIME": pa.array([0, 1000, 2000], pa.timestamp("ms")).cast(pa.int64()),
        "TYPE": ["A", "B", "INIT"],
        "TX_FRAUD": [0, 0, 1],
    }
    given["TX_DATETIME"] = pa.array([1_790_000_000_000 + at for at in (0, 1000, 2000)], pa.int64()).cast(
        pa.timestamp("ms")
    )
    return pa.RecordBatch.from_pydict({**given, **columns})


def test_a_mapping_brings_a_foreign_table_in() -> None:
    batch, refusals = intake().table(Mapping.from_toml(HANDBOOK).apply(handbook()))
    assert refusals == []
    assert batch.event_ids == ["t-0", "t-1"] and batch.sources == ["handbook"] * 2
    assert batch.rows[:, Col.AMOUNT_FEN].tolist() == [5716, 8151]
    assert batch.rows[0, Col.OCCURRED_MS] == 1_790_000_000_000 - 8 * 3_600_000
    tokenizer = Tokenizer(bytes(range(32)))
    assert batch.rows[0, Col.CUSTOMER] == tokenizer.token("customer", "596")
    assert batch.rows[0, Col.ACCOUNT] == tokenizer.token("account", "acc-596")


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"TX_AMOUNT": [1.234, 1.0, 1.0]}, "amount_fen"),
        ({"TX_AMOUNT": [float("nan"), 1.0, 1.0]}, "amount_fen"),
        ({"TX_AMOUNT": [1e300, 1.0, 1.0]}, "amount_fen"),
        ({"TX_AMOUNT": ["1,5", "1", "1"]}, "amount_fen"),
        ({"TX_AMOUNT": ["1.005", "1", "1"]}, "amount_fen"),
        ({"TYPE": ["A", "C", "A"]}, "channel"),
        ({"TX_DATETIME": [1, 2, 3]}, "occurred_at"),
        ({"CUSTOMER_ID": [[1], [2], [3]]}, "customer"),
        ({"CUSTOMER_ID": [1.5, 2.0, 3.0]}, "customer"),
    ],
)
def test_what_cannot_be_mapped_is_named(columns: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        Mapping.from_toml(HANDBOOK).apply(handbook(**columns))
    assert caught.value.field == field


def test_a_missing_column_is_named_by_its_field() -> None:
    with pytest.raises(FieldError) as caught:
        Mapping.from_toml(HANDBOOK.replace("TX_AMOUNT", "AMOUNT")).apply(handbook())
    assert caught.value.field == "amount_fen"


def test_texts_and_decimals_scale_exactly() -> None:
    mapping = Mapping({"amount_fen": Column("a", scale=100)}, {})
    for column in (pa.array(["0.29", "1", None]), pa.array(["0.29", "1.00", None]).cast(pa.decimal128(10, 2))):
        assert mapping.apply(pa.record_batch({"a": column})).column(0).to_pylist() == [29, 100, None]
    nearest = Mapping({"amount_fen": Column("a", scale=100, rounding="nearest")}, {})
    assert nearest.apply(pa.record_batch({"a": [1.005, 1.239]})).column(0).to_pylist() == [100, 124]


def test_numbers_since_an_epoch_become_instants() -> None:
    mapping = Mapping({"occurred_at": Column("step", unit="d", epoch="2023-01-01T00:00:00+01:00")}, {})
    assert mapping.apply(pa.record_batch({"step": [0, 2]})).column(0).cast(pa.int64()).to_pylist() == [
        1_672_527_600_000,
        1_672_527_600_000 + 2 * 86_400_000,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[fields.nothing]\ncolumn='a'",
        "[fields.kind]\ncolumn='a'\nscale=100",
        "[fields.kind]\ncolumn='a'\nmore=1",
        "[fields.kind]\ncolumn='a'\n[constants]\nkind='payment'",
        "[fields.amount_fen]\ncolumn='a'\nrounding='up'",
        "[fields.occurred_at]\ncolumn='a'\nzone='CST'",
        "[fields.amount_fen]\ncolumn='a'\nscale=0",
    ],
)
def test_a_wrong_mapping_is_refused_when_made(text: str) -> None:
    with pytest.raises(DefinitionError):
        Mapping.from_toml(text)


def test_mappings_are_made_in_python_too() -> None:
    mapping = Mapping({"customer": Column("c", prefix="x")}, {"kind": "login"}, [Drop("c", ["2"])])
    assert mapping.apply(pa.record_batch({"c": [1, 2]})).to_pydict() == {"kind": ["login"], "customer": ["x1"]}


# -------------------------------------------------------------------------------------------------------------- digest


def test_a_body_with_its_digest_is_taken_and_one_altered_byte_refused() -> None:
    body = json.dumps(MESSAGES[0]).encode()
    check_digest(content_digest(body), body)
    check_digest("unixsum=:AQ==:, " + content_digest(body), body)
    for place in range(len(body)):
        bent = bytearray(body)
        bent[place] ^= 1
        with pytest.raises(Integrity):
            check_digest(content_digest(body), bytes(bent))


@pytest.mark.parametrize(
    "header", ["", "sha-256=abc", "sha-256=:abc:", "sha-512=:YQ==:", "sha-256=:YQ==:", "x" * 2000, "sha-256=::"]
)
def test_a_header_that_states_no_digest_is_refused(header: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_digest(header, b"")
    assert problem(caught.value)["status"] == 422


def test_a_header_that_states_two_is_refused() -> None:
    with pytest.raises(FieldError):
        check_digest(content_digest(b"a") + ", " + content_digest(b"b"), b"a")


def test_files_are_checked_against_their_sidecar_or_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert check_file(path) == right
    with pytest.raises(Integrity):
        check_file(path, required=True)
    assert check_file(path, right.upper()) == right
    (tmp_path / "a.csv.sha256").write_text(f"{right}  a.csv\n")
    assert check_file(path, required=True) == right
    path.write_bytes(b"abd")
    with pytest.raises(Integrity):
        check_file(path)
    (tmp_path / "a.csv.sha256").write_text("nonsense\n")
    with pytest.raises(FieldError):
        check_file(path)


def test_nothing_that_holds_raw_values_shows_them() -> None:
    from tarim.intake.assemble import Assembler
    from tarim.intake.domain import IntakeLimits
    from tarim.intake.message import decode_message
    from tarim.intake.table import read_table

    limits = IntakeLimits()
    assembler = Assembler(Tokenizer(bytes(range(32))), limits)
    message = decode_message(json.dumps(MESSAGES[0], ensure_ascii=False).encode(), limits)
    table = pa.RecordBatch.from_pylist([{name: value for name, value in MESSAGES[0].items() if name != "verification"}])
    shown = repr(message) + repr(assembler.parts(message, 1_800_000_000_000)) + repr(assembler)
    shown += repr(read_table(table, assembler, 1_800_000_000_000, None, 0)) + repr(intake().table(table))
    for name in ("customer", "account", "payee_account", "payee_name"):
        assert MESSAGES[0][name] not in shown
