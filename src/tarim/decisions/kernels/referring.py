"""Does any event of a group refer to another one?  Most groups hold none, and looking must cost next to nothing."""

from __future__ import annotations

from numba import njit

from tarim.stream import Col, Kind

_REFERS_KEY, _KIND, _LABEL = int(Col.REFERS_KEY), int(Col.KIND), int(Kind.LABEL)


@njit("b1(i8[:,::1])", cache=True)
def refers(rows):
    """Whether a row is a label or names an event.  Shape (n, ROW_WORDS)."""
    for i in range(rows.shape[0]):
        if rows[i, _REFERS_KEY] != 0 or rows[i, _KIND] == _LABEL:
            return True
    return False
