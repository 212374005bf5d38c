"""Signed messages between Tarim and a channel: HTTP Message Signatures (RFC 9421) over a Content-Digest (RFC 9530).

Both directions sign the same four components, in this order, with these parameters, and nothing else is accepted:

    Content-Digest: sha-256=:<base64>:
    Tarim-Message-Id: <id>
    Signature-Input: tarim=("@method" "@path" "content-digest" "tarim-message-id");created=<seconds>;keyid="<id>";
                     alg="<alg>";tag="<tag>"                                  (in one line, no space after a semicolon)
    Signature: tarim=:<base64>:

alg is `hmac-sha256` (a secret of both sides) or `ed25519` (each side keeps its own private key, so that neither can make the
other's messages).  tag says the direction, so that a message cannot be sent back to its author.  created is in seconds; a
message whose signature is older or newer than WINDOW_S is refused, and within it a message id counts once.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tarim.base.errors import DefinitionError, NotAllowed

WINDOW_S: Final = 60
SECRET_BYTES: Final = 32
TO_CHANNEL: Final = "tarim-callback"
FROM_CHANNEL: Final = "tarim-channel"
ALGORITHMS: Final = ("hmac-sha256", "ed25519")

_COMPONENTS: Final = '("@method" "@path" "content-digest" "tarim-message-id")'
_HEADER_CHARACTERS_MAX: Final = 1_024
_INPUT: Final = re.compile(
    r"tarim=(" + re.escape(_COMPONENTS) + r';created=([0-9]{1,12});keyid="([a-z0-9.-]{1,64})"'
    r';alg="(hmac-sha256|ed25519)";tag="([a-z-]{1,32})")'
)
_SIGNATURE: Final = re.compile(r"tarim=:([A-Za-z0-9+/]{1,128}={0,2}):")
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")

Algorithm = Literal["hmac-sha256", "ed25519"]


class Ours(Protocol):
    """What signs with a private key; `tarim.privacy.Signer` does."""

    def sign(self, content: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Key:
    """How messages to and from one channel are signed.

    id: named in every signature.  secret: of hmac-sha256, 32 bytes.  public: of ed25519, the channel's 32 bytes; ours: signs
    what goes to it.
    """

    id: str
    algorithm: Algorithm
    secret: bytes = field(default=b"", repr=False)
    public: bytes = field(default=b"", repr=False)
    ours: Ours | None = field(default=None, repr=False)

    def sign(self, base: bytes) -> bytes:
        """Our signature."""
        if self.algorithm == "hmac-sha256":
            assert len(self.secret) == SECRET_BYTES
            return hmac.digest(self.secret, base, "sha256")
        assert self.ours is not None
        return self.ours.sign(base)

    def verifies(self, base: bytes, signature: bytes) -> bool:
        """Whether this is the channel's signature."""
        if self.algorithm == "hmac-sha256":
            return hmac.compare_digest(hmac.digest(self.secret, base, "sha256"), signature)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, base)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of a request.  path: as it goes over the wire, without a query.  headers: names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


def content_digest(content: bytes) -> str:
    """The value of Content-Digest."""
    return f"sha-256=:{base64.b64encode(sha256(content).digest()).decode()}:"


def check_message_id(message_id: str) -> None:
    """Nothing for an id that a message can have.  Raises DefinitionError."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise DefinitionError("Tarim-Message-Id has 16 to 64 letters, digits, - and _")


def signature_base(method: str, path: str, digest: str, message_id: str, parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421, section 2.5)."""
    lines = (
        f'"@method": {method}',
        f'"@path": {path}',
        f'"content-digest": {digest}',
        f'"tarim-message-id": {message_id}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines).encode()


def signed_headers(
    key: Key, tag: str, method: str, path: str, content: bytes, message_id: str, at_ms: int
) -> dict[str, str]:
    """The four headers of a message that we send."""
    check_message_id(message_id)
    digest = content_digest(content)
    parameters = f'{_COMPONENTS};created={at_ms // 1_000};keyid="{key.id}";alg="{key.algorithm}";tag="{tag}"'
    signature = key.sign(signature_base(method, path, digest, message_id, parameters))
    return {
        "Content-Digest": digest,
        "Tarim-Message-Id": message_id,
        "Signature-Input": f"tarim={parameters}",
        "Signature": f"tarim=:{base64.b64encode(signature).decode()}:",
    }


def verify(request: Request, keys: Mapping[str, Key], tag: str, at_ms: int) -> str:
    """The id of the message, when one of the keys signed exactly this request just now, for this direction.

    keys: by id, those of the one sender.  Raises NotAllowed (401) and says which check failed.
    """
    parts = {name: request.headers.get(name, "") for name in ("signature-input", "signature", "tarim-message-id")}
    given_digest = request.headers.get("content-digest", "")
    if any(len(part) > _HEADER_CHARACTERS_MAX for part in (*parts.values(), given_digest)):
        raise _refused("a header of the signature is too long")
    found, signature = _INPUT.fullmatch(parts["signature-input"]), _SIGNATURE.fullmatch(parts["signature"])
    message_id = parts["tarim-message-id"]
    if found is None or signature is None or not _MESSAGE_ID.fullmatch(message_id):
        raise _refused("it needs Signature-Input, Signature and Tarim-Message-Id in the form that the guide shows")
    parameters, created_s, key_id, algorithm, given_tag = found.groups()
    key = keys.get(key_id)
    if key is None or key.algorithm != algorithm or given_tag != tag:
        raise _refused("its key, algorithm or tag is not the one agreed on")
    if abs(at_ms // 1_000 - int(created_s)) > WINDOW_S:
        raise _refused(f"it was signed more than {WINDOW_S} s away from now; look at both clocks")
    if not hmac.compare_digest(content_digest(request.content).encode(), given_digest.encode()):
        raise _refused("Content-Digest is not that of the content")
    base = signature_base(request.method, request.path, given_digest, message_id, parameters)
    try:
        raw = base64.b64decode(signature[1], validate=True)
    except binascii.Error:
        raise _refused("Signature is not base64") from None
    if not key.verifies(base, raw):
        raise _refused("the signature does not belong to this request")
    return message_id


def _refused(why: str) -> NotAllowed:
    return NotAllowed(f"the message is not signed as agreed: {why}")
