"""Points of Curve25519 that stand for identifiers, and secret multiples of them.

An identifier's point is found by hashing with a counter until the hash is the u-coordinate of a point on the curve itself:
a point on the twist would stay there under every multiple, and so give away one bit of the identifier.  X25519 clears the
cofactor.  Source: RFC 7748; the Jacobi symbol as in Cohen, "A Course in Computational Algebraic Number Theory", 1.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from tarim.federation.errors import ProtocolBroken

POINT_BYTES: Final = 32
PRIME: Final = 2**255 - 19
_A: Final = 486_662
"""The curve is v^2 = u^3 + A u^2 + u over this prime (RFC 7748, section 4.1)."""
_TRIES_MAX: Final = 256


def point_of(context: bytes, identifier: bytes) -> bytes:
    """The identifier's point, as a u-coordinate.  context: separates one use of identifiers from every other."""
    start = hashlib.sha256(b"tarim identifier" + len(context).to_bytes(2, "little") + context + identifier)
    for count in range(_TRIES_MAX):
        digest = start.copy()
        digest.update(count.to_bytes(1, "little"))
        u = int.from_bytes(digest.digest(), "little") & (2**255 - 1)
        if u < PRIME and on_curve(u):
            return u.to_bytes(POINT_BYTES, "little")
    raise AssertionError("256 hashes in a row miss the curve once in 2^256 times")


def on_curve(u: int) -> bool:
    """Whether u^3 + A u^2 + u is a square other than 0, so that u belongs to the curve and not to its twist."""
    return _jacobi(u * (u * (u + _A) + 1) % PRIME) == 1


def multiplied(secret: bytes, points: Sequence[bytes]) -> list[bytes]:
    """The secret's multiple of each point.  Raises ProtocolBroken for a point that no honest party sends."""
    key = X25519PrivateKey.from_private_bytes(secret)
    try:
        return [key.exchange(X25519PublicKey.from_public_bytes(point)) for point in points]
    except ValueError:
        raise ProtocolBroken("the other side sent a point of small order") from None


def hidden(context: bytes, secret: bytes, identifiers: Sequence[bytes]) -> list[bytes]:
    """The secret's multiple of each identifier's point."""
    return multiplied(secret, [point_of(context, identifier) for identifier in identifiers])


def _jacobi(a: int) -> int:
    """The Jacobi symbol of a, 0 <= a < p, over p = 2^255 - 19.  Not in constant time."""
    n, sign = PRIME, 1
    while a:
        zeros = (a & -a).bit_length() - 1
        a >>= zeros
        if zeros & 1 and n & 7 in (3, 5):
            sign = -sign
        if a & n & 3 == 3:
            sign = -sign
        a, n = n % a, a
    return sign if n == 1 else 0
