"""Filters of lists under a name, by person and page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import Clock
from tarim.records import Database
from tarim.workspace.adapters.tables import VIEWS
from tarim.workspace.domain import SAVED_VIEWS_MAX, Page, SavedView, check_filters, check_name

_ID_BYTES: Final = 8


class SavedViews:
    """What a person looks at again and again.  Blocks; threads may share it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def kept(self, person: str, page: Page) -> list[SavedView]:
        """The person's views of a page, by name."""
        wanted = select(VIEWS).where(VIEWS.c.person == person, VIEWS.c.page == page.value).order_by(VIEWS.c.name)
        with self._database.reading() as connection:
            return [_view(row) for row in connection.execute(wanted).mappings()]

    def keep(self, person: str, page: Page, name: str, filters: Mapping[str, str], *, default: bool) -> SavedView:
        """Keep filters under a name; one that is used already stands for these filters from now on.

        Raises FieldError, and Conflict beyond SAVED_VIEWS_MAX.
        """
        name = check_name(name)
        check_filters(filters)
        here = (VIEWS.c.person == person) & (VIEWS.c.page == page.value)
        with self._database.writing() as connection:
            self._database.lock(connection, f"workspace-views {person}")
            found = connection.execute(select(VIEWS.c.id).where(here, VIEWS.c.name == name)).scalar_one_or_none()
            if default:
                connection.execute(update(VIEWS).where(here).values(is_default=False))
            said = {"filters": dict(filters), "is_default": default, "saved_ms": self._clock.now_ms()}
            if found is not None:
                connection.execute(update(VIEWS).where(here, VIEWS.c.id == found).values(**said))
                return _read(connection, person, found)
            if connection.execute(select(func.count()).select_from(VIEWS).where(here)).scalar_one() >= SAVED_VIEWS_MAX:
                raise Conflict(
                    f"{SAVED_VIEWS_MAX} views of this page are kept already; delete one first."
                    f" 本页视图已满 {SAVED_VIEWS_MAX} 个，请先删除一个。"
                )
            made = secrets.token_hex(_ID_BYTES)
            connection.execute(VIEWS.insert().values(person=person, id=made, page=page.value, name=name, **said))
            return _read(connection, person, made)

    def change(self, person: str, view: str, *, name: str | None = None, default: bool | None = None) -> SavedView:
        """Another name, or whether the page opens with it.  Raises NotFound, FieldError, Conflict (the name is used)."""
        said: dict[str, Any] = {} if name is None else {"name": check_name(name)}
        with self._database.writing() as connection:
            self._database.lock(connection, f"workspace-views {person}")
            before = _read(connection, person, view)
            here = (VIEWS.c.person == person) & (VIEWS.c.page == before.page.value)
            if name is not None:
                used = select(VIEWS.c.id).where(here, VIEWS.c.name == said["name"], VIEWS.c.id != view)
                if connection.execute(used).first() is not None:
                    raise Conflict("another view of this page has that name. 本页已有同名视图。")
            if default is not None:
                connection.execute(update(VIEWS).where(here).values(is_default=False))
                said["is_default"] = default
            if said:
                connection.execute(update(VIEWS).where(here, VIEWS.c.id == view).values(**said))
            return _read(connection, person, view)

    def forget(self, person: str, view: str) -> None:
        """Let it go.  Raises NotFound."""
        with self._database.writing() as connection:
            if not connection.execute(delete(VIEWS).where(VIEWS.c.person == person, VIEWS.c.id == view)).rowcount:
                raise _none()


def _read(connection: Connection, person: str, view: str) -> SavedView:
    row = connection.execute(select(VIEWS).where(VIEWS.c.person == person, VIEWS.c.id == view)).mappings().first()
    if row is None:
        raise _none()
    return _view(row)


def _none() -> NotFound:
    return NotFound("you have no such view. 没有此视图。")


def _view(row: Any) -> SavedView:
    return SavedView(row["id"], Page(row["page"]), row["name"], row["filters"], row["is_default"], row["saved_ms"])
