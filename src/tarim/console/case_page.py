"""One case as it is shown: facts, alerts, people and time limits, and which acts are offered to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tarim.cases import CAUSES, MEASURES_OF
from tarim.console.case_list import clock_of, now
from tarim.console.case_shapes import Alert, Happened, WholeCase, Workers
from tarim.console.case_troubles import Trouble
from tarim.console.case_words import BASES, level, priority_word, tone, words_of_cases
from tarim.console.pages import Page, View, Visit
from tarim.console.services import segment
from tarim.identity import Scope

READ: Final = frozenset({Scope.CASES_READ})
ALERTS_SHOWN: Final = 20
HISTORY_SHOWN: Final = 12
GRAPH_ALERTS: Final = 5
"""Newest alerts whose parties the link graph begins with."""
_HANDS: Final = frozenset(
    {"start", "submit", "ask_reopen", "escalate", "evidence", "review", "ask_release", "refuse_payment", "restrict"}
)
"""What makes somebody a hand in a case, as its history tells it; the desk decides, this only hides what it would refuse."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A form that was not taken: which, and what stood in it, so that nothing has to be typed again."""

    word: str = ""
    about: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def of(self, word: str, name: str, about: str = "") -> str:
        """What stood in a field of this form."""
        return self.values.get(name, "") if (word, about) == (self.word, self.about) else ""

    def is_open(self, word: str, about: str = "") -> bool:
        """Whether this is the form."""
        return (word, about) == (self.word, self.about)


def offers(whole: WholeCase, visit: Visit) -> frozenset[str]:
    """Acts that this person may do to the case as it stands, by their words in the address.

    Possible is what the state table says; of that, what the person's scopes, being in charge, locks and four eyes leave.
    """
    case, me = whole.case, visit.account.login
    can = set(whole.possible)
    works, reviews, assigns = (visit.may(scope) for scope in (Scope.CASES_WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN))
    free = case.locked_by in ("", me)
    mine = case.assignee == me and free
    second = reviews and not had_a_hand(whole, me)
    offered: dict[str, bool] = {
        "take": works and free and "assign" in can and case.state in ("new", "reopened"),
        "assign": assigns and free and "assign" in can,
        "unassign": works and free and "unassign" in can and (case.assignee == me or assigns),
        "start": works and mine and "start" in can,
        "lock": works and mine and "lock" in can,
        "unlock": works and "unlock" in can and case.locked_by == me,
        "submit": works and mine and "submit" in can,
        "withdraw": works and "withdraw" in can and case.submitted_by == me,
        "approve": second and bool(can & {"approve_close", "approve_report"}),
        "return": second and "return" in can,
        "ask-reopen": works and "ask_reopen" in can,
        "decide-reopen": second and "approve_reopen" in can,
        "escalate": works and free and "escalate" in can and (case.assignee == me or assigns),
        "note": works and "note" in can,
        "tag": works and "tag" in can,
        "link": works and "link" in can,
        "follow-up": works and "diary" in can,
        "evidence": works and mine and "evidence" in can,
        "review": works and mine and "review" in can,
        "ask-release": works and mine and "ask_release" in can,
        "refuse-payment": works and mine and "refuse_payment" in can,
        "approve-release": second and "approve_release" in can,
        "drop-release": second and "drop_release" in can,
        "withdraw-release": works and "drop_release" in can,
        "restrict": works and mine and "restrict" in can,
        "decide-restriction": second and "decide_restriction" in can,
        "ask-lift": works and "decide_restriction" in can,
        "decide-lift": reviews and "decide_restriction" in can,
        "reveal": visit.may(Scope.REVEAL) and "reveal" in can,
        "report": visit.may(Scope.REPORTS_WRITE) and case.state not in ("new", "assigned", "closed"),
        "loss": visit.may(Scope.REDRESS_WORK),
    }
    return frozenset(word for word, is_offered in offered.items() if is_offered)


def had_a_hand(whole: WholeCase, person: str) -> bool:
    """Whether the person worked on it, as far as the history that is shown tells."""
    case = whole.case
    return person in (case.submitted_by, case.assignee) or any(
        line.person == person and line.event in _HANDS for line in whole.history
    )


