"""Large rings: cursors, running aggregates, an index of newest positions; and room for one more event."""

from __future__ import annotations

from tarim.stream.codegen.layout import acc_name
from tarim.stream.codegen.scan import ScanText
from tarim.stream.kernels import arena, ordered
from tarim.stream.plan import RING_LG_MAX, Acc, Window


class LargeText(ScanText):
    """`advance_`, `rebuild_`, `room_` and `large_`."""

    def advance(self) -> None:
        """advance_r(A, e, t): move a large ring's cursors to instant t, taking leavers out of the running aggregates."""
        w = self.w
        role = self.role
        with self.function("advance", "A, e, t", "void(i8[::1], i8, i8)"):
            self.ring()
            w(f"st = blk + ({self.width} << lg)")
            for offset in role.boundaries:
                leaving = [window for window in role.windows if window.start_ms == offset]
                entering = [window for window in role.windows if window.delay_ms == offset]
                w(f"lim = {self.limit(offset, False)}")
                w(f"c = {self.state('cursor', offset)}")
                moves = [(window, acc, "-") for window in leaving for acc in window.accs]
                moves += [(window, acc, "+") for window in entering for acc in window.accs]
                moves = [move for move in moves if move[1][0] not in ("min", "max", "previous", "run_min")]
                traced = offset in role.run_delays
                with w.block("while c < head:"):
                    w(f"o = {self.o('c')}")
                    w("z = A[o]")
                    with w.block("if z <= lim:"):
                        for window, acc, sign in moves:
                            self.move(window, acc, sign)
                        if traced:
                            self.trace(offset, "c")
                        w("c += 1")
                    with w.block("else:"):
                        w("break")
                w(f"{self.state('cursor', offset)} = c")

    def move(self, window: Window, acc: Acc, sign: str) -> None:
        """Add (+) or take out (-) the event at word o with flags z."""
        kind, field, where = acc
        if kind == "ordered":
            call = "ordered_insert" if sign == "+" else "ordered_remove"
            self.w(f"{call}(A, {self.ordered_base(window, field)}, lg, A[o + {self.value_word[field]}])")
            return
        target = self.state(window.length_ms, window.delay_ms, acc)
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

    def ordered_base(self, window: Window, field: int) -> str:
        """Where the values of a window lie in order."""
        role = self.role
        number = role.ordered.index((window.length_ms, field))
        before = f"{len(role.state) + number * ordered.WORDS_MORE}"
        return f"st + {before} + ({2 * len(role.keys) + number * ordered.WORDS_PER_PLACE} << lg)"

    def rebuild(self) -> None:
        """rebuild_r(A, e, t): index, live bits, cursors and aggregates of a large ring from its events, as at instant t."""
        w = self.w
        role = self.role
        with self.function("rebuild", "A, e, t", "void(i8[::1], i8, i8)"):
            self.ring()
            w(f"st = blk + ({self.width} << lg)")
            for key in range(len(role.keys)):
                self.index_base(key)
                with w.block("for q in range(im + 1):"):
                    w("A[ix + q] = 0")
                w("used = np.int64(0)")
                with w.block("for p in range(start, head):"):
                    w(f"o = {self.o('p')}")
                    w(f"key = A[o + {self.key_word[key]}]")
                    with w.block("if key != 0:"):
                        if key in role.live:
                            bit = role.live.index(key)
                            args = f"{self.width}, {self.key_word[key]}"
                            w(f"was = index_find(A, ix, im, blk, mk, {args}, start, key)")
                            with w.block("if was >= 0:"):
                                w(f"A[{self.o('was')}] &= ~(1 << {bit})")
                            w(f"A[o] |= 1 << {bit}")
                        w(f"used += index_put(A, ix, im, blk, mk, {self.width}, {self.key_word[key]}, start, p)")
                w(f"{self.state('index_used', key)} = used")
            for offset in role.boundaries:
                args = f"{self.width}, start, head, t - {offset}, {self.bits}"
                w(f"{self.state('cursor', offset)} = first_after(A, blk, mk, {args})")
            for window in role.windows:
                stop = "head" if not window.delay_ms else self.state("cursor", window.delay_ms)
                accs = [acc for acc in window.accs if acc[0] != "previous"]
                for acc in accs:
                    if acc[0] == "ordered":
                        w(f"ordered_clear(A, {self.ordered_base(window, acc[1])}, lg)")
                        continue
                    none = -1 if acc[0] in ("min", "max", "run_min") else 0
                    w(f"{self.state(window.length_ms, window.delay_ms, acc)} = {none}")
                accs = [acc for acc in accs if acc[0] != "run_min"]
                if not accs:
                    continue
                with w.block(f"for p in range({self.state('cursor', window.start_ms)}, {stop}):"):
                    w(f"o = {self.o('p')}")
                    w("z = A[o]")
                    for acc in accs:
                        if acc[0] in ("min", "max"):
                            self.extreme(window, acc, "p")
                        else:
                            self.move(window, acc, "+")
            self.look_for_newest_labels()

    def extreme(self, window: Window, acc: Acc, position: str) -> None:
        """Let the event at `position` (word o) become the window's smallest or largest if it is."""
        w = self.w
        target = self.state(window.length_ms, window.delay_ms, acc)
        word = self.value_word[acc[1]]
        op = "<=" if acc[0] == "min" else ">="
        w(f"m = {target}")
        with w.block(f"if m < 0 or A[o + {word}] {op} A[{self.o('m')} + {word}]:"):
            w(f"{target} = {position}")

    def index_base(self, key: int) -> None:
        w = self.w
        w("im = (2 << lg) - 1")
        w(f"ix = st + {len(self.role.state)} + {key} * (2 << lg)")

    def room(self) -> None:
        """room_r(A, e, wm, t): make place for one more event; prunes what no window can see, grows or shrinks the ring."""
        w = self.w
        with self.function("room", "A, e, wm, t", "void(i8[::1], i8, i8, i8)"):
            with w.block("if A[e + 1] == 0:"):
                cls = arena.RING_CLASS + self.r
                w(f"A[e + 1] = alloc(A, {cls}, 0, {self.width}) << 6")
                w("A[e + 2] = 0")
                w("return")
            w("old_lg = A[e + 1] & 63")
            with w.block(f"if old_lg >= {self.role.large_lg}:"):
                w(f"advance_{self.r}(A, e, t)")
            self.ring()
            w(f"lim = ((wm - {self.role.retention_ms}) << {self.bits}) | {self.ones}")
            with w.block(f"while start < head and A[{self.o('start')}] <= lim:"):
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
                w(f"new = alloc(A, {cls}, new_lg, {self.words('new_lg')})")
                w("nk = (1 << new_lg) - 1")
                with w.block("for p in range(start, head):"):
                    w(f"o = {self.o('p')}")
                    w(f"q = new + (p & nk) * {self.width}")
                    for word in range(self.width):
                        w(f"A[q + {word}] = A[o + {word}]")
                w(f"release(A, {cls}, lg, {self.words('lg')}, blk)")
                w("A[e + 1] = (new << 6) | new_lg")
                with w.block(f"if new_lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, t)")

    def words(self, lg: str) -> str:
        extra = f"{self.role.large_words} + ({self.role.large_words_per_place} << {lg})"
        return f"({self.width} << {lg}) + (({extra}) if {lg} >= {self.role.large_lg} else 0)"

    def large(self) -> None:
        """large_r: an event in order whose entity's ring is large: cursors move, aggregates follow."""
        signature = "void(i8[::1], i8[:,::1], f8[:,::1], i8, i8, i8)"
        with self.function("large", "A, R, out, i, t, e", signature):
            self.w(f"advance_{self.r}(A, e, t)")
            self.ring()
            self.event_values()
            self.take_large()

    def take_large(self) -> None:
        w = self.w
        role = self.role
        w(f"st = blk + ({self.width} << lg)")
        names: dict[Acc, str] = {}
        for key in range(len(role.keys)):
            names["previous", key, -1] = f"was_{key}"
            self.index_base(key)
            w(f"was_{key} = np.int64(-1)")
            with w.block(f"if k{key} != 0:"):
                w(f"p = index_find(A, ix, im, blk, mk, {self.width}, {self.key_word[key]}, start, k{key})")
                with w.block("if p >= 0:"):
                    w(f"o = {self.o('p')}")
                    w(f"was_{key} = A[o] >> {self.bits}")
                    if key in role.live:
                        bit = role.live.index(key)
                        with w.block(f"if (A[o] >> {bit}) & 1:"):
                            w(f"A[o] &= ~(1 << {bit})")
                            for window in role.current:
                                acc = ("distinct", key, -1)
                                if acc in window.accs:
                                    with w.block(f"if p >= {self.state('cursor', window.length_ms)}:"):
                                        w(f"{self.state(window.length_ms, 0, acc)} -= 1")
        self.store("head", True)
        w("z = A[o]")
        for window in role.current:
            for acc in window.accs:
                if acc[0] == "previous":
                    continue
                if acc[0] != "ordered":
                    names[acc] = self.state(window.length_ms, 0, acc)
                if acc[0] not in ("min", "max"):
                    self.move(window, acc, "+")
                else:
                    self.newest_extreme(window, acc)
        w("head += 1")
        w("A[e + 2] = (start << 32) | head")
        for key in range(len(role.keys)):
            self.index_base(key)
            with w.block(f"if k{key} != 0:"):
                args = f"{self.width}, {self.key_word[key]}, start, head - 1"
                w(f"{self.state('index_used', key)} += index_put(A, ix, im, blk, mk, {args})")
        self.reindex_when_full("t")
        for window in role.current:
            for acc in window.accs:
                if acc[0] in ("min", "max"):
                    name = names[acc] = "a_" + acc_name(acc)
                    target = self.state(window.length_ms, 0, acc)
                    w(f"{name} = A[{self.o(target)} + {self.value_word[acc[1]]}]")
                elif acc[0] == "ordered":
                    count = f"head - {self.state('cursor', window.length_ms)}"
                    args = f"A, {self.ordered_base(window, acc[1])}, lg, {count}, x{acc[1]}"
                    names[acc] = f"ordered_percentile({args}, {{others}}, {{factor}})"
                    names["outliers", acc[1], -1] = f"ordered_outliers({args}, {{factor}})"
                elif acc[0] != "previous":
                    names[acc] = self.state(window.length_ms, 0, acc)
            cursor = self.state("cursor", window.length_ms)
            if any(feature.op == "first_seen" for _, feature in window.features):
                names["first", -1, -1] = "a_first"
                w(f"a_first = A[{self.o(cursor)}] >> {self.bits}")
            for index, feature in window.features:
                self.emit(index, feature, f"(head - {cursor})", names, window)
        for window in role.delayed:
            values = {acc: self.state(window.length_ms, window.delay_ms, acc) for acc in window.accs}
            n = f"({self.state('cursor', window.delay_ms)} - {self.state('cursor', window.start_ms)})"
            if window.delay_ms in role.run_delays:
                self.newest_labels(window)
            for index, feature in window.features:
                self.emit(index, feature, n, values, window)

    def reindex_when_full(self, at: str) -> None:
        """Stale places fill a large ring's index: make it anew before it is full."""
        keys = range(len(self.role.keys))
        full = " or ".join(f"{self.state('index_used', key)} * 4 > 3 * (2 << lg)" for key in keys)
        if full:
            with self.w.block(f"if {full}:"):
                self.w(f"rebuild_{self.r}(A, e, {at})")

    def newest_extreme(self, window: Window, acc: Acc) -> None:
        """The event at `head` (word o) joins; if the old extreme has left the window, look through the window again."""
        w = self.w
        target = self.state(window.length_ms, 0, acc)
        word = self.value_word[acc[1]]
        op = "<=" if acc[0] == "min" else ">="
        w(f"m = {target}")
        w(f"c = {self.state('cursor', window.length_ms)}")
        with w.block("if m >= c:"), w.block(f"if x{acc[1]} {op} A[{self.o('m')} + {word}]:"):
            w(f"{target} = head")
        with w.block("else:"):
            w("m = head")
            w(f"best = x{acc[1]}")
            strict = "<" if acc[0] == "min" else ">"
            with w.block("for p in range(head - 1, c - 1, -1):"):
                w(f"y = A[{self.o('p')} + {word}]")
                with w.block(f"if y {strict} best:"):
                    w("best = y")
                    w("m = p")
            w(f"{target} = m")
