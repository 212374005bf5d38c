"""A customer's values read beside the process that has the vault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.privacy import CustomerReader, MasterKey, Vault, VaultLimits
from tarim.privacy import customer_reading as module

MASTER = MasterKey(bytes(range(32)))
LIMITS = VaultLimits(ready_keys=8)


def put(vault: Vault, seq: int, customer: int, **values: str) -> bytes:
    blob = vault.seal(customer, values)
    vault.index(np.array([seq], np.int64), np.array([customer], np.int64), [blob], seq + 1)
    return blob


def test_bundles_of_a_customer_come_in_the_journals_order_while_the_vault_is_open(tmp_path: Path) -> None:
    """Of several chunks, of this customer only, each bundle on its own, with where it came."""
    with Vault.open(tmp_path, MASTER, LIMITS) as vault:
        reader = CustomerReader(tmp_path, MASTER)
        for seq in range(40):
            put(vault, seq, -5 if seq % 3 else 7, account=f"A{seq}", payee_name=f"N{seq}")
            if seq % 10 == 9:
                vault.flush()
        vault.flush()
        assert reader.applied_seq == 40
        assert reader.bundles(7) == [(seq, {"account": f"A{seq}", "payee_name": f"N{seq}"}) for seq in range(0, 40, 3)]
        assert [seq for seq, _ in reader.bundles(-5)] == [seq for seq in range(40) if seq % 3]
        assert reader.bundles(99) == []


def test_a_destroyed_customer_is_gone_at_once(tmp_path: Path) -> None:
    with Vault.open(tmp_path, MASTER, LIMITS) as vault:
        reader = CustomerReader(tmp_path, MASTER)
        blob = put(vault, 0, 7, account="A")
        vault.flush()
        assert reader.open(7, blob) == [{"account": "A"}] and reader.bundles(7)
        vault.destroy(7, 1, 1)
        assert reader.bundles(7) == []
        with pytest.raises(NotFound):
            reader.open(7, blob)


def test_another_customer_another_key_or_no_vault_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        _ = CustomerReader(tmp_path / "none", MASTER).applied_seq
    with Vault.open(tmp_path, MASTER, LIMITS) as vault:
        blob = put(vault, 0, 7, account="A")
        vault.flush()
        with pytest.raises(Damaged):
            CustomerReader(tmp_path, MASTER).open(8, blob)
        with pytest.raises(Damaged):
            CustomerReader(tmp_path, MasterKey(bytes(32))).open(7, blob)


def test_the_index_is_remembered_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for one chunk every lookup still finds everything."""
    monkeypatch.setattr(module, "_CACHED_BYTES_MAX", 8)
    with Vault.open(tmp_path, MASTER, LIMITS) as vault:
        for seq in range(6):
            put(vault, seq, 7, account=f"A{seq}")
            vault.flush()
        reader = CustomerReader(tmp_path, MASTER)
        for _ in range(2):
            assert [seq for seq, _ in reader.bundles(7)] == list(range(6))
        assert len(reader._cached) == 1
