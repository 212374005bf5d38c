"""The vault keeps raw values readable for who has the master key, and makes them unreadable on request."""

import copy
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotFound, TooLarge, Unavailable
from tarim.privacy import (
    ENVIRONMENT_NAME,
    SEALABLE,
    SEALED_TEXTS,
    SEALED_TOKENS,
    MasterKey,
    SealedBefore,
    Vault,
    VaultLimits,
    create_master_key,
    load_master_key,
    pack_bundle,
    pack_columns,
    pack_fields,
    unpack_bundles,
    unpack_fields,
)
from tarim.privacy.openssl import _agrees, bulk_sealer
from tests.naive import combinations as naive

KEY = MasterKey(bytes(range(32)))
SMALL = VaultLimits(
    unwrapped_keys_max=8, ready_keys=4, sealed_before_slots=1 << 10, index_batches_max=4, index_cached_bytes_max=1 << 10
)
CANARY = "6222020200112233445"


def opened(folder: Path, key: MasterKey = KEY) -> Vault:
    return Vault.open(folder / "vault", key, SMALL)


def wrapped_key(folder: Path, customer: int) -> bytes:
    """The wrapped key of a customer as it lies on the disk."""
    db = sqlite3.connect(folder / "vault" / "keys.sqlite")
    try:
        for wrapped, owners in db.execute("SELECT wrapped, owners FROM blocks"):
            places = np.flatnonzero(np.frombuffer(owners, np.int64) == customer).tolist()
            if places:
                return bytes(wrapped[60 * places[0] : 60 * places[0] + 60])
    finally:
        db.close()
    raise AssertionError("no such key")


def killed(vault: Vault) -> None:
    """End a vault as kill -9 would: nothing more is written."""
    vault._keys._write = vault._index._write = lambda *_: None  # type: ignore[method-assign, assignment]
    vault._keys._drop_unused = lambda: None  # type: ignore[method-assign]
    vault.close()


def test_what_is_sealed_opens_for_the_same_customer_only(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY, "payee_name": "张三"})
        vault.ensure_keys(np.array([8]))
        assert vault.open_sealed(7, blob) == {"account": [CANARY], "payee_name": ["张三"]}
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
            assert vault.open_sealed(customer, blob) == {"customer": [f"C{customer}"]}
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
        wrapped = wrapped_key(tmp_path, 7)

        assert vault.destroy(7, at_ms=5, through_seq=2) == 1

        assert vault.destroyed_at(7, 5) == 1 and vault.destroyed_at(7, 6) is None and vault.destroyed_at(8, 5) is None
        assert vault.was_destroyed(np.array([8, 7, 9, 7])).tolist() == [False, True, False, True]
        assert not vault.has_key(7)
        for action in (lambda: vault.open_sealed(7, blob), lambda: vault.reveal(7), lambda: vault.destroy(7, 6, 2)):
            with pytest.raises(NotFound):
                action()
        stored = b"".join(file.read_bytes() for file in (tmp_path / "vault").iterdir())
        assert wrapped not in stored, "the wrapped key is overwritten, not only unlinked"
        assert vault.reveal(8) == {"account": [CANARY]}

        later = vault.seal(7, {"account": "new"})  # a new person record
        assert vault.open_sealed(7, later) == {"account": ["new"]}
        with pytest.raises(NotFound):
            vault.open_sealed(7, blob)


def test_destroying_waits_until_the_index_has_seen_the_journal(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        vault.seal(7, {"account": CANARY})
        with pytest.raises(Unavailable):
            vault.destroy(7, at_ms=5, through_seq=1)


def test_a_key_whose_owner_was_not_written_before_a_crash_is_found_from_the_journal(tmp_path: Path) -> None:
    vault = opened(tmp_path)
    vault._keys._write = lambda begin, owners: None  # type: ignore[method-assign]  # the crash comes before this write
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
    vault._keys._write = lambda begin, owners: None  # type: ignore[method-assign]
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
        assert vault.reveal_event(2) == {"account": ["2"], "payee_name": ["p"]}
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
        writer = vault._keys._db
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}").fetchone()
        with pytest.raises(Unavailable, match="full"):
            vault.ensure_keys(np.arange(1000, 3000))
        assert vault.open_sealed(7, blob) == {"account": [CANARY]}
        assert vault.open_sealed(7, vault.seal(7, {"account": "2"})) == {"account": ["2"]}
        writer.execute("PRAGMA max_page_count=1000000").fetchone()
        assert vault.ensure_keys(np.arange(1000, 3000)) > 1990, "a few had got the keys that lay ready"
        assert all(vault.has_key(customer) for customer in range(1000, 3000))


def bundle(text: str) -> bytes:
    return pack_bundle(1, (text,))


