"""The draft's words come from the facts, carry units, and are the same for the same facts."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tarim.base.instants import HOUR_MS, MINUTE_MS
from tarim.reporting import CaseFacts, MovementFact, packaged_codes, scenarios
from tarim.reporting.domain.narrative import analysis_text, conduct_text, span_text, suggested_codes, yuan

MORNING_MS = 1_770_688_800_000  # 2026-02-10 10:00 in China


def movement(place: int, **changes: object) -> MovementFact:
    plain = MovementFact(
        place, f"e{place}", MORNING_MS + place * MINUTE_MS, "transfer", "mobile", False, 4_980_000, "CNY", 7, 100 + place, 9,
        "block", "structuring", ("split",), "",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def facts(*movements: MovementFact, **changes: object) -> CaseFacts:
    plain = CaseFacts("CASE-2026-000123", 5, "650102", "structuring", MORNING_MS, 0, movements, (), ("li.si",))
    return msgspec.structs.replace(plain, **changes)


def test_what_moved_is_told_with_units() -> None:
    text = conduct_text(facts(*(movement(place) for place in range(4)), movement(600, incoming=True, amount_fen=99)))
    assert "2026年2月10日10时00分至2026年2月10日20时00分（历时10小时）" in text
    assert "转出4笔、合计人民币199,200.00元，单笔最高人民币49,800.00元" in text
    assert "转入1笔、合计人民币0.99元" in text
    assert "其中4笔金额在人民币45,000.00元（含）至人民币50,000.00元之间" in text
    assert "最密集的1小时自2026年2月10日10时00分起，发生4笔" in text
    assert "涉及交易对手账户5个" in text and "拒绝5笔" in text
    for number in re.finditer(r"[0-9][0-9,.]*", text):
        assert re.match(r"[年月日时分元笔个台天小次至%]", text[number.end() :]), text[number.start() - 5 :][:20]


def test_the_order_of_the_facts_does_not_matter_and_nothing_is_said_of_nothing() -> None:
    moves = [movement(place) for place in range(6)]
    assert conduct_text(facts(*moves)) == conduct_text(facts(*reversed(moves)))
    assert analysis_text(facts(*moves)) == analysis_text(facts(*reversed(moves)))
    assert conduct_text(facts()) == analysis_text(facts()) == ""
    single = conduct_text(facts(movement(0)))
    assert "历时" not in single and "最密集" not in single and "略低于" not in single


def test_money_that_passes_through_and_nights_are_seen() -> None:
    night = 12 * HOUR_MS
    moves = (
        movement(0, at_ms=MORNING_MS + night, incoming=True),
        movement(1, at_ms=MORNING_MS + night + 3 * MINUTE_MS),
    )
    text = conduct_text(facts(*moves))
    assert "资金转入后最快3分钟即转出；转入后30分钟内转出的情形有1次" in text
    assert "其中2笔发生在夜间22时至次日6时，占100%" in text


def test_scenarios_rules_findings_and_rings_are_told() -> None:
    moves = (movement(0, verdict="right"), movement(1, scenario="fan_in"), movement(2))
    text = analysis_text(facts(*moves, ring_size=12, traits=(("拆分金额", "split amounts"),)))
    for told in ("拆分交易（2笔）；分散转入（1笔）", "split（3笔）", "拆分金额", "有1笔经核实", "由12个账户组成"):
        assert told in text
    assert suggested_codes(facts(*moves)) == (("K004", "K001"), ("1201",))


def test_a_scenario_of_the_banks_own_is_called_by_its_id() -> None:
    text = analysis_text(facts(movement(0, scenario="own_one")))
    assert "own_one（1笔）" in text
    assert suggested_codes(facts(movement(0, scenario="own_one"))) == (("K099",), ("9999",))


def test_every_scenario_of_the_packs_suggests_codes_that_exist() -> None:
    packs = (Path(__file__).parents[3] / "src/tarim/rules/packs").glob("*.toml")
    text = "".join(pack.read_text(encoding="utf-8") for pack in packs)
    named = set(re.findall(r'^scenario = "(\w+)"', text, re.MULTILINE))
    assert len(named) > 20
    assert named <= scenarios().keys()
    codes = packaged_codes()
    for scenario in scenarios().values():
        assert all(code in codes["feature"] for code in scenario.features)
        assert all(code in codes["crime"] for code in scenario.crimes)


def test_amounts_and_lengths() -> None:
    assert yuan(123_456_789) == "人民币1,234,567.89元"
    assert yuan(100, "USD") == "USD 1.00"
    assert [span_text(span) for span in (0, MINUTE_MS, HOUR_MS, 49 * HOUR_MS)] == [
        "不足1分钟",
        "1分钟",
        "1小时",
        "2天1小时",
    ]
