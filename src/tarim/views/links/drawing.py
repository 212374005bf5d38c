"""What a small graph looks like: where its nodes are drawn, who belongs together, where risk flows, who stands between others.

Nodes are placed by stress majorization (E. Gansner, Y. Koren, S. North: Graph Drawing by Stress Majorization, GD 2004): drawn
distances come near to distances in the graph, so a cluster looks like one.  It begins where classical scaling puts the nodes
and draws nothing by lot: the same graph is drawn the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.graph import Relations, communities, propagate
from tarim.views.links.domain import NODES_MAX, Ints, Relation
from tarim.views.links.kernels.linking import CENTRE, COUNT, FIRST, LAST, RELATION, TOKEN
from tarim.views.links.kernels.placing import settle

Floats = npt.NDArray[np.float64]

ROUNDS_MAX: Final = 60
STILL: Final = 0.01
"""Of a step's length: nobody sees less."""
_GOLDEN: Final = 2.399963229728653
_ITERATIONS: Final = 20
"""Far from the last digit, and near enough to begin with."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """places: (n, 2), nodes then crowds, about in [-1, 1].  community: (nodes,), -1 for none.

    risk: (nodes,) in [0, 1], None when nobody shown is convicted.  broker: (nodes,) in [0, 1].
    """

    places: Floats
    community: Ints
    risk: Floats | None
    broker: Floats


def draw(nodes: int, links: Ints, crowd_of: Ints, convicted: npt.NDArray[np.bool_]) -> Drawing:
    """The drawing of `nodes` nodes, links as `Between.rows` has them, and crowds that hang on nodes; node 0 in the middle."""
    import rustworkx

    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(nodes))
    pairs = links[:, (CENTRE, TOKEN)].tolist()
    graph.add_edges_from_no_data([(source, target) for source, target in pairs if source != target])
    # By one thread: several add in an order that changes, and with it the last bit.
    betweenness = rustworkx.betweenness_centrality(graph, normalized=True, parallel_threshold=2 * NODES_MAX)
    broker = np.fromiter((betweenness[node] for node in range(nodes)), np.float64, nodes)
    crowds = graph.add_nodes_from(range(nodes, nodes + len(crowd_of)))
    graph.add_edges_from_no_data(list(zip(crowds, crowd_of.tolist(), strict=True)))
    distances = np.asarray(rustworkx.distance_matrix(graph, null_value=np.inf), np.float64)
    places = _framed(_placed(distances), links)
    if not len(links):
        return Drawing(places, np.full(nodes, -1, np.int64), None, broker)
    relations = _relations(nodes, links, convicted)
    risk = propagate(relations, hub_max=NODES_MAX) if convicted.any() else None
    return Drawing(places, communities(relations, hub_max=NODES_MAX).labels, risk, broker)


def _relations(nodes: int, links: Ints, convicted: npt.NDArray[np.bool_]) -> Relations:
    source, target, relation, count, first_ms, last_ms = (
        np.ascontiguousarray(links[:, word]) for word in (CENTRE, TOKEN, RELATION, COUNT, FIRST, LAST)
    )
    kinds, newest_ms = np.zeros(nodes, np.int64), int(last_ms.max())
    return Relations(np.arange(nodes), kinds, source, target, relation, count, first_ms, last_ms, convicted, newest_ms)


def _placed(distances: Floats) -> Floats:
    """Places whose distances come near to these, shape (n, 2)."""
    if len(distances) == 1:
        return np.zeros((1, 2))
    finite = np.isfinite(distances)
    distances = np.maximum(np.where(finite, distances, distances[finite].max() + 2), 1.0)
    np.fill_diagonal(distances, 0.0)
    places = np.ascontiguousarray(_scaled(distances))
    settle(distances, places, ROUNDS_MAX, STILL)
    return places


def _scaled(distances: Floats) -> Floats:
    """Classical scaling (W. Torgerson, 1952) by orthogonal iteration, each node a little aside so that equals part."""
    n = len(distances)
    squares = distances**2
    means = squares.mean(axis=0)
    products = -0.5 * (squares - means - means[:, None] + means.mean())
    angle = _GOLDEN * np.arange(n)
    aside = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    axes = aside
    for _ in range(_ITERATIONS):
        axes, _ = np.linalg.qr(products @ axes)
    found: Floats = axes * np.sqrt(n) * distances.mean() / 2 + 0.3 * np.sqrt((1 + np.arange(n)) / n)[:, None] * aside
    return found


def _framed(places: Floats, links: Ints) -> Floats:
    """Turned so that the longer axis lies, mirrored so that money goes from left to right, and fitted; node 0 at (0, 0)."""
    if len(places) > 1:
        centred = places - places.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        places = (places - places[0]) @ axes.T
        paid = links[links[:, RELATION] == Relation.PAYS]
        if len(paid) and (places[paid[:, TOKEN], 0] - places[paid[:, CENTRE], 0]).sum() < 0:
            places[:, 0] = -places[:, 0]
        if places[:, 1].sum() < 0:
            places[:, 1] = -places[:, 1]
        places = places / np.abs(places).max()
    found: Floats = np.round(places, 4)
    return found
