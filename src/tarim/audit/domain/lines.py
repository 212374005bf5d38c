"""Entries as JSON lines for the usual log stacks: one object a line, with the field names of the Elastic Common Schema.

Names are stable: a field may be added, none changes its meaning.  `tarim.digest` and `tarim.before` let the reader check the
chain without asking us.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tarim.audit.domain.chain import DIGEST_BYTES, Chained
from tarim.audit.domain.entry import Entry, Result
from tarim.base.errors import Damaged
from tarim.base.instants import instant_text

_OUTCOMES: Final = {
    Result.DONE: "success",
    Result.REFUSED: "failure",
    Result.FAILED: "failure",
    Result.INTENDED: "unknown",
}
_LINE_BYTES_MAX: Final = 16 << 10


def line_of(each: Chained) -> bytes:
    """One line, without its end."""
    entry = each.entry
    return msgspec.json.encode(
        {
            "@timestamp": instant_text(entry.at_ms),
            "event.dataset": "tarim.audit",
            "event.sequence": each.seq,
            "event.action": entry.act,
            "event.outcome": _OUTCOMES[entry.result],
            "event.reason": entry.reason,
            "user.name": entry.who,
            "source.address": entry.address,
            "tarim.kind": entry.kind,
            "tarim.object": entry.object,
            "tarim.session": entry.session,
            "tarim.result": entry.result.value,
            "tarim.at_ms": entry.at_ms,
            "tarim.detail": dict(sorted(entry.detail.items())),
            "tarim.before": each.before.hex(),
            "tarim.digest": each.digest.hex(),
        }
    )


def chained_of(line: bytes) -> Chained:
    """The entry of a line.  Raises Damaged for what `line_of` does not write."""
    try:
        if len(line) > _LINE_BYTES_MAX:
            raise ValueError
        found: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        entry = Entry(
            found["tarim.at_ms"],
            found["user.name"],
            found["tarim.kind"],
            found["event.action"],
            found["tarim.object"],
            found["source.address"],
            found["tarim.session"],
            found["event.reason"],
            Result(found["tarim.result"]),
            found["tarim.detail"],
        )
        before, digest = bytes.fromhex(found["tarim.before"]), bytes.fromhex(found["tarim.digest"])
        if len(before) != DIGEST_BYTES or len(digest) != DIGEST_BYTES:
            raise ValueError
        return Chained(found["event.sequence"], entry, before, digest)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError, AttributeError):
        raise Damaged("this line is not an entry of an audit trail") from None
