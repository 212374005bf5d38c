"""How fast are people's tables made anew, how quickly does the desk answer, and what do kills cost?"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from bench.acceptance import Line, Run, at_most, none
from bench.people_data import SOURCE, event_id, write_decisions
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.settings import Settings, load_settings
from tarim.desk import MIGRATIONS, label_draft

DECISIONS, DECISIONS_QUICK = 1_000_000, 20_000
ALERT_SHARE = 0.1
ACTS, ACTS_QUICK = 5_000, 200
REBUILD_S_MAX = 300


def rebuild(run: Run) -> Iterator[Line]:
    """The bar `rebuild`: tables dropped and made anew are equal, and how long that takes."""
    with tempfile.TemporaryDirectory(prefix="tarim-desk-") as folder:
        decisions, acts = run.pick(DECISIONS, DECISIONS_QUICK), run.pick(ACTS, ACTS_QUICK)
        places = write_decisions(Path(folder) / "data", decisions, alert_share=ALERT_SHARE)
        with DeskHouse(_settings(), places, {}) as house:
            house.desk.catch_up()
            live = digests(house)
            house.desk.start()
            for number in range(acts):
                house.desk.perform(
                    "bench",
                    lambda _connection, seq=number: [label_draft(seq, SOURCE, event_id(seq), fraud=bool(seq % 3))],  # type: ignore[misc]
                )
            live = digests(house)
        with DeskHouse(_settings(), places, {}) as house:
            begun, worked = time.monotonic(), time.process_time()
            house.desk.rebuild()
            took_s, worked_s = time.monotonic() - begun, time.process_time() - worked
            again = digests(house)
    different = sorted(name for name in live if live[name] != again.get(name))
    yield none("rebuild, tables that differ", "table differs", len(different), ", ".join(different))
    scale = DECISIONS / decisions
    yield at_most(
        "rebuild, 1,000,000 decisions",
        REBUILD_S_MAX,
        round(took_s * scale, 1),
        " s",
        f"{decisions:,} decisions, {ALERT_SHARE:.0%} above pass, {acts:,} acts: {took_s:.1f} s, processor {worked_s:.1f} s; "
        f"SQLite, books: {', '.join(book.name for book in house.books) or 'none'}",
    )


def _settings(url: str = "") -> Settings:
    return load_settings(None, {"TARIM_DESK_DATABASE_URL": url} if url else {})


def digests(house: DeskHouse) -> dict[str, str]:
    """What every table holds, row by row in the order of its key."""
    found = {}
    contexts = [MIGRATIONS, *(book.migrations for book in house.books)]
    with house.database.reading() as connection:
        for table in (table for each in contexts for table in each.metadata.sorted_tables):
            content = hashlib.sha256()
            for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
                content.update(repr(tuple(row)).encode())
            found[table.name] = content.hexdigest()
    return found
