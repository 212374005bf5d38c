"""Each scenario of the pack on its own cases: a short story that must be told apart from one that looks like it.

Stories run through the real engine (as plain Python) and the compiled rules.  Times are seconds after T0 (Tuesday 10:00 in
China), money is yuan; customer 1 has the account 1, and so on; payees of other banks are 900 and more.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tarim.rules import HIT_WORDS, Ruleset, check_ruleset, compile_ruleset, scenario_pack
from tarim.simulation import SCENARIOS
from tarim.stream import Channel, Col, Engine, Flag, Kind, Outcome, Result, Verification, empty_rows, scenario_features

T0_MS = 1_780_365_600_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400
SCREEN, CALL = 1, 2
Event = dict[str, object]


def event(kind: str, at_s: float, customer: int = 1, **said: object) -> Event:
    """One event; money moves from the customer's account, by mobile, on the customer's own telephone at home."""
    return {"kind": kind, "at_s": at_s, "customer": customer, **said}


def rows_of(story: Iterable[Event]) -> np.ndarray:
    """The story as rows, in order of time."""
    events = sorted(story, key=lambda each: each["at_s"])
    rows = empty_rows(len(events))
    for seq, said in enumerate(events):
        kind, customer = Kind[str(said["kind"]).upper()], said["customer"]
        channel = Channel[str(said.get("channel", "mobile")).upper()]
        at_home = channel is Channel.MOBILE
        moves = kind in (Kind.TRANSFER, Kind.PAYMENT, Kind.WITHDRAWAL, Kind.DEPOSIT)
        for column, value in (
            (Col.SEQ, seq),
            (Col.OCCURRED_MS, T0_MS + int(said["at_s"] * 1_000)),
            (Col.RECEIVED_MS, T0_MS + int(said["at_s"] * 1_000)),
            (Col.EVENT_KEY, 1_000_000 + seq),
            (Col.CUSTOMER, customer),
            (Col.ACCOUNT, customer if moves else 0),
            (Col.PAYEE, said.get("payee", 0)),
            (Col.DEVICE, said.get("device", 5_000 + customer if at_home else 0)),
            (Col.ADDRESS, said.get("address", 7_000 + customer if at_home else 0)),
            (Col.MERCHANT, said.get("merchant", 0)),
            (Col.MERCHANT_CATEGORY, 5411 if "merchant" in said else 0),
            (Col.AMOUNT_FEN, round(said.get("yuan", 0) * 100)),
            (Col.KIND, kind),
            (Col.CHANNEL, channel),
            (Col.RESULT, Result.FAILED if said.get("failed") else Result.SUCCEEDED),
            (Col.VERIFICATION, Verification.SMS_CODE if said.get("code") else Verification.PASSWORD),
            (Col.FLAGS, Flag.HISTORY_AUTHORISED | (Flag.NAME_UNSCREENED if said.get("unscreened") else 0)),
            (Col.PAYEE_NAME_SCORE, said.get("payee_like", 0)),
            (Col.CUSTOMER_NAME_SCORE, said.get("customer_like", 0)),
            (Col.EXTRA_0, said.get("age", 35)),
            (Col.EXTRA_1, said.get("signs", 0)),
            (Col.EXTRA_2, said.get("percent", 10)),
            (Col.EXTRA_3, said.get("reference", 0)),
        ):
            rows[seq, column] = value
    return rows


@cache
def pack() -> Ruleset:
    """The pack, compiled."""
    return compile_ruleset(scenario_pack(), scenario_features().names)


def features_of(story: Iterable[Event]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the story and their features, shape (n, F)."""
    rows = rows_of(story)
    engine = Engine(scenario_features(), jit=False, memory_bytes_max=1 << 28)
    features = np.empty((len(rows), len(engine.names)))
    engine.process(rows, features)
    return rows, features


