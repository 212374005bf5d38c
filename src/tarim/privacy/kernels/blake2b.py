"""BLAKE2b (RFC 7693) of 8 bytes over the values of a column: "what is the token of each?"

The same digests as `hashlib.blake2b`, without a Python object per value and outside the interpreter's lock.  Only
additions, rotations and exclusive ors: nothing depends on a secret in time or in what is touched.

    state[8]    uint64   the hash state from which every value starts: after the parameter block, and after the key's
                         block if there is a key
    length0     int64    bytes that went into it so far (128 after a key's block, 0 without a key)
    prefix[p]   uint8    bytes hashed before each value
    data[...]   uint8    the values one after the other; value i is data[ends[i]:ends[i + 1]]
    ends[n+1]   int64
    strip       bool     drop spaces (0x20) around each value
    empty       int64    the digest of no bytes at all; a key's block is then the last one, which `state` has behind it
    out[n]      int64    the digest as a little-endian signed number, 1 in place of 0
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_R32, _L32 = np.uint64(32), np.uint64(32)
_R24, _L40 = np.uint64(24), np.uint64(40)
_R16, _L48 = np.uint64(16), np.uint64(48)
_R63, _L1 = np.uint64(63), np.uint64(1)
_IV0 = np.uint64(0x6A09E667F3BCC908)
_IV1 = np.uint64(0xBB67AE8584CAA73B)
_IV2 = np.uint64(0x3C6EF372FE94F82B)
_IV3 = np.uint64(0xA54FF53A5F1D36F1)
_IV4 = np.uint64(0x510E527FADE682D1)
_IV5 = np.uint64(0x9B05688C2B3E6C1F)
_IV6 = np.uint64(0x1F83D9ABFB41BD6B)
_IV7 = np.uint64(0x5BE0CD19137E2179)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_BLOCK = 128
_words, _numbers = types.uint64[::1], types.int64[::1]
_raw = types.Array(types.uint8, 1, "C", readonly=True)


@njit("UniTuple(u8, 4)(u8, u8, u8, u8, u8, u8)", cache=True)
def _mix(a, b, c, d, x, y):
    """The mixing function G of RFC 7693, section 3.1."""
    a = a + b + x
    d = d ^ a
    d = (d >> _R32) | (d << _L32)
    c = c + d
    b = b ^ c
    b = (b >> _R24) | (b << _L40)
    a = a + b + y
    d = d ^ a
    d = (d >> _R16) | (d << _L48)
    c = c + d
    b = b ^ c
    b = (b >> _R63) | (b << _L1)
    return a, b, c, d


@njit("void(u8[::1], u8[::1], i8, b1)", cache=True, nogil=True)
def compress(h, m, length, last):
    """Fold one block into the state h (8 words, changed in place); the compression F of section 3.2.

    m: the block as 16 words.  length: bytes hashed so far, this block included.
    """
    m0, m1, m2, m3, m4, m5, m6, m7 = m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]
    m8, m9, m10, m11, m12, m13, m14, m15 = m[8], m[9], m[10], m[11], m[12], m[13], m[14], m[15]
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11, v13, v15 = _IV0, _IV1, _IV2, _IV3, _IV5, _IV7
    v12 = _IV4 ^ np.uint64(length)
    v14 = _IV6 ^ _ALL if last else _IV6
    # round 0
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m0, m1)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m2, m3)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m4, m5)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m6, m7)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m8, m9)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m10, m11)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m12, m13)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m14, m15)
    # round 1
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m14, m10)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m4, m8)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m9, m15)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m13, m6)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m1, m12)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m0, m2)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m11, m7)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m5, m3)
    # round 2
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m11, m8)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m12, m0)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m5, m2)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m15, m13)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m10, m14)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m3, m6)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m7, m1)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m9, m4)
    # round 3
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m7, m9)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m3, m1)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m13, m12)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m11, m14)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m2, m6)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m5, m10)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m4, m0)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m15, m8)
    # round 4
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m9, m0)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m5, m7)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m2, m4)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m10, m15)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m14, m1)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m11, m12)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m6, m8)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m3, m13)
    # round 5
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m2, m12)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m6, m10)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m0, m11)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m8, m3)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m4, m13)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m7, m5)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m15, m14)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m1, m9)
    # round 6
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m12, m5)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m1, m15)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m14, m13)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m4, m10)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m0, m7)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m6, m3)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m9, m2)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m8, m11)
    # round 7
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m13, m11)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m7, m14)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m12, m1)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m3, m9)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m5, m0)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m15, m4)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m8, m6)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m2, m10)
    # round 8
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m6, m15)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m14, m9)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m11, m3)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m0, m8)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m12, m2)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m13, m7)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m1, m4)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m10, m5)
    # round 9
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m10, m2)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m8, m4)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m7, m6)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m1, m5)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m15, m11)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m9, m14)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m3, m12)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m13, m0)
    # round 10
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m0, m1)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m2, m3)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m4, m5)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m6, m7)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m8, m9)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m10, m11)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m12, m13)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m14, m15)
    # round 11
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m14, m10)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m4, m8)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m9, m15)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m13, m6)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m1, m12)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m0, m2)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m11, m7)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m5, m3)
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


_LANES = 8
_VECTOR = ir.VectorType(ir.IntType(64), _LANES)
_SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_MIXED = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)
)  # fmt: skip


@intrinsic
def _rounds(typing_context, work, block):
    """The twelve rounds on eight values at once, in vectors: word w of lane l is at 8 w + l.

    work: address of v[16 * 8], changed in place.  block: address of m[16 * 8].
    """

    def generate(context, builder, signature, arguments):
        def at(base, word):
            return builder.gep(base, [ir.Constant(ir.IntType(32), word)])

        def load(base, word):
            found = builder.load(at(base, word))
            found.align = 8
            return found

        def turned(value, by):
            right, left = (ir.Constant(_VECTOR, [ir.Constant(ir.IntType(64), n)] * _LANES) for n in (by, 64 - by))
            return builder.or_(builder.lshr(value, right), builder.shl(value, left))

        work, block = (builder.inttoptr(argument, _VECTOR.as_pointer()) for argument in arguments)
        v, m = ([load(base, word) for word in range(16)] for base in (work, block))
        for number in range(12):
            sigma = _SIGMA[number % 10]
            for place, (a, b, c, d) in enumerate(_MIXED):
                for half, (first, second) in enumerate(((32, 24), (16, 63))):
                    v[a] = builder.add(builder.add(v[a], v[b]), m[sigma[2 * place + half]])
                    v[d] = turned(builder.xor(v[d], v[a]), first)
                    v[c] = builder.add(v[c], v[d])
                    v[b] = turned(builder.xor(v[b], v[c]), second)
        for word in range(16):
            builder.store(v[word], at(work, word)).align = 8
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@njit("void(u8[::1], u8[::1], u8[::1], i8[::1], i8[::1], i8, i8[::1])", cache=True, nogil=True)
def _finish_lanes(state, work, lanes, lengths, rows, count, out):
    """Digests of the first `count` lanes, each a value's one and last block."""
    for lane in range(_LANES):
        for word in range(8):
            work[8 * word + lane] = state[word]
        work[64 + lane] = _IV0
        work[72 + lane] = _IV1
        work[80 + lane] = _IV2
        work[88 + lane] = _IV3
        work[96 + lane] = _IV4 ^ np.uint64(lengths[lane])
        work[104 + lane] = _IV5
        work[112 + lane] = _IV6 ^ _ALL
        work[120 + lane] = _IV7
    _rounds(work.ctypes.data, lanes.ctypes.data)
    for lane in range(count):
        token = np.int64(state[0] ^ work[lane] ^ work[64 + lane])
        out[rows[lane]] = token if token != 0 else 1


