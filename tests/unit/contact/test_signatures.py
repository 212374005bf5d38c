"""Signed messages: our side, the channel's own side, and everything that is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.contact.signatures import FROM_CHANNEL, TO_CHANNEL, WINDOW_S, Key, Request, signed_headers, verify
from tarim.privacy import Signer
from tarim.simulation.channel import signing

AT_MS = 1_750_000_000_000
SECRET = bytes(range(32))
CONTENT = b'{"id":"x"}'
PATH = "/v1/contact/challenges/0123/answers"
MESSAGE_ID = "0123456789abcdef"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
OURS = Signer(SECRET)
HMAC = Key("mobile-bank.1", "hmac-sha256", secret=SECRET)
ED25519 = Key("mobile-bank.1", "ed25519", public=PRIVATE.public_key().public_bytes_raw(), ours=OURS)
THEIRS = {
    "hmac-sha256": signing.hmac_key("mobile-bank.1", SECRET),
    "ed25519": signing.ed25519_key("mobile-bank.1", bytes(32), bytes.fromhex(OURS.public_key_hex)),
}


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("key", [HMAC, ED25519], ids=["hmac", "ed25519"])
def test_both_sides_understand_each_other(key: Key) -> None:
    """Written twice from one guide: what one signs the other accepts."""
    theirs = THEIRS[key.algorithm]
    headers = lower(signed_headers(key, TO_CHANNEL, "POST", "/t/challenges", CONTENT, MESSAGE_ID, AT_MS))
    assert signing.check(theirs, "/t/challenges", headers, CONTENT, AT_MS // 1_000) == MESSAGE_ID
    answer = Request("POST", PATH, lower(signing.signed(theirs, PATH, CONTENT, MESSAGE_ID, AT_MS // 1_000)), CONTENT)
    assert verify(answer, {key.id: key}, FROM_CHANNEL, AT_MS) == MESSAGE_ID


@pytest.mark.parametrize("key", [HMAC, ED25519], ids=["hmac", "ed25519"])
def test_every_change_is_refused(key: Key) -> None:
    """Content, path, method, id, time, key, algorithm, direction, one bit of the signature, or a header that is not there."""
    theirs = THEIRS[key.algorithm]
    good = lower(signing.signed(theirs, PATH, CONTENT, MESSAGE_ID, AT_MS // 1_000))

    def refused(
        method: str = "POST", path: str = PATH, content: bytes = CONTENT, at_ms: int = AT_MS, **headers: str
    ) -> None:
        changed = {**good, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with pytest.raises(NotAllowed) as caught:
            verify(Request(method, path, changed, content), {key.id: key}, FROM_CHANNEL, at_ms)
        assert caught.value.http_status == 401

    refused(method="PUT")
    refused(path=PATH + "/")
    refused(content=CONTENT + b" ")
    refused(content=b"{}", content_digest=signing.digest_header(b"{}"))
    refused(at_ms=AT_MS + (WINDOW_S + 1) * 1_000)
    refused(at_ms=AT_MS - (WINDOW_S + 1) * 1_000)
    refused(tarim_message_id="fedcba9876543210")
    refused(tarim_message_id="short")
    given = good["signature-input"]
    refused(signature_input=given.replace('tag="tarim-channel"', 'tag="tarim-callback"'))
    refused(signature_input=given.replace("mobile-bank.1", "mobile-bank.2"))
    refused(signature_input=given.replace('"@path" ', ""))
    refused(signature_input=given.replace(str(AT_MS // 1_000), str(AT_MS // 1_000 + 1)))
    other = "ed25519" if key.algorithm == "hmac-sha256" else "hmac-sha256"
    refused(signature_input=given.replace(key.algorithm, other))
    refused(signature_input=given + "x" * 2_000)
    raw = bytearray(base64.b64decode(good["signature"][7:-1]))
    raw[0] ^= 1
    refused(signature=f"tarim=:{base64.b64encode(raw).decode()}:")
    refused(signature="tarim=:AAA:")
    for name in good:
        refused(**{name.replace("-", "_"): ""})


def test_a_message_cannot_be_sent_back_to_its_author() -> None:
    """With one secret on both sides the direction has to be signed too."""
    headers = lower(signed_headers(HMAC, TO_CHANNEL, "POST", PATH, CONTENT, MESSAGE_ID, AT_MS))
    with pytest.raises(NotAllowed):
        verify(Request("POST", PATH, headers, CONTENT), {HMAC.id: HMAC}, FROM_CHANNEL, AT_MS)


def test_the_signature_of_rfc_9421_appendix_b_2_6() -> None:
    """A known answer: key, base and signature as the standard prints them."""
    public = base64.b64decode("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")[-32:]
    base = (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        '"content-type": application/json\n"content-length": 18\n'
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = base64.b64decode(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )
    key = Key("test-key-ed25519", "ed25519", public=public)
    assert key.verifies(base.encode(), signature)
    assert not key.verifies(base.encode() + b" ", signature)


def test_secrets_do_not_show() -> None:
    assert SECRET.hex() not in repr(HMAC) and str(SECRET) not in repr(HMAC)
    with pytest.raises(DefinitionError):
        signed_headers(HMAC, TO_CHANNEL, "POST", PATH, CONTENT, "no id", AT_MS)
