"""Drafts of rulesets: kept by the desk with every act of the editor, listed, opened on any machine, discarded.

The editor's form says which draft it holds (`Keeping`), so the console itself keeps nothing, and it works without scripts too.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rules_shapes import Draft, InForce
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

AUTHORS: Final = frozenset({Scope.AUTHOR})
TITLE_CHARACTERS_MAX: Final = 64
_PATH: Final = "/v1/rule-drafts"
_ID_BYTES: Final = 8
_FIELD_CHARACTERS_MAX: Final = 64


class KeptDraft(msgspec.Struct):
    """A draft that is kept, without its text."""

    id: str
    title: str
    base: str
    revision: int
    begun_at: str
    saved_at: str


class KeptDrafts(msgspec.Struct):
    """The person's drafts, the one saved last first."""

    drafts: list[KeptDraft]


class WholeDraft(msgspec.Struct):
    """A draft with its text."""

    draft: KeptDraft
    text: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """The draft of one page.

    id, writer, opened: as the desk takes them.  base: the version in force when it was begun.  mark: of what was kept last;
    what has the same mark need not be kept again.  at: when that was, "" for never.

    state: `off` (a person who may not propose), `idle` (nothing was changed yet), `kept`, or why it is not: `moved` (another
    page saved it since), `gone` (discarded or proposed elsewhere), `full` (no more drafts), `lost` (the desk does not answer).
    """

    id: str
    writer: str
    opened: int
    base: str
    title: str
    mark: str
    at: str
    state: str

    @classmethod
    def begun(cls, visit: Visit, text: str, base: str) -> Keeping:
        """Of a page that begins from a text; kept from the first change on."""
        state = "idle" if visit.may(Scope.AUTHOR) else "off"
        return cls(_made(), _made(), 0, base, "", mark_of(text, "", base), "", state)

    @classmethod
    def of(cls, whole: WholeDraft) -> Keeping:
        """Of a page that opens a draft."""
        kept = whole.draft
        mark = mark_of(whole.text, kept.title, kept.base)
        return cls(kept.id, _made(), kept.revision, kept.base, kept.title, mark, kept.saved_at, "kept")

    @classmethod
    def in_form(cls, visit: Visit) -> Keeping:
        """As the page's form says it; the desk judges its values."""
        form = {name: value[:_FIELD_CHARACTERS_MAX] for name, value in visit.form.items()}
        opened = form.get("opened", "")
        at = form.get("kept_at", "")
        state = "off" if not visit.may(Scope.AUTHOR) else "kept" if at else "idle"
        return cls(
            form.get("draft", "") or _made(),
            form.get("writer", "") or _made(),
            int(opened) if opened.isdecimal() and len(opened) < 9 else 0,
            form.get("base", ""),
            " ".join(form.get("title", "").split())[:TITLE_CHARACTERS_MAX],
            form.get("mark", ""),
            at,
            state,
        )

    def anew(self) -> Keeping:
        """The same as a draft of its own."""
        return replace(self, id=_made(), writer=_made(), opened=0, mark="", at="")


def _made() -> str:
    return secrets.token_hex(_ID_BYTES)


def mark_of(text: str, title: str, base: str) -> str:
    """What tells two states of a draft apart."""
    return hashlib.sha256("\n".join((title, base, text)).encode("utf-8", "replace")).hexdigest()[:32]


async def keep(visit: Visit, keeping: Keeping, draft: Draft) -> Keeping:
    """Have the desk keep what the page holds now.  Raises Refused when the person may not, or is signed out."""
    mark = mark_of(draft.text, keeping.title, keeping.base)
    if keeping.state == "off" or mark == keeping.mark:
        return keeping
    body = {
        "writer": keeping.writer, "opened": keeping.opened, "text": draft.text, "base": keeping.base,
        "title": keeping.title or named_by(draft),
    }  # fmt: skip
    try:
        if keeping.at:
            found = await visit.desk.put(f"{_PATH}/{segment(keeping.id)}", body, KeptDraft)
        else:
            found = await visit.desk.post(_PATH, body | {"id": keeping.id}, KeptDraft)
    except Refused as refused:
        if refused.status in (401, 403):
            raise
        return replace(keeping, state=_why(refused))
    return replace(keeping, mark=mark, at=found.saved_at, state="kept")


def _why(refused: Refused) -> str:
    if refused.code == "draft-moved":
        return "moved"
    return {404: "gone", 409: "full"}.get(refused.status, "lost")


def named_by(draft: Draft) -> str:
    """The rules that it changes, for who gives it no title."""
    return ", ".join(rule.id for rule in draft.changed)[:TITLE_CHARACTERS_MAX]


async def drop(visit: Visit, draft: str) -> None:
    """Discard one, if it is there.  Raises Refused for anything else."""
    try:
        await visit.desk.delete(f"{_PATH}/{segment(draft)}")
    except Refused as refused:
        if refused.status != 404:
            raise


async def opened(visit: Visit, draft: str) -> WholeDraft:
    """One of the person's drafts.  Raises Refused."""
    return await visit.desk.get(f"{_PATH}/{segment(draft)}", WholeDraft)


async def kept_by(visit: Visit) -> list[KeptDraft]:
    """The person's drafts; none while the desk does not answer, for the editor is of use without them."""
    if not visit.may(Scope.AUTHOR):
        return []
    try:
        return (await visit.desk.get(_PATH, KeptDrafts)).drafts
    except Refused as refused:
        if refused.status in (401, 403):
            raise
        return []


async def overtaken(visit: Visit, keeping: Keeping) -> InForce | None:
    """The ruleset in force, when it is not the one that the draft was begun from."""
    present = await reads.in_force(visit)
    return present if present is not None and keeping.base and present.version != keeping.base else None


class MergedDraft(msgspec.Struct):
    """A draft that took over what came into force since: ids of rules, and of what stands beside them."""

    draft: Draft
    base: str
    taken: list[str]
    both: list[str]
    beside: list[str]


async def merged(visit: Visit, text: str, keeping: Keeping) -> MergedDraft:
    """The draft with what came into force since it was begun.  Raises Refused."""
    return await visit.serve.post("/v1/rulesets:merge", {"text": text, "base": keeping.base}, MergedDraft)


async def show_drafts(visit: Visit) -> View:
    """The person's drafts."""
    found = (await visit.desk.get(_PATH, KeptDrafts)).drafts
    present = await reads.in_force(visit)
    values: Mapping[str, object] = {"drafts": found, "present": present.version if present else ""}
    return View("rules/drafts.html", values)


async def discard(visit: Visit) -> Go:
    """Discard a draft; back to where that was asked for."""
    await drop(visit, visit.path["id"])
    page = "rules_drafts" if visit.form.get("from") == "drafts" else "rules_editor"
    return Go(page, toast=_("草稿已删除"))


PAGES: Final = (
    Page("GET", "/rules/drafts", "rules_drafts", AUTHORS, show_drafts, nav="rules"),
    Page("POST", "/rules/drafts/{id}", "rules_draft_discard", AUTHORS, discard, nav="rules"),
)
