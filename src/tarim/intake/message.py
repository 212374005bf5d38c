"""One JSON message, strictly decoded: known fields only, each of its type, none given twice."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from tarim.base.errors import FieldError, TooLarge
from tarim.intake import domain as rules
from tarim.intake.domain import IntakeLimits, RefusedAt
from tarim.privacy import FIELDS, REFUSED

MESSAGE: Final = "message"
"""The field that errors about the whole message name."""


class Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The envelope as it is sent; what a field means is in `tarim.privacy.FIELDS`, what it must be in `domain`."""

    event_id: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    occurred_at: str | UnsetType = UNSET
    customer_type: str | UnsetType = UNSET
    customer: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    payee_account: str | UnsetType = UNSET
    payee_name: str | UnsetType = UNSET
    payee_bank: str | UnsetType = UNSET
    payee_phone: str | UnsetType = UNSET
    amount_fen: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    result: str | UnsetType = UNSET
    verification: list[str] | UnsetType = UNSET
    device_id: str | UnsetType = UNSET
    device_model: str | UnsetType = UNSET
    device_os: str | UnsetType = UNSET
    app_version: str | UnsetType = UNSET
    ip: str | UnsetType = UNSET
    ip_port: int | str | UnsetType = UNSET
    network_kind: str | UnsetType = UNSET
    network_state: str | UnsetType = UNSET
    network_quality: str | UnsetType = UNSET
    operation_log: str | UnsetType = UNSET
    location_permitted: bool | UnsetType = UNSET
    latitude: float | str | UnsetType = UNSET
    longitude: float | str | UnsetType = UNSET
    city: int | str | UnsetType = UNSET
    merchant_id: str | UnsetType = UNSET
    merchant_category: int | str | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    history_authorised: bool | UnsetType = UNSET
    legal_basis: str | UnsetType = UNSET
    refers_to: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    extra_0: int | UnsetType = UNSET
    extra_1: int | UnsetType = UNSET
    extra_2: int | UnsetType = UNSET
    extra_3: int | UnsetType = UNSET

    def __repr__(self) -> str:
        return "<Message>"  # its values are personal


assert Message.__struct_fields__ == tuple(FIELDS), "the message has the envelope's fields, in its order"


