"""Search of everything, and the bell: what waits for the person.

While somebody types, pages, lists and rules are suggested; none of that is about a person.  Cases, decisions, customers and
users are looked up when the search is sent, since each such look is on the audit trail.  What was typed goes in the body of a
form; the address of the results has it only when it does not read like personal data.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from tarim.console import rules_reads
from tarim.console.case_words import EVENT_KINDS, STATES, said
from tarim.console.log_views import PERSONAL
from tarim.console.pages import SIGNED_IN, Go, Page, View, Visit
from tarim.console.search_views import (
    CaseFound,
    Cases,
    Found,
    ListFound,
    Lists,
    PageFound,
    RuleFound,
    UserFound,
    Users,
    Whole,
    pages,
)
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

TEXT_CHARACTERS_MAX: Final = 128
SUGGESTED_MAX: Final = 6
FOUND_MAX: Final = 20
LEAST_CHARACTERS: Final = 2
RULESETS_KEPT: Final = 8
_CASE: Final = re.compile(r"(?i)(?:case-)?(\d{4})-(\d{1,9})")
_LOGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,63}")
T = TypeVar("T")

_rules_of: dict[str, list[RuleFound]] = {}
"""Rules by the version of their ruleset, which never changes; the newest ones asked for."""


def _fits(text: str, *words: str) -> bool:
    lowered = text.lower()
    return any(lowered in each.lower() for each in words)


async def suggest(visit: Visit) -> View:
    """While it is typed: pages, lists and rules."""
    text = _text(visit.form.get("q", ""))
    if len(text) < LEAST_CHARACTERS:
        return View(
            "search/_suggested.html", {"text": text, "pages": [], "lists": [], "rules": []}, "search/_suggested.html"
        )
    lists, rules = await asyncio.gather(_or(_lists(visit, text), []), _or(_rules(visit, text), []))
    values = {
        "text": text,
        "pages": _pages(text)[:SUGGESTED_MAX],
        "lists": lists[:SUGGESTED_MAX],
        "rules": rules[:SUGGESTED_MAX],
    }
    return View("search/_suggested.html", values, "search/_suggested.html")


async def find(visit: Visit) -> View | Go:
    """Sent: to an address with the text, unless it reads like personal data; then the results come at once."""
    text = _text(visit.form.get("q", ""))
    if text and not PERSONAL.search(text):
        return Go("search", {"q": text})
    return await _results(visit, text, private=bool(text))


async def show_search(visit: Visit) -> View:
    """Results for the text in the address; one that reads like personal data is asked for again, in the form."""
    text = _text(visit.query.get("q", ""))
    if PERSONAL.search(text):
        return await _results(visit, "", refused=True)
    return await _results(visit, text)


async def _results(visit: Visit, text: str, *, private: bool = False, refused: bool = False) -> View:
    found = Found()
    cases: list[CaseFound] = []
    lists: list[ListFound] = []
    rules: list[RuleFound] = []
    users: list[UserFound] = []
    if text:
        found, cases, lists, rules, users = await asyncio.gather(
            _or(_known(visit, text), Found()),
            _or(_cases(visit, text), cases),
            _or(_lists(visit, text), lists),
            _or(_rules(visit, text), rules),
            _or(_users(visit, text), users),
        )
    values: dict[str, Any] = {
        "text": text,
        "private": private,
        "refused": refused,
        "found": found,
        "cases": cases[:FOUND_MAX],
        "lists": lists[:FOUND_MAX],
        "rules": rules[:FOUND_MAX],
        "users": users[:FOUND_MAX],
        "pages": _pages(text) if text else [],
        "kinds": said(EVENT_KINDS),
        "states": said(STATES),
        "entity_kinds": {
            "account": _("账户"),
            "customer": _("客户"),
            "device": _("设备"),
            "address": _("网络地址"),
            "merchant": _("商户"),
        },
    }
    return View("search/results.html", values)


def _text(given: str) -> str:
    return " ".join(given.split())[:TEXT_CHARACTERS_MAX]


def _pages(text: str) -> list[PageFound]:
    return [each for each in pages() if _fits(text, each.title, each.words)]


async def _known(visit: Visit, text: str) -> Found:
    return await visit.views.post("/v1/search", {"text": text}, Found) if visit.may(Scope.READ) else Found()


async def _cases(visit: Visit, text: str) -> list[CaseFound]:
    """The case of that number; else those of the customer of that number."""
    if not visit.may(Scope.CASES_READ):
        return []
    named = _CASE.fullmatch(text)
    if named:
        ref = f"CASE-{named[1]}-{int(named[2]):06d}"
        try:
            return [(await visit.desk.get(f"/v1/cases/{segment(ref)}", Whole)).case]
        except Refused as error:
            if error.status != 404:
                raise
            return []
    if len(text) > 64 or not any(each.isdigit() for each in text):
        return []
    return (await visit.desk.post("/v1/cases:find", {"customer": text}, Cases)).cases


async def _lists(visit: Visit, text: str) -> list[ListFound]:
    if not visit.may(Scope.READ):
        return []
    found = (await visit.serve.get("/v1/lists", Lists)).lists
    return [each for each in found if _fits(text, each.name, each.title)]


async def _rules(visit: Visit, text: str) -> list[RuleFound]:
    if not visit.may(Scope.READ):
        return []
    in_force = await rules_reads.in_force(visit)
    if in_force is None:
        return []
    known = _rules_of.get(in_force.version)
    if known is None:
        draft = await rules_reads.checked(visit, (await rules_reads.text_of(visit, in_force.version)).text)
        known = [RuleFound(each.id, each.reason, each.reason_en) for each in draft.rules]
        while len(_rules_of) >= RULESETS_KEPT:
            del _rules_of[next(iter(_rules_of))]
        _rules_of[in_force.version] = known
    return [each for each in known if _fits(text, each.id, each.zh, each.en)]


async def _users(visit: Visit, text: str) -> list[UserFound]:
    if not visit.may(Scope.USERS_READ) or (text.isascii() and not _LOGIN.fullmatch(text)):
        return []
    found = (await visit.desk.get("/v1/users", Users)).users
    return [each for each in found if _fits(text, each.login, each.display_name)]


async def _or(asked: Awaitable[T], otherwise: T) -> T:
    """What was asked, or nothing of it where a service does not answer or does not take it."""
    try:
        return await asked
    except Refused as error:
        if error.status in (401, 403):
            raise
        return otherwise


PAGES: Final = (
    Page("GET", "/search", "search", SIGNED_IN, show_search),
    Page("POST", "/search", "search_find", SIGNED_IN, find),
    Page("POST", "/search/suggested", "search_suggest", SIGNED_IN, suggest, body_bytes_max=4 << 10),
)
