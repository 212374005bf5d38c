"""Masks, evidence, grouping, priority, assignment: values without a database."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tarim.base.errors import Damaged, DefinitionError, FieldError, NotFound, TooLarge
from tarim.cases import EVIDENCE_BYTES_MAX, EvidenceFiles, Sort, checked_file, masked, masked_text, short_token
from tarim.cases.domain.assignment import default_assignment, read_assignment
from tarim.cases.domain.listing import cursor_of, values_of
from tarim.cases.domain.priority import Priority, priority_of
from tarim.rules import scenario_pack
from tests.fakes.cases import FakeTexts

PDF = b"%PDF-1.7\nplain"


def test_masks_keep_enough_to_tell_apart_and_too_little_to_use() -> None:
    for field, raw in (
        ("payee_name", "王小明"),
        ("payee_phone", "13812345678"),
        ("account", "6222021234567890123"),
        ("customer", "C1"),
        ("ip", "10.20.30.40"),
        ("ip", "10.20.30.40:5566"),
        ("location", "30.123, 120.456"),
        ("latitude", "30.123"),
    ):
        shown = masked(field, raw)
        assert raw not in shown and "*" in shown, field
    assert masked("payee_phone", "+86 138-1234-5678") == "138****5678"
    assert masked("account", "6222021234567890123") == "****0123" and masked("account", "1234567") == "****"
    assert masked("ip", "10.20.30.40:5566") == "10.20.*.*" and masked("location", "30.123, -120.456") == "30.*, -120.*"
    assert short_token(0) == "" and short_token(-1) == "ffffffff"


def test_free_text_is_masked_where_a_number_or_a_known_name_stands() -> None:
    text = "王小明 called from 138 1234 5678 (card 6222 0212 3456 7890 123, id 33010619900101123X, a@b.cn, 10.0.0.1), 3 times"
    shown = masked_text(text, ["王小明", "C1"])
    for secret in ("王小明", "1234 5678", "6222", "19900101", "a@b.cn", "10.0.0.1"):
        assert secret not in shown
    assert shown.endswith("3 times") and "王**" in shown


def test_evidence_is_told_by_its_content() -> None:
    assert checked_file("a.pdf", PDF).media_type == "application/pdf"
    assert checked_file("note.txt", "聊天记录".encode()).media_type == "text/plain"
    for name, content, why in (
        ("a.png", PDF, "ends in pdf"),
        ("a.txt", b"MZ\x90\x00", "no type"),
        ("a.txt", b"<html><script>", "no type"),
        ("a.pdf", b"%PDF-1.7 /JavaScript (x)", "program"),
        ("../a.pdf", PDF, "no path"),
        ("a.pdf", b"", "empty"),
    ):
        with pytest.raises(DefinitionError, match=why):
            checked_file(name, content)
    with pytest.raises(TooLarge):
        checked_file("a.pdf", PDF + bytes(EVIDENCE_BYTES_MAX))


def test_evidence_lies_sealed_and_is_found_altered(tmp_path: Path) -> None:
    texts = FakeTexts()
    files = EvidenceFiles(tmp_path, texts)
    kept = checked_file("a.pdf", PDF)
    files.put(7, kept.digest, PDF)
    files.put(8, kept.digest, PDF)
    files.put(7, kept.digest, PDF)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(paths) == 2 and all(PDF not in path.read_bytes() for path in paths)
    assert files.get(7, kept.digest) == PDF
    with pytest.raises(NotFound):
        files.get(9, kept.digest)
    path = next(path for path in paths if path.name.endswith(f"{7:016x}"))
    sealed = path.read_bytes()
    for at in (0, 5, 20, len(sealed) - 1):
        path.write_bytes(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises((Damaged, NotFound)):
            files.get(7, kept.digest)
    path.write_bytes(sealed)
    texts.destroyed = {7}
    with pytest.raises(NotFound, match="destroyed"):
        files.get(7, kept.digest)
    assert files.get(8, kept.digest) == PDF


def test_money_that_can_be_saved_comes_first() -> None:
    assert priority_of(8_000_000, can_be_saved=True, score=0.2) is Priority.CRITICAL
    assert priority_of(8_000_000, can_be_saved=False, score=0.2) is Priority.HIGH
    assert priority_of(1_000_000, can_be_saved=False, score=0.95) is Priority.HIGH
    assert priority_of(0, can_be_saved=False, score=-1.0) is Priority.LOW
    assert priority_of(0, can_be_saved=False, score=-1.0, escalated=True) is Priority.NORMAL


def test_assignment_goes_by_place_scenario_and_workload() -> None:
    rules = read_assignment(
        """
        [[branches]]
        name = "hangzhou"
        cities = ["3301"]
        [[branches]]
        name = "zhejiang"
        cities = ["33"]
        [[queues]]
        name = "east"
        branches = ["hangzhou", "zhejiang"]
        scenarios = ["mule"]
        members = ["bob", "ann", "cem"]
        automatic = true
        open_max = 2
        """
    )
    assert [rules.branch_of(city) for city in (330106, 330203, 110000, 0)] == [
        "hangzhou", "zhejiang", "head-office", "head-office",
    ]  # fmt: skip
    assert rules.queue_of("mule", "hangzhou") == "east" and rules.queue_of("mule", "head-office") == "general"
    east = rules.queue("east")
    assert rules.person_for(east, {"ann": 1, "bob": 1}) == "cem"
    assert rules.person_for(east, {"ann": 1, "bob": 1, "cem": 2}) == "ann"
    assert rules.person_for(east, {"ann": 2, "bob": 2, "cem": 2}) == ""
    assert rules.person_for(rules.queue("general"), {}) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("queues = 3", "wrong"),
        ("x = 1 =", "not TOML"),
        ('[[queues]]\nname = "a"\nbranches = ["b"]', "names the branch b"),
        ('[[queues]]\nname = "a"\n[[queues]]\nname = "a"', "queue a stands there twice"),
        ('[[queues]]\nname = "Bad Name"', "wrong"),
    ],
)
def test_wrong_assignment_rules_say_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        read_assignment(text)


def test_the_built_in_rules_know_every_scenario_of_the_scenario_pack() -> None:
    rules = read_assignment(default_assignment())
    scenarios = {line.split('"')[1] for line in scenario_pack().splitlines() if line.startswith("scenario = ")}
    assert scenarios and {rules.queue_of(each, "head-office") for each in scenarios} == {"fraud", "aml", "business"}


def test_a_cursor_is_of_its_order_and_nothing_else_is_one() -> None:
    cursor = cursor_of(Sort.WORK, (1, 2, 3))
    assert values_of(Sort.WORK, cursor, 3) == (1, 2, 3)
    forged = [
        base64.urlsafe_b64encode(text).decode() for text in (b'["work",1,2,"x"]', b'["work",1,2,1e99]', b"[]", b"{}")
    ]
    for wrong in ("", "x", "é", "a" * 300, cursor_of(Sort.DUE, (1, 2)), *forged):
        with pytest.raises(FieldError, match="cursor"):
            values_of(Sort.WORK, wrong, 3)
