"""The decisions' journal read from another process, as facts for people's work.

    EVENTS            decisions above pass; labels; holds opened, confirmed, denied, reversed
    TICK, HOLD        holds whose time is over, and what persons did with holds
    OVERRIDE          another outcome in a decision's place, and what it does to a hold

Most events pass and cost nothing but a look at two columns of a whole record.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.base.instants import SECOND_MS
from tarim.decisions import (
    Action,
    Aftermath,
    Events,
    Holds,
    LogRecord,
    Override,
    RecordKind,
    Versions,
    Word,
    decode_events,
    hold_seconds,
)
from tarim.desk.domain import DecisionFact, Fact, Facts, HoldFact, LabelFact, OverrideFact
from tarim.desk.ports import RuleWordsOf
from tarim.desk.rulewords import RuleWords
from tarim.journal import FolderReader
from tarim.stream import Channel, Col, Kind, Outcome

HOLD_ROWS: Final = 4_096
"""Rows given to the fold of holds at once: fewer than it keeps changes of."""
RULESETS_KEPT: Final = 64

Words = npt.NDArray[np.int64]
T = TypeVar("T")

_KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}
_CHANNELS: Final = {int(channel): channel.name.lower() for channel in Channel}
_OUTCOMES: Final = tuple(Outcome)
_TOKENS: Final = (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE)
_PLAIN: Final = (
    Col.SEQ,
    Col.OCCURRED_MS,
    Col.RECEIVED_MS,
    Col.KIND,
    Col.CHANNEL,
    Col.AMOUNT_FEN,
    Col.CURRENCY,
    Col.CITY,
)


class Follower:
    """Facts of the journal in a folder, in order.  One thread."""

    def __init__(self, folder: Path, rule_words_of: RuleWordsOf) -> None:
        """folder: of the decisions' journal; it may be made later by whoever writes it."""
        self._folder = folder
        self._rule_words_of = rule_words_of
        self._rule_words: dict[str, RuleWords] = {}
        self._reader: FolderReader | None = None

    @property
    def durable_seq(self) -> int:
        """Positions below this can be followed; 0 while there is no journal."""
        reader = self._opened()
        return 0 if reader is None else reader.durable_seq

    def close(self) -> None:
        """Let the journal's files go."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def digest_at(self, seq: int) -> str:
        """The chain's digest after the record that holds a position.  Raises NotFound, Damaged."""
        reader = self._opened()
        if reader is None:
            raise NotFound(f"there is no journal in {self._folder}")
        return reader.digest_at(seq)

    def facts(self, from_seq: int, holds: Holds, *, to_seq: int | None = None, events_max: int) -> Facts:
        """What the records from `from_seq` on say, up to `to_seq` or about `events_max` events; holds: as of `from_seq`.

        Moves the holds on.  Raises Unavailable when positions that are needed were dropped or a ruleset is not kept, Damaged.
        """
        reader = self._opened()
        end_seq = min(self.durable_seq, to_seq if to_seq is not None else 1 << 62)
        found: list[Fact] = []
        at = from_seq
        if reader is not None and at < end_seq:
            try:
                for record in reader.read(at, end_seq):
                    found.extend(self._of_record(record, holds))
                    at = record.first_seq + record.count
                    if at - from_seq >= events_max:
                        break
            except NotFound as error:
                raise Unavailable(f"the decisions' journal cannot be followed: {error.detail}") from None
        return Facts(from_seq, at, tuple(found))

    def _opened(self) -> FolderReader | None:
        if self._reader is None and (self._folder / "durable").exists():
            self._reader = FolderReader(self._folder)
        return self._reader

    # ---- records ---------------------------------------------------------------------------------------------------

    def _of_record(self, record: LogRecord, holds: Holds) -> Iterator[Fact]:
        match record.kind:
            case RecordKind.EVENTS:
                yield from self._of_events(decode_events(record), holds)
            case RecordKind.TICK:
                Aftermath(holds).take(record)
                yield from _changes(holds, record.first_seq, record.first_seq + 1)
            case RecordKind.HOLD:
                Aftermath(holds).take(record)
                action = _decoded(record, Action)
                for change in _changes(holds, record.first_seq, record.first_seq + 1):
                    yield msgspec.structs.replace(change, person=action.person, reason=action.reason)
            case RecordKind.OVERRIDE:
                Aftermath(holds).take(record)
                override = _decoded(record, Override)
                outcome = Outcome[override.outcome.upper()]
                yield OverrideFact(
                    record.first_seq,
                    override.seq,
                    outcome,
                    override.author,
                    override.approver,
                    override.reason,
                    override.at_ms,
                )
                yield from _changes(holds, record.first_seq, record.first_seq + 1)
            case _:
                pass

    def _of_events(self, events: Events, holds: Holds) -> Iterator[Fact]:
        rows, decisions = events.rows, events.decisions
        kinds = rows[:, Col.KIND]
        labels = kinds == Kind.LABEL
        decided = (decisions[:, Word.OUTCOME] > Outcome.PASS) & ~labels
        answers = (kinds == Kind.CONFIRMATION) | (kinds == Kind.REVERSAL)
        moving = answers | (decisions[:, Word.HOLD] != 0)
        concerned = decided | labels | moving
        if not concerned.any():
            return
        facts: list[Fact] = [
            *self._decided(events, np.flatnonzero(decided)),
            *_labels(events, np.flatnonzero(labels)),
        ]
        moved = np.flatnonzero(moving)
        for start in range(0, len(moved), HOLD_ROWS):
            some = moved[start : start + HOLD_ROWS]
            some_rows = rows[some]
            holds.take(some_rows, decisions[some])
            facts.extend(_changes(holds, int(some_rows[0, Col.SEQ]), int(some_rows[-1, Col.SEQ]) + 1))
        yield from sorted(facts, key=_place)

    def _decided(self, events: Events, indices: Words) -> Iterator[DecisionFact]:
        """Facts about the decisions at these indices of a record."""
        if not len(indices):
            return
        side = events.side
        words = self._words_of(side.versions)
        rows, decisions = events.rows[indices], events.decisions[indices]
        plain = rows[:, _PLAIN].tolist()
        tokens = rows[:, _TOKENS].view(np.uint64).tolist()
        outcomes, holds = decisions[:, Word.OUTCOME].tolist(), decisions[:, Word.HOLD].tolist()
        scores = np.ascontiguousarray(decisions[:, Word.SCORE]).view(np.float64).tolist()
        models = self._models(events, indices)
        for place, index in enumerate(indices.tolist()):
            seq, occurred_ms, received_ms, kind, channel, amount_fen, currency, city = plain[place]
            customer, account, payee, device = tokens[place]
            seconds, score = hold_seconds(holds[place]), scores[place]
            yield DecisionFact(
                seq,
                side.source(index),
                side.event_ids[index],
                _KINDS[kind],
                _CHANNELS[channel],
                occurred_ms,
                received_ms,
                customer,
                account,
                payee,
                device,
                amount_fen,
                _currency(currency),
                _OUTCOMES[outcomes[place]],
                None if math.isnan(score) else score,
                words.grounds(decisions[place]),
                received_ms + seconds * SECOND_MS if seconds else 0,
                side.versions.features,
                side.versions.ruleset,
                models[place],
                city,
            )

    def _models(self, events: Events, indices: Words) -> Sequence[str]:
        versions = events.side.versions
        if events.beside is None:
            return [versions.model] * len(indices)
        return [versions.judged_by(judged) for judged in events.beside.judged[indices].tolist()]

    def _words_of(self, versions: Versions) -> RuleWords:
        found = self._rule_words.get(versions.ruleset)
        if found is None:
            try:
                found = self._rule_words_of(versions.ruleset)
            except NotFound as error:
                raise Unavailable(f"the reasons of decisions cannot be told: {error.detail}") from None
            self._rule_words[versions.ruleset] = found
            for oldest in list(islice(self._rule_words, max(0, len(self._rule_words) - RULESETS_KEPT))):
                del self._rule_words[oldest]
        return found


