"""Watching whether losses are still contained: the rules that were named for it are looked for every hour (RM-14, TS-22)."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from tarim.base.errors import NotFound, TarimError
from tarim.desk import SYSTEM
from tarim.identity import EVERYTHING, Caller, CallerKind, Scope
from tarim.redress import Reviews

EVERY_S: Final = 3_600.0
_HOUSE: Final = Caller(SYSTEM, CallerKind.KEY, frozenset({Scope.REDRESS_READ}), EVERYTHING, EVERYTHING)


class ContainmentWatch:
    """How many losses have no rule in force any more; said in the log when there are more than before."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews
        self._log = structlog.get_logger("tarim.redress")
        self.lapsed = 0
        """As of the last look, 0 before it."""

    def look(self) -> int:
        """Look now.  Waits; raises what redress raises."""
        losses = {each.id for each in self._reviews.lapsed_rules(_HOUSE)}
        if len(losses) > self.lapsed:
            self._log.warning("losses are not contained any more", losses=len(losses))
        self.lapsed = len(losses)
        return self.lapsed

    async def run(self) -> None:
        """Look every hour, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(None, self.look)
            except NotFound:  # nothing was judged yet, so no rule can have lapsed
                pass
            except TarimError as error:
                self._log.warning("containments cannot be looked at", trouble=error.detail)
            await asyncio.sleep(EVERY_S)
