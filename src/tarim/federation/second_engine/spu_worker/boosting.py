"""Gradient-boosted trees on shares, with log loss: the training of `learning.boosting`, as a program of SPU.

    bit of a candidate split and a row    1 where the row goes left: each company's own, shared once
    a node's lanes                        gradient and Hessian of its rows, and 1; 0 at the rows of other nodes; all shared
    histograms                            lanes times bits, of left children only; the right ones are parent less left
    split                                 the greatest gain's place, as a shared vector of 0 and one 1
    left child's lanes                    (bits times that vector) times the parent's: no party learns which rows they are
    leaf                                  -step G / (H + penalty); margins += leaf times the lane of ones

Opened: to each company the places of its own splits, once, at the end, and -1 for the other's.  So it learns which nodes are
split by the other company, which is public in this project's own engine too.  Sums, membership, gains, margins and leaf values
are not opened; leaves are left as additive parts of the two companies.

Fixed point with 18 fraction bits: |G| G / (H + penalty) stays below 2^(6 + log2 rows), as every row has a Hessian of at least
2^-6, so its product fits 64 bits up to 2^19 rows.  Gains are rounded: near-equal splits may fall otherwise than in the clear.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jax.numpy as jnp
import numpy as np

from .node import FIRST, SECOND, Node

FRACTION_BITS: Final = 18
HESSIAN_LEAST: Final = np.float32(2.0**-6)


def run(node: Node, job: dict[str, Any], folder: Path, progress: Callable[[str, int, int], None]) -> None:
    """Train; leaves out/leaves.npy: this company's part, (trees, leaves), and out/places.npy: its splits, (trees, nodes)."""
    rows, depth, trees = job["rows"], job["depth"], job["trees"]
    candidates = job["candidates"]
    for owner in (FIRST, SECOND):
        mine = np.load(folder / "ways.npy") if node.rank == owner else None
        node.share(f"ways{owner}", owner, np.zeros((rows, candidates[owner]), np.int8), mine)
        progress("sharing", owner + 1, 2)
    labels = np.load(folder / "labels.npy").astype(np.float32) if node.rank == SECOND else None
    node.share("labels", SECOND, np.zeros(rows, np.float32), labels)
    node.compute("all ways", lambda a, b: jnp.concatenate([a, b], axis=1), ["ways0", "ways1"], ["ways"])
    node.forget("ways0", "ways1")
    node.compute("margins", lambda y: y * 0.0, ["labels"], ["margins"])
    grow = _tree(depth, candidates, np.float32(job["penalty"]), np.float32(job["step"]))
    for number in range(trees):
        results = [f"leaves-{number}", f"first-{number}", f"second-{number}"]
        node.compute("tree", grow, ["ways", "labels", "margins"], ["margins", *results])
        progress("training", number + 1, trees)
    places = [
        [node.open_to(f"{name}-{number}", owner, f"splits of tree {number + 1}") for number in range(trees)]
        for owner, name in ((FIRST, "first"), (SECOND, "second"))
    ]
    leaves = [node.additive_part(f"leaves-{number}") for number in range(trees)]
    if node.rank <= SECOND:
        np.save(folder / "out" / "places.npy", np.stack([np.asarray(each) for each in places[node.rank]]))
        np.save(folder / "out" / "leaves.npy", np.stack([each for each in leaves if each is not None]))


def _tree(depth: int, candidates: list[int], penalty: np.float32, step: np.float32) -> Callable[..., Any]:
    """A tree of shared values: new margins, leaves, splits of the first company and of the second, -1 where not its own."""
    count = sum(candidates)

    def score(gradient: Any, hessian: Any) -> Any:
        return gradient * (gradient / (hessian + penalty))

    def best(sums: Any, totals: Any) -> Any:
        """Place of the greatest gain.  sums: (nodes, 2, candidates); totals: (nodes, 2)."""
        left, right = sums, totals[:, :, None] - sums
        sides = jnp.stack([left, right])
        return jnp.argmax(score(sides[:, :, 0], sides[:, :, 1]).sum(axis=0), axis=1)

    def tree(ways: Any, labels: Any, margins: Any) -> Any:
        u = margins * np.float32(0.25) + np.float32(0.5)
        clipped = jnp.maximum(jnp.stack([u, u - 1.0]), 0.0)
        probability = clipped[0] - clipped[1]
        lanes = jnp.stack([probability - labels, probability * (1.0 - probability) + HESSIAN_LEAST])[None]
        inside = jnp.ones((1, 1, labels.shape[0]), ways.dtype)
        sums, places = None, []
        for level in range(depth):
            totals = lanes.sum(axis=2)
            wanted = lanes if sums is None else lanes[0::2]
            found = (wanted.reshape(-1, labels.shape[0]) @ ways).reshape(-1, 2, count)
            sums = found if sums is None else jnp.stack([found, sums - found], axis=1).reshape(-1, 2, count)
            place = best(sums, totals)
            places.append(place)
            chosen = (place[:, None] == jnp.arange(count)[None]).astype(ways.dtype)
            left = (chosen @ ways.T)[:, None, :]
            lanes, inside = (
                jnp.stack([part, each - part], axis=1).reshape(2 << level, -1, labels.shape[0])
                for each, part in ((lanes, left * lanes), (inside, left * inside))
            )
        totals = lanes.sum(axis=2)
        leaves = -step * (totals[:, 0] / (totals[:, 1] + penalty))
        margins = margins + leaves @ inside[:, 0]
        place = jnp.concatenate(places)
        own = place < candidates[FIRST]
        return margins, leaves, jnp.where(own, place, -1), jnp.where(own, -1, place - candidates[FIRST])

    return tree
