"""What a person keeps beside the work, over HTTP, at the desk: drafts of rulesets, and filters of pages under a name.

Everything is the caller's own; another person's is not found.  A page that is typed in saves a draft every moment, so only its
beginning and its end are on the audit trail; what it says becomes an act when it is proposed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.api.sign_in import DoneBody, Threads
from tarim.audit import without_numbers
from tarim.base.errors import FieldError
from tarim.base.instants import instant_text
from tarim.bootstrap.workspace import OpenWorkspace
from tarim.identity import Scope
from tarim.workspace import (
    DRAFT_CHARACTERS_MAX,
    FILTER_CHARACTERS_MAX,
    FILTERS_MAX,
    NAME_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    Draft,
    Drafts,
    Page,
    SavedView,
    SavedViews,
    Writing,
)

DRAFT_BYTES_MAX: Final = 4 << 20
_NO_PERSONS: Final = re.compile(
    r"\d{4}-\d\d-\d\d|(?:[a-z][a-z-]*:)?(?:[A-Z]{2,10}-\d{4}-\d{6,9}|[0-9a-f]*[a-f][0-9a-f]*)"
)
"""A day, or an id that this house makes: digits that name no customer."""
Id = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class DraftSavingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page holds.

    writer: 16 hex digits that the page made when it opened.  opened: the revision it opened, 0 for a new draft.  base: version
    of the ruleset it was begun from, "" for none.
    """

    writer: Id
    text: Annotated[str, Meta(max_length=DRAFT_CHARACTERS_MAX)]
    title: Annotated[str, Meta(max_length=TITLE_CHARACTERS_MAX)] = ""
    base: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    opened: Annotated[int, Meta(ge=0, le=1 << 31)] = 0