def test_what_a_crash_takes_from_the_index_is_indexed_again(tmp_path: Path) -> None:
    """Sealed and journalled, but neither chunk nor owner written when the process dies."""
    customers = np.arange(1, 31)
    vault = opened(tmp_path)
    first = vault.seal_bundles(customers, [bundle(f"a{number}") for number in customers])
    vault.index(np.arange(30), customers, first, 30)
    vault.flush()
    later = vault.seal_bundles(customers + 20, [bundle(f"b{number}") for number in customers])
    vault.index(np.arange(30, 60), customers + 20, later, 60)
    killed(vault)

    with opened(tmp_path) as vault:
        assert vault.applied_seq == 30
        assert not vault.has_key(50), "nobody had written whose key that is"
        vault.index(np.arange(30, 60), customers + 20, later, 60, recovering=True)
        vault.flush()
        assert vault.applied_seq == 60
        assert vault.reveal(1) == {"customer": ["a1"]}
        assert vault.reveal(25) == {"customer": ["a25", "b5"]}
        assert vault.reveal(50) == {"customer": ["b30"]}
        assert vault.destroy(50, at_ms=1, through_seq=60) == 1
        with pytest.raises(NotFound):
            vault.open_sealed(50, later[-1])
    with opened(tmp_path) as vault:  # the journal is given again in vain
        vault.index(np.arange(30, 60), customers + 20, later, 60, recovering=True)
        with pytest.raises(NotFound):
            vault.reveal(50)
        assert vault.reveal(49) == {"customer": ["b29"]}


def test_a_customer_is_found_in_every_chunk_with_a_small_cache_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    wanted: dict[int, list[str]] = {}
    with opened(tmp_path) as vault:
        seq = 0
        for chunk in range(20):
            customers = rng.integers(-5, 6, 40)
            customers[customers == 0] = 7
            texts = [f"{chunk}-{place}" for place in range(40)]
            for customer, text in zip(customers.tolist(), texts, strict=True):
                wanted.setdefault(customer, []).append(text)
            sealed = vault.seal_bundles(customers, [bundle(text) for text in texts])
            vault.index(np.arange(seq, seq + 40), customers, sealed, seq + 40)
            vault.flush()
            seq += 40
        (chunks,) = vault._index._db.execute("SELECT count(*) FROM chunks").fetchone()
        assert chunks == 20
        for customer, texts in wanted.items():
            assert vault.reveal(customer) == {"customer": texts}
        assert vault._index._cached_bytes <= SMALL.index_cached_bytes_max
    with opened(tmp_path) as vault:
        assert {customer: vault.reveal(customer)["customer"] for customer in wanted} == wanted
        assert vault.reveal_event(85) == {"customer": ["2-5"]}
        assert vault.reveal_event(800) == {}


def test_the_index_moves_on_when_nothing_was_sealed_and_writes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tarim.privacy.sealed_index.FLUSH_S", 0.05)
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        vault.index(np.array([0]), np.array([7]), [blob], 1)
        vault.index(np.array([1, 2]), np.array([7, 8]), [None, None], 3)
        until = time.monotonic() + 5
        while vault.applied_seq < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert vault.applied_seq == 3
        vault.index(np.zeros(0, np.int64), np.zeros(0, np.int64), [], 9)
    with opened(tmp_path) as vault:
        assert vault.applied_seq == 9, "written on closing"


