"""Pages of rules over the real check and edit of texts, and services that only remember: acts, and what is said of refusals."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tarim.api.routes import Call
from tarim.api.rule_drafts import rule_draft_routes
from tarim.base.errors import TarimError
from tarim.console import rules_editor, rules_proposals, rules_reviews, rules_switches
from tarim.console.pages import Account, Go, View, Visit
from tarim.console.rules import PAGES, show_packs, show_rule, show_rules, standing
from tarim.console.rules_shapes import Switch, Switches
from tarim.console.services import Refused, Visitor
from tarim.console.words import speak
from tarim.identity import ROLES, Caller, CallerKind, Role, Scope
from tarim.rules import starter_pack
from tarim.stream import reference_features
from tests.fakes.console_pages import MAP, html_of

LIVE = starter_pack()
VERSION = hashlib.sha256(LIVE.encode()).hexdigest()
NASTY = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
IN_FORCE = {
    "version": VERSION, "name": "starter", "seq": 1, "at": "2026-11-01T00:00:00Z", "author": "li.na",
    "approver": "wang.wei", "reason": NASTY,
}  # fmt: skip
KEPT = {
    "id": "00000000000000ad", "title": NASTY, "base": VERSION, "revision": 1, "begun_at": "2026-11-22T00:00:00Z",
    "saved_at": "2026-11-22T01:02:03Z",
}  # fmt: skip
NO_SPAN = {"hits": 0, "effective": 0, "fraud": 0, "genuine": 0}
HITS = {
    "at": "2026-11-22T00:00:00Z", "first_day": "2026-10-24", "decided_day": 100, "decided_week": 700, "decided_month": 3000,
    "rules": [
        {"id": "drained_in_a_day", "day": NO_SPAN | {"hits": 4}, "week": NO_SPAN | {"hits": 17, "effective": 16},
         "month": {"hits": 40, "effective": 38, "fraud": 3, "genuine": 1}, "days": [1] * 30},
    ],
}  # fmt: skip


class Service:
    """Answers by path; the draft routes are the product's own.  posted: what was sent elsewhere."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        texts: Any = SimpleNamespace(text_of=lambda digest: LIVE)
        governor: Any = SimpleNamespace(state=SimpleNamespace(ruleset=SimpleNamespace(digest="d")))
        routes = rule_draft_routes(governor, texts, reference_features(), lambda: ["suspects"])
        self._routes = {(route.method, route.path): route for route in routes}
        self._answers = {
            "/v1/rulesets": {"rulesets": [IN_FORCE]},
            f"/v1/rulesets/{VERSION}": {"version": VERSION, "text": LIVE},
            "/v1/switches": {"switches": []},
            "/v1/proposals": {"proposals": []},
            "/v1/lists": {"lists": [{"name": "suspects"}]},
            "/v1/rule-hits": HITS,
            "/v1/rule-drafts": {"drafts": []},
            "POST /v1/rule-drafts": KEPT,
            "PUT /v1/rule-drafts/00000000000000ad": KEPT | {"revision": 2},
            "DELETE /v1/rule-drafts/00000000000000ad": {"done": True},
            **answers,
        }
        self.posted: list[tuple[str, Any]] = []

    async def get(self, path: str, shape: Any = None, /, **query: Any) -> Any:
        found = await self._asked("GET", path, None)
        return msgspec.convert(found, shape, strict=False) if shape else found

    async def post(self, path: str, body: object = None, shape: Any = None, /) -> Any:
        found = await self._asked("POST", path, body)
        return msgspec.convert(found, shape, strict=False) if shape else found

    async def put(self, path: str, body: object, shape: Any = None) -> Any:
        found = await self._asked("PUT", path, body)
        return msgspec.convert(found, shape, strict=False) if shape else found

    async def delete(self, path: str, shape: Any = None) -> Any:
        return await self._asked("DELETE", path, None)

    async def _asked(self, method: str, path: str, body: object) -> Any:
        route = self._routes.get((method, path))
        if route is None:
            if method != "GET":
                self.posted.append((path, body))
                path = f"{method} {path}"
            answer = self._answers[path]
            if isinstance(answer, Exception):
                raise answer
            return answer
        taken = msgspec.json.decode(msgspec.json.encode(body), type=route.takes) if route.takes else None
        caller = Caller("li.na", CallerKind.PERSON, frozenset({Scope.READ}))
        try:
            answer = await route.handler(Call(caller, {}, None, taken))
        except TarimError as error:
            raise Refused(error.http_status, error.code, "refused", error.detail) from None
        return msgspec.to_builtins(answer)


