"""Name screening: one name with its explanation, matches and what becomes of them, screenings of all customers."""

from __future__ import annotations

import re
from typing import Any, Final

from tarim.console import names_words
from tarim.console.lists import READERS, at_of
from tarim.console.names_shapes import (
    GoodGuy,
    GoodGuys,
    InForce,
    KnownMatch,
    KnownMatches,
    Screened,
    Screening,
    Screenings,
)
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal
from tarim.console.rendering import count
from tarim.console.services import Refused, inline, segment
from tarim.console.words import _
from tarim.identity import Scope

AUTHORS: Final = frozenset({Scope.AUTHOR})
OPERATORS: Final = frozenset({Scope.OPERATE})
MATCHES_SHOWN: Final = 30
_COUNTRIES: Final = re.compile(r"[\s,，、;；]+")
_STANDINGS: Final = ("open", "confirmed", "cleared", "all")


def words() -> dict[str, Any]:
    """What templates of name screening call codes."""
    return {
        "party_kinds": names_words.party_kinds(),
        "qualities": names_words.qualities(),
        "parties": names_words.parties(),
        "standings": names_words.standings(),
        "standing_tone": names_words.standing_tone,
        "evidence_words": names_words.evidence(),
        "evidence_speaks": names_words.EVIDENCE_SPEAKS,
        "screening_states": names_words.screening_states(),
        "screening_tone": names_words.screening_tone,
        "level": names_words.level,
    }


# ---- one name --------------------------------------------------------------------------------------------------------


async def show_screen(visit: Visit) -> View:
    """The form that asks about one name."""
    return await _screen_page(visit, {})


async def screen(visit: Visit) -> View:
    """Who on the lists a name could be, with every reason; by POST, for a name is personal data."""
    form = {name: visit.form.get(name, "").strip() for name in ("name", "birth", "countries", "at")}
    countries = [each.upper() for each in _COUNTRIES.split(form["countries"]) if each]
    try:
        body = {"name": form["name"], "birth": form["birth"], "countries": countries, "at": at_of(form)}
        screened = await visit.serve.post("/v1/names:screen", body, Screened)
    except Refused as error:
        return await _screen_page(visit, form, error=inline(error))
    return await _screen_page(visit, form, screened=screened)


async def _screen_page(
    visit: Visit, form: dict[str, str], screened: Screened | None = None, error: Refused | None = None
) -> View:
    in_force = await visit.serve.get("/v1/name-lists", InForce)
    dated = {each.digest: each for each in in_force.lists}
    values = words() | {
        "tab": "screen",
        "form": form,
        "screened": screened,
        "error": error,
        "in_force": in_force,
        "dated": dated,
        "facts": [(each.list_name, count(each.entries)) for each in in_force.lists]
        + [(_("登记客户"), count(in_force.customers))],
    }
    return View("names/screen.html", values, "names/_screened.html")


# ---- matches ---------------------------------------------------------------------------------------------------------


async def show_matches(visit: Visit) -> View:
    """Matches of one standing, the highest score first."""
    return await _matches_page(visit)


async def _matches_page(visit: Visit, error: Refused | None = None) -> View:
    standing = visit.query.get("standing", "open")
    standing = standing if standing in _STANDINGS else "open"
    offset = _whole(visit.query.get("offset", ""))
    found = await visit.serve.get(
        "/v1/name-matches", KnownMatches, standing=standing, offset=offset, limit=MATCHES_SHOWN
    )
    values = words() | {
        "tab": "matches",
        "matches": found.matches,
        "count": found.count,
        "standing": standing,
        "offset": offset,
        "before": offset - MATCHES_SHOWN if offset else None,
        "after": offset + MATCHES_SHOWN if offset + MATCHES_SHOWN < found.count else None,
        "may_operate": visit.may(Scope.OPERATE),
        "may_author": visit.may(Scope.AUTHOR),
        "error": error,
    }
    return View("names/matches.html", values, "names/_matches.html")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


async def confirm(visit: Visit) -> View | Go:
    """A match is true; one person says so."""
    body = _party(visit)
    try:
        await visit.serve.post("/v1/name-matches:confirm", body, KnownMatch)
    except Refused as error:
        return await _matches_page(visit, inline(error))
    return Go("name_matches", toast=_("已确认匹配。"))


