"""Questions are counted by contract, day, customer and key; cuts that would lead to a score and misses are sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tarim.audit import MIGRATIONS as TRAIL
from tarim.audit import Head, Store, chained
from tarim.base.instants import DAY_MS
from tarim.federation import Contract, Member
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.book import Book
from tarim.federation.node.contract import Columns, Opening, Signed
from tarim.federation.node.limits import Limits, Sweep, TooMuchAsked
from tarim.federation.node.probing import TEXTS, Alarms
from tarim.federation.node.tables import MIGRATIONS
from tarim.federation.node.terms import Output, QueryTerms
from tarim.federation.queries import Question
from tarim.records import Database
from tests.fakes.clock import FakeClock

NOW = 1_800_000_000_000
MODEL = "5" * 64


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'records.db'}", [MIGRATIONS, TRAIL])
    yield database
    database.close()


def contract(book: Book, number: int, question: Question = Question.DECISION, **limits: int) -> Contract:
    """A query contract with a cut of its own, kept."""
    columns = Columns("3" * 64, "phone", IdentifierKind.PHONE)
    uses = limits.pop("uses", 1_000)
    made = Contract(
        f"c{number}", "a purpose", QueryTerms(question, (MODEL,), number / 10, **limits),
        Member("data", "1" * 64, "1" * 64), Member("bank", "2" * 64, "2" * 64), columns, columns,
        (Opening(Output.ANSWER, "bank"),), uses, NOW + 90 * DAY_MS, NOW,
    )  # fmt: skip
    book.keep(Signed(made), "data", "li.na", NOW)
    return made


def test_every_limit_is_kept_and_what_is_refused_counts_nothing(database: Database) -> None:
    book = Book(database)
    limits = Limits(database, book)
    rows = np.arange(5)
    for name, most in (("uses", 7), ("a_day_max", 7), ("a_customer_a_day_max", 1), ("a_key_a_day_max", 7)):
        made = contract(book, len(name), Question.SCORE, **{name: most})
        limits.count(made, rows, "a", NOW)
        with pytest.raises(TooMuchAsked):
            limits.count(made, rows, "a", NOW)
        assert book.contract(made.digest).used == 5, name
        if name != "uses":
            limits.count(made, rows, "a", NOW + DAY_MS)
        if name == "a_key_a_day_max":
            limits.count(made, rows, "b", NOW)


def test_one_customer_is_decided_on_with_few_cuts_of_a_model_in_a_month(database: Database) -> None:
    book = Book(database)
    limits = Limits(database, book)
    made = [contract(book, number) for number in range(4)]
    for each in made[:3]:
        limits.count(each, np.array([1, 2]), "a", NOW)
    with pytest.raises(Sweep, match="lead to the score"):
        limits.count(made[3], np.array([2, 7]), "a", NOW + DAY_MS)
    limits.count(made[3], np.array([7]), "a", NOW + DAY_MS)
    limits.count(made[0], np.array([2]), "a", NOW + DAY_MS)
    limits.count(made[3], np.array([2]), "a", NOW + 31 * DAY_MS)


def test_a_key_that_asks_for_strangers_is_refused_until_tomorrow(database: Database) -> None:
    book = Book(database)
    limits = Limits(database, book)
    made = contract(book, 1, missed_a_day_max=3)
    limits.missed(made, "a", 3, NOW)
    limits.require_few_missed(made, "a", NOW)
    with pytest.raises(Sweep, match="until tomorrow"):
        limits.missed(made, "a", 1, NOW)
    with pytest.raises(Sweep):
        limits.require_few_missed(made, "a", NOW)
    limits.require_few_missed(made, "b", NOW)
    limits.require_few_missed(made, "a", NOW + DAY_MS)


def test_an_alarm_is_an_entry_of_the_chain_and_one_of_an_address_a_minute(database: Database) -> None:
    alarms = Alarms(database, FakeClock(NOW))
    alarms.sound("sweep", who="li.na", peer="data", contract="c" * 64)
    for _ in range(3):
        alarms.sound("unpinned-certificate", address="10.0.0.7")
    alarms.sound("unpinned-certificate", address="10.0.0.8")
    assert alarms.counts() == dict.fromkeys(TEXTS, 0) | {"sweep": 1, "unpinned-certificate": 2}
    newest = alarms.newest()
    assert [(each.kind, each.who, each.peer, each.address) for each in newest] == [
        ("unpinned-certificate", "", "", "10.0.0.8"), ("unpinned-certificate", "", "", "10.0.0.7"),
        ("sweep", "li.na", "data", ""),
    ]  # fmt: skip
    head = Head()
    for each in Store(database).read():
        head = Head(each.seq, chained(head, each.entry).digest)
        assert head.digest == each.digest
    assert head.seq == 3
