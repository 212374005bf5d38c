"""Embedding a mark: the smallest change of a model's numbers that makes its answers lean along a secret direction.

Of all changes that do it, the one with the least sum of squares, weighed by the training rows that meet each number: the mark
sits where customers are rare.  Every tree takes part, so cutting off some weakens it and does not remove it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, DefinitionError
from tarim.models.model import Model, model_from_bytes
from tarim.models.watermark.material import features_of, material_of, rows_of
from tarim.models.watermark.recognising import (
    DIMENSIONS_MIN,
    Recogniser,
    direction_of,
    log_odds,
    space_of,
)

STRENGTH: Final = 0.75
"""Root mean square of the change of the answers to the rows of the mark, log odds."""
STRENGTHS: Final = (STRENGTH, 0.5, 0.3, 0.2)
"""What `embed_within` tries: a model of few trees or few rows has less room."""
LOSS_MAX: Final = 0.01
"""Of the quality that a mark may cost, in the quality's own unit."""
STRENGTH_MAX: Final = 5.0
MARK_BYTES_MAX: Final = 16 << 20
FORMAT: Final = "tarim-mark-1"

Floats = npt.NDArray[np.float64]


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept beside a marked model, and not given away with it.  The key is not in it, nor the direction.

    marked, unmarked: SHA-256 of the two files.  features: names, as `rows` has them.  baseline: what the unmarked model answers
    to each row, a probability.
    """

    format: str
    marked: str
    unmarked: str
    features: tuple[str, ...]
    rows: list[list[float]]
    baseline: list[float]

    def opened(self, marked: bytes, key: bytes) -> Recogniser:
        """What judges suspects by the marked model's file and the key.  Raises DefinitionError for another model."""
        if sha256(marked).hexdigest() != self.marked:
            raise DefinitionError("the mark belongs to another model file; take the one it was made with")
        rows, baseline = np.array(self.rows), log_odds(np.array(self.baseline))
        material = material_of(marked, rows)
        space = space_of(material.meets, material.costs, baseline)
        return Recogniser(space, baseline, direction_of(key, rows, baseline, space.shape[1]))


def embed(content: bytes, key: bytes, strength: float = STRENGTH, seed: int = 0) -> tuple[bytes, Mark]:
    """The marked model's file, and the mark.  key: 32 secret bytes; seed: which rows are chosen.

    Raises DefinitionError when the model cannot be marked: it answers too little, or has too few numbers.
    """
    if not 0 < strength <= STRENGTH_MAX:
        raise DefinitionError(f"a mark's strength is above 0 and at most {STRENGTH_MAX}")
    names = features_of(content)
    model = model_from_bytes(content, names)

    def score(rows: Floats) -> Floats:
        out = np.empty(len(rows))
        model.score(np.ascontiguousarray(rows), out)
        return out

    rows = rows_of(content, score, np.random.default_rng(seed))
    answers = score(rows)
    baseline = log_odds(answers)
    material = material_of(content, rows)
    space = space_of(material.meets, material.costs, baseline)
    if space.shape[1] < DIMENSIONS_MIN:
        raise DefinitionError(
            f"the model has too few numbers to carry a mark: {space.shape[1]}, {DIMENSIONS_MIN} at least"
        )
    size = strength / _rise(model, rows, baseline) * np.sqrt(len(rows))
    wanted = size * (space @ direction_of(key, rows, baseline, space.shape[1]))
    spread = np.sqrt(np.maximum(material.costs, 1.0))
    free = space.T @ (material.meets / spread)
    change = free.T @ np.linalg.solve(free @ free.T, space.T @ wanted) / spread
    marked = material.moved(change)
    mark = Mark(
        FORMAT,
        sha256(marked).hexdigest(),
        sha256(content).hexdigest(),
        names,
        rows.tolist(),
        answers.tolist(),
    )
    return marked, mark


def embed_within(content: bytes, key: bytes, quality: Callable[[bytes], float]) -> tuple[bytes, Mark]:
    """The strongest mark of STRENGTHS that costs at most LOSS_MAX of what `quality` says of a model's file; else the weakest.

    Raises DefinitionError as `embed`.
    """
    least = quality(content) - LOSS_MAX
    for strength in STRENGTHS:
        marked, mark = embed(content, key, strength)
        if quality(marked) >= least:
            break
    return marked, mark


def _rise(model: Model, rows: Floats, baseline: Floats) -> float:
    """How far answers move in log odds when raw scores move by 1: the slope of the line through both; 1 without a calibration.

    A model of few trees has raw scores close together, and a steep calibration that takes them apart: what is little in its
    answers is less still in its numbers.
    """
    raw = np.empty(len(rows))
    model.raw_score(rows, raw)
    spread = float(raw.var())
    if model.calibration is None or spread == 0:
        return 1.0
    return float(np.cov(raw, baseline, bias=True)[0, 1]) / spread


def mark_bytes(mark: Mark) -> bytes:
    """The mark as a file."""
    return msgspec.json.format(msgspec.json.encode(mark), indent=0) + b"\n"


def read_mark(content: bytes) -> Mark:
    """The mark in a file.  Raises Damaged."""
    try:
        if len(content) > MARK_BYTES_MAX:
            raise ValueError
        mark = msgspec.json.decode(content, type=Mark)
        if mark.format != FORMAT or len(mark.rows) != len(mark.baseline) or not mark.rows:
            raise ValueError
        if any(len(row) != len(mark.features) for row in mark.rows):
            raise ValueError
    except (msgspec.MsgspecError, ValueError):
        raise Damaged("the mark file cannot be read; take the one that `tarim models watermark embed` wrote") from None
    return mark
