"""All pages, and what leads to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from tarim.console import (
    account,
    account_duties,
    cases,
    decisions,
    graph,
    home,
    levels,
    lists,
    lists_changes,
    live,
    log,
    models,
    models_acts,
    names,
    names_lists,
    notices,
    redress,
    redress_file,
    redress_half_year,
    redress_papers,
    reports,
    reports_suspicious,
    rules,
    saved_views,
    search,
    signing,
    tour,
    users,
    users_changes,
)
from tarim.console.pages import Page

PAGES: Final[tuple[Page, ...]] = (
    *home.PAGES,
    *graph.PAGES,
    *signing.PAGES,
    *tour.PAGES,
    *account_duties.PAGES,
    *account.PAGES,
    *redress_half_year.PAGES,
    *redress.PAGES,
    *redress_file.PAGES,
    *redress_papers.PAGES,
    *reports_suspicious.PAGES,
    *reports.PAGES,
    *users_changes.PAGES,
    *users.PAGES,
    *cases.PAGES,
    *lists.PAGES,
    *lists_changes.PAGES,
    *models.PAGES,
    *models_acts.PAGES,
    *names.PAGES,
    *names_lists.PAGES,
    *rules.PAGES,
    *live.PAGES,
    *decisions.PAGES,
    *log.PAGES,
    *levels.PAGES,
    *saved_views.PAGES,
    *search.PAGES,
    *notices.PAGES,
)
_NAMES: Final = re.compile(r"\{([a-z_]+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu.  page: its name; title: a message id; nav: what pages of that part say of themselves."""

    page: str
    icon: str
    title: str
    nav: str


MENU: Final[tuple[tuple[str, tuple[Entry, ...]], ...]] = (
    (
        "运营",
        (
            Entry("live", "layout-dashboard", "实时决策", "live"),
            Entry("cases", "briefcase", "案件队列", "cases"),
            Entry("links", "share-3", "关系图谱", "links"),
            Entry("redress", "message-report", "投诉与赔付", "redress"),
            Entry("reports", "report-analytics", "报表", "reports"),
        ),
    ),
    (
        "策略",
        (
            Entry("rules", "adjustments-alt", "规则", "rules"),
            Entry("lists", "list-check", "名单", "lists"),
            Entry("names", "id", "姓名筛查", "names"),
            Entry("models", "brain", "模型", "models"),
        ),
    ),
    (
        "治理",
        (
            Entry("log", "file-search", "日志", "log"),
            Entry("users", "users", "用户与角色", "users"),
            Entry("levels", "activity-heartbeat", "服务等级", "levels"),
        ),
    ),
)
"""Groups and their entries; an entry is shown to whoever may open its page."""


class Map:
    """Addresses of pages by their names.  Two pages of one name, or of one method and path, are a fault of ours."""

    def __init__(self, pages: Iterable[Page], root_path: str = "") -> None:
        self._root = root_path
        self.pages: dict[str, Page] = {}
        for page in pages:
            if self.pages.setdefault(page.name, page) is not page:
                raise ValueError(f"two pages are called {page.name}")

    def url(self, name: str, /, **names: object) -> str:
        """The address of a page; names that are none of its path go into the query, None and "" are left out."""
        path = self.pages[name].path
        wanted = {found[1] for found in _NAMES.finditer(path)}
        missing = wanted - names.keys()
        if missing:
            raise KeyError(f"the address of {name} needs {', '.join(sorted(missing))}")
        filled = _NAMES.sub(lambda found: quote(str(names[found[1]]), safe="/" if found[2] else ""), path)
        query = {key: str(value) for key, value in names.items() if key not in wanted and value not in (None, "")}
        return self._root + filled + (f"?{urlencode(query)}" if query else "")

    def opens(self, name: str, scopes: Iterable[str]) -> bool:
        """Whether such a page is there and open to these scopes: a link that would be refused is not shown."""
        page = self.pages.get(name)
        return page is not None and (not page.scopes or bool({scope.value for scope in page.scopes} & set(scopes)))

    def menu(self, scopes: Iterable[str]) -> list[tuple[str, list[Entry]]]:
        """Groups with the entries that lead somewhere for a person with these scopes."""
        held = set(scopes)
        shown = []
        for group, entries in MENU:
            open_to = [
                each
                for each in entries
                if each.page in self.pages and {scope.value for scope in self.pages[each.page].scopes} & held
            ]
            if open_to:
                shown.append((group, open_to))
        return shown

    def first(self, scopes: Iterable[str]) -> str:
        """The address of the first page of the menu that is open to them; the own account for whoever has no other."""
        menu = self.menu(scopes)
        return self.url(menu[0][1][0].page) if menu else self.url("account")
