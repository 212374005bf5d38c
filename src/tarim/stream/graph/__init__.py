"""Graph features: declaration, layout of their state, and the text of the kernels in `kernels/graph_*.py`."""

from tarim.stream.graph.definitions import MOVED, Graph, GraphFeature, ListedFeature
from tarim.stream.graph.layout import GraphLayout, Store
from tarim.stream.graph.sets import graph_features

__all__ = ["MOVED", "Graph", "GraphFeature", "GraphLayout", "ListedFeature", "Store", "graph_features"]
