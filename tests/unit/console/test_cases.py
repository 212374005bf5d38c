"""Pages of cases against a desk that only remembers: what is asked, offered to whom, and said when it is refused."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tarim.cases import TRANSITIONS, CaseEvent, CaseState
from tarim.console.case_acts import ACTS, PAGES
from tarim.console.case_bulk import ask_assign, assign, written
from tarim.console.case_list import VIEWS, Asked, chips, clock_of
from tarim.console.case_page import case_values, offers, show_case
from tarim.console.case_shapes import Case, Exported, WholeCase
from tarim.console.case_troubles import trouble_of
from tarim.console.case_words import EVENTS, STATES
from tarim.console.cases import PAGES as ALL_PAGES
from tarim.console.cases import find_cases, show_cases
from tarim.console.pages import Account, Go, View, Visit
from tarim.console.services import Refused, Visitor
from tarim.console.words import speak
from tarim.identity import ROLES, Role, Scope
from tests.fakes.console_pages import MAP, FakeService, html_of, run

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
NASTY = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
EVENT_OF = {
    "take": ["assign"], "approve": ["approve_close", "approve_report"], "decide-reopen": ["approve_reopen"],
    "follow-up": ["diary"], "withdraw-release": ["drop_release"], "ask-lift": ["decide_restriction"],
    "decide-lift": ["decide_restriction"],
}  # fmt: skip
"""Events of the state table behind an act, where it is not simply the act's own word."""


