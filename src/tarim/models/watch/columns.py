"""What is watched, and the bins it is counted in.

Beside the score and the features the event itself is watched, because rules read it too and because a shift there explains one
in the features: its kind, channel, city and so on, its amount (also by channel), the hour of the day, and which of its parties
are given at all.  Most of a bank's rhythm (nights, weekends, salary days) is another mix of the same kinds of events, so a
column is compared within groups of kind and channel; the mix itself has columns of its own.  What comes by a channel of batches
(salaries, once a month) is left out but for its amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.models.domain import FEATURES_MAX
from tarim.models.kernels import watch as kernel
from tarim.stream import Channel, Col, Rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PLACES_MAX: Final = kernel.BINS - 2
"""Edges of a numeric column, or codes of a coded one, at most."""
SCORE: Final = "score"
HOUR: Final = "hour_of_day"
_QUANTILES: Final = tuple(k / 10 for k in range(1, 10))
_SCORE_QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""A score is read at its upper end: that is where decisions change."""
_MIXED: Final = (("kind", Col.KIND), ("channel", Col.CHANNEL))
_CODED: Final = (
    ("result", Col.RESULT),
    ("verification", Col.VERIFICATION),
    ("network_kind", Col.NETWORK_KIND),
    ("merchant_category", Col.MERCHANT_CATEGORY),
    ("currency", Col.CURRENCY),
    ("city", Col.CITY),
)
_GIVEN: Final = (
    ("account_given", Col.ACCOUNT),
    ("payee_account_given", Col.PAYEE),
    ("device_id_given", Col.DEVICE),
    ("ip_given", Col.ADDRESS),
    ("merchant_id_given", Col.MERCHANT),
)
"""Tokens differ from event to event: only whether there is one is counted."""


class Column(msgspec.Struct, frozen=True):
    """One watched column: its name, what it reads (numbers of the kernel), and its edges (ascending) or codes."""

    name: str
    reads: int
    place: int
    edges: tuple[float, ...] = ()
    codes: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Edges or codes."""
        return len(self.codes) if self.reads in (kernel.CODE, kernel.MIX) else len(self.edges)

    @property
    def mixed(self) -> bool:
        """Whether it is about the mix of events, and so not compared within groups of them."""
        return self.reads in (kernel.MIX, kernel.HOUR_OF_DAY)


def columns_of(
    rows: Rows, features: Floats, scores: Floats, names: Sequence[str], batch: int = -1
) -> tuple[Column, ...]:
    """The columns with bins cut at quantiles of these events: rows (n, 32), features (n, F), scores (n,), NaN for none.

    A feature of few values gets a bin for each.  batch: a channel whose events only its own amounts show, -1 for none.  Raises
    InputError without events.
    """
    if not len(rows) or len(names) > FEATURES_MAX:
        raise InputError(f"bins need events, and at most {FEATURES_MAX} features")
    amounts = rows[:, Col.AMOUNT_FEN].astype(np.float64)
    amounts[amounts == 0] = np.nan
    channels = [
        Column(
            f"amount_fen[{channel.name.lower()}]",
            kernel.AMOUNT_OF_CHANNEL,
            int(channel),
            _edges(amounts[rows[:, Col.CHANNEL] == channel]),
        )
        for channel in Channel
    ]
    whole = rows[:, Col.CHANNEL] != batch
    if whole.any():
        rows, features, scores, amounts = rows[whole], features[whole], scores[whole], amounts[whole]
    columns = [Column(SCORE, kernel.SCORE, 0, _edges(scores, _SCORE_QUANTILES)), Column(HOUR, kernel.HOUR_OF_DAY, 0)]
    columns += [Column("amount_fen", kernel.AMOUNT, 0, _edges(amounts)), *channels]
    for reads, words in ((kernel.MIX, _MIXED), (kernel.CODE, _CODED)):
        columns += [Column(name, reads, int(word), codes=_codes(rows[:, word])) for name, word in words]
    columns += [Column(name, kernel.CODE, int(word)) for name, word in _GIVEN]
    columns += [Column(name, kernel.FEATURE, k, _edges(features[:, k])) for k, name in enumerate(names)]
    return tuple(columns)


def groups_of(rows: Rows) -> tuple[int, ...]:
    """The pairs (kind * 8 + channel) that get a group of their own, the most frequent first; group 0 is for all others."""
    pairs, counts = np.unique(rows[:, Col.KIND] * 8 + rows[:, Col.CHANNEL], return_counts=True)
    return tuple(pairs[np.lexsort((pairs, -counts))][: kernel.GROUPS_MAX - 1].tolist())


def _edges(values: Floats, quantiles: Sequence[float] = _QUANTILES) -> tuple[float, ...]:
    """Ascending edges; a value equal to an edge lies below it."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    distinct = np.unique(known)
    if len(distinct) <= PLACES_MAX:
        return tuple(distinct[:-1].tolist())
    found = np.unique(np.quantile(known, quantiles, method="inverted_cdf"))
    return tuple(found[found < distinct[-1]].tolist())


def _codes(words: Ints) -> tuple[int, ...]:
    """The most frequent values, 0 (missing) left out."""
    found, counts = np.unique(words[words != 0], return_counts=True)
    return tuple(found[np.lexsort((found, -counts))][:PLACES_MAX].tolist())


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns as the kernel takes them."""

    reads: Ints
    places: Ints
    edges: Floats
    codes: Ints
    sizes: Ints
    groups: Ints
    batch: int
    mixed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, columns: Sequence[Column], pairs: Sequence[int], batch: int) -> Layout:
        """Shapes as the kernel says; pairs: those of `groups_of`."""
        groups = np.zeros(kernel.PAIRS, np.int64)
        groups[list(pairs)] = np.arange(1, len(pairs) + 1)
        edges = np.full((len(columns), kernel.BINS - 1), np.inf)
        codes = np.zeros((len(columns), PLACES_MAX), np.int64)
        for k, column in enumerate(columns):
            edges[k, : len(column.edges)] = column.edges
            codes[k, : len(column.codes)] = column.codes
        return cls(
            np.array([column.reads for column in columns], np.int64),
            np.array([column.place for column in columns], np.int64),
            edges,
            codes,
            np.array([column.size for column in columns], np.int64),
            groups,
            batch,
            np.array([column.mixed for column in columns]),
        )
