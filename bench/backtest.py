"""A backtest of ninety days of the simulated bank, from the journal: how long it takes, and whether it is what was recorded.

    python -m bench.backtest [--quick]

The bank's days (36,000 events a day, crime and its labels) are decided live, one group after another, by the starter rules.
Then the same rules are put on trial over the whole journal, and beside them a draft of three, side by side.  The clock runs
from the call to the kept result: the journal's digests are checked, the span is found, the engine starts empty, everything
is measured and written.  What was compiled before is loaded from the cache; the process and its kernels are warm.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.acceptance import Line, Run, at_most, none
from tarim.base.instants import instant_ms
from tarim.bootstrap.backtesting import Asked, backtest
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.settings import settings_of
from tarim.intake import EventBatch
from tarim.rules import starter_pack
from tarim.simulation import SimulationSettings, simulate_rows
from tarim.stream import Rows

DAYS: Final = 90
QUICK_DAYS: Final = 4
TARGET_S: Final = 60
GROUP_EVENTS: Final = 8_192
_FIRST_DAY_END_MS: Final = instant_ms(datetime(2026, 1, 6, tzinfo=UTC))
DRAFT: Final = """name = "draft"

[[rule]]
id = "new_payee"
when = 'kind == "transfer" and payer_is_new_payee_30d and amount_fen >= 5_000 yuan'
outcome = "challenge"
weight = 60
scenario = "telecom_fraud"
reason = "向新收款方转账"
reason_en = "a transfer to a new payee"

[[rule]]
id = "night"
when = 'hour in (0, 1, 2, 3, 4) and payer_is_new_payee_30d'
outcome = "notice"
weight = 40
scenario = "telecom_fraud"
reason = "凌晨向新收款方付款"
reason_en = "a payment to a new payee at night"

[[rule]]
id = "everything"
when = "amount_fen >= 0 yuan"
outcome = "pass"
weight = 0
scenario = "telecom_fraud"
reason = "任何有金额的交易"
reason_en = "anything with an amount"
"""
"""Beside sensible rules one that nearly always holds: the most there is to count."""


def run(*, quick: bool) -> dict[str, Any]:
    """Figures of one run."""
    with tempfile.TemporaryDirectory(prefix="tarim-bench-") as folder:
        data = Path(folder) / "data"
        places = make_data_folder(data)
        settings = settings_of(data, {})
        events, filled_s = fill(data, QUICK_DAYS if quick else DAYS)
        warm = Asked((starter_pack(), DRAFT), to_ms=_FIRST_DAY_END_MS)
        backtest(settings, places, warm)
        alone = backtest(settings, places, Asked((starter_pack(),)))
        both = backtest(settings, places, Asked((starter_pack(), DRAFT)))
        again = backtest(settings, places, Asked((starter_pack(),)))
        journal_bytes = sum(path.stat().st_size for path in places.journal.glob("*.seg"))
    recorded = alone.core.measured.drafts[0].recorded
    return {
        "events": events,
        "filled_s": round(filled_s, 1),
        "journal_mb": round(journal_bytes / 1e6),
        "rules": len(alone.core.measured.drafts[0].rules),
        "took_s": round(alone.took_s, 2),
        "took_again_s": round(again.took_s, 2),
        "took_two_drafts_s": round(both.took_s, 2),
        "events_per_s": round(alone.events / alone.took_s),
        "compared": recorded.events,
        "differing": recorded.differing,
        "hit": alone.core.measured.drafts[0].hit.events,
        "labelled_fraud": alone.core.measured.fraud,
        "same_bytes": alone.digest == again.digest,
    }


def fill(data: Path, days: int) -> tuple[int, float]:
    """Decide the bank's days into the journal of `data`; events and seconds."""
    begun = time.perf_counter()
    count = 0
    with House(settings_of(data, {}), Places(data), os.environ) as house:
        for day in simulate_rows(SimulationSettings(days=days, label_events=True, seed=11)):
            for start in range(0, len(day), GROUP_EVENTS):
                rows = np.ascontiguousarray(day[start : start + GROUP_EVENTS])
                house.service.take(_batch(rows, count))
                count += len(rows)
            house.journal.commit()
    return count, time.perf_counter() - begun


def _batch(rows: Rows, first: int) -> EventBatch:
    size = len(rows)
    ids = [f"b-{number}" for number in range(first, first + size)]
    return EventBatch(rows, ids, ["bank"] * size, [None] * size, [None] * size, np.zeros(0, np.uint64))


def lines(run_: Run) -> Iterator[Line]:
    """The bar's lines."""
    found = run(quick=run_.quick)
    note = f"{found['events']:,} events, {found['events_per_s']:,}/s; two drafts {found['took_two_drafts_s']} s"
    target_s = TARGET_S * (QUICK_DAYS / DAYS if run_.quick else 1)
    yield at_most("backtest, 90 days (quick: 4, in proportion)", round(target_s, 2), found["took_s"], " s", note)
    note = f"of {found['compared']:,} events, {found['rules']} rules, {found['hit']:,} hit"
    yield none("backtest, against what was recorded live", "event differs", found["differing"], note)
    yield none("backtest, repeated", "byte differs", int(not found["same_bytes"]))


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=2))
