"""Raw values of reports come from the vault by token, of the right customer, and end with his key."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tarim.bootstrap.reporting import VaultValues, load_codes
from tarim.privacy import CustomerReader, MasterKey, Tokenizer, Vault

MASTER = MasterKey(bytes(32))
WHOLE = 1 << 64


def test_accounts_and_names_are_told_by_token(tmp_path: Path) -> None:
    tokenizer = Tokenizer(MASTER.derive("tokens"))
    one, two = (tokenizer.token("customer", number) for number in ("C1", "C2"))
    told = [
        (
            one,
            {
                "customer": "C1",
                "account": "6222000000000001",
                "payee_account": "6222000000000009",
                "payee_name": "赵六",
            },
        ),
        (one, {"payee_account": "6222000000000009", "payee_name": "赵六六"}),
        (two, {"customer": "C2", "account": "6222000000000002", "payee_account": "6222000000000001"}),
    ]
    with Vault.open(tmp_path / "vault", MASTER) as vault:
        vault.ensure_keys(np.array([one, two], np.int64))
        blobs = [vault.seal(customer, values) for customer, values in told]
        vault.index(np.arange(3), np.array([customer for customer, _ in told], np.int64), blobs, 3)
        vault.flush()
        values = VaultValues(CustomerReader(tmp_path / "vault", MASTER), Tokenizer(MASTER.derive("tokens")))
        numbers = {number: tokenizer.token("account", number) % WHOLE for _, each in told for number in each.values()}
        asked = {numbers[f"622200000000000{digit}"]: (one, two) for digit in (1, 2, 9)}
        assert values.accounts(asked) == {numbers[number]: number for number in numbers if number.startswith("6222")}
        assert values.accounts({numbers["6222000000000002"]: (one,)}) == {}
        assert values.names(one % WHOLE, {numbers["6222000000000009"], 5}) == {numbers["6222000000000009"]: "赵六六"}
        assert values.customer_token("C1") == one % WHOLE
        assert values.indexed_seq() == 3
        vault.destroy(two, 0, 3)
        assert values.accounts({numbers["6222000000000002"]: (two,)}) == {}


def test_a_banks_own_codes_are_read_from_the_data_folder(tmp_path: Path) -> None:
    assert load_codes(tmp_path)["crime"].mark == "ours"
    (tmp_path / "codes.toml").write_text('[crime]\n"0801" = ["测试", "test"]\n', encoding="utf-8")
    (tmp_path / "divisions.csv").write_text("code,name\n650102,x\n", encoding="utf-8")
    codes = load_codes(tmp_path)
    assert "0801" in codes["crime"] and codes.is_division("650102") and not codes.is_division("650104")
