"""The feature sets compared: the book's, Tarim's own until now, and those that read medians and runs of labels."""

from __future__ import annotations

from tarim.stream import Entity, FeatureSet

WINDOWS_DAYS = (1, 7, 30)

CARD = Entity("card", key="account")
TERMINAL = Entity("terminal", key="merchant_id")

BOOK_BY_ENGINE = {
    **{f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW": CARD.count(f"{days}d") for days in WINDOWS_DAYS},
    **{f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW": CARD.mean("amount_fen", f"{days}d") for days in WINDOWS_DAYS},
    **{f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW": TERMINAL.delayed_count(f"{days}d", "7d") for days in WINDOWS_DAYS},
    **{f"TERMINAL_ID_RISK_{days}DAY_WINDOW": TERMINAL.label_rate(f"{days}d", "7d") for days in WINDOWS_DAYS},
}
BOOK_SET = FeatureSet("handbook", *BOOK_BY_ENGINE.values())
"""The twelve windows; amount, weekend and night are in the row itself."""

PAIR = Entity("pair", key=("account", "merchant_id"))
OWN_SET = FeatureSet(
    "handbook-own",
    *BOOK_BY_ENGINE.values(),
    *(CARD.std("amount_fen", window) for window in ("7d", "30d")),
    *(CARD.max("amount_fen", window) for window in ("7d", "30d")),
    CARD.zscore("amount_fen", "30d"),
    CARD.ratio("amount_fen", "30d"),
    CARD.ratio("amount_fen", "90d"),
    CARD.zscore("amount_fen", "90d"),
    CARD.mean("amount_fen", "90d"),
    CARD.since_last(),
    CARD.distinct("merchant_id", "7d"),
    *(CARD.label_count(window, "7d") for window in ("7d", "30d", "90d")),
    *(TERMINAL.label_count(window, "7d") for window in ("1d", "3d", "7d", "14d", "21d", "28d")),
    *(TERMINAL.label_rate(window, "7d") for window in ("3d", "14d", "21d", "28d", "90d")),
    *(TERMINAL.mean("amount_fen", window) for window in ("7d", "30d")),
    TERMINAL.zscore("amount_fen", "30d"),
    *(TERMINAL.count(window) for window in ("1d", "7d", "30d")),
    PAIR.count("30d"),
)
"""Tarim's own features: the book's, own history of card and terminal, and what is known about both after a week."""

MEDIANS = (
    *(CARD.over_percentile("amount_fen", percent, f"{days}d") for days in (14, 30, 60) for percent in (50, 100)),
    *(CARD.outliers("amount_fen", 3, f"{days}d") for days in (14, 30)),
)
"""The amount against the median and the largest of the card's own others, and how many of those stand out."""

RUNS = (
    TERMINAL.label_run("90d", "7d"),
    TERMINAL.label_run_min("amount_fen", "90d", "7d"),
    TERMINAL.label_run_age("90d", "7d"),
    TERMINAL.since_fraud("90d", "7d"),
)
"""Frauds at the terminal since its last payment not known as one, as known seven days later."""

_WINDOWS = tuple(feature for feature in OWN_SET.features if feature.entity != PAIR and feature.op != "distinct")
"""Pairs and distinct terminals brought nothing on the weeks to choose by."""

ALL_SET = FeatureSet("handbook-all", *_WINDOWS, *MEDIANS, *RUNS)

FITTED = tuple(
    feature.name
    for feature in ALL_SET.features
    if feature.window in ("14d", "21d", "28d") or feature.op in ("label_run_age", "since_fraud")
)
"""What leans on this simulator, which has cards in wrong hands for 14 days and terminals for 28: windows of 14 days, of 28
and of three quarters of it, and ages, from which a model reads that the 28 days are over."""