def test_an_index_that_cannot_be_written_never_says_it_is_further(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        blob = vault.seal(7, {"account": CANARY})
        vault._index._db.execute("PRAGMA max_page_count=1")
        vault.index(np.array([0]), np.array([7]), [blob * 1000], 1)
        with pytest.raises(Unavailable, match="full"):
            vault.flush()
        assert vault.applied_seq == 0
        with pytest.raises(Unavailable):
            vault.index(np.array([1]), np.array([7]), [blob], 2)
        with pytest.raises(Unavailable):
            vault.destroy(7, at_ms=1, through_seq=1)


def test_owners_are_written_across_blocks_of_keys(tmp_path: Path) -> None:
    """Owners of a run of keys that ends and begins inside blocks; a second process finds all of them."""
    owned: dict[int, bytes] = {}
    with opened(tmp_path) as vault:
        for start, count in ((1, 3), (4, 9), (13, 1), (14, 40)):
            customers = np.arange(start, start + count)
            sealed = vault.seal_bundles(customers, [bundle(str(number)) for number in customers])
            owned |= dict(zip(customers.tolist(), sealed, strict=True))
            vault.flush()
    with opened(tmp_path) as vault:
        assert len(vault._keys._blocks) > 3
        again = vault.seal_bundles(np.array(list(owned)), [b""] * len(owned))
        assert [blob[:9] for blob in again] == [blob[:9] for blob in owned.values()]
        assert vault.destroy(20, at_ms=1, through_seq=0) == 1
    with opened(tmp_path) as vault:
        assert not vault.has_key(20)
        assert vault.has_key(19) and vault.has_key(21)
        with pytest.raises(NotFound):
            vault.open_sealed(20, owned[20])


def test_new_customers_are_refused_when_the_vault_holds_all_the_keys_it_may(tmp_path: Path) -> None:
    limits = VaultLimits(ready_keys=4, keys_max=10, sealed_before_slots=2)
    with Vault.open(tmp_path / "vault", KEY, limits) as vault:
        assert vault.ensure_keys(np.arange(1, 9)) == 8
        with pytest.raises(Unavailable, match="keys_max"):
            vault.ensure_keys(np.arange(20, 40))
        assert vault.open_sealed(3, vault.seal(3, {"account": "x"})) == {"account": ["x"]}


def test_a_block_of_keys_that_is_not_whole_is_named(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        vault.seal(7, {"account": CANARY})
    db = sqlite3.connect(tmp_path / "vault" / "keys.sqlite")
    with db:
        db.execute("UPDATE blocks SET wrapped = substr(wrapped, 2)")
    db.close()
    with pytest.raises(Damaged, match="not whole"):
        opened(tmp_path)


def test_sealing_many_gives_what_sealing_one_gives(tmp_path: Path) -> None:
    """Groups beyond the small path, customers in any order and more than once, among them new ones."""
    customers = np.random.default_rng(2).integers(1, 300, 700)
    with opened(tmp_path) as vault:
        sealed = vault.seal_bundles(customers, [bundle(f"é{place}") for place in range(700)])
        for place, (customer, blob) in enumerate(zip(customers.tolist(), sealed, strict=True)):
            assert vault.open_sealed(customer, blob) == {"customer": [f"é{place}"]}
        assert len({blob[9:21] for blob in sealed}) == 700, "no nonce twice"
        assert len({blob[:9] for blob in sealed}) == len(set(customers.tolist()))


def test_joined_bundles_are_all_given_back(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        joined = pack_fields({"account": "1", "ip": "::1"}) + pack_fields({"account": "2"}) + pack_fields({"ip": "::1"})
        assert vault.open_sealed(7, vault.seal_bundles(np.array([7]), [joined])[0]) == {
            "account": ["1", "2"],
            "ip": ["::1"],
        }


def test_many_threads_seal_for_the_same_new_customers(tmp_path: Path) -> None:
    with opened(tmp_path) as vault, ThreadPoolExecutor(8) as pool:
        customers = np.arange(1, 60)
        bundles = [pack_bundle(1, (f"C{number}",)) for number in customers]
        sealed = list(pool.map(lambda _: vault.seal_bundles(customers, bundles), range(16)))
        assert len({tuple(blob[:9] for blob in blobs) for blobs in sealed}) == 1, "one key a customer"
        for blobs in sealed:
            for customer, blob in zip(customers.tolist(), blobs, strict=True):
                assert vault.open_sealed(customer, blob) == {"customer": [f"C{customer}"]}


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
    long = {"customer": "x" * 31, "account": "é" * 200, "payee_name": "张" * 20_000}
    assert unpack_bundles(pack_fields(values) + pack_fields(long)) == [values, long]
    assert unpack_bundles(b"") == []
    whole = pack_fields(long)
    for bad in (
        b"\xff",
        pack_bundle(3, ("one",)),
        pack_bundle(1 << 40, ("one",)),
        whole[:-1],
        whole + b"\x91",
        b"\x92\x01",
    ):
        with pytest.raises(Damaged):
            unpack_bundles(bad)


def test_bundles_of_columns_are_those_of_values() -> None:
    """Every length of head and mask, nulls, rows left out, out of order and sliced columns."""
    rng = np.random.default_rng(9)
    lengths = [0, 1, 31, 32, 255, 256, 300, 5_000]
    columns = {}
    need = rng.integers(0, 1 << len(SEALABLE), 400)
    for bit in range(len(SEALABLE)):
        values = ["é" * (lengths[number] // 2) for number in rng.integers(0, len(lengths), 403)]
        there = [
            value if needed >> bit & 1 else None
            for value, needed in zip(values, [0, 0, 0, *need.tolist()], strict=True)
        ]
        columns[bit] = pa.array(there, pa.string()).slice(3)
    order = rng.permutation(400)[:300]
    packed, ends = pack_columns(need, columns, order)
    for place, (begin, end) in zip(order.tolist(), pairwise(ends.tolist()), strict=True):
        values = [columns[bit][place].as_py() for bit in range(len(SEALABLE)) if need[place] >> bit & 1]
        assert packed[begin:end] == pack_bundle(int(need[place]), values)
    with pytest.raises(TooLarge):
        pack_columns(np.array([1]), {0: pa.array(["x" * 70_000])}, np.array([0]))


def _drawn(rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    """Tokens and text hashes of few customers and few values, many of them absent, extreme ones among them."""
    values = np.array([0, 0, 1, -1, 2, 7, (1 << 63) - 1, -(1 << 63), *rng.integers(-(1 << 63), 1 << 63, 4)], np.int64)
    tokens = rng.choice(values, (count, len(SEALED_TOKENS)))
    tokens[:, 0] = rng.choice(values[2:], count)
    return tokens, rng.choice(values, (count, len(SEALED_TEXTS)))


@pytest.mark.parametrize("seed", range(20))
def test_new_combinations_are_those_of_the_naive_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, known = SealedBefore(1 << 20), set[int]()
    for _ in range(5):
        tokens, texts = _drawn(rng, int(rng.integers(0, 120)))
        always = rng.integers(0, 1 << len(SEALABLE), len(tokens)) & (1 << SEALABLE.index("ip_port"))
        need, wanted = always.copy(), always.copy()
        keys = table.unsealed(tokens, texts, need)
        assert keys.tolist() == naive.unsealed(known, tokens.tolist(), texts.tolist(), wanted).tolist()
        assert need.tolist() == wanted.tolist()
        again = always.copy()
        assert table.unsealed(tokens, texts, again).tolist() == keys.tolist(), "asking does not remember"
        slots = {key >> 64 - 20 for key in known | set(keys.tolist())}
        if rng.random() < 0.7 and len(slots) == len(known) + len(keys):  # none displaces another
            table.remember(keys)
            known.update(keys.tolist())
            after = always.copy()
            assert not len(table.unsealed(tokens, texts, after)) and after.tolist() == always.tolist()
    table.clear()
    need = np.zeros(1, np.int64)
    assert len(table.unsealed(np.ones((1, len(SEALED_TOKENS)), np.int64), np.zeros((1, 2), np.int64), need))


def test_displaced_combinations_are_sealed_again_and_never_wrongly_known() -> None:
    rng = np.random.default_rng(1)
    table = SealedBefore(1 << 4)
    tokens = np.zeros((1000, len(SEALED_TOKENS)), np.int64)
    tokens[:, 0] = rng.integers(1, 1 << 63, 1000)
    texts = np.zeros((1000, len(SEALED_TEXTS)), np.int64)
    known = set[int]()
    for _ in range(3):
        need, wanted = np.zeros(1000, np.int64), np.zeros(1000, np.int64)
        keys = table.unsealed(tokens, texts, need)
        assert len(keys) >= 984, "no more are known than the table has slots"
        naive.unsealed(known, tokens.tolist(), texts.tolist(), wanted)
        assert not np.any(wanted & ~need), "nothing that was never remembered passes for known"
        table.remember(keys[:500])
        known.update(keys[:500].tolist())


# ----------------------------------------------------------------------------------------------------- sealing in bulk


def test_values_are_sealed_the_same_way_with_and_without_the_bulk_sealer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no OpenSSL to be called directly, or it refuses, one value goes after the other."""
    customers = np.random.default_rng(5).integers(1, 200, 600)
    bundles = [bundle("x" * (place % 90)) for place in range(600)]

    class Refusing:
        def seal(self, *_: object) -> None:
            return None

    with opened(tmp_path) as vault:
        for sealer in (None, Refusing(), bulk_sealer()):
            monkeypatch.setattr("tarim.privacy.vault.bulk_sealer", lambda sealer=sealer: sealer)
            for customer, wanted, blob in zip(
                customers.tolist(), bundles, vault.seal_bundles(customers, bundles), strict=True
            ):
                assert vault.open_sealed(customer, blob) == {name: [raw] for name, raw in unpack_fields(wanted).items()}


def test_the_bulk_sealer_is_not_used_when_it_gives_other_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = bulk_sealer()
    if sealer is None:
        pytest.skip("no OpenSSL that can be called directly")
    assert _agrees(sealer)
    wrong = copy.copy(sealer)
    monkeypatch.setattr(wrong, "seal", lambda *given: (b"\0" * 5_000, sealer.seal(*given)[1]))  # type: ignore[index]
    assert not _agrees(wrong)
    monkeypatch.setattr(wrong, "seal", lambda *_given: None)
    assert not _agrees(wrong)


def test_many_threads_seal_in_bulk_at_once(tmp_path: Path) -> None:
    customers = np.arange(1, 601)
    bundles = [bundle(f"C{number}") for number in customers]
    with opened(tmp_path) as vault, ThreadPoolExecutor(8) as pool:
        for blobs in pool.map(lambda _: vault.seal_bundles(customers, bundles), range(24)):
            for customer, blob in zip(customers.tolist(), blobs, strict=True):
                assert vault.open_sealed(customer, blob) == {"customer": [f"C{customer}"]}
