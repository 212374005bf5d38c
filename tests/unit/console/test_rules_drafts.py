"""The editor has the desk keep what one types, says when it does not, and takes over what was published meanwhile."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest

from tarim.console import rules_drafts, rules_editor
from tarim.console.pages import Go
from tarim.console.services import Refused
from tarim.identity import Role
from tests.unit.console.test_rules_pages import KEPT, LIVE, NASTY, VERSION, shown, visit_of

DRAFT = KEPT["id"]
PATH = f"/v1/rule-drafts/{DRAFT}"
CHANGED = LIVE.replace("50_000 yuan", "20_000 yuan", 1)
IN_THE_FORM = {
    "draft": DRAFT,
    "writer": "0000000000000001",
    "opened": "0",
    "base": VERSION,
    "title": "",
    "mark": "",
    "at": "0",
}
LATER = {"version": "e" * 64, "name": "later", "seq": 9, "at": "2026-11-03T00:00:00Z", "author": "wang", "approver": "zhao",
         "reason": NASTY}  # fmt: skip


def act(
    role: Role = Role.ANALYST, answers: dict[str, Any] | None = None, **form: str
) -> tuple[str, list[tuple[str, Any]]]:
    given = {"text": CHANGED, "act": "text", **IN_THE_FORM, **form}
    visit = visit_of(role, form=given, fragment=True, **(answers or {}))
    html = shown(asyncio.run(rules_editor.edit(visit)), visit)
    service: Any = visit.desk
    return html, [each for each in service.posted if "rule-drafts" in each[0]]


def hidden(html: str, name: str) -> str:
    found = re.search(f'<input type="hidden" name="{name}" value="([^"]*)">', html)
    assert found, name
    return found[1]


def state(html: str) -> str:
    found = re.search(r'data-state="(\w+)"', html)
    return found[1] if found else ""


def test_the_first_change_begins_a_draft_and_later_ones_save_it() -> None:
    html, sent = act()
    ((path, body),) = sent
    assert path == "/v1/rule-drafts" and body["id"] == DRAFT and body["text"] == CHANGED and body["base"] == VERSION
    assert body["title"] == "large_to_new_payee", "named by the rule it changes"
    assert state(html) == "kept" and "已保存 09:02:03" in html and f"/rules/editor?draft={DRAFT}" in html
    again = {name: hidden(html, name) for name in ("mark", "kept_at")}
    assert act(**again)[1] == [], "what is kept already is not kept again"
    html, sent = act(**again, title=" Mine   to try ")
    assert [path for path, _ in sent] == [PATH] and sent[0][1]["title"] == "Mine to try"


def test_who_may_not_propose_has_no_drafts() -> None:
    html, sent = act(Role.AUDITOR)
    assert sent == [] and state(html) == ""


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (Refused(409, "draft-moved", "", ""), "moved"),
        (Refused(409, "conflict", "", ""), "full"),
        (Refused(404, "not-found", "", ""), "gone"),
        (Refused(503, "no_answer", "", ""), "lost"),
    ],
)
def test_the_page_says_why_nothing_is_kept_and_tries_again(refused: Refused, said: str) -> None:
    html, sent = act(answers={f"PUT {PATH}": refused}, kept_at="2026-11-22T00:00:00Z", mark="old")
    assert state(html) == said and 'role="alert"' in html and hidden(html, "mark") == "old", "the next act tries again"
    assert len(sent) == 1
    if said in ("moved", "gone"):
        html, sent = act(act="keep", kept_at="2026-11-22T00:00:00Z")
        assert sent[0][0] == "/v1/rule-drafts" and sent[0][1]["id"] == hidden(html, "draft") != DRAFT


def test_a_session_that_is_over_is_not_passed_over() -> None:
    with pytest.raises(Refused):
        act(answers={"POST /v1/rule-drafts": Refused(401, "not-allowed", "", "")})


def test_a_draft_is_opened_with_what_came_into_force_since() -> None:
    whole = {"draft": KEPT | {"title": "mine"}, "text": CHANGED}
    visit = visit_of(query={"draft": DRAFT}, **{PATH: whole})
    html = shown(asyncio.run(rules_editor.show_editor(visit)), visit)
    assert "20_000 yuan" in html and 'value="mine"' in html and 'value="merge"' not in html
    assert hidden(html, "opened") == "1" and hidden(html, "draft") == DRAFT and state(html) == "kept"
    late = {"/v1/rulesets": {"rulesets": [LATER]}, PATH: whole}
    visit = visit_of(query={"draft": DRAFT}, **late)
    html = shown(asyncio.run(rules_editor.show_editor(visit)), visit)
    assert 'value="merge"' in html and "wang 提交，zhao 批准" in html and hidden(html, "base") == VERSION


def test_an_editor_without_a_draft_offers_those_that_are_kept() -> None:
    visit = visit_of(**{"/v1/rule-drafts": {"drafts": [KEPT, KEPT]}})
    html = shown(asyncio.run(rules_editor.show_editor(visit)), visit)
    assert "您有 2 份未提交的草稿" in html and "<img" not in html and state(html) == "idle"
    visit = visit_of(**{"/v1/rule-drafts": Refused(503, "no_answer", "", "")})
    assert "data-others" not in shown(asyncio.run(rules_editor.show_editor(visit)), visit), "the editor stands without"


def test_another_version_in_force_is_merged_and_a_late_draft_is_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule that both changed is named; the draft is begun from the version in force from then on."""
    draft = {"text": CHANGED, "version": "", "name": "n", "problems": [], "rules": [], "removed": [], "bands": [], "lists": [],
             "unknown_lists": []}  # fmt: skip
    found = {"draft": draft, "base": "e" * 64, "taken": ["a_rule"], "both": ["their_rule"], "beside": ["policy"]}

    async def merged(*_: object) -> rules_drafts.MergedDraft:
        return msgspec.convert(found, rules_drafts.MergedDraft)

    monkeypatch.setattr(rules_drafts, "merged", merged)
    html, sent = act(act="merge", kept_at="2026-11-22T00:00:00Z")
    assert hidden(html, "base") == "e" * 64 and sent[0][1]["base"] == "e" * 64
    assert all(each in html for each in ("a_rule", "their_rule", "policy"))

    answers = {
        "/v1/rulesets": {"rulesets": [LATER]},
        "POST /v1/rulesets": Refused(409, "base-moved", "冲突", "another ruleset came into force"),
    }
    visit = visit_of(form={"text": CHANGED, "why": "x", **IN_THE_FORM}, fragment=True, **answers)
    html = shown(asyncio.run(rules_editor.propose(visit)), visit)
    assert "草稿没有提交" in html and html.count('value="merge"') == 2, "in the dialog and above the draft"
    service: Any = visit.serve
    assert service.posted == [("/v1/rulesets", {"text": CHANGED, "reason": "x", "base": VERSION})]


