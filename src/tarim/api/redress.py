"""Losses, complaints, disputes, requests of authorities, legal holds, funds and rosters over HTTP.

Every kind of file has the same routes: open, list, find by customer, show, bring an event about, reveal, keep documents.
Customers' identifiers come in bodies only and never go out.  Requests of authorities are seen by those who work on them or
approve what is given; events need the scope that `tarim redress kinds` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.api.redress_bodies import (
    DOCUMENT_BASE64_MAX,
    ContentBody,
    CustomerBody,
    DocumentBody,
    FilesBody,
    FilesQuery,
    KeptBody,
    OpenedBody,
    RevealBody,
    TextBody,
    TextsBody,
    event_type,
    opening_type,
)
from tarim.api.redress_calls import RedressDesk, aside
from tarim.api.redress_reviews import review_routes
from tarim.api.routes import Call, Route
from tarim.base.errors import NotFound
from tarim.desk import Once
from tarim.identity import Scope
from tarim.redress import FILES_MAX, KINDS, PLURALS, File, FileLine, FileView, Filter, Kind, Redress, came_ms, kind_of

BODY_BYTES_MAX: Final = 192 << 10
"""Of an event: a roster of a thousand shifts is the largest."""

_OBJECTS: Final = {"request": "authority-request", "hold": "legal-hold", "roster": "duty-roster"}
"""What the audit trail calls a file where that is not its kind: as its path does."""
_OF_NOBODY: Final = ("fund", "roster")
"""Kinds that are about no customer: not found by one, and without documents."""


def redress_routes(work: RedressDesk) -> list[Route]:
    """The routes."""
    return [
        *(route for name in PLURALS for route in _kind_routes(work, KINDS[name])),
        *review_routes(work),
    ]


@dataclass(frozen=True, slots=True)
class FileHandlers:
    """What answers about files of one kind."""

    work: RedressDesk
    kind: Kind

    async def open_file(self, call: Call) -> OpenedBody:
        body, word = call.body, self.kind.name
        made = await aside(
            self.work.redress.open,
            call.caller,
            word,
            body.file,
            customer=self.work.token_of(body.customer) if body.customer else 0,
            branch=body.branch,
            department=body.department,
            once=_once(call),
        )
        call.note.object = f"{_OBJECTS.get(word, word)}:{made}"
        return OpenedBody(made)

    async def list_files(self, call: Call) -> FilesBody:
        query: FilesQuery = call.query
        after = None
        if query.after:
            at, _, last = query.after.partition("~")
            after = (int(at), last)
        wanted = Filter(
            self.kind.name,
            state=query.state,
            owner=query.owner,
            department=query.department,
            ended=None if query.ended else False,
            waits=True if query.waiting else None,
            after=after,
        )
        return await aside(_page, self.work.redress, call, wanted, query.limit, query.standing)

    async def find_files(self, call: Call) -> FilesBody:
        wanted = Filter(self.kind.name, customer=self.work.token_of(call.body.customer))
        return FilesBody(await aside(self.work.redress.listed, call.caller, wanted, FILES_MAX), "")

    async def show(self, call: Call) -> FileView:
        return await aside(self.work.redress.show, call.caller, self._id(call))

    async def act(self, call: Call) -> FileView:
        return await aside(self.work.redress.act, call.caller, self._id(call), call.body, _once(call))

    async def reveal(self, call: Call) -> TextsBody:
        redress, call.note.reason = self.work.redress, call.body.reason
        now_ms = redress.parts.desk.now_ms()
        found = await aside(redress.reveal, call.caller, self._id(call), now_ms, self.work.recent_ms)
        return TextsBody([TextBody(where, text) for where, text in found])

    async def add(self, call: Call) -> KeptBody:
        body: DocumentBody = call.body
        digest = await aside(
            self.work.documents.add,
            call.caller,
            self._id(call),
            body.title,
            body.media_type,
            body.content,
            authority=body.authority,
        )
        return KeptBody(digest)

    async def content(self, call: Call) -> ContentBody:
        call.note.reason = call.body.reason
        now_ms = self.work.redress.parts.desk.now_ms()
        document, found = await aside(
            self.work.documents.content,
            call.caller,
            self._id(call),
            call.path["digest"],
            now_ms,
            self.work.recent_ms,
        )
        return ContentBody(document.title, document.media_type, found)

    def _id(self, call: Call) -> str:
        """The id in the path, of this kind.  Raises NotFound."""
        if kind_of(call.path["id"]) is not self.kind:
            raise NotFound("there is no such file")
        return call.path["id"]


def _kind_routes(work: RedressDesk, kind: Kind) -> list[Route]:
    do, word, plural = FileHandlers(work, kind), kind.name, PLURALS[kind.name]
    base, many = f"/v1/{plural}", plural.replace("-", "_")
    routes = [
        Route("POST", base, f"open_{word}", f"Open a {word}", kind.opening.scope, do.open_file, OpenedBody,
              opening_type(kind), status=201, refusals=(409, 503), body_bytes_max=BODY_BYTES_MAX),
        Route("GET", base, f"list_{many}", f"List files of the kind {word}", Scope.REDRESS_READ, do.list_files, FilesBody,
              query=FilesQuery),
        Route("GET", base + "/{id}", f"show_{word}", f"Show a {word}, texts masked", Scope.REDRESS_READ, do.show, FileView),
        Route("POST", base + "/{id}/events", f"act_on_{word}", f"Bring about an event of a {word}", Scope.REDRESS_READ, do.act,
              FileView, event_type(kind), refusals=(409, 503), body_bytes_max=BODY_BYTES_MAX),
        Route("POST", base + "/{id}/texts", f"reveal_{word}", f"Show the texts of a {word} in full", Scope.REVEAL, do.reveal,
              TextsBody, RevealBody, personal=True),
    ]  # fmt: skip
    if word in _OF_NOBODY:
        return routes
    return [
        *routes,
        Route("POST", base + ":find", f"find_{many}", f"Files of the kind {word} of a customer", Scope.REDRESS_READ,
              do.find_files, FilesBody, CustomerBody),
        Route("POST", base + "/{id}/documents", f"add_document_to_{word}", f"Keep a document with a {word}",
              Scope.REDRESS_READ, do.add, KeptBody, DocumentBody, status=201, refusals=(409, 503),
              body_bytes_max=DOCUMENT_BASE64_MAX),
        Route("POST", base + "/{id}/documents/{digest}/content", f"reveal_document_of_{word}",
              f"Show a document of a {word} in full", Scope.REVEAL, do.content, ContentBody, RevealBody, personal=True),
    ]  # fmt: skip


def _page(redress: Redress, call: Call, wanted: Filter, limit: int, standing: str) -> FilesBody:
    """A page; with a standing, those of up to 1,000 files that have a clock standing like that."""
    if standing:
        found = redress.listed(call.caller, wanted, FILES_MAX)
        return FilesBody([each for each in found if _stands(each, standing)][:limit], "")
    files = redress.files(call.caller, wanted, limit + 1)
    lines = redress.lines(files[:limit])
    return FilesBody(lines, _cursor(files[limit - 1][1]) if len(files) > limit else "")


def _cursor(file: File) -> str:
    return f"{came_ms(file)}~{file.id}"


def _stands(line: FileLine, standing: str) -> bool:
    return any(clock.standing == standing for clock in line.clocks)


def _once(call: Call) -> Once | None:
    return Once.of(call.idempotency_key, [call.target, call.body]) if call.idempotency_key else None
