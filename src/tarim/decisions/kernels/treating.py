"""What follows from an outcome: "is the verification strong enough for the amount, and how long does the payment wait?"

One row of `terms` for each outcome, one of `bands` and `limits` as the policy has them:

    terms      int64[6]       Word.HOLD of a hold opened by outcome o, 0 where none is
    strengths  int64[128]     kinds of factors among the methods of a bit set
    bands      int64[b, 2]    from this amount (fen, ascending), this strength
    limits     int64[l, 3]    methods (bits), largest single amount, largest sum of a day (fen); the first row whose
                              methods are all among the stated ones counts

Two tables with open addressing; a row is free while its second word is 0.  Their lengths are powers of two:

    sums       int64[t, 3]    customer, tag, sum of the day so far (fen); tag = day << 8 | methods << 1 | 1
    own        int64[u, 4]    customer, methods << 1 | 1, the customer's own largest single amount and sum of a day
    state      int64[2]       rows used in `sums`; newest day seen

A day is one of China (UTC+8), counted from the epoch.  Sums of the newest day and the one before it are kept; an event of
an earlier day is neither counted nor limited by the day.
"""

import numpy as np
from numba import njit

from tarim.stream import Col, Flag, Kind, Outcome, Result

_CUSTOMER, _KIND, _AMOUNT, _FLAGS = int(Col.CUSTOMER), int(Col.KIND), int(Col.AMOUNT_FEN), int(Col.FLAGS)
_OCCURRED, _RESULT, _METHODS = int(Col.OCCURRED_MS), int(Col.RESULT), int(Col.VERIFICATION)
_ROW_OUTCOME, _REFERS_SEQ = int(Col.OUTCOME), int(Col.REFERS_SEQ)
_SEQ, _RECEIVED = int(Col.SEQ), int(Col.RECEIVED_MS)
_TRANSFER, _WITHDRAWAL = int(Kind.TRANSFER), int(Kind.WITHDRAWAL)
_CONFIRMATION, _REVERSAL, _LABEL = int(Kind.CONFIRMATION), int(Kind.REVERSAL), int(Kind.LABEL)
_BACKFILL, _FAILED = int(Flag.BACKFILL), int(Result.FAILED)
_CHALLENGE, _SUSPEND, _BLOCK = int(Outcome.CHALLENGE), int(Outcome.SUSPEND), int(Outcome.BLOCK)
_DAY_MS, _CHINA_MS = 86_400_000, 28_800_000
_HOUR_MS, _SECOND_MS = 3_600_000, 1_000
# As decisions.domain.Word and decisions.hold_word name them (a kernel imports no domain; a test holds them together).
OUTCOME = 0
HOLD = 11
SECONDS = (1 << 32) - 1
EXPIRY_AT = 32
FAILURES_AT = 34
STRENGTH_AT = 38
SHORTFALL_AT = 40
HOURS_AT = 42
METHODS_AT = 52
COUNTED = 1 << 59
AMOUNT, SINGLE_LIMIT, DAY_LIMIT = 1, 2, 3
# What an event does to holds, as words of one row: first what it is, then what an answer says, then what it opens.
MOVE_KIND, MOVE_SEQ, MOVE_CUSTOMER, MOVE_RECEIVED_MS, MOVE_OUTCOME, MOVE_VERIFICATION = range(6)
MOVE_RESULT, MOVE_REFERS_SEQ = 6, 7
MOVE_AMOUNT_FEN, MOVE_UNTIL_MS, MOVE_EXPIRY, MOVE_ESCALATION_MS, MOVE_FAILURES, MOVE_STRENGTH = range(8, 14)
MOVE_WORDS = 14

assert (_TRANSFER, int(Kind.PAYMENT), _WITHDRAWAL) == (1, 2, 3), "what moves money away has the first three codes"


