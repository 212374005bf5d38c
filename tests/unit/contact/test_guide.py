"""The guide for channel developers: its worked examples come out as it prints them, in both languages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest

from tarim.contact.domain.judging import Cause
from tarim.contact.domain.notices import NoticeKind
from tarim.contact.domain.shown import Shown
from tarim.contact.signatures import FROM_CHANNEL, Key, Request, verify
from tarim.simulation.channel.server import CALLBACKS

GUIDES = sorted((Path(__file__).resolve().parents[3] / "docs/how-to").glob("connect-a-channel*.md"))


@pytest.fixture(params=GUIDES, ids=lambda page: page.name)
def guide(request: pytest.FixtureRequest) -> str:
    page: Path = request.param
    return page.read_text(encoding="utf-8")


def test_there_are_two() -> None:
    assert len(GUIDES) == 2


def test_the_digest_is_that_of_the_lines(guide: str) -> None:
    found = re.search(r"```\n(tarim-shown-1\n.*?)```", guide, re.DOTALL)
    digest = re.search(r"`([0-9a-f]{64})`", guide)
    assert found and digest and hashlib.sha256(found[1].encode()).hexdigest() == digest[1]
    values = dict(line.split(":", 1) for line in found[1].splitlines()[1:])
    shown = Shown(
        values["account"], values["payee_account"], values["payee_name"], int(values["amount_fen"]), values["currency"]
    )
    assert shown.digest(values["challenge"], values["nonce"]) == digest[1]


def test_the_signature_is_that_of_the_request(guide: str) -> None:
    message = re.search(r"```http\n(.*?)```", guide, re.DOTALL)
    signed = re.search(r'```\n("@method".*?)\n```', guide, re.DOTALL)
    secret = re.search(r"`([A-Za-z0-9+/]{43}=)`", guide)
    assert message and signed and secret
    head, _, content = message[1].rstrip("\n").partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    key = Key("mobile-bank.1", "hmac-sha256", secret=base64.b64decode(secret[1]))
    expected = hmac.digest(key.secret, signed[1].encode(), "sha256")
    assert headers["signature"] == f"tarim=:{base64.b64encode(expected).decode()}:"
    request = Request(*first.split()[:2], headers, content.encode())
    assert verify(request, {key.id: key}, FROM_CHANNEL, 1_763_769_600_000) == headers["tarim-message-id"]


def test_every_callback_notice_and_cause_is_told_of(guide: str) -> None:
    for word in (*CALLBACKS, *(f"`{kind.value}`" for kind in NoticeKind), *(f"`{cause}`" for cause in Cause if cause)):
        assert word in guide, word
