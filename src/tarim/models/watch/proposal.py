"""A proposal to train again: a document with its evidence.  It changes nothing; people decide, and publish as always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.models.watch.drift import Alarm, Drift
from tarim.models.watch.maturity import Measure

_FORMAT: Final = 1
_NAMED_MAX: Final = 5


class RetrainingProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a model should be trained again.

    model, features, baseline: versions and digest.  at_ms: the last whole hour seen, first_seq, end_seq: the events seen.
    alarms: the shifts, largest first; measures: how the model did while it could be measured, newest first.
    """

    format: int
    model: str
    features: str
    baseline: str
    at_ms: int
    first_seq: int
    end_seq: int
    events: int
    summary_en: str
    summary_zh: str
    steps: list[str]
    alarms: list[Alarm]
    measures: list[Measure]


def proposal_of(drift: Drift, measures: Sequence[Measure]) -> bytes | None:
    """The proposal, canonical JSON, when shifts stand that concern the model or what it reads; else None."""
    alarms = drift.open_alarms
    if not alarms:
        return None
    file = drift.baseline.file
    named = ", ".join(alarm.column for alarm in alarms[:_NAMED_MAX])
    more = len(alarms) - _NAMED_MAX
    return canonical_json(
        RetrainingProposal(
            _FORMAT,
            file.model,
            file.features,
            drift.baseline.digest,
            drift.until_ms,
            drift.since_seq,
            drift.next_seq,
            drift.taken,
            f"What the model is used on has shifted since its baseline: {named}"
            + (f" and {more} more" if more > 0 else "")
            + ". Look at the evidence, cut training data that holds the new behaviour, train and compare.",
            f"模型使用环境与基线相比已发生偏移：{named}"
            + (f"等{len(alarms)}项" if more > 0 else "")
            + "。请核对证据，截取含新行为的训练数据，重新训练并与现行模型比较。",
            [
                "tarim datasets cut",
                "tarim models train",
                "tarim models compare",
                "tarim models submit",
                "tarim models approve",
                "tarim models baseline",
            ],
            alarms,
            [each for each in measures if each.model == file.model],
        )
    )
