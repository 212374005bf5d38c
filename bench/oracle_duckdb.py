"""The 46 features of the reference workload by SQL over a whole batch: a second, independent implementation.

It shares no line and no idea with the engine: no state, no order of arrival, only relations.  For every event it asks for
the events of the same entity journalled no later (seq <= own seq) with time in (t - w, t].

Two ways of asking, both SQL.  A window function over event time (`RANGE BETWEEN w-1 PRECEDING AND CURRENT ROW` on whole
milliseconds is exactly (t - w, t]) is fast, but it cannot say `seq <= own seq`.  So the window also reports the greatest
seq it contains: where that is not the event's own, something in the window came later in the journal, late or tied in
time, and that row is asked again by a range join that does carry the condition.  Every row is right, however disordered.

Sums are exact: fen as BIGINT, squares as HUGEINT, the standard deviation one square root of exact integers.  Absent keys
give NaN, absent values are not counted as distinct.  LATE events (beyond the lateness) are outside this oracle.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.stream.events import Col, Kind, Rows

SPANS_MS = {
    "1m": 60_000,
    "10m": 600_000,
    "1h": 3_600_000,
    "24h": 86_400_000,
    "7d": 7 * 86_400_000,
    "30d": 30 * 86_400_000,
}
FEATURE_COUNT = 46


@dataclass(frozen=True)
class OracleRun:
    """What was computed and what it cost.

    features: float64 (n, 46), rows as given, column by column in memory.  `windows_s` is what a batch job over ordered input
    needs, from a table to a table: window functions and putting the columns together; `corrections_s` the range joins for
    the rows that need them.  Loading the rows and handing over the result count in neither.
    """

    features: npt.NDArray[np.float64]
    windows_s: float
    corrections_s: float
    corrected: dict[str, int]
    version: str

    @property
    def total_s(self) -> float:
        return self.windows_s + self.corrections_s


@dataclass(frozen=True)
class _Measure:
    """One output column: its SQL over events x of the asked event a; {24h} becomes `OVER w24h` or `FILTER (...)`."""

    name: str
    sql: str


def _dbl(sql: str) -> str:
    return f"({sql})::DOUBLE"


def _payer() -> list[_Measure]:
    found = []
    for w in ("1m", "10m", "1h", "24h", "7d"):
        found.append(_Measure(f"p_cnt_{w}", _dbl(f"count(*) {{{w}}}")))
        found.append(_Measure(f"p_sum_{w}", _dbl(f"sum(x.fen) {{{w}}}")))
        found.append(_Measure(f"p_mean_{w}", f"{_dbl(f'sum(x.fen) {{{w}}}')} / {_dbl(f'count(*) {{{w}}}')}"))
        found.append(_Measure(f"p_max_{w}", _dbl(f"max(x.fen) {{{w}}}")))
    n, s, sq = "count(*) {7d}", "sum(x.fen) {7d}", "sum(x.fen2) {7d}"
    spread = f"greatest({_dbl(f'({sq}) * ({n}) - ({s}) * ({s})')}, 0.0)"
    found.append(_Measure("p_std_7d", f"sqrt({spread}) / ({n})"))
    found += [_Measure(f"p_dpayee_{w}", _dbl(f"count(DISTINCT x.q) {{{w}}}")) for w in ("1h", "24h", "7d")]
    found.append(_Measure("p_ddev_7d", _dbl("count(DISTINCT x.d) {7d}")))
    n, s, sq = "count(*) {30d}", "sum(x.fen) {30d}", "sum(x.fen2) {30d}"
    spread = _dbl(f"({sq}) * ({n}) - ({s}) * ({s})")
    found.append(_Measure("p_z30", f"coalesce({_dbl(f'a.fen * ({n}) - ({s})')} / sqrt(nullif({spread}, 0.0)), 0.0)"))
    return found


def _payee() -> list[_Measure]:
    found = []
    for w in ("10m", "1h", "24h", "7d"):
        found.append(_Measure(f"q_cnt_{w}", _dbl(f"count(*) {{{w}}}")))
        found.append(_Measure(f"q_sum_{w}", _dbl(f"sum(x.fen) {{{w}}}")))
        found.append(_Measure(f"q_dpayer_{w}", _dbl(f"count(DISTINCT x.p) {{{w}}}")))
    return found


@dataclass(frozen=True)
class _Part:
    """All measures of one entity.  `key` is its column; `longest` its longest window; `of` the relation of its events."""

    name: str
    key: str
    longest: str
    measures: list[_Measure]
    of: str = "e"


_PARTS = (
    _Part("payer", "p", "30d", _payer()),
    _Part("payee", "q", "7d", _payee()),
    _Part(
        "account",
        "a",
        "24h",
        [_Measure("q_inout_24h", f"{_dbl('sum(x.a_in) {24h}')} / ({_dbl('sum(x.a_out) {24h}')} + 100.0)")],
        "legs",
    ),
    _Part(
        "device",
        "d",
        "7d",
        [
            *(_Measure(f"d_dpayer_{w}", _dbl(f"count(DISTINCT x.p) {{{w}}}")) for w in ("24h", "7d")),
            _Measure("d_cnt_1h", _dbl("count(*) {1h}")),
        ],
    ),
    _Part(
        "address", "i", "24h", [_Measure(f"i_dpayer_{w}", _dbl(f"count(DISTINCT x.p) {{{w}}}")) for w in ("1h", "24h")]
    ),
)

_ORDER = (
    [f"p_{m}_{w}" for w in ("1m", "10m", "1h", "24h", "7d") for m in ("cnt", "sum", "mean", "max")]
    + ["p_std_7d", "p_dpayee_1h", "p_dpayee_24h", "p_dpayee_7d", "p_ddev_7d", "p_since", "p_z30", "p_new"]
    + [f"q_{m}_{w}" for w in ("10m", "1h", "24h", "7d") for m in ("cnt", "sum", "dpayer")]
    + ["q_inout_24h", "d_dpayer_24h", "d_dpayer_7d", "d_cnt_1h", "i_dpayer_1h", "i_dpayer_24h"]
)
_PART_OF = {m.name: part.name for part in _PARTS for m in part.measures} | {"p_since": "payer", "p_new": "payer"}


def _framed(sql: str) -> str:
    """The measure as window functions over x = a = the row itself."""
    for w in SPANS_MS:
        sql = sql.replace(f"{{{w}}}", f"OVER w{w}")
    return sql.replace("x.", "").replace("a.fen", "fen")


def _joined(sql: str) -> str:
    """The measure as aggregates over the joined events x of an asked event a."""
    for w, span_ms in SPANS_MS.items():
        sql = sql.replace(f"{{{w}}}", f"FILTER (x.ts > a_ts - {span_ms})")
    return sql.replace("a.fen", "a_fen")


def _windows(part: _Part, names: Iterable[str]) -> str:
    return ", ".join(
        f"w{n} AS (PARTITION BY {part.key} ORDER BY ts RANGE BETWEEN {SPANS_MS[n] - 1} PRECEDING AND CURRENT ROW)"
        for n in names
    )


def _window_query(part: _Part) -> str:
    text = " ".join(m.sql for m in part.measures)
    names = [w for w in SPANS_MS if f"{{{w}}}" in text or w == part.longest]
    columns = ", ".join(f"{_framed(m.sql)} AS {m.name}" for m in part.measures)
    extra = ""
    if part.name == "payer":
        extra = ", ts - lag(ts) OVER (PARTITION BY p ORDER BY ts, seq) AS gap"
    disturbed = f"max(seq) OVER w{part.longest} > seq AS disturbed"
    source = f"FROM {part.of} WHERE {part.key} IS NOT NULL WINDOW {_windows(part, names)}"
    if part.of == "legs":
        return f"SELECT * EXCLUDE leg FROM (SELECT seq, leg, {columns}, {disturbed} {source}) WHERE leg = 1"
    return f"SELECT seq, {columns}{extra}, {disturbed} {source}"


def _join_query(part: _Part) -> str:
    """The same columns for the disturbed rows, by joining each with every event it may count."""
    columns = ", ".join(f"{_joined(m.sql)} AS {m.name}" for m in part.measures)
    asked = f"(SELECT o.seq AS a_seq, o.ts AS a_ts, o.{part.key} AS a_key, o.fen AS a_fen"
    asked += ", o.q AS a_q" if part.name == "payer" else ""
    leg = " AND o.leg = 1" if part.of == "legs" else ""
    asked += f" FROM {part.of} o JOIN w_{part.name} r ON o.seq = r.seq{leg} WHERE r.disturbed)"
    extra = ""
    if part.name == "payer":
        extra = ", (a_ts - max(x.ts) FILTER (x.seq <> a_seq)) AS gap, (count(*) FILTER (x.q = a_q)) AS same_payee"
    return f"""
        SELECT a_seq AS seq, {columns}{extra}
        FROM {asked} JOIN {part.of} x ON x.{part.key} = a_key AND x.seq <= a_seq AND x.ts <= a_ts
            AND x.ts > a_ts - {SPANS_MS[part.longest]}
        GROUP BY a_seq, a_ts, a_fen{", a_q" if part.name == "payer" else ""}"""


def oracle(
    rows: Rows, *, threads: int = 2, memory_gb: int = 12, spill_to: str = "", verbose: bool = False
) -> OracleRun:
    """The 46 features of `rows` (journal order); label rows take no part and have NaN.  Two million rows: about a minute."""
    if len(rows) == 0:
        return OracleRun(np.empty((0, FEATURE_COUNT)), 0.0, 0.0, {}, duckdb.__version__)
    con = duckdb.connect()
    con.execute(f"SET threads={threads}")
    con.execute(f"SET memory_limit='{memory_gb}GB'")
    con.execute("SET preserve_insertion_order=false")
    if spill_to:
        con.execute(f"SET temp_directory='{spill_to}'")
    started = time.perf_counter()

    def say(what: str) -> None:
        if verbose:
            print(f"  {time.perf_counter() - started:7.2f} s  {what}", file=sys.stderr, flush=True)

    con.register("batch", _arrow(rows))
    con.execute(
        "CREATE TABLE e AS SELECT seq, ts, fen, fen::HUGEINT * fen AS fen2, "
        "nullif(p, 0) AS p, nullif(q, 0) AS q, nullif(d, 0) AS d, nullif(i, 0) AS i FROM batch"
    )
    say("loaded")
    computing = time.perf_counter()
    con.execute(
        "CREATE VIEW legs AS SELECT seq, ts, fen, q AS a, fen AS a_in, 0 AS a_out, 1 AS leg FROM e WHERE q IS NOT NULL "
        "UNION ALL SELECT seq, ts, fen, p AS a, 0, fen, 0 FROM e WHERE p IS NOT NULL"
    )
    corrections_s = 0.0
    corrected: dict[str, int] = {}
    con.execute(
        "CREATE TABLE payee_news AS SELECT seq, count(*) OVER (PARTITION BY p, q ORDER BY ts "
        f"RANGE BETWEEN {SPANS_MS['30d'] - 1} PRECEDING AND CURRENT ROW) AS same_payee "
        "FROM e WHERE p IS NOT NULL AND q IS NOT NULL"
    )
    for part in _PARTS:
        con.execute(f"CREATE TABLE w_{part.name} AS {_window_query(part)}")
        say(f"{part.name}: windows")
        before = time.perf_counter()
        con.execute(f"CREATE TABLE j_{part.name} AS {_join_query(part)}")
        corrected[part.name] = int(con.execute(f"SELECT count(*) FROM j_{part.name}").fetchall()[0][0])
        corrections_s += time.perf_counter() - before
        say(f"{part.name}: {corrected[part.name]} rows corrected")
    select = []
    for name in _ORDER:
        part_name = _PART_OF[name]
        w, j = f"w_{part_name}", f"j_{part_name}"
        pick = f"CASE WHEN {j}.seq IS NULL THEN {w}.{{0}} ELSE {j}.{{0}} END"
        if name == "p_since":
            text = pick.format("gap")
            text = f"CASE WHEN ({text}) < {SPANS_MS['30d']} THEN ({text})::DOUBLE END"
        elif name == "p_new":
            same = f"CASE WHEN {j}.seq IS NULL THEN n.same_payee ELSE {j}.same_payee END"
            text = f"CASE WHEN e.p IS NULL OR e.q IS NULL THEN NULL WHEN ({same}) > 1 THEN 0.0 ELSE 1.0 END"
        else:
            text = pick.format(name)
        select.append(f"({text})::DOUBLE AS {name}")
    tables = " ".join(
        f"LEFT JOIN w_{p.name} ON w_{p.name}.seq = e.seq LEFT JOIN j_{p.name} ON j_{p.name}.seq = e.seq" for p in _PARTS
    )
    result = con.sql(
        f"SELECT e.seq, {', '.join(select)} FROM e {tables} LEFT JOIN payee_news n ON n.seq = e.seq"
    ).to_arrow_table()
    say("joined")
    computed_s = time.perf_counter() - computing
    features = np.full((len(rows), FEATURE_COUNT), np.nan, order="F")
    place = np.searchsorted(rows[:, Col.SEQ], result.column("seq").to_numpy())
    for number, name in enumerate(_ORDER):
        features[place, number] = result.column(name).to_numpy(zero_copy_only=False)
    con.close()
    return OracleRun(features, computed_s - corrections_s, corrections_s, corrected, duckdb.__version__)


def _arrow(rows: Rows) -> pa.Table:
    events = rows[rows[:, Col.KIND] != Kind.LABEL]
    columns = {
        "seq": Col.SEQ,
        "ts": Col.OCCURRED_MS,
        "fen": Col.AMOUNT_FEN,
        "p": Col.ACCOUNT,
        "q": Col.PAYEE,
        "d": Col.DEVICE,
        "i": Col.ADDRESS,
    }
    return pa.table({name: np.ascontiguousarray(events[:, column]) for name, column in columns.items()})


def disagreements(
    ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], *, relative: float = 1e-9
) -> npt.NDArray[np.int64]:
    """How many rows of each column differ: means, deviations and ratios by more than `relative`, all others at all."""
    assert ours.shape == theirs.shape
    wrong = np.zeros(ours.shape[1], np.int64)
    for number, name in enumerate(_ORDER):
        a, b = ours[:, number], theirs[:, number]
        both_nan = np.isnan(a) & np.isnan(b)
        if any(part in name for part in ("mean", "std", "z30", "inout")):
            scale = np.maximum(np.abs(a), np.abs(b))
            with np.errstate(invalid="ignore"):
                same = np.abs(a - b) <= relative * scale
        else:
            same = a == b
        wrong[number] = np.count_nonzero(~(same | both_nan))
    return wrong


COLUMN_NAMES = tuple(_ORDER)
