"""Drafts and saved views over HTTP: whose they are, what is an act on the trail, and what no view may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tarim.api.routes import Call, Route
from tarim.api.sign_in import Threads
from tarim.api.workspace import workspace_routes
from tarim.base.errors import FieldError, NotFound
from tarim.bootstrap.workspace import OpenWorkspace
from tarim.identity import Caller, CallerKind, Scope
from tarim.records import Database
from tarim.workspace import MIGRATIONS, DraftMoved, Drafts, SavedViews
from tests.fakes.clock import FakeClock

DRAFT = "00000000000000ad"
PAGE, OTHER_PAGE = "0000000000000001", "0000000000000002"


class Workspace:
    def __init__(self, database: Database) -> None:
        clock = FakeClock()
        opened = OpenWorkspace(Drafts(database, clock), SavedViews(database, clock), database)
        self.routes: dict[str, Route] = {each.operation: each for each in workspace_routes(opened, Threads())}

    def ask(
        self, operation: str, body: Any = None, person: str = "li.na", draft: str = DRAFT, query: Any = None
    ) -> tuple[Any, Call]:
        route = self.routes[operation]
        taken = msgspec.json.decode(msgspec.json.encode(body), type=route.takes) if route.takes else None
        asked = msgspec.convert(query, route.query, strict=False) if route.query else None
        caller = Caller(person, CallerKind.PERSON, frozenset({Scope.AUTHOR, Scope.SELF}))
        call = Call(caller, {"id": draft}, asked, taken)
        return msgspec.to_builtins(asyncio.run(route.handler(call))), call  # type: ignore[arg-type]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Database.open(f"sqlite:///{tmp_path}/people.db", [MIGRATIONS]) as database:
        yield Workspace(database)


def test_a_draft_from_its_first_save_to_its_end(workspace: Workspace) -> None:
    begun, call = workspace.ask("begin_rule_draft", {"id": DRAFT, "writer": PAGE, "text": "a", "title": "new payees"})
    assert begun["revision"] == 1 and call.note.object == f"rule-draft:{DRAFT}"
    workspace.ask("save_rule_draft", {"writer": PAGE, "text": "b"})
    listed, _ = workspace.ask("list_rule_drafts")
    assert [(each["id"], each["revision"]) for each in listed["drafts"]] == [(DRAFT, 2)]
    whole, _ = workspace.ask("read_rule_draft")
    assert whole["text"] == "b" and whole["draft"]["saved_at"].endswith("Z")
    with pytest.raises(DraftMoved):
        workspace.ask("save_rule_draft", {"writer": OTHER_PAGE, "opened": 1, "text": "c"})
    with pytest.raises(NotFound):
        workspace.ask("read_rule_draft", person="wang.wei")
    workspace.ask("discard_rule_draft")
    assert workspace.ask("list_rule_drafts")[0] == {"drafts": []}


def test_saving_is_no_act_and_beginning_and_ending_are(workspace: Workspace) -> None:
    """Who types saves every moment; an entry of the trail for each would bury the others."""
    quiet = {name for name, route in workspace.routes.items() if route.own_work or route.works_out}
    assert quiet == {"save_rule_draft"}
    scopes = {name: route.scope for name, route in workspace.routes.items()}
    assert {scope for name, scope in scopes.items() if "draft" in name} == {Scope.AUTHOR}
    assert {scope for name, scope in scopes.items() if "view" in name} == {Scope.SELF}


def test_views_are_kept_by_page(workspace: Workspace) -> None:
    body = {"page": "log", "name": "本周", "filters": {"since": "2026-11-16", "object": "case:CASE-2026-000007"}}
    kept, call = workspace.ask("keep_saved_view", body | {"default": True})
    assert kept["default"] and call.note.object == f"saved-view:{kept['id']}"
    assert workspace.ask("list_saved_views", query={"page": "cases"})[0] == {"views": []}
    changed, _ = workspace.ask("change_saved_view", {"name": "week"}, draft=kept["id"])
    assert (changed["name"], changed["default"]) == ("week", True)
    with pytest.raises(NotFound):
        workspace.ask("forget_saved_view", draft=kept["id"], person="wang.wei")
    workspace.ask("forget_saved_view", draft=kept["id"])
    assert workspace.ask("list_saved_views", query={"page": "log"})[0] == {"views": []}


@pytest.mark.parametrize("value", ["6222021234567890123", "138 0013 8000", "li@example.com"])
def test_a_view_holds_no_number_of_a_customer(workspace: Workspace, value: str) -> None:
    for body in ({"name": "x", "filters": {"object": value}}, {"name": value, "filters": {}}):
        with pytest.raises(FieldError) as refused:
            workspace.ask("keep_saved_view", {"page": "log"} | body)
        assert value not in refused.value.detail
    kept, _ = workspace.ask("keep_saved_view", {"page": "log", "name": "x", "filters": {}})
    with pytest.raises(FieldError):
        workspace.ask("change_saved_view", {"name": value}, draft=kept["id"])