async def clear(visit: Visit) -> View | Go:
    """Propose that a match is false, until a day, of the entry as it was looked at."""
    body = _party(visit) | {
        "entry_digest": visit.form.get("entry_digest", ""),
        "until": visit.form.get("until", "").strip(),
    }
    try:
        made = await visit.serve.post("/v1/name-matches:clear", body, Proposal)
    except Refused as error:
        return await _matches_page(visit, inline(error))
    return Go("name_proposal", {"id": made.id}, toast=_("已提交，等待他人审批。"))


def _party(visit: Visit) -> dict[str, str]:
    return {name: visit.form.get(name, "").strip() for name in ("party", "token", "list_name", "entry", "reason")}


async def show_good_guys(visit: Visit) -> View:
    """Matches that two persons found to be false."""
    return await _good_guys_page(visit)


async def _good_guys_page(visit: Visit, error: Refused | None = None) -> View:
    at = at_of(visit.query)
    found = await visit.serve.get("/v1/good-guys", GoodGuys, at=at)
    values = words() | {
        "tab": "good_guys",
        "good_guys": found.good_guys,
        "at": visit.query.get("at", ""),
        "may_operate": visit.may(Scope.OPERATE),
        "error": error,
    }
    return View("names/good_guys.html", values)


async def end_good_guy(visit: Visit) -> View | Go:
    """Let a cleared match count again; one person may."""
    try:
        await visit.serve.post("/v1/good-guys:end", _party(visit), GoodGuy)
    except Refused as error:
        return await _good_guys_page(visit, inline(error))
    return Go("name_good_guys", toast=_("该匹配恢复有效。"))


# ---- screenings ------------------------------------------------------------------------------------------------------


async def show_screenings(visit: Visit) -> View:
    """Screenings since the service started, and how customers stand."""
    return await _screenings_page(visit)


async def _screenings_page(visit: Visit, error: Refused | None = None) -> View:
    found = await visit.serve.get("/v1/name-screenings", Screenings)
    in_force = await visit.serve.get("/v1/name-lists", InForce)
    values = words() | {
        "tab": "screenings",
        "screenings": found.screenings,
        "running": any(each.state == "running" for each in found.screenings),
        "in_force": in_force,
        "may_operate": visit.may(Scope.OPERATE),
        "error": error,
    }
    return View("names/screenings.html", values, "names/_screenings.html")


async def start(visit: Visit) -> View | Go:
    """Screen all customers now."""
    try:
        await visit.serve.post("/v1/name-screenings", {"full": visit.form.get("full") == "yes"}, Screening)
    except Refused as error:
        return await _screenings_page(visit, inline(error))
    return Go("name_screenings", toast=_("筛查已开始。"))


async def cancel(visit: Visit) -> View | Go:
    """Break a screening off."""
    try:
        await visit.serve.delete(f"/v1/name-screenings/{segment(visit.path['id'])}", Screening)
    except Refused as error:
        return await _screenings_page(visit, inline(error))
    return Go("name_screenings", toast=_("筛查已中止。"))


async def show_screening(visit: Visit) -> View:
    """One screening, or a kept result by its digest."""
    found = await visit.serve.get(f"/v1/name-screenings/{segment(visit.path['id'])}", Screening)
    return View("names/screening.html", words() | {"tab": "screenings", "screening": found})


PAGES: Final = (
    Page("GET", "/names", "names", READERS, show_screen, nav="names"),
    Page("POST", "/names", "name_screen", READERS, screen, nav="names"),
    Page("GET", "/names/matches", "name_matches", READERS, show_matches, nav="names"),
    Page("POST", "/names/matches/confirm", "name_confirm", OPERATORS, confirm, nav="names"),
    Page("POST", "/names/matches/clear", "name_clear", AUTHORS, clear, nav="names"),
    Page("GET", "/names/good-guys", "name_good_guys", READERS, show_good_guys, nav="names"),
    Page("POST", "/names/good-guys/end", "name_good_guy_end", OPERATORS, end_good_guy, nav="names"),
    Page("GET", "/names/screenings", "name_screenings", READERS, show_screenings, nav="names"),
    Page("POST", "/names/screenings", "name_screening_start", OPERATORS, start, nav="names"),
    Page("GET", "/names/screenings/{id}", "name_screening", READERS, show_screening, nav="names"),
    Page("POST", "/names/screenings/{id}/cancel", "name_screening_cancel", OPERATORS, cancel, nav="names"),
)
