"""Logistic regression on shares: the mini-batch descent of `learning.logistic`, step by step the same, as a program of SPU.

Columns are whole numbers, so a product with them needs no truncation.  With x the integers (five fraction bits), what is kept
of the weights is v = w / (4 unit), for which u = x v + 1/2 is clipped to 0..1 and is the probability; a step is

    v -= (p - y) x 2^-shift,   shift = log2(batch) + 2 fraction bits + 2 - log2(learning rate)

which truncates once.  The clip is max(u, 0) - max(u - 1, 0): both comparisons in one round.
Opened: nothing.  The weights are left as additive parts of the two companies.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jax.numpy as jnp
import numpy as np

from .node import FIRST, SECOND, Node

FRACTION_BITS: Final = 26
"""Of SPU's fixed point: sums of 2^14 rows of 8-bit integers, and the smallest step, both fit 64 bits."""


def run(node: Node, job: dict[str, Any], folder: Path, progress: Callable[[str, int, int], None]) -> None:
    """Train; leaves out/weights.npy: this company's part of v (columns + 1,), the bias last, FRACTION_BITS fraction bits."""
    batch, epochs, unit = job["batch_rows"], job["epochs"], 1 << job["value_fraction_bits"]
    batches = job["rows"] // batch
    counts = {FIRST: job["columns"][FIRST], SECOND: job["columns"][SECOND]}
    own = np.load(folder / "own.npy", mmap_mode="r") if node.rank <= SECOND else None
    labels = np.load(folder / "labels.npy", mmap_mode="r") if node.rank == SECOND else None
    for number in range(batches):
        rows = slice(number * batch, (number + 1) * batch)
        for owner, count in counts.items():
            mine = None if own is None or node.rank != owner else np.asarray(own[rows])
            node.share(f"x{owner}-{number}", owner, np.zeros((batch, count), np.int32), mine)
        mine = None if labels is None else np.asarray(labels[rows], np.float32)
        node.share(f"y-{number}", SECOND, np.zeros(batch, np.float32), mine)
        progress("sharing", number + 1, batches)
    zeros = np.zeros(sum(counts.values()) + 1, np.float32)
    node.share("v", FIRST, zeros, zeros if node.rank == FIRST else None)
    step = _step(batch, unit, np.float32(2.0 ** -job["shift"]), job["decay"])
    for epoch in range(epochs):
        for number in range(batches):
            node.compute("step", step, [f"x{FIRST}-{number}", f"x{SECOND}-{number}", f"y-{number}", "v"], ["v"])
            progress("training", epoch * batches + number + 1, epochs * batches)
    part = node.additive_part("v")
    if part is not None:
        np.save(folder / "out" / "weights.npy", part)


def _step(batch: int, unit: int, scale: np.float32, decay: float) -> Callable[..., Any]:
    def step(first: Any, second: Any, labels: Any, v: Any) -> Any:
        x = jnp.concatenate([first, second, jnp.full((batch, 1), unit, first.dtype)], axis=1)
        u = x @ v + 0.5
        clipped = jnp.maximum(jnp.stack([u, u - 1.0]), 0.0)
        change = ((clipped[0] - clipped[1] - labels) @ x) * scale
        if decay:
            change = change + v.at[-1].set(0.0) * np.float32(decay)
        return v - change

    return step
