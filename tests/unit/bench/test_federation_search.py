"""The search of what nodes send: it makes every contract there is, and finds what is planted and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.contract_kinds import HELLOS, KINDS, choices, chosen, missing
from bench.contract_nodes import Companies, Seen
from bench.contract_tables import tables
from bench.federation_search import leaks, measured
from bench.federation_secrets import secrets_of
from bench.federation_strangers import let_in
from tarim.federation import Role
from tarim.federation.node import computing
from tarim.federation.node.terms import Terms


class Colour(StrEnum):
    RED = "red"


class Painted(msgspec.Struct, tag="painting"):
    """Terms that no bench knows of."""

    colour: Colour = Colour.RED
    wet: bool = False
    frame: int | None = None


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    with Companies(tmp_path_factory.mktemp("search"), tables(120, 96, 1)) as found:
        yield found


@pytest.fixture(scope="module")
def trained(companies: Companies) -> Seen:
    (kind,) = chosen(["boosting"])
    return companies.carried_out(kind)


def test_every_choice_of_a_contract_is_searched() -> None:
    assert missing(KINDS, HELLOS) == set()
    assert "says run" in missing(KINDS, HELLOS - {"run"}), "what no node said was not searched"


def test_a_new_kind_without_a_search_is_named() -> None:
    every = choices(Terms | Painted, outputs=("curve", "picture"))
    assert missing(KINDS, HELLOS, every) == {
        "painting", "painting: colour = red", "painting: wet = False", "painting: wet = True", "painting: frame = given",
        "painting: frame = none", "opens picture",
    }  # fmt: skip


@pytest.fixture(scope="module")
def secrets(companies: Companies, trained: Seen) -> list[tuple[str, bytes]]:
    (kind,) = chosen(["boosting"])
    return list(secrets_of(companies, kind, trained))


def test_nothing_is_on_the_line_and_what_is_planted_is_found(trained: Seen, secrets: list[tuple[str, bytes]]) -> None:
    assert len(trained.frames) > 100 and leaks(trained.frames, secrets) == []
    kinds = {what: content for what, content in secrets if len(content) >= 8}
    assert len(kinds) >= 18, sorted(kinds)
    noise = np.random.default_rng(0).bytes(5_001)
    assert leaks([("masked", noise)], secrets) == []
    found = leaks([(what, noise + content + noise) for what, content in kinds.items()], secrets)
    found += leaks([(f"{what}, bare", content) for what, content in kinds.items()], secrets)
    assert {f"{what} in {what}{more}" for what in kinds for more in ("", ", bare")} <= set(found)


def test_the_orders_of_training_and_judging_are_searched(
    companies: Companies, trained: Seen, secrets: list[tuple[str, bytes]]
) -> None:
    (kind,) = chosen(["boosting"])
    labels = companies.rows(Role.SECOND, kind).labels()
    training = max(trained.label_orders, key=len)
    orders = {"training": training, "common": trained.parts[0][1].rows, "file": np.arange(len(labels))}
    frames = [(name, labels[order][:64].tobytes()) for name, order in orders.items()]
    frames += [(f"{name}, packed", np.packbits(labels[order][-64:], bitorder="little").tobytes())
               for name, order in orders.items()]  # fmt: skip
    found = leaks(frames, secrets)
    assert {f"labels in {name}" for name in orders} <= set(found)
    assert len(training) == 77 and "labels, packed in common, packed" in found


def test_a_node_that_sends_a_value_by_mistake_is_found(companies: Companies, monkeypatch: pytest.MonkeyPatch) -> None:
    (kind,) = chosen(["campaign sums"])
    honest = computing.campaign_sums

    def careless(channel: Any, role: Role, contract: Any, terms: Any, rows: Any, places: Any) -> Any:
        values = rows.raw()[0].values[places[:1]]
        channel.send("by mistake", values.astype(np.float64))
        channel.receive("by mistake", (np.float64, (1,)))
        return honest(channel, role, contract, terms, rows, places)

    monkeypatch.setattr(computing, "campaign_sums", careless)
    seen = companies.carried_out(kind)
    assert leaks(seen.frames, list(secrets_of(companies, kind, seen))) == ["value of income in by mistake"]


def test_who_is_not_pinned_or_no_party_is_not_answered(companies: Companies, trained: Seen, tmp_path: Path) -> None:
    assert let_in(companies, tmp_path) == ["peer"]


@pytest.mark.slow
def test_every_kind_of_contract_leaves_nothing_on_the_line() -> None:
    found = measured(240)
    assert (found["found"], found["where"], found["let_in"], found["peer_let_in"]) == (0, {}, [], True)
    assert found["kinds"] >= len([kind for kind in KINDS if not kind.engine]) and found["searched"] > 100_000
    assert found["not_searched"] == []
