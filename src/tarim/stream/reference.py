"""The reference workload: the 46 features that every figure about speed and memory refers to."""

from __future__ import annotations

from typing import Final

from tarim.stream.definitions import Entity, Feature, FeatureSet

OWNER: Final = "model_engineer"
"""The post that answers for these features, by the name of its role."""


def reference_features() -> FeatureSet:
    """46 features over payer, payee, device and address, as ARCHITECTURE names them; amounts in fen."""
    payer = Entity("payer", key="account")
    payee = Entity("payee", key="payee_account")
    device = Entity("device", key="device_id")
    address = Entity("address", key="ip")
    features: list[Feature] = []
    for window in ("1m", "10m", "1h", "24h", "7d"):
        features += [
            payer.count(window),
            payer.sum("amount_fen", window),
            payer.mean("amount_fen", window),
            payer.max("amount_fen", window),
        ]
    features += [payer.std("amount_fen", "7d")]
    features += [payer.distinct("payee_account", window) for window in ("1h", "24h", "7d")]
    features += [
        payer.distinct("device_id", "7d"),
        payer.since_last(),
        payer.zscore("amount_fen", "30d"),
        payer.is_new("payee_account", "30d"),
    ]
    for window in ("10m", "1h", "24h", "7d"):
        features += [payee.count(window), payee.sum("amount_fen", window), payee.distinct("account", window)]
    features += [payee.in_out_ratio("amount_fen", "24h", payer)]
    features += [device.distinct("account", "24h"), device.distinct("account", "7d"), device.count("1h")]
    features += [address.distinct("account", "1h"), address.distinct("account", "24h")]
    return FeatureSet("reference-46", *features, owner=OWNER)
