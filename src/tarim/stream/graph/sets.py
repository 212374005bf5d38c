"""A ready set of graph features: what the bars of speed and of the laundering ledger are measured with."""

from __future__ import annotations

from tarim.stream.definitions import Feature, FeatureSet
from tarim.stream.graph.definitions import Graph
from tarim.stream.reference import OWNER


def graph_features(graph: Graph | None = None, *, labels: bool = True) -> FeatureSet:
    """22 features around a transfer within the horizon, one of fan-in and fan-out each within a day.

    graph: transfers of a week by default.  labels=False leaves out what follows from earlier labels.
    """
    money = Graph("money") if graph is None else graph
    features: list[Feature] = []
    for side in ("account", "payee_account"):
        features += [money.fan_in(side), money.fan_out(side), money.fan_in(side, "1d"), money.fan_out(side, "1d")]
    features += [money.cycles(hops) for hops in (2, 3, 4)]
    features += [money.cycles(hops, tolerance=0.2) for hops in (3, 4)]
    features += [money.scatter_gather(), money.gather_scatter()]
    features += [money.chain(0.1), money.dwell(0.1), money.chain(0.3)]
    features += [money.shared_device("account"), money.shared_device("payee_account")]
    if labels:
        features += [money.hops_to_convicted("account"), money.hops_to_convicted("payee_account")]
        features += [money.shared_device_convicted("account")]
    return FeatureSet(f"{money.name}-graph", *features, owner=OWNER)
