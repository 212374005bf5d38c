"""Redress: every state with every event against its table, and random work of several people rebuilt from the journal."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from msgspec.structs import replace
from sqlalchemy import Connection

from bench import people_erasures
from bench.acceptance import Line, Run, none
from tarim.base.errors import TarimError
from tarim.desk import Command, Draft
from tarim.redress import KINDS, Kind, RedressBook
from tarim.redress.adapters.rows import read_file
from tarim.redress.book import opening_draft, step_draft
from tarim.redress.domain.files import Approve, Event, Hand
from tarim.redress.domain.steps import step
from tests.fakes.clock import FakeClock
from tests.fakes.desk import contents, open_desk, open_shelf
from tests.fakes.redress_events import AT, HOME, OPENED, example, fresh, opening

PEOPLE = ("li.na", "wang.wei", "zhao.min")
FILES, ACTS, ACTS_QUICK = 70, 5_000, 500


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.  acts: recorded; differing: of the tables."""

    acts: int
    refused: int
    tables: int
    differing: int
    rebuild_s: float


def lines(run: Run) -> Iterator[Line]:
    """The bars `redress`."""
    tried, wrong = pairs()
    yield none("redress, states and events", "pair differs from its table", wrong, f"of {tried:,}")
    yield from people_erasures.lines()
    found = rebuilt(run.pick(ACTS, ACTS_QUICK), seed=5)
    note = f"of {found.tables}; {found.acts:,} acts, {found.refused:,} refused; anew in {found.rebuild_s:.1f} s of a processor"
    yield none("redress, rebuilt tables", "table differs", found.differing, note)


def pairs() -> tuple[int, int]:
    """(pairs tried, pairs that were not as the table says)."""
    tried = wrong = 0
    for name in OPENED:
        kind = KINDS[name]
        for state in {state for state, _ in kind.table}:
            for tag in kind.events:
                tried += 1
                wrong += not _as_told(kind, state, tag)
    return tried, wrong


def _as_told(kind: Kind, state: str, tag: str) -> bool:
    event = example(kind, tag)
    try:
        after = step(kind, replace(fresh(kind), state=state), event, Hand("wang.wei", AT + 1))
    except TarimError as error:
        return ((state, tag) in kind.table) != ("is not possible" in error.detail)
    return (state, tag) in kind.table and after.state == (state if event.second else kind.table[state, tag])


def rebuilt(acts: int, seed: int) -> Rebuilt:
    """Random events of three people on files of every kind, then the tables dropped and made anew."""
    random, books = Random(seed), [RedressBook()]
    with tempfile.TemporaryDirectory(prefix="tarim-redress-") as name:
        folder = Path(name)
        url, clock = f"sqlite:///{folder / 'records.db'}", FakeClock(AT)
        refused = 0
        with open_desk(folder, url, books, clock) as desk:

            def sealed(event: Event) -> Event:
                return replace(event, **{name: desk.texts.seal(HOME.customer, "text") for name in event.free})

            ids = [(KINDS[kind], f"{KINDS[kind].prefix}-{n}") for n in range(FILES // len(OPENED)) for kind in OPENED]
            for kind, file_id in ids:
                desk.perform(PEOPLE[0], _opening(kind, file_id, sealed))
            for _ in range(acts):
                clock.at_ms += random.randrange(3_600_000)
                try:
                    desk.perform(*_random_event(random, *random.choice(ids), clock, sealed))
                except TarimError:
                    refused += 1
            done = desk.state.acts_seq
            before = desk.read(lambda connection: contents(connection, books)).result()
        shelf = open_shelf(folder, url, books)
        try:
            begin = time.process_time()
            shelf.rebuild()
            rebuild_s = time.process_time() - begin
            with shelf.database.reading() as connection:
                after = contents(connection, books)
        finally:
            shelf.close()
    differing = sum(before[table] != after[table] for table in before)
    return Rebuilt(done, refused, len(before), differing, rebuild_s)


def _opening(kind: Kind, file_id: str, sealed: Callable[[Event], Event]) -> Command:
    return lambda _connection: [opening_draft(kind, file_id, sealed(opening(kind)), HOME)]


def _random_event(
    random: Random, kind: Kind, file_id: str, clock: FakeClock, sealed: Callable[[Event], Event]
) -> tuple[str, Command]:
    """Some person, and something that may be possible: decisions are likelier where one is waited for."""
    person = random.choice(PEOPLE)

    def command(connection: Connection) -> list[Draft]:
        _, file = read_file(connection, file_id)
        deciding = file.waits_for_second and random.random() < 0.7
        event = sealed(example(kind, random.choice(("approve", "reject") if deciding else sorted(kind.events))))
        if isinstance(event, Approve) and file.proposal is not None:
            event = Approve(file.proposal.digest)
        step(kind, file, event, Hand(person, clock.at_ms))
        return [step_draft(kind, file_id, event)]

    return person, command
