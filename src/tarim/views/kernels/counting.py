"""How many decisions fell into each minute and second, by outcome and by scenario?

State; the caller owns the arrays, the kernel updates them in place:

    minute_of_slot  int64[M]      which minute since the epoch a slot holds, -1 before the first; minute m lies in slot m % M
    counts          int64[M, 6 + S]   decisions of that minute: by outcome, then by scenario
    second_of_slot  int64[N]      the same for seconds
    seconds         int64[N, 2]   decisions of that second, and how many of them were blocked

scenario_of_rule  int64[256]   the scenario that rule k of the ruleset belongs to, 0 ... S - 1
masks             uint64[n]    written whole: bit s says that a rule of scenario s took effect

An event counts when it was received, for each scenario once; one that was brought in more than BROUGHT_IN_MS after it occurred
(a file of history) counts when it occurred, or a bank's past would stand in one minute.  Labels are no decisions and count
nowhere.  An event older than what its slot holds by now counts nowhere either; its mask is set all the same.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream import Col, Kind

OUTCOMES = 6
BROUGHT_IN_MS = 3_600_000
HIT_WORDS = 4
_KIND = int(Col.KIND)
_RECEIVED, _OCCURRED = int(Col.RECEIVED_MS), int(Col.OCCURRED_MS)
_LABEL = int(Kind.LABEL)
_BLOCK = 5
_EFFECTIVE = 7
_ONE = np.uint64(1)
_MINUTE_MS = 60_000
_SECOND_MS = 1_000


@njit("b1(i8[::1], i8[:, ::1], i8, i8)", cache=True, inline="always")
def _turn_to(unit_of_slot, counts, slot, unit):
    """Whether a slot holds this unit of time, after it was cleared if it held an older one."""
    if unit_of_slot[slot] < unit:
        unit_of_slot[slot] = unit
        counts[slot, :] = 0
    return unit_of_slot[slot] == unit


@njit(
    "void(i8[:, ::1], i8[:, ::1], i8[::1], i8[::1], i8[:, ::1], i8[::1], i8[:, ::1], u8[::1])",
    cache=True,
)
def count(rows, decisions, scenario_of_rule, minute_of_slot, counts, second_of_slot, seconds, masks):
    """Count one batch of decided events, shapes (n, 32) and (n, 12).  O(n + rules that took effect)."""
    scenarios = counts.shape[1] - OUTCOMES
    for i in range(rows.shape[0]):
        masks[i] = 0
        if rows[i, _KIND] == _LABEL:
            continue
        mask = np.uint64(0)
        for w in range(HIT_WORDS):
            left = np.uint64(decisions[i, _EFFECTIVE + w])
            bit = 0
            while left:
                if left & _ONE:
                    mask |= _ONE << np.uint64(scenario_of_rule[64 * w + bit])
                left >>= _ONE
                bit += 1
        masks[i] = mask
        outcome = decisions[i, 0]
        at = rows[i, _RECEIVED]
        if at - rows[i, _OCCURRED] > BROUGHT_IN_MS:
            at = rows[i, _OCCURRED]
        minute = at // _MINUTE_MS
        slot = minute % minute_of_slot.shape[0]
        if _turn_to(minute_of_slot, counts, slot, minute):
            counts[slot, outcome] += 1
            for s in range(scenarios):
                if mask & (_ONE << np.uint64(s)):
                    counts[slot, OUTCOMES + s] += 1
        second = at // _SECOND_MS
        slot = second % second_of_slot.shape[0]
        if _turn_to(second_of_slot, seconds, slot, second):
            seconds[slot, 0] += 1
            seconds[slot, 1] += outcome == _BLOCK