def a_case(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {field.name: "" for field in msgspec.structs.fields(Case)}
    plain |= dict.fromkeys(("money_fen", "amount_fen", "alerts", "unreviewed", "escalations"), 0)
    plain |= {
        "id": "CASE-2026-000001", "state": "working", "priority": 1, "scenario": "mule", "customer": "0a1b2c3d",
        "branch": "head-office", "queue": "fraud", "overdue": False, "score": 0.5, "version": 7,
        "opened_at": AT.isoformat(), "changed_at": AT.isoformat(),
    }  # fmt: skip
    return plain | changes


def a_line(n: int, event: str, person: str = "", **changes: Any) -> dict[str, Any]:
    plain = {"n": n, "event": event, "before": "working", "after": "working", "person": person}
    return plain | {"at": AT.isoformat(), "about": "", "reason": ""} | changes


def a_whole(case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    can = [event.value for event in CaseEvent if (CaseState(case["state"]), event) in TRANSITIONS]
    lists = ("alerts", "notes", "evidence", "diary", "restrictions", "history", "tags", "related")
    plain: dict[str, Any] = {name: [] for name in lists}
    plain |= {"case": case, "possible": can, "more_alerts": False, "personal": {}, "watermark": ""}
    return plain | changes


def a_desk(**answers: Any) -> FakeService:
    plain = {
        "GET /v1/case-assignments": {"text": '[[queues]]\nname = "fraud"'},
        "GET /v1/saved-views": {"views": []},
    }
    return FakeService(plain | answers)


def a_visit(
    desk: FakeService, *scopes: Scope, login: str = "li.na", form: Mapping[str, str] | None = None, **more: Any
) -> Visit:
    fields = dict(form or {})
    lists = more.pop("lists", {name: [value] for name, value in fields.items()})
    account = Account(
        login=login, display_name=login, scopes=[scope.value for scope in scopes], branches=["*"], queues=["*"]
    )
    nobody: Any = None
    plain: dict[str, Any] = {"path": {"id": "CASE-2026-000001"}, "query": {}, "language": "zh", "fragment": True}
    plain |= more
    return Visit(
        account=account, serve=nobody, desk=desk, views=nobody, form=fields, lists=lists, uploads={}, csrf="token",  # type: ignore[arg-type]
        visitor=Visitor(), url=MAP.url, **plain,
    )  # fmt: skip


def rendered(view: View, visit: Visit) -> str:
    return html_of(view.fragment, view.values, visit, nav="cases", page_name="case")


def test_every_state_and_event_of_a_case_has_a_word() -> None:
    assert set(STATES) == {state.value for state in CaseState}
    assert set(EVENTS) >= {event.value for event in CaseEvent}


@pytest.mark.parametrize("state", CaseState)
def test_only_what_the_state_table_allows_is_offered_and_to_each_role_only_what_it_may(state: CaseState) -> None:
    """A button leads to an event of the table; and no role is offered an act whose scope it lacks."""
    scope_of = {act.word: act.scope for act in ACTS}
    for role in Role:
        for who in ("li.na", "wang.wei"):
            case = a_case(state=state.value, assignee="li.na", submitted_by="li.na")
            whole = msgspec.convert(a_whole(case), WholeCase)
            offered = offers(whole, a_visit(a_desk(), *ROLES[role].scopes, login=who))
            for word in offered & scope_of.keys():
                events = EVENT_OF.get(word, [word.replace("-", "_")])
                assert any((state, CaseEvent(event)) in TRANSITIONS for event in events), (state, word)
                assert scope_of[word] in ROLES[role].scopes, (role, word)


def test_who_had_a_hand_in_a_case_is_not_offered_to_decide_on_it() -> None:
    case = a_case(state="submitted", assignee="li.na", submitted_by="li.na")
    both = (Scope.CASES_WORK, Scope.CASES_REVIEW)
    whole = msgspec.convert(a_whole(case, history=[a_line(3, "review", "zhao.min")]), WholeCase)
    for person, may in (("li.na", False), ("zhao.min", False), ("wang.wei", True)):
        assert ("approve" in offers(whole, a_visit(a_desk(), *both, login=person))) is may, person
    assert "withdraw" in offers(whole, a_visit(a_desk(), *both, login="li.na"))


def test_a_case_that_is_locked_or_somebody_elses_offers_nothing_that_would_be_refused() -> None:
    worker = (Scope.CASES_READ, Scope.CASES_WORK)
    for changes in ({"assignee": "zhao.min"}, {"assignee": "li.na", "locked_by": "zhao.min"}):
        whole = msgspec.convert(a_whole(a_case(**changes)), WholeCase)
        assert not offers(whole, a_visit(a_desk(), *worker)) & {"submit", "review", "evidence", "start", "restrict"}


def test_an_act_sends_the_version_that_was_looked_at_and_shows_the_case_as_it_then_is() -> None:
    whole = a_whole(a_case(assignee="li.na"))
    desk = a_desk(**{
        "POST /v1/cases/CASE-2026-000001/submit": a_case(state="submitted"), "GET /v1/cases/CASE-2026-000001": whole,
    })  # fmt: skip
    form = {"version": "7", "wish": "close", "reason": "all looked at", "csrf": "token"}
    visit = a_visit(desk, Scope.CASES_READ, Scope.CASES_WORK, form=form)
    view = run(handler("submit"), visit)
    assert desk.asked[0] == (
        "POST /v1/cases/CASE-2026-000001/submit",
        {"wish": "close", "reason": "all looked at", "version": 7},
    )
    assert view.fragment == "cases/_case.html" and view.events == {"toast": "已提交复核"}
    assert isinstance(run(handler("submit"), a_visit(desk, Scope.CASES_WORK, form=form, fragment=False)), Go)


def handler(word: str) -> Any:
    return next(page.handler for page in PAGES if page.method == "POST" and page.path == f"/cases/{{id}}/{word}")


def test_what_somebody_else_changed_meanwhile_is_shown_and_nothing_typed_is_lost() -> None:
    history = [
        a_line(7, "start", "li.na"),
        a_line(8, "assign", "chief", about="zhao.min"),
        a_line(9, "note", "zhao.min"),
    ]
    desk = a_desk(**{
        "POST /v1/cases/CASE-2026-000001/submit": Refused(409, "case-changed", "Conflict", "case has changed"),
        "GET /v1/cases/CASE-2026-000001": a_whole(a_case(assignee="li.na", version=9), history=history),
    })  # fmt: skip
    form = {"version": "7", "wish": "close", "reason": f"typed {NASTY}"}
    visit = a_visit(desk, Scope.CASES_READ, Scope.CASES_WORK, form=form)
    view = run(handler("submit"), visit)
    html = rendered(view, visit)
    changes = html[html.index("rc-changes") :]
    changes = changes[: changes.index("</ol>")]
    assert "chief" in changes and "zhao.min" in changes and "li.na" not in changes
    assert "案件已被他人更改" in html and 'name="version" value="9"' in html
    assert (
        "typed &#34;&gt;&lt;img" in html and "<img src=x" not in html and "49" not in re.findall(r"typed[^<]*", html)[0]
    )


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [
        ("four-eyes", 403, "须由另一人复核"),
        ("case-locked", 409, "案件已锁定"),
        ("case-state", 409, "当前状态不能这样做"),
    ],
)
def test_a_refusal_is_said_in_words_without_scripts_too(code: str, status: int, word: str) -> None:
    case = a_case(state="submitted", assignee="li.na", submitted_by="li.na", wish="close")
    desk = a_desk(**{
        "POST /v1/cases/CASE-2026-000001/approve": Refused(status, code, "Not allowed", "in English"),
        "GET /v1/cases/CASE-2026-000001": a_whole(case),
    })  # fmt: skip
    for fragment in (True, False):
        visit = a_visit(
            desk, Scope.CASES_READ, Scope.CASES_REVIEW, login="wang.wei", form={"version": "7", "reason": "ok"}
        )
        visit.fragment = fragment
        view = run(handler("approve"), visit)
        assert word in rendered(view, visit) and view.status == (200 if fragment else status)
    english = a_visit(desk, Scope.CASES_READ, login="wang.wei", form={"version": "7", "reason": "ok"}, language="en")
    html = rendered(run(handler("approve"), english), english)
    assert not re.search(r"[\u3400-\u9fff]", re.sub(r"<[^>]*>", "", html))


def test_a_form_without_a_reason_asks_the_desk_nothing() -> None:
    desk = a_desk(**{"GET /v1/cases/CASE-2026-000001": a_whole(a_case(assignee="li.na"))})
    visit = a_visit(desk, Scope.CASES_READ, Scope.CASES_WORK, form={"version": "7", "wish": "close", "reason": "  "})
    view = run(handler("submit"), visit)
    assert [path for path, _ in desk.asked] == ["GET /v1/cases/CASE-2026-000001"]
    assert "请填写理由。" in rendered(view, visit)


def test_nothing_that_somebody_wrote_becomes_markup() -> None:
    note = {"id": 1, "person": "li.na", "at": AT.isoformat(), "text": NASTY}
    file = {
        "digest": "ab" * 32,
        "media_type": "text/plain",
        "size_bytes": 1,
        "name": NASTY,
        "person": "x",
        "at": AT.isoformat(),
    }
    whole = a_whole(
        a_case(assignee="li.na", ring=NASTY, scenario=NASTY, queue=NASTY),
        notes=[note], evidence=[file], tags=[NASTY], personal={"payee_name": [NASTY]},
        history=[a_line(2, "note", NASTY, reason=NASTY)],
    )  # fmt: skip
    desk = a_desk(**{"GET /v1/cases/CASE-2026-000001": whole})
    visit = a_visit(desk, *ROLES[Role.INVESTIGATOR].scopes)
    html = rendered(run(show_case, visit), visit)
    assert "<img" not in html and "onerror=alert(1)>" not in html and html.count("&lt;img") > 6


def test_a_list_is_what_its_address_says_and_its_chips_take_one_filter_off_each() -> None:
    asked = Asked.of({"state": "submitted", "priority": "1", "sort": "money", "overdue": "on", "scenario": "mule"})
    assert asked.query() == {"state": "submitted", "priority": "1", "scenario": "mule", "overdue": "1", "sort": "money"}
    off = [chip.without for chip in chips(asked)]
    assert len(off) == 4 and all(len(each) == 4 for each in off) and {"sort": "money"}.items() <= off[0].items()
    odd = Asked.of({"state": "none", "priority": "9", "sort": "drop table", "overdue": "maybe"})
    assert odd == Asked()
    assert all(Asked.of(view.query).query() == view.query for view in VIEWS), "a tab is lit by its address"
    (only,) = chips(Asked(state="new"))
    assert only.without == {"all": "1"}, "all is said, or the person's default view would come"


def test_the_queue_is_asked_for_once_and_says_how_many_there_are() -> None:
    page = {"cases": [a_case(due=(AT - timedelta(days=3)).isoformat())], "next": "cursor-2", "count": 1000}
    desk = a_desk(**{"GET /v1/cases": page})
    visit = a_visit(desk, Scope.CASES_READ, query={"state": "working", "priority": "1"})
    html = rendered(run(show_cases, visit), visit)
    assert desk.asked == [("GET /v1/cases", {"limit": 50, "state": "working", "priority": 1, "sort": "work"})]
    assert "1,000+" in html and "cursor=cursor-2" in html and "逾期" in html and 'aria-sort="ascending"' in html
    assert "data-pick" not in html, "who may not assign has nothing to tick"


@pytest.mark.parametrize(
    ("left", "level", "text"),
    [(-timedelta(days=3, hours=2), "late", "逾期 3 天"), (timedelta(hours=2), "soon", "剩 2 小时"),
     (timedelta(days=4), "fine", "剩 4 天"), (-timedelta(seconds=5), "late", "逾期 不足 1 分钟")],
)  # fmt: skip
def test_a_limit_is_said_in_its_largest_unit(left: timedelta, level: str, text: str) -> None:
    clock = clock_of((AT + left).isoformat(), AT)
    assert (clock.level, clock.text) == (level, text)
    speak("en")
    assert not re.search(r"[\u3400-\u9fff]", clock_of((AT + left).isoformat(), AT).text)
    speak("zh")


def test_a_customers_number_goes_by_post_and_a_cases_number_leads_to_it() -> None:
    desk = a_desk(**{"POST /v1/cases:find": {"cases": [a_case()], "next": "", "count": 1}})
    visit = a_visit(desk, Scope.CASES_READ, form={"wanted": " C0000001 "})
    view = run(find_cases, visit)
    assert desk.asked == [("POST /v1/cases:find", {"customer": "C0000001"})] and len(view.values["rows"]) == 1
    went = run(find_cases, a_visit(desk, Scope.CASES_READ, form={"wanted": "case-2026-000001"}))
    assert isinstance(went, Go) and went.names == {"id": "CASE-2026-000001"}
    assert {page.method for page in ALL_PAGES if page.handler is find_cases} == {"POST"}


def test_many_cases_are_given_away_after_the_numbers_were_shown_and_each_refusal_is_told() -> None:
    ticked = {"case": ["CASE-2026-000001:7:100000", "CASE-2026-000002:3:50", "junk"]}
    desk = a_desk(**{
        "GET /v1/cases:workers": {"people": [{"login": "li.na", "open": 4}]},
        "POST /v1/cases/CASE-2026-000001/assign": a_case(state="assigned"),
        "POST /v1/cases/CASE-2026-000002/assign": Refused(409, "case-changed", "Conflict", ""),
    })  # fmt: skip
    visit = a_visit(desk, Scope.CASES_ASSIGN, form={"to": "li.na"}, lists=ticked)
    asked = rendered(run(ask_assign, visit), visit)
    assert "1,000.50" in asked and "在办 4 件，分派后 6 件" in asked
    done = run(assign, visit)
    assert done.values["given"] == ["CASE-2026-000001"] and done.values["refused"][0][0] == "CASE-2026-000002"
    assert ("POST /v1/cases/CASE-2026-000001/assign", {"to": "li.na", "version": 7}) in desk.asked


def test_an_exported_list_begins_no_formula_and_says_who_took_it() -> None:
    cases = [a_case(assignee="=HYPERLINK(1)", queue="+1", money_fen=123456)]
    found = msgspec.convert({"cases": cases, "more": True, "watermark": "chief 2026"}, Exported)
    content = written(found)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert content.startswith(b"\xef\xbb\xbf") and rows[1][5] == "1234.56"
    assert "'=HYPERLINK(1)" in rows[1] and "'+1" in rows[1] and "chief 2026" in rows[3][0] and len(rows) == 6


def test_an_unknown_refusal_still_says_something() -> None:
    trouble = trouble_of(Refused(409, "conflict", "与已有内容或状态冲突", "alert 4 has this verdict already"))
    assert trouble.title and trouble.text and trouble.said == "alert 4 has this verdict already"


def test_values_of_a_case_say_who_waits_for_whom() -> None:
    lines = [a_line(2, "start", "li.na"), a_line(3, "submit", "li.na", about="close"), a_line(4, "return", "wang.wei")]
    whole = msgspec.convert(a_whole(a_case(state="returned", assignee="li.na"), history=lines), WholeCase)
    values = case_values(a_visit(a_desk(), Scope.CASES_READ), whole)
    assert [(state, line.event) for state, line in values["steps"]] == [
        ("done", "start"), ("done", "submit"), ("refused", "return"),
    ]  # fmt: skip
