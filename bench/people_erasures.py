"""Deleting a customer: alone, under another name, with other content, and past everything that has to stop it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.acceptance import Line, none
from tarim.base.errors import TarimError
from tarim.identity import Scope
from tarim.redress.domain import erasure, hold, loss_events
from tarim.redress.domain.files import Approve
from tests.fakes.redress import READ, START_MS, WORKER, House, house, person


def lines() -> Iterator[Line]:
    """The bar `four eyes`, for deletions."""
    passed, tried, agreed = deletions()
    yield none(
        "four eyes, deletion: alone or past an obstacle", "way", len(passed), "; ".join(passed) or f"{tried} tries"
    )
    yield none("four eyes, deletion: two persons kept out", "deletion", int(not agreed))


def deletions() -> tuple[list[str], int, bool]:
    """(ways in which a customer was nearly deleted, ways tried, whether two persons get it with nothing in the way)."""
    work, approve = Scope.ERASURES_WORK, Scope.ERASURES_APPROVE
    asks, agrees = person("li.na", READ, work), person("wang.wei", READ, approve)
    alone = [
        *(person(name, READ, work, approve) for name in ("li.na", "li.na.2")),
        person("wang.wei", READ, work),
        person("wang.wei", *(scope for scope in Scope if scope is not approve)),
    ]
    blocks: list[Callable[[House, int], object]] = [
        lambda bank, customer: bank.redress.open(
            WORKER, "hold", hold.Open(hold.Ground.INVESTIGATION, _plain("keep")), customer=customer
        ),
        lambda bank, customer: bank.decisions.newest_ms.update({customer: START_MS}),
        lambda bank, customer: bank.open_cases.update({customer: ["CASE-2026-000001"]}),
        lambda bank, customer: bank.redress.open(
            WORKER, "loss", loss_events.Open(100, _plain("gone"), START_MS - 1), customer=customer
        ),
    ]
    passed: list[str] = []
    tried = 0
    with (
        tempfile.TemporaryDirectory(prefix="tarim-erasures-") as name,
        house(Path(name), f"sqlite:///{name}/a.db") as bank,
    ):

        def wish(customer: int) -> tuple[str, str]:
            event = erasure.Open(erasure.ErasureBasis.PERIOD_OVER, _plain("left"), 1)
            file_id = bank.redress.open(asks, "erasure", event, customer=customer)
            return file_id, bank.redress.act(asks, file_id, erasure.Erase(_plain("checked"))).digest

        def refused(what: str, act: Callable[[], object]) -> None:
            nonlocal tried
            tried += 1
            try:
                act()
            except TarimError:
                return
            passed.append(what)

        file_id, digest = wish(1)
        for caller in alone:
            refused(f"approved by {caller.name}", partial(bank.redress.act, caller, file_id, Approve(digest)))
        refused("another digest", partial(bank.redress.act, agrees, file_id, Approve("0" * 64)))
        for customer, block in enumerate(blocks, 2):
            blocked_id, wanted = wish(customer)
            block(bank, customer)
            refused(f"past obstacle {customer}", partial(bank.redress.act, agrees, blocked_id, Approve(wanted)))
        agreed = bank.redress.act(agrees, file_id, Approve(digest)).state == erasure.State.APPROVED
    return passed, tried, agreed


def _plain(text: str) -> Any:
    """A text as people write it; it is sealed on its way."""
    return text
