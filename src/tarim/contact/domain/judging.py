"""Judging what a channel says about a customer's answer: pure, so each way to be wrong is one line and one test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import Conflict, FieldError
from tarim.contact.domain.challenge import CODES_MAX, Challenge, Happening, IllegalTransition
from tarim.contact.domain.methods import CODE_METHOD, OWN_PURPOSE, bits
from tarim.contact.domain.shown import one_of


class Outcome(StrEnum):
    """What the customer did, as the channel says."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"
    """Does not want this method."""
    DENIED = "denied"
    """Says that the payment is not theirs."""


class Cause(StrEnum):
    """Why an answer does not count, or counts for less."""

    NONE = ""
    CHANNEL = "channel"
    OTHER_DIGEST = "other_digest"
    NO_CODE = "no_code"
    CODE_EXPIRED = "code_expired"
    CODE_USED = "code_used"
    WRONG_CODE = "wrong_code"
    SAME_DEVICE = "same_device"


CAUSES: Final[Mapping[Cause, tuple[str, str]]] = MappingProxyType(
    {
        Cause.NONE: ("", ""),
        Cause.CHANNEL: ("渠道反馈验证未通过", "the channel says that it failed"),
        Cause.OTHER_DIGEST: (
            "客户所见的收款人、账号或金额与受理的交易不一致",
            "the payee, account or amount shown is not that of the payment",
        ),
        Cause.NO_CODE: ("尚未发送动态码", "no code was sent"),
        Cause.CODE_EXPIRED: ("动态码已过期", "the code has expired"),
        Cause.CODE_USED: ("动态码已使用", "the code was used before"),
        Cause.WRONG_CODE: ("动态码错误，或在其他设备上输入", "the code is wrong, or typed on another device"),
        Cause.SAME_DEVICE: (
            "动态码接收设备与交易设备相同，不计为独立要素",
            "the code arrived on the device the order came from, so it is no further factor",
        ),
    }
)
"""In Chinese and English."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel says.  method: "" for a denial.  digest: of what was shown.  device: token of the device it was given
    on, 0 = unknown.  code: as typed.  purpose: what the customer was told the images are compared for, "" for other methods.
    """

    outcome: Outcome
    method: str = ""
    digest: str = field(default="", repr=False)
    device: int = 0
    code: str = field(default="", repr=False)
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What it amounts to.  cause: why it does not count; of SAME_DEVICE: why it counts for less."""

    happening: Happening
    method: str
    cause: Cause = Cause.NONE
    spends_code: bool = False


def require_time(challenge: Challenge, at_ms: int) -> None:
    """Nothing for a challenge that may still be answered.  Raises IllegalTransition."""
    if not challenge.is_open:
        raise IllegalTransition(f"the challenge is {challenge.state} already")
    if at_ms >= challenge.until_ms:
        raise IllegalTransition("the challenge's time is over")


@dataclass(frozen=True, slots=True)
class Truth:
    """What an answer is held against.  digests: of what may have been shown (`Shown.digest`), one for each name the payee may
    have had; bound: the digest that one-time codes are bound to; key: of one-time codes.
    """

    digests: Sequence[str] = field(repr=False)
    bound: str = field(repr=False)
    key: bytes = field(repr=False)


def judge(challenge: Challenge, answer: Answer, truth: Truth, at_ms: int) -> Judged:
    """What an answer amounts to.

    Raises IllegalTransition (closed, or too late), Conflict for a method that is not offered or was refused or passed, and
    FieldError for an answer that cannot be judged; none of these is an attempt.
    """
    require_time(challenge, at_ms)
    if answer.outcome is Outcome.DENIED:
        return Judged(Happening.DENIED, "")
    method = answer.method
    if method not in challenge.offered:
        raise Conflict(f"the challenge offers {', '.join(challenge.offered)}")
    if method in challenge.refused or bits([method]) & challenge.passed:
        raise Conflict(f"the customer has refused or passed {method} already")
    if answer.outcome is Outcome.REFUSED:
        return Judged(Happening.METHOD_REFUSED, method)
    if answer.outcome is Outcome.FAILED:
        return _failed(challenge, method, Cause.CHANNEL)
    if answer.purpose != OWN_PURPOSE.get(method, ""):
        rule = OWN_PURPOSE.get(method)
        raise FieldError(
            "purpose",
            f"{method} is asked for {rule!r}, and the customer has to be told so" if rule else f"{method} has none",
        )
    if not one_of(truth.digests, answer.digest):
        return _failed(challenge, method, Cause.OTHER_DIGEST)
    if method != CODE_METHOD:
        return _passed(challenge, method, bits([method]))
    cause = _code_fault(challenge, answer, truth, at_ms)
    if cause is not Cause.NONE:
        return _failed(challenge, method, cause)
    if challenge.code_on_device:
        judged = _passed(challenge, method, 0)
        return Judged(judged.happening, method, Cause.SAME_DEVICE, spends_code=True)
    judged = _passed(challenge, method, bits([method]))
    return Judged(judged.happening, method, spends_code=True)


def require_code(challenge: Challenge, device: int, at_ms: int) -> None:
    """Nothing when one more code may be sent for typing on this device (token, 0 = unknown).

    Raises IllegalTransition, Conflict.
    """
    require_time(challenge, at_ms)
    if CODE_METHOD not in challenge.methods_left or bits([CODE_METHOD]) & challenge.passed:
        raise Conflict(f"the challenge does not ask for {CODE_METHOD}, or not any more")
    if challenge.codes >= CODES_MAX:
        raise Conflict(f"{CODES_MAX} codes were sent already; another method is needed")
    if device != challenge.device:
        raise Conflict("a code is typed on the device the payment came from, and this is another one")


def _code_fault(challenge: Challenge, answer: Answer, truth: Truth, at_ms: int) -> Cause:
    if not challenge.codes:
        return Cause.NO_CODE
    if challenge.code_spent:
        return Cause.CODE_USED
    if at_ms >= challenge.code_expires_ms:
        return Cause.CODE_EXPIRED
    if answer.device != challenge.device or not challenge.code_terms(truth.bound).accepts(truth.key, answer.code):
        return Cause.WRONG_CODE
    return Cause.NONE


def _passed(challenge: Challenge, method: str, counts: int) -> Judged:
    enough = challenge.enough(challenge.passed | counts)
    return Judged(Happening.CONFIRMED if enough else Happening.METHOD_PASSED, method)


def _failed(challenge: Challenge, method: str, cause: Cause) -> Judged:
    last = challenge.attempts_left <= 1
    return Judged(Happening.USED_UP if last else Happening.METHOD_FAILED, method, cause)
