"""The features of the scenario packs: the reference set, and what the typologies of fraud and laundering add to it."""

from __future__ import annotations

from typing import Final

from tarim.stream.definitions import Condition, Entity, Feature, FeatureSet
from tarim.stream.reference import reference_features

OUTGOING: Final = Condition("outgoing", ("kind", "in", ("transfer", "payment", "withdrawal")))
DEPOSITED: Final = Condition("deposited", ("kind", "==", "deposit"))
PURCHASE: Final = Condition("purchase", ("kind", "==", "payment"))
SIGNUP: Final = Condition("signup", ("kind", "==", "signup"))
FAILED_LOGIN: Final = Condition("failed_login", ("kind", "==", "login"), ("result", "==", "failed"))
NEAR_LIMIT: Final = Condition(
    "near_limit",
    ("kind", "in", ("deposit", "transfer")),
    ("amount_fen", ">=", 4_000_000),
    ("amount_fen", "<", 5_000_000),
)
"""Just below 50,000 yuan, from which on a bank reports."""
TEN_THOUSANDS: Final = Condition(
    "ten_thousands", ("kind", "==", "transfer"), ("amount_fen", ">", 0), ("amount_fen", "multiple_of", 1_000_000)
)
BELOW_THOUSAND: Final = Condition(
    "below_thousand", ("kind", "==", "payment"), ("amount_fen", ">=", 90_000), ("amount_fen", "<", 100_000)
)
"""Just below 1,000 yuan, up to which cards pay without a second look."""
LARGE_PURCHASE: Final = Condition("large_purchase", ("kind", "==", "payment"), ("amount_fen", ">=", 80_000))

OWNER: Final = "analyst"
"""The post that answers for what the scenarios add, by the name of its role."""

CARD_DETAILS: Final = Condition("card_details", ("kind", "==", "payment"), ("channel", "==", "api"))
"""Paid in an online shop with the details of a card, without the bank's app."""


def scenario_features() -> FeatureSet:
    """The 46 reference features and those of the scenario packs; amounts in fen.

    sender     an account when money leaves it        relation   an account and one it pays
    card       an account when it pays by its card's details
    holder     a customer and one of its devices      visit      an account and a merchant
    inviter    the customer who invited (extra_3 of a sign-up)
    """
    payer = Entity("payer", key="account")
    payee = Entity("payee", key="payee_account")
    device = Entity("device", key="device_id")
    address = Entity("address", key="ip")
    customer = Entity("customer", key="customer")
    sender = Entity("sender", key="account", when=OUTGOING)
    relation = Entity("relation", key=("account", "payee_account"))
    holder = Entity("holder", key=("customer", "device_id"))
    visit = Entity("visit", key=("account", "merchant_id"))
    card = Entity("card", key="account", when=CARD_DETAILS)
    merchant = Entity("merchant", key="merchant_id")
    inviter = Entity("inviter", key="extra_3", when=SIGNUP)
    features: list[Feature] = [
        customer.first_seen("90d"),
        customer.count("1h", FAILED_LOGIN),
        holder.first_seen("90d"),
        relation.first_seen("90d"),
        relation.count("7d"),
        relation.sum("amount_fen", "7d"),
    ]
    features += [payer.sum("amount_fen", window, DEPOSITED) for window in ("1h", "24h", "7d")]
    features += [payer.first_seen("90d"), payer.count("7d", NEAR_LIMIT), payer.count("7d", TEN_THOUSANDS)]
    for window in ("1h", "24h"):
        features += [
            sender.count(window),
            sender.sum("amount_fen", window),
            sender.distinct("payee_account", window),
            sender.in_out_ratio("amount_fen", window, payee),
        ]
    features += [sender.distinct("payee_account", "90d")]
    features += [
        card.count("2h"),
        card.sum("amount_fen", "2h"),
        card.min("amount_fen", "2h"),
        visit.first_seen("90d"),
    ]
    features += [
        payee.mean("amount_fen", "24h"),
        payee.std("amount_fen", "24h"),
        payee.distinct("account", "90d"),
    ]
    features += [device.distinct("customer", window) for window in ("1h", "24h", "7d")]
    features += [device.count("10m", PURCHASE)]
    features += [address.distinct("customer", "1h"), address.count("1h", FAILED_LOGIN)]
    features += [
        merchant.count("2h"),
        merchant.count("2h", BELOW_THOUSAND),
        merchant.distinct("account", "2h"),
        merchant.count("7d", LARGE_PURCHASE),
        merchant.count("30d"),
        visit.count("7d", LARGE_PURCHASE),
        inviter.count("24h"),
        inviter.distinct("device_id", "24h"),
    ]
    reference = reference_features()
    return FeatureSet(
        "scenarios",
        *reference.features,
        *features,
        owner=OWNER,
        owners=dict(zip(reference.names, reference.owners, strict=True)),
    )
