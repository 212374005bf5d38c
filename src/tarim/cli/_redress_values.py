"""`NAME=VALUE` on the command line, as the body of an event; converted by the event's own type: mistakes are told here."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from tarim.cli._wall_time import FORMATS, instant

TEXT_BYTES_MAX: Final = 1 << 20


def body_of(event: type, given: list[str]) -> dict[str, Any]:
    """The body of an event.

    `name=@file` reads a value from a file, `name=-` from standard input; lists are separated by commas or given as JSON;
    instants (`..._ms`) may be wall times in China, 2026-06-01 or 2026-06-01T13:00:00.
    """
    import msgspec

    from tarim.redress import Text

    fields = {field.encode_name: field for field in msgspec.structs.fields(event)}
    values: dict[str, Any] = {"event": event.__struct_config__.tag}  # type: ignore[attr-defined]
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or name not in fields:
            _wrong(f"{name or each} is no field of it; there are {', '.join(fields) or 'none'}")
        values[name] = _value(
            name, _read(text), is_list=str(fields[name].type).startswith(("list", "typing.Annotated[list"))
        )
    plain: Any = event[Text] if getattr(event, "__parameters__", ()) else event  # type: ignore[index]
    try:
        found: dict[str, Any] = msgspec.to_builtins(msgspec.convert(values, plain, strict=False))
    except msgspec.ValidationError as error:
        _wrong(str(error))
    return found


def described(event: type) -> str:
    """An event's fields as they are given, optional ones in brackets."""
    import msgspec

    words = [
        field.encode_name + "=" if field.required else f"[{field.encode_name}=]"
        for field in msgspec.structs.fields(event)
    ]
    return " ".join(words)


def _read(text: str) -> str:
    if text != "-" and not text.startswith("@"):
        return text
    try:
        if text == "-":
            return sys.stdin.read(TEXT_BYTES_MAX).strip()
        with Path(text[1:]).open(encoding="utf-8") as file:
            return file.read(TEXT_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        _wrong(f"{text[1:]} cannot be read as UTF-8 text: {type(error).__name__}")


def _value(name: str, text: str, *, is_list: bool) -> Any:
    if is_list:
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                _wrong(f"{name} is no JSON")
        return [part.strip() for part in text.split(",")]
    if name.endswith("_ms") and "-" in text:
        for form in FORMATS:
            try:
                return instant(datetime.strptime(text, form))
            except ValueError:
                continue
        _wrong(f"{name} is like 2026-06-01 or 2026-06-01T13:00:00")
    return text


def _wrong(detail: str) -> NoReturn:
    typer.echo(f"{detail}. 参数有误。", err=True)
    raise typer.Exit(1)
