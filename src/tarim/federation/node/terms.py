"""What a contract may have computed, and with which parameters; what may be opened of it.

A field that is added later is UNSET where it is not said: it is no part of the digest then, and contracts keep their names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tarim.base.errors import DefinitionError
from tarim.federation.encryption.scoring import COLUMNS_MAX, ROWS_MAX
from tarim.federation.encryption.sums import FRACTION_BITS_MAX, LEAST_MIN
from tarim.federation.learning.boosting import SAMPLE_MIN, BoostingPlan, Loss
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.product_forms import LINE_MBIT_S_MAX, Line
from tarim.federation.learning.screening import CORRELATED_ROWS_MAX, DIGITS_MAX
from tarim.federation.learning.stopping import LEAST_LOG2_MIN, PATIENCE_MAX, SHARE_MAX, SHARE_MIN, EarlyStop
from tarim.federation.queries import Question

SCALE_MAX: Final = 1e12
REASON_CHARACTERS_MAX: Final = 2_000
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Algorithm(StrEnum):
    """What is computed."""

    INTERSECTION = "intersection"
    LOGISTIC = "logistic"
    BOOSTING = "boosting"
    CROSS = "cross-validation"
    SCREENING = "screening"
    CAMPAIGN = "campaign-sums"
    SCORES = "encrypted-scores"
    QUERY = "query"


class FoundBy(StrEnum):
    """How common customers are found: by this package's own protocol on curve points, or RR22 of the second engine."""

    OWN = "ecdh"
    RR22 = "rr22"


class Output(StrEnum):
    """What a contract may open."""

    COMMON = "common-customers"
    CURVE = "curve"
    IMPORTANCE = "importance"
    GAIN = "gain"
    INFORMATION = "information-values"
    CORRELATION = "correlations"
    SUMS = "campaign-sums"
    SCORES = "scores"
    ANSWER = "answer"


class EarlyStopTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a training stops before its last epoch or tree; see `learning.stopping.EarlyStop`.  Whether it does both learn."""

    patience: Annotated[int, Meta(ge=1, le=PATIENCE_MAX)] = 3
    share: Annotated[float, Meta(ge=SHARE_MIN, le=SHARE_MAX)] = 0.1
    least_log2: Annotated[int, Meta(ge=LEAST_LOG2_MIN, le=0)] = -10

    @property
    def stop(self) -> EarlyStop:
        """When to stop."""
        return EarlyStop(self.patience, self.share, self.least_log2)


class LogisticTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="logistic"):
    """Joint logistic regression; see `learning.logistic_plan.Plan`.

    batch_rows: "all" for full-batch descent.  line_mbit_s: of the line between the parties, if agreed.  early_stop: if agreed.
    custody_steps: custodians get the shares of every so many steps too, 1 for each, and not of each epoch alone.
    batch_reason: why this way of descent was chosen (AS-02), in words that both sign.
    """

    batch_rows: int | Literal["all"] = 1_024
    epochs: int = 10
    learning_rate_log2: int = 0
    l2_log2: int | None = None
    line_mbit_s: Annotated[float, Meta(gt=0, le=LINE_MBIT_S_MAX)] | None = None
    early_stop: EarlyStopTerms | UnsetType = UNSET
    custody_steps: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    batch_reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)] | UnsetType = UNSET

    @property
    def plan(self) -> Plan:
        """How to train."""
        rows = None if self.batch_rows == "all" else self.batch_rows
        kept = None if self.custody_steps is UNSET else self.custody_steps
        line = None if self.line_mbit_s is None else Line(self.line_mbit_s)
        stop = None if self.early_stop is UNSET else self.early_stop.stop
        return Plan(rows, self.epochs, self.learning_rate_log2, self.l2_log2, line, stop, kept)


class BoostingTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="boosting"):
    """Joint trees; see `learning.boosting.BoostingPlan`.  early_stop, sample: if agreed."""

    trees: int = 10
    depth: int = 5
    step_log2: int = -1
    loss: Loss = Loss.LOG
    early_stop: EarlyStopTerms | UnsetType = UNSET
    sample: Annotated[float, Meta(ge=SAMPLE_MIN, le=1)] | UnsetType = UNSET

    @property
    def plan(self) -> BoostingPlan:
        """How to train."""
        stop = None if self.early_stop is UNSET else self.early_stop.stop
        sample = 1.0 if self.sample is UNSET else self.sample
        return BoostingPlan(self.trees, self.depth, self.step_log2, self.loss, stop, sample)


class CrossTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cross-validation"):
    """Training with each of the folds held out in turn, under each seed; no model is kept.  seeds: of the folds, public."""

    model: LogisticTerms | BoostingTerms
    folds: Annotated[int, Meta(ge=2, le=20)] = 5
    seeds: Annotated[tuple[Annotated[int, Meta(ge=0, lt=1 << 31)], ...], Meta(min_length=1, max_length=20)] = (1, 2, 3)


class QueryTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="query"):
    """Questions to joint models, named by the runs that trained them, one for each offer.

    a_day_max, a_customer_a_day_max, a_key_a_day_max: customers asked about; in all, about one, by one person's key.
    missed_a_day_max: customers who are not common that one key may ask about on a day.
    """

    question: Question
    models: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=64)]
    cut: float = 0.0
    a_day_max: Annotated[int, Meta(ge=1)] = 10_000
    a_customer_a_day_max: Annotated[int, Meta(ge=1)] = 10
    a_key_a_day_max: Annotated[int, Meta(ge=1)] = 10_000
    missed_a_day_max: Annotated[int, Meta(ge=0)] = 20


class ScreeningTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="screening"):
    """What columns are worth; see `learning.screening`.

    bins: of a number, missing values apart.  bin_rows_min: a figure is never about fewer rows than that.  digits: figures are
    rounded to, before they are opened.  correlation_rows: common customers that correlations are computed on.
    """

    bins: Annotated[int, Meta(ge=2, le=50)] = 10
    bin_rows_min: Annotated[int, Meta(ge=1, le=100_000)] = 20
    digits: Annotated[int, Meta(ge=1, le=DIGITS_MAX)] = 3
    correlation_rows: Annotated[int, Meta(ge=2, le=CORRELATED_ROWS_MAX)] = 8_192


class CampaignTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="campaign-sums"):
    """Sums of the first party's columns over groups, each a yes-or-no column of the second; see `encryption.sums`.

    least: customers of the smallest group that is reported.  fraction_bits: to which values are rounded.
    """

    least: Annotated[int, Meta(ge=LEAST_MIN)] = 100
    fraction_bits: Annotated[int, Meta(ge=0, le=FRACTION_BITS_MAX)] = 7


class ScoreTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="encrypted-scores"):
    """Scores of one party's scorecard on the other's columns; see `encryption.scoring`.

    scorecard: its digest.  scales: what each column is divided by, in the contract's order; none for 1.
    customers_max: common customers that are scored in a run.
    """

    scorecard: Digest
    scales: Annotated[tuple[Annotated[float, Meta(gt=0, le=SCALE_MAX)], ...], Meta(max_length=COLUMNS_MAX)] = ()
    customers_max: Annotated[int, Meta(ge=2, le=ROWS_MAX)] = 100_000

    def check(self, first: int, second: int) -> None:
        """Nothing for parties of so many columns whose scores can be computed.  Raises DefinitionError."""
        if bool(first) is bool(second):
            raise DefinitionError("one party names columns and the other none: that one has the scorecard")
        if self.scales and len(self.scales) != first + second:
            raise DefinitionError("scales are as many as there are columns, or left out")


class IntersectionTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="intersection"):
    """Common customers.  padded_to: size that both sides' sets are padded to, 0 for none; RR22 does not pad."""

    padded_to: Annotated[int, Meta(ge=0, le=1 << 24)] = 0
    method: FoundBy = FoundBy.OWN


Terms = (
    LogisticTerms
    | BoostingTerms
    | CrossTerms
    | ScreeningTerms
    | CampaignTerms
    | ScoreTerms
    | QueryTerms
    | IntersectionTerms
)