def test_a_proposed_draft_is_kept_no_longer() -> None:
    answers: dict[str, Any] = {"POST /v1/rulesets": {
        "id": "ab", "what": "ruleset", "digest": "d" * 64, "author": "li.na", "proposed_at": "2026-11-02T00:00:00Z",
        "reason": "x", "state": "proposed", "decider": "", "note": "",
    }}  # fmt: skip
    for stored, sent in (("", 1), ("2026-11-22T00:00:00Z", 2)):
        visit = visit_of(form={"text": CHANGED, "why": "x", **IN_THE_FORM, "kept_at": stored}, **answers)
        assert isinstance(asyncio.run(rules_editor.propose(visit)), Go)
        service: Any = visit.desk
        assert len(service.posted) == sent and (sent == 1 or service.posted[-1][0] == PATH)


def test_drafts_are_listed_and_discarded() -> None:
    older = KEPT | {"id": "00000000000000ae", "base": "e" * 64, "title": ""}
    visit = visit_of(**{"/v1/rule-drafts": {"drafts": [KEPT, older]}})
    html = shown(asyncio.run(rules_drafts.show_drafts(visit)), visit)
    assert "<img" not in html and html.count("已更换") == 1 and "未命名" in html
    for asked, page in (({"from": "drafts"}, "rules_drafts"), ({}, "rules_editor")):
        visit = visit_of(path={"id": DRAFT}, form=asked)
        went = asyncio.run(rules_drafts.discard(visit))
        assert went.page == page
        service: Any = visit.desk
        assert service.posted == [(PATH, None)]
    visit = visit_of(path={"id": DRAFT}, **{f"DELETE {PATH}": Refused(404, "not-found", "", "")})
    assert asyncio.run(rules_drafts.discard(visit)).toast, "one that is gone already is no trouble"
