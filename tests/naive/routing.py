"""Which events a model is not asked about, written from the definition."""

from __future__ import annotations

from tarim.models.divisions import ROW_DIVISIONS, row_codes


def segments_left(rows, left):
    """By row the first division, with its code, in which it is left to rules, or None."""
    found = []
    for codes in row_codes(rows):
        hits = [
            (division, int(codes[division]))
            for division in range(len(ROW_DIVISIONS))
            if left[division, codes[division]]
        ]
        found.append(hits[0] if hits else None)
    return found
