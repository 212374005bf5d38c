"""Which reasons are worth a sentence: "what raised this score most?"."""

from numba import njit


@njit("int64(float64[::1], float64, int64[::1])", error_model="numpy", cache=True)
def heaviest(parts, share_min, chosen):
    """How many parts were chosen: their indices go into `chosen`, the heaviest first, equal ones in their own order.

    parts: (F + 1,), the last is nobody's.  Those above 0 raise the score; chosen are those of them with at least `share_min` of
    what they add up to, as many as `chosen` has room for.
    """
    total = 0.0
    for c in range(parts.shape[0] - 1):
        if parts[c] > 0.0:
            total += parts[c]
    least, count = share_min * total, 0
    for c in range(parts.shape[0] - 1):
        if not (parts[c] > 0.0 and parts[c] >= least):
            continue
        at = count
        while at > 0 and parts[chosen[at - 1]] < parts[c]:
            at -= 1
        if at == chosen.shape[0]:
            continue
        count = min(count + 1, chosen.shape[0])
        for place in range(count - 1, at, -1):
            chosen[place] = chosen[place - 1]
        chosen[at] = c
    return count
