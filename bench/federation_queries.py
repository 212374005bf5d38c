"""Questions about one customer and about a thousand, answered by two companies over mutual TLS on one machine.

    python -m bench.federation_queries [--queries N]

Fifty columns, 20 of 8 bits and 30 of one, half of each at either company; models drawn at random, shared: logistic regression,
then ten trees of depth five, whose splits are either company's at random.  What is made ahead is made before the clock runs,
and its cost is told apart.  Each answer is compared with the plaintext's.  Processor time is that of both companies.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.two_parties import together
from tarim.federation import Role, Session
from tarim.federation.adapters.link import Link
from tarim.federation.learning.boosting import JointTrees, Tree
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS
from tarim.federation.queries import QueryPool, Question, answered_in_the_clear
from tarim.federation.sharing import Share, encoded

WIDTHS = Widths((8,) * 10 + (1,) * 15)
COLUMNS = 1 + 2 * len(WIDTHS)
OFFERS = 5
WARM = 20


@dataclass(frozen=True)
class Load:
    """What is asked: `batch` rows at a time."""

    question: Question
    batch: int
    queries: int

    @property
    def kind(self) -> str:
        """Of model."""
        return "logistic regression"

    def answers(self) -> Any:
        """In the clear."""
        return answered_in_the_clear(self.weights, self.question, self.rows(Role.FIRST), self.rows(Role.SECOND))

    @property
    def weights(self) -> list[Any]:
        """Of each model; the test's own, known to both."""
        draw = np.random.default_rng(11)
        models = OFFERS if self.question is Question.BEST_OFFER else 1
        return [draw.normal(0, 0.3, COLUMNS) for _ in range(models)]

    def rows(self, role: Role) -> Encoded:
        """A party's rows."""
        draw = np.random.default_rng(20 + role)
        count = (self.queries + WARM) * self.batch
        return Encoded(WIDTHS, np.stack([draw.integers(0, 2**bits, count, np.uint64) for bits in WIDTHS.bits], axis=1))


def party(role: Role, link: Link, loads: Sequence[Load]) -> list[dict[str, Any]]:
    """One company, asked everything in one session."""
    session = Session(link, role)
    return [
        _of_trees(session, link, load) if isinstance(load, TreeLoad) else _linear(session, link, load) for load in loads
    ]


def _linear(session: Session, link: Link, load: Load) -> dict[str, Any]:
    rows, models = load.rows(session.role), []
    for number, weights in enumerate(load.weights):
        mask = np.random.default_rng(100 + number).integers(0, 2**64, COLUMNS, np.uint64)
        part = mask if session.first else encoded(weights, WEIGHT_FRACTION_BITS) - mask
        models.append(JointModel(Share(part, WEIGHT_FRACTION_BITS), WIDTHS, WIDTHS))

    def part_of(row: int) -> Encoded:
        return Encoded(WIDTHS, rows.integers[row : row + load.batch])

    return _questions(session, link, models, load, part_of)


def _questions(session: Session, link: Link, models: Any, load: Load, part_of: Callable[[int], Any]) -> dict[str, Any]:
    """Make a pool ahead and ask or answer from it.  part_of: a party's part of a batch, by its first row."""
    count = (load.queries + WARM) * load.batch
    begin = time.perf_counter()
    pool = QueryPool(session, models, load.question, count)
    prepared_s, sent = time.perf_counter() - begin, link.traffic.sent_bytes
    times, answers, used = [], [], time.process_time()
    for row in range(0, count, load.batch):
        part = part_of(row)
        begin = time.perf_counter()
        if session.first:
            pool.answer(part)
        else:
            answers.append(pool.ask(part))
            times.append(time.perf_counter() - begin)
    return {
        "prepared_ms_a_row": 1e3 * prepared_s / count,
        "cpu_ms": 1e3 * (time.process_time() - used) * load.batch / count,
        "sent_bytes_a_row": (link.traffic.sent_bytes - sent) / count,
        "times_ms": [1e3 * each for each in times[WARM:]],
        "answers": np.concatenate(answers) if answers else None,
    }


TREES, DEPTH = 10, 5


