"""Holds and day sums once more, written from their description: plain dictionaries, no heap, no table, no bit tricks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tarim.decisions import RecordKind, Word, decode_events
from tarim.stream import Col, Flag, Kind, Outcome, Result, Verification

FACTORS = [
    {Verification.PASSWORD},
    {Verification.SMS_CODE, Verification.TOKEN, Verification.CERTIFICATE, Verification.DOCUMENT},
    {Verification.FACE, Verification.FINGERPRINT},
]
FIRED_AT_ONCE = 512


def factors(bits: int) -> int:
    """Kinds of factors in a set of methods."""
    return sum(any(bits & method for method in kind) for kind in FACTORS)


@dataclass
class NaiveHolds:
    """`holds` by position: state, why, until; `log`: (position, hold, state, cause) of every change, in order."""

    holds: dict[int, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[int, int, str, str]] = field(default_factory=list)
    fired: list[tuple[int, int]] = field(default_factory=list)
    """(position of the tick, hold) of every timer that fired."""

    def record(self, record: Any) -> None:
        """Take in one record of the journal."""
        if record.kind == RecordKind.EVENTS:
            events = decode_events(record)
            for row, decision in zip(events.rows.tolist(), events.decisions.tolist(), strict=True):
                self.event(row, decision)
        elif record.kind == RecordKind.TICK:
            (at_ms,) = msgspec.msgpack.decode(record.payload)
            self.tick(record.first_seq, at_ms)
        elif record.kind == RecordKind.HOLD:
            hold, step, person, _role, _reason, _at_ms = msgspec.msgpack.decode(record.payload)
            self.act(record.first_seq, hold, step, person)
        elif record.kind == RecordKind.OVERRIDE:
            said = msgspec.msgpack.decode(record.payload)
            if self.holds.get(said["seq"], {"state": ""})["state"] in ("waiting", "escalated"):
                if said["outcome"] in ("pass", "notice"):
                    self.change(record.first_seq, said["seq"], "released", "overridden_to_release")
                elif said["outcome"] == "block":
                    self.change(record.first_seq, said["seq"], "refused", "overridden_to_refuse")

    def event(self, row: list[int], decision: list[int]) -> None:
        kind, seq = row[Col.KIND], row[Col.SEQ]
        hold = self.holds.get(row[Col.REFERS_SEQ])
        mine = hold is not None and hold["state"] in ("waiting", "escalated") and hold["customer"] == row[Col.CUSTOMER]
        if kind == Kind.REVERSAL:
            if mine and row[Col.RESULT] != Result.FAILED:
                self.change(seq, row[Col.REFERS_SEQ], "refused", "reversed")
        elif kind == Kind.CONFIRMATION:
            if mine and hold is not None:
                self.confirm(seq, row, hold)
        elif decision[Word.HOLD] % 2**32:
            word = decision[Word.HOLD]
            self.holds[seq] = {
                "kind": Outcome(row[Col.OUTCOME]).name.lower(),
                "customer": row[Col.CUSTOMER],
                "until": row[Col.RECEIVED_MS] + word % 2**32 * 1_000,
                "expiry": ["release", "refuse", "escalate"][word // 2**32 % 4],
                "failures": word // 2**34 % 16,
                "strength": word // 2**38 % 4,
                "escalation": word // 2**42 % 1024 * 3_600_000,
                "methods": row[Col.VERIFICATION],
                "verified": False,
                "proposer": "",
            }
            self.change(seq, seq, "waiting", "opened")

    def confirm(self, seq: int, row: list[int], hold: dict[str, Any]) -> None:
        number = row[Col.REFERS_SEQ]
        if row[Col.RESULT] == Result.FAILED:
            hold["failures"] -= 1
            if hold["state"] == "waiting" and hold["failures"] > 0:
                self.change(seq, number, "waiting", "attempt_failed")
            else:
                self.change(seq, number, "refused", "denied")
        if row[Col.RESULT] != Result.SUCCEEDED or hold["state"] != "waiting" or row[Col.RECEIVED_MS] >= hold["until"]:
            return
        own = row[Col.VERIFICATION]
        together = factors(own | hold["methods"]) if factors(own) else 0
        if row[Col.OUTCOME] in (Outcome.PASS, Outcome.NOTICE) and together >= hold["strength"]:
            if hold["kind"] in ("challenge", "suspend"):
                self.change(seq, number, "released", "confirmed")
            elif hold["strength"] > 0 and not hold["verified"]:
                hold["verified"] = True
                self.change(seq, number, "waiting", "verified")

    def tick(self, seq: int, at_ms: int) -> None:
        due = sorted(
            (hold["until"], number)
            for number, hold in self.holds.items()
            if hold["state"] in ("waiting", "escalated") and hold["until"] <= at_ms
        )
        for _, number in due[:FIRED_AT_ONCE]:
            hold = self.holds[number]
            self.fired.append((seq, number))
            if hold["state"] == "escalated" or hold["expiry"] == "refuse":
                self.change(seq, number, "refused", "time_refused")
            elif hold["expiry"] == "escalate":
                hold["until"] = at_ms + hold["escalation"]
                self.change(seq, number, "escalated", "time_escalated")
            elif hold["strength"] == 0 or hold["verified"]:
                self.change(seq, number, "released", "time_released")
            else:
                self.change(seq, number, "refused", "time_refused")

    def act(self, seq: int, number: int, step: int, person: str) -> None:
        hold = self.holds[number]
        assert (hold["state"] in ("waiting", "escalated") and person != hold["proposer"]) or step == 2
        if step == 0:
            hold["proposer"] = person
            self.change(seq, number, hold["state"], "release_proposed")
        elif step == 1:
            self.change(seq, number, "released", "released_by_person")
        else:
            self.change(seq, number, "refused", "refused_by_person")

    def change(self, seq: int, number: int, state: str, cause: str) -> None:
        self.holds[number]["state"] = state
        self.log.append((seq, number, state, cause))


@dataclass
class NaiveSpending:
    """Verification policy, one event after the other.  bands: (from, strength); limits: (methods, single, day)."""

    bands: list[tuple[int, int]]
    limits: list[tuple[int, int, int]]
    own: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    sums: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    newest_day: int = 0

    def outcome(self, row: list[int], outcome: int) -> tuple[int, int, int]:
        """(outcome, shortfall, strength needed because of it), and the day's sum is counted."""
        if row[Col.KIND] not in (Kind.TRANSFER, Kind.PAYMENT, Kind.WITHDRAWAL):
            return outcome, 0, 0
        amount, stated, customer = row[Col.AMOUNT_FEN], row[Col.VERIFICATION], row[Col.CUSTOMER]
        strength, why, needed = factors(stated), 0, 0
        for start, wanted in self.bands:
            if amount >= start and wanted > strength:
                why, needed = 1, wanted
        counted = None
        for methods, single, whole_day in self.limits:
            if stated & methods != methods:
                continue
            own_single, own_day = self.own.get((customer, methods), (single, whole_day))
            single, whole_day = min(single, own_single), min(whole_day, own_day)
            day = (row[Col.OCCURRED_MS] + 8 * 3_600_000) // 86_400_000
            kept = day >= self.newest_day - 1
            over_day = kept and self.sums[customer, methods, day] + amount > whole_day
            if amount > single or over_day:
                needed = max(needed, min(3, strength + 1))
                why = why or (2 if amount > single else 3)
            counted = (customer, methods, day) if kept else None
            break
        backfilled = bool(row[Col.FLAGS] & Flag.BACKFILL)
        if counted and row[Col.RESULT] != Result.FAILED and (backfilled or outcome != Outcome.BLOCK):
            self.sums[counted] += amount
            self.newest_day = max(self.newest_day, counted[2])
        if why == 0 or backfilled:
            return outcome, 0, 0
        return max(outcome, Outcome.CHALLENGE), why, needed
