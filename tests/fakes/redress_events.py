"""An example of every event of every kind of file, with sealed texts."""

from __future__ import annotations

from typing import Any

import msgspec

from tarim.redress import Kind
from tarim.redress.domain.files import Event, File, Hand, Home
from tarim.redress.domain.steps import event_of

SEALED = {"of": 1, "sealed": "c2VhbGVk"}
HOME = Home(7, "head-office", "legal", "li.na")
AT = 1_780_290_000_000
D = "a" * 64

OPENED: dict[str, dict[str, Any]] = {
    "complaint": {"kind": "complaint", "channel": "fax", "category": "loss", "contact": SEALED, "received_ms": AT - 5},
    "loss": {"amount_fen": 1_000, "confirmed_ms": AT - 5},
    "dispute": {
        "forum": "lawsuit",
        "court": "c",
        "docket": "1",
        "agreement": "12",
        "amount_fen": 9,
        "served_ms": AT - 5,
    },
    "request": {
        "authority": "police",
        "office": "o",
        "number": "1",
        "basis": "b",
        "officer": SEALED,
        "received_ms": AT - 5,
    },
    "hold": {"ground": "request"},
    "erasure": {"basis": "request", "ended_ms": AT - 9, "verified_ms": AT - 5},
    "fund": {"kind": "reserve", "title": "t", "reference": "acc", "valid_from_ms": 0},
    "roster": {"shifts": []},
}
VALUES: dict[str, Any] = {
    "text": SEALED, "recipient": SEALED, "key": SEALED, "owner": "li.na", "department": "legal", "how": "id card",
    "channel": "fax", "cause": "rule", "founded": True, "body": "association", "reason": "waits", "digest": D,
    "stored": D, "package": D, "manifest": D, "title": "t", "media_type": "text/csv", "size_bytes": 1, "step": "recall",
    "faults": ["model"], "customer_share_bp": 0, "fund": "FUND-2026-000001", "amount_fen": 1, "reference": "r",
    "rule": "new_payee", "decision": {"source": "s", "event_id": "e", "seq": 1, "ruleset": "r", "features": "f",
    "model": "", "outcome": "pass"}, "owed_fen": 0, "final": False, "documents": [D], "sealed_for": "passphrase",
    "receipt": "ok", "loss": "LOSS-2026-000001", "shifts": [], "note": "no", "through_seq": 3, "obstacle": "legal-hold",
    "desk_keys": 1,
}  # fmt: skip


def example(kind: Kind, tag: str) -> Event:
    """An event of a tag."""
    wanted = kind.events[tag]
    fields = msgspec.structs.fields(wanted)
    body = {f.encode_name: VALUES[f.encode_name] for f in fields if f.required}
    if tag == "reject":
        body["note"] = "no"
    return event_of(kind, {"event": tag, **body})


def opening(kind: Kind) -> Event:
    """The event that opens a file of a kind."""
    text = {} if kind.name in ("fund", "roster") else {"text": SEALED}
    found: Event = msgspec.convert({**OPENED[kind.name], **text}, kind.opening)
    return found


def fresh(kind: Kind) -> File:
    """A file that was just opened."""
    found: File = kind.opens("X-1", opening(kind), HOME, Hand("li.na", AT))
    return found
