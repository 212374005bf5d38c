"""Homomorphic encryption between two companies over mutual TLS on one machine: campaign sums, scores, products of a training.

    python -m bench.federation_encryption [--products] [--shared FOLDER]

Campaign sums: 36,168 customers, 8 columns, 5 groups; scores: 50 features.  Each is compared with the plaintext's, to the last
bit.  Keys are made inside the clock.  Products: the same logistic regression by transfers and encrypted, over a line of 100
Mbit/s and 20 ms.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.federation import SLOW, logistic, shared_folder
from bench.two_parties import costs, together
from tarim.federation import Role
from tarim.federation.adapters.link import Link
from tarim.federation.encryption.scoring import (
    LinearModel,
    give_rows,
    learn_about_rows,
    learn_by_model,
    score_rows,
    scored_in_the_clear,
)
from tarim.federation.encryption.sums import GroupSums, Shape, give_groups, give_values, summed_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.product_forms import Line

CAMPAIGN = Shape(36_168, 8, 5, 100, 7)
FEATURES = 50
LEARNERS = frozenset({Role.SECOND})


def campaign(shape: Shape) -> tuple[Any, Any]:
    """(values, members): amounts in yuan with two digits, and who was offered what, at most one offer each."""
    draw = np.random.default_rng(31)
    values = np.round(draw.lognormal(8, 1, (shape.rows, shape.columns)), 2)
    offered = draw.integers(0, shape.groups + 1, shape.rows)
    return values, (offered[:, None] == np.arange(shape.groups)).astype(np.uint8)


def sum_party(role: Role, link: Link, shape: Shape) -> GroupSums | None:
    """One company of campaign sums that the bank learns."""
    values, members = campaign(shape)
    if role is Role.FIRST:
        return give_values(link, values, shape, LEARNERS)
    return give_groups(link, members, shape, LEARNERS)


@dataclass(frozen=True)
class Scored:
    """rows: scored; by_model: the learner has the model, and not the rows."""

    rows: int
    by_model: bool

    def made(self) -> tuple[Any, LinearModel]:
        """Rows and model, drawn at random."""
        draw = np.random.default_rng(32)
        return draw.normal(0, 1, (self.rows, FEATURES)), LinearModel(draw.normal(0, 0.3, FEATURES), 0.25)


def score_party(role: Role, link: Link, scored: Scored) -> Any:
    """One company of scores that the bank learns."""
    rows, model = scored.made()
    if role is Role.SECOND:
        return learn_by_model(link, model, len(rows)) if scored.by_model else learn_about_rows(link, rows)
    if scored.by_model:
        give_rows(link, rows)
    else:
        score_rows(link, model, len(rows))
    return None


def sums(shape: Shape = CAMPAIGN) -> dict[str, Any]:
    """Figures of campaign sums; wrong: figures that are not the plaintext's."""
    both = together(sum_party, shape)
    found, clear = both[1].result, summed_in_the_clear(*campaign(shape), shape)
    wrong = int((found.sums != clear.sums).sum() + (found.sizes != clear.sizes).sum())
    return costs(both) | {"rows": shape.rows, "columns": shape.columns, "groups": shape.groups, "wrong": wrong}


def scores(scored: Scored) -> dict[str, Any]:
    """Figures of encrypted scoring; wrong: scores that are not the plaintext's."""
    both = together(score_party, scored)
    wrong = int((both[1].result != scored_in_the_clear(*scored.made())).sum())
    return costs(both) | {"rows": scored.rows, "by_model": scored.by_model, "features": FEATURES, "wrong": wrong}


def products(shared: Path, batch_rows: int, epochs: int, line: Line | None) -> dict[str, Any]:
    """Figures of a joint training over a slow line; line: as agreed in the contract, None for transfers."""
    found = logistic(shared, Plan(batch_rows=batch_rows, epochs=epochs, line=line), SLOW)
    return found | {"batch_rows": batch_rows, "epochs": epochs, "agreed_mbit_s": line and line.mbit_s}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--products", action="store_true", help="the training over a slow line as well")
    parser.add_argument("--batch", type=int, default=8_192)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    options = parser.parse_args()
    print(json.dumps(sums()), flush=True)
    for rows in (1, 1_000):
        for by_model in (False, True):
            print(json.dumps(scores(Scored(rows, by_model))), flush=True)
    if options.products:
        for line in (None, Line(SLOW.rate_mbit_s)):
            print(json.dumps(products(options.shared, options.batch, options.epochs, line)), flush=True)


if __name__ == "__main__":
    main()