@njit("int64(int64[:, ::1], int64, int64)", cache=True, inline="always")
def _place(table, customer, tag):
    """Row of the table that holds these two words, or the free one where they belong."""
    mask = table.shape[0] - 1
    mixed = np.uint64(customer) ^ (np.uint64(tag) * np.uint64(0x9E3779B97F4A7C15))
    place = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))
    while table[place, 1] != 0 and (table[place, 0] != customer or table[place, 1] != tag):
        place = (place + 1) & mask
    return place


@njit("void(int64[:, ::1], int64[::1], int64, int64, int64, int64)", cache=True, inline="always")
def _add(sums, state, customer, methods, day, amount):
    """Count an amount; the table has room."""
    if day < state[1] - 1:
        return
    state[1] = max(state[1], day)
    tag = (day << 8) | (methods << 1) | 1
    place = _place(sums, customer, tag)
    if sums[place, 1] == 0:
        sums[place, 0] = customer
        sums[place, 1] = tag
        sums[place, 2] = 0
        state[0] += 1
    sums[place, 2] += amount


@njit("int64(int64)", cache=True, inline="always")
def _day(occurred_ms):
    return (occurred_ms + _CHINA_MS) // _DAY_MS


@njit(
    "int64(int64[:, ::1], int64[:, ::1], int64, int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], "
    "int64[:, ::1], int64[::1])",
    cache=True,
)
def treat(rows, decisions, start, terms, strengths, bands, limits, own, sums, state):
    """Raise what is verified too weakly, write Word.HOLD, and count the day's sums, from event `start` on.

    rows: shape (n, 32), their outcome is raised as well; decisions: shape (n, 12).  Gives how far it came: less than n when
    `sums` is half full and has to grow first.  O(n), allocates nothing.
    """
    for i in range(start, rows.shape[0]):
        if 2 * state[0] >= sums.shape[0]:
            return i
        outcome = decisions[i, OUTCOME]
        kind = rows[i, _KIND]
        free = rows[i, _FLAGS] & _BACKFILL != 0 or kind == _CONFIRMATION or kind == _REVERSAL or kind == _LABEL
        word = np.int64(0)
        needed = np.int64(0)
        if _TRANSFER <= kind <= _WITHDRAWAL and bands.shape[0] + limits.shape[0] > 0:
            amount = rows[i, _AMOUNT]
            stated = rows[i, _METHODS] & 127
            strength = strengths[stated]
            shortfall = np.int64(0)
            for band in range(bands.shape[0]):
                if amount >= bands[band, 0] and bands[band, 1] > strength:
                    needed = max(needed, bands[band, 1])
                    shortfall = AMOUNT
            row = -1
            for limit in range(limits.shape[0]):
                if limits[limit, 0] & ~stated == 0:
                    row = limit
                    break
            if row >= 0:
                methods = limits[row, 0]
                single, whole_day = limits[row, 1], limits[row, 2]
                place = _place(own, rows[i, _CUSTOMER], (methods << 1) | 1)
                if own[place, 1] != 0:
                    single, whole_day = min(single, own[place, 2]), min(whole_day, own[place, 3])
                day = _day(rows[i, _OCCURRED])
                spent = np.int64(0)
                if day >= state[1] - 1:
                    place = _place(sums, rows[i, _CUSTOMER], (day << 8) | (methods << 1) | 1)
                    if sums[place, 1] != 0:
                        spent = sums[place, 2]
                if amount > single or (day >= state[1] - 1 and spent + amount > whole_day):
                    needed = max(needed, min(3, strength + 1))
                    if shortfall == 0:
                        shortfall = SINGLE_LIMIT if amount > single else DAY_LIMIT
                word |= methods << METHODS_AT
                if (free or outcome != _BLOCK) and rows[i, _RESULT] != _FAILED:
                    word |= COUNTED
                    _add(sums, state, rows[i, _CUSTOMER], methods, day, amount)
            if shortfall != 0 and not free:
                outcome = max(outcome, _CHALLENGE)
                word |= shortfall << SHORTFALL_AT
        if not free and _CHALLENGE <= outcome <= _SUSPEND and terms[outcome] != 0:
            asked = (terms[outcome] >> STRENGTH_AT) & 3
            word |= terms[outcome] & ~(np.int64(3) << STRENGTH_AT)
            word |= max(asked, needed) << STRENGTH_AT
        decisions[i, OUTCOME] = outcome
        decisions[i, HOLD] = word
        rows[i, _ROW_OUTCOME] = outcome
    return rows.shape[0]


