"""Two companies as two processes over mutual TLS on one machine: what a joint training costs and how good it is.

    python -m bench.federation [--shared FOLDER] [--epochs N]

UCI bank marketing (45,211 calls of a Portuguese bank), split by columns between a data company and a bank that holds the
label; four fifths of the rows, drawn with a seed, train and the rest is judged.  Time runs from the first byte of the session,
base transfers and everything prepared beforehand included; memory is what each process held at most.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from bench.slow_line import Speed
from bench.two_parties import costs, together
from tarim.federation import Role, Session
from tarim.federation.adapters.link import Link
from tarim.federation.learning.boosting import (
    Bins,
    Boosting,
    BoostingPlan,
    Loss,
    bin_edges,
    binned,
    margins,
)
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear, scored_in_the_clear
from tarim.federation.learning.encoding import Encoded, Encoder
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.sharing import Share, open_to
from tarim.models import auc

DATA_COMPANY = ("age", "job", "marital", "education", "default", "balance", "housing")
BANK = ("loan", "contact", "day", "month", "duration", "campaign", "pdays", "previous", "poutcome")
FILE = "uci_bank_full.parquet"
TEST_SHARE = 0.2
SLOW = Speed(100, 20)

Floats = npt.NDArray[np.float64]


def shared_folder() -> Path:
    """Where the public data sets lie."""
    return Path(os.environ.get("TARIM_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"


class Marketing:
    """The data set, split by rows (seeded) and by columns."""

    def __init__(self, folder: Path, seed: int = 0, duration: bool = True) -> None:
        table = pq.read_table(folder / FILE)
        self.labels = (np.array(table["y"].to_pylist()) == "yes").astype(np.uint8)
        order = np.random.default_rng(seed).permutation(len(self.labels))
        cut = int(len(order) * (1 - TEST_SHARE))
        self.train, self.test = order[:cut], order[cut:]
        bank = [name for name in BANK if duration or name != "duration"]
        self.raw = {Role.FIRST: _codes(table, DATA_COMPANY), Role.SECOND: _codes(table, bank)}
        self.columns = {Role.FIRST: _columns(table, DATA_COMPANY), Role.SECOND: _columns(table, bank)}

    def binned(self, role: Role) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Bins]:
        """Training and test rows of one party in at most sixteen bins a column, texts by their codes."""
        edges = [bin_edges(column[self.train]) for column in self.raw[role]]
        parts = [
            np.stack([binned(column[rows], at) for column, at in zip(self.raw[role], edges, strict=True)], axis=1)
            for rows in (self.train, self.test)
        ]
        return parts[0], parts[1], Bins(tuple(len(at) + 1 for at in edges))

    def encoded(self, role: Role) -> tuple[Encoded, Encoded]:
        """Training and test rows of one party, encoded by what it learned on the training rows."""
        columns = self.columns[role]
        encoder = Encoder.learned([column[self.train] for column in columns])
        parts = (encoder.encoded([column[rows] for column in columns]) for rows in (self.train, self.test))
        return next(parts), next(parts)


def _codes(table: Any, names: Any) -> list[Floats]:
    """Numbers as they are, texts as their place in the alphabet."""
    values = [np.array(table[name].to_pylist()) for name in names]
    return [
        each.astype(np.float64)
        if each.dtype.kind in "if"
        else np.unique(each, return_inverse=True)[1].astype(np.float64)
        for each in values
    ]


def _columns(table: Any, names: Any) -> list[Floats]:
    """Numbers as they are, texts as a yes-or-no column for each value but the first."""
    found: list[Floats] = []
    for name in names:
        values = np.array(table[name].to_pylist())
        if values.dtype.kind in "if":
            found.append(values.astype(np.float64))
        else:
            found += [(values == each).astype(np.float64) for each in np.unique(values)[1:]]
    return found


def prepare(role: Role, argument: tuple[Path, Plan | BoostingPlan, int]) -> tuple[Plan | BoostingPlan, Any, Any, Any]:
    """A company's plan, columns and labels, and the other's public widths."""
    shared, plan, seed = argument
    data = Marketing(shared, seed)
    labels = data.labels[data.train] if role is Role.SECOND else None
    if isinstance(plan, Plan):
        return plan, data.encoded(role), data.encoded(Role(1 - role))[0].widths, labels
    return plan, data.binned(role), data.binned(Role(1 - role))[2], labels


def party(role: Role, link: Link, prepared: tuple[Plan | BoostingPlan, Any, Any, Any]) -> tuple[Session, Any, Any]:
    """One company; its part of the model."""
    plan, own, theirs, labels = prepared
    session = Session(link, role)
    if isinstance(plan, Plan):
        return session, train(session, own[0], theirs, labels, plan), None
    return session, Boosting(session, own[0], own[2], theirs, labels, plan).run(), own[1]


def judge(_role: Role, _link: Link, done: tuple[Session, Any, Any]) -> Any:
    """What is opened to the bank: weights, or the trees' scores of the test rows."""
    session, model, tests = done
    opened = model.weights if tests is None else Share(margins(session, model, tests), LEAF_FRACTION_BITS)
    values = open_to(session, opened, Role.SECOND, "what the model is judged by")
    return None if values is None else values.tolist()