def steps_of(whole: WholeCase) -> list[tuple[str, Happened]]:
    """The two persons' steps since work last began: (`done`, `waiting` or `refused`, line of history)."""
    telling = {
        "start": "done", "submit": "done", "return": "refused", "withdraw": "refused", "approve_close": "done",
        "approve_report": "done", "ask_reopen": "done", "approve_reopen": "done", "refuse_reopen": "refused",
        "escalate": "done",
    }  # fmt: skip
    return [(telling[line.event], line) for line in whole.history if line.event in telling][-4:]


def changed_since(whole: WholeCase, version: int) -> list[Happened]:
    """What happened to the case after the version somebody saw."""
    return [line for line in whole.history if line.n > version]


def case_values(
    visit: Visit,
    whole: WholeCase,
    *,
    trouble: Trouble | None = None,
    typed: Typed | None = None,
    since: int = 0,
    said: str = "",
) -> dict[str, Any]:
    """What the templates of a case take.  since: the version an act was meant for, where it was not taken."""
    case, at = whole.case, now()
    all_alerts = bool(visit.query.get("all"))
    alerts: list[Alert] = list(reversed(whole.alerts))
    history = list(reversed(whole.history))
    return {
        "whole": whole,
        "case": case,
        "w": words_of_cases(),
        "may": offers(whole, visit),
        "me": visit.account.login,
        "level": level(case.priority),
        "level_word": priority_word(case.priority),
        "tone": tone(case.state),
        "due": clock_of(case.due, at),
        "act_by": clock_of(case.act_by, at),
        "alerts": alerts if all_alerts else alerts[:ALERTS_SHOWN],
        "alerts_hidden": 0 if all_alerts else max(0, len(alerts) - ALERTS_SHOWN),
        "graph_also": [f"event:{alert.id}" for alert in alerts[1:GRAPH_ALERTS]],
        "alert_clocks": {alert.id: clock_of(alert.due, at) for alert in alerts},
        "held_clocks": {alert.id: clock_of(alert.held_until, at) for alert in alerts},
        "history": history,
        "history_shown": HISTORY_SHOWN,
        "steps": steps_of(whole),
        "releases_open": sum(1 for alert in alerts if alert.waits and alert.release_asked_by),
        "hand": had_a_hand(whole, visit.account.login),
        "reviews": visit.may(Scope.CASES_REVIEW),
        "causes_of": {verdict.value: [cause.value for cause in causes] for verdict, causes in CAUSES.items()},
        "measures_of": {basis.value: [each.value for each in measures] for basis, measures in MEASURES_OF.items()},
        "bases": list(BASES),
        "trouble": trouble,
        "typed": typed or Typed(),
        "changes": changed_since(whole, since) if since else [],
        "said": said,
        "dates": [(each, clock_of(each.due, at)) for each in whole.diary],
    }


async def read_case(visit: Visit, ref: str) -> WholeCase:
    """The case, masked.  Raises Refused."""
    return await visit.desk.get(f"/v1/cases/{segment(ref)}", WholeCase)


async def show_case(visit: Visit) -> View:
    """One case with everything, masked."""
    whole = await read_case(visit, visit.path["id"])
    return View("cases/case.html", case_values(visit, whole), "cases/_case.html")


async def show_people(visit: Visit) -> View:
    """Who may be given a case of this branch and queue, for the form that gives it."""
    query = {name: visit.query.get(name, "")[:32] for name in ("branch", "queue")}
    found = await visit.desk.get("/v1/cases:workers", Workers, **query)
    people = [person for person in found.people if person.login != visit.query.get("but", "")]
    return View("cases/people.html", {"people": people}, "cases/_people.html")


async def print_case(visit: Visit) -> View:
    """The case as a file to be printed: everything, masked, without controls."""
    whole = await read_case(visit, visit.path["id"])
    values = case_values(visit, whole) | {"alerts": list(reversed(whole.alerts)), "alerts_hidden": 0, "printed": now()}
    return View("cases/print.html", values)


PAGES: Final = (
    Page("GET", "/cases/people", "case_people", frozenset({Scope.CASES_ASSIGN}), show_people, nav="cases"),
    Page("GET", "/cases/{id}", "case", READ, show_case, nav="cases"),
    Page("GET", "/cases/{id}/print", "case_print", READ, print_case, nav="cases"),
)
