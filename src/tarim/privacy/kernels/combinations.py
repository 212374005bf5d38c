"""Which (customer, field, token) combinations are new?  A table with one slot for each hash, newer over older.

    table[2**k]    uint64   combination by the upper bits of itself, 0 = empty
    claims[2**k]   int32    place in `found` of the combination that asked for the slot last; what is out of date is
                            recognised by looking there
    found[8 n]     uint64   combinations that are new, in the order of the events

Tokens are random already; naming a combination only spreads them.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_BY_CUSTOMER = np.uint64(0x9E3779B97F4A7C15)
_BY_TOKEN = np.uint64(0xC2B2AE3D27D4EB4F)
_BY_FIELD = np.uint64(0x165667B19E3779F9)
_SPREAD = np.uint64(29)

_tokens = types.Array(types.int64, 2, "A", readonly=True)
_bits = types.Array(types.int64, 1, "C", readonly=True)


@njit("u8(i8, i8, i8)", cache=True, inline="always")
def _name(customer, bit, token):
    """The 64-bit name of one combination, never 0."""
    mixed = np.uint64(customer) * _BY_CUSTOMER + np.uint64(token) * _BY_TOKEN + np.uint64(bit + 1) * _BY_FIELD
    mixed ^= mixed >> _SPREAD
    return mixed if mixed != 0 else np.uint64(1)


@njit("b1(u8[::1], i4[::1], i8, u8, u8[::1], i8)", cache=True, inline="always")
def _is_new(table, claims, shift, name, found, count):
    """Whether `name` is neither in the table nor among the `count` found; if it is new it is found now."""
    slot = np.int64(name >> np.uint64(shift))
    if table[slot] == name:
        return False
    claim = claims[slot]
    if claim < count and found[claim] == name:
        return False
    found[count] = name
    claims[slot] = count
    return True


@njit(
    types.int64(
        types.uint64[::1],
        types.int32[::1],
        types.int64,
        _tokens,
        _tokens,
        _bits,
        _bits,
        types.int64,
        types.int64[::1],
        types.uint64[::1],
    ),
    cache=True,
    nogil=True,
)
def unsealed(table, claims, shift, tokens, texts, token_bits, text_bits, payee_at, need, found):
    """Set in need[i] the bits of the new combinations of event i; returns how many are in `found`.

    tokens[n, t]: column 0 is the customer.  texts[n, 2]: hashes; a text is combined with the payee tokens[i, payee_at], and
    brings that one's bit along.
    """
    count = 0
    for i in range(tokens.shape[0]):
        customer, payee = tokens[i, 0], tokens[i, payee_at]
        for k in range(tokens.shape[1]):
            token = tokens[i, k]
            if token == 0:
                continue
            if _is_new(table, claims, shift, _name(customer, token_bits[k], token), found, count):
                count += 1
                need[i] |= 1 << token_bits[k]
        for k in range(texts.shape[1]):
            if texts[i, k] == 0:
                continue
            if _is_new(table, claims, shift, _name(customer, text_bits[k], texts[i, k] + payee), found, count):
                count += 1
                need[i] |= 1 << text_bits[k]
                if payee != 0:
                    need[i] |= 1 << token_bits[payee_at]
    return count
