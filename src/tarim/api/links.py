"""The link graph over HTTP: around an entity, the money's path, as a table, and identifiers in full for a reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from tarim.api.case_views import watermark
from tarim.api.link_bodies import (
    EntityFoundBody,
    ExportLinksBody,
    FindEntityBody,
    LinkGraphBody,
    LinkPathBody,
    LinkPathQuery,
    LinksFilter,
    LinksQuery,
    LinkTableBody,
    RevealedBody,
    RevealedLinksBody,
    RevealLinksBody,
)
from tarim.api.link_views import Labels, RawNames, graph_body, path_body, table_csv
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError, NotFound
from tarim.base.instants import Clock, instant_ms
from tarim.cases import masked
from tarim.identity import Scope
from tarim.stream import Kind
from tarim.views import (
    ALL_KINDS,
    ALL_RELATIONS,
    FOREVER_MS,
    Entity,
    EntityKind,
    Filters,
    LinkStore,
    Question,
    Relation,
    Seen,
    graph_around,
    shortest_path,
)

_EVENT: Final = "event:"
_SEQ_DIGITS_MAX: Final = 18
_KINDS: Final = {kind.name.lower(): int(kind) for kind in Kind}
_RELATIONS: Final = {relation.name.lower(): int(relation) for relation in Relation}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """What the routes work with.  recent_ms: how long a person counts as having proved who it is."""

    store: LinkStore
    names: RawNames
    clock: Clock
    recent_ms: int


class LinkHandlers:
    """What answers about links; questions are answered in the loop's executor."""

    def __init__(self, desk: LinkDesk) -> None:
        self._desk, self._labels = desk, Labels(desk.names, desk.clock)

    async def around(self, call: Call) -> LinkGraphBody:
        asked: LinksQuery = call.query

        def answer() -> LinkGraphBody:
            seen = self._desk.store.seen()
            graph = graph_around(seen, _question(seen, call.path["id"], asked))
            return graph_body(graph, self._labels.of(seen, [node.entity for node in graph.nodes]))

        return await _aside(answer)

    async def path(self, call: Call) -> LinkPathBody:
        asked: LinkPathQuery = call.query

        def answer() -> LinkPathBody:
            seen = self._desk.store.seen()
            payer, payee = _entity(seen, call.path["id"]), _entity(seen, asked.to)
            found = shortest_path(seen, payer, payee, _filters(asked))
            concerned = list({end for hop in found.hops for end in (hop.payer, hop.payee)})
            return path_body(found, self._labels.of(seen, concerned))

        return await _aside(answer)

    async def find(self, call: Call) -> EntityFoundBody:
        body: FindEntityBody = call.body
        kind = next(each for each in EntityKind if each.space == body.kind)

        def answer() -> EntityFoundBody:
            entity = Entity(kind, self._desk.names.token(kind.space, body.value))
            label = masked(kind.fields[0], body.value)
            return EntityFoundBody(entity.id, kind.space, label, self._desk.store.seen().carries(entity))

        found = await _aside(answer)
        call.note.object = found.entity
        return found

    async def export(self, call: Call) -> LinkTableBody:
        body: ExportLinksBody = call.body
        mark = watermark(call.caller, self._desk.clock.now_ms())

        def answer() -> tuple[Entity, str, int]:
            seen = self._desk.store.seen()
            question = _question(seen, body.entity, body)
            graph = graph_around(seen, question)
            text = table_csv(graph, self._labels.of(seen, [node.entity for node in graph.nodes]), mark)
            return question.subject, text, len(graph.links) + len(graph.crowds)

        subject, text, rows = await _aside(answer)
        call.note.object, call.note.reason = subject.id, body.reason
        call.note.detail["rows"] = rows
        return LinkTableBody(f"links-{subject.id.replace(':', '-')}.csv", text, mark)

    async def reveal(self, call: Call) -> RevealedLinksBody:
        body: RevealLinksBody = call.body
        now_ms = self._desk.clock.now_ms()
        call.caller.require(Scope.CASES_READ)
        call.caller.require_recent(now_ms, self._desk.recent_ms)

        def answer() -> list[RevealedBody]:
            seen = self._desk.store.seen()
            entities = [_entity(seen, name) for name in dict.fromkeys(body.entities)]
            found = self._desk.names.of(seen, entities)
            return [RevealedBody(entity.id, found.get(entity)) for entity in entities]

        call.note.reason = body.reason
        call.note.object = body.entities[0] if len(body.entities) == 1 else ""
        values = await _aside(answer)
        call.note.detail["identifiers"] = len(values)
        return RevealedLinksBody(values, watermark(call.caller, now_ms))


