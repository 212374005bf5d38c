"""Fresh randomness, and randomness stretched from a seed that both sides may know.

AES-128 in counter mode (NIST SP 800-38A, SP 800-90A section 10.2): one key is used for one stream.  The key of fresh
randomness comes from the operating system.
"""

from __future__ import annotations

import os
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Words = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]
"""Each 0 or 1."""

SEED_BYTES: Final = 16


class Stream:
    """Random words stretched from a seed of 16 bytes; the same seed gives the same words in the same order."""

    def __init__(self, seed: bytes) -> None:
        assert len(seed) == SEED_BYTES
        self._cipher = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()

    def words(self, *shape: int) -> Words:
        """The next words, in an array of this shape."""
        size = 8 * int(np.prod(shape))
        out = np.empty(size + 15, np.uint8)  # OpenSSL asks for room for a block
        self._cipher.update_into(bytes(size), out.data)
        return out[:size].view(np.uint64).reshape(shape)


def fresh_seed() -> bytes:
    """A seed that nobody else knows."""
    return os.urandom(SEED_BYTES)


def fresh_words(*shape: int) -> Words:
    """Uniform words that nobody else knows."""
    return Stream(fresh_seed()).words(*shape)


def fresh_bits(count: int) -> Bits:
    """Uniform bits that nobody else knows, shape (count,)."""
    return np.unpackbits(fresh_words(-(-count // 64)).view(np.uint8), count=count, bitorder="little")
