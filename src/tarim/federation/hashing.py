"""The hash of the protocols: 128 bits to 128 bits, robust against correlated inputs, separate for every purpose and use.

Threat model: inputs of one use may differ by a secret offset that the adversary does not know; the outputs look random
nevertheless (tweakable circular correlation robustness).  The permutation is AES-128 under a key of its own for each
(session, domain, use): re-keying keeps the bound of one use apart from that of all others, and two purposes can never meet
at one point.  A use number never comes twice in a session, see `Uses`.

Source: Guo, Katz, Wang, Yu, IEEE S&P 2020; re-keying as in Guo, Katz, Wang, Weng, Yu, "Better Concrete Security for
Half-Gates Garbling (in the Multi-Instance Setting)", CRYPTO 2020.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tarim.federation.kernels import hashing as kernel

Blocks = npt.NDArray[np.uint64]
"""Shape (n, 2): 128-bit values, low word first."""

SALT_BYTES: Final = 16


class Domain(IntEnum):
    """What a hash is for.  A number is never given to another purpose."""

    BASE_TRANSFER = 1
    CORRELATED = 3
    GARBLING = 4
    TREE_CHILD = 5
    TREE_MESSAGE = 6
    TREE_LEAF = 7
    SEED_TREE = 9


class Permutation:
    """AES under one key, over many blocks at once."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  a permutation is what is wanted

    def __call__(self, blocks: Blocks) -> Blocks:
        """The image of each block."""
        assert blocks.flags.c_contiguous
        out = np.empty(blocks.nbytes + 16, np.uint8)  # OpenSSL asks for room for one block more
        self._cipher.update_into(blocks.reshape(-1).view(np.uint8).data, out.data)
        return out[: blocks.nbytes].view(np.uint64).reshape(blocks.shape)


class Hashing:
    """The hashes of one session.  salt: agreed by both sides when the session begins, public."""

    def __init__(self, salt: bytes) -> None:
        assert len(salt) == SALT_BYTES
        self._salt = salt

    @property
    def salt(self) -> npt.NDArray[np.uint8]:
        """The salt, to be stored with what it made."""
        return np.frombuffer(self._salt, np.uint8)

    def permutation(self, domain: Domain, use: int) -> Permutation:
        """The permutation of one purpose and use."""
        content = b"tarim federation hash" + self._salt + bytes([domain]) + use.to_bytes(8, "little")
        return Permutation(hashlib.sha256(content).digest()[:16])

    def __call__(self, domain: Domain, use: int, blocks: Blocks, first: int = 0) -> Blocks:
        """Hash block i with the tweak first + i."""
        prepared = np.empty(blocks.shape, np.uint64)
        kernel.prepare(np.ascontiguousarray(blocks), np.uint64(first), prepared)
        hashed = self.permutation(domain, use)(prepared)
        kernel.add_into(hashed, prepared)
        return hashed


class Uses:
    """Numbers of uses, each given once.  They live as long as the session's secrets do: both are gone after a crash."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def take(self, count: int = 1) -> int:
        """The first of `count` numbers."""
        first = self._next
        self._next += count
        return first
