"""One way to write a value as JSON, so that a digest or a signature of it means the value.

Keys sorted by code point, UTF-8, no spaces, no escapes but the ones JSON demands, whole numbers without a point, other
numbers in the fewest digits that give them back (Python's `repr`), NaN and infinities refused.  In the spirit of RFC 8785;
it differs where a number is large or small (`1e+16` there is `1e16` here) and where keys lie beyond the basic plane.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tarim.base.errors import DefinitionError


def canonical_json(value: Any) -> bytes:
    """The bytes of a value made of structs, mappings, sequences, texts, numbers, booleans and None.

    Raises DefinitionError for NaN, an infinity, a text that is no Unicode, and for a type that JSON does not know.
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise DefinitionError("a text holds half of a surrogate pair: it cannot be written as UTF-8") from None
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"this cannot be written as canonical JSON: {error}") from None
