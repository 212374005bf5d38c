"""The link graph as it is shown: identifiers are masked here, where the view is made, and nowhere later (DP-06)."""

from __future__ import annotations

import csv
import io
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from tarim.api.link_bodies import (
    LinkBody,
    LinkCrowdBody,
    LinkGraphBody,
    LinkHopBody,
    LinkNodeBody,
    LinkPathBody,
    LinkStepBody,
    LinkSumsBody,
)
from tarim.base.errors import Unavailable
from tarim.base.instants import MINUTE_MS, Clock, instant_text
from tarim.cases import masked, short_token
from tarim.views import Entity, LinkGraph, MoneyPath, Seen, Sums

LABELS_KEPT: Final = 20_000
LABEL_MS: Final = 5 * MINUTE_MS
"""A masked identifier is looked up anew after so long: what was destroyed is gone from here then."""
TABLE_COLUMNS: Final = (
    "source",
    "source_kind",
    "source_label",
    "relation",
    "target",
    "target_kind",
    "target_label",
    "entities",
    "events",
    "amount_yuan",
    "blocked_yuan",
    "first_at",
    "last_at",
    "strictest_outcome",
    "events_above_pass",
    "source_convicted",
    "target_convicted",
)

Names = Mapping[Entity, str]


class RawNames(Protocol):
    """Identifiers in full."""

    def of(self, seen: Seen, entities: Collection[Entity]) -> dict[Entity, str]:
        """Those that can be opened.  Blocks.  Raises Unavailable, Damaged."""

    def token(self, space: str, identifier: str) -> int:
        """Token, signed, of a full identifier."""


class Labels:
    """Masked identifiers, kept for a few minutes.  Any thread may ask."""

    def __init__(self, names: RawNames, clock: Clock) -> None:
        self._names, self._clock = names, clock
        self._kept: OrderedDict[Entity, tuple[int, str]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, seen: Seen, entities: Collection[Entity]) -> dict[Entity, str]:
        """A label of each; the token's first digits where the identifier cannot be told.  Blocks.  Raises Damaged."""
        now_ms = self._clock.now_ms()
        with self._lock:
            found = {
                entity: kept[1]
                for entity in entities
                if (kept := self._kept.get(entity)) is not None and now_ms - kept[0] < LABEL_MS
            }
        missing = [entity for entity in entities if entity not in found]
        if missing:
            try:
                raw = self._names.of(seen, missing)
            except Unavailable:  # no vault to ask now: a label is a help, the graph is not worth less without
                raw = {}
            told = {entity: masked(entity.kind.fields[0], value) for entity, value in raw.items()}
            with self._lock:
                for entity, label in told.items():
                    self._kept[entity] = now_ms, label
                    self._kept.move_to_end(entity)
                while len(self._kept) > LABELS_KEPT:
                    self._kept.popitem(last=False)
            found |= told
        return {entity: found.get(entity) or short_token(entity.token) for entity in entities}


def graph_body(graph: LinkGraph, labels: Names) -> LinkGraphBody:
    """A graph as it is answered."""
    return LinkGraphBody(
        [
            LinkNodeBody(
                node.entity.id,
                node.entity.kind.space,
                labels[node.entity],
                node.hop,
                node.expanded,
                node.hub,
                node.convicted,
                node.worst.name.lower(),
                node.events,
                node.hidden,
                node.in_fen,
                node.out_fen,
                None if node.risk is None else round(node.risk, 4),
                node.community,
                round(node.broker, 4),
                node.x,
                node.y,
            )
            for node in graph.nodes
        ],
        [
            LinkCrowdBody(
                crowd.of,
                crowd.relation.name.lower(),
                crowd.outward,
                crowd.kind.space,
                crowd.size,
                crowd.convicted,
                _sums(crowd.sums),
                crowd.x,
                crowd.y,
            )
            for crowd in graph.crowds
        ],
        [LinkBody(link.source, link.target, link.relation.name.lower(), _sums(link.sums)) for link in graph.links],
        [
            LinkStepBody(instant_text(step.since_ms), instant_text(step.until_ms), list(step.moved))
            for step in graph.steps
        ],
        _at(graph.complete_from_ms),
        graph.end_seq,
    )


def path_body(path: MoneyPath, labels: Names) -> LinkPathBody:
    """A path as it is answered."""
    hops = [
        LinkHopBody(
            hop.payer.id,
            labels[hop.payer],
            hop.payee.id,
            labels[hop.payee],
            instant_text(hop.at_ms),
            hop.amount_fen,
            hop.seq,
        )
        for hop in path.hops
    ]
    return LinkPathBody(hops, path.looked_at, path.exhausted)


def table_csv(graph: LinkGraph, labels: Names, watermark: str) -> str:
    """Links and crowds, a row each, and below who took them out; amounts in yuan, instants in UTC.

    A masked label never begins a formula: it begins with a star or a digit.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(TABLE_COLUMNS)
    nodes = graph.nodes
    for link in graph.links:
        source, target = nodes[link.source], nodes[link.target]
        ends = ((each.entity.id, each.entity.kind.space, labels[each.entity]) for each in (source, target))
        before, after = ends
        writer.writerow(
            (
                *before,
                link.relation.name.lower(),
                *after,
                1,
                *_cells(link.sums),
                int(source.convicted),
                int(target.convicted),
            )
        )
    for crowd in graph.crowds:
        of = nodes[crowd.of]
        one, many = (of.entity.id, of.entity.kind.space, labels[of.entity]), ("", crowd.kind.space, "")
        convicts = (int(of.convicted), crowd.convicted)
        before, after = (one, many) if crowd.outward else (many, one)
        writer.writerow(
            (
                *before,
                crowd.relation.name.lower(),
                *after,
                crowd.size,
                *_cells(crowd.sums),
                *(convicts if crowd.outward else reversed(convicts)),
            )
        )
    writer.writerow((watermark,))
    return out.getvalue()


def _cells(sums: Sums) -> tuple[object, ...]:
    return (
        sums.count,
        f"{sums.amount_fen / 100:.2f}",
        f"{sums.stopped_fen / 100:.2f}",
        _at(sums.first_ms),
        _at(sums.last_ms),
        sums.worst.name.lower(),
        sums.alerts,
    )


def _sums(sums: Sums) -> LinkSumsBody:
    return LinkSumsBody(
        sums.count,
        sums.amount_fen,
        sums.stopped_fen,
        _at(sums.first_ms),
        _at(sums.last_ms),
        sums.worst.name.lower(),
        sums.alerts,
    )


def _at(at_ms: int) -> str:
    return instant_text(at_ms) if at_ms else ""
