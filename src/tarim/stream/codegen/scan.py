"""Reading a ring backwards: every window in one pass, for small rings and for late events."""

from __future__ import annotations

from typing import Final

from tarim.stream.codegen.layout import acc_name
from tarim.stream.codegen.runs import RunText
from tarim.stream.kernels import arena
from tarim.stream.plan import Acc

_KINDS: Final = frozenset(
    {"sum", "square_high", "square_low", "min", "max", "where_count", "where_sum", "distinct", "previous", "label"}
)


class ScanText(RunText):
    """The passes over past events, and `late_`, which needs nothing else."""

    def scan(self, *, late: bool) -> None:
        """All windows in one pass from the newest event; `late` reads from before position j and keeps no live bits."""
        w = self.w
        role = self.role
        windows = role.current
        names: dict[Acc, str] = {}
        stop = "j" if late else "head"
        for acc in self.needed(windows, 0):
            kind, field, where = acc
            name = names[acc] = "a_" + acc_name(acc)
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
                case "ordered":
                    args = f"A, blk, mk, {self.width}, {self.value_word[field]}, p + 1, {stop}"
                    names[acc] = f"percentile_between({args}, x{field}, {{others}}, {{factor}})"
                    names["outliers", field, -1] = f"outliers_between({args}, {{factor}})"
        if any(feature.op == "first_seen" for window in windows for _, feature in window.features):
            names["first", -1, -1] = "a_first"
            w("a_first = t")
        w(f"p = {stop} - 1")
        for at, window in enumerate(windows):
            w(f"lim = {self.limit(window.length_ms, late)}")
            self.scan_segment(self.needed(windows, at), names, late=late, first="a_first" in names.values())
            if late:
                for key in [field for kind, field, _ in window.accs if kind == "distinct"]:
                    args = f"{self.width}, {self.key_word[key]}"
                    w(f"{names['distinct', key, -1]} = distinct_between(A, blk, mk, {args}, p + 1, j, k{key})")
            n = f"{stop} - p"
            for index, feature in window.features:
                self.emit(index, feature, f"({n})", names, window)
        self.scan_delayed(late=late)

    def scan_segment(self, needed: list[Acc], names: dict[Acc, str], *, late: bool, first: bool) -> None:
        w = self.w
        role = self.role
        needed = [acc for acc in needed if acc[0] != "ordered"]
        kinds = {acc[0] for acc in needed}
        with w.block("while p >= start:"):
            w(f"o = {self.o('p')}")
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

    def scan_delayed(self, *, late: bool) -> None:
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
                if delay in self.role.run_delays:
                    w("a_run = 0")
                    for name in ("fraud", "clear", "begin"):
                        w(f"a_{name} = np.int64(-1)")
                    for field in self.run_fields(delay):
                        w(f"a_least_{field} = np.int64(0)")
            w(f"lim = {self.limit(window.start_ms, late)}")
            with w.block("while p >= start:"):
                w(f"z = A[{self.o('p')}]")
                with w.block("if z <= lim:"):
                    w("break")
                if self.role.labelled:
                    w(f"a_label += (z >> {self.role.label_bit}) & 1")
                if delay in self.role.run_delays:
                    self.scan_run(delay)
                w("p -= 1")
            for index, feature in window.features:
                self.emit(index, feature, "(newest - p)", {("label", -1, -1): "a_label"}, window)

    def late(self) -> None:
        """late_r: an event that is older than its entity's newest one, or beyond the lateness: exact, not incremental."""
        w = self.w
        role = self.role
        signature = "i8(i8[::1], i8[:,::1], f8[:,::1], i8, i8, i8, i8)"
        with self.function("late", "A, R, out, i, t, wm, e", signature):
            w(f"floor = wm - {role.retention_ms}")
            w("last = A[e + 3]")
            w(f"if A[e + 1] == 0 or (A[e + 2] & {arena.LOW32}) - (A[e + 2] >> 32) > (1 << (A[e + 1] & 63)) - 1:")
            w(f"    room_{self.r}(A, e, wm, max(last, t))")
            self.ring()
            self.event_values()
            w(f"j = first_after(A, blk, mk, {self.width}, start, head, t, {self.bits})")
            w("before = np.int64(-1)")
            with w.block("if j > start:"):
                w(f"before = A[{self.o('(j - 1)')}] >> {self.bits}")
                with w.block("if before <= floor:"):
                    w("before = -1")
            self.emit_since("before")
            self.scan(late=True)
            with w.block("if t <= floor:"):
                with w.block("if head == start:"):
                    w("A[e + 3] = max(last, t)")
                with w.block(f"if lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, max(last, t))")
                w("return -1")
            # the running aggregates reach back whole, and little lies behind j: no need to make them anew
            near = f"last - floor >= {max(role.boundaries, default=0)} and (head - j) * 4 < head - start"
            with w.block(f"if lg >= {self.role.large_lg} and t < last and {near}:"):
                w(f"squeeze_{self.r}(A, R, i, t, e, j)")
                w("return j")
            self.insert_at_j()
            w("A[e + 3] = max(last, t)")
            with w.block(f"if lg >= {self.role.large_lg}:"):
                w(f"rebuild_{self.r}(A, e, max(last, t))")
            if role.live:
                with w.block("else:"):
                    for bit, key in enumerate(role.live):
                        self.place_live(bit, key)
            w("return j")

    def place_live(self, bit: int, key: int) -> None:
        """Only the newest event with a key carries its live bit: give it to j, or leave it with a later one."""
        w = self.w
        with w.block(f"if k{key} != 0:"):
            w("live = 1")
            with w.block("for p in range(j + 1, head):"):
                w(f"live = 0 if A[{self.o('p')} + {self.key_word[key]}] == k{key} else live")
            with w.block("if live:"):
                w(f"A[{self.o('j')}] |= 1 << {bit}")
                with w.block("for p in range(start, j):"):
                    w(f"o = {self.o('p')}")
                    with w.block(f"if A[o + {self.key_word[key]}] == k{key}:"):
                        w(f"A[o] &= ~(1 << {bit})")