@njit(
    types.void(
        _words,
        types.int64,
        _raw,
        _raw,
        _numbers,
        types.boolean,
        types.int64,
        _words,
        types.uint8[::1],
        _words,
        _words,
        types.uint8[::1],
        _words,
        _numbers,
        _numbers,
        _numbers,
    ),
    cache=True,
    nogil=True,
)
def digest_values(
    state,
    length0,
    prefix,
    data,
    ends,
    strip,
    empty,
    h,
    block_bytes,
    block,
    work,
    lane_bytes,
    lanes,
    lengths,
    rows,
    out,
):
    """Fill `out` for every value.

    Values of one block go eight at a time, one in each lane of a vector; longer ones go by themselves.  Working space:
    h (8 words), block_bytes (128 bytes) and block (the same memory as 16 words); work (128 words), lane_bytes (1024
    bytes) and lanes (the same memory as 128 words), lengths and rows (8 each).  O(bytes), allocates nothing.
    """
    waiting = 0
    for i in range(out.shape[0]):
        start, end = ends[i], ends[i + 1]
        if strip:
            while start < end and data[start] == 32:
                start += 1
            while end > start and data[end - 1] == 32:
                end -= 1
        if start == end and prefix.shape[0] == 0:
            out[i] = empty
            continue
        if prefix.shape[0] + end - start <= _BLOCK:
            for word in range(16):
                lanes[8 * word + waiting] = 0
            at = 0
            for k in range(prefix.shape[0]):
                lane_bytes[64 * (at >> 3) + 8 * waiting + (at & 7)] = prefix[k]
                at += 1
            for k in range(start, end):
                lane_bytes[64 * (at >> 3) + 8 * waiting + (at & 7)] = data[k]
                at += 1
            lengths[waiting] = length0 + at
            rows[waiting] = i
            waiting += 1
            if waiting == _LANES:
                _finish_lanes(state, work, lanes, lengths, rows, waiting, out)
                waiting = 0
            continue
        for k in range(8):
            h[k] = state[k]
        length = length0
        filled = 0
        for k in range(prefix.shape[0]):
            if filled == _BLOCK:
                length += _BLOCK
                compress(h, block, length, False)
                filled = 0
            block_bytes[filled] = prefix[k]
            filled += 1
        for k in range(start, end):
            if filled == _BLOCK:
                length += _BLOCK
                compress(h, block, length, False)
                filled = 0
            block_bytes[filled] = data[k]
            filled += 1
        for k in range(filled, _BLOCK):
            block_bytes[k] = 0
        compress(h, block, length + filled, True)
        token = np.int64(h[0])
        out[i] = token if token != 0 else 1
    if waiting:
        _finish_lanes(state, work, lanes, lengths, rows, waiting, out)
