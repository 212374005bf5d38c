"""What customers are told, by whom their channels are known, and when a message is tried again."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.contact.channels import read_channels
from tarim.contact.domain.delivery import (
    RETRY_MS_MAX,
    RETRY_MS_MIN,
    DeliveryState,
    retry_ms,
    verdict,
)
from tarim.contact.domain.masking import masked_account
from tarim.contact.domain.notices import NOTICE_FIELDS, TOLD_BASES, NoticeKind, movement_notice, restriction_notice
from tarim.privacy import FIELDS, MasterKey, Purpose, require_purpose
from tarim.stream import Kind

VALUES = {"account": "6222020000001111", "amount_fen": 123_456_78, "kind": int(Kind.TRANSFER)}
MOVEMENTS = (NoticeKind.RISK, NoticeKind.HELD, NoticeKind.RELEASED, NoticeKind.REFUSED)


@pytest.mark.parametrize("kind", MOVEMENTS)
def test_a_notice_says_direction_amount_and_four_characters(kind: NoticeKind) -> None:
    text = movement_notice(kind, VALUES)
    for words, direction in ((text.zh, "支出"), (text.en, "Payment")):
        assert direction in words and "123,456.78" in words and "****1111" in words
        assert "62220200" not in words and len(words) <= 160
    received = movement_notice(kind, {**VALUES, "kind": int(Kind.DEPOSIT)})
    assert "收入" in received.zh and "Receipt" in received.en


@pytest.mark.parametrize(
    "name", sorted(FIELDS.keys() - {name for name in FIELDS if Purpose.NOTICE in FIELDS[name].purposes})
)
def test_a_field_of_another_purpose_is_refused(name: str) -> None:
    """RM-30: what was not collected for telling the customer is not in a notice, payee and device not, nor a name."""
    with pytest.raises(DefinitionError, match="may not be used for customer notice"):
        movement_notice(NoticeKind.HELD, {**VALUES, name: "x"})


def test_the_fields_of_a_notice_serve_it_and_the_payee_does_not() -> None:
    for name in NOTICE_FIELDS:
        require_purpose(name, Purpose.NOTICE)
    assert all(
        Purpose.NOTICE not in FIELDS[name].purposes for name in ("payee_account", "payee_name", "device_id", "customer")
    )


@pytest.mark.parametrize(("account", "shown"), [("6222020000001111", "****1111"), ("1234567", "****"), ("", "****")])
def test_a_short_account_is_not_shown_at_all(account: str, shown: str) -> None:
    assert masked_account(account) == shown


@pytest.mark.parametrize("basis", TOLD_BASES)
def test_a_restriction_names_its_law(basis: str) -> None:
    text = restriction_notice(NoticeKind.RESTRICTED, basis, "第三十八条")
    assert TOLD_BASES[basis][0] + "第三十八条" in text.zh and TOLD_BASES[basis][1] in text.en


# ---- deliveries ----------------------------------------------------------------------------------------------------------


def test_waits_double_up_to_a_minute_and_are_spread() -> None:
    waits = [retry_ms("m", attempts) for attempts in range(1, 40)]
    assert RETRY_MS_MIN / 2 <= waits[0] <= RETRY_MS_MIN and max(waits) <= RETRY_MS_MAX
    assert all(wait >= RETRY_MS_MAX / 2 for wait in waits[8:])
    assert len({retry_ms(f"m{number}", 10) for number in range(100)}) > 90


def test_what_a_status_means() -> None:
    delivered, refused, again = DeliveryState.DELIVERED, DeliveryState.REFUSED, DeliveryState.QUEUED
    said = {200: delivered, 202: delivered, 400: refused, 409: refused, 422: refused}
    said |= dict.fromkeys((0, 301, 401, 403, 404, 408, 425, 429, 500, 503), again)
    assert {status: verdict(status) for status in said} == said


# ---- channels ------------------------------------------------------------------------------------------------------------

MASTER = MasterKey(bytes(32))
GOOD = """
[[channels]]
source = "mobile-bank"
url = "https://bank.example/t/"
methods = ["face", "password"]
algorithm = "hmac-sha256"
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "channels.toml"
    path.write_text(text, encoding="utf-8")
    return read_channels(path, MASTER)


def test_channels_are_read_and_their_secrets_derived(tmp_path: Path) -> None:
    found = read_channels(None, MASTER)
    assert not found.by_source
    with pytest.raises(NotAllowed):
        found.get("mobile-bank")
    path = tmp_path / "channels.toml"
    path.write_text(GOOD, encoding="utf-8")
    channel = read_channels(path, MASTER).get("mobile-bank")
    assert (channel.url, channel.methods, channel.key.id) == (
        "https://bank.example/t",
        ("password", "face"),
        "mobile-bank.1",
    )
    path.write_text(GOOD + "generation = 2\n", encoding="utf-8")
    renewed = read_channels(path, MASTER).get("mobile-bank")
    assert renewed.key.secret != channel.key.secret and len(renewed.key.secret) == 32
    path.write_text(
        GOOD.replace("hmac-sha256", "ed25519") + f'public_key = "{b64encode(bytes(32)).decode()}"\n', encoding="utf-8"
    )
    assert read_channels(path, MASTER).get("mobile-bank").key.algorithm == "ed25519"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("mobile-bank", "Mobile", "source must be"),
        ("https://bank.example/t/", "http://bank.example/t", "url must begin with https"),
        ("https://bank.example/t/", "https://u:p@bank.example/", "url must begin with https"),
        ("https://bank.example/t/", "https://bank.example:99999/", "url must begin with https"),
        ('["face", "password"]', "[]", "methods must be"),
        ('["face", "password"]', '["smile"]', "methods must be"),
        ("hmac-sha256", "md5", "algorithm must be"),
        ("hmac-sha256", "ed25519", "public_key must be"),
        ("[[channels]]", '[[channels]]\ncolour = "red"', "colour is unknown"),
        ("[[channels]]", "[[channels]]\ngeneration = 0", "generation must be"),
        ("[[channels]]", "other = 1\n[[channels]]", "other is unknown"),
        ("[[channels]]", "[channels]", "must be a list"),
        ("[[channels]]", "[[channels", "not TOML"),
    ],
)
def test_every_fault_of_a_file_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(DefinitionError, match=fault):
        read(tmp_path, GOOD.replace(old, new))


def test_a_source_is_one_channel(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="named twice"):
        read(tmp_path, GOOD + GOOD)
