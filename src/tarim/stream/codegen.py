"""Plan to source: the Python text of one kernel module for one feature set, compiled by numba afterwards.

Per role there are six functions, named for what they do: `take_` (an event in order), `late_` (an event that takes an
earlier place), `advance_`, `rebuild_` (aggregates of a large ring), `room_` (prune, grow, shrink), `label_`, `settle_`.
The text is plain Python over the arena, so the same module runs uncompiled in tests.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final

from tarim.stream.definitions import Condition, Feature
from tarim.stream.events import COLUMN_OF_FIELD, Col, Flag, Kind
from tarim.stream.kernels import arena
from tarim.stream.plan import RING_LG_MAX, Acc, Plan, Role, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

ARENA_IMPORT: Final = """from tarim.stream.kernels.arena import (
    alloc, distinct_between, find, find_or_add, first_after, home, index_find, index_put, pair_key, prefetch, release,
    spread, square_high, square_low, sweep_slot,
)
"""
"""Where the generated module takes its helpers from; the compiler puts the helpers themselves in its place."""
_IMPORTS: Final = f"""import numpy as np
from numba import njit

{ARENA_IMPORT}
NAN = np.nan
"""
BLOCK: Final = 64
"""Events taken at a time, one entity kind after the other, so that what they need is fetched before it is used."""


class _Writer:
    """Lines of Python with an indentation."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def __call__(self, line: str = "") -> None:
        self.lines.append("    " * self.depth + line if line else "")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self(head)
        self.depth += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self("pass")
        self.depth -= 1


def kernel_source(plan: Plan) -> str:
    """Source text of the module; its entry points are `process`, `settle` and the constants it starts with."""
    w = _Writer()
    for line in _IMPORTS.splitlines():
        w(line)
    _write_crosses(w, plan)
    for role in plan.roles:
        _RoleWriter(w, role).write(plan)
    _write_process(w, plan)
    return "\n".join(w.lines) + "\n"


def header_words(plan: Plan) -> int:
    """Words of the arena's header."""
    return _scratch_word(plan, 4 + len(plan.crosses))


def role_word(plan: Plan, role: int) -> int:
    """Header words of a role: event time of its next sweep, hash slot it visits, place of the newest event, spare."""
    return arena.DIRECTORY + len(plan.roles) * arena.SLOTS * 3 + role * arena.ROLE_WORDS


def _scratch_word(plan: Plan, column: int) -> int:
    """First word of a column of BLOCK scratch words: 0 watermark, 1 lateness code, 2 key, 3 home entry, 4.. cross sums."""
    return role_word(plan, len(plan.roles)) + column * BLOCK


def condition_source(condition: Condition, outcome: str = "") -> str:
    """Python expression over R[i, ...] and t; `outcome` names the variable that holds the outcome, if known."""
    parts = []
    for column, op, value in condition.tests:
        if column == "outcome":
            left = outcome
        elif column == "hour":
            left = "(t + 28800000) // 3600000 % 24"
        elif column == "weekday":
            left = "((t + 28800000) // 86400000 + 3) % 7"
        else:
            left = f"R[i, {int(COLUMN_OF_FIELD[column])}]"
        if op == "in":
            assert isinstance(value, tuple)
            parts.append("(" + " or ".join(f"{left} == {item}" for item in value) + ")")
        elif op == "multiple_of":
            parts.append(f"{left} % {value} == 0")
        elif op == "has":
            parts.append(f"({left} & {value}) != 0")
        else:
            parts.append(f"{left} {op} {value}")
    return " and ".join(parts)


def _key_source(role: Role, row: str = "i") -> str:
    columns = [f"R[{row}, {int(COLUMN_OF_FIELD[part])}]" for part in role.entity.key_fields]
    return columns[0] if len(columns) == 1 else f"pair_key({columns[0]}, {columns[1]})"


def _acc_name(acc: Acc) -> str:
    return "_".join(str(part) for part in acc).replace("-1", "x")