def scenarios_of(story: Iterable[Event]) -> set[str]:
    """Scenarios of all rules that hold on some event of the story."""
    rows, features = features_of(story)
    hits = np.zeros((len(rows), HIT_WORDS), np.uint64)
    pack().evaluate(rows, features, np.full(len(rows), np.nan), np.zeros_like(hits), hits)
    holding = np.bitwise_or.reduce(hits, axis=0)
    return {rule.scenario for rule in pack().rules if int(holding[rule.index // 64]) >> rule.index % 64 & 1}


def past(*customers: int, days: int = 40, payee: int = 950) -> list[Event]:
    """Each customer logged in and paid somebody `days` ago and ten days ago."""
    return [
        event(kind, -ago * DAY + 60 * step, customer, **({"payee": payee, "yuan": 300} if step else {}))
        for customer in customers
        for ago in (days, 10)
        for step, kind in enumerate(("login", "transfer"))
    ]


def transfers(count: int, every_s: float, **said: object) -> list[Event]:
    """`count` transfers; a value that is a function is asked for each."""
    return [
        event(
            "transfer",
            place * every_s,
            **{name: each(place) if callable(each) else each for name, each in said.items()},
        )
        for place in range(count)
    ]


def many(kind: str, count: int, every_s: float, **said: object) -> list[Event]:
    """`count` events of different customers 1, 2, ...; a value that is a function is asked for each."""
    return [
        event(
            kind,
            place * every_s,
            place + 1,
            **{name: each(place) if callable(each) else each for name, each in said.items()},
        )
        for place in range(count)
    ]


HITS: dict[str, list[Event]] = {
    "remote_control": [
        *past(1),
        event("login", 0, signs=SCREEN),
        event("transfer", 240, payee=901, yuan=9_000, signs=SCREEN, percent=60),
    ],
    "safe_account": [
        *past(1),
        event("deposit", 0, yuan=60_000, signs=CALL),
        event("transfer", HOUR, payee=902, yuan=58_000, signs=CALL, percent=95),
    ],
    "elderly_victim": [
        *past(1),
        event("transfer", 0, payee=903, yuan=6_000, age=71, percent=30),
        event("transfer", 2 * DAY, payee=903, yuan=12_000, age=71, percent=55, channel="counter"),
    ],
    "rapid_emptying": [
        *past(1),
        *transfers(3, 60, payee=lambda place: 904 + place, yuan=3_000, percent=lambda place: 25 + 25 * place),
        event("withdrawal", 300, channel="atm", yuan=2_000, percent=97),
    ],
    "mule": [
        *past(*range(1, 7)),
        *many("transfer", 4, 600, payee=6, yuan=lambda place: 1_500 + 900 * place),
        *[event("transfer", HOUR + 60 * place, 6, payee=910 + place, yuan=3_500) for place in range(3)],
    ],
    "structuring": [event("deposit", place * 4 * HOUR, channel="atm", yuan=49_000) for place in range(3)],
    "fan_in": [
        *past(*range(1, 10)),
        *many("transfer", 9, HOUR, payee=60, yuan=lambda place: 1_000 * (1 + place % 5)),
    ],
    "fan_out": [
        *past(1),
        event("deposit", 0, channel="api", yuan=40_000),
        *[event("transfer", HOUR + 300 * place, payee=920 + place, yuan=4_000) for place in range(9)],
    ],
    "rapid_movement": [
        *past(1, 2),
        event("deposit", 0, channel="api", yuan=80_000),
        event("transfer", 15 * MINUTE, 1, payee=2, yuan=79_000),
        event("transfer", 30 * MINUTE, 2, payee=930, yuan=78_500),
    ],
    "round_amounts": [*past(1), *transfers(5, 9 * HOUR, payee=931, yuan=lambda place: 10_000 * (1 + place % 3))],
    "dormant_then_active": [
        event("deposit", 0, channel="api", yuan=70_000),
        event("transfer", 2 * HOUR, payee=932, yuan=30_000, percent=45),
        event("transfer", 3 * HOUR, payee=933, yuan=35_000, percent=92),
    ],
    "account_takeover": [
        *past(1),
        event("login", 0, device=8_000, failed=True),
        event("login", 30, device=8_000),
        event("transfer", 90, device=8_000, payee=934, yuan=4_000),
        event("transfer", 150, device=8_000, payee=935, yuan=4_500),
    ],
    "false_application": many("application", 4, 20 * MINUTE, device=8_001, yuan=30_000),
    "merchant_collusion": [
        event("payment", place * 4 * MINUTE, 1 + place % 4, channel="pos", merchant=300, yuan=990) for place in range(9)
    ],
    "cash_out": [
        event("payment", place * 5 * HOUR, 1 + place % 3, channel="pos", merchant=301, yuan=2_600) for place in range(7)
    ],
    "marketing_abuse": many("payment", 5, 3 * MINUTE, device=8_002, merchant=302, yuan=3, reference=1_500),
    "bulk_login": many("login", 12, 15, device=8_003, address=9_003, failed=True),
    "bulk_signup": many("signup", 6, 2 * MINUTE, device=8_004, address=9_004),
    "bulk_invitation": many("signup", 8, 10 * MINUTE, device=lambda place: 8_010 + place // 4, reference=77),
    "bulk_withdrawal": many("withdrawal", 6, 2 * MINUTE, device=8_020, yuan=260, percent=90),
    "bulk_order": [
        event("payment", place * 8, 1 + place % 3, device=8_021, merchant=303, yuan=180) for place in range(9)
    ],
    "card_not_present": [
        event("payment", 5 * MINUTE * place, channel="api", merchant=400 + place, yuan=1_400 if place else 3)
        for place in range(4)
    ],
}
"""What must be found, by scenario."""

MISSES: dict[str, list[Event]] = {
    # A child looks on while the parent pays somebody it often pays.
    "remote_control": [*past(1), event("transfer", 0, payee=950, yuan=9_000, signs=SCREEN, percent=60)],
    # The same sum to a new payee, but nobody is on the telephone, and it is paid once.
    "safe_account": [*past(1), event("transfer", HOUR, payee=902, yuan=58_000, percent=95)],
    # An old customer supports the usual relative.
    "elderly_victim": [*past(1), *transfers(3, DAY, payee=950, yuan=6_000, age=71, percent=40)],
    # Several payments, and most of the money stays.
    "rapid_emptying": [*past(1), *transfers(4, 60, payee=lambda place: 904 + place, yuan=3_000, percent=20)],
    # Neighbours collect small shares for one order.
    "mule": [
        *past(*range(1, 10)),
        *many("transfer", 9, 600, payee=10, yuan=70),
        event("transfer", 3 * HOUR, 10, payee=910, yuan=600),
    ],
    # A trader brings the day's takings.
    "structuring": [event("deposit", place * DAY, channel="atm", yuan=18_000 + 2_000 * place) for place in range(5)],
    # Parents pay the same school fee.
    "fan_in": [*past(*range(1, 13)), *many("transfer", 12, HOUR, payee=60, yuan=3_200)],
    # A company pays its staff from its desk.
    "fan_out": [
        *past(1),
        event("deposit", 0, channel="api", yuan=40_000),
        *[event("transfer", HOUR + 9 * n, payee=920 + n, yuan=4_000, channel="pc") for n in range(9)],
    ],
    # A supplier is paid from an invoice, hours later and in part.
    "rapid_movement": [
        *past(1),
        event("deposit", 0, channel="api", yuan=80_000),
        event("transfer", 5 * HOUR, payee=950, yuan=52_000),
    ],
    # A foreman's wages: whole thousands.
    "round_amounts": [*past(1), *transfers(6, 90, payee=lambda place: 940 + place, yuan=6_000)],
    # Back from abroad: a part is spent.
    "dormant_then_active": [
        event("deposit", 0, channel="api", yuan=70_000),
        event("transfer", DAY, payee=932, yuan=12_000),
    ],
    # A new telephone, and the usual payee.
    "account_takeover": [
        *past(1),
        event("login", 0, device=8_000, failed=True),
        *[event("transfer", 90 + 60 * n, device=8_000, payee=950, yuan=4_000) for n in range(2)],
    ],
    # Colleagues apply from the office network, each on an own telephone.
    "false_application": many("application", 12, 10 * MINUTE, address=9_001, yuan=30_000),
    # A promotion: a crowd, everybody once, all kinds of amounts.
    "merchant_collusion": many(
        "payment", 20, 3 * MINUTE, channel="pos", merchant=300, yuan=lambda place: 60 + 45 * place
    ),
    # A new home: one customer pays large sums in several shops.
    "cash_out": [event("payment", n * 5 * HOUR, channel="pos", merchant=301 + n, yuan=2_600) for n in range(7)],
    # A family and its coupons.
    "marketing_abuse": many("payment", 3, 3 * MINUTE, device=8_002, merchant=302, yuan=28, reference=800),
    # The canteen opens: one address, own telephones, a typing error here and there.
    "bulk_login": many("login", 30, 40, address=9_003, failed=lambda place: place % 10 == 0),
    "bulk_signup": many("signup", 12, 2 * MINUTE, address=9_004),
    "bulk_invitation": many("signup", 12, 10 * MINUTE, reference=77),
    "bulk_withdrawal": many("withdrawal", 3, 5 * MINUTE, device=8_020, yuan=260, percent=90),
    # A flash sale: many customers, each once.
    "bulk_order": many("payment", 15, 3, merchant=303, yuan=180),
    # A day of bargains: many shops, each with the code that came by message.
    "card_not_present": [
        event("payment", 5 * MINUTE * n, channel="api", merchant=400 + n, yuan=900 if n else 3, code=True)
        for n in range(6)
    ],
}
"""What looks like it and must not be taken for it."""


SANCTIONS: dict[str, tuple[str, Event]] = {
    "a payee whose name is like a listed one": ("payee_is_sanctioned", event("transfer", 0, payee=901, payee_like=82)),
    "a listed customer who pays": ("customer_is_sanctioned", event("transfer", 0, payee=901, customer_like=97)),
    "a listed customer who is paid in cash": ("customer_is_sanctioned", event("deposit", 0, customer_like=82)),
    "a large payment, and no answer about its payee": (
        "payee_was_not_screened",
        event("transfer", 0, payee=901, yuan=50_000, unscreened=True),
    ),
}
NOT_SANCTIONS: dict[str, Event] = {
    "a payee with half the name of a listed one": event("transfer", 0, payee=901, yuan=60_000, payee_like=81),
    "a customer with half the name of a listed one": event("transfer", 0, payee=901, customer_like=81),
    # Looking is not moving money, and a listed customer learns nothing from it.
    "a listed customer who logs in": event("login", 0, customer_like=97),
    "a small payment, and no answer about its payee": event("transfer", 0, payee=901, yuan=49_999, unscreened=True),
}


@pytest.mark.parametrize(("rule_id", "met"), SANCTIONS.values(), ids=SANCTIONS)
def test_a_name_on_a_sanctions_list_is_told(rule_id: str, met: Event) -> None:
    """And by the rule meant, alone."""
    assert scenarios_of([met]) == {"sanctions"}
    assert holds_with(rule_id, [met]) == [1]


@pytest.mark.parametrize("met", NOT_SANCTIONS.values(), ids=NOT_SANCTIONS)
def test_what_is_no_matter_of_sanctions_is_left_alone(met: Event) -> None:
    """Below the threshold, without money, below the amount."""
    assert scenarios_of([met]) == set()


def test_no_customer_lets_a_sanctioned_payment_go_by_confirming_it() -> None:
    """What is suspended is released when the customer confirms; so a match is blocked."""
    outcomes = {rule.id: rule.outcome for rule in pack().rules if rule.scenario == "sanctions"}
    assert outcomes["payee_is_sanctioned"] is outcomes["customer_is_sanctioned"] is Outcome.BLOCK


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_case_is_found_and_named(scenario: str) -> None:
    """The scenario's own case is found under its name."""
    assert scenario in scenarios_of(HITS[scenario])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_looks_like_it_is_left_alone(scenario: str) -> None:
    """The genuine story that resembles the scenario does not meet its rules."""
    assert scenario not in scenarios_of(MISSES[scenario])


def test_the_pack_covers_every_scenario_in_both_languages() -> None:
    """Each typology has a rule; every rule has an outcome above pass and a reason in Chinese and in English."""
    rules = check_ruleset(scenario_pack(), scenario_features().names).rules
    assert set(SCENARIOS) <= {rule.scenario for rule in rules}
    for rule in rules:
        assert rule.outcome > Outcome.PASS
        assert any("\u4e00" <= letter <= "\u9fff" for letter in rule.reason_zh), rule.id
        assert rule.reason_en.isascii(), rule.id


def test_each_scenario_has_a_page_with_its_rules_as_they_are() -> None:
    """In the reference: condition, outcome, weight and both reasons of every rule, and the scenario in the table."""
    pages = Path(__file__).resolve().parents[3] / "docs/reference/scenarios"
    table = (pages / "index.md").read_text(encoding="utf-8")
    for rule in pack().rules:
        page = (pages / ("index.md" if rule.scenario == "listed" else f"{rule.scenario}.md")).read_text(
            encoding="utf-8"
        )
        if rule.scenario == "listed":
            assert rule.when.split('"')[1] in page
        else:
            said = (
                rule.id,
                rule.when,
                f" {rule.outcome.name.lower()}, ",
                f"weight {rule.weight}",
                rule.reason_zh,
                rule.reason_en,
            )
            assert all(text in page for text in said), rule.id
            assert f"]({rule.scenario}.md)" in table


def test_a_rule_of_one_channel_holds_on_that_channel_only() -> None:
    """The same money to the same new payees: scattering is a matter of the telephone, not of a company's desk (SC-05)."""
    by_desk = [said | {"channel": "pc"} if said["kind"] == "transfer" else said for said in HITS["fan_out"]]
    assert "fan_out" in scenarios_of(HITS["fan_out"])
    assert "fan_out" not in scenarios_of(by_desk)


def test_a_first_payment_counts_only_against_the_roster() -> None:
    """The roster of past payees decides: the same transfer to one of them is no sign of remote control (IN-13)."""
    again = [*HITS["remote_control"][:-1], HITS["remote_control"][-1] | {"payee": 950}]
    assert "remote_control" in scenarios_of(HITS["remote_control"])
    assert "remote_control" not in scenarios_of(again)


def test_nothing_is_found_without_the_right_to_the_past() -> None:
    """Rules over history are silent where features are missing (IN-04)."""
    rows = rows_of(HITS["elderly_victim"])
    hits = np.zeros((len(rows), HIT_WORDS), np.uint64)
    features = np.full((len(rows), len(scenario_features().names)), np.nan)
    pack().evaluate(rows, features, np.full(len(rows), np.nan), np.zeros_like(hits), hits)
    assert not hits.any()


def holds_with(rule_id: str, story: Iterable[Event], *entries: tuple[Col, str]) -> list[int]:
    """Whether a rule holds on each event of the story when the values of these columns are entries of these lists."""
    rule = next(rule for rule in pack().rules if rule.id == rule_id)
    rows, features = features_of(story)
    hits, members = (np.zeros((len(rows), HIT_WORDS), np.uint64) for _ in range(2))
    for index, probe in enumerate(pack().probes):
        if (probe.column, probe.list_name) in entries:
            members[:, index // 64] |= np.uint64(1 << index % 64)
    pack().evaluate(rows, features, np.full(len(rows), np.nan), members, hits)
    return [int(word[rule.index // 64]) >> rule.index % 64 & 1 for word in hits]


@pytest.mark.parametrize(
    ("rule_id", "column", "list_name"),
    [
        ("payee_is_suspect", Col.PAYEE, "suspect_accounts"),
        ("device_is_suspect", Col.DEVICE, "suspect_devices"),
        ("address_is_suspect", Col.ADDRESS, "suspect_addresses"),
    ],
)
def test_an_entry_of_a_list_is_told(rule_id: str, column: Col, list_name: str) -> None:
    """A rule about a list holds where the event's value is an entry of it, and nowhere else."""
    story = [event("transfer", 0, payee=901, yuan=10)]
    assert holds_with(rule_id, story) == [0]
    assert holds_with(rule_id, story, (column, list_name)) == [1]


def test_a_clerks_trusted_device_may_apply_for_many() -> None:
    """A device on the list of trusted devices is no sign of false applications."""
    story = HITS["false_application"]
    assert any(holds_with("device_applies_for_many", story))
    assert not any(holds_with("device_applies_for_many", story, (Col.DEVICE, "trusted_devices")))
