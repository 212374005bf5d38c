"""A case tells where its events came from: address by token, port and location of the very event; nothing once destroyed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tarim.bootstrap.casework import CaseValues
from tarim.privacy import CustomerReader, MasterKey, Tokenizer, Vault
from tests.fakes.desk import DecisionsWritten

MASTER = MasterKey(bytes(32))
FOUR, SIX = "203.0.113.7", "2001:db8::7"


def test_address_port_and_location_of_each_event(tmp_path: Path) -> None:
    tokenizer = Tokenizer(MASTER.derive("tokens"))
    customer = tokenizer.token("customer", "C1")
    four, six = (tokenizer.token("address", address) for address in (FOUR, SIX))
    with DecisionsWritten(tmp_path / "journal") as written:
        seqs = written.group([{"address": each, "customer": customer} for each in (four, four, six, 0, 99)])
    told = {
        seqs[0]: {"customer": "C1", "ip": FOUR, "ip_port": "5566", "latitude": "43.8", "longitude": "87.6"},
        seqs[1]: {"ip_port": "443"},  # its address lies sealed with the event before
        seqs[2]: {"ip": SIX, "ip_port": "80"},
        seqs[3]: {"latitude": "43.9", "longitude": "87.7"},
    }
    with Vault.open(tmp_path / "vault", MASTER) as vault:
        blobs = [vault.seal(customer, values) for values in told.values()]
        vault.index(np.array(list(told)), np.full(len(told), customer), blobs, len(seqs))
        vault.flush()
        values = CaseValues(CustomerReader(tmp_path / "vault", MASTER), tokenizer, tmp_path / "journal")

        found = values.of_case(customer % (1 << 64), {customer % (1 << 64)}, [*seqs, 999]).of_parties
        assert found["ip"] == [f"{FOUR}:5566", f"{FOUR}:443", f"[{SIX}]:80"], "no address is told of an unknown token"
        assert found["location"] == ["43.8, 87.6", "43.9, 87.7"]
        only = values.of_case(customer, set(), [seqs[1]]).of_parties
        assert only == {"ip": [f"{FOUR}:443"]}, "another event's place is not this one's"

        of_a_table = [vault.seal(customer, {"ip_port": port}) for port in ("1", "2")]
        vault.index(np.array([seqs[1]] * 2), np.full(2, customer), of_a_table, len(seqs))
        vault.flush()
        assert values.of_case(customer, set(), [seqs[1]]).of_parties == {"ip": [FOUR]}, (
            "nobody can say whose port it was"
        )

        vault.destroy(customer, 1, len(seqs))
        assert values.of_case(customer, {customer}, seqs).of_parties == {}
    values.close()


def test_without_a_journal_nothing_is_told(tmp_path: Path) -> None:
    with Vault.open(tmp_path / "vault", MASTER) as vault:
        blob = vault.seal(7, {"ip": FOUR})
        vault.index(np.array([0]), np.array([7]), [blob], 1)
        vault.flush()
        tokenizer = Tokenizer(MASTER.derive("tokens"))
        values = CaseValues(CustomerReader(tmp_path / "vault", MASTER), tokenizer, tmp_path / "journal")
        assert "ip" not in values.of_case(7, set(), [0]).of_parties
