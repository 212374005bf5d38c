"""Declaring graph features: names, refusals, documents, and what a set without them is spared."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import DefinitionError, Unavailable
from tarim.rules.vocabulary import Unit, unit_of_feature
from tarim.stream import (
    Col,
    Condition,
    Engine,
    Entity,
    FeatureSet,
    Graph,
    Kind,
    empty_rows,
    graph_features,
    reference_features,
)
from tarim.stream.graph import layout
from tests.properties.test_graph_exact import every_feature

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/features.md"


def test_every_operation_is_defined_in_the_reference():
    page = PAGE.read_text(encoding="utf-8")
    operations = {name for name, kind in vars(Graph).items() if callable(kind) and not name.startswith("_")}
    for operation in operations:
        assert f"| `{operation}(" in page, operation
    assert {feature.op for feature in every_feature(Graph("money"))} == operations
    for name in ("money_fan_in_payer_7d", "money_chain_4_within_10pct_7d", "money_hops_to_convicted_payee_3_7d"):
        assert name in graph_features().names and f"`{name}`" in page


def test_rules_know_the_units_of_graph_features():
    for name in graph_features().names:
        assert unit_of_feature(name) is (Unit.MS if "dwell" in name else Unit.COUNT), name


def test_a_set_without_a_graph_has_not_a_line_of_it():
    plain, graph = Engine(reference_features(), jit=False), Engine(graph_features(), jit=False)
    assert "graph" not in plain.kernel_source and "graph_run" in graph.kernel_source
    assert plain.graph_use is None and graph.graph_use is not None


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Graph("money").cycles(5), "2 to 4 hops"),
        (lambda: Graph("money").chain(0.1, hops=9), "2 to 8 hops"),
        (lambda: Graph("money").chain(1.5), "share from 0 to 1"),
        (lambda: Graph("money").hops_to_convicted("account", hops=4), "0 to 3"),
        (lambda: Graph("money").hops_to_listed("account", ("mules",), hops=4), "0 to 3"),
        (lambda: Graph("money").hops_to_listed("account", ()), "1 to 16 lists"),
        (lambda: Graph("money").hops_to_listed("account", ("mules", "mules")), "each once"),
        (lambda: Graph("money").hops_to_listed("account", "mules"), "1 to 16 lists"),
        (lambda: Graph("money").hops_to_listed("account", ("Mules",)), "lower-case"),
        (lambda: Graph("money").fan_in("device_id"), "neither account nor payee_account"),
        (lambda: Graph("money").fan_in("account", "8d"), "not within the graph's horizon 7d"),
        (lambda: Graph("money", degree_max=0), "degree_max 0"),
        (lambda: Graph("money", visits_max=10**6), "visits_max"),
        (lambda: Graph("money", convicts=()), "convicts"),
        (lambda: Graph("money", convicted_for="400d"), "366 days"),
        (lambda: Graph("money", when=Condition("stopped", ("outcome", ">=", "delay"))), "outcome"),
    ],
)
def test_what_cannot_be_is_refused(declare: Callable[[], object], said: str):
    with pytest.raises(DefinitionError, match=said):
        declare()


def test_two_graphs_and_too_many_entities_are_refused():
    one, other = Graph("money"), Graph("money", degree_max=3)
    with pytest.raises(DefinitionError, match="more than one graph"):
        Engine(FeatureSet("two", one.fan_in("account"), other.fan_out("account")), jit=False)
    entities = [Entity(f"entity{n}", key="account").count("1h") for n in range(17)]
    with pytest.raises(DefinitionError, match="16 are possible"):
        Engine(FeatureSet("many", one.fan_in("account"), *entities), jit=False)
    listed = [one.hops_to_listed("account", (f"list_{n}",)) for n in range(17)]
    with pytest.raises(DefinitionError, match="names 17 lists; 16 are possible"):
        Engine(FeatureSet("lists", *listed), jit=False)


def test_a_set_that_names_no_list_is_not_told_of_lists_and_has_no_place_for_them():
    """Its state is what it was before there were such features; one that names lists has one store more."""
    plain = Engine(graph_features(), jit=False)
    graph = Graph("money")
    listing = Engine(FeatureSet("listing", graph.hops_to_listed("account", ("mules", "blocked"))), jit=False)
    assert plain.lists == () and "list_part" not in plain.kernel_source
    assert listing.lists == ("mules", "blocked")
    assert {use.entity for use in listing.memory().entities} - {use.entity for use in plain.memory().entities} == {
        "money_listed"
    }


def test_the_lists_are_part_of_the_name_and_of_the_version():
    graph = Graph("money")
    one, other = (FeatureSet("one", graph.hops_to_listed("account", lists)) for lists in (("a_or_b",), ("a", "b")))
    assert one.names == other.names == ("money_hops_to_listed_payer_3_on_a_or_b_7d",)
    assert one.version != other.version


def test_an_engine_at_its_limit_takes_no_more_entries():
    """A change of lists is refused before it could outgrow the space, with nothing changed."""
    features = FeatureSet("listing", Graph("money").hops_to_listed("account", ("mules",)))
    engine = Engine(features, memory_bytes_max=1 << 20, jit=False)
    accounts = np.arange(1, 2_001)
    forever = np.full(2_000, (1 << 32) - 1)
    with pytest.raises(Unavailable, match="memory limit of 1,048,576 bytes"):
        for index in range(200):
            engine.list_part("change", "mules", index, accounts + 2_000 * index, forever)


def test_a_cap_is_part_of_the_version():
    assert graph_features(Graph("money")).version != graph_features(Graph("money", degree_max=63)).version


def test_caps_are_counted_and_memory_is_bounded():
    """A hub that 300 accounts pay remembers 16 of them; what a search does not read is counted."""
    features = FeatureSet("hub", Graph("money", degree_max=8, memory_lg=4).fan_in("payee_account"))
    rows = empty_rows(300)
    rows[:, Col.SEQ] = np.arange(300)
    rows[:, Col.OCCURRED_MS] = 1_700_000_000_000 + np.arange(300)
    rows[:, Col.KIND] = Kind.TRANSFER
    rows[:, Col.ACCOUNT], rows[:, Col.PAYEE] = np.arange(300) + 10, 5
    out = np.empty((300, 1))
    engine = Engine(features, jit=False)
    engine.process(rows, out)
    assert out[:, 0].tolist() == [min(n + 1, 9) for n in range(300)]
    assert engine.graph_use is not None
    assert engine.graph_use.edges_dropped == 284 and engine.graph_use.events_capped == 300 - 9
    held = {use.entity: use.events for use in engine.memory().entities}
    assert held["money_payments_in"] == 16 and held["money_payments_out"] == 300


def test_the_layout_is_that_of_the_kernels():
    """Read off the kernels' text, which nothing imports."""
    text = (Path(layout.__file__).parents[1] / "kernels/graph_store.py").read_text(encoding="utf-8")
    namespace: dict[str, int] = {}
    constants = [line for line in text.splitlines() if line[:1].isupper() and line.split(" ")[1:2] == ["="]]
    exec("\n".join(constants), {}, namespace)
    assert namespace["STORES"] == len(layout.STORES)
    assert namespace["LISTED"] == namespace["STORES"] and namespace["LISTING"] == layout.LISTED[2]
    widths = [namespace[each] for each in ("EDGE", "EDGE", "MARKING", "NEARNESS", "LINK", "LINK")]
    assert widths == [width for _, _, width in layout.STORES]
    assert namespace["SCRATCH"] == layout.HEADER_WORDS
    settings = Engine(graph_features(), jit=False)._plan.graph
    assert settings is not None
    named = {namespace[each]: each for each in ("ROLE", "DEGREE", "VISITS", "PLACES", "KEPT", "KEEP", "LARGE", "SMALL")}
    assert set(settings.settings) == set(named)
    assert (namespace["CAPPED"], namespace["DROPPED"]) == (7, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["graph_store", "graph_patterns", "graph_near", "graph_lists", "graph_marks"])
def test_the_kernels_compile_with_the_signatures_they_state(name: str):
    import_module(f"tarim.stream.kernels.{name}")
