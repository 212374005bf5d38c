"""Gangs and rings of a data folder: its journal read as at an instant, and what was found as a table of tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tarim.base.errors import InputError
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import Progress, open_reader
from tarim.decisions import RecordKind, decode_events
from tarim.graph import Communities, Element, Relation, Relations, Ring, Tag, relations_of
from tarim.journal import FolderReader
from tarim.stream import Col, Rows


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the journal is read.

    since_ms: events before it connect nobody.  as_at_ms: reading ends before the first event that happened at or after it;
    None reads to the end.  both_sides: a label convicts payer and payee instead of the payee alone.
    """

    since_ms: int | None = None
    as_at_ms: int | None = None
    relations: frozenset[Relation] = frozenset(Relation)
    both_sides: bool = False


def read_relations(settings: Settings, places: Places, asked: Asked, progress: Progress) -> Relations:
    """The relations in the journal of a data folder; the service may run.  Raises NotFound, InputError, TooLarge."""
    convicts = (Col.ACCOUNT, Col.PAYEE) if asked.both_sides else (Col.PAYEE,)
    with open_reader(places.journal, settings, check=False) as reader:
        batches = _batches(reader, asked.as_at_ms, progress)
        return relations_of(batches, since_ms=asked.since_ms, relations=asked.relations, convicts=convicts)


def _batches(reader: FolderReader, as_at_ms: int | None, progress: Progress) -> Iterator[Rows]:
    """Rows of the journal's records, up to the instant."""
    for record in reader.read(reader.first_seq, reader.durable_seq):
        if record.kind != RecordKind.EVENTS:
            continue
        rows = decode_events(record).rows
        if as_at_ms is not None:
            later = rows[:, Col.OCCURRED_MS] >= as_at_ms
            if later.any():
                yield rows[: int(later.argmax())]
                return
        yield rows
        progress(record.first_seq + record.count - reader.first_seq, reader.durable_seq - reader.first_seq)


def seeds_of(relations: Relations, accounts: list[str]) -> list[int] | None:
    """Numbers of accounts named by their tokens, 16 hexadecimal digits each; None for none.  Raises InputError."""
    if not accounts:
        return None
    found = []
    for text in accounts:
        try:
            token = int(np.uint64(int(text, 16)).astype(np.int64)) if len(text) == 16 else 0
        except ValueError:
            token = 0
        number = relations.number_of(Element.ACCOUNT, token)
        if number < 0:
            raise InputError(
                "an account to start from is no token of 16 hexadecimal digits, or is connected with nobody"
            )
        found.append(number)
    return found


def community_tags(relations: Relations, found: Communities, size_min: int) -> Iterator[Tag]:
    """Elements of the communities that have at least `size_min`."""
    sizes = found.sizes
    guilty = np.bincount(found.labels[relations.convicted & (found.labels >= 0)], minlength=len(sizes))
    for v in np.lexsort((np.arange(len(relations)), found.labels)).tolist():
        group = int(found.labels[v])
        if group >= 0 and sizes[group] >= size_min:
            yield _tag(relations, v, group + 1, int(sizes[group]), int(guilty[group]))


def risk_tags(relations: Relations, risk: np.ndarray, risk_min: float) -> Iterator[Tag]:
    """Elements of at least that risk, the riskiest first."""
    chosen = np.flatnonzero(risk >= risk_min)
    convicted = int(relations.convicted.sum())
    for v in chosen[np.lexsort((chosen, -risk[chosen]))].tolist():
        yield _tag(relations, v, 1, len(chosen), convicted, risk=float(risk[v]))


def ring_tags(relations: Relations, rings: list[Ring]) -> Iterator[Tag]:
    """Elements of each ring, by hops."""
    for number, ring in enumerate(rings, 1):
        guilty = int(relations.convicted[ring.members].sum())
        for v, hops, via in zip(ring.members.tolist(), ring.hops.tolist(), ring.via.tolist(), strict=True):
            yield _tag(relations, v, number, len(ring.members), guilty, hops=hops, via=via)


def _tag(
    relations: Relations,
    v: int,
    group: int,
    size: int,
    convicted: int,
    *,
    hops: int = -1,
    via: int = -1,
    risk: float = float("nan"),
) -> Tag:
    return Tag(
        Element(int(relations.kinds[v])),
        int(relations.tokens[v]),
        group,
        size,
        convicted,
        bool(relations.convicted[v]),
        hops,
        int(relations.tokens[via]) if via >= 0 else 0,
        risk,
    )
