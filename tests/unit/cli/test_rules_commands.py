"""`tarim rules` as a user meets it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from tarim.base.errors import NotFound
from tarim.cli import build_app
from tarim.rules import starter_pack

runner = CliRunner()


def run(*arguments):
    return runner.invoke(build_app([arguments[0]]), [str(argument) for argument in arguments])


def test_the_starter_pack_is_good(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(starter_pack())
    result = run("rules", "check", file)
    assert result.exit_code == 0
    assert "30 rules" in result.output and "检查通过" in result.output


def test_a_fault_is_shown_with_line_and_column_in_both_languages(tmp_path):
    file = tmp_path / "rules.toml"
    text = starter_pack().replace("device_count_1h", "device_conut_1h")
    file.write_text(text)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "device_conut_1h" in each)
    result = run("rules", "check", file)
    assert result.exit_code == 1
    assert f"rules.toml:{line}:9 [device_very_busy]" in result.output
    assert "did you mean 'device_count_1h'" in result.output and "是否指" in result.output
    found = json.loads(run("rules", "check", file, "--json").output)
    assert [problem["line"] for problem in found["problems"]] == [line]


def test_rules_are_checked_over_other_features(tmp_path):
    rules, names = tmp_path / "rules.toml", tmp_path / "names.txt"
    rules.write_text(starter_pack())
    names.write_text("payer_count_10m\n")
    assert run("rules", "check", rules, "--features", names).exit_code == 1


def test_a_ruleset_is_formatted_in_place_or_shown(tmp_path):
    file = tmp_path / "rules.toml"
    untidy = starter_pack().replace("amount_fen < 10 yuan", "(amount_fen<1000 fen)")
    file.write_text(untidy)
    shown = run("rules", "format", file)
    assert shown.exit_code == 0 and "amount_fen < 10 yuan" in shown.output
    assert file.read_text() == untidy
    assert run("rules", "format", file, "--write").exit_code == 0
    assert file.read_text() == shown.output
    assert list(tmp_path.iterdir()) == [file]


def test_what_does_not_parse_is_told_and_not_formatted(tmp_path):
    file = tmp_path / "rules.toml"
    text = starter_pack().replace("device_count_1h >= 20", "device_count_1h >=")
    file.write_text(text)
    result = run("rules", "format", file, "--write")
    assert result.exit_code == 1 and "[device_very_busy]" in result.output and "1 problems" in result.output
    assert file.read_text() == text


def test_a_ruleset_is_shown_as_groups_and_rows(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(starter_pack())
    found = {rule["id"]: rule["when"] for rule in json.loads(run("rules", "structure", file).output)}
    assert len(found) == 30
    assert found["device_very_busy"] == {"field": "device_count_1h", "op": ">=", "value": 20}
    file.write_text(starter_pack().replace("device_count_1h", "device_conut_1h"))
    result = run("rules", "structure", file)
    assert result.exit_code == 1 and "did you mean" in result.output


def test_names_are_explained():
    output = run("rules", "explain-names").output
    assert "score: number. the model's score" in output and "模型评分" in output
    found = json.loads(run("rules", "explain-names", "--json").output)
    assert {"payer_since_last", "ip", "hour"} <= {note["name"] for note in found if note["kind"] != "code"}


def test_a_file_that_is_not_there_is_said(tmp_path):
    assert isinstance(run("rules", "check", tmp_path / "none.toml").exception, NotFound)
