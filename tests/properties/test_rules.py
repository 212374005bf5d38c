"""Laws of rule expressions: the compiled kernel means what the interpreter means, whatever is written and missing."""

from __future__ import annotations

import operator

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import rules as bench
from tarim.rules import (
    ExpressionError,
    RulesetInvalid,
    StructureError,
    check_ruleset,
    compile_ruleset,
    from_structure,
    to_structure,
)
from tarim.rules.check import check
from tarim.rules.parse import parse
from tarim.stream import Col, empty_rows
from tests.naive import rule_interpreter
from tests.naive.rule_interpreter import Event, holds

NAMES = ("payer_count_1h", "payer_sum_amount_fen_1h", "payer_is_new_payee_30d", "payer_since_last", "plain")

plain_literals = st.sampled_from(["0", "1", "2", "3.5", "1_000", "-1", "0.1", "(-0)", "100000"])
fen_literals = st.sampled_from(["50 yuan", "0.29yuan", "700 fen", "3元"])
ms_literals = st.sampled_from(["2h", "7d", "500ms", "30 s"])


def _math(inner):
    return st.builds(lambda a, op, b: f"({a} {op} {b})", inner, st.sampled_from("+-"), inner) | st.builds(
        lambda a, op, b: f"({a} {op} {b})", inner, st.sampled_from("*/"), plain_literals | st.just("plain")
    )


def _negatable(inner):
    return inner | st.builds(lambda a: f"-{a}", inner)


numbers = st.one_of(
    st.recursive(
        plain_literals | st.sampled_from(["payer_count_1h", "plain", "hour", "weekday", "city", "extra_0", "score"]),
        lambda inner: _negatable(_math(inner)),
        max_leaves=4,
    ),
)
amounts = st.recursive(
    fen_literals | st.sampled_from(["amount_fen", "payer_sum_amount_fen_1h"]), lambda inner: _math(inner), max_leaves=4
)
times = st.recursive(ms_literals | st.just("payer_since_last"), lambda inner: _math(inner), max_leaves=3)


def _relations(values):
    return st.one_of(
        st.builds(
            lambda a, op, b: f"{a} {op} {b}", values, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), values
        ),
        st.builds(
            lambda a, n, b, c: f"{a} {n}between {b} and {c}", values, st.sampled_from(["", "not "]), values, values
        ),
        st.builds(
            lambda a, n, b: f"{a} {n}in ({', '.join(b)})",
            values,
            st.sampled_from(["", "not "]),
            st.lists(values, min_size=1, max_size=3),
        ),
        st.builds(lambda a, n: f"{a} is {n}missing", values, st.sampled_from(["", "not "])),
    )


conditions = st.one_of(
    _relations(numbers),
    _relations(amounts),
    _relations(times),
    st.sampled_from(
        [
            'channel == "mobile"', 'channel != "pc"', 'kind in ("transfer", "payment")', 'kind not in ("login")',
            'verification has "face"', "payer_is_new_payee_30d", "late", "history_authorised", "true", "false",
            'payee_account in list "black"', 'account not in list "black"', 'device_id in list "grey"',
            'ip is missing', 'merchant_id is not missing',
            'currency == "CNY"', 'currency != "USD"', 'label == "fraud"', 'label != "fraud"', "label is missing",
        ]
    ),
)  # fmt: skip
expressions = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda a: f"not ({a})", inner),
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", inner, st.sampled_from(["and", "or"]), inner),
        st.builds(lambda a, b, c: f"({a}) and ({b}) or ({c})", inner, inner, inner),
    ),
    max_leaves=5,
)


