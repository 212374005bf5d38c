"""From hits and score to the outcome: "what is the strictest thing anyone asks for?"

hits           uint64[n, 4]   bit k % 64 of word k // 64: rule k holds
effective      uint64[n, 4]   of those, the rules with an effect
scores         float64[n]     the model's score, NaN without one
rule_masks     uint64[6, 4]   row o: the rules whose outcome is o
band_starts    float64[b]     ascending; band j reaches from band_starts[j] to the next
band_outcomes  int64[b]
decisions      int64[n, 12]   written whole (decisions.domain.Word)
rows           int64[n, 32]   the outcome is noted in each event's row as well
"""

import numpy as np
from numba import njit

from tarim.stream import Col, Flag

_FLAGS = int(Col.FLAGS)
_ROW_OUTCOME = int(Col.OUTCOME)
_AUTHORISED = int(Flag.HISTORY_AUTHORISED)
# The words of a decision, as decisions.domain.Word names them (a kernel imports no domain; a test holds them together).
OUTCOME = 0
SCORE = 1
HITS = 2
BAND = 6
EFFECTIVE = 7
HOLD = 11


@njit("void(int64[:, ::1], float64[:, ::1])", cache=True)
def hide_history(rows, features):
    """Make every feature missing for an event whose customer did not allow past transactions to be used (IN-04)."""
    for i in range(rows.shape[0]):
        if rows[i, _FLAGS] & _AUTHORISED == 0:
            for j in range(features.shape[1]):
                features[i, j] = np.nan


@njit(
    "void(uint64[:, ::1], uint64[:, ::1], float64[::1], uint64[:, ::1], float64[::1], int64[::1], int64[:, ::1], "
    "int64[:, ::1])",
    cache=True,
)
def combine(hits, effective, scores, rule_masks, band_starts, band_outcomes, rows, decisions):
    """Write one decision an event.  O(n), allocates nothing but a view."""
    as_float = decisions.view(np.float64)
    for i in range(rows.shape[0]):
        band = -1
        for j in range(band_starts.shape[0]):
            if scores[i] >= band_starts[j]:  # false for NaN
                band = j
        outcome = 0
        for o in range(rule_masks.shape[0]):
            hit = np.uint64(0)
            for w in range(4):
                hit |= effective[i, w] & rule_masks[o, w]
            if hit != 0:
                outcome = o
        if band >= 0 and band_outcomes[band] > outcome:
            outcome = band_outcomes[band]
        decisions[i, OUTCOME] = outcome
        as_float[i, SCORE] = scores[i]
        for w in range(4):
            decisions[i, HITS + w] = np.int64(hits[i, w])
            decisions[i, EFFECTIVE + w] = np.int64(effective[i, w])
        decisions[i, BAND] = band
        decisions[i, HOLD] = 0
        rows[i, _ROW_OUTCOME] = outcome
