"""SEAL's objects and their bytes: through memory alone, checked when they come from the other party.

SEAL reads and writes files; here a file is a piece of memory (memfd), so nothing touches a disk.  Bytes that it writes are
compressed; what this module writes for it (plaintexts, floods) is the same format with the mark for no compression: a head of
16 bytes, then little-endian fields.  What the other party gets comes from `public_bytes`, which takes no secret key.
Source: SEAL 4.1 and later, `Serialization::SEALHeader`, `Plaintext::save_members`, `Ciphertext::save_members`.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from typing import Any, Final

import numpy as np

from tarim.federation.encryption.parameters import DEGREE, PLAIN_BITS, PRIME_BITS
from tarim.federation.errors import ProtocolBroken
from tarim.federation.randomness import Words

CIPHERTEXT_BYTES_MAX: Final = 256 << 10
KEY_BYTES_MAX: Final = 640 << 10
_HEAD: Final = struct.Struct("<HBBBBHQ")
_MAGIC: Final = 0xA15E
_PARMS_BYTES: Final = 32
_CIPHERTEXT_HEAD: Final = struct.Struct("<?QQQdQ")
"""After the name of the parameters: whether in NTT form, polynomials, degree, primes, scale, correction."""
_PLAINTEXT_HEAD: Final = struct.Struct("<Qd")
"""After the name of the parameters: coefficients, scale."""
_ARRAY_HEAD_BYTES: Final = _HEAD.size + 8
_ZSTD: Final = 2


@lru_cache(maxsize=1)
def seal() -> Any:
    """SEAL's names; loaded when first needed, about 0.2 s."""
    import tenseal.sealapi as found

    return found


@lru_cache(maxsize=1)
def context() -> Any:
    """The one set of parameters; SEAL itself refuses one below 128 bits."""
    names = seal()
    parameters = names.EncryptionParameters(names.SCHEME_TYPE.BFV)
    parameters.set_poly_modulus_degree(DEGREE)
    parameters.set_coeff_modulus(names.CoeffModulus.Create(DEGREE, list(PRIME_BITS)))
    parameters.set_plain_modulus(1 << PLAIN_BITS)
    made = names.SEALContext(parameters, True, names.SEC_LEVEL_TYPE.TC128)
    assert made.parameters_set(), made.parameters_error_message()
    return made


@lru_cache(maxsize=1)
def primes() -> tuple[int, ...]:
    """The primes that ciphertexts live under."""
    return tuple(each.value() for each in context().first_context_data().parms().coeff_modulus())


def public_bytes(thing: Any) -> bytes:
    """A public key or ciphertext, as the other party takes it."""
    names = seal()
    assert isinstance(thing, (names.PublicKey, names.Ciphertext)) or type(thing).__name__ == "SerializableCiphertext"
    return _saved(thing)


def public_key(content: bytes) -> Any:
    """A public key of the other party.  Raises ProtocolBroken."""
    return _received(seal().PublicKey(), content, KEY_BYTES_MAX, "public key")


def ciphertext(content: bytes) -> Any:
    """A fresh ciphertext of the other party.  Raises ProtocolBroken."""
    found = _received(seal().Ciphertext(context()), content, CIPHERTEXT_BYTES_MAX, "ciphertext")
    if found.size() != 2 or found.is_ntt_form() or found.parms_id() != context().first_parms_id():
        raise ProtocolBroken("a ciphertext of another shape came than the protocol sends")
    return found


def plaintext(coefficients: Words) -> Any:
    """A polynomial (DEGREE,), lowest coefficient first, each below 2^PLAIN_BITS."""
    head = bytes(_PARMS_BYTES) + _PLAINTEXT_HEAD.pack(len(coefficients), 1.0)
    return _loaded(seal().Plaintext(), head + _array(coefficients))


def reply_of(polynomials: Words) -> Any:
    """A ciphertext under the first prime alone, from its two polynomials (2, DEGREE).  Raises ProtocolBroken."""
    try:
        return _ciphertext_of(polynomials.reshape(2, 1, DEGREE), context().last_parms_id())
    except (RuntimeError, ValueError):
        raise ProtocolBroken("a reply holds numbers that no ciphertext has") from None


def noise_of(polynomial: Words) -> Any:
    """What is added to the first polynomial of a ciphertext, (primes, DEGREE), each below its prime."""
    both = np.stack([polynomial, np.zeros_like(polynomial)])
    return _ciphertext_of(both, context().first_parms_id())


def coefficients(thing: Any) -> Words:
    """All coefficients of a plaintext, or of both polynomials of a ciphertext, one after the other."""
    count, head = thing.dyn_array().size(), _ARRAY_HEAD_BYTES + _PARMS_BYTES
    head += _CIPHERTEXT_HEAD.size if isinstance(thing, seal().Ciphertext) else _PLAINTEXT_HEAD.size
    content = _saved(thing)
    found = np.frombuffer(_decompressed(content, head + 8 * count), np.uint64, count, head)
    assert count == 0 or found[0] == thing.dyn_array().at(0)
    return found


def _saved(thing: Any) -> bytes:
    descriptor = os.memfd_create("public", os.MFD_CLOEXEC)
    try:
        thing.save(_path(descriptor))
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)


def _decompressed(content: bytes, size: int) -> bytes:
    """What follows the head of bytes that SEAL wrote just now: so many bytes."""
    import pyarrow as pa

    *_, mode, _reserved, _size = _HEAD.unpack_from(content)
    assert mode == _ZSTD, "SEAL was built without zstd"
    found: bytes = pa.Codec("zstd").decompress(content[_HEAD.size :], decompressed_size=size, asbytes=True)
    return found


def _ciphertext_of(polynomials: Words, name: list[int]) -> Any:
    count, modulus_size, degree = polynomials.shape
    head = struct.pack("<4Q", *name) + _CIPHERTEXT_HEAD.pack(False, count, degree, modulus_size, 1.0, 1)
    return _loaded(seal().Ciphertext(context()), head + _array(polynomials))


def _array(words: Words) -> bytes:
    content = struct.pack("<Q", words.size) + np.ascontiguousarray(words).tobytes()
    return _headed(content)


def _headed(content: bytes) -> bytes:
    return _HEAD.pack(_MAGIC, _HEAD.size, *_version(), 0, 0, _HEAD.size + len(content)) + content


@lru_cache(maxsize=1)
def _version() -> tuple[int, int]:
    head = seal().Serialization.SEALHeader()
    return head.version_major, head.version_minor


def _loaded(thing: Any, content: bytes) -> Any:
    return _read(thing, _headed(content))


def _received(thing: Any, content: bytes, size_max: int, what: str) -> Any:
    if len(content) > size_max:
        raise ProtocolBroken(f"a {what} of {len(content)} bytes came; at most {size_max} are taken")
    try:
        return _read(thing, content)
    except (RuntimeError, ValueError, IndexError):
        raise ProtocolBroken(f"a {what} came that is cut short, damaged or of other parameters") from None


def _read(thing: Any, content: bytes) -> Any:
    descriptor = os.memfd_create("public", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        thing.load(context(), _path(descriptor))
    finally:
        os.close(descriptor)
    return thing


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"
