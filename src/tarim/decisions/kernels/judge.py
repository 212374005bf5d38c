"""A whole judgement in one call: "what does everything that is in force say of these events?"

Rules and models are called by their address (`tarim.base.kernels.bound`): others take their place between two events, and
nothing is compiled for it.  The table, by `table_of`:

    width          int64          how many features there are
    champion       BOUND          kernel of the model's score, address 0 without one
    evaluate       int64          address of the ruleset's kernel
    challengers    int64          how many there are; with some, `line_up` says by whom events are scored
    steered        int64          0 when every rule has effect for everybody, else `effects` says which have
    line_up        int64[::1]     a table: scorers int64[m, 3] (the words of BOUND, champion first), shares int64[m],
                                  salts uint64[m], scores_of float64[m, chunk], judged uint8[chunk], beside float32[chunk, m]
    left_to_rules  int64          0 when every model is asked about every event, else `left` says about which it is not
    left           uint8[m, 4, 100]      by model what it is not asked about, as `kernels.routing` has it, champion first
    effects        int64[::1]     a table: live, shares, salts, customers, until_ms, masks as `kernels.effect` has them
    scores         float64[chunk]         scratch, NaN where nothing scores
    judges         uint8[chunk]           scratch, 0 where nobody challenges
    members        uint64[chunk, 4]       what the lists say
    hits, settled  uint64[chunk, 4]       scratch
    rule_masks, band_starts, band_outcomes   as `kernels.decide` has them
"""

from numba import njit, types

from tarim.base.kernels.bound import BOUND, call, call_bound, unpacked
from tarim.decisions.kernels.decide import combine, hide_history
from tarim.decisions.kernels.effect import settle
from tarim.decisions.kernels.routing import tell_unasked, withhold
from tarim.decisions.kernels.split import split
from tarim.stream import ROW_WORDS

DECISION_WORDS = 12

_F8, _F4, _I8, _U8, _U1 = types.float64, types.float32, types.int64, types.uint64, types.uint8
_JUDGE = unpacked(
    _I8, BOUND, _I8, _I8, _I8, _I8, _I8[::1], _I8[::1], _U1[:, :, ::1], _F8[::1], _U1[::1], _U8[:, ::1], _U8[:, ::1],
    _U8[:, ::1], _U8[:, ::1], _F8[::1], _I8[::1],
)  # fmt: skip
_LINE_UP = unpacked(_I8[:, ::1], _I8[::1], _U8[::1], _F8[:, ::1], _U1[::1], _F4[:, ::1])
_EFFECTS = unpacked(_U8[::1], _I8[::1], _U8[::1], _I8[::1], _I8[::1], _U8[:, ::1])


@njit("void(int64[::1], int64[:, ::1], float64[:, ::1], int64, uint8[:, :, ::1], float64[::1], uint8[::1])", cache=True)
def score_by_all(line_up, rows, features, left_to_rules, left, scores, judges):
    """What every model of the line-up says of what it is asked about, and for each event the score that counts, and whose."""
    scorers, shares, salts, scores_of, judged, beside = _LINE_UP(line_up)
    count = rows.shape[0]
    for j in range(scorers.shape[0]):
        if scorers[j, 0] != 0:
            call_bound((scorers[j, 0], scorers[j, 1], scorers[j, 2]), (features, scores_of[j][:count]))
            if left_to_rules != 0:
                withhold(rows, left[j], scores_of[j][:count])
    split(rows, scores_of, shares, salts, scores, judged[:count], beside[:count])
    judges[:] = judged[:count]


@njit("boolean(int64[::1], int64[:, ::1], float64[:, ::1], int64[:, ::1])", cache=True)
def judge(table, rows, features, decisions):
    """Write one decision an event, and each row's outcome; features that may not be used become missing.

    rows (n, 32), features (n, width), decisions (n, 12); n at most the chunk that the table has room for.  False, with nothing
    done, for arrays of other shapes: asking here costs a hundredth of what asking in Python does.
    """
    (
        width, champion, evaluate, challengers, steered, left_to_rules, line_up, effects, left, all_scores, all_judges,
        all_members, all_hits, all_settled, rule_masks, band_starts, band_outcomes,
    ) = _JUDGE(table)  # fmt: skip
    count = rows.shape[0]
    if count > all_scores.shape[0] or features.shape != (count, width) or rows.shape[1] != ROW_WORDS:
        return False
    if decisions.shape != (count, DECISION_WORDS):
        return False
    scores, judges, members, hits = all_scores[:count], all_judges[:count], all_members[:count], all_hits[:count]
    effective = hits
    hide_history(rows, features)
    if challengers != 0:
        score_by_all(line_up, rows, features, left_to_rules, left, scores, judges)
    elif champion[0] != 0:
        call_bound(champion, (features, scores))
        if left_to_rules != 0:
            withhold(rows, left[0], scores)
    call(evaluate, (rows, features, scores, members, hits))
    if steered != 0:
        live, shares, salts, customers, until_ms, masks = _EFFECTS(effects)
        effective = all_settled[:count]
        settle(rows, hits, live, shares, salts, customers, until_ms, masks, effective)
    combine(hits, effective, scores, rule_masks, band_starts, band_outcomes, rows, decisions)
    if left_to_rules != 0:
        tell_unasked(rows, left, judges, decisions)
    return True
