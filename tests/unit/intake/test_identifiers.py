"""Identifiers that were checked before: the same form and token, errors every time, and memory that is bounded."""

from __future__ import annotations

import pytest

from tarim.base.errors import FieldError
from tarim.intake import assemble
from tarim.intake.assemble import Assembler
from tarim.intake.domain import IntakeLimits
from tarim.intake.message import Message
from tarim.privacy import Tokenizer
from tarim.stream import Col

NOW_MS = 1_790_000_000_000


def message(**changed: str) -> Message:
    fields = {
        "event_id": "e",
        "source": "core",
        "kind": "transfer",
        "occurred_at": "2026-09-21T21:00:00+08:00",
        "customer": "C1",
        "account": "6222",
        "payee_account": "6223",
        "ip": "10.0.0.1",
    }
    return Message(**(fields | changed), amount_fen=5)


def word(assembler: Assembler, column: Col, **changed: str) -> int:
    at = 8 * int(column)
    return int.from_bytes(assembler.parts(message(**changed), NOW_MS).row[at : at + 8], "little", signed=True)


def test_tokens_are_those_of_the_tokenizer_the_first_time_and_later() -> None:
    """Whatever form is sent: spaces around, an address in its long form, one account as payer and as payee."""
    tokenizer = Tokenizer(b"k" * 32)
    assembler = Assembler(tokenizer, IntakeLimits())
    for _ in range(2):
        for sent in ("C1", "  C1", "C1   "):
            assert word(assembler, Col.CUSTOMER, customer=sent) == tokenizer.token("customer", "C1")
        assert word(assembler, Col.ACCOUNT, account="6223") == word(assembler, Col.PAYEE)
        for sent in ("2001:db8::1", "2001:0DB8:0::1"):
            assert word(assembler, Col.ADDRESS, ip=sent) == tokenizer.token("address", "2001:db8::1")


def test_what_breaks_a_rule_breaks_it_again_under_its_own_name() -> None:
    assembler = Assembler(Tokenizer(b"k" * 32), IntakeLimits())
    for _ in range(2):
        for name in ("customer", "account", "payee_account", "ip"):
            with pytest.raises(FieldError) as found:
                assembler.parts(message(**{name: "a b"}), NOW_MS)
            assert found.value.field == name


def test_no_more_is_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that is mostly spaces."""
    monkeypatch.setattr(assemble, "CACHED_PER_SPACE", 8)
    assembler = Assembler(Tokenizer(b"k" * 32), IntakeLimits())
    for number in range(40):
        assembler.parts(message(customer=f"C{number}"), NOW_MS)
        assert len(assembler._customers) <= 8
    assembler.parts(message(customer="D" + " " * 10_000), NOW_MS)
    assert max(map(len, assembler._customers)) <= 64 and "D" not in repr(assembler._customers)
