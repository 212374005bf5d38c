"""How many decisions was an identifier part of, and which was the newest?

State, an open table of slots; the caller owns the arrays, the kernel updates them in place:

    tokens  int64[slots]   the identifier's token, 0 = free; slots is a power of two
    counts  int64[slots]   decisions it was part of
    newest  int64[slots]   position of the newest of them
    kept    int64[2]       tokens in the table; decisions of tokens there was no more room for

Tokens are keyed hashes and stand where they say; the next slot when that is taken.  The table fills up to three quarters.
An event counts once for each different token, labels not at all.
"""

from __future__ import annotations

from numba import njit

from tarim.stream import Col, Kind

_SEQ = int(Col.SEQ)
_KIND = int(Col.KIND)
_LABEL = int(Kind.LABEL)
_FIRST = int(Col.CUSTOMER)
_PAYEE = int(Col.PAYEE)
_ACCOUNT = int(Col.ACCOUNT)
_LAST = int(Col.MERCHANT)
assert [Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT] == list(range(_FIRST, _LAST + 1))


@njit("i8(i8[::1], i8)", cache=True, inline="always")
def place_of(tokens, token):
    """The slot of a token, or the free one where it would stand."""
    mask = tokens.shape[0] - 1
    slot = token & mask
    while tokens[slot] != 0 and tokens[slot] != token:
        slot = (slot + 1) & mask
    return slot


@njit("void(i8[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1])", cache=True)
def tally(rows, tokens, counts, newest, kept):
    """Take in one batch of events, shape (n, 32).  O(n), allocates nothing."""
    room = tokens.shape[0] // 4 * 3
    for i in range(rows.shape[0]):
        if rows[i, _KIND] == _LABEL:
            continue
        for column in range(_FIRST, _LAST + 1):
            token = rows[i, column]
            if token == 0 or (column == _PAYEE and token == rows[i, _ACCOUNT]):
                continue
            slot = place_of(tokens, token)
            if tokens[slot] == 0:
                if kept[0] >= room:
                    kept[1] += 1
                    continue
                tokens[slot] = token
                kept[0] += 1
            counts[slot] += 1
            newest[slot] = rows[i, _SEQ]