def _labels(events: Events, indices: Words) -> Iterator[LabelFact]:
    if not len(indices):
        return
    columns = [Col.SEQ, Col.REFERS_SEQ, Col.LABEL, Col.OCCURRED_MS, Col.RECEIVED_MS]
    rows = events.rows[indices][:, columns].tolist()
    for index, (seq, refers_seq, label, occurred_ms, received_ms) in zip(indices.tolist(), rows, strict=True):
        source, event_id = events.side.source(index), events.side.event_ids[index]
        yield LabelFact(seq, source, event_id, refers_seq, label == 1, occurred_ms, received_ms)


def _changes(holds: Holds, since_seq: int, before_seq: int) -> Iterator[HoldFact]:
    for change in holds.changes(since_seq, before_seq, 1 << 20):
        hold = holds.get(change.id)
        yield HoldFact(
            change.seq,
            change.id,
            change.kind,
            change.state,
            change.cause,
            change.at_ms,
            change.until_ms,
            hold.customer % (1 << 64),
            hold.amount_fen,
        )


def _place(fact: Fact) -> tuple[int, bool]:
    """A decision stands before the hold that it opens."""
    return fact.seq, isinstance(fact, HoldFact)


def _currency(packed: int) -> str:
    return packed.to_bytes(3, "big").decode("ascii") if packed else ""


def _decoded(record: LogRecord, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(record.payload, type=kind)
    except msgspec.MsgspecError:
        raise Damaged(f"the control record at {record.first_seq} cannot be read") from None
