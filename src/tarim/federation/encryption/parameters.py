"""Parameters of the encryption, and why they are safe and large enough.

Ring of degree 8,192 over a modulus of 218 bits: 128 bits of security for a ternary secret by the table of the Homomorphic
Encryption Standard (Albrecht et al., "Homomorphic Encryption Security Standard", HomomorphicEncryption.org, November 2018,
table 1), which SEAL enforces as well.  Ciphertexts live under the first three primes, 168 bits; the last one is the key's
alone.

Plaintexts are polynomials whose coefficients are whole numbers modulo 2^48, the ring in which scores are shared
(`learning.products.ROW_BITS`), so that a product is exact and a uniform mask hides it perfectly.

Noise, in bits.  A fresh ciphertext has at most 22 a coefficient (SEAL's binomial ends at 21; one half for rounding).  A
product with coefficients below 2^47 has at most terms x 2^47 x 22 when so many coefficients are not zero, and `noise_bits`
of that must stay below NOISE_BITS_MAX.  A reply is flooded with a number uniform in [0, 2^FLOOD_BITS) on every coefficient
that is sent, so what is left of the product's own noise shifts its distribution by at most 2^(NOISE_BITS_MAX - FLOOD_BITS) =
2^-40.  It still decrypts: 2^FLOOD_BITS + 2^NOISE_BITS_MAX < 2^(168 - 48 - 1).  After the switch to the first prime alone the
flood is at most 2^8, and the rounding, half a unit times each of 8,192 ternary coefficients of the secret, below 2^10 but
with a chance under 2^-100: together below 2^(60 - 48 - 1).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from tarim.base.errors import TooLarge

DEGREE: Final = 8_192
PRIME_BITS: Final = (60, 54, 54, 50)
PLAIN_BITS: Final = 48
FLOOD_BITS: Final = 116
NOISE_BITS_MAX: Final = 76
SECURITY_TABLE_128: Final = MappingProxyType({1_024: 27, 2_048: 54, 4_096: 109, 8_192: 218, 16_384: 438, 32_768: 881})
"""Degree to the largest modulus in bits: classical attacks, 128 bits, ternary secret."""

_FRESH: Final = 22
_ZERO: Final = 2 * DEGREE * _FRESH + _FRESH
"""Noise of an encryption of zero under the public key: e u + e' s, both with ternary u and s."""


def noise_bits(terms: int) -> int:
    """Bits that the noise of a product has at most.  terms: coefficients of all multipliers that may be other than zero."""
    return (terms * (_FRESH << (PLAIN_BITS - 1)) + _ZERO).bit_length()


def require_hidden(terms: int) -> None:
    """Nothing when a reply's flood hides a product of so many terms.  Raises TooLarge."""
    if noise_bits(terms) > NOISE_BITS_MAX:
        raise TooLarge(f"an encrypted product sums at most 2^{NOISE_BITS_MAX - noise_bits(1)} terms; here are {terms}")
