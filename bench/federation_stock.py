"""A decision from what was made ahead and lies on disk: claim, open the packet, answer; two companies over mutual TLS.

    python -m bench.federation_stock [--questions N] [--training]

As `bench.federation_queries`, one row a question, but nothing is in memory: each question claims its row on both sides (a
synced write each), reads and opens a packet of 256 rows, and uses one of them.

--training: the logistic regression of `bench.federation` over a line of 100 Mbit/s and 20 ms, its sigmoids made before the
clock of the training runs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.federation import SLOW, prepare, shared_folder
from bench.federation_queries import COLUMNS, WIDTHS, Load
from bench.two_parties import together
from tarim.federation import Role, Session
from tarim.federation.adapters.link import Link
from tarim.federation.learning.encoding import Encoded
from tarim.federation.learning.logistic import JointModel, train
from tarim.federation.learning.logistic_blocks import block_rows
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS, Plan
from tarim.federation.learning.product_forms import Line
from tarim.federation.node.conversations import Ask, Ready, hear, say
from tarim.federation.node.sigmoids import StockedSigmoids, make_sigmoids
from tarim.federation.node.stock import PACKET_ROWS, Stock
from tarim.federation.queries import QueryPool, Question, answered_in_the_clear
from tarim.federation.session import Meeting
from tarim.federation.sharing import Share, encoded
from tarim.privacy import MasterKey

CONTRACT = "c" * 64
PACKET = f"{'0' * 32}-000000"


def party(role: Role, link: Link, questions: int) -> dict[str, Any]:
    """One company."""
    load = Load(Question.DECISION, 1, questions)
    (weights,), rows = load.weights, load.rows(role)
    mask = np.random.default_rng(100).integers(0, 2**64, COLUMNS, np.uint64)
    part = mask if role is Role.FIRST else encoded(weights, WEIGHT_FRACTION_BITS) - mask
    models = [JointModel(Share(part, WEIGHT_FRACTION_BITS), WIDTHS, WIDTHS)]
    with tempfile.TemporaryDirectory(prefix="tarim-stock-") as folder:
        stock = Stock(Path(folder), MasterKey(os.urandom(32)))
        pool = QueryPool(Session(link, role), models, Question.DECISION, PACKET_ROWS)
        stock.keep(CONTRACT, role, PACKET, pool.arrays())
        size, times, answers = stock.level(CONTRACT).bytes, [], []
        for number in range(questions):
            own = Encoded(WIDTHS, rows.integers[number : number + 1])
            begin = time.perf_counter()
            if role is Role.SECOND:
                pieces = stock.claim(CONTRACT, 1)
                say(link, "question", Ask((number,), pieces))
                hear(link, "ready", Ready)
            else:
                pieces = hear(link, "question", Ask).pieces
                assert stock.claim_those(CONTRACT, pieces)
                say(link, "ready", Ready(from_stock=True))
            ((piece, arrays),) = stock.opened(CONTRACT, role, pieces)
            pool = QueryPool(Meeting(link, role), models, Question.DECISION, PACKET_ROWS, made=arrays)
            pool.skip(piece.start)
            if role is Role.SECOND:
                answers.append(int(pool.ask(own)[0]))
                times.append(1e3 * (time.perf_counter() - begin))
            else:
                pool.answer(own)
    return {"packet_bytes": size, "times_ms": times, "answers": answers}


def measured(questions: int) -> dict[str, Any]:
    """Figures; wrong: answers other than the clear's."""
    assert questions <= PACKET_ROWS
    load = Load(Question.DECISION, 1, questions)
    first, second = (did.result for did in together(party, questions))
    clear = answered_in_the_clear(load.weights, Question.DECISION, load.rows(Role.FIRST), load.rows(Role.SECOND))
    return {
        "questions": questions,
        "wrong": int((np.array(second["answers"]) != clear[:questions]).sum()),
        "p50_ms": round(float(np.percentile(second["times_ms"], 50)), 2),
        "p95_ms": round(float(np.percentile(second["times_ms"], 95)), 2),
        "packet_mb": [round(each["packet_bytes"] / 1e6, 2) for each in (first, second)],
    }


def train_party(role: Role, link: Link, prepared: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
    """One company of a training whose sigmoids were made ahead."""
    plan, own, theirs, labels = prepared
    with tempfile.TemporaryDirectory(prefix="tarim-stock-") as folder:
        stock = Stock(Path(folder), MasterKey(os.urandom(32)))
        begin, rows = time.perf_counter(), plan.course(len(own[0])).rows
        block = block_rows(plan.batch_rows)
        blocks = -(-rows // block) * plan.epochs
        make_sigmoids(Session(link, role), plan, CONTRACT, stock, "d" * 64, blocks * block, lambda *_: None)
        ahead_s, ahead_bytes, stored = time.perf_counter() - begin, link.traffic.sent_bytes, stock.level(CONTRACT).bytes
        begin = time.perf_counter()
        train(Session(link, role), own[0], theirs, labels, plan, sigmoids=StockedSigmoids(stock, CONTRACT, plan))
        return {
            "ahead_s": round(ahead_s, 1),
            "ahead_mb": round(ahead_bytes / 1e6, 1),
            "stored_mb": round(stored / 1e6, 1),
            "training_s": round(time.perf_counter() - begin, 1),
            "training_mb": round((link.traffic.sent_bytes - ahead_bytes) / 1e6, 1),
            "packets_left": stock.level(CONTRACT).packets,
        }


def training(shared: Path, plan: Plan) -> list[dict[str, Any]]:
    """Figures of a training over a slow line, by party."""
    return [did.result for did in together(train_party, (shared, plan, 0), prepare, speed=SLOW)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--training", action="store_true")
    options = parser.parse_args()
    print(json.dumps(measured(options.questions)), flush=True)
    if options.training:
        for line in (None, Line(SLOW.rate_mbit_s)):
            print(json.dumps(training(shared_folder(), Plan(batch_rows=8_192, line=line))), flush=True)


if __name__ == "__main__":
    main()
