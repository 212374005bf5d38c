"""Whatever is done to a trail is found, and said to be where it was done."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tarim.audit import Chained, Fault, Head, Report, chained, examine
from tests.fakes.audit import SEAL, anchors, chain, entry, head_of

ENTRIES, EVERY = 60, 10
GENUINE = chain(ENTRIES)
ANCHORS = anchors(GENUINE, EVERY)


def examined(entries: list[Chained], marked: Head | None = None) -> Report:
    return examine(entries, ANCHORS, [], marked or head_of(GENUINE), SEAL)


def covers(faults: list[Fault], seq: int) -> bool:
    return any(fault.first <= seq <= fault.last for fault in faults)


def test_a_genuine_trail_is_sound() -> None:
    report = examined(GENUINE)
    assert report.sound and (report.first_seq, report.last_seq, report.anchored_seq) == (1, ENTRIES, ENTRIES)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("field", ["at_ms", "who", "kind", "act", "object", "address", "session", "reason", "detail"])
def test_one_changed_field_is_one_entry(field: str, seed: int) -> None:
    """No other entry is accused."""
    at = Random(f"{field} {seed}").randrange(ENTRIES)
    old = GENUINE[at]
    value = {"at_ms": old.entry.at_ms + 1, "detail": {"status": 999}}.get(field, "x")
    report = examined([*GENUINE[:at], replace(old, entry=replace(old.entry, **{field: value})), *GENUINE[at + 1 :]])
    assert [(fault.kind, fault.first, fault.last) for fault in report.faults] == [("altered", at + 1, at + 1)]


@pytest.mark.parametrize("at", range(ENTRIES))
@pytest.mark.parametrize("field", ["before", "digest"])
def test_a_changed_digest_is_that_entry(field: str, at: int) -> None:
    damaged = bytearray(getattr(GENUINE[at], field))
    damaged[at % 32] ^= 1 << at % 8
    report = examined([*GENUINE[:at], replace(GENUINE[at], **{field: bytes(damaged)}), *GENUINE[at + 1 :]])
    assert [(fault.kind, fault.first, fault.last) for fault in report.faults] == [("altered", at + 1, at + 1)]


@pytest.mark.parametrize("at", range(ENTRIES - 1))
def test_an_entry_taken_out_is_named(at: int) -> None:
    """With its number left open, and with all that follow numbered anew."""
    report = examined(GENUINE[:at] + GENUINE[at + 1 :])
    assert [(fault.kind, fault.first, fault.last) for fault in report.faults] == [("removed", at + 1, at + 1)]
    anew = [replace(each, seq=each.seq - 1) for each in GENUINE[at + 1 :]]
    report = examined(GENUINE[:at] + anew)
    assert (report.faults[0].kind, report.faults[0].first) == ("removed", at + 1)
    assert {fault.kind for fault in report.faults} == {"removed", "moved"}


@pytest.mark.parametrize("at", range(1, ENTRIES))
def test_an_entry_put_in_is_named(at: int) -> None:
    """Made with care: it follows the one before it, and those after it are numbered anew."""
    forged = chained(Head(at, GENUINE[at - 1].digest), entry(999))
    report = examined([*GENUINE[:at], forged, *(replace(each, seq=each.seq + 1) for each in GENUINE[at:])])
    assert ("inserted", at + 1, at + 1) in [(fault.kind, fault.first, fault.last) for fault in report.faults]


@pytest.mark.parametrize("seed", range(60))
def test_two_entries_swapped_are_both_named(seed: int) -> None:
    one, two = sorted(Random(seed).sample(range(ENTRIES), 2))
    swapped = list(GENUINE)
    swapped[one], swapped[two] = replace(GENUINE[two], seq=one + 1), replace(GENUINE[one], seq=two + 1)
    faults = examined(swapped).faults
    assert covers(faults, one + 1) and covers(faults, two + 1)
    assert sum(fault.last - fault.first + 1 for fault in faults) <= 4, faults


@pytest.mark.parametrize("kept", range(ENTRIES))
def test_a_missing_end_is_found_by_the_mark_and_without_it_by_anchors(kept: int) -> None:
    left = GENUINE[:kept]
    for marked in (head_of(GENUINE), head_of(left)):
        faults = examined(left, marked).faults
        assert [(fault.kind, fault.first, fault.last) for fault in faults] == [("truncated", kept + 1, ENTRIES)]


@pytest.mark.parametrize("at", range(0, ENTRIES, 7))
def test_a_chain_computed_anew_is_found_by_anchors(at: int) -> None:
    """Every digest fits; the fault is said to lie between two anchors."""
    head, anew = Head(at, GENUINE[at].before), []
    for each in GENUINE[at:]:
        anew.append(chained(head, replace(each.entry, who="somebody.else") if each.seq == at + 1 else each.entry))
        head = Head(anew[-1].seq, anew[-1].digest)
    faults = examined(GENUINE[:at] + anew, head).faults
    assert faults[0].kind == "rewritten" and covers(faults[:1], at + 1)
    assert faults[0].last - faults[0].first < EVERY


@pytest.mark.parametrize("at", range(0, ENTRIES - 1, 5))
def test_an_entry_made_anew_does_not_fit_its_neighbour(at: int) -> None:
    forged = chained(Head(at, GENUINE[at].before), entry(999))
    faults = examined([*GENUINE[:at], forged, *GENUINE[at + 1 :]]).faults
    assert ("unlinked", at + 1, at + 2) in [(fault.kind, fault.first, fault.last) for fault in faults]


def test_what_is_cut_beyond_the_last_anchor_with_the_mark_set_back_is_not_found() -> None:
    """The limit of the method, stated in the documentation: it is why anchors are written often, and kept by others."""
    early = [anchor for anchor in ANCHORS if anchor.seq <= 50]
    left = GENUINE[:55]
    assert examine(left, early, [], head_of(left), SEAL).sound
    assert not examine(left, ANCHORS, [], head_of(left), SEAL).sound


def test_many_faults_are_counted_beyond_those_that_are_named() -> None:
    """The report stays small."""
    every_other = [replace(each, digest=b"x" * 32) if each.seq % 2 else each for each in chain(2_200)]
    report = examine(every_other, [], [], Head(2_200, every_other[-1].digest), SEAL)
    assert len(report.faults) == 1_000 and report.further_faults == 100
