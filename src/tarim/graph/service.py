"""Communities, propagated risk and rings of a set of relations; pure functions, the same result for the same input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.graph.domain import Element, Floats, Ints, Links, Relations, links_from, links_of

HUB_MAX: Final = 200
"""Elements with more neighbours connect nobody, unless told otherwise."""
DAMPING: Final = 0.85
ROUNDS: Final = 50
"""0.85**50 is 0.0003: later rounds move less than that of all risk."""
LEVELS_MAX: Final = 64
HOPS_MAX: Final = 8

Progress = Callable[[str, int, int], None]


def _silent(_what: str, _done: int, _of: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Communities:
    """labels: int64 (n,), communities from 0 on, the largest first; -1 for elements without links.

    modularity: of the whole division, at the resolution it was made with.
    """

    labels: Ints
    modularity: float

    @property
    def sizes(self) -> Ints:
        """Elements of each community."""
        return np.bincount(self.labels[self.labels >= 0])


@dataclass(frozen=True, slots=True)
class Ring:
    """What can be reached from risky elements.

    members: int64 (k,), elements' numbers, by hops and then number.  hops: int64 (k,), 0 for those it started from.
    via: int64 (k,), the element each was reached from, -1 for those it started from.
    """

    members: Ints
    hops: Ints
    via: Ints


def communities(
    relations: Relations,
    *,
    resolution: float = 1.0,
    hub_max: int = HUB_MAX,
    seed: int = 0,
    progress: Progress = _silent,
) -> Communities:
    """Leiden communities.  A higher resolution makes smaller ones.  The seed sets the order in which elements are visited.

    Raises InputError for a resolution that is not in (0, 100].
    """
    from tarim.graph.kernels import leiden

    if not 0 < resolution <= 100:
        raise InputError(f"the resolution is above 0 and at most 100, not {resolution}")
    links = links_of(relations, hub_max)
    n = len(relations)
    rng = np.random.default_rng(seed)
    total = float(links.weight.sum())
    if total == 0:
        return Communities(np.full(n, -1, np.int64), 0.0)
    strength = _strength(links)
    place = np.arange(n)
    level, labels, here = links, np.arange(n), strength
    for depth in range(LEVELS_MAX):
        nodes = len(labels)
        progress("communities", depth, LEVELS_MAX)
        order = rng.permutation(nodes)
        leiden.move_nodes(level.first, level.to, level.weight, here, total, resolution, order, labels)
        if len(np.unique(labels)) == nodes:
            break
        parts = np.empty(nodes, np.int64)
        order = rng.permutation(nodes)
        leiden.refine(level.first, level.to, level.weight, here, total, resolution, order, labels, parts)
        _, numbered = np.unique(parts, return_inverse=True)
        if (
            numbered.max() + 1 == nodes
        ):  # nothing was put together: whole communities, so that the next level is smaller
            _, numbered = np.unique(labels, return_inverse=True)
        level, labels, here, place = _aggregated(level, labels, numbered, here, place)
    found = labels[place]
    found[strength == 0] = -1
    return Communities(_by_size(found), _modularity(links, found, strength, total, resolution))


def _aggregated(
    links: Links, labels: Ints, parts: Ints, strength: Floats, place: Ints
) -> tuple[Links, Ints, Floats, Ints]:
    """The graph of the parts, each in its community, and where each element is now."""
    count = int(parts.max()) + 1
    rows = np.repeat(np.arange(len(labels)), np.diff(links.first))
    smaller = links_from(parts[rows], parts[links.to], links.weight, count)
    of_part = np.empty(count, np.int64)
    of_part[parts] = labels
    _, community = np.unique(of_part, return_inverse=True)
    return smaller, community.astype(np.int64), _sums(parts, strength, count), parts[place]


def _strength(links: Links) -> Floats:
    rows = np.repeat(np.arange(len(links.first) - 1), np.diff(links.first))
    return _sums(rows, links.weight, len(links.first) - 1)


def _sums(places: Ints, values: Floats, count: int) -> Floats:
    return np.bincount(places, values, count).astype(np.float64)


def _by_size(labels: Ints) -> Ints:
    """Labels numbered from 0 on, larger communities first, of equal ones that with the lower element first."""
    chosen = labels >= 0
    names, first, back, sizes = np.unique(labels[chosen], return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(names), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(names))
    found = np.full(len(labels), -1, np.int64)
    found[chosen] = rank[back]
    return found


def _modularity(links: Links, labels: Ints, strength: Floats, total: float, resolution: float) -> float:
    rows = np.repeat(np.arange(len(labels)), np.diff(links.first))
    inner = float(links.weight[(labels[rows] == labels[links.to]) & (labels[rows] >= 0)].sum())
    mass = _sums(labels[labels >= 0], strength[labels >= 0], int(labels.max()) + 1)
    return inner / total - resolution * float((mass / total) @ (mass / total))


def propagate(
    relations: Relations,
    seeds: Iterable[int] | None = None,
    *,
    damping: float = DAMPING,
    hub_max: int = HUB_MAX,
) -> Floats:
    """Risk in [0, 1] that flows from `seeds` (elements' numbers; the convicted accounts if not given), shape (n,).

    Personalised PageRank, L. Page, S. Brin, R. Motwani, T. Winograd: The PageRank Citation Ranking, Stanford 1999; divided
    by its greatest value, which is a seed's.  Raises InputError when there is no seed.
    """
    from tarim.graph.kernels import leiden

    start = np.flatnonzero(relations.convicted) if seeds is None else np.unique(np.fromiter(seeds, np.int64))
    if not len(start):
        raise InputError("no account is convicted as at that time: there is nothing risk could flow from")
    if not 0 < damping < 1:
        raise InputError(f"the damping lies between 0 and 1, not {damping}")
    links = links_of(relations, hub_max)
    n = len(relations)
    restart = np.zeros(n)
    restart[start] = 1.0 / len(start)
    risk, scratch = np.empty(n), np.empty(n)
    leiden.spread_risk(links.first, links.to, links.weight, restart, damping, ROUNDS, risk, scratch)
    risk /= risk.max()
    return risk


def expand(
    relations: Relations, seeds: Iterable[int] | None = None, *, hops: int = 4, hub_max: int = HUB_MAX
) -> list[Ring]:
    """Everything within `hops` relations of risky elements, not through hubs; seeds that reach each other share a ring.

    From account to account by a shared device or address are 2 hops.  Rings come largest first.  Raises InputError when there
    is no seed, or for hops outside 1 to 8.
    """
    start = np.flatnonzero(relations.convicted) if seeds is None else np.unique(np.fromiter(seeds, np.int64))
    if not len(start):
        raise InputError("no account is convicted as at that time: there is nothing to expand from")
    if not 1 <= hops <= HOPS_MAX:
        raise InputError(f"hops are 1 to {HOPS_MAX}, not {hops}")
    links = links_of(relations, hub_max)
    n = len(relations)
    distance, via, group = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    distance[start], group[start] = 0, np.arange(len(start))
    joined = np.arange(len(start))

    def root(of: int) -> int:
        while joined[of] != of:
            joined[of] = joined[joined[of]]
            of = int(joined[of])
        return of

    front = [int(each) for each in start]
    for step in range(1, hops + 1):
        following: list[int] = []
        for v in front:
            for u in links.to[links.first[v] : links.first[v + 1]].tolist():
                if distance[u] < 0:
                    distance[u], via[u], group[u] = step, v, group[v]
                    following.append(u)
                elif (a := root(int(group[u]))) != (b := root(int(group[v]))):
                    joined[max(a, b)] = min(a, b)
        front = following
    found: dict[int, list[int]] = {}
    for v in np.flatnonzero(distance >= 0).tolist():
        found.setdefault(root(int(group[v])), []).append(v)
    rings = []
    for members in found.values():
        chosen = np.array(members)
        chosen = chosen[np.lexsort((chosen, distance[chosen]))]
        rings.append(Ring(chosen, distance[chosen], via[chosen]))
    return sorted(rings, key=lambda ring: (-len(ring.members), int(ring.members[0])))


def accounts_among(relations: Relations, members: Ints) -> Ints:
    """Those of some elements that are accounts."""
    accounts: Ints = members[relations.kinds[members] == Element.ACCOUNT]
    return accounts
