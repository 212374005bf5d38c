"""The channel's side of signed messages (RFC 9421, RFC 9530): its own are signed, Tarim's are checked."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tarim.base.errors import NotAllowed

WINDOW_S: Final = 60
_COVERED: Final = '("@method" "@path" "content-digest" "tarim-message-id")'
_PARAMETERS: Final = re.compile(r';created=(\d+);keyid="([^"]+)";alg="([^"]+)";tag="([^"]+)"')


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """What the channel signs and checks with.  sign, verifies: over the signature base."""

    id: str
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    verifies: Callable[[bytes, bytes], bool] = field(repr=False)


def hmac_key(key_id: str, secret: bytes) -> ChannelKey:
    """The secret of both sides."""

    def sign(base: bytes) -> bytes:
        return hmac.digest(secret, base, "sha256")

    return ChannelKey(key_id, "hmac-sha256", sign, lambda base, given: hmac.compare_digest(sign(base), given))


def ed25519_key(key_id: str, private: bytes, tarim_public: bytes) -> ChannelKey:
    """The channel's private key, and the public key of the Tarim installation."""
    ours, theirs = Ed25519PrivateKey.from_private_bytes(private), Ed25519PublicKey.from_public_bytes(tarim_public)

    def verifies(base: bytes, given: bytes) -> bool:
        try:
            theirs.verify(given, base)
        except InvalidSignature:
            return False
        return True

    return ChannelKey(key_id, "ed25519", ours.sign, verifies)


def digest_header(content: bytes) -> str:
    """Content-Digest."""
    return f"sha-256=:{base64.b64encode(sha256(content).digest()).decode()}:"


def signed(key: ChannelKey, path: str, content: bytes, message_id: str, at_s: int) -> dict[str, str]:
    """The headers of a message to Tarim."""
    parameters = f'{_COVERED};created={at_s};keyid="{key.id}";alg="{key.algorithm}";tag="tarim-channel"'
    signature = key.sign(_base(path, digest_header(content), message_id, parameters))
    return {
        "Content-Digest": digest_header(content),
        "Tarim-Message-Id": message_id,
        "Signature-Input": f"tarim={parameters}",
        "Signature": f"tarim=:{base64.b64encode(signature).decode()}:",
    }


def check(key: ChannelKey, path: str, headers: Mapping[str, str], content: bytes, at_s: int) -> str:
    """The id of a message that Tarim signed just now.  headers: by name in lower case.  Raises NotAllowed."""
    parameters = headers.get("signature-input", "").removeprefix("tarim=")
    found = _PARAMETERS.fullmatch(parameters.removeprefix(_COVERED))
    if found is None or not parameters.startswith(_COVERED):
        raise NotAllowed("the message is not signed as agreed")
    if (found[2], found[3], found[4]) != (key.id, key.algorithm, "tarim-callback"):
        raise NotAllowed("the message is signed with another key, or for another direction")
    if abs(at_s - int(found[1])) > WINDOW_S:
        raise NotAllowed("the message was signed too long ago, or in the future")
    if headers.get("content-digest") != digest_header(content):
        raise NotAllowed("the content is not what was signed")
    message_id = headers.get("tarim-message-id", "")
    base = _base(path, digest_header(content), message_id, parameters)
    try:
        given = base64.b64decode(headers.get("signature", "").removeprefix("tarim=:").removesuffix(":"), validate=True)
    except ValueError:
        raise NotAllowed("the signature is not base64") from None
    if not key.verifies(base, given):
        raise NotAllowed("the signature does not belong to the message")
    return message_id


def _base(path: str, digest: str, message_id: str, parameters: str) -> bytes:
    return (
        f'"@method": POST\n"@path": {path}\n"content-digest": {digest}\n'
        f'"tarim-message-id": {message_id}\n"@signature-params": {parameters}'
    ).encode()
