"""Signatures of an installation: who holds the bytes and the public key can tell that this house wrote them.

Ed25519 (RFC 8032).  The private key is derived from the master key, so it exists wherever that does and is stored nowhere;
the public key may be given to anybody, an auditor for instance, who then checks without asking this house.
"""

from __future__ import annotations

from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tarim.base.errors import Damaged, NotAllowed
from tarim.privacy.master import MasterKey

SIGNATURE_BYTES: Final = 64


class Signer:
    """Signs and checks under the key of one installation.  `repr` shows the public key only."""

    __slots__ = ("_private", "_public")

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public: Ed25519PublicKey = self._private.public_key()

    @classmethod
    def of(cls, master: MasterKey) -> Self:
        """The signer of the installation that has this master key."""
        return cls(master.derive("signing"))

    def __repr__(self) -> str:
        return f"<Signer {self.public_key_hex}>"

    def __reduce__(self) -> str:
        raise NotAllowed("a signing key is not copied or pickled", known=True)

    @property
    def public_key_hex(self) -> str:
        """The public key: 64 hexadecimal digits."""
        return self._public.public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """64 bytes, the same ones every time."""
        return self._private.sign(content)

    def verify(self, content: bytes, signature: bytes) -> None:
        """Nothing when this installation signed exactly these bytes.  Raises Damaged."""
        try:
            self._public.verify(signature, content)
        except InvalidSignature:
            raise Damaged(
                "the signature does not belong to these bytes: they were changed, or another installation wrote them"
            ) from None
