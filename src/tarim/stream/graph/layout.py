"""Where a graph lies in an engine's arena: six stores of rings, and header words that its kernels are set up with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.base.instants import duration_ms
from tarim.stream.definitions import Entity, FeatureSet
from tarim.stream.graph.definitions import LISTS_MAX, Graph, GraphFeature, ListedFeature

# The kernels' own numbers (`kernels/graph_store.py`), which is text to be compiled and not imported for three words.
STORES: Final = (
    ("payments_out", "account", 4),
    ("payments_in", "payee_account", 4),
    ("convicted", "account", 2),
    ("near_convicted", "account", 1),
    ("devices_used", "account", 2),
    ("users", "device_id", 2),
)
"""Name, key and words of an event of each store."""
LISTED: Final = ("listed", "account", 3)
"""The store more of a set that names lists."""
HEADER_WORDS: Final = 32
LISTING_WORDS: Final = 3
_WIDE: Final = 63


@dataclass(frozen=True, slots=True)
class Store:
    """One of a graph's directories of rings, described as the engine's other roles are."""

    index: int
    entity: Entity
    width: int
    large_lg: int = _WIDE
    """Its rings keep no running aggregates, however large."""
    large_words: int = 0
    large_words_per_place: int = 0


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """What the code generator and the engine need to know of a set's graph."""

    graph: Graph
    features: tuple[tuple[int, GraphFeature], ...]
    """With their columns in the output."""
    lateness_ms: int
    first_role: int

    @property
    def stores(self) -> tuple[Store, ...]:
        """Its directories, after those of the entities."""
        return tuple(
            Store(self.first_role + n, Entity(f"{self.graph.name}_{name}", key=key), width)
            for n, (name, key, width) in enumerate((*STORES, LISTED) if self.lists else STORES)
        )

    @property
    def kept_ms(self) -> int:
        """How long an edge is kept behind the newest event."""
        return duration_ms(self.graph.horizon) + self.lateness_ms

    @property
    def header_words(self) -> int:
        """Words of the graph's header, scratch included."""
        graph = self.graph
        sets = 4 * (self._small + self._large)
        listing = LISTING_WORDS if self.lists else 0
        return HEADER_WORDS + sets + 2 * (graph.visits_max + 2 * graph.degree_max) + listing

    @property
    def settings(self) -> dict[int, int]:
        """Header words that are set when an engine is made, by their place: see `kernels/graph_store.py`."""
        graph = self.graph
        words = (
            self.first_role,
            graph.degree_max,
            graph.visits_max,
            1 << graph.memory_lg,
            self.kept_ms,
            duration_ms(graph.convicted_for),
        )
        return {**dict(enumerate(words)), 10: self._large - 1, 11: self._small - 1}

    @property
    def follows_labels(self) -> bool:
        """Whether some feature asks who is convicted."""
        return any("convicted" in feature.op for _, feature in self.features)

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists that features look at, in the order of their places."""
        return tuple(dict.fromkeys(each for feature in self._listed for each in feature.lists))

    @property
    def listing_word(self) -> int:
        """Where in the graph's header the words about lists lie (`kernels/graph_lists.py`)."""
        return self.header_words - LISTING_WORDS

    def bits_of(self, feature: ListedFeature) -> int:
        """The lists of a feature, a bit each."""
        return sum(1 << self.lists.index(each) for each in feature.lists)

    @property
    def _listed(self) -> list[ListedFeature]:
        return [feature for _, feature in self.features if isinstance(feature, ListedFeature)]

    @property
    def follows_devices(self) -> bool:
        """Whether some feature asks who used which device."""
        return any(feature.op.startswith("shared_device") for _, feature in self.features)

    @property
    def _small(self) -> int:
        return _power_of_two(2 * (self.graph.degree_max + 2))

    @property
    def _large(self) -> int:
        return _power_of_two(2 * (self.graph.visits_max + 2 * self.graph.degree_max + 2))


def layout_of(features: FeatureSet, roles: int, roles_max: int) -> GraphLayout | None:
    """The graph of a set that has `roles` entities beside it, None when it declares no graph feature.

    Raises DefinitionError for two graphs in a set, or more entities than fit beside one.
    """
    found = [(n, feature) for n, feature in enumerate(features.features) if isinstance(feature, GraphFeature)]
    if not found:
        return None
    graph = found[0][1].graph
    if any(feature.graph != graph for _, feature in found):
        raise DefinitionError(f"feature set {features.name!r} has more than one graph; one is possible")
    layout = GraphLayout(graph, tuple(found), features.lateness_ms, roles)
    stores = len(layout.stores)
    if roles + stores > roles_max:
        raise DefinitionError(
            f"feature set {features.name!r} has {roles} entities; beside a graph {roles_max - stores} are possible"
        )
    if len(layout.lists) > LISTS_MAX:
        raise DefinitionError(
            f"feature set {features.name!r} names {len(layout.lists)} lists; {LISTS_MAX} are possible"
        )
    return layout


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
