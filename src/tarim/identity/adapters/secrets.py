"""Passwords by Argon2id, small secrets sealed with AES-256-GCM, and digests under a key."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import threading
from functools import cached_property
from hashlib import sha256
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, Unavailable
from tarim.identity.domain.passwords import normal
from tarim.identity.domain.policy import IdentitySettings

HASHES_AT_ONCE: Final = 2
_NONCE_BYTES: Final = 12
_WAIT_S: Final = 10.0


class ArgonHasher:
    """Argon2id (RFC 9106), a few at a time: a flood of sign-ins fills neither memory nor cores.  Threads may share it."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._hasher = PasswordHasher(settings.hash_rounds, settings.hash_memory_kib, 1)
        self._waiting = threading.BoundedSemaphore(settings.hashes_waiting_max)
        self._working = threading.BoundedSemaphore(HASHES_AT_ONCE)

    def hash(self, password: str) -> str:
        """What is kept of a password.  Raises Unavailable when too many wait."""
        with self._turn():
            return self._hasher.hash(normal(password))

    def verify(self, kept: str, password: str) -> bool:
        """Whether it is the password; as slow for `kept` = "", which is never right.  Raises Unavailable, Damaged."""
        with self._turn():
            try:
                self._hasher.verify(kept or self._nobody, normal(password))
            except VerifyMismatchError:
                return False
            except (InvalidHashError, VerificationError):
                raise Damaged("a password's hash is not one of Argon2") from None
        return bool(kept)

    def outdated(self, kept: str) -> bool:
        """Whether it was made with other numbers than those set now."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _nobody(self) -> str:
        """The hash of a password that nobody knows."""
        return self._hasher.hash(base64.b64encode(os.urandom(18)).decode())

    def _turn(self) -> _Turn:
        return _Turn(self._waiting, self._working)


class _Turn:
    """A place among those that wait, then one among those that work."""

    def __init__(self, waiting: threading.BoundedSemaphore, working: threading.BoundedSemaphore) -> None:
        self._waiting, self._working = waiting, working

    def __enter__(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise Unavailable("too many people sign in at once; ask again")
        if not self._working.acquire(timeout=_WAIT_S):
            self._waiting.release()
            raise Unavailable("too many people sign in at once; ask again")

    def __exit__(self, *_: object) -> None:
        self._working.release()
        self._waiting.release()


class KeyedSecrets:
    """Sealing and marking under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(key, b"seal", sha256))
        self._mark_key = hmac.digest(key, b"mark", sha256)

    def __repr__(self) -> str:
        return "<KeyedSecrets>"

    def seal(self, secret: bytes, owner: str) -> str:
        """The secret, readable for this owner only."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, secret, owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> bytes:
        """The secret.  Raises Damaged."""
        try:
            content = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise Damaged("a sealed secret was not sealed under this master key, or not for this owner") from None

    def mark(self, *words: str) -> str:
        """A keyed digest of the words, 32 hex digits."""
        content = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in words)
        return hmac.digest(self._mark_key, content, sha256)[:16].hex()