def visit_of(
    role: Role = Role.ANALYST,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, Any] | None = None,
    fragment: bool = False,
    **answers: Any,
) -> Visit:
    service: Any = Service({name.replace("__", "/"): value for name, value in answers.items()})
    texts = {name: value[-1] if isinstance(value, list) else value for name, value in (form or {}).items()}
    lists = {name: value if isinstance(value, list) else [value] for name, value in (form or {}).items()}
    account = Account("li.na", "李娜", scopes=[scope.value for scope in ROLES[role].scopes | {Scope.SELF}])
    speak("zh")
    return Visit(
        account, service, service, service, path or {}, query or {}, texts, lists, {}, "zh", fragment, "token", Visitor(),
        MAP.url, "/rules",
    )  # fmt: skip


def shown(view: View | Go, visit: Visit) -> str:
    assert isinstance(view, View)
    template = view.fragment if visit.fragment and view.fragment else view.template
    menu = MAP.menu(visit.account.scopes)
    return html_of(template, view.values, visit, nav="rules", page_name="rules", menu=menu, environment="demo")


def editing(**form: Any) -> str:
    visit = visit_of(form={"text": LIVE, "at": "0", "when": "late", **form}, fragment=True)
    return shown(asyncio.run(rules_editor.edit(visit)), visit)


def test_the_list_shows_hits_precision_and_how_far_a_rule_counts() -> None:
    switch = {
        "what": "rollout", "target": "drained_in_a_day", "value": 1250, "reason": NASTY, "author": "a", "approver": "b",
        "at": "2026-11-02T00:00:00Z", "customer": "", "until": "",
    }  # fmt: skip
    visit = visit_of(__v1__switches={"switches": [switch]}, query={"state": "partial"})
    html = shown(asyncio.run(show_rules(visit)), visit)
    assert "drained_in_a_day" in html and "large_to_new_payee" not in html.split("<tbody>")[1]
    assert "75.0%" in html and "灰度 12.5%" in html and '<td class="n">17</td>' in html


def test_pages_stand_without_hits_and_write_nothing_of_a_person_as_markup() -> None:
    down = Refused(503, "no_answer", "no answer", "views")
    visit = visit_of(**{"__v1__rule-hits": down})
    assert "视图服务没有应答" in shown(asyncio.run(show_rules(visit)), visit)
    visit = visit_of(path={"rule": "drained_in_a_day"}, **{"__v1__rule-hits": down})
    html = shown(asyncio.run(show_rule(visit)), visit)
    assert "<img" not in html and "暂时没有命中数据" in html
    visit = visit_of()
    assert "当前特征集缺少" in shown(asyncio.run(show_packs(visit)), visit)


def test_an_unknown_rule_is_not_found() -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(show_rule(visit_of(path={"rule": "nothing"})))
    assert refused.value.status == 404


def test_a_change_of_the_text_brings_the_rows_and_leaves_the_text_alone() -> None:
    html = editing(act="when", when="amount_fen >= 7 yuan and late")
    assert 'id="rc-visual"' in html and 'value="7"' in html and 'id="rc-text-box"' in html
    assert 'id="rc-when-box"' not in html, "one is typing there"
    stale = editing(act="when", when="amount_fen >=")
    assert 'id="rc-visual"' not in stale, "the rows stay until the text can be read again"


def test_rows_change_the_text_once_they_are_filled_in() -> None:
    rows = {"node": ["r", "r.0"], "r.form": "any", "r.0.form": "row", "r.0.field": "amount_fen", "r.0.op": ">="}
    html = editing(act="visual", **rows, **{"r.0.value": "12.5", "r.0.unit": "yuan"})
    assert "amount_fen &gt;= 12.5 yuan" in html
    wrong = editing(act="visual", **rows)
    assert "此处应为数值或文本" in wrong and "&#34;r.0&#34;" in wrong, "said at the row"
    assert "disabled" in wrong.split("rc-propose-box")[1]
    grown = editing(act="row:r", **rows, **{"r.0.value": "1", "r.0.unit": "yuan"})
    assert 'name="r.1.field"' in grown


