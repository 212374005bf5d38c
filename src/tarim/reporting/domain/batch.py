"""The batch file of risky accounts for neighbouring systems: which accounts, and the bytes of file and manifest (RS-06).

A function of the decisions' journal up to a position, and of nothing else: the same day and position give the same bytes at any
time.  An account is on it when during the last 30 days a payment from or to it was suspended or blocked, or an event from or to
it was labelled fraud; an event that was labelled genuine does not count.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from typing import Final

import msgspec

from tarim.reporting.domain.days import date_of

WINDOW_DAYS: Final = 30
ROWS_MAX: Final = 1_000_000
COLUMNS: Final = ("account", "role", "reason", "events", "first_day", "last_day")
ROLES: Final = ("payer", "payee")
REASONS: Final = ("fraud_confirmed", "stopped")
"""The first one that holds is told."""


class RiskyEvent(msgspec.Struct, frozen=True):
    """An event that makes accounts risky.  Tokens signed as the journal has them, 0 = none.  fraud: it was labelled so."""

    day: int
    customer: int
    account: int
    payee: int
    fraud: bool


class RiskyAccount(msgspec.Struct, frozen=True):
    """An account as it is on the list, by token.  customers: any of whose sealed values tells its number."""

    token: int
    role: str
    reason: str
    events: int
    first_day: int
    last_day: int
    customers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """File and manifest of a day.  rows: accounts in it; unresolved: accounts whose number was destroyed with its customer."""

    day: int
    rows: int
    unresolved: int
    content: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.content).hexdigest()

    @property
    def file_name(self) -> str:
        """`risky-accounts-20260228.csv`."""
        return f"risky-accounts-{self.day}.csv"

    @property
    def manifest_name(self) -> str:
        """Written last: where it is, the file is whole."""
        return f"risky-accounts-{self.day}.manifest.json"


def risky_accounts(events: Iterable[RiskyEvent]) -> list[RiskyAccount]:
    """Accounts of these events by role, in no order that matters."""
    found: dict[tuple[int, str], list[RiskyEvent]] = {}
    for event in events:
        for role, token in zip(ROLES, (event.account, event.payee), strict=True):
            if token:
                found.setdefault((token, role), []).append(event)
    return [
        RiskyAccount(
            token,
            role,
            REASONS[0] if any(event.fraud for event in of) else REASONS[1],
            len(of),
            min(event.day for event in of),
            max(event.day for event in of),
            tuple(sorted({event.customer for event in of})),
        )
        for (token, role), of in found.items()
    ]


def batch_of(day: int, as_of_seq: int, accounts: Iterable[RiskyAccount], numbers: Mapping[int, str]) -> Batch:
    """The batch of a day.  numbers: account numbers by token; accounts without one are counted and left out."""
    listed = list(accounts)
    rows = sorted(
        (
            numbers[each.token],
            each.role,
            each.reason,
            str(each.events),
            date_of(each.first_day).isoformat(),
            date_of(each.last_day).isoformat(),
        )
        for each in listed
        if each.token in numbers
    )
    written = StringIO()
    csv.writer(written, lineterminator="\n").writerows([COLUMNS, *rows])
    content = written.getvalue().encode()
    unresolved = len(listed) - len(rows)
    manifest = {
        "file": f"risky-accounts-{day}.csv",
        "day": date_of(day).isoformat(),
        "window_days": WINDOW_DAYS,
        "as_of_position": as_of_seq,
        "columns": list(COLUMNS),
        "rows": len(rows),
        "unresolved": unresolved,
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    return Batch(day, len(rows), unresolved, content, (json.dumps(manifest, indent=1) + "\n").encode())