@dataclass(frozen=True)
class TreeLoad(Load):
    """The same of trees: columns hold bins below 16."""

    @property
    def kind(self) -> str:
        """Of model."""
        return "trees"

    @property
    def models(self) -> int:
        """How many are asked."""
        return OFFERS if self.question is Question.BEST_OFFER else 1

    @property
    def owners(self) -> Any:
        """Whose split each node of each tree of each model is."""
        return np.random.default_rng(31).integers(0, 2, (self.models, TREES, 2**DEPTH - 1))

    @property
    def leaves(self) -> Any:
        """In whole units of 2^-LEAF_FRACTION_BITS."""
        return np.random.default_rng(32).integers(-900, 900, (self.models, TREES, 2**DEPTH))

    def bins(self, role: Role) -> Any:
        """A party's rows."""
        count = (self.queries + WARM) * self.batch
        return np.random.default_rng(20 + role).integers(0, 16, (count, len(WIDTHS))).astype(np.uint8)

    def split(self, model: int, tree: int, node: int) -> tuple[int, int]:
        """Of the node's owner."""
        return (11 * model + 7 * tree + node) % len(WIDTHS), (3 * tree + 5 * node) % 15

    def answers(self) -> Any:
        """In the clear."""
        rows = [self.bins(role) for role in Role]
        scores = np.stack([self._scores(model, rows) for model in range(self.models)], axis=1)
        match self.question:
            case Question.SCORE:
                return scores[:, 0] / 2.0**LEAF_FRACTION_BITS
            case Question.DECISION:
                return scores[:, 0] >= 0
            case Question.BEST_OFFER:
                return scores.argmax(axis=1)

    def _scores(self, model: int, rows: list[Any]) -> Any:
        total = np.zeros(len(rows[0]), np.int64)
        owners, leaves = self.owners[model], self.leaves[model]
        for tree in range(TREES):
            node = np.zeros(len(rows[0]), np.int64)
            for _ in range(DEPTH):
                right = np.empty(len(node), bool)
                for each in np.unique(node).tolist():
                    column, last = self.split(model, tree, each)
                    here = node == each
                    right[here] = rows[owners[tree, each]][here, column] > last
                node = 2 * node + 1 + right
            total += leaves[tree][node - (2**DEPTH - 1)]
        return total


def _of_trees(session: Session, link: Link, load: TreeLoad) -> dict[str, Any]:
    rows, owners = load.bins(session.role), load.owners
    mask = np.random.default_rng(100).integers(0, 2**64, load.leaves.shape, np.uint64)
    leaves = mask if session.first else load.leaves.astype(np.uint64) - mask

    def own(model: int, tree: int) -> Tree:
        nodes = np.flatnonzero(owners[model, tree] == session.role).tolist()
        return Tree(owners[model, tree], {n: load.split(model, tree, n) for n in nodes}, leaves[model, tree])

    joint = [JointTrees(DEPTH, [own(model, tree) for tree in range(TREES)]) for model in range(load.models)]
    return _questions(session, link, joint, load, lambda row: [rows[row : row + load.batch]] * load.models)


def measured(loads: Sequence[Load]) -> list[dict[str, Any]]:
    """Figures of each load; wrong: answers that are not the plaintext's."""
    first, second = (did.result for did in together(party, tuple(loads)))
    return [_figures(load, *both) for load, *both in zip(loads, first, second, strict=True)]


def _figures(load: Load, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {
        "question": load.question.value,
        "model": load.kind,
        "batch": load.batch,
        "queries": load.queries,
        "wrong": int((second["answers"] != load.answers()).sum()),
        "p50_ms": round(float(np.percentile(second["times_ms"], 50)), 2),
        "p95_ms": round(float(np.percentile(second["times_ms"], 95)), 2),
        "cpu_ms": round(first["cpu_ms"] + second["cpu_ms"], 2),
        "prepared_ms_a_row": round(second["prepared_ms_a_row"], 3),
        "sent_bytes_a_row": [round(each["sent_bytes_a_row"]) for each in (first, second)],
    }


def loads_of(kind: type[Load], queries: int, thousands: int) -> list[Load]:
    """Every question about one customer, and decisions about a thousand."""
    return [*(kind(question, 1, queries) for question in Question), kind(Question.DECISION, 1_000, thousands)]


def main() -> None:
    """Print the figures of every question."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--queries", type=int, default=400)
    options = parser.parse_args()
    thousands = max(1, options.queries // 20)
    for found in measured([load for kind in (Load, TreeLoad) for load in loads_of(kind, options.queries, thousands)]):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
