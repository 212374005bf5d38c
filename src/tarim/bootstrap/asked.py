"""Bodies of requests that a child reads, because the loop that decides should not: decoded there, refused as a route would."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from tarim.base.errors import FieldError

T = TypeVar("T")

_PLACE: Final = re.compile(r"`\$\.(\w+)")
"""Where msgspec says a fault is."""


def decode_asked(decoder: msgspec.json.Decoder[T], content: bytes, operation: str) -> T:
    """What was asked for.  operation: of the route, for the message.  Raises FieldError."""
    try:
        return decoder.decode(content)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise FieldError(place[1] if place else "body", f"must be as {operation} takes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FieldError("body", "must be JSON") from None
