"""What an answer to a challenge amounts to: every way to be right, and every way to be wrong."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from tarim.base.errors import Conflict, DefinitionError, FieldError
from tarim.contact.domain.challenge import (
    CODE_LASTS_MS,
    CODES_MAX,
    TRANSITIONS,
    Challenge,
    ChallengeState,
    Happening,
    IllegalTransition,
    next_state,
)
from tarim.contact.domain.codes import CODE_DIGITS, CodeTerms
from tarim.contact.domain.judging import CAUSES, Answer, Cause, Judged, Outcome, Truth, judge, require_code
from tarim.contact.domain.methods import OWN_PURPOSE, bits, names
from tarim.contact.domain.shown import Shown

KEY = bytes(range(32))
SHOWN = Shown("6222000000001111", "6222000000002222", "张三", 8_000_00, "CNY")
DEVICE = 42
FACE_PURPOSE = OWN_PURPOSE["face"]


def challenge(**changes: object) -> Challenge:
    made = Challenge(
        id="c" * 32, nonce="n" * 32, seq=4, source="mobile-bank", event_id="P-1", opened_ms=0, until_ms=900_000, needed=2,
        shown=bits(["password"]), offered=("sms_code", "face", "password"), device=DEVICE, attempts_left=3,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def truth(of: Challenge, *names_of_payee: str) -> Truth:
    shown = [
        Shown(SHOWN.account, SHOWN.payee_account, each, SHOWN.amount_fen, "CNY") for each in names_of_payee or ("张三",)
    ]
    bound = Shown(SHOWN.account, SHOWN.payee_account, "", SHOWN.amount_fen, "CNY")
    return Truth([each.digest(of.id, of.nonce) for each in shown], bound.digest(of.id, of.nonce), KEY)


def judged(of: Challenge, answer: Answer, at_ms: int = 1_000) -> Judged:
    return judge(of, answer, truth(of), at_ms)


def face(of: Challenge, shown: Shown = SHOWN, **more: object) -> Answer:
    return Answer(Outcome.PASSED, "face", shown.digest(of.id, of.nonce), purpose=FACE_PURPOSE, **more)  # type: ignore[arg-type]


def code(of: Challenge, given: str | None = None, device: int = DEVICE) -> Answer:
    right = of.code_terms(truth(of).bound).code(KEY)
    return Answer(Outcome.PASSED, "sms_code", SHOWN.digest(of.id, of.nonce), device, right if given is None else given)


def test_every_pair_of_state_and_happening() -> None:
    """What is in the table leads where it says, everything else is refused."""
    for state, happening in product(ChallengeState, Happening):
        if (state, happening) in TRANSITIONS:
            assert next_state(state, happening) is TRANSITIONS[state, happening]
        else:
            with pytest.raises(IllegalTransition):
                next_state(state, happening)
    assert {state for state, _ in TRANSITIONS} == {ChallengeState.OPEN}


def test_a_second_kind_of_factor_confirms() -> None:
    of = challenge()
    found = judged(of, face(of))
    assert found == Judged(Happening.CONFIRMED, "face")
    after = of.after(found.happening, "face", 1_000)
    assert (after.state, after.missing, names(after.passed)) == (ChallengeState.PASSED, 0, ("face",))


def test_the_same_kind_of_factor_again_is_not_enough() -> None:
    """Two passwords are one kind: the challenge goes on."""
    of = challenge()
    answer = Answer(Outcome.PASSED, "password", SHOWN.digest(of.id, of.nonce))
    assert judged(of, answer).happening is Happening.METHOD_PASSED
    after = of.after(Happening.METHOD_PASSED, "password", 1_000)
    assert (after.state, after.missing) == (ChallengeState.OPEN, 1)
    with pytest.raises(Conflict):
        judged(after, answer)


@pytest.mark.parametrize(
    "changed",
    [
        {"payee_account": "6222000000003333"},
        {"account": "6222000000003333"},
        {"amount_fen": 8_000_01},
        {"payee_name": "李四"},
        {"currency": "USD"},
    ],
)
def test_what_was_shown_has_to_be_what_was_ordered(changed: dict[str, object]) -> None:
    """RM-18: one changed value, and the confirmation does not count."""
    of = challenge()
    values = {
        name: getattr(SHOWN, name) for name in ("account", "payee_account", "payee_name", "amount_fen", "currency")
    }
    found = judged(of, face(of, Shown(**{**values, **changed})))
    assert (found.happening, found.cause) == (Happening.METHOD_FAILED, Cause.OTHER_DIGEST)


def test_a_digest_of_another_challenge_does_not_count() -> None:
    of = challenge()
    other = challenge(nonce="m" * 32)
    assert judged(of, face(other)).cause is Cause.OTHER_DIGEST


def test_any_name_the_payee_may_have_had_counts() -> None:
    """A name that was sealed before is one of several; the account is always the payment's own."""
    of = challenge()
    assert judge(of, face(of), truth(of, "", "李四", "张三"), 1).happening is Happening.CONFIRMED
    assert judge(of, face(of), truth(of, "", "李四"), 1).cause is Cause.OTHER_DIGEST


