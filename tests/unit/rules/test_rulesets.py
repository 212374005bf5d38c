"""Rulesets: faults pointed at in the file, the starter pack, and compiled kernels kept on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Unavailable
from tarim.rules import RulesetInvalid, check_ruleset, compile_ruleset, starter_pack
from tarim.stream import Col, Outcome, empty_rows
from tarim.stream.reference import reference_features

NAMES = reference_features().names
GOOD = '''name = "mine"

[[rule]]
id = "busy"
when = "payer_count_10m >= 5"
outcome = "challenge"
weight = 60
scenario = "telecom_fraud"
reason = "十分钟内转账频繁"
reason_en = "many transfers within ten minutes"
channels = ["mobile"]

[[rule]]
id = "large"
when = """
  amount_fen >= 5_000 yuan
  and payer_is_new_payee_30d
"""
outcome = "block"
weight = 90
scenario = "telecom_fraud"
reason = "大额"
reason_en = "large"

[[policy.bands]]
at_least = 0.5
outcome = "notice"
reason = "评分偏高"
reason_en = "raised score"
'''


def problems_of(text):
    with pytest.raises(RulesetInvalid) as caught:
        check_ruleset(text, NAMES)
    return caught.value.problems


def test_a_ruleset_is_read_whole():
    checked = check_ruleset(GOOD, NAMES)
    assert [rule.id for rule in checked.rules] == ["busy", "large"]
    assert checked.rules[1].outcome is Outcome.BLOCK
    assert checked.rules[1].reads == ("amount_fen", "payer_is_new_payee_30d")
    assert checked.bands[0].at_least == 0.5


def test_the_version_is_of_the_text():
    assert check_ruleset(GOOD, NAMES).version != check_ruleset(GOOD.replace("60", "61"), NAMES).version


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("payer_count_10m >=", "payer_cuont_10m >=", 5, 9, "payer_count_10m"),
        ("and payer_is_new", "and payer_was_new", 17, 7, "did you mean"),
        ('outcome = "block"', 'outcome = "blok"', 13, 1, "no value 'blok'"),
        ("weight = 90", "weight = 9000", 13, 1, "from 0 to 1000"),
        ("weight = 90", 'weight = "90"', 13, 1, "whole number"),
        ('id = "large"', 'id = "busy"', 13, 1, "twice"),
        ('id = "large"', 'id = "Large one"', 13, 1, "small letters"),
        ('reason_en = "large"', "", 13, 1, "`reason_en` is needed"),
        ('reason_en = "large"', 'reason_em = "large"', 13, 1, "did you mean `reason_en`"),
        ('["mobile"]', '["moblie"]', 3, 1, "no value 'moblie'"),
        ("at_least = 0.5", "at_least = 5", 0, 0, "from 0 to 1"),
        ('name = "mine"', 'name = "mine', 1, 13, "not TOML"),
    ],
)
def test_a_fault_is_pointed_at(old, new, line, column, says):
    assert old in GOOD
    found = problems_of(GOOD.replace(old, new))
    assert [(line, column)] == [(problem.line, problem.column) for problem in found if says in problem.text_en], found


def test_all_faults_are_reported_at_once():
    text = GOOD.replace("payer_count_10m", "nothing_like_it").replace('"block"', '"blok"').replace("0.5", "7")
    assert len(problems_of(text)) == 3


def test_too_many_rules_and_too_long_a_text_are_refused():
    rule = GOOD.split("\n\n")[1]
    many = 'name = "n"\n' + "\n".join(rule.replace("busy", f"busy_{k}") + "\n" for k in range(257))
    assert "at most 256" in problems_of(many)[0].text_en
    assert "longer than" in problems_of("#" * 1_000_001)[0].text_en


def test_the_questions_to_the_lists_are_counted_once_and_bounded():
    rule = GOOD.split("\n\n")[1]
    asking = [
        rule.replace("busy", f"r{k}").replace(
            "payer_count_10m >= 5", " or ".join(f"account in list 'l{n}'" for n in range(k * 40, k * 40 + 40))
        )
        for k in range(7)
    ]
    text = 'name = "n"\n' + "\n".join(asking)
    assert "280 different questions of the lists, at most 256" in problems_of(text)[0].text_en
    probes = check_ruleset('name = "n"\n' + "\n".join([*asking[:6], asking[0].replace("r0", "again")]), NAMES).probes
    assert [probe.list_name for probe in probes] == [f"l{n}" for n in range(240)]


def test_every_probe_and_every_rule_has_its_own_bit():
    """Rule k asks list k only, so that hits are members, through all four words of both."""
    rule = GOOD.split("\n\n")[1].replace('channels = ["mobile"]', "")
    rules = [
        rule.replace("busy", f"r{k}").replace("payer_count_10m >= 5", f"account in list 'l{k}'") for k in range(256)
    ]
    ruleset = compile_ruleset('name = "n"\n' + "\n".join(rules), NAMES)
    assert [probe.list_name for probe in ruleset.probes] == [f"l{k}" for k in range(256)]
    rows = empty_rows(20)
    rows[:, Col.ACCOUNT] = 5
    members = np.random.default_rng(1).integers(0, 2**64, (20, 4), np.uint64)
    hits = np.zeros((20, 4), np.uint64)
    ruleset.evaluate(rows, np.zeros((20, len(NAMES))), np.zeros(20), members, hits)
    np.testing.assert_array_equal(hits, members)


def test_a_ruleset_without_rules_clears_the_hits():
    hits = np.full((2, 4), 7, np.uint64)
    ruleset = compile_ruleset('name = "n"', NAMES)
    ruleset.evaluate(empty_rows(2), np.zeros((2, len(NAMES))), np.zeros(2), np.zeros((2, 4), np.uint64), hits)
    assert not hits.any()


@pytest.mark.parametrize("text", ["# \ud800", "weight = " + "9" * 5000, "a = " + "[" * 5000])
def test_what_toml_itself_trips_over_is_refused(text):
    assert "not T" in problems_of(text)[0].text_en or "not text" in problems_of(text)[0].text_en


def test_the_starter_pack_has_thirty_rules_in_both_languages():
    checked = check_ruleset(starter_pack(), NAMES)
    assert len(checked.rules) == 30
    assert all(rule.reason_zh != rule.reason_en for rule in checked.rules)
    assert {rule.scenario for rule in checked.rules} >= {"telecom_fraud", "account_takeover", "money_laundering"}


def test_a_kept_kernel_gives_the_same_hits(tmp_path: Path):
    rng = np.random.default_rng(3)
    rows = empty_rows(500)
    rows[:, 12] = rng.integers(0, 10**8, 500)
    rows[:, 13] = rng.integers(1, 4, 500)
    features = rng.lognormal(4, 4, (500, len(NAMES)))
    found = []
    for folder in (None, tmp_path, tmp_path):
        hits, members = np.zeros((500, 4), np.uint64), np.zeros((500, 4), np.uint64)
        ruleset = compile_ruleset(starter_pack(), NAMES, folder)
        ruleset.evaluate(rows, features, np.full(500, np.nan), members, hits)
        found.append(hits)
    assert found[0].any()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_processes_that_race_for_the_folder_all_get_a_whole_kernel(tmp_path: Path):
    """Four at once, then one more that must find the machine code instead of compiling."""
    code = (
        "import sys, pathlib, numpy as np\n"
        "from tarim.rules import compile_ruleset\n"
        "from tarim.stream import empty_rows\n"
        "rs = compile_ruleset(sys.argv[2], ['payer_count_10m', 'payer_is_new_payee_30d'], pathlib.Path(sys.argv[1]))\n"
        "hits, members = np.zeros((1, 4), np.uint64), np.zeros((1, 4), np.uint64)\n"
        "rs.evaluate(empty_rows(1), np.array([[9.0, 1.0]]), np.zeros(1), members, hits)\n"
        "print(int(hits[0, 0]), sum(rs.evaluate.stats.cache_hits.values()))\n"
    )
    text = GOOD.replace('channels = ["mobile"]', "")
    arguments = [sys.executable, "-c", code, str(tmp_path / "kernels"), text]
    started = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(3)]
    assert [int(process.communicate()[0].split()[0]) for process in started] == [1, 1, 1]
    after = subprocess.run(arguments, stdout=subprocess.PIPE, check=True)
    assert after.stdout.split() == [b"1", b"1"]
    assert not list((tmp_path / "kernels").glob("*.tmp"))


def test_a_damaged_source_in_the_folder_is_written_anew(tmp_path: Path):
    compile_ruleset(GOOD, NAMES, tmp_path)
    (source,) = tmp_path.glob("*.py")
    whole = source.read_bytes()
    source.write_bytes(whole[:50])
    compile_ruleset(GOOD, NAMES, tmp_path)
    assert source.read_bytes() == whole


def test_an_unusable_folder_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Unavailable):
        compile_ruleset(GOOD, NAMES, tmp_path / "file")
