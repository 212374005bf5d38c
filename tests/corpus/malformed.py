"""Malformed messages, batches, tables and files, each with the error that must come of it.

Personal values in them carry CANARY, which must appear in no error.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from tarim.base.errors import FieldError, InputError, TooLarge
from tarim.intake import Integrity, OutOfScope, RefusedAt, UnsupportedFile
from tarim.intake import domain as rules
from tarim.privacy import FIELDS, REFUSED

CANARY = "Zhang3Canary6222"

GOOD: dict[str, Any] = {
    "event_id": "e-1",
    "source": "core",
    "kind": "transfer",
    "occurred_at": "2026-10-01T12:00:00.123+08:00",
    "customer": "C-" + CANARY,
    "account": CANARY,
    "payee_account": "8" + CANARY,
    "payee_name": CANARY,
    "amount_fen": 123_45,
    "device_id": "d-" + CANARY,
    "ip": "10.0.0.1",
}


@dataclass(frozen=True)
class Message:
    """A message that must be refused with this error, naming this field and rule."""

    name: str
    body: bytes
    error: type[InputError]
    field: str = ""
    rule: str = ""


@dataclass(frozen=True)
class File:
    """A file that must be refused, as a whole or in the rows named, with this error."""

    name: str
    suffix: str
    content: bytes
    error: type[InputError] | None = None
    field: str = ""
    rule: str = ""
    refused_rows: tuple[int, ...] = ()


def changed(**fields: Any) -> bytes:
    """The good message with some fields put in; None drops the field."""
    message = {**GOOD, **fields}
    return json.dumps({name: value for name, value in message.items() if value is not None}).encode()


def raw(fragment: str) -> bytes:
    """The good message with a piece of JSON text at its end."""
    return json.dumps(GOOD).encode()[:-1] + b", " + fragment.encode() + b"}"


def messages() -> list[Message]:
    """All malformed messages."""
    return [*_shapes(), *_types(), *_texts(), *_values(), *_together(), *_names(), *_repeated(), *_sizes()]


def _field(name: str, rule: str, body: bytes, what: str) -> Message:
    return Message(f"{name}: {what}", body, FieldError, name, rule)


def _shapes() -> Iterator[Message]:
    bodies = {
        "nothing": b"",
        "spaces": b"   ",
        "a list": b"[]",
        "a list with a message": b"[" + changed() + b"]",
        "a text": b'"transfer"',
        "a number": b"5",
        "null": b"null",
        "cut off": changed()[:-1],
        "cut in a text": changed()[: len(changed()) // 2],
        "two messages": changed() + changed(),
        "something after it": changed() + b"x",
        "a byte order mark": b"\xef\xbb\xbf" + changed(),
        "UTF-16": changed().decode().encode("utf-16"),
        "invalid UTF-8": changed().replace(b"core", b"co\xffe"),
        "overlong UTF-8": changed().replace(b"core", b"co\xc0\xafe"),
        "a surrogate in UTF-8": changed().replace(b"core", b"co\xed\xa0\x80"),
        "a lone surrogate escape": raw(r'"device_model": "\ud800"'),
        "single quotes": changed().replace(b'"', b"'"),
        "a comment": b"/* */" + changed(),
        "a trailing comma": changed()[:-1] + b",}",
        "a missing colon": changed().replace(b'"kind": ', b'"kind" '),
        "NUL bytes": b"\0" * 100,
        "a NUL in a text": changed().replace(b"core", b"co\0e"),
        "a raw newline in a text": changed().replace(b"core", b"co\ne"),
        "a bad escape": raw(r'"device_model": "\x41"'),
        "NaN": raw('"amount_fen": NaN'),
        "Infinity": raw('"latitude": Infinity'),
        "a number with a leading zero": raw('"extra_0": 012'),
        "a number with a plus": raw('"extra_0": +1'),
        "a hexadecimal number": raw('"extra_0": 0x10'),
        "gzip": gzip.compress(changed(), mtime=0),
        "XML": b"<message/>",
        "form data": b"event_id=1&kind=transfer",
        "deep lists": b"[" * 10_000,
        "deep objects": b'{"a":' * 3_000,
    }
    for what, body in bodies.items():
        if what == "deep objects":
            yield Message(what, body, FieldError, "a", rules.KNOWN_FIELD)
        else:
            yield Message(what, body, FieldError, "message", rules.IS_OBJECT)


TYPE_RULES = {
    "amount_fen": rules.AMOUNT,
    "extra_0": rules.EXTRA,
    "extra_1": rules.EXTRA,
    "extra_2": rules.EXTRA,
    "extra_3": rules.EXTRA,
    "city": rules.CITY,
    "merchant_category": rules.MERCHANT_CATEGORY,
    "ip_port": rules.IP_PORT,
    "latitude": rules.LATITUDE,
    "longitude": rules.LONGITUDE,
    "verification": rules.IS_LIST_OF_TEXT,
    "history_authorised": rules.IS_TRUTH,
    "location_permitted": rules.IS_TRUTH,
}


def _types() -> Iterator[Message]:
    """Every field with a value of a type it cannot have."""
    for name in FIELDS:
        rule = TYPE_RULES.get(name, rules.IS_TEXT)
        yield _field(name, rule, changed(**{name: {"a": CANARY}}), "an object")
        yield _field(
            name, rule, raw(f'"{name}": null').replace(b"e-1", b"e-2") if name not in GOOD else _null(name), "null"
        )
    for name in ("customer", "account", "event_id", "occurred_at"):
        yield _field(name, rules.IS_TEXT, changed(**{name: 6222020200112233}), "a number")
    for name in ("amount_fen", "extra_0"):
        yield _field(name, TYPE_RULES[name], changed(**{name: "12345"}), "digits as text")
        yield _field(name, TYPE_RULES[name], changed(**{name: 1.5}), "a fraction")
        yield _field(name, TYPE_RULES[name], raw_number(name, "1.0"), "a whole fraction")
        yield _field(name, TYPE_RULES[name], raw_number(name, "1e3"), "an exponent")
        yield _field(name, TYPE_RULES[name], changed(**{name: True}), "a truth")
    yield _field("location_permitted", rules.IS_TRUTH, changed(location_permitted="true"), "a text")
    yield _field("location_permitted", rules.IS_TRUTH, changed(location_permitted=1), "a number")
    yield _field("verification", rules.IS_LIST_OF_TEXT, changed(verification="face"), "a text")
    yield _field("verification", rules.IS_LIST_OF_TEXT, changed(verification=[1]), "a list of numbers")
    yield _field("city", rules.CITY, changed(city=110105.0), "a fraction")


def _null(name: str) -> bytes:
    return json.dumps({**GOOD, name: None}).encode()


def raw_number(name: str, number: str) -> bytes:
    """The good message with this spelling of a number."""
    message = {key: value for key, value in GOOD.items() if key != name}
    return json.dumps(message).encode()[:-1] + f', "{name}": {number}}}'.encode()


IDENTIFIERS = ("customer", "account", "payee_account", "device_id", "merchant_id")
TEXTS = ("payee_name", "payee_bank", "payee_phone", "device_model", "device_os", "app_version", "network_state")
TEXTS_MORE = ("network_quality", "operation_log", "order_id")


def _texts() -> Iterator[Message]:
    for name in (*IDENTIFIERS, *TEXTS, *TEXTS_MORE):
        long = (CANARY * 40)[: FIELDS[name].length_max + 1]
        yield _field(name, rules.LENGTHS[name], changed(**{name: long}), "a character too many")
        yield _field(name, rules.LENGTHS[name], changed(**{name: ""}), "an empty text")
    for name in IDENTIFIERS:
        yield _field(name, rules.LENGTHS[name], changed(**{name: "   "}), "only spaces")
        for what, inner in {
            "a space": " ",
            "a tab": "\t",
            "a zero-width space": "\u200b",
            "a wide space": "\u3000",
        }.items():
            yield _field(name, rules.NO_SPACE, changed(**{name: f"6{inner}{CANARY}"}), f"{what} inside")
    for name in ("payee_name", "device_model", "order_id"):
        marks = {
            "a NUL": "\0",
            "a newline": "\n",
            "an escape": "\x1b",
            "a C1 control": "\x85",
            "a line separator": "\u2028",
        }
        for what, mark in {**marks, "a direction override": "\u202e", "a byte order mark": "\ufeff"}.items():
            yield _field(name, rules.NO_CONTROL, changed(**{name: f"{CANARY}{mark}x"}), what)


def _values() -> Iterator[Message]:
    values: dict[str, tuple[str, list[Any]]] = {
        "event_id": (rules.EVENT_ID, ["", "x" * 65, "a b", "a\tb", "é", "事件", "a\x7f"]),
        "source": (rules.SOURCE, ["", "Core", "x" * 33, "a_b", "a b", "来源"]),
        "kind": (rules.KIND, ["", "Transfer", "TRANSFER", "refund", "transfer "]),
        "occurred_at": (
            rules.OCCURRED_SHAPE,
            [
                "",
                "2026-10-01",
                "2026-10-01T12:00:00",
                "2026-10-01 12:00:00Z",
                "2026-10-01T12:00Z",
                "2026-10-01T24:00:00Z",
                "2026-10-01T12:60:00Z",
                "2026-12-31T23:59:60Z",
                "2026-02-29T12:00:00Z",
                "2026-13-01T12:00:00Z",
                "2026-10-00T12:00:00Z",
                "26-10-01T12:00:00Z",
                "2026-10-01T12:00:00+8",
                "2026-10-01T12:00:00+0800",
                "2026-10-01T12:00:00+24:00",
                "2026-10-01T12:00:00,5Z",
                "2026-10-01T12:00:00.1234567890Z",
                "2026-W40-4T12:00:00Z",
                "20261001T120000Z",
                "２０２６-10-01T12:00:00Z",
                "1790827200",
                "now",
            ],
        ),
        "customer_type": (rules.CUSTOMER_TYPE, ["", "person", "Individual"]),
        "amount_fen": (rules.AMOUNT, [-1, 10**12 + 1, 2**63, 10**30]),
        "extra_0": (rules.EXTRA, [10**15 + 1, -(10**15) - 1, 2**64]),
        "extra_3": (rules.EXTRA, [2**200]),
        "currency": (rules.CURRENCY, ["", "cny", "CN", "CNYY", "C1Y", "人民币"]),
        "channel": (rules.CHANNEL, ["", "fax", "PC"]),
        "result": (rules.RESULT, ["", "ok"]),
        "network_kind": (rules.NETWORK_KIND, ["", "5g"]),
        "verification": (rules.VERIFICATION, [["sms"], ["face", "face"], [""], ["none"], ["FACE"]]),
        "ip": (
            rules.IP,
            ["", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1/8", "::g", "fe80::1%eth0", "localhost", "1" * 50],
        ),
        "ip_port": (rules.IP_PORT, [0, -1, 65536, "0", "", "80a", "+80", "080"]),
        "city": (rules.CITY, ["", "1101", "1101050", "011010", "北京市朝阳区", 99_999, 1_000_000, -110105]),
        "merchant_category": (rules.MERCHANT_CATEGORY, ["", "541", "54110", "0000", "541a", 0, 10_000, -5]),
        "legal_basis": (rules.LEGAL_BASIS, ["", "whim"]),
    }
    for name, (rule, wrong) in values.items():
        for value in wrong:
            yield _field(name, rule, changed(**{name: value}), repr(value)[:30])
    for name, rule, wrong in (
        ("latitude", rules.LATITUDE, [90.1, -91, "x", "", "1e1", "31,2", "181.0"]),
        ("longitude", rules.LONGITUDE, [180.1, -181, "121°", "0x10", "NaN"]),
    ):
        for value in wrong:
            yield _field(name, rule, changed(location_permitted=True, **{name: value}), repr(value))
    for when, rule in (
        ("1999-12-31T23:59:59Z", rules.OCCURRED_YEARS),
        ("2101-01-01T00:00:00Z", rules.OCCURRED_YEARS),
        ("0001-01-01T00:00:00+08:00", rules.OCCURRED_YEARS),
        ("2099-01-01T00:00:00Z", rules.OCCURRED_FUTURE),
        ("2027-01-15T08:05:00.001Z", rules.OCCURRED_FUTURE),
    ):
        yield _field("occurred_at", rule, changed(occurred_at=when), when)


def _together() -> Iterator[Message]:
    for name in ("event_id", "source", "kind", "occurred_at", "customer"):
        yield _field(name, rules.REQUIRED, changed(**{name: None}), "missing")
    for kind, names in (
        ("transfer", ("account", "payee_account", "amount_fen")),
        ("payment", ("account", "amount_fen")),
        ("withdrawal", ("account", "amount_fen")),
        ("deposit", ("account", "amount_fen")),
    ):
        for name in names:
            yield _field(name, rules.REQUIRED_FOR_KIND, changed(kind=kind, **{name: None}), f"missing for {kind}")
    yield _field("refers_to", rules.REQUIRED_FOR_KIND, changed(kind="label", label="fraud"), "missing for label")
    yield _field("label", rules.REQUIRED_FOR_KIND, changed(kind="label", refers_to="e-0"), "missing for label")
    yield _field("label", rules.LABEL, changed(kind="label", refers_to="e-0", label="perhaps"), "unknown")
    yield _field("label", rules.ONLY_FOR_LABEL, changed(label="fraud"), "on a transfer")
    yield _field("refers_to", rules.ONLY_FOR_REFERRING, changed(refers_to="e-0"), "on a transfer")
    yield _field("refers_to", rules.EVENT_ID, changed(kind="reversal", refers_to="a b"), "with a space")
    yield _field("latitude", rules.NEEDS_PERMISSION, changed(latitude=31.2), "without permission")
    yield _field(
        "longitude", rules.NEEDS_PERMISSION, changed(longitude=31.2, location_permitted=False), "permission refused"
    )
    yield Message(
        "a corporate customer", changed(customer_type="corporate"), OutOfScope, "customer_type", rules.INDIVIDUALS_ONLY
    )


def _names() -> Iterator[Message]:
    for name in REFUSED:
        yield _field(name, REFUSED[name], changed(**{name: CANARY}), "refused by name")
    yield _field("password", REFUSED["password"], changed(Password=CANARY), "refused in capitals")
    yield _field("amount", rules.KNOWN_FIELD, changed(amount=5), "unknown")
    yield _field("received_at", rules.KNOWN_FIELD, changed(received_at="2026-10-01T12:00:00Z"), "not the sender's")
    yield _field("message", rules.KNOWN_FIELD, changed(**{CANARY: 1}), "a personal value as a name")
    yield _field("message", rules.KNOWN_FIELD, changed(**{"": 1}), "an empty name")
    yield _field("message", rules.KNOWN_FIELD, changed(**{"a" * 5000: 1}), "a long name")
    yield _field("message", rules.KNOWN_FIELD, changed(**{"a`$.customer": 1}), "a name like a path")


def _repeated() -> Iterator[Message]:
    yield _field("amount_fen", rules.NOT_TWICE, raw('"amount_fen": 1'), "twice")
    yield _field("amount_fen", rules.NOT_TWICE, raw('"amount_fen": 12345'), "twice the same")
    yield _field("customer", rules.NOT_TWICE, raw(f'"customer": "{CANARY}"'), "twice")
    yield _field("kind", rules.NOT_TWICE, raw(r'"\u006bind": "payment"'), "once more, escaped")
    yield _field("payee_name", rules.NOT_TWICE, raw(r'"device_model": "\"", "payee_name": "x"'), "beside an escape")


def _sizes() -> Iterator[Message]:
    yield Message("16 KiB and a byte", changed() + b" " * (16 * 1024 - len(changed()) + 1), TooLarge)
    yield Message("a megabyte", b"{" + b" " * (1 << 20) + b"}", TooLarge)


def batches() -> list[Message]:
    """Malformed batches; `name` says which event, `error` is what RefusedAt holds, if it is one."""
    good = changed()
    many = b"[" + b",".join([b"{}"] * 1001) + b"]"
    return [
        Message("nothing", b"", FieldError, "message", rules.IS_BATCH),
        Message("a number", b"7", FieldError, "message", rules.IS_BATCH),
        Message("one message", good, FieldError, "message", rules.IS_BATCH),
        Message("an empty list", b"[]", FieldError, "message", rules.NOT_EMPTY),
        Message("no events", b'{"events": []}', FieldError, "message", rules.NOT_EMPTY),
        Message("events that are none", b'{"events": 5}', FieldError, "message", rules.IS_BATCH),
        Message(
            "something beside events", b'{"events": [' + good + b'], "more": 1}', FieldError, "message", rules.IS_BATCH
        ),
        Message(
            "events twice",
            b'{"events": [' + good + b'], "events": [' + good + b"]}",
            FieldError,
            "events",
            rules.NOT_TWICE,
        ),
        Message("cut off", b"[" + good, FieldError, "message", rules.IS_BATCH),
        Message("deep", b"[" * 100_000, FieldError, "message", rules.IS_BATCH),
        Message("invalid UTF-8", b"[" + good.replace(b"core", b"c\xff") + b"]", RefusedAt, "message", rules.IS_OBJECT),
        Message("too many", many, TooLarge),
        Message("too large", b"[" + b" " * (4 << 20) + b"]", TooLarge),
        Message("a number in the list", b"[" + good + b", 5]", RefusedAt, "message", rules.IS_OBJECT),
        Message(
            "a bad event", b"[" + good + b"," + changed(amount_fen=-1) + b"]", RefusedAt, "amount_fen", rules.AMOUNT
        ),
        Message(
            "a corporate one",
            b"[" + changed(customer_type="corporate") + b"]",
            RefusedAt,
            "customer_type",
            rules.INDIVIDUALS_ONLY,
        ),
        Message("a large event", b"[" + good + b"," + b" " * 5 + changed(operation_log="x" * 20_000) + b"]", RefusedAt),
    ]


# --------------------------------------------------------------------------------------------------------------- files


def _csv(*lines: str) -> bytes:
    return "\n".join((",".join(name for name in GOOD), *lines, "")).encode()


GOOD_LINE = ",".join(str(value) for value in GOOD.values())


def _line(**fields: str) -> str:
    return ",".join(str(value) for value in {**GOOD, **fields}.values())


def _parquet(**columns: Any) -> bytes:
    table: dict[str, Any] = {name: [value] * 3 for name, value in GOOD.items()}
    table.update(columns)
    sink = io.BytesIO()
    pa.parquet.write_table(pa.table({name: column for name, column in table.items() if column is not None}), sink)
    return sink.getvalue()


PAIN = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-10-01T12:00:00</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr>
<PmtInf><Dbtr><Nm>CANARY</Nm></Dbtr><DbtrAcct><Id><IBAN>DE21500500009876543210</IBAN></Id></DbtrAcct>
<CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">12.34</InstdAmt></Amt>
<Cdtr><Nm>CANARY</Nm></Cdtr><CdtrAcct><Id><IBAN>DE21500500001234567897</IBAN></Id></CdtrAcct></CdtTrfTxInf>
</PmtInf></CstmrCdtTrfInitn></Document>
""".replace("CANARY", CANARY)


