"""Channels that confirm at the desk do not confirm here (RM-18).

At the desk a confirmation is held against the digest of what the customer was shown; an event of kind `confirmation` says only
that somebody confirmed.  So a key that may answer challenges (scope contact:callback) may send every other event, and its
confirmations come from the desk.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tarim.base.errors import NotAllowed
from tarim.stream import Kind

_KIND: Final = Kind.CONFIRMATION.name.lower()
_WORD: Final = _KIND.encode()


def check_confirms_nothing(body: bytes) -> None:
    """Nothing for a body without a confirmation in it, or one that intake will refuse anyhow.  Raises NotAllowed (403)."""
    if _WORD not in body and b"\\" not in body:  # an escaped word has a backslash in it
        return
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("events"), list):
        found = found["events"]
    for event in found if isinstance(found, list) else [found]:
        if isinstance(event, dict) and event.get("kind") == _KIND:
            raise NotAllowed(
                "this key answers challenges at the desk: a confirmation is given there, with what was shown",
                known=True,
            )