def link_routes(desk: LinkDesk) -> list[Route]:
    """The routes."""
    do = LinkHandlers(desk)
    return [
        Route("GET", "/v1/links/{id}", "read_links", "Who is linked with an entity / 关系图谱", Scope.CASES_READ, do.around,
              LinkGraphBody, query=LinksQuery, personal=True),
        Route("GET", "/v1/links/{id}/path", "read_money_path", "The money's shortest path / 资金最短路径", Scope.CASES_READ,
              do.path, LinkPathBody, query=LinkPathQuery, personal=True),
        Route("POST", "/v1/links:find", "find_entity", "An entity by its identifier / 按号码查实体", Scope.CASES_READ,
              do.find, EntityFoundBody, FindEntityBody, personal=True),
        Route("POST", "/v1/links:export", "export_links", "A graph as a table / 导出关系表", Scope.CASES_READ, do.export,
              LinkTableBody, ExportLinksBody, refusals=(404,), personal=True),
        Route("POST", "/v1/links:reveal", "reveal_links", "Identifiers in full / 查看完整号码", Scope.REVEAL, do.reveal,
              RevealedLinksBody, RevealLinksBody, refusals=(404,), personal=True),
    ]  # fmt: skip


async def _aside(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _entity(seen: Seen, name: str) -> Entity:
    """The entity of a name; whoever acted, of an event.  Raises FieldError, NotFound."""
    if not name.startswith(_EVENT):
        return Entity.named(name)
    digits = name.removeprefix(_EVENT)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _SEQ_DIGITS_MAX:
        raise FieldError("entity", "must be event: and a position of the journal, such as event:1024")
    found = seen.entity_of_event(int(digits))
    if found is None:
        raise NotFound("the link graph holds no event at this position")
    return found


def _question(seen: Seen, name: str, asked: LinksQuery) -> Question:
    also, kept = (_beside(seen, names) for names in (asked.also, asked.kept))
    return Question(_entity(seen, name), _filters(asked), also, kept, asked.hops, asked.nodes_max)


def _beside(seen: Seen, names: str) -> tuple[Entity, ...]:
    """Entities of names by commas; those of events that have left the graph are passed over.  Raises FieldError."""
    found = []
    for name in filter(None, names.split(",")):
        with contextlib.suppress(NotFound):
            found.append(_entity(seen, name))
    return tuple(found)


def _filters(asked: LinksFilter) -> Filters:
    """Raises FieldError."""
    return Filters(
        _instant("since", asked.since, 0),
        _instant("until", asked.until, FOREVER_MS),
        asked.amount_min_fen,
        asked.amount_max_fen,
        _bits("kinds", asked.kinds, _KINDS, ALL_KINDS),
        _bits("relations", asked.relations, _RELATIONS, ALL_RELATIONS),
    )


def _instant(field: str, text: str, default_ms: int) -> int:
    if not text:
        return default_ms
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(field, "must be an instant such as 2026-01-31T08:00:00Z") from None
    if moment.tzinfo is None:
        raise FieldError(field, "must say its zone, such as 2026-01-31T08:00:00Z")
    return max(instant_ms(moment), 0)


def _bits(field: str, text: str, known: dict[str, int], default: int) -> int:
    bits = 0
    for word in filter(None, text.split(",")):
        if word not in known:
            raise FieldError(field, f"must be some of {', '.join(known)}, by commas")
        bits |= 1 << known[word]
    return bits or default
