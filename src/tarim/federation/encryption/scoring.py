"""Scores of a linear model that one party holds, on rows that the other holds: whoever learns them has the key.

    learner -> other   the public key; its rows, or its weights, encrypted
    other -> learner   a reply for each block of rows: weights times rows, and the bias

Who learns what: the learner the scores and nothing else of the other's rows or weights, though enough scores of one model give
the model away (as many as it has weights, by solving equations: count what is asked, ML-24).  The other learns nothing but how
many rows there are.  Semi-honest; see `exchange` for the noise.
One round.  0.5 MB for the key and 189 kB a ciphertext there, 66 kB and 8 bytes a row back for up to 8,192 rows.
Exact: a score is the whole-number product of features with FEATURE_BITS and weights with WEIGHT_BITS fraction bits.
`scored_in_the_clear` is the plaintext twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.federation.channel import Channel
from tarim.federation.encryption.exchange import Holder, Other, require_room
from tarim.federation.encryption.layout import Layout
from tarim.federation.encryption.parameters import DEGREE
from tarim.federation.encryption.signed import in_fixed_point, in_ring, signed
from tarim.federation.randomness import Words

FEATURE_BITS: Final = 12
WEIGHT_BITS: Final = 16
FEATURE_MAX: Final = 1 << 8
"""|feature| stays below this; standardised ones do."""
WEIGHTS_MAX: Final = 1 << 10
"""The sum of all |weight| stays below this, and so |score| below 2^18 before the bias."""
BIAS_MAX: Final = 1 << 17
COLUMNS_MAX: Final = 4_096
ROWS_MAX: Final = 1 << 18

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """weights: (columns,); a score is rows @ weights + bias, before any sigmoid.  Raises InputError."""

    weights: Floats
    bias: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.weights) <= COLUMNS_MAX:
            raise InputError(f"a model has 1 to {COLUMNS_MAX} weights")
        if not np.abs(self.weights).sum() < WEIGHTS_MAX or not abs(self.bias) < BIAS_MAX:
            raise InputError(f"the weights' sum stays below {WEIGHTS_MAX}, the bias below {BIAS_MAX}; divide both")

    @property
    def words(self) -> Words:
        """The weights in the ring."""
        return in_ring(in_fixed_point(self.weights, WEIGHT_BITS, "weights"))

    @property
    def whole_bias(self) -> int:
        """The bias on the scale of a score."""
        return int(in_fixed_point(np.array([self.bias]), FEATURE_BITS + WEIGHT_BITS, "biases")[0])


def learn_about_rows(channel: Channel, rows: Floats) -> Floats:
    """The scores (n,) of own rows (n, columns) by the other's model.  Raises InputError, TooLarge, ProtocolBroken."""
    words, layout = _in_ring(rows), _layout_of_rows(*rows.shape)
    holder = Holder(channel)
    holder.send(layout.encoded(words))
    return _decoded(_taken(holder, layout.stride, len(rows)))


def score_rows(channel: Channel, model: LinearModel, count: int) -> None:
    """The other side of `learn_about_rows`.  count: rows.  Raises TooLarge, ProtocolBroken."""
    layout = _layout_of_rows(count, len(model.weights))
    other = Other(channel)
    kept = other.receive(layout.polynomials)
    multipliers = [other.multiplier(each) for each in layout.for_rows(model.words)]
    for block, size in enumerate(_sizes(layout.stride, count)):
        group = kept[block * layout.groups : (block + 1) * layout.groups]
        biases = in_ring(np.full(size, model.whole_bias, np.int64))
        other.reply(zip(group, multipliers, strict=True), layout.columns, np.arange(size), biases)


def learn_by_model(channel: Channel, model: LinearModel, count: int) -> Floats:
    """The scores (count,) of the other's rows by the own model.  Raises TooLarge, ProtocolBroken."""
    layout = _layout_of_weights(count, len(model.weights))
    holder = Holder(channel)
    holder.send(layout.encoded(model.words[None, :]))
    return _decoded(_taken(holder, layout.stride, count) + model.whole_bias)


def give_rows(channel: Channel, rows: Floats) -> None:
    """The other side of `learn_by_model`.  Raises InputError, TooLarge, ProtocolBroken."""
    words, layout = _in_ring(rows), _layout_of_weights(*rows.shape)
    other = Other(channel)
    kept = other.receive(layout.polynomials)
    for start in range(0, len(rows), layout.stride):
        part = words[start : start + layout.stride]
        multipliers = [other.multiplier(each) for each in layout.for_scores(part)]
        other.reply(zip(kept, multipliers, strict=True), part.size, np.arange(len(part)))


def scored_in_the_clear(rows: Floats, model: LinearModel) -> Floats:
    """The plaintext twin: the same fixed point."""
    weights = in_fixed_point(model.weights, WEIGHT_BITS, "weights")
    return _decoded(in_fixed_point(rows, FEATURE_BITS, "features") @ weights + model.whole_bias)


def _layout_of_rows(count: int, columns: int) -> Layout:
    layout = Layout(count, columns, _stride(count, columns))
    require_room(layout.polynomials)
    return layout


def _layout_of_weights(count: int, columns: int) -> Layout:
    return Layout(1, columns, _stride(count, columns))


def _stride(count: int, columns: int) -> int:
    if not 1 <= count <= ROWS_MAX or not 1 <= columns <= COLUMNS_MAX:
        raise TooLarge(f"1 to {ROWS_MAX} rows of 1 to {COLUMNS_MAX} columns are scored at a time")
    return min(DEGREE, 1 << (count - 1).bit_length())


def _sizes(stride: int, count: int) -> list[int]:
    return [min(stride, count - start) for start in range(0, count, stride)]


def _taken(holder: Holder, stride: int, count: int) -> npt.NDArray[np.int64]:
    parts = [holder.take(np.arange(size)) for size in _sizes(stride, count)]
    return signed(np.concatenate(parts))


def _in_ring(rows: Floats) -> Words:
    whole = in_fixed_point(rows, FEATURE_BITS, "features")
    if whole.size and np.abs(whole).max() >= FEATURE_MAX << FEATURE_BITS:
        raise InputError(f"features stay below {FEATURE_MAX}; standardise them first")
    return in_ring(whole)


def _decoded(whole: npt.NDArray[np.int64]) -> Floats:
    found: Floats = whole / 2.0 ** (FEATURE_BITS + WEIGHT_BITS)
    return found
