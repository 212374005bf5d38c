"""Is every alteration of the audit trail found, and where it was done?  Random trials on a real database.

A trail of some hundred entries with anchors lies in SQLite.  Each trial takes a copy, alters it in one way, at a place drawn
by lot, and has it examined.  It counts as found when the report is not sound, and as located when a fault covers the place and
names at most REACH entries around it (for a chain computed anew: at most one span between anchors).

    byte         one bit of one stored value of one row, or of its number
    removal      a row, or a run of rows, with their numbers left open or closed up
    swap         two rows exchanged
    insertion    a forged row that follows the one before it, with later rows numbered anew
    truncation   the end cut off, the store's own mark set back with it
    rewriting    a row changed and every digest after it computed anew, the store's mark too
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import create_engine

from bench.acceptance import Line, Run, none
from tarim.audit import MIGRATIONS, AnchorFile, Chained, Entry, Head, Keeper, Report, Result, Store, chained
from tarim.base.canonical import canonical_json
from tarim.privacy import Signer
from tarim.records import Database
from tests.fakes.clock import FakeClock

ENTRIES: Final = 300
ANCHOR_EVERY: Final = 20
REACH: Final = 3
_SEAL: Final = Signer(bytes(range(32)))
_CLOCK: Final = FakeClock(1_760_000_000_000)
_WORDS: Final = ("who", "kind", "act", "object", "address", "session", "reason", "result", "detail")
_COLUMNS: Final = ("seq", "at_ms", *_WORDS, "before", "digest")


def entry(number: int) -> Entry:
    """One of many different entries."""
    return Entry(
        1_760_000_000_000 + 997 * number,
        ("lin.wei", "chen.jie", "zhou.min")[number % 3],
        "person",
        ("propose_ruleset", "decide_on_proposal", "read_case")[number % 3],
        f"proposal:{number:08x}",
        f"10.1.0.{number % 250}",
        f"{number:012x}",
        "季度复核",
        (Result.DONE, Result.REFUSED)[number % 2],
        {"status": 200 + number % 5},
    )


def trials(count: int, seed: int) -> dict[str, Any]:
    """tried, found, located: by kind; missed: descriptions of what was not found or not located."""
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    located: Counter[str] = Counter()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = _genuine(folder)
        for number in range(count):
            random = Random(f"{seed} {number}")
            kind = list(KINDS)[number % len(KINDS)]
            place = folder / "copy.db"
            shutil.copyfile(folder / "genuine.db", place)
            with sqlite3.connect(place) as connection:
                connection.execute("PRAGMA synchronous=OFF")
                first, last, reach = KINDS[kind](connection, entries, random)
            connection.close()
            report = _examined(place, folder)
            tried[kind] += 1
            named = [fault for fault in report.faults if fault.kind != "moved"]
            found[kind] += not report.sound
            at = any(fault.first <= last and fault.last >= first for fault in named)
            near = all(first - reach <= fault.first and fault.last <= last + reach for fault in named)
            located[kind] += at and near
            if not (at and near):
                told = [(fault.kind, fault.first, fault.last) for fault in report.faults[:4]]
                missed.append(f"{kind} at {first}-{last}: {told}")
    return {"tried": tried, "found": found, "located": located, "missed": missed}


def _genuine(folder: Path) -> list[Chained]:
    """A trail in `genuine.db`, in one file, and its anchors."""
    with Database.open(f"sqlite:///{folder / 'genuine.db'}", [MIGRATIONS]) as database:
        store = Store(database)
        keeper = Keeper(store, AnchorFile(folder / "anchors"), _SEAL, _CLOCK)
        for first in range(1, ENTRIES + 1, ANCHOR_EVERY):
            store.record_all([entry(number) for number in range(first, first + ANCHOR_EVERY)])
            keeper.anchor()
        entries = list(store.read())
    with sqlite3.connect(folder / "genuine.db") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return entries


def _examined(place: Path, folder: Path) -> Report:
    with Database(create_engine(f"sqlite:///{place}")) as database:  # its tables are there: nothing to bring up to date
        return Keeper(Store(database), AnchorFile(folder / "anchors"), _SEAL, _CLOCK).examine().report


# ---- what is done: (first, last, reach) of what was touched ------------------------------------------------------------

Alteration = Callable[[sqlite3.Connection, list[Chained], Random], tuple[int, int, int]]


def _byte(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    seq = random.randrange(1, ENTRIES + 1)
    column = random.choice(_COLUMNS)
    value = connection.execute(f"SELECT {column} FROM audit_entries WHERE seq = ?", (seq,)).fetchone()[0]
    if column == "seq":
        connection.execute(
            "UPDATE audit_entries SET seq = ? WHERE seq = ?", (seq + (1 << random.randrange(10, 40)), seq)
        )
    elif isinstance(value, int):
        connection.execute(
            f"UPDATE audit_entries SET {column} = ? WHERE seq = ?", (value ^ 1 << random.randrange(40), seq)
        )
    else:
        content = bytearray(value.encode() if isinstance(value, str) else value) or bytearray(b"\x00")
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        made = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
        connection.execute(f"UPDATE audit_entries SET {column} = {made} WHERE seq = ?", (bytes(content), seq))
    return seq, seq, ENTRIES * (1 << 40) if column == "seq" else REACH


def _removal(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    length = random.choice((1, 1, 2, 7))
    seq = random.randrange(1, ENTRIES - length)
    connection.execute("DELETE FROM audit_entries WHERE seq BETWEEN ? AND ?", (seq, seq + length - 1))
    if random.random() < 0.5:
        for number in range(seq + length, ENTRIES + 1):
            connection.execute("UPDATE audit_entries SET seq = ? WHERE seq = ?", (number - length, number))
    return seq, seq + length - 1, REACH


def _swap(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    one, two = sorted(random.sample(range(1, ENTRIES + 1), 2))
    for before, after in ((one, -1), (two, one), (-1, two)):
        connection.execute("UPDATE audit_entries SET seq = ? WHERE seq = ?", (after, before))
    return one, two, REACH


def _insertion(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    seq = random.randrange(2, ENTRIES + 1)
    for number in range(ENTRIES, seq - 1, -1):
        connection.execute("UPDATE audit_entries SET seq = ? WHERE seq = ?", (number + 1, number))
    _insert(connection, chained(Head(seq - 1, entries[seq - 2].digest), entry(9_999)))
    return seq, seq, REACH


def _truncation(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    kept = random.randrange(1, ENTRIES)
    connection.execute("DELETE FROM audit_entries WHERE seq > ?", (kept,))
    if random.random() < 0.5:
        _mark(connection, entries[kept - 1])
    return kept + 1, ENTRIES, REACH


def _rewriting(connection: sqlite3.Connection, entries: list[Chained], random: Random) -> tuple[int, int, int]:
    seq = random.randrange(1, ENTRIES + 1)
    head = Head(seq - 1, entries[seq - 1].before)
    connection.execute("DELETE FROM audit_entries WHERE seq >= ?", (seq,))
    for each in entries[seq - 1 :]:
        anew = chained(head, replace(each.entry, who="somebody.else") if each.seq == seq else each.entry)
        _insert(connection, anew)
        head = Head(anew.seq, anew.digest)
    _mark(connection, anew)
    return seq, ENTRIES, ANCHOR_EVERY


KINDS: Final[dict[str, Alteration]] = {
    "byte": _byte,
    "removal": _removal,
    "swap": _swap,
    "insertion": _insertion,
    "truncation": _truncation,
    "rewriting": _rewriting,
}


def _insert(connection: sqlite3.Connection, each: Chained) -> None:
    made = each.entry
    values = [each.seq, made.at_ms, made.who, made.kind, made.act, made.object, made.address, made.session, made.reason]
    values += [made.result.value, canonical_json(dict(made.detail)).decode(), each.before, each.digest]
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(f"INSERT INTO audit_entries ({', '.join(_COLUMNS)}) VALUES ({marks})", values)


def _mark(connection: sqlite3.Connection, end: Chained) -> None:
    connection.execute("UPDATE audit_head SET seq = ?, digest = ?", (end.seq, end.digest))


# ---- speed -------------------------------------------------------------------------------------------------------------


def speed(count: int) -> dict[str, float]:
    """entries_per_s: examined, one core; entries_per_commit_s: written, durable, one at a time."""
    with tempfile.TemporaryDirectory() as name, Database.open(f"sqlite:///{name}/t.db", [MIGRATIONS]) as database:
        store = Store(database)
        for first in range(0, count, 1_000):
            store.record_all([entry(number) for number in range(first, first + 1_000)])
        keeper = Keeper(store, AnchorFile(Path(name)), _SEAL, _CLOCK)
        keeper.anchor()
        began = time.process_time()
        report = keeper.examine().report
        took_s = time.process_time() - began
        assert report.sound and report.entries == count
        began = time.perf_counter()
        for number in range(200):
            store.record(entry(number))
        return {"entries_per_s": count / took_s, "single_per_s": 200 / (time.perf_counter() - began)}


def lines(run: Run) -> Iterator[Line]:
    """The tamper bar."""
    found = trials(run.pick(1_000, 150), seed=5)
    tried = sum(found["tried"].values())
    note = ", ".join(f"{kind} {count}" for kind, count in sorted(found["tried"].items()))
    unfound = tried - sum(found["found"].values())
    yield none("tamper, not found", "alteration unfound", unfound, f"of {tried:,}: {note}")
    wrong = tried - sum(found["located"].values())
    yield none("tamper, not located", "alteration elsewhere", wrong, f"of {tried:,}" + "".join(found["missed"][:2]))


if __name__ == "__main__":
    import json

    print(json.dumps(trials(600, 1), indent=1, default=str))
    print(speed(20_000))
