"""What a service that decides has done ahead: code that runs slowly the first time, memory that the engine will want."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.bootstrap.house import House
from tarim.stream import Engine

_WARM_UP_ROUNDS: Final = 3
_MEMORY_CHECK_S: Final = 0.1
_MEMORY_STEP: Final = 2 << 20


def warm_up(house: House) -> None:
    """Run everything once that is slow the first time, on an engine and judge of their own."""
    import numpy as np

    from tarim.stream import Col, Kind, empty_rows

    engine = Engine(house.features, memory_bytes_max=64 << 20)
    decider = house.policy.decider
    for size in (1, 2, 64)[:_WARM_UP_ROUNDS]:
        rows = empty_rows(size)
        rows[:, Col.SEQ] = np.arange(engine.offset, engine.offset + size)
        rows[:, Col.KIND] = Kind.PAYMENT
        rows[:, Col.OCCURRED_MS] = 1_700_000_000_000
        rows[:, Col.ACCOUNT] = 1
        features = np.empty((size, len(house.features.names)))
        engine.process(rows, features)
        decisions = decider.decide(rows, features)
        decider.explain(decisions[0])
    for version in decider.models:
        with suppress(DefinitionError):
            house.score_explainer(house.features.version, version).top(features[0])
    if isinstance(house.engine, Engine):
        house.engine.prepare_memory(house.settings.engine.memory_ahead_bytes)


async def keep_memory_ready(house: House) -> None:
    """Top up what `warm_up` prepared, a large page at a time: an engine that grows finds its memory ready."""
    engine, loop = house.engine, asyncio.get_running_loop()
    while isinstance(engine, Engine):
        await asyncio.sleep(_MEMORY_CHECK_S)
        ahead = engine.prepared_bytes_ahead
        if ahead < house.settings.engine.memory_ahead_bytes // 2:
            await loop.run_in_executor(None, engine.prepare_memory, max(0, ahead) + _MEMORY_STEP)
