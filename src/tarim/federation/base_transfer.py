"""Base oblivious transfer: of two fresh keys the receiver gets the one of its choice, 128 times over.

Who learns what: the sender gets both keys of each pair and nothing about the choices; the receiver gets one key and nothing
about the other.  Semi-honest; one message each way; 32 bytes there, 8,192 bytes back.

The sender publishes S = sG.  For each pair the receiver makes one point whose secret it knows and one that it drew blindly
from the curve, and sends both, the known one in the place of its choice.  The keys are hashes of s times each point.  The
blind point is a random x-coordinate on the curve (not on its twist), times a random clamped scalar, so that it lies in the
prime-order subgroup as every public key does.

Source: Naor, Pinkas, "Efficient Oblivious Transfer Protocols", SODA 2001, on X25519 (RFC 7748), in the form of Masny and
Rindal, "Endemic Oblivious Transfer", CCS 2019.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tarim.federation.channel import Channel, receive_one
from tarim.federation.errors import ProtocolBroken
from tarim.federation.hashing import Domain
from tarim.federation.points import POINT_BYTES, PRIME, on_curve

PAIRS: Final = 128


def send_keys(channel: Channel) -> list[tuple[bytes, bytes]]:
    """Both keys of each pair, as the sender.  Raises ProtocolBroken for points no honest receiver sends."""
    secret = X25519PrivateKey.generate()
    channel.send("base transfer, sender's point", np.frombuffer(_public(secret), np.uint8))
    points = receive_one(channel, "base transfer, receiver's points", np.uint8, PAIRS, 2, POINT_BYTES)
    return [
        (
            _key(pair, 0, points[pair].tobytes(), _shared(secret, points[pair, 0].tobytes())),
            _key(pair, 1, points[pair].tobytes(), _shared(secret, points[pair, 1].tobytes())),
        )
        for pair in range(PAIRS)
    ]


def receive_keys(channel: Channel, choices: Sequence[int]) -> list[bytes]:
    """The chosen key of each pair, as the receiver: choices are 0 or 1, one for each of the PAIRS."""
    assert len(choices) == PAIRS
    secrets = [X25519PrivateKey.generate() for _ in range(PAIRS)]
    both = [
        _blind_point() + _public(secret) if choice else _public(secret) + _blind_point()
        for secret, choice in zip(secrets, choices, strict=True)
    ]
    point = receive_one(channel, "base transfer, sender's point", np.uint8, POINT_BYTES).tobytes()
    channel.send("base transfer, receiver's points", np.frombuffer(b"".join(both), np.uint8))
    return [_key(pair, int(choices[pair]), both[pair], _shared(secret, point)) for pair, secret in enumerate(secrets)]


def _public(secret: X25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _shared(secret: X25519PrivateKey, point: bytes) -> bytes:
    try:
        return secret.exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise ProtocolBroken("the other side sent a point of small order") from None


def _key(pair: int, place: int, both: bytes, shared: bytes) -> bytes:
    content = bytes([Domain.BASE_TRANSFER, pair, place]) + both + shared
    return hashlib.sha256(b"tarim base transfer" + content).digest()[:16]


def _blind_point() -> bytes:
    """A point of the prime-order subgroup whose secret nobody knows."""
    while True:
        u = int.from_bytes(os.urandom(POINT_BYTES), "little") & (2**255 - 1)
        if u < PRIME and on_curve(u):
            return X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(u.to_bytes(32, "little")))