def test_shown_values_cannot_be_read_in_two_ways() -> None:
    with pytest.raises(DefinitionError):
        Shown("1\npayee_account:2", "", "", 1, "CNY").digest("c", "n")
    assert "6222" not in repr(SHOWN)


def test_the_last_attempt_ends_it() -> None:
    of = challenge()
    for left in (3, 2):
        found = judged(of, Answer(Outcome.FAILED, "face"))
        assert (found.happening, of.attempts_left) == (Happening.METHOD_FAILED, left)
        of = of.after(found.happening, "face", 1_000)
    found = judged(of, Answer(Outcome.FAILED, "face"))
    assert found.happening is Happening.USED_UP
    assert of.after(found.happening, "face", 1_000).state is ChallengeState.FAILED


def test_a_refused_method_leaves_the_others() -> None:
    """RM-31: the customer may say no to a method with kept images, and only that verification falls away."""
    of = challenge()
    found = judged(of, Answer(Outcome.REFUSED, "face"))
    after = of.after(found.happening, "face", 1_000)
    assert (after.state, after.attempts_left, after.methods_left) == (ChallengeState.OPEN, 3, ("sms_code", "password"))
    assert after.is_passable
    assert not after.after(Happening.METHOD_REFUSED, "sms_code", 1_000).is_passable  # passwords alone are one kind
    with pytest.raises(Conflict):
        judged(after, face(after))
    after = after.after_code(1_000, on_device=False)
    assert judged(after, code(after)).happening is Happening.CONFIRMED


def test_images_are_compared_for_a_purpose_the_customer_was_told() -> None:
    of = challenge()
    for method, purpose in (("face", ""), ("face", "marketing"), ("password", FACE_PURPOSE)):
        with pytest.raises(FieldError):
            judged(of, Answer(Outcome.PASSED, method, SHOWN.digest(of.id, of.nonce), purpose=purpose))


def test_a_denial_needs_nothing_else() -> None:
    of = challenge()
    assert judged(of, Answer(Outcome.DENIED)).happening is Happening.DENIED


def test_late_closed_or_not_offered_is_no_attempt() -> None:
    of = challenge()
    with pytest.raises(IllegalTransition):
        judged(of, face(of), at_ms=of.until_ms)
    with pytest.raises(IllegalTransition):
        judged(of.after(Happening.HOLD_ENDED, "", 1), face(of))
    with pytest.raises(Conflict):
        judged(of, Answer(Outcome.PASSED, "token", SHOWN.digest(of.id, of.nonce)))


# ---- one-time codes (RM-21, TS-05) --------------------------------------------------------------------------------------