def _pain(old: str = "", new: str = "") -> bytes:
    assert not old or old in PAIN
    return PAIN.replace(old, new).encode() if old else PAIN.encode()


def _dtd(subset: str) -> bytes:
    return _pain("<Document", f"<!DOCTYPE Document [{subset}]><Document")


def files() -> list[File]:
    """All malformed files."""
    return [*_csv_files(), *_parquet_files(), *_line_files(), *_xml_files()]


def _csv_files() -> Iterator[File]:
    whole: Callable[..., File] = lambda name, content, error=UnsupportedFile, field="", rule="": File(  # noqa: E731
        name, ".csv", content, error, field, rule
    )
    yield whole("csv: empty", b"")
    yield whole("csv: gzip", gzip.compress(_csv(GOOD_LINE), mtime=0))
    yield whole("csv: Parquet inside", _parquet())
    yield whole("csv: invalid UTF-8 header", b"event_id,\xff\n1,2\n")
    yield whole("csv: invalid UTF-8 value", _csv(GOOD_LINE).replace(b"core", b"c\xffre"))
    yield whole("csv: a row too short", _csv(GOOD_LINE, f"e-2,core,transfer,{CANARY}"))
    yield whole("csv: a row too long", _csv(GOOD_LINE + f",{CANARY}"))
    yield whole("csv: a quotation mark left open", _csv(f'"{CANARY}'))
    yield whole("csv: a header left open", b'"event_id\n')
    yield whole("csv: a header too long", b"a" * 100_000)
    yield whole("csv: too many columns", ",".join(f"c{number}" for number in range(1001)).encode() + b"\n")
    yield whole("csv: other columns", b"a,b\n1,2\n", FieldError, "a", rules.KNOWN_FIELD)
    yield whole("csv: a refused column", b"event_id,password\n1,2\n", FieldError, "password", REFUSED["password"])
    yield whole(
        "csv: a personal value as column",
        f"event_id,{CANARY}\n1,2\n".encode(),
        FieldError,
        "message",
        rules.KNOWN_FIELD,
    )
    yield whole("csv: a column twice", b"event_id,event_id\n1,2\n", FieldError, "event_id", rules.NOT_TWICE)
    yield whole("csv: semicolons", b"event_id;kind\n1;2\n", FieldError, "message", rules.KNOWN_FIELD)
    for name in ("event_id", "kind", "occurred_at", "customer"):
        left = [one for one in GOOD if one != name]
        lines = ",".join(left) + "\n" + ",".join(str(GOOD[one]) for one in left) + "\n"
        yield whole(f"csv: without {name}", lines.encode(), FieldError, name, rules.REQUIRED)
    for name, value, rule in (
        ("amount_fen", "1.5", rules.AMOUNT),
        ("amount_fen", "-1", rules.AMOUNT),
        ("amount_fen", "1e3", rules.AMOUNT),
        ("amount_fen", "01", rules.AMOUNT),
        ("amount_fen", "9" * 40, rules.AMOUNT),
        ("amount_fen", "NaN", rules.AMOUNT),
        ("amount_fen", "", rules.REQUIRED_FOR_KIND),
        ("customer", "", rules.REQUIRED),
        ("customer", '""', rules.LENGTHS["customer"]),
        ("account", f"6\0{CANARY}", rules.NO_SPACE),
        ("payee_name", f"{CANARY}\u202e", rules.NO_CONTROL),
        ("occurred_at", "2026-02-30T00:00:00Z", rules.OCCURRED_SHAPE),
        ("occurred_at", "2026-10-01 00:00:00", rules.OCCURRED_SHAPE),
        ("kind", "refund", rules.KIND),
        ("ip", "300.1.1.1", rules.IP),
        ("source", "Core", rules.SOURCE),
        ("event_id", "a b", rules.EVENT_ID),
    ):
        content = _csv(GOOD_LINE, _line(**{"event_id": "e-2", name: value}), _line(event_id="e-3"))
        yield File(f"csv: {name} {value[:12]!r}", ".csv", content, None, name, rule, (1,))