def test_rules_are_added_copied_and_removed() -> None:
    added = editing(act="new")
    assert "new_rule" in added and "新规则" in added
    copied = editing(act="copy", rule_id="large_to_new_payee", outcome="block", weight="5", scenario="s", reason="甲",
                     reason_en="a")  # fmt: skip
    assert "large_to_new_payee_2" in copied
    assert "相对在用版本删除：" in editing(act="delete")


def test_what_a_person_typed_never_becomes_markup() -> None:
    html = editing(
        act="fields", rule_id=NASTY, outcome=NASTY, weight=NASTY, scenario=NASTY, reason=NASTY, reason_en=NASTY
    )
    assert "<img" not in html and "有 " in html


def test_a_refused_proposal_keeps_the_draft_and_says_why() -> None:
    refused = Refused(409, "conflict", "与已有内容或状态冲突", "this ruleset is in force already")
    visit = visit_of(form={"text": LIVE, "at": "3", "why": "x"}, **{"POST __v1__rulesets": refused})
    html = shown(asyncio.run(rules_editor.propose(visit)), visit)
    assert "in force already" in html and "drained_in_a_day" in html


def test_the_author_is_told_that_another_person_decides() -> None:
    proposal = {
        "id": "ab", "what": "switch", "digest": "d" * 64, "author": "li.na", "proposed_at": "2026-11-02T00:00:00Z",
        "reason": NASTY, "state": "proposed", "decider": "", "note": "",
    }  # fmt: skip
    switch = {
        "what": "suppress", "target": "drained_in_a_day", "value": 1, "reason": NASTY, "author": "li.na", "approver": "",
        "at": "2026-11-02T00:00:00Z", "customer": "00ff00ff00ff1234", "until": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    answers = {"__v1__proposals__ab": {"proposal": proposal, "switch": switch}}
    visit = visit_of(path={"id": "ab"}, **answers)
    html = shown(asyncio.run(rules_proposals.show_proposal(visit)), visit)
    assert "这是您自己提交的" in html and "撤回提交" in html and 'value="approve"' not in html
    assert "1234" in html and "00ff00ff" not in html and "<img" not in html and "17 笔" in html
    refused = Refused(403, "not_allowed", "权限不足", "the author cannot decide on it")
    visit = visit_of(
        Role.REVIEWER, {"id": "ab"}, form={"verdict": "approve", "digest": "d" * 64},
        **answers, **{"POST __v1__proposals__ab": refused},
    )  # fmt: skip
    assert "the author cannot decide on it" in shown(asyncio.run(rules_proposals.decide(visit)), visit)


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ({"what": "pause", "target": "a", "value": "1", "why": "x"}, "/v1/switches:throw"),
        ({"what": "stop", "target": "payment", "value": "1", "why": "x"}, "/v1/switches:throw"),
    ],
)
def test_what_one_person_may_do_is_done_at_once(form: dict[str, str], path: str) -> None:
    done = {
        "what": form["what"], "target": form["target"], "value": 1, "reason": "x", "author": "o", "approver": "",
        "at": "2026-11-02T00:00:00Z", "customer": "", "until": "",
    }  # fmt: skip
    visit = visit_of(Role.OPERATOR, form=form, **{"POST __v1__switches:throw": done})
    assert isinstance(asyncio.run(rules_switches.ask(visit)), Go)
    service: Any = visit.serve
    assert [each[0] for each in service.posted] == [path]


def test_switches_that_make_no_sense_are_not_even_asked_for() -> None:
    assert rules_switches.asked_in({"what": "rollout", "target": "a", "percent": "12.5", "why": "x"})["value"] == 1_250
    until = rules_switches.asked_in({"what": "suppress", "target": "*", "customer": "C1", "until": "2026-12-01"})[
        "until_ms"
    ]
    assert until == 1_796_140_800_000, "the day itself is included, in China"
    for wrong in ({"what": "rollout", "percent": "101"}, {"what": "rollout", "percent": "nan"}, {"what": "suppress"}):
        with pytest.raises(Refused):
            rules_switches.asked_in(wrong)


def test_how_far_a_rule_counts_is_read_off_the_switches() -> None:
    def switch(what: str, target: str, value: int = 1) -> Switch:
        return Switch(what, target, value, "", "", "", "", "", "")

    found = Switches([switch("suppress", "*"), switch("suppress", "b"), switch("shadow", "c"), switch("pause", "d")])
    assert [standing(rule, found).word for rule in "abcd"] == ["spared", "spared", "shadow", "paused"]
    assert standing("b", found).spared == 2 and standing("a", Switches([])).word == "live"


