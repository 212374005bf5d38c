"""Samples to learn from: three months of payments of a few hundred customers, made from a seed."""

from __future__ import annotations

import numpy as np

from tarim.models.lab import Samples

DAY_MS = 86_400_000
START_MS = 1_767_196_800_000
"""2026-01-01T00:00+08:00."""

NAMES = ("amount", "count_24h", "new_payee", "night", "noise", "amount_twin", "constant")


def make_samples(rows=6_000, days=90, seed=0, delay_days=7, roles=False, weight=None, drift=False):
    """Frauds are large payments to new payees, at night the more so; `noise` says nothing, `amount_twin` what amount says."""
    rng = np.random.default_rng(seed)
    occurred = np.sort(START_MS + (rng.random(rows) * days * DAY_MS).astype(np.int64))
    amount = rng.lognormal(8, 1.2, rows)
    count = rng.poisson(2.0, rows).astype(float)
    new, night = (rng.random(rows) < 0.2).astype(float), (rng.random(rows) < 0.25).astype(float)
    if drift:
        amount *= np.where(occurred > START_MS + 60 * DAY_MS, 4.0, 1.0)
    odds = -5.2 + 1.1 * (np.log(amount) - 8) + 2.0 * new + 1.0 * night + 0.2 * count
    labels = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    table = np.column_stack(
        [
            amount,
            count,
            new,
            night,
            rng.normal(size=rows),
            np.sqrt(amount) * rng.lognormal(0, 0.01, rows),
            np.ones(rows),
        ]
    )
    table[rng.random(rows) < 0.1, 1] = np.nan
    role = np.full(rows, "", object)
    if roles:
        share = np.arange(rows) / rows
        role[:] = np.where(share < 0.6, "training", np.where(share < 0.8, "validation", "test"))
    return Samples(
        features=table,
        labels=labels,
        names=NAMES,
        occurred_ms=occurred,
        known_ms=occurred + delay_days * DAY_MS,
        amount_fen=np.rint(amount * 100).astype(np.int64),
        customer=rng.integers(1, 400, rows),
        role=role,
        weight=np.ones(rows) if weight is None else weight,
        digest="ab" * 32,
        feature_version="1" * 16,
        segments={"channel": rng.choice(np.array(["mobile", "counter", "atm"], object), rows, p=[0.8, 0.19, 0.01])},
    )
