"""Sealing thousands of values at once, outside the interpreter's lock, with the OpenSSL that Python itself runs on.

Key schedule, encryption and tag of a short text take OpenSSL half a microsecond, and the calls from Python five times
that.  Where there is no such library to be found (a Python linked statically, another system), or where it does not give
what `cryptography` gives, everything goes through `cryptography`, one value after the other.
"""

from __future__ import annotations

import ctypes
import os
import re
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.privacy.kernels import sealing as kernel

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

OVERHEAD_BYTES: Final = kernel.HEAD_BYTES + kernel.NONCE_BYTES + kernel.TAG_BYTES
_CALLS: Final = ("EVP_EncryptInit_ex", "EVP_EncryptUpdate", "EVP_EncryptFinal_ex", "EVP_CIPHER_CTX_ctrl")
_LIBRARY: Final = re.compile(r"(/\S*libcrypto[^/\s]*\.so[^/\s]*)$", re.MULTILINE)


class BulkSealer:
    """AES-256-GCM by OpenSSL's EVP interface."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._new = library.EVP_CIPHER_CTX_new
        self._new.restype = ctypes.c_void_p
        self._new.argtypes = []
        self._free = library.EVP_CIPHER_CTX_free
        self._free.restype = None
        self._free.argtypes = [ctypes.c_void_p]
        library.EVP_aes_256_gcm.restype = ctypes.c_void_p
        self._cipher = int(library.EVP_aes_256_gcm() or 0)
        addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in _CALLS]
        self._calls = np.array(addresses, np.int64)
        self._library = library

    def seal(self, keys: Bytes, nonces: Bytes, aads: Bytes, plain: bytes, ends: Ints) -> tuple[bytes, Ints] | None:
        """The sealed texts one after the other and where each ends, or None when OpenSSL refuses.

        keys, nonces, aads: shape (n, 32), (n, 12), (n, 17).  Text i is plain[ends[i]:ends[i + 1]]; it becomes the last 9
        bytes of its additional data, its nonce, ciphertext and tag.
        """
        count = len(keys)
        assert ends.shape == (count + 1,) and ends[-1] <= len(plain) and (np.diff(ends) >= 0).all()
        assert nonces.shape == (count, kernel.NONCE_BYTES) and aads.shape == (count, kernel.AAD_BYTES)
        sealed_ends = ends - ends[0] + OVERHEAD_BYTES * np.arange(count + 1)
        out = np.empty(int(sealed_ends[-1]), np.uint8)
        context = self._new()
        if not context:
            return None
        try:
            texts = np.frombuffer(plain, np.uint8)
            written = np.zeros(1, np.int64)
            done = kernel.seal(self._calls, context, self._cipher, keys, nonces, aads, texts, ends, out, written)
        finally:
            self._free(context)  # overwrites the last key
        return (out.tobytes(), sealed_ends) if done == count else None


@lru_cache(maxsize=1)
def bulk_sealer() -> BulkSealer | None:
    """The sealer of this process, None where there is none that does as `cryptography` does."""
    try:
        import _hashlib  # noqa: F401  # loads the library

        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            found = _LIBRARY.search(maps.read())
        sealer = BulkSealer(ctypes.CDLL(found.group(1))) if found else None
    except (ImportError, OSError, AttributeError):
        return None
    return sealer if sealer is not None and _agrees(sealer) else None


def _agrees(sealer: BulkSealer) -> bool:
    """Whether samples of several lengths come out as `cryptography` seals them."""
    lengths = [0, 1, 15, 16, 17, 64, 300]
    count = len(lengths)
    ends = np.cumsum([0, *lengths], dtype=np.int64)
    plain = os.urandom(int(ends[-1]))
    keys, nonces, aads = (
        np.frombuffer(os.urandom(count * width), np.uint8).reshape(count, width)
        for width in (kernel.KEY_BYTES, kernel.NONCE_BYTES, kernel.AAD_BYTES)
    )
    found = sealer.seal(keys, nonces, aads, plain, ends)
    if found is None:
        return False
    sealed, cuts = found
    for i in range(count):
        key, nonce, aad = keys[i].tobytes(), nonces[i].tobytes(), aads[i].tobytes()
        wanted = aad[-kernel.HEAD_BYTES :] + nonce + AESGCM(key).encrypt(nonce, plain[ends[i] : ends[i + 1]], aad)
        if sealed[cuts[i] : cuts[i + 1]] != wanted:
            return False
    return True
