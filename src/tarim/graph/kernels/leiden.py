"""Which accounts belong together?  The Leiden algorithm on modularity, deterministic for a seed.

V. A. Traag, L. Waltman, N. J. van Eck: From Louvain to Leiden: guaranteeing well-connected communities, Scientific Reports 9,
5233, 2019.  Refinement is greedy (their randomness theta at its limit 0), so that equal input gives equal output.

A graph is symmetric and in rows: the neighbours of node v are to[first[v]:first[v + 1]] with `weight` alongside; a
self-loop stands once, with twice its inner weight, as aggregation makes it.  strength[v] is the sum of v's weights, `total`
that of all nodes.  Labels are nodes' numbers; scratch arrays have the length of the nodes and may hold anything.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_EPSILON = 1e-12


@njit("i8(i8[::1], i8[::1], f8[::1], f8[::1], f8, f8, i8[::1], i8[::1])", cache=True)
def move_nodes(first, to, weight, strength, total, resolution, order, labels):
    """Move nodes to the community they gain most from until none gains; returns how many moves.

    order: nodes in the order of their first turn.  Of equal gains the community that was met first stays.
    """
    n = labels.shape[0]
    mass = np.zeros(n)
    link = np.zeros(n)
    touched = np.empty(n, np.int64)
    queue = order.copy()
    waiting = np.ones(n, np.bool_)
    for v in range(n):
        mass[labels[v]] += strength[v]
    moves = np.int64(0)
    head, length = 0, n
    while length > 0:
        v = queue[head]
        head = (head + 1) % n
        length -= 1
        waiting[v] = False
        own = labels[v]
        mass[own] -= strength[v]
        count = 0
        for p in range(first[v], first[v + 1]):
            if to[p] != v:
                c = labels[to[p]]
                if link[c] == 0.0:
                    touched[count] = c
                    count += 1
                link[c] += weight[p]
        share = resolution * strength[v] / total
        best = own
        best_gain = link[own] - share * mass[own]
        for k in range(count):
            c = touched[k]
            gain = link[c] - share * mass[c]
            if gain > best_gain + _EPSILON:
                best = c
                best_gain = gain
        for k in range(count):
            link[touched[k]] = 0.0
        mass[best] += strength[v]
        if best == own:
            continue
        labels[v] = best
        moves += 1
        for p in range(first[v], first[v + 1]):
            u = to[p]
            if labels[u] != best and not waiting[u]:
                waiting[u] = True
                queue[(head + length) % n] = u
                length += 1
    return moves


@njit("void(i8[::1], i8[::1], f8[::1], f8[::1], f8, f8, i8[::1], i8[::1], i8[::1])", cache=True)
def refine(first, to, weight, strength, total, resolution, order, labels, refined):
    """Split each community of `labels` into parts that hold together: `refined`, a node's number for each part."""
    n = labels.shape[0]
    mass = np.zeros(n)
    part_mass = strength.copy()
    outward = np.zeros(n)
    size = np.ones(n, np.int64)
    link = np.zeros(n)
    touched = np.empty(n, np.int64)
    for v in range(n):
        mass[labels[v]] += strength[v]
        refined[v] = v
        for p in range(first[v], first[v + 1]):
            if to[p] != v and labels[to[p]] == labels[v]:
                outward[v] += weight[p]
    for k in range(n):
        v = order[k]
        whole = mass[labels[v]]
        if size[v] != 1 or refined[v] != v:
            continue
        if outward[v] < resolution * strength[v] * (whole - strength[v]) / total:
            continue
        count = 0
        for p in range(first[v], first[v + 1]):
            u = to[p]
            if u != v and labels[u] == labels[v]:
                r = refined[u]
                if link[r] == 0.0:
                    touched[count] = r
                    count += 1
                link[r] += weight[p]
        best = v
        best_gain = 0.0
        for c in range(count):
            r = touched[c]
            if outward[r] >= resolution * part_mass[r] * (whole - part_mass[r]) / total:
                gain = link[r] - resolution * strength[v] * part_mass[r] / total
                if gain > best_gain + _EPSILON:
                    best = r
                    best_gain = gain
        if best != v:
            refined[v] = best
            size[best] += 1
            size[v] = 0
            part_mass[best] += strength[v]
            outward[best] += outward[v] - 2.0 * link[best]
        for c in range(count):
            link[touched[c]] = 0.0


@njit("void(i8[::1], i8[::1], f8[::1], f8[::1], f8, i8, f8[::1], f8[::1])", cache=True)
def spread_risk(first, to, weight, restart, damping, rounds, risk, scratch):
    """`rounds` steps of a walk that follows links by weight and starts again with 1 - damping; `risk` sums to 1.

    restart: where walks start, sums to 1.  A node without links starts again.
    """
    n = risk.shape[0]
    for v in range(n):
        risk[v] = restart[v]
    for _ in range(rounds):
        lost = 0.0
        scratch[:] = 0.0
        for v in range(n):
            total = 0.0
            for p in range(first[v], first[v + 1]):
                total += weight[p]
            if total == 0.0:
                lost += risk[v]
            else:
                for p in range(first[v], first[v + 1]):
                    scratch[to[p]] += risk[v] * weight[p] / total
        for v in range(n):
            risk[v] = damping * scratch[v] + (1.0 - damping + damping * lost) * restart[v]
