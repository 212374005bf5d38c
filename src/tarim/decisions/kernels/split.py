"""Which model's score counts for this customer, and what did all of them say?

scores_of   float64[m, >= n]   by model the score of each event; model 0 is the champion, NaN without one
shares      int64[m]           hundredths of a percent of the customers whom a challenger judges; 0 for the champion
salts       uint64[m]          makes a challenger's part of the customers its own
scores      float64[n]         written: the score that counts
judged      uint8[n]           written: whose it is
beside      float32[n, m]      written: what each model said

A customer stays with the same model as long as the share does, and whoever a smaller share reached a larger one does too.
An event without a customer is the champion's.
"""

from __future__ import annotations

from numba import njit

from tarim.decisions.kernels.effect import part_of
from tarim.stream import Col

_CUSTOMER = int(Col.CUSTOMER)


@njit("void(i8[:, ::1], f8[:, ::1], i8[::1], u8[::1], f8[::1], u1[::1], f4[:, ::1])", cache=True)
def split(rows, scores_of, shares, salts, scores, judged, beside):
    """Fill scores, judged and beside.  O(n m), allocates nothing."""
    for i in range(scores.shape[0]):
        chosen = 0
        customer = rows[i, _CUSTOMER]
        for j in range(1, shares.shape[0]):
            if shares[j] > 0 and customer != 0 and part_of(customer, salts[j]) < shares[j]:
                chosen = j
                break
        scores[i] = scores_of[chosen, i]
        judged[i] = chosen
        for j in range(shares.shape[0]):
            beside[i, j] = scores_of[j, i]
