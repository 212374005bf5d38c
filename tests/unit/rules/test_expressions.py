"""Expressions: what parses, what it means for a hand-made event, and how each mistake is answered."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.privacy import Purpose
from tarim.rules import ExpressionError, RulesetInvalid, compile_ruleset
from tarim.rules.check import check
from tarim.rules.parse import parse
from tarim.stream import Channel, Col, Flag, Kind, Verification, empty_rows

NAMES = ("payer_count_1h", "payer_sum_amount_fen_1h", "payer_is_new_payee_30d", "payer_since_last")
RULE = (
    "[[rule]]\nid = 'r'\nwhen = '''{}'''\noutcome = 'notice'\nweight = 1\nscenario = 's'\n"
    "reason = '因'\nreason_en = 'why'\n{}\n"
)


def event(features=(3.0, 250_000.0, 1.0, 1500.0), **words):
    rows = empty_rows(1)
    rows[0, Col.OCCURRED_MS] = 1_750_000_000_000  # 2025-06-15 23:06:40 in China, a Sunday
    rows[0, Col.KIND] = Kind.TRANSFER
    rows[0, Col.CHANNEL] = Channel.MOBILE
    rows[0, Col.AMOUNT_FEN] = 500_000
    for name, value in words.items():
        rows[0, Col[name]] = value
    return rows, np.array([features])


def fires(text, rows, features, extra="", score=np.nan, entries=()) -> bool:
    """Whether a rule holds; `entries` are the (column, list) pairs in which the event's identifier is found."""
    ruleset = compile_ruleset("name = 'n'\n" + RULE.format(text, extra), NAMES)
    members, hits = np.zeros((1, 4), np.uint64), np.zeros((1, 4), np.uint64)
    for bit, probe in enumerate(ruleset.probes):
        if (Col(probe.column), probe.list_name) in entries:
            members[0, bit // 64] |= np.uint64(1 << bit % 64)
    ruleset.evaluate(rows, features, np.array([score]), members, hits)
    return bool(hits[0, 0])


@pytest.mark.parametrize(
    "text",
    [
        "payer_count_1h >= 3 and payer_is_new_payee_30d and amount_fen >= 5_000 yuan",
        "amount_fen == 5000元",
        "amount_fen == 500_000分",
        "amount_fen / payer_sum_amount_fen_1h == 2",
        "payer_since_last < 2s and payer_since_last >= 1500ms",
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "10 - 2 - 3 == 5",
        "-payer_count_1h == -3",
        "hour == 23 and weekday == 6",
        "payer_sum_amount_fen_1h / payer_count_1h > 800 yuan and payer_count_1h * 1000 yuan < amount_fen",
        "extra_0 * payer_count_1h + 1 yuan > extra_0 - 5 fen and extra_0 < 1 yuan",
        'channel == "mobile" and kind in ("payment", "transfer")',
        "amount_fen between 5000 yuan and 5000 yuan",
        "not payer_count_1h > 3 or false",
        "false and false or true",
        "city is missing",
    ],
)
def test_what_holds_of_a_transfer(text):
    assert fires(text, *event())


@pytest.mark.parametrize(
    "text",
    ["payer_count_1h > 1", "payer_count_1h < 1", "payer_count_1h == 1", "payer_count_1h != 1", "payer_count_1h in (1)",
     "payer_count_1h not in (1)", "payer_count_1h between 0 and 9", "payer_count_1h not between 0 and 9",
     "payer_count_1h + 1 > 0"],
)  # fmt: skip
def test_a_missing_number_makes_every_comparison_false(text):
    assert not fires(text, *event((np.nan, 1.0, 1.0, 1.0)))


def test_division_by_zero_is_missing():
    assert fires("1 / payer_count_1h is missing", *event((0.0, 1.0, 1.0, 1.0)))
    assert not fires("1 / payer_count_1h > 0", *event((0.0, 1.0, 1.0, 1.0)))


def test_an_event_without_an_amount_has_a_missing_amount():
    assert fires("amount_fen is missing", *event(AMOUNT_FEN=0))
    assert not fires("amount_fen < 10 yuan", *event(AMOUNT_FEN=0))


def test_sets_and_flags():
    rows, features = event(VERIFICATION=Verification.FACE | Verification.PASSWORD, FLAGS=Flag.LATE)
    assert fires('verification has "face" and late and not backfill', rows, features)
    assert not fires('verification has "token"', rows, features)


def test_a_rule_limited_to_channels_fires_there_only():
    assert fires("true", *event(), extra='channels = ["pc", "mobile"]')
    assert not fires("true or true", *event(CHANNEL=Channel.ATM), extra='channels = ["pc", "mobile"]')


def test_the_score_is_a_number_and_missing_without_a_model():
    assert fires("score >= 0.8", *event(), score=0.8)
    assert not fires("score < 0.8", *event(), score=0.8)
    assert not fires("score >= 0 or score < 1", *event())
    assert fires("score is missing", *event())


def test_a_list_is_asked_about_an_identifier_of_the_event():
    found = {(Col.PAYEE, "suspect_accounts")}
    for text, entries, expected in (
        ('payee_account in list "suspect_accounts"', found, True),
        ('payee_account in list "suspect_accounts"', (), False),
        ('payee_account not in list "suspect_accounts"', found, False),
        ('payee_account not in list "suspect_accounts"', (), True),
        ('account in list "suspect_accounts"', found, False),
        ('account in list "suspect_accounts" or payee_account in list "suspect_accounts"', found, True),
        ("payee_account in list 'other'", found, False),
    ):
        assert fires(text, *event(PAYEE=77, ACCOUNT=78), entries=entries) == expected, (text, entries)


def test_an_absent_identifier_is_in_no_list_nor_outside_of_one():
    assert not fires('device_id in list "known"', *event())
    assert not fires('device_id not in list "known"', *event())
    assert fires("device_id is missing and payee_account is not missing", *event(PAYEE=-5))


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("payer_cuont_1h > 1", 0, "did you mean 'payer_count_1h'"),
        ('channel == "moble"', 11, "did you mean 'mobile'"),
        ("1 < payer_count_1h < 3", 19, "not chained"),
        ("amount_fen > 2h", 11, "does not go with a length of time"),
        ("payer_count_1h > 5 yuan", 15, "an amount in fen does not go with a count"),
        ("hour == 2h", 5, "a length of time in milliseconds does not go with a count"),
        ("payer_count_1h + amount_fen > 1", 15, "does not go with a count"),
        ("amount_fen / payer_sum_amount_fen_1h > 1 yuan", 37, "does not go with a count"),
        ("score in (0.5, 1 fen)", 6, "does not go with a count"),
        ("amount_fen * amount_fen > 1", 11, "multiply by a plain number"),
        ("amount_fen > 5 euro", 15, "is no unit"),
        ("amount_fen", 0, "is a value, not a condition"),
        ("channel > 3", 8, "no order"),
        ("channel == 3", 11, "quoted name"),
        ("amount_fen = 3", 11, "write `==`"),
        ("amount_fen > ", 13, "ends where a value is expected"),
        ("(amount_fen > 3", 15, "closing `)`"),
        ("customer == 3", 0, "identifies someone"),
        ('customer in ("a")', 0, "identifies someone"),
        ('hour in list "x"', 0, "before `in list` stands one of customer, account"),
        ('payer_count_1h in list "x"', 0, "before `in list`"),
        ("1 in list 'x'", 0, "before `in list`"),
        ('account in list "Black List"', 16, "small letters"),
        ("account in list suspects", 16, "in quotes"),
        ("account in list", 15, "in quotes"),
        ("account in 3", 11, "`in list"),
        ('scroe > 0.5', 0, "did you mean 'score'"),
        ("payee_name == \"x\"", 0, "nothing is computed on it"),
        ("occurred_at > 3", 0, "hour or weekday"),
        ("late == true", 0, "is a condition"),
        ("late > 1", 0, "is a condition"),
        ("late amount_fen", 5, "does not belong here"),
        ('amount_fen > "3"', 13, "code field only"),
        ("(1 > 0) > 1", 3, "value is expected"),
        ("amount_fen > 9" + "9" * 20, 13, "larger than"),
        ("1 > 0 and " * 300 + "true", 2000, "at most 2000"),
        ("(" * 40 + "true" + ")" * 40, 33, "deeper than 32"),
        ("1" + "+1" * 40 + " > 0", 82, "deeper than 32"),
        ("not " * 40 + "true", 132, "deeper than 32"),
        ("amount_fen ≥ 3", 11, "write `>=`"),
        ("amount_fen >= 5万元", 15, "50_000 yuan"),
        ("score > 5%", 9, "0.05 for 5%"),
        ("kind in ('login'、'signup')", 16, "ASCII comma"),
        ("amount_fen > 3 & late", 15, "write `and`"),
        ("currency == \"yuan\"", 12, "three capital letters"),
        ("", 0, "ends where a value"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_place_and_the_fix(text, at, says):
    with pytest.raises(ExpressionError) as caught:
        check(parse(text), NAMES)
    assert says in caught.value.text_en
    assert caught.value.text_zh != caught.value.text_en
    assert caught.value.at == at


def test_a_rule_reads_only_fields_that_serve_its_purpose():
    """`network_kind` serves risk control and nothing else (promise 7)."""
    check(parse('network_kind == "wifi"'), NAMES, Purpose.RISK)
    with pytest.raises(ExpressionError, match="may not be used for marketing"):
        check(parse('network_kind == "wifi"'), NAMES, Purpose.MARKETING)


def test_an_expression_tells_what_it_reads():
    read = check(parse("payer_count_1h > 1 and (hour < 6 or payer_count_1h > 9)"), NAMES).reads
    assert read == ("payer_count_1h", "hour")


BANDS = """
[[policy.bands]]
at_least = 0.5
name = "raised"
outcome = "notice"
reason = "x"
reason_en = "x"

[[policy.bands]]
at_least = 0.9
name = "high"
outcome = "delay"
reason = "x"
reason_en = "x"
"""


@pytest.mark.parametrize(
    ("text", "below", "lower", "upper", "unscored"),
    [
        ('band == "raised"', False, True, False, False),
        ('band >= "raised"', False, True, True, False),
        ('band > "raised"', False, False, True, False),
        ('band != "high"', False, True, False, False),
        ('band in ("raised", "high")', False, True, True, False),
        ("band is missing", True, False, False, True),
        ('not band < "high"', True, False, True, True),
    ],
)
def test_a_rule_asks_for_a_band_by_its_name(text, below, lower, upper, unscored):
    found = [fires(text, *event(), extra=BANDS, score=score) for score in (0.49, 0.5, 0.9, np.nan)]
    assert found == [below, lower, upper, unscored]


def test_a_band_that_the_ruleset_does_not_have_is_refused_with_a_suggestion():
    with pytest.raises(RulesetInvalid, match="did you mean 'raised'"):
        fires('band == "rased"', *event(), extra=BANDS)
    with pytest.raises(RulesetInvalid, match="no score band of this ruleset has a name"):
        fires('band == "raised"', *event())
    with pytest.raises(RulesetInvalid, match="two bands are named 'high'"):
        fires('band == "high"', *event(), extra=BANDS.replace("raised", "high"))