class _RoleWriter:
    def __init__(self, writer: _Writer, role: Role) -> None:
        self.w = writer
        self.role = role
        self.r = role.index
        self.width = role.width
        self.bits = role.flag_bits
        self.ones = (1 << self.bits) - 1
        self.value_word = {i: 1 + i for i in range(len(role.values))}
        self.key_word = {i: 1 + len(role.values) + i for i in range(len(role.keys))}

    def write(self, plan: Plan) -> None:
        self.advance()
        self.rebuild()
        self.room()
        self.late()
        self.large()
        if self.role.labelled:
            self.label()
        if self.role.settles:
            self.settle()
        self.run(plan)
        self.adopt()

    # ---- pieces ----------------------------------------------------------------------------------------------------

    def _function(self, name: str, arguments: str, signature: str) -> AbstractContextManager[None]:
        self.w()
        self.w()
        self.w(f'@njit("{signature}", cache=True, error_model="numpy", nogil=True)')
        return self.w.block(f"def {name}_{self.r}({arguments}):")

    def _ring(self, at: str = "e") -> None:
        w = self.w
        w(f"blk = A[{at} + 1] >> 6")
        w(f"lg = A[{at} + 1] & 63")
        w("mk = (1 << lg) - 1")
        w(f"start = A[{at} + 2] >> 32")
        w(f"head = A[{at} + 2] & {arena.LOW32}")

    def _o(self, position: str) -> str:
        return f"blk + ({position} & mk) * {self.width}"

    def _state(self, *key: object) -> str:
        return f"A[st + {self.role.state[key]}]"

    def _limit(self, offset_ms: int, floor: bool) -> str:
        at = f"t - {offset_ms}"
        if floor:
            at = f"max({at}, floor)"
        return f"(({at}) << {self.bits}) | {self.ones}"

    def _event_values(self) -> None:
        """Locals x0.. (values), k0.. (keys) and c0.. (conditions as 0/1) of event i."""
        w = self.w
        for i, column in enumerate(self.role.values):
            w(f"x{i} = R[i, {int(column)}]")
        for i, column in enumerate(self.role.keys):
            w(f"k{i} = R[i, {int(column)}]")
        for i, condition in enumerate(self.role.conditions):
            if condition.reads_outcome:
                w(f"c{i} = 0")
            else:
                w(f"c{i} = 1 if ({condition_source(condition)}) else 0")

    def _flags(self, live: bool) -> str:
        parts = [f"(t << {self.bits})"]
        if live:
            parts += [f"((1 if k{key} != 0 else 0) << {bit})" for bit, key in enumerate(self.role.live)]
        parts += [f"(c{i} << {self.role.condition_bit(i)})" for i in range(len(self.role.conditions))]
        return " | ".join(parts)

    def _store(self, position: str, live: bool) -> None:
        w = self.w
        w(f"o = {self._o(position)}")
        w(f"A[o] = {self._flags(live)}")
        for i in self.value_word:
            w(f"A[o + {self.value_word[i]}] = x{i}")
        for i in self.key_word:
            w(f"A[o + {self.key_word[i]}] = k{i}")
        if self.role.labelled:
            w(f"A[o + {self.width - 1}] = R[i, {int(Col.SEQ)}]")

    def _needed(self, windows: list[Window], at: int) -> list[Acc]:
        """Aggregates that the window at index `at` or a longer one reads, in a stable order."""
        needed: list[Acc] = []
        for window in windows[at:]:
            needed += [acc for acc in window.accs if acc not in needed]
        return needed

    # ---- emission --------------------------------------------------------------------------------------------------

    def _emit(self, index: int, feature: Feature, n: str, value: dict[Acc, str], window: Window) -> None:
        """out[i, index] from the aggregates named in `value`; `n` counts the window's events."""
        role = self.role
        w = self.w
        where = -1 if feature.where is None else role.conditions.index(feature.where)
        field = -1
        if feature.column and feature.op not in ("distinct", "is_new"):
            field = role.values.index(COLUMN_OF_FIELD[feature.column])
        target = f"out[i, {index}]"
        match feature.op:
            case "count" | "delayed_count":
                w(f"{target} = {n if where < 0 else value['where_count', -1, where]}")
            case "share":
                w(f"{target} = {value['where_count', -1, where]} / float({n})")
            case "sum" | "in_out_ratio":
                w(f"{target} = {value['sum', field, -1] if where < 0 else value['where_sum', field, where]}")
            case "mean":
                w(f"{target} = {value['sum', field, -1]} / float({n})")
            case "min" | "max":
                w(f"{target} = {value[feature.op, field, -1]}")
            case "ratio":
                total = value["sum", field, -1]
                w(f"{target} = float(x{field} * ({n})) / {total} if {total} != 0 else 0.0")
            case "std" | "zscore":
                total = value["sum", field, -1]
                squares = f"{value['square_high', field, -1]}, {value['square_low', field, -1]}"
                w(f"v = spread({n}, {total}, {squares})")
                if feature.op == "std":
                    w(f"{target} = np.sqrt(v) / ({n}) if v > 0.0 else 0.0")
                else:
                    w(f"{target} = (x{field} * ({n}) - {total}) / np.sqrt(v) if v > 0.0 else 0.0")
            case "distinct":
                key = role.keys.index(COLUMN_OF_FIELD[feature.column])
                w(f"{target} = {value['distinct', key, -1]}")
            case "is_new":
                key = role.keys.index(COLUMN_OF_FIELD[feature.column])
                with w.block(f"if k{key} == 0:"):
                    w(f"{target} = NAN")
                with w.block("else:"):
                    w(f"{target} = 0.0 if {value['previous', key, -1]} > t - {window.length_ms} else 1.0")
            case "first_seen":
                w(f"{target} = t - {value['first', -1, -1]}")
            case "label_count":
                w(f"{target} = {value['label', -1, -1]}")
            case "label_rate":
                w(f"{target} = {value['label', -1, -1]} / float({n}) if {n} > 0 else 0.0")
            case _:
                raise AssertionError(feature.op)

    def _emit_missing(self) -> None:
        for index in self._own_features():
            self.w(f"out[i, {index}] = NAN")

    def _own_features(self) -> list[int]:
        indices = [index for window in self.role.windows for index, _ in window.features]
        return sorted(indices + [index for index, _ in self.role.since_last])

    # ---- reading a ring backwards ----------------------------------------------------------------------------------

    def _scan(self, *, late: bool) -> None:
        """All windows in one pass from the newest event; `late` reads from before position j and keeps no live bits."""
        w = self.w
        role = self.role
        windows = role.current
        names: dict[Acc, str] = {}
        for acc in self._needed(windows, 0):
            kind, field, where = acc
            name = names[acc] = "a_" + _acc_name(acc)
            match kind:
                case "sum" | "min" | "max":
                    w(f"{name} = x{field}")
                case "square_high" | "square_low":
                    w(f"{name} = {kind}(x{field})")
                case "where_count":
                    w(f"{name} = c{where}")
                case "where_sum":
                    w(f"{name} = x{field} if c{where} else 0")
                case "distinct":
                    w(f"{name} = 1 if k{field} != 0 else 0")
                case "previous":
                    w(f"{name} = np.int64(-1)")
        if any(feature.op == "first_seen" for window in windows for _, feature in window.features):
            names["first", -1, -1] = "a_first"
            w("a_first = t")
        w(f"p = {'j' if late else 'head'} - 1")
        for at, window in enumerate(windows):
            w(f"lim = {self._limit(window.length_ms, late)}")
            self._scan_segment(self._needed(windows, at), names, late=late, first="a_first" in names.values())
            if late:
                for key in [field for kind, field, _ in window.accs if kind == "distinct"]:
                    args = f"{self.width}, {self.key_word[key]}"
                    w(f"{names['distinct', key, -1]} = distinct_between(A, blk, mk, {args}, p + 1, j, k{key})")
            n = "j - p" if late else "head - p"
            for index, feature in window.features:
                self._emit(index, feature, f"({n})", names, window)
        self._scan_delayed(late=late)

    def _scan_segment(self, needed: list[Acc], names: dict[Acc, str], *, late: bool, first: bool) -> None:
        w = self.w
        role = self.role
        kinds = {acc[0] for acc in needed}
        with w.block("while p >= start:"):
            w(f"o = {self._o('p')}")
            w("z = A[o]")
            with w.block("if z <= lim:"):
                w("break")
            for field in sorted({acc[1] for acc in needed if acc[1] >= 0 and acc[0] not in ("distinct", "previous")}):
                w(f"y = A[o + {self.value_word[field]}]")
                for acc in needed:
                    if acc[1] != field:
                        continue
                    name = names[acc]
                    match acc[0]:
                        case "sum":
                            w(f"{name} += y")
                        case "square_high" | "square_low":
                            w(f"{name} += {acc[0]}(y)")
                        case "min":
                            w(f"{name} = min({name}, y)")
                        case "max":
                            w(f"{name} = max({name}, y)")
                        case "where_sum":
                            w(f"{name} += y * ((z >> {role.condition_bit(acc[2])}) & 1)")
            for acc in needed:
                if acc[0] == "where_count":
                    w(f"{names[acc]} += (z >> {role.condition_bit(acc[2])}) & 1")
            for key in range(len(role.keys)):
                distinct = ("distinct", key, -1) in needed and not late
                previous = ("previous", key, -1) in needed
                if not distinct and not previous:
                    continue
                with w.block(f"if A[o + {self.key_word[key]}] == k{key}:"):
                    if distinct:
                        w(f"A[o] &= ~(1 << {role.live.index(key)})")
                    if previous:
                        name = names["previous", key, -1]
                        with w.block(f"if {name} < 0:"):
                            w(f"{name} = z >> {self.bits}")
                if distinct:
                    with w.block("else:"):
                        w(f"{names['distinct', key, -1]} += (z >> {role.live.index(key)}) & 1")
            if first:
                w(f"a_first = z >> {self.bits}")
            w("p -= 1")
        assert kinds <= _KINDS, kinds

    def _scan_delayed(self, *, late: bool) -> None:
        w = self.w
        delay = -1
        for window in self.role.delayed:
            if window.delay_ms != delay:
                delay = window.delay_ms
                stop = "j" if late else "head"
                args = f"{self.width}, start, {stop}, t - {delay}, {self.bits}"
                w(f"p = first_after(A, blk, mk, {args}) - 1")
                w("newest = p")
                w("a_label = 0")
            w(f"lim = {self._limit(window.start_ms, late)}")
            with w.block("while p >= start:"):
                w(f"z = A[{self._o('p')}]")
                with w.block("if z <= lim:"):
                    w("break")
                if self.role.labelled:
                    w(f"a_label += (z >> {self.role.label_bit}) & 1")
                w("p -= 1")
            for index, feature in window.features:
                self._emit(index, feature, "(newest - p)", {("label", -1, -1): "a_label"}, window)

    # ---- aggregates of a large ring --------------------------------------------------------------------------------

    def advance(self) -> None:
        """advance_r(A, e, t): move a large ring's cursors to instant t, taking leavers out of the running aggregates."""
        w = self.w
        role = self.role
        with self._function("advance", "A, e, t", "void(i8[::1], i8, i8)"):
            self._ring()
            w(f"st = blk + ({self.width} << lg)")
            for offset in role.boundaries:
                leaving = [window for window in role.windows if window.start_ms == offset]
                entering = [window for window in role.windows if window.delay_ms == offset]
                w(f"lim = {self._limit(offset, False)}")
                w(f"c = {self._state('cursor', offset)}")
                moves = [(window, acc, "-") for window in leaving for acc in window.accs]
                moves += [(window, acc, "+") for window in entering for acc in window.accs]
                moves = [move for move in moves if move[1][0] not in ("min", "max", "previous")]
                with w.block("while c < head:"):
                    w(f"o = {self._o('c')}")
                    w("z = A[o]")
                    with w.block("if z <= lim:"):
                        for window, acc, sign in moves:
                            self._move(window, acc, sign)
                        w("c += 1")
                    with w.block("else:"):
                        w("break")
                w(f"{self._state('cursor', offset)} = c")

    def _move(self, window: Window, acc: Acc, sign: str) -> None:
        """Add (+) or take out (-) the event at word o with flags z."""
        kind, field, where = acc
        target = self._state(window.length_ms, window.delay_ms, acc)
        value = f"A[o + {self.value_word[field]}]" if kind in ("sum", "square_high", "square_low", "where_sum") else ""
        match kind:
            case "sum":
                self.w(f"{target} {sign}= {value}")
            case "square_high" | "square_low":
                self.w(f"{target} {sign}= {kind}({value})")
            case "where_count":
                self.w(f"{target} {sign}= (z >> {self.role.condition_bit(where)}) & 1")
            case "where_sum":
                self.w(f"{target} {sign}= {value} * ((z >> {self.role.condition_bit(where)}) & 1)")
            case "distinct":
                self.w(f"{target} {sign}= (z >> {self.role.live.index(field)}) & 1")
            case "label":
                self.w(f"{target} {sign}= (z >> {self.role.label_bit}) & 1")
            case _:
                raise AssertionError(kind)

    def rebuild(self) -> None:
        """rebuild_r(A, e, t): index, live bits, cursors and aggregates of a large ring from its events, as at instant t."""
        w = self.w
        role = self.role
        with self._function("rebuild", "A, e, t", "void(i8[::1], i8, i8)"):
            self._ring()
            w(f"st = blk + ({self.width} << lg)")
            for key in range(len(role.keys)):
                self._index_base(key)
                with w.block("for q in range(im + 1):"):
                    w("A[ix + q] = 0")
                w("used = np.int64(0)")
                with w.block("for p in range(start, head):"):
                    w(f"o = {self._o('p')}")
                    w(f"key = A[o + {self.key_word[key]}]")
                    with w.block("if key != 0:"):
                        if key in role.live:
                            bit = role.live.index(key)
                            args = f"{self.width}, {self.key_word[key]}"
                            w(f"was = index_find(A, ix, im, blk, mk, {args}, start, key)")
                            with w.block("if was >= 0:"):
                                w(f"A[{self._o('was')}] &= ~(1 << {bit})")
                            w(f"A[o] |= 1 << {bit}")
                        w(f"used += index_put(A, ix, im, blk, mk, {self.width}, {self.key_word[key]}, start, p)")
                w(f"{self._state('index_used', key)} = used")
            for offset in role.boundaries:
                args = f"{self.width}, start, head, t - {offset}, {self.bits}"
                w(f"{self._state('cursor', offset)} = first_after(A, blk, mk, {args})")
            for window in role.windows:
                stop = "head" if not window.delay_ms else self._state("cursor", window.delay_ms)
                accs = [acc for acc in window.accs if acc[0] != "previous"]
                for acc in accs:
                    w(
                        f"{self._state(window.length_ms, window.delay_ms, acc)} = {-1 if acc[0] in ('min', 'max') else 0}"
                    )
                if not accs:
                    continue
                with w.block(f"for p in range({self._state('cursor', window.start_ms)}, {stop}):"):
                    w(f"o = {self._o('p')}")
                    w("z = A[o]")
                    for acc in accs:
                        if acc[0] in ("min", "max"):
                            self._extreme(window, acc, "p")
                        else:
                            self._move(window, acc, "+")

    def _extreme(self, window: Window, acc: Acc, position: str) -> None:
        """Let the event at `position` (word o) become the window's smallest or largest if it is."""
        w = self.w
        target = self._state(window.length_ms, window.delay_ms, acc)
        word = self.value_word[acc[1]]
        op = "<=" if acc[0] == "min" else ">="
        w(f"m = {target}")
        with w.block(f"if m < 0 or A[o + {word}] {op} A[{self._o('m')} + {word}]:"):
            w(f"{target} = {position}")

    def _index_base(self, key: int) -> None:
        w = self.w
        w("im = (2 << lg) - 1")
        w(f"ix = st + {len(self.role.state)} + {key} * (2 << lg)")

    def room(self) -> None:
        """room_r(A, e, wm, t): make place for one more event; prunes what no window can see, grows or shrinks the ring."""
        w = self.w
        with self._function("room", "A, e, wm, t", "void(i8[::1], i8, i8, i8)"):
            with w.block("if A[e + 1] == 0:"):
                cls = arena.RING_CLASS + self.r
                w(f"A[e + 1] = alloc(A, {cls}, 0, {self.width}) << 6")
                w("A[e + 2] = 0")
                w("return")
            w("old_lg = A[e + 1] & 63")
            with w.block(f"if old_lg >= {self.role.large_lg}:"):
                w(f"advance_{self.r}(A, e, t)")
            self._ring()
            w(f"lim = ((wm - {self.role.retention_ms}) << {self.bits}) | {self.ones}")
            with w.block(f"while start < head and A[{self._o('start')}] <= lim:"):
                w("start += 1")
            w("count = head - start")
            w("new_lg = lg")
            with w.block("if count > mk:"):
                w("new_lg = lg + 1")
                with w.block(f"if new_lg >= {RING_LG_MAX}:"):
                    w(f"A[{arena.FULL}] = 1")
            with w.block("else:"), w.block("while new_lg > 0 and count * 4 <= (1 << new_lg):"):
                w("new_lg -= 1")
            w("A[e + 2] = (start << 32) | head")
            with w.block("if new_lg != lg:"):
                w(f"new = alloc(A, {cls}, new_lg, {self._words('new_lg')})")
                w("nk = (1 << new_lg) - 1")
                with w.block("for p in range(start, head):"):
                    w(f"o = {self._o('p')}")
                    w(f"q = new + (p & nk) * {self.width}")
                    for word in range(self.width):
                        w(f"A[q + {word}] = A[o + {word}]")
                w(f"release(A, {cls}, lg, {self._words('lg')}, blk)")
                w("A[e + 1] = (new << 6) | new_lg")
                with w.block(f"if new_lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, t)")

    def _words(self, lg: str) -> str:
        extra = f"{len(self.role.state)} + {len(self.role.keys)} * (2 << {lg})"
        return f"({self.width} << {lg}) + (({extra}) if {lg} >= {self.role.large_lg} else 0)"

    # ---- events ----------------------------------------------------------------------------------------------------

    def run(self, plan: Plan) -> None:
        """run_r(A, R, out, lo, hi): up to BLOCK events under this role: fetch, then features and a place in the ring."""
        w = self.w
        role = self.role
        words = role_word(plan, self.r)
        codes, keys, homes = (_scratch_word(plan, column) for column in (1, 2, 3))
        crosses = [n for n, cross in enumerate(plan.crosses) if cross.other == self.r]
        with self._function("run", "A, R, out, lo, hi", "void(i8[::1], i8[:,::1], f8[:,::1], i8, i8)"):
            with w.block("for i in range(lo, hi):"):
                w(f"key = {_key_source(role)}")
                if role.entity.when is not None:
                    w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
                    with w.block(f"if not ({condition_source(role.entity.when)}) and A[{codes} + i - lo] != 2:"):
                        w("key = 0")
                w(f"h = home(A, {self.r}, key)")
                w(f"A[{keys} + i - lo] = key")
                w(f"A[{homes} + i - lo] = h")
                w("prefetch(A, h)")
                for n in crosses:
                    w(f"h = home(A, {self.r}, {_key_source(plan.roles[plan.crosses[n].role])})")
                    w(f"A[{_scratch_word(plan, 4 + n)} + i - lo] = h")
                    w("prefetch(A, h)")
            with w.block("for q in range(hi - lo):"):
                w(f"h = A[{homes} + q]")
                with w.block(f"if A[h] == A[{keys} + q] and A[h + 1] != 0:"):
                    self._fetch_newest(3)
                for n in crosses:
                    w(f"h = A[{_scratch_word(plan, 4 + n)} + q]")
                    with w.block("if A[h + 1] != 0:"):
                        self._fetch_newest(2)
            with w.block("for i in range(lo, hi):"):
                w("q = i - lo")
                w(f"key = A[{keys} + q]")
                w(f"code = A[{codes} + q]")
                w(f"wm = A[{_scratch_word(plan, 0)} + q]")
                with w.block("if code == 2:"):
                    if role.labelled:
                        w(f"label_{self.r}(A, R, i)")
                    w("continue")
                w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
                w("place = np.int64(-1)")
                with w.block("if key == 0:"):
                    self._emit_missing()
                with w.block("else:"):
                    self._take()
                self._after(plan, words)

    def _fetch_newest(self, lines: int) -> None:
        """Fetch the newest events of the ring of entry h."""
        w = self.w
        newest = f"((A[h + 2] & {arena.LOW32}) - 1) & ((1 << (A[h + 1] & 63)) - 1)"
        w(f"o = (A[h + 1] >> 6) + ({newest}) * {self.width}")
        w("prefetch(A, o)")
        for line in range(1, lines):
            w(f"prefetch(A, max(o - {8 * line}, 0))")

    def _after(self, plan: Plan, words: int) -> None:
        """What follows an event under this role: recorded outcome, sums that other roles divide by, sweep."""
        w = self.w
        role = self.role
        if role.settles:
            w(f"A[{words + 2}] = place")
            with w.block(f"if place >= 0 and R[i, {int(Col.OUTCOME)}] >= 0:"):
                w(f"settle_{self.r}(A, R, i, t, place, R[i, {int(Col.OUTCOME)}])")
        for n, cross in enumerate(plan.crosses):
            if cross.other != self.r:
                continue
            reader = plan.roles[cross.role]
            w(f"other = {_key_source(reader)}")
            w(f"total = cross_{n}(A, other, t, wm)")
            with w.block(f"if t <= wm - {role.retention_ms} and key != 0 and key == other:"):
                # too old to be kept, yet an event always counts itself
                w(f"total += R[i, {int(role.values[cross.value])}]")
            w(f"A[{_scratch_word(plan, 4 + n)} + q] = total")
        with w.block(f"if wm >= A[{words}]:"):
            args = (
                f"{role.width}, {len(role.state)}, {len(role.keys)}, {self.role.large_lg}, {arena.RING_CLASS + self.r}"
            )
            w(f"sweep_slot(A, {self.r}, A[{words + 1}], wm - {role.retention_ms}, {args})")
            w(f"A[{words + 1}] = (A[{words + 1}] + 1) & {arena.SLOTS - 1}")
            step = role.retention_ms // 4 // arena.SLOTS + 1
            w(f"A[{words}] = (wm if A[{words}] == 0 else A[{words}]) + {step}")

    def _take(self) -> None:
        """An event with a key: late ones aside, read the ring and join it."""
        w = self.w
        w(f"e = find_or_add(A, {self.r}, key)")
        w("last = A[e + 3]")
        with w.block("if t < last or code == 1:"):
            w(f"place = late_{self.r}(A, R, out, i, t, wm, e)")
        with w.block("else:"):
            full = f"(A[e + 2] & {arena.LOW32}) - (A[e + 2] >> 32) > (1 << (A[e + 1] & 63)) - 1"
            with w.block(f"if A[e + 1] == 0 or {full}:"):
                w(f"room_{self.r}(A, e, wm, t)")
            self._ring()
            self._event_values()
            self._emit_since("last")
            w("A[e + 3] = t")
            with w.block(f"if lg < {self.role.large_lg}:"):
                self._scan(late=False)
                self._store("head", True)
                w("A[e + 2] = (start << 32) | (head + 1)")
                w("place = head")
            with w.block("else:"):
                w("place = head")
                w(f"large_{self.r}(A, R, out, i, t, e)")

    def large(self) -> None:
        """large_r: an event in order whose entity's ring is large: cursors move, aggregates follow."""
        signature = "void(i8[::1], i8[:,::1], f8[:,::1], i8, i8, i8)"
        with self._function("large", "A, R, out, i, t, e", signature):
            self.w(f"advance_{self.r}(A, e, t)")
            self._ring()
            self._event_values()
            self._take_large()

    def _emit_since(self, last: str) -> None:
        for index, feature in self.role.since_last:
            w = self.w
            with w.block(f"if {last} > t - {feature.window_ms} and {last} > 0:"):
                w(f"out[i, {index}] = t - {last}")
            with w.block("else:"):
                w(f"out[i, {index}] = NAN")

    def _take_large(self) -> None:
        w = self.w
        role = self.role
        w(f"st = blk + ({self.width} << lg)")
        names: dict[Acc, str] = {}
        for key in range(len(role.keys)):
            names["previous", key, -1] = f"was_{key}"
            self._index_base(key)
            w(f"was_{key} = np.int64(-1)")
            with w.block(f"if k{key} != 0:"):
                w(f"p = index_find(A, ix, im, blk, mk, {self.width}, {self.key_word[key]}, start, k{key})")
                with w.block("if p >= 0:"):
                    w(f"o = {self._o('p')}")
                    w(f"was_{key} = A[o] >> {self.bits}")
                    if key in role.live:
                        bit = role.live.index(key)
                        with w.block(f"if (A[o] >> {bit}) & 1:"):
                            w(f"A[o] &= ~(1 << {bit})")
                            for window in role.current:
                                acc = ("distinct", key, -1)
                                if acc in window.accs:
                                    with w.block(f"if p >= {self._state('cursor', window.length_ms)}:"):
                                        w(f"{self._state(window.length_ms, 0, acc)} -= 1")
        self._store("head", True)
        w("z = A[o]")
        for window in role.current:
            for acc in window.accs:
                if acc[0] == "previous":
                    continue
                names[acc] = self._state(window.length_ms, 0, acc)
                if acc[0] not in ("min", "max"):
                    self._move(window, acc, "+")
                else:
                    self._newest_extreme(window, acc)
        w("head += 1")
        w("A[e + 2] = (start << 32) | head")
        for key in range(len(role.keys)):
            self._index_base(key)
            with w.block(f"if k{key} != 0:"):
                args = f"{self.width}, {self.key_word[key]}, start, head - 1"
                w(f"{self._state('index_used', key)} += index_put(A, ix, im, blk, mk, {args})")
        full = " or ".join(f"{self._state('index_used', key)} * 4 > 3 * (2 << lg)" for key in range(len(role.keys)))
        if full:
            with w.block(f"if {full}:"):
                w(f"rebuild_{self.r}(A, e, t)")
        for window in role.current:
            for acc in window.accs:
                if acc[0] in ("min", "max"):
                    name = names[acc] = "a_" + _acc_name(acc)
                    target = self._state(window.length_ms, 0, acc)
                    w(f"{name} = A[{self._o(target)} + {self.value_word[acc[1]]}]")
                elif acc[0] != "previous":
                    names[acc] = self._state(window.length_ms, 0, acc)
            cursor = self._state("cursor", window.length_ms)
            if any(feature.op == "first_seen" for _, feature in window.features):
                names["first", -1, -1] = "a_first"
                w(f"a_first = A[{self._o(cursor)}] >> {self.bits}")
            for index, feature in window.features:
                self._emit(index, feature, f"(head - {cursor})", names, window)
        for window in role.delayed:
            values = {acc: self._state(window.length_ms, window.delay_ms, acc) for acc in window.accs}
            n = f"({self._state('cursor', window.delay_ms)} - {self._state('cursor', window.start_ms)})"
            for index, feature in window.features:
                self._emit(index, feature, n, values, window)

    def _newest_extreme(self, window: Window, acc: Acc) -> None:
        """The event at `head` (word o) joins; if the old extreme has left the window, look through the window again."""
        w = self.w
        target = self._state(window.length_ms, 0, acc)
        word = self.value_word[acc[1]]
        op = "<=" if acc[0] == "min" else ">="
        w(f"m = {target}")
        w(f"c = {self._state('cursor', window.length_ms)}")
        with w.block("if m >= c:"), w.block(f"if x{acc[1]} {op} A[{self._o('m')} + {word}]:"):
            w(f"{target} = head")
        with w.block("else:"):
            w("m = head")
            w(f"best = x{acc[1]}")
            strict = "<" if acc[0] == "min" else ">"
            with w.block("for p in range(head - 1, c - 1, -1):"):
                w(f"y = A[{self._o('p')} + {word}]")
                with w.block(f"if y {strict} best:"):
                    w("best = y")
                    w("m = p")
            w(f"{target} = m")

    def late(self) -> None:
        """late_r: an event that is older than its entity's newest one, or beyond the lateness: exact, not incremental."""
        w = self.w
        role = self.role
        signature = "i8(i8[::1], i8[:,::1], f8[:,::1], i8, i8, i8, i8)"
        with self._function("late", "A, R, out, i, t, wm, e", signature):
            w(f"floor = wm - {role.retention_ms}")
            w("last = A[e + 3]")
            w(f"if A[e + 1] == 0 or (A[e + 2] & {arena.LOW32}) - (A[e + 2] >> 32) > (1 << (A[e + 1] & 63)) - 1:")
            w(f"    room_{self.r}(A, e, wm, max(last, t))")
            self._ring()
            self._event_values()
            w(f"j = first_after(A, blk, mk, {self.width}, start, head, t, {self.bits})")
            w("before = np.int64(-1)")
            with w.block("if j > start:"):
                w(f"before = A[{self._o('(j - 1)')}] >> {self.bits}")
                with w.block("if before <= floor:"):
                    w("before = -1")
            self._emit_since("before")
            self._scan(late=True)
            with w.block("if t <= floor:"):
                with w.block("if head == start:"):
                    w("A[e + 3] = max(last, t)")
                with w.block(f"if lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, max(last, t))")
                w("return -1")
            with w.block("for p in range(head, j, -1):"):
                w(f"o = {self._o('p')}")
                w(f"q = {self._o('(p - 1)')}")
                for word in range(self.width):
                    w(f"A[o + {word}] = A[q + {word}]")
            self._store("j", False)
            w("head += 1")
            w("A[e + 2] = (start << 32) | head")
            w("A[e + 3] = max(last, t)")
            with w.block(f"if lg >= {self.role.large_lg}:"):
                w(f"rebuild_{self.r}(A, e, max(last, t))")
            if role.live:
                with w.block("else:"):
                    for bit, key in enumerate(role.live):
                        self._place_live(bit, key)
            w("return j")

    def adopt(self) -> None:
        """adopt_r(A, packed): take over entities that `pack_slot` copied out; they must be unknown here."""
        w = self.w
        with self._function("adopt", "A, packed", "void(i8[::1], i8[::1])"):
            w("p = 0")
            with w.block("while p < len(packed):"):
                w(f"e = find_or_add(A, {self.r}, packed[p])")
                w("count = packed[p + 2]")
                w("lg = np.int64(0)")
                with w.block("while (1 << lg) < count:"):
                    w("lg += 1")
                w(f"blk = alloc(A, {arena.RING_CLASS + self.r}, lg, {self._words('lg')})")
                with w.block(f"for i in range(count * {self.width}):"):
                    w("A[blk + i] = packed[p + 3 + i]")
                w("A[e + 1] = (blk << 6) | lg")
                w("A[e + 2] = count")
                w("A[e + 3] = packed[p + 1]")
                with w.block(f"if lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, packed[p + 1])")
                w(f"p += 3 + count * {self.width}")

    def _place_live(self, bit: int, key: int) -> None:
        """Only the newest event with a key carries its live bit: give it to j, or leave it with a later one."""
        w = self.w
        with w.block(f"if k{key} != 0:"):
            w("live = 1")
            with w.block("for p in range(j + 1, head):"):
                w(f"live = 0 if A[{self._o('p')} + {self.key_word[key]}] == k{key} else live")
            with w.block("if live:"):
                w(f"A[{self._o('j')}] |= 1 << {bit}")
                with w.block("for p in range(start, j):"):
                    w(f"o = {self._o('p')}")
                    with w.block(f"if A[o + {self.key_word[key]}] == k{key}:"):
                        w(f"A[o] &= ~(1 << {bit})")

    def label(self) -> None:
        """label_r(A, R, i): a label event sets or clears the fraud bit of the event it refers to."""
        w = self.w
        role = self.role
        with self._function("label", "A, R, i", "void(i8[::1], i8[:,::1], i8)"):
            w(f"key = {_key_source(role)}")
            with w.block("if key == 0:"):
                w("return")
            w(f"e = find(A, {self.r}, key)")
            with w.block("if e < 0 or A[e + 1] == 0:"):
                w("return")
            self._ring()
            w(f"t = R[i, {int(Col.REFERS_MS)}]")
            w(f"fraud = 1 if R[i, {int(Col.LABEL)}] == 1 else 0")
            w(f"p = first_after(A, blk, mk, {self.width}, start, head, t - 1, {self.bits})")
            with w.block(f"while p < head and (A[{self._o('p')}] >> {self.bits}) == t:"):
                w(f"o = {self._o('p')}")
                with w.block(f"if A[o + {self.width - 1}] == R[i, {int(Col.REFERS_SEQ)}]:"):
                    with w.block(f"if ((A[o] >> {role.label_bit}) & 1) == fraud:"):
                        w("return")
                    w(f"A[o] ^= 1 << {role.label_bit}")
                    with w.block(f"if lg >= {self.role.large_lg}:"):
                        w(f"st = blk + ({self.width} << lg)")
                        for window in role.delayed:
                            if ("label", -1, -1) in window.accs:
                                low = self._state("cursor", window.start_ms)
                                high = self._state("cursor", window.delay_ms)
                                with w.block(f"if {low} <= p and p < {high}:"):
                                    target = self._state(window.length_ms, window.delay_ms, ("label", -1, -1))
                                    w(f"{target} += 2 * fraud - 1")
                    w("return")
                w("p += 1")

    def settle(self) -> None:
        """settle_r(A, R, i, t, place, outcome): what was decided for event i becomes part of its conditions."""
        w = self.w
        role = self.role
        with self._function("settle", "A, R, i, t, place, outcome", "void(i8[::1], i8[:,::1], i8, i8, i8, i8)"):
            w(f"e = find(A, {self.r}, {_key_source(role)})")
            with w.block("if e < 0 or A[e + 1] == 0:"):
                w("return")
            self._ring()
            w(f"st = blk + ({self.width} << lg)")
            w(f"o = {self._o('place')}")
            for c, condition in enumerate(role.conditions):
                if not condition.reads_outcome:
                    continue
                with w.block(f"if ({condition_source(condition, 'outcome')}):"):
                    w(f"A[o] |= 1 << {role.condition_bit(c)}")
                    with w.block(f"if lg >= {self.role.large_lg}:"):
                        for window in role.current:
                            for acc in window.accs:
                                if acc[2] != c:
                                    continue
                                target = self._state(window.length_ms, 0, acc)
                                amount = "1" if acc[0] == "where_count" else f"A[o + {self.value_word[acc[1]]}]"
                                with w.block(f"if place >= {self._state('cursor', window.length_ms)}:"):
                                    w(f"{target} += {amount}")