def test_acts_are_open_to_those_who_may_do_them() -> None:
    scopes = {page.name: page.scopes for page in PAGES if page.method == "POST"}
    assert scopes["rules_propose"] == {Scope.AUTHOR} and scopes["rules_decide"] == {Scope.APPROVE}
    assert scopes["rules_roll_back"] == {Scope.OPERATE} and all(page.scopes for page in PAGES)


@pytest.mark.parametrize(
    ("proposed_at", "overtaken"), [("2026-10-30T00:00:00Z", True), ("2026-11-02T00:00:00Z", False)]
)
def test_who_decides_is_warned_when_another_ruleset_came_meanwhile(proposed_at: str, overtaken: bool) -> None:
    proposal = {
        "id": "ab", "what": "ruleset", "digest": "d" * 64, "author": "li.na", "proposed_at": proposed_at, "reason": "x",
        "state": "proposed", "decider": "", "note": "",
    }  # fmt: skip
    changed = LIVE.replace("50_000 yuan", "20_000 yuan", 1)
    visit = visit_of(
        Role.REVIEWER, {"id": "ab"},
        __v1__proposals__ab={"proposal": proposal, "ruleset": {"version": "e" * 64, "name": "starter"}},
        **{
            f"__v1__rulesets__{'e' * 64}": {"version": "e" * 64, "text": changed},
            f"__v1__rulesets__{'e' * 64}__diff": {"added": [], "removed": [], "changed": ["large_to_new_payee"]},
            "__v1__backtests": {"backtests": []},
        },
    )  # fmt: skip
    html = shown(asyncio.run(rules_proposals.show_proposal(visit)), visit)
    assert ("提交之后，在用规则集已于" in html) is overtaken
    assert "<del>5</del>" in html and "<ins>2</ins>" in html and "提交人没有对这一版本做回测" in html


REVIEW = {
    "id": "ab12", "what": "stop", "target": "transfer", "author": "zhao.min", "reason": NASTY, "at": "2026-11-02T00:00:00Z",
    "due_at": "2026-11-03T00:00:00Z", "standing": "overdue", "in_force": True, "proposal": "", "state": "open",
    "reviewer": "", "note": "", "reviewed_at": "",
}  # fmt: skip


def test_a_review_is_offered_to_another_person_who_may_and_to_nobody_else() -> None:
    def page(role: Role, **change: Any) -> str:
        answers = {"__v1__switch-reviews": {"reviews": [REVIEW | change]}}
        visit = visit_of(role, **answers)
        return shown(asyncio.run(rules_reviews.show_reviews(visit)), visit)

    html = page(Role.REVIEWER)
    assert 'value="confirm"' in html and 'value="revert"' in html and "已逾期" in html and "<img" not in html
    assert 'value="confirm"' not in page(Role.OPERATOR), "who may not approve sees that it waits"
    own = page(Role.REVIEWER, author="li.na")
    assert 'value="confirm"' not in own and "须由他人复核" in own
    over = page(Role.REVIEWER, in_force=False)
    assert 'value="confirm"' in over and 'value="revert"' not in over, "what is over cannot be undone"
    waiting = page(Role.REVIEWER, proposal="cd34")
    assert 'value="revert"' not in waiting and "恢复申请待批" in waiting


def test_undoing_a_stop_leads_to_the_proposal_that_another_has_to_approve() -> None:
    for state, proposal, address in (("open", "cd34", "rules_proposal"), ("reverted", "", "rules_reviews")):
        done = {"POST __v1__switch-reviews__ab12": REVIEW | {"state": state, "proposal": proposal}}
        visit = visit_of(Role.REVIEWER, {"id": "ab12"}, form={"verdict": "revert", "note": "over"}, **done)
        went = asyncio.run(rules_reviews.review(visit))
        assert isinstance(went, Go) and went.page == address
        service: Any = visit.serve
        assert service.posted == [("/v1/switch-reviews/ab12", {"verdict": "revert", "note": "over"})]
    refused = Refused(403, "not_allowed", "权限不足", "another person has to review it")
    answers = {"__v1__switch-reviews": {"reviews": [REVIEW]}, "POST __v1__switch-reviews__ab12": refused}
    visit = visit_of(Role.REVIEWER, {"id": "ab12"}, form={"verdict": "confirm", "note": "x"}, **answers)
    assert "another person has to review it" in shown(asyncio.run(rules_reviews.review(visit)), visit)
