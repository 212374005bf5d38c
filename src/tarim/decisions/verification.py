"""Verification strength: it grows with the amount, and each set of methods has its limits (RM-17, RM-22; TS-08).

The strength of a set of methods is how many different kinds of factors are among them: something the customer knows, has,
or is.  Two passwords are one kind.  A payment whose stated methods are too weak, by its amount alone or by the sum of the
customer's day, is raised to a challenge that asks for more.

The sums are a state of their own, folded from the journal, and not features of the engine: a limit is per calendar day and
per set of methods, so it would need a feature for each set that policy may ever name, over a window that does not slide.
A sum counts what was let through or is held, not what was blocked or what the source reports as failed; what is refused later
stays counted until the day ends, which errs on the strict side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.decisions.domain import Language
from tarim.decisions.hold_word import Shortfall, unpack
from tarim.decisions.kernels import treating as kernel
from tarim.stream import AMOUNT_FEN_MAX, Rows, Verification

STRENGTH_MAX: Final = 3
BANDS_MAX: Final = 16
LIMITS_MAX: Final = 16
DAY_FEN_MAX: Final = 10**15
CUSTOMERS_MAX: Final = 1_000_000
"""Customers' own limits kept; beyond it a new one is refused."""

_SUMS_ROWS: Final = 1 << 12
_OWN_ROWS: Final = 1 << 6

_KNOWLEDGE: Final = Verification.PASSWORD
_POSSESSION: Final = Verification.SMS_CODE | Verification.TOKEN | Verification.CERTIFICATE | Verification.DOCUMENT
_INHERENCE: Final = Verification.FACE | Verification.FINGERPRINT
METHODS: Final[Mapping[str, Verification]] = MappingProxyType(
    {str(method.name).lower(): method for method in Verification if method}
)

Words = npt.NDArray[np.int64]


def strength(methods: int) -> int:
    """Kinds of factors among the methods of a bit set, 0 to 3."""
    return sum(bool(methods & kind) for kind in (_KNOWLEDGE, _POSSESSION, _INHERENCE))


STRENGTHS: Final = np.array([strength(methods) for methods in range(128)], np.int64)


@dataclass(frozen=True, slots=True)
class AmountBand:
    """From this amount (fen) a payment needs this strength, 1 to 3."""

    from_fen: int
    strength: int


@dataclass(frozen=True, slots=True)
class MethodLimit:
    """Limits of payments verified by at least these methods: of one payment, and of a customer's day together (fen)."""

    methods: int
    single_fen_max: int
    day_fen_max: int


@dataclass(frozen=True, slots=True)
class VerificationPolicy:
    """Bands by ascending amount, and limits: the first one whose methods are all stated counts."""

    bands: tuple[AmountBand, ...] = ()
    limits: tuple[MethodLimit, ...] = ()

    def band_words(self) -> Words:
        """For the kernel, int64[b, 2]."""
        return np.array([(band.from_fen, band.strength) for band in self.bands], np.int64).reshape(-1, 2)

    def limit_words(self) -> Words:
        """For the kernel, int64[l, 3]."""
        words = [(limit.methods, limit.single_fen_max, limit.day_fen_max) for limit in self.limits]
        return np.array(words, np.int64).reshape(-1, 3)


class OwnLimit(msgspec.Struct, frozen=True, array_like=True):
    """Lower limits that a customer has set for one of the policy's sets of methods: the content of a LIMIT record.

    customer: a token.  What is higher than the policy's limit has no effect.
    """

    customer: int
    methods: int
    single_fen_max: int
    day_fen_max: int
    by: str
    at_ms: int


class SpendingState(msgspec.Struct, frozen=True, array_like=True):
    """What a snapshot keeps: the bytes of the table's rows in use, the newest day, and customers' own limits."""

    sums: bytes
    newest_day: int
    own: list[OwnLimit]