_KINDS: Final = frozenset(
    {"sum", "square_high", "square_low", "min", "max", "where_count", "where_sum", "distinct", "previous", "label"}
)


def _write_crosses(w: _Writer, plan: Plan) -> None:
    """cross_n(A, key, t, wm): another role's sum over (t - window, t] under a key, without changing its state."""
    for n, cross in enumerate(plan.crosses):
        role = plan.roles[cross.other]
        ones = (1 << role.flag_bits) - 1
        word = 1 + cross.value
        w()
        w()
        w('@njit("i8(i8[::1], i8, i8, i8)", cache=True, error_model="numpy", nogil=True)')
        with w.block(f"def cross_{n}(A, key, t, wm):"):
            w(f"e = find(A, {role.index}, key)")
            with w.block("if e < 0 or A[e + 1] == 0:"):
                w("return 0")
            writer = _RoleWriter(w, role)
            writer._ring()
            w(f"lim = (max(t - {cross.window_ms}, wm - {role.retention_ms}) << {role.flag_bits}) | {ones}")
            with w.block(f"if lg >= {role.large_lg} and t >= A[e + 3]:"):
                w(f"st = blk + ({role.width} << lg)")
                w(f"total = {writer._state(cross.window_ms, 0, ('sum', cross.value, -1))}")
                w(f"p = {writer._state('cursor', cross.window_ms)}")
                with w.block(f"while p < head and A[{writer._o('p')}] <= lim:"):
                    w(f"total -= A[{writer._o('p')} + {word}]")
                    w("p += 1")
                w("return total")
            w("total = np.int64(0)")
            w("p = head - 1")
            w(f"high = (t << {role.flag_bits}) | {ones}")
            with w.block("while p >= start:"):
                w(f"o = {writer._o('p')}")
                w("z = A[o]")
                with w.block("if z <= lim:"):
                    w("break")
                with w.block("if z <= high:"):
                    w(f"total += A[o + {word}]")
                w("p -= 1")
            w("return total")


