"""The graph around an entity: who is shown, what links them, what stands for the rest, and how money moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS
from tarim.stream import Outcome
from tarim.views.links.domain import (
    Crowd,
    EntityKind,
    Ints,
    Link,
    LinkGraph,
    Node,
    Question,
    Relation,
    Step,
    Sums,
)
from tarim.views.links.drawing import Drawing, draw
from tarim.views.links.kernels.linking import (
    ALERTS,
    AMOUNT,
    CENTRE,
    COUNT,
    FIRST,
    KIND,
    LAST,
    OUTWARD,
    RELATION,
    STOPPED_FEN,
    TOKEN,
    WORST,
)
from tarim.views.links.looking import Between, columns
from tarim.views.links.selecting import Selection
from tarim.views.links.store import Seen

STEPS_MAX: Final = 120
CHINA_MS: Final = 8 * HOUR_MS
"""Steps begin with an hour or a day in China."""
STEP_MS: Final = (
    *(MINUTE_MS * each for each in (1, 5, 15)),
    *(HOUR_MS * each for each in (1, 3, 6, 12)),
    *(DAY_MS * each for each in (1, 7, 30, 365, 3650)),
)
"""How long a step is: the shortest of these with which there are few enough."""


def graph_around(seen: Seen, question: Question) -> LinkGraph:
    """The graph.  Raises NotFound when no event carries the subject."""
    selection = Selection(seen, question)
    between = Between(seen, question.filters, selection.shown)
    convicted = seen.convicted_among(*columns(selection.shown))
    crowds = selection.crowds
    drawing = draw(len(selection.shown), between.rows, crowds.rows[:, CENTRE], convicted)
    places = drawing.places[len(selection.shown) :].tolist()
    return LinkGraph(
        tuple(_nodes(selection, between.rows, convicted.tolist(), drawing)),
        tuple(
            Crowd(
                int(row[CENTRE]),
                Relation(int(row[RELATION])),
                bool(row[OUTWARD]),
                EntityKind(int(row[KIND])),
                size,
                guilty,
                _sums(row),
                *place,
            )
            for row, size, guilty, place in zip(
                crowds.rows, crowds.sizes.tolist(), crowds.convicted.tolist(), places, strict=True
            )
        ),
        tuple(
            Link(int(row[CENTRE]), int(row[TOKEN]), Relation(int(row[RELATION])), _sums(row)) for row in between.rows
        ),
        tuple(_steps(between)),
        seen.complete_from_ms,
        seen.end_seq,
    )


def _nodes(selection: Selection, links: Ints, convicted: list[bool], drawing: Drawing) -> Iterator[Node]:
    count = len(selection.shown)
    crowds = selection.crowds.rows
    worst, in_fen, out_fen = (np.zeros(count, np.int64) for _ in range(3))
    outward = crowds[:, OUTWARD] == 1
    for places, rows, into in (
        (links[:, CENTRE], links, out_fen),
        (links[:, TOKEN], links, in_fen),
        (crowds[outward, CENTRE], crowds[outward], out_fen),
        (crowds[~outward, CENTRE], crowds[~outward], in_fen),
    ):
        np.add.at(into, places, rows[:, AMOUNT] - rows[:, STOPPED_FEN])
        np.maximum.at(worst, places, rows[:, WORST])
    hidden = selection.hidden()
    for place, entity in enumerate(selection.shown):
        yield Node(
            entity,
            selection.hop_of[entity],
            entity in selection.asked,
            entity in selection.hubs,
            convicted[place],
            Outcome(int(worst[place])),
            int(selection.events[place]),
            hidden.get(entity),
            int(in_fen[place]),
            int(out_fen[place]),
            None if drawing.risk is None else float(drawing.risk[place]),
            int(drawing.community[place]),
            float(drawing.broker[place]),
            *drawing.places[place].tolist(),
        )


def _sums(row: Ints) -> Sums:
    count, amount, stopped, first, last, worst, alerts = row[
        [COUNT, AMOUNT, STOPPED_FEN, FIRST, LAST, WORST, ALERTS]
    ].tolist()
    return Sums(count, amount, stopped, first, last, Outcome(worst), alerts)


def _steps(between: Between) -> Iterator[Step]:
    """What moved, in time: only steps in which something did."""
    moving = between.moving()
    if not len(moving):
        return
    first_ms, last_ms = int(moving[:, FIRST].min()) + CHINA_MS, int(moving[:, LAST].max()) + CHINA_MS
    length_ms = next(each for each in STEP_MS if last_ms // each - first_ms // each < STEPS_MAX)
    begins_ms = np.arange(first_ms // length_ms, last_ms // length_ms + 1) * length_ms - CHINA_MS
    moved = between.steps(begins_ms)
    for begin_ms, events, fen in zip(begins_ms.tolist(), moved[:, :, 0], moved[:, :, 1], strict=True):
        links = np.flatnonzero(events)
        if len(links):
            yield Step(
                begin_ms,
                begin_ms + length_ms,
                tuple(zip(links.tolist(), events[links].tolist(), fen[links].tolist(), strict=True)),
            )
