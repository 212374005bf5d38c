"""Drafts are one person's own, are not lost to another page, and do not grow without end; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tarim.base.errors import Conflict, FieldError, NotFound, TooLarge
from tarim.records import Database, differences
from tarim.workspace import (
    DRAFT_CHARACTERS_MAX,
    DRAFTS_MAX,
    MIGRATIONS,
    TITLE_CHARACTERS_MAX,
    DraftMoved,
    Drafts,
    Writing,
)
from tests.fakes.clock import FakeClock
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures

BASE = "a" * 64


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:  # noqa: F811
    with Database.open(database_url, [MIGRATIONS]) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def drafts(database: Database, clock: FakeClock) -> Drafts:
    return Drafts(database, clock)


def writing(number: int = 1, page: int = 1, opened: int = 0, text: str = 'name = "mine"\n', title: str = "") -> Writing:
    return Writing(f"{number:016x}", f"{page:016x}", opened, title, text, BASE)


def test_the_tables_are_what_the_code_expects(database: Database) -> None:
    with database.reading() as connection:
        assert differences(connection, [MIGRATIONS]) == []


def test_a_draft_is_kept_changed_found_again_and_discarded(drafts: Drafts, clock: FakeClock) -> None:
    begun = drafts.begin("li.na", writing(title="新收款人"))
    assert (begun.revision, begun.text, begun.base) == (1, 'name = "mine"\n', BASE)
    clock.at_ms += 5_000
    saved = drafts.save("li.na", writing(text="name = 1"))
    assert (saved.revision, saved.text, saved.saved_ms - saved.begun_ms) == (2, "name = 1", 5_000)
    (listed,) = drafts.kept("li.na")
    assert (listed.id, listed.text, listed.revision) == (saved.id, "", 2), "a list holds no texts"
    assert drafts.read("li.na", saved.id) == saved
    drafts.discard("li.na", saved.id)
    assert drafts.kept("li.na") == []
    for gone in (lambda: drafts.read("li.na", saved.id), lambda: drafts.save("li.na", writing())):
        with pytest.raises(NotFound):
            gone()


def test_nobody_finds_another_persons_draft(drafts: Drafts) -> None:
    """Not to read, to save or to discard; the same id is another draft under another name."""
    kept = drafts.begin("li.na", writing(text="mine"))
    for act in (drafts.read, drafts.discard):
        with pytest.raises(NotFound):
            act("wang.wei", kept.id)
    with pytest.raises(NotFound):
        drafts.save("wang.wei", writing(opened=1))
    drafts.begin("wang.wei", writing(text="his"))
    assert drafts.read("li.na", kept.id).text == "mine"


def test_a_page_that_opened_an_older_state_is_told(drafts: Drafts) -> None:
    """A page saves again and again; another one that opened the same draft takes over with its first save."""
    drafts.begin("li.na", writing(page=1, text="1"))
    drafts.save("li.na", writing(page=1, text="2"))
    opened = drafts.read("li.na", writing().id).revision
    taken = drafts.save("li.na", writing(page=2, opened=opened, text="3"))
    drafts.save("li.na", writing(page=2, opened=opened, text="4"))
    with pytest.raises(DraftMoved) as refused:
        drafts.save("li.na", writing(page=1, text="lost"))
    assert refused.value.http_status == 409 and refused.value.code == "draft-moved"
    assert drafts.read("li.na", taken.id).text == "4"


def test_sent_twice_it_is_one_draft(drafts: Drafts) -> None:
    drafts.begin("li.na", writing(text="1"))
    assert drafts.begin("li.na", writing(text="2")).text == "2"
    assert len(drafts.kept("li.na")) == 1
    with pytest.raises(DraftMoved):
        drafts.begin("li.na", writing(page=9, text="3"))


def test_there_are_only_so_many_and_only_so_large(drafts: Drafts) -> None:
    for number in range(DRAFTS_MAX):
        drafts.begin("li.na", writing(number + 1))
    with pytest.raises(Conflict, match="discard one first"):
        drafts.begin("li.na", writing(99))
    drafts.begin("wang.wei", writing(99))
    drafts.save("li.na", writing(1, text="x" * DRAFT_CHARACTERS_MAX))
    with pytest.raises(TooLarge):
        drafts.save("li.na", writing(1, text="x" * (DRAFT_CHARACTERS_MAX + 1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../etc/passwd"},
        {"writer": ""},
        {"base": "latest"},
        {"title": "x" * (TITLE_CHARACTERS_MAX + 1)},
        {"title": "two\nlines"},
        {"text": "nul \x00"},
    ],
)
def test_what_is_none_is_refused(drafts: Drafts, wrong: dict[str, str]) -> None:
    with pytest.raises(FieldError):
        drafts.begin("li.na", replace(writing(), **wrong))
