"""Where are nodes drawn, so that drawn distances come near to given ones?

Stress majorization, node by node (E. Gansner, Y. Koren, S. North: Graph Drawing by Stress Majorization, GD 2004, with
weights of distance to the power of -2): each node goes to where the others want it, until nobody moves much.

    distances[i, j]   f8   wanted, above 0 off the diagonal
    places[i, axis]   f8   where the nodes are; moved in place
"""

from __future__ import annotations

import math

from numba import njit


@njit("i8(f8[:, ::1], f8[:, ::1], i8, f8)", cache=True, nogil=True)
def settle(distances, places, rounds_max, still):
    """How many rounds it took until no node moved further than `still`, at most `rounds_max`.  O(n * n) a round."""
    n = places.shape[0]
    for done in range(rounds_max):
        furthest = 0.0
        for i in range(n):
            x = y = total = 0.0
            for j in range(n):
                if i == j:
                    continue
                dx = places[i, 0] - places[j, 0]
                dy = places[i, 1] - places[j, 1]
                apart = math.sqrt(dx * dx + dy * dy)
                pull = distances[i, j] / apart if apart > 1e-9 else 0.0
                weight = 1.0 / (distances[i, j] * distances[i, j])
                x += weight * (places[j, 0] + pull * dx)
                y += weight * (places[j, 1] + pull * dy)
                total += weight
            x /= total
            y /= total
            moved = math.sqrt((x - places[i, 0]) ** 2 + (y - places[i, 1]) ** 2)
            if moved > furthest:
                furthest = moved
            places[i, 0] = x
            places[i, 1] = y
        if furthest < still:
            return done + 1
    return rounds_max
