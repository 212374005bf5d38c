"""Forms of what may happen to a file of redress, made of the events' own types: their fields, limits and choices, once.

inputs_of(Settle, documents)       what a page shows
body_of(Settle, form, lists)       what the desk is sent; raises Mistyped naming the field
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from tarim.base.instants import instant_ms
from tarim.console import redress_field_words as field_words
from tarim.console import redress_words as words
from tarim.console.rendering import zone
from tarim.console.words import either
from tarim.redress import KINDS, Event, Kind, Text, tag_of

LINE_MAX: Final = 200
SHIFTS_MAX: Final = 1_000
_LONG: Final = 1_000
_MONEY: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
_SHARE: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Input:
    """A field of a form.

    kind: line, text, select, check, checks, money (yuan), share (percent), instant, shifts.  choices: (value, label).
    """

    name: str
    kind: str
    label: str
    required: bool
    length_max: int = LINE_MAX
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    suggestions: tuple[str, ...] = ()


class Mistyped(Exception):
    """A value that cannot be what its field is.  `field` is its name, `rule` what to type, in the viewer's language."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field)
        self.field, self.rule = field, rule


def inputs_of(kind: Kind, tag: str, documents: Sequence[tuple[str, str]] = ()) -> list[Input]:
    """The fields of an event.  documents: (digest, title) of those kept with the file, to choose from."""
    found = []
    for field in _fields(kind, tag):
        made = _input(kind, tag, field)
        if made.name == "ruleset":
            continue  # the desk fills it in
        if made.name == "documents":
            made = replace(made, kind="checks", choices=tuple(documents))
        found.append(made)
    return found


def body_of(kind: Kind, tag: str, form: Mapping[str, str], lists: Mapping[str, list[str]]) -> dict[str, Any]:
    """The event as the desk takes it.  Empty fields that need no value are left out.  Raises Mistyped."""
    body: dict[str, Any] = {"event": tag_of(_event(kind, tag))}
    for field in _fields(kind, tag):
        made = _input(kind, tag, field)
        value = _value(made, form.get(made.name, "").strip(), lists.get(made.name, []))
        if value in ("", []) and not made.required:
            continue
        if value in ("", []):
            raise Mistyped(made.name, either("必填", "is needed"))
        body[made.name] = value
    return body


def instant_of(text: str) -> int:
    """Milliseconds since the epoch of a wall time in the viewer's zone, as a browser gives it.  Raises ValueError."""
    return instant_ms(datetime.fromisoformat(text).replace(tzinfo=zone()))


def _event(kind: Kind, tag: str) -> type[Event]:
    return kind.opening if tag == "open-file" else kind.events[tag]


def _type(kind: Kind, tag: str) -> Any:
    found = _event(kind, tag)
    return found[Text] if getattr(found, "__parameters__", ()) else found  # type: ignore[index]


def _fields(kind: Kind, tag: str) -> Iterable[msgspec.inspect.Field]:
    info = msgspec.inspect.type_info(_type(kind, tag))
    assert isinstance(info, msgspec.inspect.StructType)
    return info.fields


def _input(kind: Kind, tag: str, field: msgspec.inspect.Field) -> Input:
    name, of = field.encode_name, _plain(field.type)
    label = field_words.field_name(kind.name if tag == "open-file" else tag, name)
    made = Input(name, "line", label, field.required)
    if isinstance(of, msgspec.inspect.EnumType):
        return replace(made, kind="select", choices=_choices(of))
    if isinstance(of, msgspec.inspect.BoolType):
        return replace(made, kind="check")
    if isinstance(of, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        inner = _plain(of.item_type)
        if isinstance(inner, msgspec.inspect.EnumType):
            return replace(made, kind="checks", choices=_choices(inner))
        if isinstance(inner, msgspec.inspect.StructType):
            return replace(made, kind="shifts", length_max=SHIFTS_MAX * 120, hint=_shifts_hint())
        return replace(made, kind="checks")
    if isinstance(of, msgspec.inspect.IntType):
        return replace(made, kind=_number(name))
    if isinstance(of, msgspec.inspect.StrType):
        length = of.max_length or LINE_MAX
        long = length >= _LONG and name not in ("contact", "officer")
        made = replace(made, kind="text" if long else "line", length_max=length)
        if name == "department":
            return replace(made, length_max=32, suggestions=tuple(words.departments()))
    return made


def _shifts_hint() -> str:
    return either(
        "每行一班：登录名, 开始, 结束, 值班电话，例如 li.na, 2026-06-01 09:00, 2026-06-01 18:00, 0991-2345678",
        "One shift a line: login, from, to, duty telephone: li.na, 2026-06-01 09:00, 2026-06-01 18:00, 0991-2345678",
    )


def _plain(of: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return of.type if isinstance(of, msgspec.inspect.Metadata) else of


def _choices(of: msgspec.inspect.EnumType) -> tuple[tuple[str, str], ...]:
    return tuple((each.value, field_words.value_of(of.cls.__name__, each.value)) for each in of.cls)


def _number(name: str) -> str:
    return "money" if name.endswith("_fen") else "share" if name.endswith("_bp") else "instant"


def _value(made: Input, text: str, chosen: list[str]) -> Any:
    match made.kind:
        case "check":
            return text == "on"
        case "checks":
            return chosen
        case "shifts":
            return [_shift(made.name, line) for line in text.splitlines() if line.strip()]
        case "money" | "share" | "instant":
            return "" if not text else _NUMBERS[made.kind](made.name, text)
        case _:
            return text.replace("\r\n", "\n")


def _money(name: str, text: str) -> int:
    plain = text.replace(",", "")
    if not _MONEY.fullmatch(plain):
        raise Mistyped(name, either("须为金额，最多两位小数，如 1234.50", "must be an amount such as 1234.50"))
    return int(Decimal(plain) * 100)


def _share(name: str, text: str) -> int:
    try:
        share = Decimal(text.rstrip("%")) if _SHARE.fullmatch(text.rstrip("%")) else Decimal(-1)
    except InvalidOperation:
        share = Decimal(-1)
    if not 0 <= share <= 100:
        raise Mistyped(name, either("须为0至100的百分数", "must be a percentage from 0 to 100"))
    return int(share * 100)


def _instant(name: str, text: str) -> int:
    try:
        return instant_of(text)
    except ValueError:
        raise Mistyped(name, either("须为日期和时间", "must be a date and time")) from None


_NUMBERS: Final = {"money": _money, "share": _share, "instant": _instant}


def _shift(name: str, line: str) -> dict[str, Any]:
    parts = [part.strip() for part in line.replace("，", ",").split(",")]
    try:
        person, begin, end = parts[:3]
        from_ms, to_ms = instant_of(begin), instant_of(end)
    except ValueError:
        raise Mistyped(name, _shifts_hint()) from None
    return {"person": person, "from_ms": from_ms, "to_ms": to_ms, "phone": parts[3] if len(parts) > 3 else ""}


def kind_of_plural(plural: str) -> Kind | None:
    """The kind whose files have this word in their paths; None for none."""
    from tarim.redress import PLURALS

    return next((KINDS[name] for name, many in PLURALS.items() if many == plural), None)