class Spending:
    """What each customer has paid today and yesterday by each set of methods, and the limits customers have set themselves.

    A function of the journal alone.  24 bytes a customer and set, twice that in memory; when the table grows, all of it is
    moved at once (about 20 ms for a million rows), and days gone by are left behind.
    """

    def __init__(self, state: SpendingState | None = None) -> None:
        self._sums: Words = np.zeros((_SUMS_ROWS, 3), np.int64)
        self._state: Words = np.zeros(2, np.int64)
        self._limits: dict[tuple[int, int], OwnLimit] = {}
        self._own: Words = np.zeros((_OWN_ROWS, 4), np.int64)
        if state is None:
            return
        rows = np.frombuffer(state.sums, np.int64).reshape(-1, 3)
        table = np.zeros((_room(2 * len(rows)), 3), np.int64)
        self._state[:] = kernel.refill(rows.copy(), table, 0), state.newest_day
        self._sums = table
        for limit in state.own:
            self.set_limit(limit)

    def treat(self, rows: Rows, decisions: Words, terms: Words, bands: Words, limits: Words) -> None:
        """Raise, hold and count a batch of new events, in place; see `kernels.treating`."""
        done = 0
        while True:
            done = kernel.treat(
                rows, decisions, done, terms, STRENGTHS, bands, limits, self._own, self._sums, self._state
            )
            if done == len(rows):
                return
            self._grow()

    def count(self, rows: Rows, decisions: Words) -> None:
        """Count a batch that was decided before, as its decisions say."""
        done = 0
        while (done := kernel.count(rows, decisions, done, self._sums, self._state)) < len(rows):
            self._grow()

    def spent_fen(self, customer: int, methods: int, day: int) -> int:
        """What a customer's day sums up to so far, 0 for a day that is not kept.  Looks through the whole table."""
        tag = day << 8 | methods << 1 | 1
        if day < self._state[1] - 1:
            return 0
        found = self._sums[(self._sums[:, 0] == customer) & (self._sums[:, 1] == tag)]
        return int(found[0, 2]) if len(found) else 0

    def limit_of(self, customer: int, methods: int) -> OwnLimit | None:
        """The limit the customer has set for a set of methods."""
        return self._limits.get((customer, methods))

    def check_limit(self, limit: OwnLimit, policy: VerificationPolicy) -> None:
        """Nothing for a limit that can be set.  Raises DefinitionError."""
        ruling = next((each for each in policy.limits if each.methods == limit.methods), None)
        if ruling is None:
            raise DefinitionError("the policy has no limit for exactly these methods, so none can be set lower")
        if not 0 <= limit.single_fen_max <= ruling.single_fen_max or not 0 <= limit.day_fen_max <= ruling.day_fen_max:
            raise DefinitionError(
                f"a customer's own limits are at most the bank's: {ruling.single_fen_max} fen for one payment, "
                f"{ruling.day_fen_max} fen a day"
            )
        if (limit.customer, limit.methods) not in self._limits and len(self._limits) >= CUSTOMERS_MAX:
            raise DefinitionError(f"{CUSTOMERS_MAX} limits are set already")

    def set_limit(self, limit: OwnLimit) -> None:
        """Let a customer's own limit count from the next event on."""
        self._limits[limit.customer, limit.methods] = limit
        if 2 * len(self._limits) > len(self._own):
            self._own = np.zeros((2 * len(self._own), 4), np.int64)
            for each in self._limits.values():
                kernel.set_own(self._own, each.customer, each.methods, each.single_fen_max, each.day_fen_max)
        else:
            kernel.set_own(self._own, limit.customer, limit.methods, limit.single_fen_max, limit.day_fen_max)

    def state(self) -> SpendingState:
        """For a snapshot."""
        kept = self._sums[(self._sums[:, 1] != 0) & (self._sums[:, 1] >> 8 >= self._state[1] - 1)]
        kept = kept[np.lexsort((kept[:, 1], kept[:, 0]))]
        return SpendingState(kept.tobytes(), int(self._state[1]), list(self._limits.values()))

    def _grow(self) -> None:
        oldest_day = int(self._state[1]) - 1
        live = int(np.count_nonzero((self._sums[:, 1] != 0) & (self._sums[:, 1] >> 8 >= oldest_day)))
        table = np.zeros((_room(4 * live), 3), np.int64)
        self._state[0] = kernel.refill(self._sums, table, oldest_day)
        self._sums = table


def _room(rows: int) -> int:
    """A power of two above `rows`, not less than the smallest table."""
    return max(_SUMS_ROWS, 1 << (rows + 1).bit_length())


# ---- policy and reasons ----------------------------------------------------------------------------------------------


def check_policy(policy: VerificationPolicy) -> list[str]:
    """What is wrong with a policy, in words."""
    problems = []
    if len(policy.bands) > BANDS_MAX or len(policy.limits) > LIMITS_MAX:
        problems.append(f"verification: at most {BANDS_MAX} bands and {LIMITS_MAX} limits")
    for earlier, later in zip(policy.bands, policy.bands[1:], strict=False):
        if not (earlier.from_fen < later.from_fen and earlier.strength <= later.strength):
            problems.append("verification.bands: amounts must rise, and strength must not fall with them")
    for band in policy.bands:
        if not 0 <= band.from_fen <= AMOUNT_FEN_MAX or not 1 <= band.strength <= STRENGTH_MAX:
            problems.append(
                f"verification.bands: from_fen is 0 to {AMOUNT_FEN_MAX}, strength 1 to {STRENGTH_MAX} kinds of factors"
            )
    seen: set[int] = set()
    for limit in policy.limits:
        if any(each & ~limit.methods == 0 for each in seen):
            problems.append("verification.limits: a limit after one with no more methods never counts; put it before")
        seen.add(limit.methods)
        if not 0 <= limit.single_fen_max <= AMOUNT_FEN_MAX or not 0 <= limit.day_fen_max <= DAY_FEN_MAX:
            problems.append(
                f"verification.limits: single_fen_max is 0 to {AMOUNT_FEN_MAX}, day_fen_max 0 to {DAY_FEN_MAX}"
            )
    return problems


_NEEDED: Final = {
    Language.ZH: {
        Shortfall.AMOUNT: "该金额需要至少 {} 类身份验证要素（所知、所持、生物特征）",
        Shortfall.SINGLE_LIMIT: "超出该验证方式的单笔限额，需要至少 {} 类身份验证要素",
        Shortfall.DAY_LIMIT: "超出该验证方式的日累计限额，需要至少 {} 类身份验证要素",
    },
    Language.EN: {
        Shortfall.AMOUNT: "this amount needs at least {} kinds of factors (known, held, inherent)",
        Shortfall.SINGLE_LIMIT: "above the limit of one payment verified like this: at least {} kinds of factors needed",
        Shortfall.DAY_LIMIT: "above the limit of a day's payments verified like this: at least {} kinds of factors needed",
    },
}


def shortfall_text(hold_word: int, language: Language) -> str:
    """Why the verification was too weak and what is needed, "" when it was not."""
    word = unpack(hold_word)
    if not word.shortfall:
        return ""
    return _NEEDED[language][Shortfall(word.shortfall)].format(max(1, word.strength))
