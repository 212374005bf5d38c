"""The link graph: an explorer of its own, and the data behind every card that shows one.

A card is `graph_card` of `templates/graph/_card.html`; `static/graph.js` asks for its data here.  Numbers in full come by POST
and never stand in an address; what stands there is an entity's token, or a position of the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tarim.base.instants import instant_ms, instant_text
from tarim.console.pages import Answer, Download, Go, Page, View, Visit
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

READ: Final = frozenset({Scope.CASES_READ})
REVEAL: Final = frozenset({Scope.REVEAL})
WINDOWS: Final[Mapping[str, timedelta]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
_YUAN_DIGITS_MAX: Final = 10


class Sums(msgspec.Struct):
    """Of some events; see the views' API."""

    count: int
    amount_fen: int
    stopped_fen: int
    first_at: str
    last_at: str
    worst: str
    alerts: int


class Node(msgspec.Struct):
    """An entity in the table."""

    id: str
    kind: str
    label: str
    convicted: bool


class Link(msgspec.Struct):
    """A row of the table."""

    source: int
    target: int
    relation: str
    sums: Sums


class Crowd(msgspec.Struct):
    """Several entities as one row."""

    of: int
    relation: str
    outward: bool
    kind: str
    size: int
    sums: Sums


class Graph(msgspec.Struct):
    """What the table shows of a graph."""

    nodes: list[Node]
    crowds: list[Crowd]
    links: list[Link]
    complete_from: str


class Found(msgspec.Struct):
    """An entity by its identifier."""

    entity: str
    label: str
    known: bool


class Table(msgspec.Struct):
    """A graph taken out."""

    name: str
    csv: str


def asked(given: Mapping[str, str], now: datetime) -> dict[str, str]:
    """What the service is asked: windows as instants, yuan as fen.

    What is no amount goes on as it is: the service says what is wrong with it.
    """
    yuan = given.get("amount", "").strip().replace(",", "")
    whole = yuan.isascii() and yuan.isdecimal() and len(yuan) <= _YUAN_DIGITS_MAX
    window = WINDOWS.get(given.get("window", ""))
    query = {name: given.get(name, "") for name in ("since", "until", "kinds", "relations", "also", "kept", "hops")}
    query["nodes_max"] = given.get("nodes", "")
    query["amount_min_fen"] = f"{int(yuan) * 100}" if whole else yuan
    if window is not None:
        query["since"] = instant_text(instant_ms(now - window))
    return {name: value for name, value in query.items() if value}


async def _told(question: Any) -> Answer:
    """The answer of a service as data; its refusal as data too, for the card to show in its place."""
    try:
        return Answer(msgspec.json.encode(await question))
    except Refused as error:
        said = {"title": error.title, "detail": error.detail, "code": error.code}
        return Answer(msgspec.json.encode(said), status=error.status)


def _address(visit: Visit, ending: str = "") -> str:
    return f"/v1/links/{segment(visit.query.get('entity', ''))}{ending}"


async def show(visit: Visit) -> View:
    """The explorer: where to begin, or the graph around an entity."""
    return View("graph/page.html", {"given": visit.query, "trouble": None, "typed": {}})


async def data(visit: Visit) -> Answer:
    """A graph for the script."""
    return await _told(visit.views.get(_address(visit), None, **asked(visit.query, datetime.now(UTC))))


async def path(visit: Visit) -> Answer:
    """The money's shortest path for the script."""
    query = asked(visit.query, datetime.now(UTC))
    kept = {name: query[name] for name in ("since", "until", "kinds", "amount_min_fen") if name in query}
    return await _told(visit.views.get(_address(visit, "/path"), None, to=visit.query.get("to", ""), **kept))


async def table(visit: Visit) -> View:
    """The graph as a table: for screen readers, for whoever has no scripts, and for print."""
    graph = await visit.views.get(_address(visit), Graph, **asked(visit.query, datetime.now(UTC)))
    nodes = graph.nodes
    rows = [
        (nodes[link.source], link.relation, nodes[link.target], 1, link.sums)
        for link in sorted(graph.links, key=lambda link: (-link.sums.amount_fen, -link.sums.count))
    ]
    crowds = [(nodes[crowd.of], crowd) for crowd in graph.crowds]
    values = {"graph": graph, "rows": rows, "crowds": crowds, "given": visit.query}
    return View("graph/table.html", values, "graph/_table.html")


async def find(visit: Visit) -> Go | View:
    """To the graph around an identifier."""
    kind, value = visit.form.get("kind", ""), visit.form.get("value", "").strip()
    try:
        found = await visit.views.post("/v1/links:find", {"kind": kind, "value": value}, Found)
        if found.known:
            return Go("links", {"entity": found.entity})
        missing = _("图谱中没有带此号码的事件")
        error = Refused(404, "not_found", missing, _("请核对号码与类型；较早的事件可能已移出图谱。"))
    except Refused as refused:
        if refused.status == 401:
            raise
        error = refused
    return View("graph/page.html", {"given": {}, "trouble": error, "typed": {"kind": kind}}, status=error.status)


async def export(visit: Visit) -> Download:
    """The graph as a file; the reason stands on the audit trail."""
    query: dict[str, Any] = dict(asked(visit.form, datetime.now(UTC)))
    for name in ("hops", "nodes_max", "amount_min_fen"):
        if query.get(name, "").isdecimal():
            query[name] = int(query[name])
    body = {**query, "entity": visit.form.get("entity", ""), "reason": visit.form.get("reason", "")}
    found = await visit.views.post("/v1/links:export", body, Table)
    return Download(found.name, b"\xef\xbb\xbf" + found.csv.encode(), "text/csv; charset=utf-8")


async def reveal(visit: Visit) -> Answer:
    """Identifiers in full for the script; who saw them, and why, stands on the audit trail."""
    entities = visit.form.get("entities", "").split(",")
    body = {"entities": entities, "reason": visit.form.get("reason", "")}
    return await _told(visit.views.post("/v1/links:reveal", body))


PAGES: Final = (
    Page("GET", "/links", "links", READ, show, nav="links"),
    Page("GET", "/links/data", "links_data", READ, data, nav="links"),
    Page("GET", "/links/path", "links_path", READ, path, nav="links"),
    Page("GET", "/links/table", "links_table", READ, table, nav="links"),
    Page("POST", "/links/find", "links_find", READ, find, nav="links"),
    Page("POST", "/links/export", "links_export", READ, export, nav="links"),
    Page("POST", "/links/reveal", "links_reveal", REVEAL, reveal, nav="links"),
)