class DraftBeginningBody(DraftSavingBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same of a new draft.  id: 16 hex digits that the page made."""

    id: Id


class KeptDraftBody(msgspec.Struct, frozen=True):
    """A draft that is kept, without its text.  revision: 1, and one more each time it is saved."""

    id: str
    title: str
    base: str
    revision: int
    begun_at: str
    saved_at: str


class KeptDraftsBody(msgspec.Struct, frozen=True):
    """The caller's drafts, the one saved last first."""

    drafts: list[KeptDraftBody]


class WholeDraftBody(msgspec.Struct, frozen=True):
    """A draft with its text."""

    draft: KeptDraftBody
    text: str


class SavedViewBody(msgspec.Struct, frozen=True):
    """Filters of a page under a name.  default: the page opens with it when nothing is asked for."""

    id: str
    page: Page
    name: str
    filters: dict[str, str]
    default: bool
    saved_at: str


class SavedViewsBody(msgspec.Struct, frozen=True):
    """The caller's views of a page, by name."""

    views: list[SavedViewBody]


class SavedViewsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which page."""

    page: Page


class KeepViewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters to keep; a name that is used already stands for these from now on.  No value may read like personal data."""

    page: Page
    name: Name
    filters: Annotated[
        dict[str, Annotated[str, Meta(min_length=1, max_length=FILTER_CHARACTERS_MAX)]], Meta(max_length=FILTERS_MAX)
    ]
    default: bool = False


class ChangeViewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another name, or whether it is the page's default; null: as it is."""

    name: Name | None = None
    default: bool | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceHandlers:
    """What answers about a person's own drafts and views.  run: runs what blocks."""

    drafts: Drafts
    views: SavedViews
    run: Threads

    async def list_drafts(self, call: Call) -> KeptDraftsBody:
        return KeptDraftsBody([_kept(each) for each in await self.run(lambda: self.drafts.kept(call.person))])

    async def read_draft(self, call: Call) -> WholeDraftBody:
        found = await self.run(lambda: self.drafts.read(call.person, call.path["id"]))
        return WholeDraftBody(_kept(found), found.text)

    async def begin_draft(self, call: Call) -> KeptDraftBody:
        asked: DraftBeginningBody = call.body
        call.note.object = f"rule-draft:{asked.id}"
        return _kept(await self.run(lambda: self.drafts.begin(call.person, _writing(asked.id, asked))))

    async def save_draft(self, call: Call) -> KeptDraftBody:
        asked: DraftSavingBody = call.body
        return _kept(await self.run(lambda: self.drafts.save(call.person, _writing(call.path["id"], asked))))

    async def discard_draft(self, call: Call) -> DoneBody:
        await self.run(lambda: self.drafts.discard(call.person, call.path["id"]))
        return DoneBody()

    async def list_views(self, call: Call) -> SavedViewsBody:
        return SavedViewsBody(
            [_view(each) for each in await self.run(lambda: self.views.kept(call.person, call.query.page))]
        )

    async def keep_view(self, call: Call) -> SavedViewBody:
        asked: KeepViewBody = call.body
        for value in (asked.name, *asked.filters.values()):
            _not_personal(value)
        kept = await self.run(
            lambda: self.views.keep(call.person, asked.page, asked.name, asked.filters, default=asked.default)
        )
        call.note.object = f"saved-view:{kept.id}"
        return _view(kept)

    async def change_view(self, call: Call) -> SavedViewBody:
        asked: ChangeViewBody = call.body
        _not_personal(asked.name or "")
        return _view(
            await self.run(
                lambda: self.views.change(call.person, call.path["id"], name=asked.name, default=asked.default)
            )
        )

    async def forget_view(self, call: Call) -> DoneBody:
        await self.run(lambda: self.views.forget(call.person, call.path["id"]))
        return DoneBody()


def workspace_routes(workspace: OpenWorkspace, run: Threads) -> list[Route]:
    """The routes."""
    do = WorkspaceHandlers(workspace.drafts, workspace.views, run)
    mine, seen = "/v1/rule-drafts", "/v1/saved-views"
    return [
        Route("GET", mine, "list_rule_drafts", "Own drafts of rulesets / 本人的规则草稿", Scope.AUTHOR, do.list_drafts,
              KeptDraftsBody),
        Route("GET", mine + "/{id}", "read_rule_draft", "One of them / 打开规则草稿", Scope.AUTHOR, do.read_draft,
              WholeDraftBody),
        Route("POST", mine, "begin_rule_draft", "Keep a new draft / 新建规则草稿", Scope.AUTHOR, do.begin_draft,
              KeptDraftBody, DraftBeginningBody, refusals=(409,), body_bytes_max=DRAFT_BYTES_MAX),
        Route("PUT", mine + "/{id}", "save_rule_draft", "Save it / 保存规则草稿", Scope.AUTHOR, do.save_draft, KeptDraftBody,
              DraftSavingBody, refusals=(409,), body_bytes_max=DRAFT_BYTES_MAX, own_work=True),
        Route("DELETE", mine + "/{id}", "discard_rule_draft", "Discard it / 删除规则草稿", Scope.AUTHOR, do.discard_draft,
              DoneBody),
        Route("GET", seen, "list_saved_views", "Own views of a page / 本人保存的视图", Scope.SELF, do.list_views,
              SavedViewsBody, query=SavedViewsQuery),
        Route("POST", seen, "keep_saved_view", "Keep filters under a name / 保存视图", Scope.SELF, do.keep_view,
              SavedViewBody, KeepViewBody, refusals=(409,)),
        Route("PUT", seen + "/{id}", "change_saved_view", "Its name, or the page's default / 修改视图", Scope.SELF,
              do.change_view, SavedViewBody, ChangeViewBody, refusals=(409,)),
        Route("DELETE", seen + "/{id}", "forget_saved_view", "Let it go / 删除视图", Scope.SELF, do.forget_view, DoneBody),
    ]  # fmt: skip


def _writing(draft: str, asked: DraftSavingBody) -> Writing:
    return Writing(draft, asked.writer, asked.opened, asked.title, asked.text, asked.base)


def _kept(draft: Draft) -> KeptDraftBody:
    return KeptDraftBody(
        draft.id,
        draft.title,
        draft.base,
        draft.revision,
        instant_text(draft.begun_ms),
        instant_text(draft.saved_ms),
    )


def _view(view: SavedView) -> SavedViewBody:
    return SavedViewBody(
        view.id, view.page, view.name, dict(view.filters), view.default, instant_text(view.saved_ms)
    )  # fmt: skip


def _not_personal(value: str) -> None:
    """A view is kept for long and becomes an address: neither is a place for a number of a customer."""
    if not _NO_PERSONS.fullmatch(value) and without_numbers(value) != value:
        raise FieldError(
            "filters", "must not read like a phone, card, account or document number. 视图的名称与条件不能像客户号码。"
        )
