"""Redress as the desk's process puts it together: the decisions' journal, routing and calendar of the bank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarim.base.errors import DefinitionError, NotFound, Unavailable
from tarim.bootstrap.redress import JournalDecisions, load_routing
from tarim.redress import read_routing
from tests.fakes.desk import RULESET, DecisionsWritten


class FakeArtefacts:
    def get(self, version: str) -> bytes:
        if version != "rules-1":
            raise NotFound("not kept")
        return RULESET


def test_a_decision_is_found_by_its_position_with_what_judged_it(tmp_path: Path) -> None:
    artefacts: Any = FakeArtefacts()
    looked = JournalDecisions(tmp_path / "journal", artefacts)
    with pytest.raises(Unavailable, match="not there yet"):
        looked.link(0)
    with DecisionsWritten(tmp_path / "journal") as written:
        written.tick(5)
        with pytest.raises(NotFound, match="no event was judged"):
            looked.rules_in_force()
        seq = written.decided(event_id="e-77", score=0.3)
        written.tick(9)
        link = looked.link(seq)
        assert (link.source, link.event_id, link.seq, link.outcome) == ("bank", "e-77", seq, "pass")
        assert (link.ruleset, link.features, link.model) == ("rules-1", "features-1", "model-1")
        assert looked.rules_in_force() == ("rules-1", frozenset({"many_transfers", "new_payee"}))
        with pytest.raises(NotFound):
            looked.link(seq + 1)  # a tick
        with pytest.raises(NotFound):
            looked.link(seq + 2)
    looked.close()


def test_the_banks_own_routing_counts(tmp_path: Path) -> None:
    own = load_routing(tmp_path)
    assert own.departments and "association.contact" in own.unstated and "hotline" in own.unstated
    assert own.unstated.count("branch-manager") == 0
    path = tmp_path / "routing.toml"
    text = Path(__file__).parents[3].joinpath("src/tarim/redress/routing.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('hotline = ""', 'hotline = "95000"').replace("fraud-desk", "anti-fraud"), "utf-8")
    assert load_routing(tmp_path).channels
    assert "hotline" not in load_routing(tmp_path).unstated
    for old, new, said in (
        ('other = "customer-care"\n', "", "nothing for other"),
        ('fax = ""\n', "", "nothing for fax"),
        ("[association]", "[associations]", "association"),
        ("[departments]", "[departments", "no TOML"),
    ):
        with pytest.raises(DefinitionError, match=said):
            read_routing(text.replace(old, new, 1))
    path.write_bytes(b"\xff")
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_routing(tmp_path)