def test_a_right_code_counts_once() -> None:
    of = challenge(needed=3).after_code(1_000, on_device=False)
    found = judged(of, code(of))
    assert (found.happening, found.spends_code) == (Happening.METHOD_PASSED, True)
    spent = msgspec.structs.replace(of, code_spent=True)
    assert judged(spent, code(spent)).cause is Cause.CODE_USED


def test_a_code_expires() -> None:
    of = challenge().after_code(1_000, on_device=False)
    assert judged(of, code(of), at_ms=1_000 + CODE_LASTS_MS - 1).happening is Happening.CONFIRMED
    assert judged(of, code(of), at_ms=1_000 + CODE_LASTS_MS).cause is Cause.CODE_EXPIRED


def test_no_code_was_sent() -> None:
    of = challenge()
    assert judged(of, code(of)).cause is Cause.NO_CODE


def test_a_code_is_worth_nothing_on_another_device_or_after_a_newer_one() -> None:
    of = challenge().after_code(1_000, on_device=False)
    assert judged(of, code(of, device=43)).cause is Cause.WRONG_CODE
    newer = of.after_code(2_000, on_device=False)
    old = of.code_terms(truth(of).bound).code(KEY)
    assert judged(newer, code(newer, old)).cause is Cause.WRONG_CODE
    assert judged(newer, code(newer)).happening is Happening.CONFIRMED


def test_a_code_that_arrives_on_the_ordering_device_is_no_further_factor() -> None:
    """TS-02, TS-05: it is right and spent, and adds nothing; another method is needed."""
    of = challenge().after_code(1_000, on_device=True)
    found = judged(of, code(of))
    assert found == Judged(Happening.METHOD_PASSED, "sms_code", Cause.SAME_DEVICE, spends_code=True)
    after = of.after(found.happening, found.method, 1_000, spends_code=True)
    assert (after.passed, after.missing, after.code_spent) == (0, 1, True)
    assert judged(after, face(after)).happening is Happening.CONFIRMED


def test_codes_are_limited_in_number_and_to_the_ordering_device() -> None:
    of = challenge()
    with pytest.raises(Conflict):
        require_code(of, 43, 1_000)
    for _ in range(CODES_MAX):
        require_code(of, DEVICE, 1_000)
        of = of.after_code(1_000, on_device=False)
    with pytest.raises(Conflict):
        require_code(of, DEVICE, 1_000)
    with pytest.raises(Conflict):
        require_code(challenge(refused=("sms_code",)), DEVICE, 1_000)


def test_a_code_is_made_of_everything_it_is_bound_to() -> None:
    """Another challenge, issue, payment, device or time: another code; and all of them are six digits."""
    base = CodeTerms("c", 1, "d", 7, 1_000)
    others = [
        CodeTerms("C", 1, "d", 7, 1_000),
        CodeTerms("c", 2, "d", 7, 1_000),
        CodeTerms("c", 1, "D", 7, 1_000),
        CodeTerms("c", 1, "d", 8, 1_000),
        CodeTerms("c", 1, "d", 7, 1_001),
    ]
    codes = {each.code(KEY) for each in (base, *others)} | {base.code(bytes(32))}
    assert len(codes) == 7 and all(len(each) == CODE_DIGITS and each.isdigit() for each in codes)
    assert (
        base.accepts(KEY, base.code(KEY)) and not base.accepts(KEY, base.code(KEY)[:-1]) and not base.accepts(KEY, "")
    )


def test_codes_are_spread_evenly() -> None:
    """10,000 codes: each leading digit about a tenth of them (a chi-squared of nine degrees of freedom under 27.9)."""
    counts = [0] * 10
    for issue in range(10_000):
        counts[int(CodeTerms("c", issue, "d", 7, 1_000).code(KEY)[0])] += 1
    assert sum((count - 1_000) ** 2 / 1_000 for count in counts) < 27.9


def test_every_cause_is_worded_in_both_languages() -> None:
    assert set(CAUSES) == set(Cause)
    assert all(zh and en for cause, (zh, en) in CAUSES.items() if cause)