def _write_process(w: _Writer, plan: Plan) -> None:
    settled = [role for role in plan.roles if role.settles]
    marks, codes = _scratch_word(plan, 0), _scratch_word(plan, 1)
    w()
    w()
    if settled:
        w('@njit("void(i8[::1], i8[:,::1], i8, i8)", cache=True, error_model="numpy", nogil=True)')
        with w.block("def settle(A, R, i, outcome):"):
            w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
            for role in settled:
                place = role_word(plan, role.index) + 2
                with w.block(f"if A[{place}] >= 0:"):
                    w(f"settle_{role.index}(A, R, i, t, A[{place}], outcome)")
        w()
        w()
    w('@njit("i8(i8[::1], i8[:,::1], f8[:,::1], i8, i8)", cache=True, error_model="numpy", nogil=True)')
    with w.block("def process(A, R, out, lo, hi):"):
        w('"""Returns hi, or the row it stopped before: -1-i for a gap in the positions, i at the memory limit."""')
        with w.block(f"for b in range(lo, hi, {BLOCK}):"):
            with w.block(f"if A[{arena.BUMP}] >= A[{arena.CAPACITY}] or A[{arena.FULL}] != 0:"):
                w("return b")
            w(f"n = min(hi - b, {BLOCK})")
            w("gap = False")
            with w.block("for q in range(n):"):
                w("i = b + q")
                with w.block(f"if R[i, {int(Col.SEQ)}] != A[{arena.OFFSET}]:"):
                    w("gap = True")
                    w("n = q")
                    w("break")
                w(f"A[{arena.OFFSET}] += 1")
                w(f"wm = A[{arena.WATERMARK}]")
                with w.block(f"if R[i, {int(Col.KIND)}] == {int(Kind.LABEL)}:"):
                    w(f"A[{marks} + q] = wm")
                    w(f"A[{codes} + q] = 2")
                    with w.block(f"for f in range({len(plan.features.features)}):"):
                        w("out[i, f] = NAN")
                    w("continue")
                w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
                w(f"A[{codes} + q] = 0")
                with w.block("if t > wm:"):
                    w("wm = t")
                    w(f"A[{arena.WATERMARK}] = t")
                with w.block(f"elif t < wm - {plan.features.lateness_ms}:"):
                    w(f"A[{codes} + q] = 1")
                    w(f"R[i, {int(Col.FLAGS)}] |= {int(Flag.LATE)}")
                    w(f"A[{arena.LATE}] += 1")
                w(f"A[{marks} + q] = wm")
            for role in plan.roles:
                w(f"run_{role.index}(A, R, out, b, b + n)")
            for n, cross in enumerate(plan.crosses):
                with w.block("for q in range(n):"):
                    w(f"out[b + q, {cross.feature}] /= A[{_scratch_word(plan, 4 + n)} + q] + 100.0")
            with w.block("if gap:"):
                w("return -1 - (b + n)")
        w("return hi")
