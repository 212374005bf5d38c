"""Saved views are one person's own, one of a page is its default, and they hold filters only; on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tarim.base.errors import Conflict, FieldError, NotFound
from tarim.records import Database
from tarim.workspace import FILTERS_MAX, MIGRATIONS, NAME_CHARACTERS_MAX, SAVED_VIEWS_MAX, Page, SavedViews
from tests.fakes.clock import FakeClock
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures


@pytest.fixture
def views(database_url: str) -> Iterator[SavedViews]:  # noqa: F811
    with Database.open(database_url, [MIGRATIONS]) as opened:
        yield SavedViews(opened, FakeClock())


def test_filters_are_kept_by_name_and_page(views: SavedViews) -> None:
    late = views.keep("li.na", Page.CASES, " 逾期 ", {"overdue": "1"}, default=False)
    views.keep("li.na", Page.LIVE, "逾期", {"outcome": "block"}, default=False)
    views.keep("li.na", Page.CASES, "advance", {"priority": "1"}, default=False)
    assert [(each.name, each.filters) for each in views.kept("li.na", Page.CASES)] == [
        ("advance", {"priority": "1"}),
        ("逾期", {"overdue": "1"}),
    ]
    again = views.keep("li.na", Page.CASES, "逾期", {"overdue": "1", "sort": "due"}, default=False)
    assert again.id == late.id and len(views.kept("li.na", Page.CASES)) == 2, "the same name stands for the new filters"
    views.forget("li.na", late.id)
    assert [each.name for each in views.kept("li.na", Page.CASES)] == ["advance"]


def test_a_page_has_one_default_at_most(views: SavedViews) -> None:
    first = views.keep("li.na", Page.CASES, "one", {"state": "new"}, default=True)
    other = views.keep("li.na", Page.LOG, "one", {"result": "refused"}, default=True)
    second = views.keep("li.na", Page.CASES, "two", {"state": "closed"}, default=True)
    assert [each.default for each in views.kept("li.na", Page.CASES)] == [False, True]
    assert views.change("li.na", first.id, default=True).default
    assert [each.default for each in views.kept("li.na", Page.CASES)] == [True, False]
    assert not views.change("li.na", first.id, default=False).default
    assert views.kept("li.na", Page.LOG) == [other] and second.name == "two"


def test_nobody_finds_another_persons_view(views: SavedViews) -> None:
    kept = views.keep("li.na", Page.CASES, "mine", {"state": "new"}, default=True)
    assert views.kept("wang.wei", Page.CASES) == []
    with pytest.raises(NotFound):
        views.change("wang.wei", kept.id, name="his")
    with pytest.raises(NotFound):
        views.forget("wang.wei", kept.id)
    views.keep("wang.wei", Page.CASES, "mine", {"state": "closed"}, default=True)
    assert views.kept("li.na", Page.CASES) == [kept], "and nobody's default is touched"


def test_a_name_is_one_views(views: SavedViews) -> None:
    one = views.keep("li.na", Page.CASES, "one", {"state": "new"}, default=False)
    views.keep("li.na", Page.CASES, "two", {"state": "new"}, default=False)
    with pytest.raises(Conflict):
        views.change("li.na", one.id, name="two")
    assert views.change("li.na", one.id, name="three").name == "three"


def test_there_are_only_so_many(views: SavedViews) -> None:
    for number in range(SAVED_VIEWS_MAX):
        views.keep("li.na", Page.CASES, f"view {number}", {}, default=False)
    with pytest.raises(Conflict, match="delete one first"):
        views.keep("li.na", Page.CASES, "one more", {}, default=False)
    views.keep("li.na", Page.CASES, "view 0", {"state": "new"}, default=False)
    views.keep("li.na", Page.LIVE, "one more", {}, default=False)


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("", {}),
        ("x" * (NAME_CHARACTERS_MAX + 1), {}),
        ("two\nlines", {}),
        ("fine", {"STATE": "new"}),
        ("fine", {"state": ""}),
        ("fine", {"state": "x" * 161}),
        ("fine", {"state": "a\nb"}),
        ("fine", {f"f{'_' * n}": "1" for n in range(FILTERS_MAX + 1)}),
    ],
)
def test_what_is_no_name_or_filter_is_refused(views: SavedViews, name: str, filters: dict[str, str]) -> None:
    with pytest.raises(FieldError):
        views.keep("li.na", Page.CASES, name, filters, default=False)
