"""Examples of a backtest: which events are kept, and what is shown of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, instant_text
from tarim.decisions.backtest_counts import Counted
from tarim.decisions.backtest_input import Bits, Draft, Features, Words
from tarim.decisions.backtest_results import Example, Fact, city_text, masked
from tarim.decisions.domain import Word
from tarim.rules import Rule
from tarim.stream import COLUMN_OF_FIELD, Channel, Col, Flag, Kind, NetworkKind, Outcome, Result, Rows, Verification


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an event that may become an example."""

    row: Words
    features: Features
    score: float
    label: int
    outcome: int
    hits: list[Bits]
    live: Bits


class Examples:
    """Events that show what the counts are of, as they lay in the chunk they came in.

    names: of the features.  live_ids: of the live rules, in the order of their numbers; it may grow.
    """

    def __init__(self, drafts: Sequence[Draft], names: Sequence[str], live_ids: Sequence[str]) -> None:
        self._drafts = drafts
        self._names = tuple(names)
        self._live_ids = live_ids
        self._kept: dict[int, Kept] = {}

    def keep(
        self,
        counted: Sequence[Counted],
        rows: Rows,
        features: Features,
        scores: Features,
        decisions: Words,
        labels: Words,
        hits: Sequence[Bits],
        live: Bits,
    ) -> None:
        """Copy what this chunk brought among the examples."""
        fresh = np.unique(np.concatenate([each.best_at[each.best_at >= 0] for each in counted]))
        for index in fresh.tolist():
            key = int(rows[index, Col.EVENT_KEY]) & (1 << 64) - 1
            self._kept[key] = Kept(
                rows[index].copy(),
                features[index].copy(),
                float(scores[index]),
                int(labels[index]),
                int(decisions[index, Word.OUTCOME]),
                [each[index].copy() for each in hits],
                live[index].copy(),
            )
        for each in counted:
            each.best_at.fill(-1)
        if len(self._kept) > 4 * sum(each.best.size for each in counted):
            needed = {key for each in counted for key in each.best.ravel().tolist()}
            self._kept = {key: kept for key, kept in self._kept.items() if key in needed}

    def of(
        self, counted: Counted, bit: int, rule: Rule | None, identity: Callable[[int], tuple[str, str]]
    ) -> list[Example]:
        """Fraud first, each in the order of the sample."""
        keys = [key for kind in (1, 0) for key in counted.best[bit, kind].tolist() if key in self._kept]
        return [self._example(self._kept[key], rule, identity) for key in keys]

    def _example(self, kept: Kept, rule: Rule | None, identity: Callable[[int], tuple[str, str]]) -> Example:
        row = kept.row
        seq = int(row[Col.SEQ])
        held = [
            each
            for draft, hits in zip(self._drafts, kept.hits, strict=True)
            for each in draft.rules
            if int(hits[each.index // 64]) >> each.index % 64 & 1
        ]
        live = [name for at, name in enumerate(self._live_ids) if int(kept.live[at // 64]) >> at % 64 & 1]
        names = rule.reads if rule is not None else dict.fromkeys(name for each in held for name in each.reads)
        return Example(
            *identity(seq),
            seq,
            instant_text(int(row[Col.OCCURRED_MS])),
            Kind(int(row[Col.KIND])).name.lower(),
            Channel(int(row[Col.CHANNEL])).name.lower(),
            int(row[Col.AMOUNT_FEN]),
            city_text(int(row[Col.CITY])),
            masked(int(row[Col.CUSTOMER])),
            {1: "fraud", 0: "genuine"}.get(kept.label, ""),
            Outcome(kept.outcome).name.lower(),
            list(dict.fromkeys(each.id for each in held)),
            live,
            [Fact(name, self._value(name, kept)) for name in names],
        )

    def _value(self, name: str, kept: Kept) -> float | str | None:
        """What a rule read under a name."""
        if name in self._names:
            number = float(kept.features[self._names.index(name)])
            return None if number != number else number
        return fact_of(kept.row, kept.score, name)


def fact_of(row: Words, score: float, name: str) -> float | str | None:
    """The value of an event's own name in a rule; identifiers masked, None where it is missing."""
    if name == "score":
        return None if score != score else score
    if name in ("hour", "weekday"):
        local_ms = int(row[Col.OCCURRED_MS]) + CHINA_OFFSET_MS
        # 1970-01-01 was a Thursday, day 3 of the week.
        return float(local_ms // (DAY_MS // 24) % 24 if name == "hour" else (local_ms // DAY_MS + 3) % 7)
    if name in ("history_authorised", "location_permitted", "late", "backfill"):
        return "yes" if int(row[Col.FLAGS]) & Flag[name.upper()] else "no"
    column = COLUMN_OF_FIELD.get(name)
    if column is None:
        return None
    value = int(row[column])
    if column in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT):
        return masked(value) or None
    words = {Col.KIND: Kind, Col.CHANNEL: Channel, Col.RESULT: Result, Col.NETWORK_KIND: NetworkKind}.get(column)
    if words is not None:
        return words(value).name.lower()
    if column == Col.VERIFICATION:
        return " ".join(each.name.lower() for each in Verification if each.name and each and value & each)
    if column == Col.CURRENCY:
        return value.to_bytes(3, "big").decode("ascii") if value else None
    absent = -1 if column == Col.LABEL else 0 if column in (Col.AMOUNT_FEN, Col.CITY, Col.MERCHANT_CATEGORY) else None
    return None if value == absent else float(value)
