"""The vault keeps raw values readable for who has the master key, and makes them unreadable on request."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotFound, Unavailable
from tarim.privacy import (
    ENVIRONMENT_NAME,
    MasterKey,
    SealedBefore,
    Vault,
    VaultLimits,
    create_master_key,
    load_master_key,
    pack_bundle,
    pack_fields,
    seal_key,
    seal_keys,
    unpack_fields,
)

KEY = MasterKey(bytes(range(32)))
SMALL = VaultLimits(unwrapped_keys_max=8, ready_keys=4, sealed_before_slots=1 << 10, index_batches_max=4)
CANARY = "6222020200112233445"


def opened(folder: Path, key: MasterKey = KEY) -> Vault:
    return Vault.open(folder / "vault", key, SMALL)


def test_what_is_sealed_opens_for_the_same_customer_only(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY, "payee_name": "张三"})
        vault.ensure_keys(np.array([8]))
        assert vault.open_sealed(7, blob) == {"account": CANARY, "payee_name": "张三"}
        with pytest.raises(Damaged):
            vault.open_sealed(8, blob)


def test_two_seals_of_the_same_value_look_different(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        assert vault.seal(7, {"account": CANARY}) != vault.seal(7, {"account": CANARY})


def test_any_altered_byte_is_noticed(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        for place in range(len(blob)):
            bent = bytearray(blob)
            bent[place] ^= 1
            with pytest.raises((Damaged, NotFound)):
                vault.open_sealed(7, bytes(bent))
        with pytest.raises(Damaged):
            vault.open_sealed(7, blob[:20])


def test_keys_survive_a_restart_and_more_customers_than_fit_in_memory(tmp_path: Path) -> None:
    customers = np.arange(1, 101)
    bundles = [pack_bundle(1, (f"C{number}",)) for number in customers]
    with opened(tmp_path) as vault:
        blobs = vault.seal_bundles(customers, bundles)
    with opened(tmp_path) as vault:
        for customer, blob in zip(customers.tolist(), blobs, strict=True):
            assert vault.open_sealed(customer, blob) == {"customer": f"C{customer}"}
        again = vault.seal_bundles(customers, bundles)
        assert [blob[:9] for blob in again] == [blob[:9] for blob in blobs], "each customer keeps the same key"


def test_nothing_raw_lies_on_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        vault.index(np.array([0]), np.array([7]), [blob], 1)
        vault.flush()
        stored = b"".join(file.read_bytes() for file in (tmp_path / "vault").iterdir())
        assert CANARY.encode() not in stored
        assert CANARY not in repr(vault)
    for file in (tmp_path / "vault").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_destroying_leaves_no_way_back(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        other = vault.seal(8, {"account": CANARY})
        vault.index(np.array([0, 1]), np.array([7, 8]), [blob, other], 2)
        vault.flush()
        key_row = sqlite3.connect(tmp_path / "vault" / "keys.sqlite").execute(
            "SELECT wrapped FROM keys JOIN owners USING (id) WHERE customer = 7"
        )
        (wrapped,) = key_row.fetchone()
        key_row.connection.close()

        assert vault.destroy(7, at_ms=5, through_seq=2) == 1

        assert not vault.has_key(7)
        for action in (lambda: vault.open_sealed(7, blob), lambda: vault.reveal(7), lambda: vault.destroy(7, 6, 2)):
            with pytest.raises(NotFound):
                action()
        stored = b"".join(file.read_bytes() for file in (tmp_path / "vault").iterdir())
        assert wrapped not in stored, "the wrapped key is overwritten, not only unlinked"
        assert vault.reveal(8) == {"account": [CANARY]}

        later = vault.seal(7, {"account": "new"})  # a new person record
        assert vault.open_sealed(7, later) == {"account": "new"}
        with pytest.raises(NotFound):
            vault.open_sealed(7, blob)


def test_destroying_waits_until_the_index_has_seen_the_journal(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        vault.seal(7, {"account": CANARY})
        with pytest.raises(Unavailable):
            vault.destroy(7, at_ms=5, through_seq=1)


def test_a_key_whose_owner_was_not_written_before_a_crash_is_found_from_the_journal(tmp_path: Path) -> None:
    vault = opened(tmp_path)
    vault._keys._insert_owners = lambda rows: None  # type: ignore[method-assign]  # the crash comes before this write
    blob = vault.seal(7, {"account": CANARY})
    vault.close()

    with opened(tmp_path) as vault:
        assert not vault.has_key(7)
        vault.index(np.array([0]), np.array([7]), [blob], 1, recovering=True)
        vault.flush()
        assert vault.reveal(7) == {"account": [CANARY]}
        newer = vault.seal(7, {"account": "2"})
        vault.index(np.array([1]), np.array([7]), [newer], 2)
        assert vault.destroy(7, at_ms=5, through_seq=2) == 1
        for sealed in (blob, newer):
            with pytest.raises(NotFound):
                vault.open_sealed(7, sealed)


def test_a_key_handed_out_before_a_crash_is_never_handed_out_again(tmp_path: Path) -> None:
    vault = opened(tmp_path)
    vault._keys._insert_owners = lambda rows: None  # type: ignore[method-assign]
    blob = vault.seal(7, {"account": CANARY})
    vault.close()
    with opened(tmp_path) as vault:
        others = vault.seal_bundles(np.arange(100, 150), [pack_bundle(1, ("x",))] * 50)
        assert blob[:9] not in {other[:9] for other in others}


def test_the_index_is_rebuilt_from_the_journal(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blobs = [vault.seal(7, {"account": "1"}), None, vault.seal(7, {"account": "2", "payee_name": "p"})]
        blobs.append(vault.seal(7, {"account": "1"}))
        vault.index(np.arange(4), np.array([7] * 4), blobs, 4)
        vault.flush()
        assert vault.applied_seq == 4
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / "vault" / name).unlink(missing_ok=True)
    with opened(tmp_path) as vault:
        assert vault.applied_seq == 0
        assert vault.reveal(7) == {}
        vault.index(np.arange(4), np.array([7] * 4), blobs, 4, recovering=True)
        assert vault.reveal(7) == {"account": ["1", "2"], "payee_name": ["p"]}
        assert vault.reveal_event(2) == {"account": "2", "payee_name": "p"}
        assert vault.reveal_event(1) == {}


def test_another_master_key_is_refused_and_named(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(DefinitionError, match=KEY.check):
        opened(tmp_path, MasterKey(bytes(32)))
    opened(tmp_path).close()


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Unavailable, match="another process"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_damaged_key_file_is_named_as_such(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "vault" / "keys.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(Damaged):
        opened(tmp_path)


def test_a_full_disk_refuses_new_customers_and_nothing_else(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        vault.flush()
        writer = vault._keys._writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}").fetchone()
        with pytest.raises(Unavailable, match="full"):
            vault.ensure_keys(np.arange(1000, 3000))
        assert vault.open_sealed(7, blob) == {"account": CANARY}
        assert vault.open_sealed(7, vault.seal(7, {"account": "2"})) == {"account": "2"}
        writer.execute("PRAGMA max_page_count=1000000").fetchone()
        assert vault.ensure_keys(np.arange(1000, 3000)) == 2000


def test_many_threads_seal_for_the_same_new_customers(tmp_path: Path) -> None:
    with opened(tmp_path) as vault, ThreadPoolExecutor(8) as pool:
        customers = np.arange(1, 60)
        bundles = [pack_bundle(1, (f"C{number}",)) for number in customers]
        sealed = list(pool.map(lambda _: vault.seal_bundles(customers, bundles), range(16)))
        assert len({tuple(blob[:9] for blob in blobs) for blobs in sealed}) == 1, "one key a customer"
        for blobs in sealed:
            for customer, blob in zip(customers.tolist(), blobs, strict=True):
                assert vault.open_sealed(customer, blob) == {"customer": f"C{customer}"}


# ---------------------------------------------------------------------------------------------------------- master key


def test_a_master_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = create_master_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_master_key(path, {}).check == made.check
    with pytest.raises(Conflict):
        create_master_key(path)
    path.chmod(0o640)
    with pytest.raises(DefinitionError, match="0640"):
        load_master_key(path, {})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    create_master_key(tmp_path / "master.key")
    loaded = load_master_key(
        tmp_path / "master.key", {ENVIRONMENT_NAME: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    )
    assert loaded.check == MasterKey(bytes(32)).check


@pytest.mark.parametrize("text", ["", "AAAA", "!" * 44, "A" * 64])
def test_a_key_that_is_none_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_master_key(None, {ENVIRONMENT_NAME: text})
    assert not text or text not in str(caught.value)


def test_a_missing_master_key_is_never_made_silently(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_master_key(tmp_path / "none", {})
    with pytest.raises(NotFound):
        load_master_key(None, {})
    assert list(tmp_path.iterdir()) == []


def test_a_master_key_is_not_shown_and_derives_different_keys() -> None:
    raw = os.urandom(32)
    key = MasterKey(raw)
    assert raw.hex() not in repr(key)
    assert len({key.derive(name) for name in ("tokens", "vault", "check")}) == 3
    assert key.derive("vault") == MasterKey(raw).derive("vault")


# ------------------------------------------------------------------------------------------------- bundles and the table


def test_bundles_give_back_what_went_in() -> None:
    values = {"customer": "C1", "payee_name": "张三", "merchant_id": "M"}
    assert unpack_fields(pack_fields(values)) == values
    with pytest.raises(DefinitionError):
        pack_fields({"amount_fen": "1"})
    for bad in (b"", b"\xff", pack_bundle(3, ("one",)), pack_bundle(1 << 40, ("one",))):
        with pytest.raises(Damaged):
            unpack_fields(bad)


def test_what_was_remembered_needs_no_sealing_and_repetitions_need_it_once() -> None:
    table = SealedBefore(1 << 12)
    keys = seal_keys(np.array([5, 6, 5, -7], np.int64), 1, np.array([1, 1, 1, 9], np.int64))
    assert keys.tolist() == [seal_key(5, 1, 1), seal_key(6, 1, 1), seal_key(5, 1, 1), seal_key(-7, 1, 9)]
    assert table.needs_sealing(keys).sum() == 3
    assert table.needs_sealing(keys).sum() == 3, "asking does not remember"
    table.remember(keys)
    assert not table.needs_sealing(keys).any()
    assert table.known(seal_key(6, 1, 1))
    table.clear()
    assert table.needs_sealing(keys).any()


def test_displaced_combinations_are_sealed_again_and_never_wrongly_known() -> None:
    table = SealedBefore(1 << 4)
    keys = np.random.default_rng(1).integers(1, 1 << 63, 1000).astype(np.uint64)
    table.remember(keys)
    unknown = table.needs_sealing(keys)
    assert unknown.sum() >= 984
    for key in keys[unknown]:
        assert not table.known(int(key))
