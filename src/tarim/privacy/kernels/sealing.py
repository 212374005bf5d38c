"""AES-256-GCM over many short texts, each under its own key: OpenSSL's cipher in a compiled loop.

The cipher is OpenSSL's EVP interface; `calls` holds the addresses of its functions, which take and return C integers and
addresses only:

    calls[0] EVP_EncryptInit_ex   calls[1] EVP_EncryptUpdate   calls[2] EVP_EncryptFinal_ex   calls[3] EVP_CIPHER_CTX_ctrl

All memory is the caller's:

    keys[n, 32], nonces[n, 12], aads[n, AAD_BYTES]   uint8
    plain[...], ends[n + 1]                          uint8, int64: text i is plain[ends[i]:ends[i + 1]]
    out[...]                                         uint8: for each text the last HEAD_BYTES of its additional data, its
                                                     nonce, as many bytes as the text has, and the tag
    written[1]                                       int64: OpenSSL's own count
"""

from __future__ import annotations

from typing import Final

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
AAD_BYTES: Final = 17
HEAD_BYTES: Final = 9
_GET_TAG: Final = 0x10
"""EVP_CTRL_AEAD_GET_TAG."""

_raw = types.Array(types.uint8, 2, "C", readonly=True)
_text = types.Array(types.uint8, 1, "C", readonly=True)


@intrinsic
def _call(typing_context, function, a, b, c, d, e):
    """Call a C function by its address with up to five integers or addresses; what is too many is not looked at."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(64)] * 5)
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return types.int32(*[types.int64] * 6), generate


@njit(
    types.int64(
        types.int64[::1],
        types.int64,
        types.int64,
        _raw,
        _raw,
        _raw,
        _text,
        types.int64[::1],
        types.uint8[::1],
        types.int64[::1],
    ),
    cache=True,
    nogil=True,
)
def seal(calls, context, cipher, keys, nonces, aads, plain, ends, out, written):
    """Fill `out`; returns how many texts were sealed, fewer than n when OpenSSL refused."""
    init, update, final, control = calls[0], calls[1], calls[2], calls[3]
    count = written.ctypes.data
    plain_at, out_at = plain.ctypes.data, out.ctypes.data
    keys_at, nonces_at, aads_at = keys.ctypes.data, nonces.ctypes.data, aads.ctypes.data
    if _call(init, context, cipher, 0, 0, 0) != 1:
        return 0
    at = 0
    for i in range(keys.shape[0]):
        length = ends[i + 1] - ends[i]
        for k in range(HEAD_BYTES):
            out[at + k] = aads[i, AAD_BYTES - HEAD_BYTES + k]
        at += HEAD_BYTES
        for k in range(NONCE_BYTES):
            out[at + k] = nonces[i, k]
        at += NONCE_BYTES
        if _call(init, context, 0, 0, keys_at + KEY_BYTES * i, nonces_at + NONCE_BYTES * i) != 1:
            return i
        if _call(update, context, 0, count, aads_at + AAD_BYTES * i, AAD_BYTES) != 1:
            return i
        if _call(update, context, out_at + at, count, plain_at + ends[i], length) != 1:
            return i
        at += length
        if _call(final, context, out_at + at, count, 0, 0) != 1:
            return i
        if _call(control, context, _GET_TAG, TAG_BYTES, out_at + at, 0) != 1:
            return i
        at += TAG_BYTES
    return keys.shape[0]
