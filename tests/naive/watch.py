"""The watch's counts, one event and one column at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tarim.models.watch.columns import Column
from tarim.stream import Channel, Col, Kind

CODED = {
    "kind": Col.KIND,
    "channel": Col.CHANNEL,
    "result": Col.RESULT,
    "verification": Col.VERIFICATION,
    "network_kind": Col.NETWORK_KIND,
    "merchant_category": Col.MERCHANT_CATEGORY,
    "currency": Col.CURRENCY,
    "city": Col.CITY,
    "account_given": Col.ACCOUNT,
    "payee_account_given": Col.PAYEE,
    "device_id_given": Col.DEVICE,
    "ip_given": Col.ADDRESS,
    "merchant_id_given": Col.MERCHANT,
}


def bin_of(column: Column, row: np.ndarray, features: dict[str, float], score: float | None, batch: int) -> int | None:
    """The bin of one event, None when the column leaves it out."""
    name = column.name
    if name.startswith("amount_fen["):
        if row[Col.CHANNEL] != Channel[name[11:-1].upper()]:
            return None
        return _number(column, float(row[Col.AMOUNT_FEN]) or None)
    if row[Col.CHANNEL] == batch:
        return None
    if name == "score":
        return None if score is None else _number(column, score)
    if name == "hour_of_day":
        return 1 + int(row[Col.OCCURRED_MS] // 3_600_000 + 8) % 24 // 2
    if name == "amount_fen":
        return _number(column, float(row[Col.AMOUNT_FEN]) or None)
    if name in CODED:
        code = int(row[CODED[name]])
        if not code:
            return 0
        return 1 + (column.codes.index(code) if code in column.codes else len(column.codes))
    return _number(column, features[name])


def _number(column: Column, value: float | None) -> int:
    if value is None or value != value:
        return 0
    return 1 + sum(value > edge for edge in column.edges)


def counts(
    columns: Sequence[Column],
    rows: np.ndarray,
    features: np.ndarray,
    names: Sequence[str],
    scores: np.ndarray | None,
    batch: int,
) -> Counter[tuple[int, str, int]]:
    """Events by (hour since the epoch, column, bin); labels left out."""
    found: Counter[tuple[int, str, int]] = Counter()
    for i, row in enumerate(rows):
        if row[Col.KIND] == Kind.LABEL:
            continue
        values = dict(zip(names, features[i].tolist(), strict=True))
        for column in columns:
            place = bin_of(column, row, values, None if scores is None else float(scores[i]), batch)
            if place is not None:
                found[int(row[Col.OCCURRED_MS]) // 3_600_000, column.name, place] += 1
    return found