def events(seed: int, count: int):
    """Rows and features full of the awkward: missing, zero, infinite, equal to the literals above."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(count)
    rows[:, Col.OCCURRED_MS] = rng.integers(-(10**12), 2 * 10**12, count)
    rows[:, Col.AMOUNT_FEN] = rng.choice([0, 1, 29, 300, 700, 5000, 10**12], count)
    rows[:, Col.KIND] = rng.integers(1, 12, count)
    rows[:, Col.CHANNEL] = rng.integers(0, 7, count)
    rows[:, Col.VERIFICATION] = rng.integers(0, 128, count)
    rows[:, Col.FLAGS] = rng.integers(0, 16, count)
    rows[:, Col.CITY] = rng.choice([0, 1, 110000], count)
    rows[:, Col.EXTRA_0] = rng.choice([0, 1, -1, 2**62], count)
    rows[:, Col.LABEL] = rng.integers(-1, 2, count)
    rows[:, Col.CURRENCY] = rng.choice([0, 0x434E59, 0x555344], count)
    for column in (Col.PAYEE, Col.ACCOUNT, Col.DEVICE, Col.ADDRESS, Col.MERCHANT):
        rows[:, column] = rng.choice([0, 7, -7, 2**63 - 1], count)
    values = [np.nan, 0.0, -0.0, 1.0, 2.0, 3.5, -1.0, 1000.0, 5000.0, 29.0, 7_200_000.0, np.inf, -np.inf, 1e308, 0.1]
    return rows, rng.choice(values, (count, len(NAMES))), rng.choice([np.nan, 0.0, 0.1, 1.0], count)


def ruleset_of(texts):
    rules = [
        f"[[rule]]\nid = 'r{k}'\nwhen = '''{text}'''\noutcome = 'notice'\nweight = 1\nscenario = 's'\n"
        "reason = '因'\nreason_en = 'why'\n"
        for k, text in enumerate(texts)
    ]
    return "name = 'random'\n" + "\n".join(rules)


def entries_of(probes, members):
    return frozenset(
        (probe.column, probe.list_name)
        for bit, probe in enumerate(probes)
        if members[bit // 64] >> np.uint64(bit % 64) & np.uint64(1)
    )


def assert_twins_agree(texts, *, seed, count):
    ruleset = compile_ruleset(ruleset_of(texts), NAMES)
    checked = check_ruleset(ruleset_of(texts), NAMES)
    rows, features, scores = events(seed, count)
    members = np.random.default_rng(seed).integers(0, 2**64, (count, 4), np.uint64)
    for bit, probe in enumerate(ruleset.probes):  # an absent identifier is in no list
        members[rows[:, probe.column] == 0, bit // 64] &= ~np.uint64(1 << bit % 64)
    described = [Event(rows[i], features[i], scores[i], entries_of(ruleset.probes, members[i])) for i in range(count)]
    hits = np.full((count, 4), 2**64 - 1, np.uint64)
    ruleset.evaluate(rows, features, scores, members, hits)
    with np.errstate(all="ignore"):
        for k, expression in enumerate(checked.expressions):
            for i in range(count):
                expected = holds(expression.condition, described[i])
                assert bool(hits[i, k // 64] >> np.uint64(k % 64) & np.uint64(1)) == expected, (texts[k], i)
    unused = 256 - len(texts)
    words = [int.from_bytes(hits[i].tobytes(), "little") for i in range(count)]
    assert all(word >> (256 - unused) == 0 for word in words)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(expressions, min_size=1, max_size=40), st.integers(0, 1000))
def test_the_compiled_kernel_means_what_the_interpreter_means(texts, seed):
    assert_twins_agree(texts, seed=seed, count=40)


def test_random_trees_are_judged_alike_and_a_difference_would_be_seen(monkeypatch):
    """The chunk that the acceptance run does four hundred times; then with an interpreter that takes `<` for `<=`."""
    found = bench.agreement_of(3)
    assert (found["differing"], found["lost"]) == (0, 0), found["examples"]
    assert found["held"] > 500
    monkeypatch.setitem(rule_interpreter._OPS, "<", operator.le)
    assert bench.agreement_of(3)["differing"] > 0


def test_fuzzed_texts_are_refused_at_a_place_and_a_crash_would_be_seen(monkeypatch):
    """A tenth of the chunk that the acceptance run does a hundred times; then with a parser that trips over `and`."""
    monkeypatch.setattr(bench, "CHUNK_TEXTS", 1_000)
    found = bench.fuzz_of(3)
    assert found["faults"] == 0, found["examples"]
    assert 0 < found["accepted"] < 1_000

    def tripping(text):
        if " and " in text:
            raise KeyError("and")
        return parse(text)

    monkeypatch.setattr(bench, "parse", tripping)
    assert bench.fuzz_of(3)["faults"] > 0


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abp_1.5 ()<>=+-*/\"',and or not in is missing 元“&", max_size=60))
def test_any_text_is_parsed_or_refused_at_a_place_inside_it(text):
    try:
        check(parse(text), NAMES)
    except ExpressionError as error:
        refusal = error
    else:
        return
    assert 0 <= refusal.at <= len(text)
    assert refusal.text_en and refusal.text_zh


loose = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([">", "in", "between", "has", "late", "h"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["all", "any", "not", "always", "expression", "field", "op", "value", "values", "unit", "low"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
"""Plain data made of the words of the structured form, seldom rightly put together."""
rows = st.builds(
    lambda field, op, rest: {"field": field, "op": op, **rest},
    st.sampled_from(["amount_fen", "hour", "late", "x y"]),
    st.sampled_from(["==", ">", "in", "not_in", "between", "missing", "has", "in_list", "is_true"]),
    st.dictionaries(st.sampled_from(["value", "values", "unit", "low", "high", "list", "other"]), loose, max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(loose | rows | st.builds(lambda row: {"all": [row, {"not": row}]}, rows))
def test_any_data_is_read_as_a_structure_or_refused_at_a_place(structure):
    try:
        tree = from_structure(structure)
    except StructureError as error:
        refusal = error
    else:
        canonical = to_structure(tree)
        assert to_structure(from_structure(canonical)) == canonical
        return
    assert refusal.text_en and refusal.text_zh
    assert not refusal.pointer or refusal.pointer.startswith("/")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_ruleset_text_is_read_or_refused(text):
    try:
        read = check_ruleset(text, NAMES)
    except RulesetInvalid:
        return
    assert len(read.rules) <= text.count("[["), "a rule is a table of its own"
