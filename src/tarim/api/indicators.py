"""Business figures in real time: read them, and be told in the log when one is out of the ordinary (RM-25)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import structlog

from tarim.api.routes import Call, Route
from tarim.base.instants import Clock
from tarim.decisions import Batch, Figure, Indicators, Reading, Taken, Word
from tarim.identity import Scope
from tarim.stream import Col

_CHECK_S: Final = 20.0


class ReadingBody(msgspec.Struct, frozen=True):
    """A figure of the last minutes.  `z`: its deviation in standard deviations; `abnormal`: a warning stands."""

    figure: Figure
    value: float
    expected: float
    z: float
    abnormal: bool


class IndicatorsBody(msgspec.Struct, frozen=True):
    """The figures; empty until as many minutes have passed as they are compared with."""

    readings: list[ReadingBody]


def indicator_routes(indicators: Indicators, clock: Clock) -> list[Route]:
    """The route."""

    async def read(call: Call) -> IndicatorsBody:
        return IndicatorsBody([_body(reading) for reading in indicators.read(clock.now_ms())])

    summary = "Business figures of the last minutes / 近期业务指标"
    return [Route("GET", "/v1/indicators", "read_indicators", summary, Scope.READ, read, IndicatorsBody)]


def count(indicators: Indicators, groups: Sequence[tuple[Taken, Batch]]) -> None:
    """Count what groups decided; what was fed after an outage counts in the minute it came."""
    rows = [taken.rows for taken, _ in groups if len(taken.rows)]
    if rows:
        outcomes = [taken.decisions[:, Word.OUTCOME] for taken, _ in groups if len(taken.rows)]
        received_ms = np.concatenate([each[:, Col.RECEIVED_MS] for each in rows])
        indicators.take(received_ms, np.concatenate(outcomes))


async def watch(indicators: Indicators, clock: Clock) -> None:
    """Say in the log what has become abnormal, and what is ordinary again; runs beside the server until cancelled."""
    log = structlog.get_logger("tarim.indicators")
    while True:
        await asyncio.sleep(_CHECK_S)
        for reading in indicators.changes(clock.now_ms()):
            say = log.warning if reading.abnormal else log.info
            say(
                "indicator abnormal" if reading.abnormal else "indicator ordinary again",
                figure=reading.figure.value,
                value=round(reading.value, 4),
                expected=round(reading.expected, 4),
                z=round(reading.z, 1),
            )


def _body(reading: Reading) -> ReadingBody:
    z = max(-1e9, min(1e9, reading.z))  # JSON has no infinity
    return ReadingBody(reading.figure, reading.value, reading.expected, z, reading.abnormal)
