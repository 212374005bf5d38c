"""Routes on the trail, without a server: what is written when, and what the answer is when it cannot be."""

from __future__ import annotations

import pytest

from tarim.api.audit import ExportBody
from tarim.api.auditing import Actor, Auditor
from tarim.api.echoes import not_repeating
from tarim.api.proposals import ProposalBody
from tarim.audit import Objects, Recorder, Result
from tests.fakes.audit import ListTrail, entry
from tests.fakes.clock import FakeClock

OBJECTS = Objects(bytes(32))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("13912345678", "no case […] here"),
        ("CASE-2026-000123", "no case CASE-2026-000123 here"),
        ("suspects", "no case suspects here"),
        ("1f2e3d4c5b6a7988", "no case 1f2e3d4c5b6a7988 here"),
        ("欧阳靖雯", "no case […] here"),
        ("a@b.cn", "no case […] here"),
        ("7", "no case 7 here"),
    ],
)
def test_refusals_do_not_repeat_what_may_name_a_person(value: str, shown: str) -> None:
    assert not_repeating(f"no case {value} here", {"id": value}) == shown


def test_values_of_bodies_are_not_repeated_either() -> None:
    """However deep they stand."""
    body = ExportBody(
        ProposalBody("1f2e3d4c5b6a7988", "x", "", "lin.wei", "", "欧阳靖雯 13912345678", "", "", ""), 1, 2, ""
    )
    assert not_repeating("not 欧阳靖雯 13912345678, nor lin.wei", {}, None, body) == "not […], nor lin.wei"
    assert not_repeating("not 13912345678", {}, None, {"a": [{"13912345678": 1}]}) == "not […]"


def test_a_cut_value_is_not_repeated_either() -> None:
    assert not_repeating("no case 62258812 here", {"id": "6225881234567890123"}) == "no case […] here"


@pytest.mark.parametrize("name", ["13912345678", "6225881234567890123", "11010519491231002X", "欧阳靖雯", "x" * 500])
def test_what_may_not_be_there_is_named_by_a_keyed_digest(name: str) -> None:
    """Who knows the name finds it; another key gives another digest."""
    shown = OBJECTS.unproven("case", name)
    assert name not in shown and shown.startswith("case:#") and shown in OBJECTS.both(f"case:{name}")
    assert shown != Objects(bytes(31) + b"x").unproven("case", name)
    assert entry(1, object=OBJECTS.known("case", name)).object.startswith("case:")


@pytest.mark.parametrize("name", ["CASE-2026-000123", "1f2e3d4c5b6a7988", "42"])
def test_ids_that_we_make_stand_as_they_are(name: str) -> None:
    assert OBJECTS.unproven("case", name) == OBJECTS.known("case", name) == f"case:{name}"


def test_a_detail_that_is_too_long_costs_no_act() -> None:
    """It is cut; an act that was carried out is never answered as if it had been wrong."""
    auditor = Auditor(
        Recorder(ListTrail(), waiting_entries_max=1, group_entries_max=1), OBJECTS, FakeClock(1_760_000_000_000)
    )
    made = auditor.entry(
        Actor("x" * 100), "a" * 100, "b" * 500, "c" * 99, "d" * 999, Result.DONE, {"e" * 40: "f\n" * 99}
    )
    assert len(made.who) == 64 and len(str(made.detail["e" * 32])) == 128