def _together(shared: Path, plan: Plan | BoostingPlan, speed: Speed | None, seed: int) -> tuple[dict[str, Any], Floats]:
    """What a run cost, and what was opened to the bank."""
    both = together(party, (shared, plan, seed), prepare, judge, speed)
    return costs(both), np.array(both[1].result)


def logistic(shared: Path, plan: Plan, speed: Speed | None = None, seed: int = 0) -> dict[str, Any]:
    """Figures of one joint logistic regression.  seed: of the rows' split."""
    costs, weights = _together(shared, plan, speed, seed)
    data = Marketing(shared, seed)
    x = np.column_stack([np.ones(len(data.test)), *(data.encoded(role)[1].values for role in Role)])
    labels = data.labels[data.test]
    trains = [data.encoded(role)[0] for role in Role]
    clear = trained_in_the_clear(trains[0], trains[1], data.labels[data.train], plan)
    return costs | {
        "rows": len(data.train),
        "columns": x.shape[1] - 1,
        "auc": round(auc(x @ weights, labels), 4),
        "auc_clear": round(auc(x @ clear, labels), 4),
        "weights_differ": round(float(np.abs(weights - clear).max()), 5),
    }


def boosting(shared: Path, plan: BoostingPlan, speed: Speed | None = None) -> dict[str, Any]:
    """Figures of one joint training of trees; in the clear: the same whole numbers.  Scores differ in units of the last bit."""
    costs, scores = _together(shared, plan, speed, 0)
    data = Marketing(shared)
    labels = data.labels[data.test]
    found = costs | {"rows": len(data.train), "auc": round(auc(scores, labels), 4)}
    trains, tests, shapes = zip(*(data.binned(role) for role in Role), strict=True)
    trees = boosted_in_the_clear(trains, shapes, data.labels[data.train], plan)
    clear = scored_in_the_clear(trees, tests, shapes, plan.depth).astype(float)
    return found | {
        "auc_clear": round(auc(clear, labels), 4),
        "scores_differ": float(np.abs(scores * 2.0**LEAF_FRACTION_BITS - clear).max()),
    }


def main() -> None:
    """Print the figures of some runs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--boosting", choices=list(Loss), default=None)
    parser.add_argument("--slow", action="store_true", help="100 Mbit/s and 20 ms there and back")
    options = parser.parse_args()
    speed = SLOW if options.slow else None
    if options.boosting:
        runs = [boosting(options.shared, BoostingPlan(loss=Loss(options.boosting)), speed) for _ in range(options.runs)]
    else:
        runs = [logistic(options.shared, Plan(epochs=options.epochs), speed) for _ in range(options.runs)]
    for figures in runs:
        print(json.dumps(figures))
    print(f"median {statistics.median(each['took_s'] for each in runs)} s")


if __name__ == "__main__":
    main()
