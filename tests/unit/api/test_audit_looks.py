"""Looks at the trail: one after the other, a trace shown to whoever began it alone, no more than there is room for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from tarim.api.audit_looks import KEPT_MAX, WAITING_MAX, Look, Looks
from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.bootstrap.audit_looking import Found, TraceFound

FOUND = Found(trace=TraceFound([], 0, False))


async def over(look: Look) -> None:
    for _ in range(500):
        if look.state in ("done", "failed"):
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it does not end")


def looks(run: Callable[[Look], Found] = lambda _look: FOUND) -> Looks:
    return Looks(run, lambda: 1_800_000_000_000)


def test_a_trace_is_shown_to_whoever_began_it_and_an_examination_to_everybody() -> None:
    async def test() -> None:
        kept = looks()
        traced = kept.begin("trace", "core", "e-1", "wu.qiang")
        examined = kept.begin("examine", "", "", "wu.qiang")
        other = kept.begin("trace", "core", "e-1", "zhou.mei")
        assert other is not traced and kept.begin("trace", "core", "e-1", "wu.qiang") is traced
        for each in (traced, examined, other):
            await over(each)
        assert kept.get(traced.id, "wu.qiang").trace == FOUND.trace
        with pytest.raises(NotFound):
            kept.get(traced.id, "zhou.mei")
        assert kept.get(examined.id, "zhou.mei") is examined
        assert kept.listed("zhou.mei") == [other, examined]
        with pytest.raises(NotFound):
            kept.get("0" * 16, "wu.qiang")

    asyncio.run(test())


def test_one_is_carried_out_at_a_time_and_too_many_are_refused() -> None:
    at_once = most = 0
    lock, go = threading.Lock(), threading.Event()

    def run(_look: Look) -> Found:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        go.wait(10)
        with lock:
            at_once -= 1
        return FOUND

    async def test() -> None:
        kept = looks(run)
        begun = [kept.begin("trace", "core", f"e-{number}", "wu.qiang") for number in range(WAITING_MAX)]
        with pytest.raises(Unavailable):
            kept.begin("trace", "core", "e-99", "wu.qiang")
        go.set()
        for each in begun:
            await over(each)

    asyncio.run(test())
    assert most == 1


def test_why_one_failed_is_said_and_the_oldest_are_forgotten() -> None:
    def run(look: Look) -> Found:
        if look.event_id == "bad":
            raise Damaged("the record at 7 cannot be read")
        return FOUND

    async def test() -> None:
        kept = looks(run)
        failed = kept.begin("trace", "core", "bad", "wu.qiang")
        await over(failed)
        assert (failed.state, failed.trouble) == ("failed", "the record at 7 cannot be read")
        for number in range(KEPT_MAX + 2):
            await over(kept.begin("trace", "core", f"e-{number}", "wu.qiang"))
        assert len(kept.listed("wu.qiang")) <= KEPT_MAX + 1
        with pytest.raises(NotFound):
            kept.get(failed.id, "wu.qiang")

    asyncio.run(test())