class _Events(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_decode_message = msgspec.json.Decoder(Message).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_events = msgspec.json.Decoder(_Events).decode
_encode = msgspec.json.Encoder().encode

_TYPE_TROUBLE: Final = re.compile(r"Expected `([^`]*)`(?:, got `([^`]*)`)?")
_PLACE: Final = re.compile(r" - at `\$\.([a-z0-9_]+)")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`(?: - at `[^`]*`)?", re.DOTALL)
_POSITION: Final = re.compile(r"\(byte ([0-9]+)\)")
_HARMLESS_NAME: Final = re.compile(r"[a-z][a-z_]{0,31}")
_TYPE_RULES: Final = {
    "str": rules.IS_TEXT,
    "int": rules.IS_WHOLE,
    "bool": rules.IS_TRUTH,
    "array": rules.IS_LIST_OF_TEXT,
    "object": rules.IS_OBJECT,
}
_FIELD_RULES: Final = {
    "amount_fen": rules.AMOUNT,
    "city": rules.CITY,
    "merchant_category": rules.MERCHANT_CATEGORY,
    "ip_port": rules.IP_PORT,
    "latitude": rules.LATITUDE,
    "longitude": rules.LONGITUDE,
    "verification": rules.IS_LIST_OF_TEXT,
    "extra_0": rules.EXTRA,
    "extra_1": rules.EXTRA,
    "extra_2": rules.EXTRA,
    "extra_3": rules.EXTRA,
}
_JSON_TYPES: Final = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_JSON_TYPES_MORE: Final = {"null": "null", "array": "a list", "object": "an object"}
_TYPE_NAMES: Final = {**_JSON_TYPES, **_JSON_TYPES_MORE}


def decode_message(body: bytes, limits: IntakeLimits) -> Message:
    """The message in `body`.  Raises FieldError or TooLarge; no error holds a value."""
    if len(body) > limits.message_bytes_max:
        raise TooLarge(f"a message has at most {limits.message_bytes_max} bytes, this one has {len(body)}")
    return decode_checked(body)


def decode_messages(body: bytes, limits: IntakeLimits) -> list[bytes]:
    """The events of a batch, each still as bytes.  Raises FieldError, TooLarge, or RefusedAt for one that is too large."""
    if len(body) > limits.batch_bytes_max:
        raise TooLarge(f"a batch has at most {limits.batch_bytes_max} bytes, this one has {len(body)}")
    try:
        wrapped = body.lstrip(b" \t\r\n").startswith(b"{")
        raws = _decode_events(body).events if wrapped else _decode_array(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError(MESSAGE, rules.IS_BATCH, _position(error)) from None
    events = [bytes(raw) for raw in raws]
    if wrapped and body.count(b'"') != 2 + sum(event.count(b'"') for event in events):
        raise FieldError("events", rules.NOT_TWICE)
    if not events:
        raise FieldError(MESSAGE, rules.NOT_EMPTY)
    if len(events) > limits.batch_events_max:
        raise TooLarge(f"a batch has at most {limits.batch_events_max} events, this one has {len(events)}")
    for index, event in enumerate(events):
        if len(event) > limits.message_bytes_max:
            raise RefusedAt(
                index, TooLarge(f"a message has at most {limits.message_bytes_max} bytes, this one has {len(event)}")
            )
    return events


def decode_checked(body: bytes) -> Message:
    """The message in `body`, whose size is known to be within the limit."""
    try:
        message = _decode_message(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise decoding_trouble(error) from None
    # The decoder lets the last of two equal keys win.  Every key and every text has two quotation marks, so a message
    # that comes out with fewer of them than went in had a key twice; escapes make counting unsafe, so they are parsed.
    if b"\\" in body:
        _refuse_repeated_keys(body)
    elif body.count(b'"') != _encode(message).count(b'"'):
        _refuse_repeated_keys(body)
        raise FieldError(MESSAGE, rules.NOT_TWICE)
    return message


def convert_message(values: dict[str, Any]) -> Message:
    """The message of values that are already Python's.  Raises FieldError."""
    try:
        return msgspec.convert(values, Message)
    except msgspec.MsgspecError as error:
        raise decoding_trouble(error) from None


def unknown_field(name: str) -> FieldError:
    """The error of a field that the envelope does not have; the name is repeated only if it looks like one."""
    lower = name.lower()
    if lower in REFUSED:
        return FieldError(lower, REFUSED[lower])
    if not _HARMLESS_NAME.fullmatch(name):
        return FieldError(MESSAGE, rules.KNOWN_FIELD, "a name that is none")
    close = get_close_matches(name, FIELDS, 1)
    return FieldError(name, rules.KNOWN_FIELD, f"an unknown name; {close[0]} is close" if close else "an unknown name")


def decoding_trouble(error: Exception) -> FieldError:
    """The decoder's trouble as an error that names field, type and rule."""
    text = str(error) if isinstance(error, msgspec.MsgspecError) else ""
    unknown = _UNKNOWN.match(text)
    if unknown is not None:
        return unknown_field(unknown[1])
    trouble = _TYPE_TROUBLE.match(text)
    place = _PLACE.search(text)
    field = place[1] if place is not None and place[1] in FIELDS else MESSAGE
    if field == MESSAGE:
        got = _TYPE_NAMES.get(trouble[2] or "", "another type") if trouble is not None else _position(error)
        return FieldError(MESSAGE, rules.IS_OBJECT, got)
    if trouble is None:
        return FieldError(field, _FIELD_RULES.get(field, rules.IS_TEXT), "a number out of range")
    wanted = _TYPE_RULES.get(trouble[1].split(" | ")[0], rules.IS_OBJECT)
    return FieldError(field, _FIELD_RULES.get(field, wanted), _TYPE_NAMES.get(trouble[2] or "", "another type"))


def _position(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are not UTF-8"
    if isinstance(error, RecursionError):
        return "nesting that is too deep"
    if isinstance(error, msgspec.ValidationError):
        return "another type"
    found = _POSITION.search(str(error))
    return f"malformed JSON at byte {found[1]}" if found else "malformed JSON"


def _refuse_repeated_keys(body: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise FieldError(name if name in FIELDS else MESSAGE, rules.NOT_TWICE)
            seen.add(name)

    try:
        json.loads(body, object_pairs_hook=check, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        raise FieldError(MESSAGE, rules.IS_OBJECT, "malformed JSON") from None
