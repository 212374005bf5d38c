"""Events with their features, in the journal's order, become the rows of a training set.

Pure but for the file it writes.  Where the events are cut into batches changes nothing: the same events give the same file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.models.datasets.manifest import (
    DIVISIONS,
    ROWS_MAX,
    LeftOut,
    RoleRecord,
    SampleRole,
    Unlabelled,
    columns_of,
)
from tarim.models.datasets.recipe import Recipe
from tarim.models.datasets.segments import Codes, Tally, notes, representation, segment_codes, shares, values_of
from tarim.models.datasets.time_rules import NO_ROLE, LabelBook, Period, chosen, roles_of
from tarim.stream import COLUMN_OF_FIELD, Channel, Col, Flag, Kind, Rows

if TYPE_CHECKING:
    import pyarrow as pa

Words = npt.NDArray[np.int64]
Features = npt.NDArray[np.float64]

ROW_GROUP_ROWS: Final = 1 << 16


class _RoleSums:
    """What is counted of one role."""

    def __init__(self) -> None:
        self.rows = self.frauds = self.amount_fen = 0
        self.weight = 0.0
        self.seqs = hashlib.sha256()
        self.first_seq = self.last_seq = -1
        self.entities: set[int] = set()
        self.tallies = (Tally(), Tally(), Tally())  # rows, weights, frauds


class Cutter:
    """Takes the events of the span in order, writes the rows, and counts.

    clock_ms: the journal's clock just before the first event.  sources: the name of each number, complete only at the end.
    """

    def __init__(self, recipe: Recipe, periods: Sequence[Period], labels: LabelBook, clock_ms: int, path: Path) -> None:
        self._recipe = recipe
        self._periods = tuple(periods)
        self._labels = labels
        self._clock_ms = clock_ms
        self._path = path
        self._places = np.array([recipe.feature_names.index(each) for each in recipe.chosen_names], np.int64)
        self._kinds = np.array([Kind[each.upper()] for each in recipe.filters.kinds], np.int64)
        self._channels = np.array([Channel[each.upper()] for each in recipe.filters.channels], np.int64)
        self._entity = COLUMN_OF_FIELD[recipe.filters.entity]
        self._left_out = dict.fromkeys(LeftOut.__struct_fields__, 0)
        self._sums = [_RoleSums() for _ in periods]
        self._population = Tally()
        self._source_names: Sequence[str] = ()
        self._waiting: list[dict[str, Any]] = []
        self._waiting_rows = 0
        self._writer: Any = None
        self.population = 0
        self.rows = 0
        self.frauds_late = 0
        self.received_first_ms = self.received_last_ms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    @property
    def columns(self) -> list[str]:
        """Columns of the file, in order."""
        return columns_of(self._recipe.chosen_names)

    def take(
        self,
        rows: Rows,
        features: Features,
        sources: Words,
        source_names: Sequence[str],
        listed: npt.NDArray[np.bool_],
    ) -> None:
        """Take in events: rows (n, 32), features (n, F) as a decider would see them, numbers of their sources, and whether
        a value of theirs is listed.  n > 0.  Raises TooLarge.
        """
        self._source_names = source_names
        received = rows[:, Col.RECEIVED_MS]
        self.received_first_ms = min(self.received_first_ms or int(received[0]), int(received.min()))
        self.received_last_ms = max(self.received_last_ms, int(received.max()))
        occurred_ms = np.ascontiguousarray(rows[:, Col.OCCURRED_MS])
        arrived_ms = np.maximum(np.maximum.accumulate(occurred_ms), self._clock_ms)
        self._clock_ms = int(arrived_ms[-1])
        left = self._filtered(rows, sources)
        codes = segment_codes(rows[left], sources[left], listed[left])
        self._population.add(codes)
        self.population += len(left)
        kept, role, label, known_ms, weight = self._kept(rows[left], occurred_ms[left], arrived_ms[left])
        if len(kept):
            self._add(rows[left[kept]], features[left[kept]], codes[kept], role, label, known_ms, weight)

    def _filtered(self, rows: Rows, sources: Words) -> Words:
        """Indices of the events that pass the filters; the others are counted."""
        filters = self._recipe.filters
        speaks = rows[:, Col.KIND] == Kind.LABEL
        passes = rows[:, self._entity] != 0
        if len(self._kinds):
            passes &= np.isin(rows[:, Col.KIND], self._kinds)
        if len(self._channels):
            passes &= np.isin(rows[:, Col.CHANNEL], self._channels)
        if filters.sources:
            wanted = [at for at, name in enumerate(self._source_names) if name in filters.sources]
            passes &= np.isin(sources, wanted)
        allowed = (rows[:, Col.FLAGS] & Flag.HISTORY_AUTHORISED) != 0
        self._left_out["labels"] += int(speaks.sum())
        self._left_out["filtered"] += int((~speaks & ~passes).sum())
        self._left_out["unauthorised"] += int((~speaks & passes & ~allowed).sum())
        return np.flatnonzero(~speaks & passes & allowed)

    def _kept(self, rows: Rows, occurred_ms: Words, arrived_ms: Words) -> tuple[Words, Words, Words, Words, Features]:
        """Indices of the rows, with role, label, when it was known, and weight of each."""
        recipe = self._recipe
        seqs = np.ascontiguousarray(rows[:, Col.SEQ])
        role, late = roles_of(self._periods, occurred_ms, arrived_ms)
        deadlines_ms = occurred_ms + recipe.labels.delay_ms
        label, known_ms, fraud_late = self._labels.at(seqs, deadlines_ms)
        self._left_out["late"] += int(late.sum())
        self._left_out["gap"] += int(((role == NO_ROLE) & ~late).sum())
        self.frauds_late += int((fraud_late & (role != NO_ROLE)).sum())
        silent = label < 0
        known_ms[silent] = deadlines_ms[silent]
        kept = role != NO_ROLE
        if recipe.labels.unlabelled is Unlabelled.LEFT_OUT:
            self._left_out["unlabelled"] += int((kept & silent).sum())
            kept &= ~silent
        label[silent] = 0
        weight = np.ones(len(rows))
        share = recipe.sampling.genuine_share
        if share < 1.0:
            training = np.array([period.role is SampleRole.TRAINING for period in self._periods])
            sampled = kept & training[role] & (label == 0)
            dropped = sampled & ~chosen(seqs, recipe.sampling.seed, share)
            self._left_out["sampled"] += int(dropped.sum())
            weight[sampled] = 1.0 / share
            kept &= ~dropped
        at = np.flatnonzero(kept)
        return at, role[at], label[at], known_ms[at], weight[at]

    def _add(
        self, rows: Rows, features: Features, codes: Codes, role: Words, label: Words, known_ms: Words, weight: Features
    ) -> None:
        self.rows += len(rows)
        if self.rows > ROWS_MAX:
            raise TooLarge(
                f"the set would have more than {ROWS_MAX:,} rows: choose a shorter span or fewer kinds, or sample the "
                "genuine rows"
            )
        for place, sums in enumerate(self._sums):
            mine = role == place
            if mine.any():
                _count(sums, rows[mine], codes[mine], label[mine], weight[mine], self._entity)
        self._waiting.append(
            {
                "seq": rows[:, Col.SEQ].copy(),
                "occurred_ms": rows[:, Col.OCCURRED_MS].copy(),
                "known_ms": known_ms,
                "role": role,
                "label": label.astype(np.int8),
                "weight": weight,
                "customer": rows[:, Col.CUSTOMER].copy(),
                "entity": rows[:, self._entity].copy(),
                "amount_fen": rows[:, Col.AMOUNT_FEN].copy(),
                "codes": codes,
                "features": features[:, self._places],
            }
        )
        self._waiting_rows += len(rows)
        while self._waiting_rows >= ROW_GROUP_ROWS:
            self._write(ROW_GROUP_ROWS)

    def _flush(self) -> None:
        if self._waiting_rows or self._writer is None:
            self._write(self._waiting_rows)

    def _write(self, count: int) -> None:
        """Write the first `count` waiting rows as a row group, however they came in."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._waiting:
            whole = {name: np.concatenate([part[name] for part in self._waiting]) for name in self._waiting[0]}
        else:
            raise InputError("no event of the span becomes a row: look at the filters, the roles and the label delay")
        group = {name: column[:count] for name, column in whole.items()}
        rest = {name: column[count:] for name, column in whole.items()}
        self._waiting_rows -= count
        self._waiting = [rest] if self._waiting_rows else []
        table = self._table(pa, group)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression="snappy",
                use_dictionary=["role", *DIVISIONS],
                write_statistics=False,
            )
        self._writer.write_table(table)

    def _table(self, pa: Any, group: dict[str, Any]) -> pa.Table:
        roles = pa.array([period.role.value for period in self._periods], pa.string())
        columns: dict[str, Any] = {name: pa.array(group[name]) for name in ("seq", "occurred_ms", "known_ms")}
        columns["role"] = roles.take(pa.array(group["role"]))
        for name in ("label", "weight", "customer", "entity", "amount_fen"):
            columns[name] = pa.array(group[name])
        for at, division in enumerate(DIVISIONS):
            values = pa.array(values_of(division, self._source_names), pa.string())
            columns[division] = values.take(pa.array(group["codes"][:, at]))
        for at, name in enumerate(self._recipe.chosen_names):
            columns[name] = pa.array(np.ascontiguousarray(group["features"][:, at]))
        return pa.table(columns)

    def left_out(self) -> LeftOut:
        """The events that are no rows, by why."""
        return LeftOut(**self._left_out)

    def roles(self) -> list[RoleRecord]:
        """The records of the roles.  Raises InputError when one has no row."""
        found = []
        for period, sums in zip(self._periods, self._sums, strict=True):
            if not sums.rows:
                raise InputError(f"{period.role.value} has no row: look at the filters, the roles and the label delay")
            of_it = shares(self._population, *sums.tallies, self._source_names)
            marks = representation(of_it)
            mark, note_en, note_zh = notes(marks)
            found.append(
                RoleRecord(
                    id=f"{period.role.value}-{sums.seqs.hexdigest()[:12]}",
                    role=period.role,
                    from_ms=period.from_ms,
                    until_ms=period.until_ms,
                    to_ms=period.to_ms,
                    rows=sums.rows,
                    frauds=sums.frauds,
                    weight=round(sums.weight, 6),
                    entities=len(sums.entities),
                    amount_fen=sums.amount_fen,
                    first_seq=sums.first_seq,
                    last_seq=sums.last_seq,
                    shares=of_it,
                    representation=marks,
                    mark=mark,
                    note_en=note_en,
                    note_zh=note_zh,
                )
            )
        return found

    def present_sources(self) -> list[str]:
        """Names of the sources of the population, sorted."""
        counts = self._population.of(DIVISIONS.index("source"), len(self._source_names))
        return sorted(name for name, count in zip(self._source_names, counts, strict=True) if count)


def _count(sums: _RoleSums, rows: Rows, codes: Codes, label: Words, weight: Features, entity: int) -> None:
    seqs = np.ascontiguousarray(rows[:, Col.SEQ])
    if sums.first_seq < 0:
        sums.first_seq = int(seqs[0])
    sums.last_seq = int(seqs[-1])
    sums.seqs.update(seqs.tobytes())
    sums.rows += len(rows)
    sums.frauds += int(label.sum())
    sums.weight += float(weight.sum())
    sums.amount_fen += int(rows[:, Col.AMOUNT_FEN].sum())
    sums.entities.update(rows[:, entity].tolist())
    fraud = label == 1
    rows_of_it, weights, frauds = sums.tallies
    rows_of_it.add(codes)
    weights.add(codes, weight)
    frauds.add(codes[fraud])


def software(versions: Mapping[str, str]) -> dict[str, str]:
    """Versions of what makes a set: Tarim's own as given, and the libraries whose bytes end in the file."""
    from importlib.metadata import version

    return {**versions, **{name: version(name) for name in ("numpy", "pyarrow", "numba")}}
