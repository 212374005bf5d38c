"""Which events is a model not asked about, because it learned from too few like them?  Rules alone decide there (ML-27).

left        uint8[m, 4, 100]   by model, division and code: 1 = left to rules.  Divisions: kind, channel, band of the amount,
                               region, with codes as `tarim.models.divisions.row_codes` has them (a test holds them together)
scores      float64[n]         becomes NaN where a model is not asked
judged      uint8[n]           whose score counts, 0 the champion
decisions   int64[n, 12]       the band's word of an event that was left to rules is `UNASKED - (division << 8 | code)`: the
                               decision says by itself why it has no score, however long the model is gone
"""

import numpy as np
from numba import njit

from tarim.stream import Channel, Col, Kind

UNASKED = -2
CODES = 100
BAND = 6
_KIND, _CHANNEL, _AMOUNT, _CITY = int(Col.KIND), int(Col.CHANNEL), int(Col.AMOUNT_FEN), int(Col.CITY)
_KINDS, _CHANNELS = len(Kind), len(Channel) - 1
_BANDS_FEN = np.array([1, 100_000, 500_000, 2_000_000, 5_000_000, 20_000_000], np.int64)
_CITIES_OF_REGION = 10_000


@njit("int64(int64[::1], uint8[:, ::1])", cache=True)
def segment_left(row, left):
    """The first division, with its code, in which an event is left to rules: division << 8 | code, or -1."""
    kind = min(max(row[_KIND], 0), _KINDS)
    if left[0, kind]:
        return kind
    channel = min(max(row[_CHANNEL], 0), _CHANNELS)
    if left[1, channel]:
        return 1 << 8 | channel
    band = 0
    while band < _BANDS_FEN.shape[0] and row[_AMOUNT] >= _BANDS_FEN[band]:
        band += 1
    if left[2, band]:
        return 2 << 8 | band
    region = row[_CITY] // _CITIES_OF_REGION
    if not 0 < region < CODES:
        region = 0
    if left[3, region]:
        return 3 << 8 | region
    return -1


@njit("void(int64[:, ::1], uint8[:, ::1], float64[::1])", cache=True)
def withhold(rows, left, scores):
    """Take back what a model said of events that are left to rules.  O(n), allocates nothing."""
    for i in range(scores.shape[0]):
        if segment_left(rows[i], left) >= 0:
            scores[i] = np.nan


@njit("void(int64[:, ::1], uint8[:, :, ::1], uint8[::1], int64[:, ::1])", cache=True)
def tell_unasked(rows, left, judged, decisions):
    """Write into each decision why the model that judged was not asked.  O(n), allocates nothing."""
    for i in range(decisions.shape[0]):
        segment = segment_left(rows[i], left[judged[i]])
        if segment >= 0:
            decisions[i, BAND] = UNASKED - segment