def _parquet_files() -> Iterator[File]:
    good = _parquet()
    for name, content in {
        "empty": b"",
        "cut off": good[:-10],
        "cut in half": good[: len(good) // 2],
        "only the magic": b"PAR1PAR1",
        "text": _csv(GOOD_LINE),
        "gzip": gzip.compress(good, mtime=0),
        "a huge footer": good[:-8] + b"\xff\xff\xff\x7fPAR1",
        "a broken footer": good[:-400] + b"\xff" * 392 + good[-8:],
        "NULs": b"\0" * 4096,
    }.items():
        yield File(f"parquet: {name}", ".parquet", content, UnsupportedFile)
    bad_utf8 = pa.array([b"\xff\xfe"] * 3, pa.binary()).view(pa.string())
    yield File(
        "parquet: invalid UTF-8", ".parquet", _parquet(payee_name=bad_utf8), FieldError, "payee_name", rules.IS_TEXT
    )
    yield File(
        "parquet: other columns", ".parquet", _parquet(city_name=["x"] * 3), FieldError, "city_name", rules.KNOWN_FIELD
    )
    yield File("parquet: no customer", ".parquet", _parquet(customer=None), FieldError, "customer", rules.REQUIRED)
    every = (0, 1, 2)
    for name, column, rule in (
        ("amount_fen", [1.5] * 3, rules.AMOUNT),
        ("amount_fen", [1.0] * 3, rules.AMOUNT),
        ("amount_fen", [float("nan")] * 3, rules.AMOUNT),
        ("amount_fen", pa.array([2**64 - 1] * 3, pa.uint64()), rules.AMOUNT),
        ("amount_fen", [True] * 3, rules.AMOUNT),
        ("customer", [6222020200112233] * 3, rules.IS_TEXT),
        ("customer", pa.array([b"x"] * 3, pa.binary()), rules.IS_TEXT),
        ("customer", [[CANARY]] * 3, rules.IS_TEXT),
        ("occurred_at", [1790827200] * 3, rules.IS_TEXT),
        ("occurred_at", pa.array([0] * 3, pa.timestamp("ms")), rules.OCCURRED_SHAPE),
        ("occurred_at", pa.array([0] * 3, pa.timestamp("us", "UTC")), rules.OCCURRED_YEARS),
        ("occurred_at", pa.array([2**62] * 3, pa.timestamp("us", "UTC")), rules.OCCURRED_YEARS),
        ("occurred_at", pa.array([-(2**62)] * 3, pa.timestamp("ms", "UTC")), rules.OCCURRED_YEARS),
        ("latitude", [31.2] * 3, rules.NEEDS_PERMISSION),
        ("verification", [["face", "face"]] * 3, rules.VERIFICATION),
        ("verification", [[None]] * 3, rules.IS_LIST_OF_TEXT),
        ("kind", [["transfer"]] * 3, rules.IS_TEXT),
        ("location_permitted", [1] * 3, rules.IS_TRUTH),
        ("city", [5] * 3, rules.CITY),
    ):
        columns = {name: column}
        yield File(f"parquet: {name} {column!s:.24}", ".parquet", _parquet(**columns), None, name, rule, every)


def _line_files() -> Iterator[File]:
    good = changed() + b"\n"
    for name, content, field, rule in (
        ("text", b"hello\n", "message", rules.IS_OBJECT),
        ("an empty line", good + b"\n" + good, "message", rules.IS_OBJECT),
        ("a list", b"[" + changed() + b"]\n", "message", rules.IS_OBJECT),
        ("cut off", good + changed()[:50], "message", rules.IS_OBJECT),
        ("gzip", gzip.compress(good, mtime=0), "message", rules.IS_OBJECT),
        ("a huge number", raw_number("amount_fen", "9" * 30) + b"\n", "amount_fen", rules.AMOUNT),
        ("an unknown field", changed(**{CANARY: 1}) + b"\n", "message", rules.KNOWN_FIELD),
        ("a field twice", raw('"kind": "payment"') + b"\n", "kind", rules.NOT_TWICE),
        ("invalid UTF-8", good.replace(b"core", b"c\xff"), "message", rules.IS_OBJECT),
        ("UTF-16", good.decode().encode("utf-16"), "message", rules.IS_OBJECT),
    ):
        yield File(f"jsonl: {name}", ".jsonl", content, RefusedAt, field, rule)
    yield File("jsonl: a line too long", ".jsonl", good + b"{" + b" " * 20_000 + b"}\n", RefusedAt)
    yield File(
        "jsonl: a bad value",
        ".jsonl",
        good + changed(amount_fen=-1) + b"\n" + good,
        None,
        "amount_fen",
        rules.AMOUNT,
        (1,),
    )


def _xml_files() -> Iterator[File]:
    laughs = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for name, content in {
        "empty": b"",
        "text": b"hello",
        "cut off": _pain()[:-30],
        "a billion laughs": _dtd(laughs).replace(b"<Nm>", b"<Nm>&i;", 1),
        "quadratic": _dtd(f'<!ENTITY a "{"x" * 50_000}">').replace(b"<Nm>", b"<Nm>" + b"&a;" * 1000, 1),
        "an external entity": _dtd('<!ENTITY x SYSTEM "file:///etc/passwd">').replace(b"<Nm>", b"<Nm>&x;", 1),
        "a parameter entity": _dtd('<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;'),
        "an external document type": _pain("<Document", '<!DOCTYPE Document SYSTEM "http://127.0.0.1/x.dtd"><Document'),
        "an empty document type": _pain("<Document", "<!DOCTYPE Document><Document"),
        "deep": b"<a>" * 200_000,
        "deep inside": _pain("<Cdtr>", "<Cdtr>" + "<Nm>" * 500 + "</Nm>" * 500),
        "another encoding": _pain('encoding="UTF-8"', 'encoding="x-none"'),
        "invalid UTF-8": _pain().replace(b"CANARY", b"\xff").replace(CANARY.encode(), b"\xff\xfe"),
        "gzip": gzip.compress(_pain(), mtime=0),
        "a statement": _pain("CstmrCdtTrfInitn", "BkToCstmrStmt").replace(b"pain.001.001.09", b"camt.053.001.08"),
        "a direct debit": _pain("CstmrCdtTrfInitn", "CstmrDrctDbtInitn").replace(b"pain.001", b"pain.008"),
        "no document": b"<Message><GrpHdr/></Message>",
        "an undefined prefix": _pain("<Nm>", "<x:Nm>"),
        "two roots": _pain() + b"<a/>",
        "a NUL": _pain().replace(b"E1", b"E\0"),
    }.items():
        yield File(f"xml: {name}", ".xml", content, UnsupportedFile)
    yield File("xml: fewer than stated", ".xml", _pain("<NbOfTxs>1<", "<NbOfTxs>2<"), Integrity)
    for name, old, new, field, rule in (
        ("no amount", '<Amt><InstdAmt Ccy="EUR">12.34</InstdAmt></Amt>', "", "amount_fen", rules.REQUIRED_FOR_KIND),
        ("three decimals", "12.34", "12.345", "amount_fen", rules.AMOUNT),
        ("half a yen", 'Ccy="EUR">12.34', 'Ccy="JPY">12.5', "amount_fen", rules.AMOUNT),
        ("a negative amount", "12.34", "-12.34", "amount_fen", rules.AMOUNT),
        ("an amount with a comma", "12.34", "12,34", "amount_fen", rules.AMOUNT),
        ("an exponent", "12.34", "1E9", "amount_fen", rules.AMOUNT),
        ("a huge amount", "12.34", "9" * 18, "amount_fen", rules.AMOUNT),
        ("an amount that is none", "12.34", CANARY, "amount_fen", rules.AMOUNT),
        ("an empty amount", "12.34", "", "amount_fen", rules.AMOUNT),
        ("no currency", ' Ccy="EUR"', "", "currency", rules.CURRENCY),
        ("a currency in small letters", "EUR", "eur", "currency", rules.CURRENCY),
        ("no moment", "<CreDtTm>2026-10-01T12:00:00</CreDtTm>", "", "occurred_at", rules.REQUIRED),
        ("a bad moment", "2026-10-01T12:00:00", "yesterday", "occurred_at", rules.OCCURRED_SHAPE),
        (
            "no debtor",
            f"<Dbtr><Nm>{CANARY}</Nm></Dbtr><DbtrAcct><Id><IBAN>DE21500500009876543210</IBAN></Id></DbtrAcct>",
            "",
            "customer",
            rules.REQUIRED,
        ),
        ("a long account", "DE21500500001234567897", "DE" + "9" * 80, "payee_account", rules.LENGTHS["payee_account"]),
        ("a long name", f"<Cdtr><Nm>{CANARY}", "<Cdtr><Nm>" + CANARY * 20, "payee_name", rules.LENGTHS["payee_name"]),
    ):
        yield File(f"xml: {name}", ".xml", _pain(old, new), None, field, rule, (0,))
