"""Divisions of events that an event row alone gives: its kind, its channel, the band of its amount, its region.

The same words are used where a training set is counted, where a model says what it is not asked about, and where a decision
tells why it has no score; the engine's kernel reads the same codes from the row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.stream import Channel, Col, Kind, Rows

ROW_DIVISIONS: Final = ("kind", "channel", "amount", "region")
BANDS_YUAN: Final = (1_000, 5_000, 20_000, 50_000, 200_000)
"""Where the bands of amounts begin; below them one more, and one for events without an amount."""
ROUTED: Final = ("kind", "channel")
"""Divisions whose unlearned values are left to rules where a plan says nothing else: they say what business it is."""
CODES: Final = 100
"""Codes of a division are below this."""
_FEN_PER_YUAN: Final = 100
_CITIES_OF_REGION: Final = 10_000
_ENDS: Final = (*(f"-{end}" for end in BANDS_YUAN), "-")

BANDS_FEN: Final = (1, *(_FEN_PER_YUAN * yuan for yuan in BANDS_YUAN))
"""Where the codes 1, 2, ... of an amount begin, in fen."""
VALUES: Final[dict[str, tuple[str, ...]]] = {
    "kind": ("unknown", *(kind.name.lower() for kind in Kind)),
    "channel": tuple(channel.name.lower() for channel in Channel),
    "amount": ("none", *(f"{start}{end}" for start, end in zip((0, *BANDS_YUAN), _ENDS, strict=True))),
    "region": ("unknown", *(f"{region:02}" for region in range(1, CODES))),
}
"""Values of each division by code."""
TITLES: Final = {
    "kind": ("种类", "kind"),
    "channel": ("渠道", "channel"),
    "amount": ("金额（元）", "amount in yuan"),
    "region": ("地区", "region"),
}
"""What people call a division, in Chinese and English."""


def row_codes(rows: Rows) -> npt.NDArray[np.int32]:
    """Codes of rows (n, 32) in each of ROW_DIVISIONS, shape (n, 4)."""
    found = np.empty((len(rows), len(ROW_DIVISIONS)), np.int32)
    regions = rows[:, Col.CITY] // _CITIES_OF_REGION
    found[:, 0] = np.clip(rows[:, Col.KIND], 0, len(Kind))
    found[:, 1] = np.clip(rows[:, Col.CHANNEL], 0, len(Channel) - 1)
    found[:, 2] = np.searchsorted(np.array(BANDS_FEN, np.int64), rows[:, Col.AMOUNT_FEN], side="right")
    found[:, 3] = np.where((regions > 0) & (regions < CODES), regions, 0)
    return found