@njit("int64(int64[:, ::1], int64[:, ::1], int64, int64[:, ::1], int64[::1])", cache=True)
def count(rows, decisions, start, sums, state):
    """Count the day's sums as recorded decisions say, from event `start` on; gives how far it came, as `treat` does."""
    for i in range(start, rows.shape[0]):
        if 2 * state[0] >= sums.shape[0]:
            return i
        word = decisions[i, HOLD]
        if word & COUNTED != 0:
            methods = (word >> METHODS_AT) & 127
            _add(sums, state, rows[i, _CUSTOMER], methods, _day(rows[i, _OCCURRED]), rows[i, _AMOUNT])
    return rows.shape[0]


@njit("int64(int64[:, ::1], int64[:, ::1], int64)", cache=True)
def refill(old, new, oldest_day):
    """Take over the rows of `old` whose day is `oldest_day` or later into the empty table `new`; how many."""
    used = 0
    for place in range(old.shape[0]):
        if old[place, 1] != 0 and old[place, 1] >> 8 >= oldest_day:
            at = _place(new, old[place, 0], old[place, 1])
            for word in range(3):
                new[at, word] = old[place, word]
            used += 1
    return used


@njit("void(int64[:, ::1], int64, int64, int64, int64)", cache=True)
def set_own(own, customer, methods, single, whole_day):
    """Set a customer's own limits; the table has room."""
    tag = (methods << 1) | 1
    place = _place(own, customer, tag)
    own[place, 0] = customer
    own[place, 1] = tag
    own[place, 2] = single
    own[place, 3] = whole_day


@njit("int64(int64[:, ::1], int64[:, ::1], int64[:, ::1])", cache=True)
def concerning_holds(rows, decisions, found):
    """Write a row of words (MOVE_*) for each event that opens a hold or answers one; how many.

    found: shape (n or more, MOVE_WORDS).  An answer is a confirmation or reversal that refers to an accepted event.
    """
    count = 0
    for i in range(rows.shape[0]):
        kind = rows[i, _KIND]
        word = decisions[i, HOLD]
        answers = kind == _CONFIRMATION or kind == _REVERSAL
        if answers:
            if rows[i, _REFERS_SEQ] < 0:
                continue
        elif word & SECONDS == 0:
            continue
        move = found[count]
        count += 1
        received_ms = rows[i, _RECEIVED]
        move[MOVE_KIND] = kind
        move[MOVE_SEQ] = rows[i, _SEQ]
        move[MOVE_CUSTOMER] = rows[i, _CUSTOMER]
        move[MOVE_RECEIVED_MS] = received_ms
        move[MOVE_OUTCOME] = rows[i, _ROW_OUTCOME]
        move[MOVE_VERIFICATION] = rows[i, _METHODS]
        move[MOVE_RESULT] = rows[i, _RESULT]
        move[MOVE_REFERS_SEQ] = rows[i, _REFERS_SEQ]
        move[MOVE_AMOUNT_FEN] = rows[i, _AMOUNT]
        move[MOVE_UNTIL_MS] = received_ms + _SECOND_MS * (word & SECONDS)
        move[MOVE_EXPIRY] = (word >> EXPIRY_AT) & 3
        move[MOVE_FAILURES] = (word >> FAILURES_AT) & 15
        move[MOVE_STRENGTH] = (word >> STRENGTH_AT) & 3
        move[MOVE_ESCALATION_MS] = _HOUR_MS * ((word >> HOURS_AT) & 1_023)
    return count
