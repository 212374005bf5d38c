"""What happens to a role event by event: `run_` a block, `label_`, `settle_`, `adopt_`."""

from __future__ import annotations

from tarim.stream.codegen.layout import condition_source, key_source, role_word, scratch_word
from tarim.stream.codegen.squeeze import SqueezeText
from tarim.stream.events import Col
from tarim.stream.kernels import arena
from tarim.stream.plan import Plan


class RoleWriter(SqueezeText):
    """All functions of a role, in the order they need each other."""

    def write(self, plan: Plan) -> None:
        self.advance()
        self.rebuild()
        self.room()
        self.squeeze()
        self.late()
        self.large()
        if self.role.labelled:
            self.label()
        if self.role.settles:
            self.settle()
        self.run(plan)
        self.adopt()

    def run(self, plan: Plan) -> None:
        """run_r(A, R, out, lo, hi): up to BLOCK events under this role: fetch, then features and a place in the ring."""
        w = self.w
        role = self.role
        words = role_word(plan, self.r)
        codes, keys, homes = (scratch_word(plan, column) for column in (1, 2, 3))
        crosses = [n for n, cross in enumerate(plan.crosses) if cross.other == self.r]
        with self.function("run", "A, R, out, lo, hi", "void(i8[::1], i8[:,::1], f8[:,::1], i8, i8)"):
            with w.block("for i in range(lo, hi):"):
                w(f"key = {key_source(role)}")
                if role.entity.when is not None:
                    w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
                    with w.block(f"if not ({condition_source(role.entity.when)}) and A[{codes} + i - lo] != 2:"):
                        w("key = 0")
                w(f"h = home(A, {self.r}, key)")
                w(f"A[{keys} + i - lo] = key")
                w(f"A[{homes} + i - lo] = h")
                w("prefetch(A, h)")
                for n in crosses:
                    w(f"h = home(A, {self.r}, {key_source(plan.roles[plan.crosses[n].role])})")
                    w(f"A[{scratch_word(plan, 4 + n)} + i - lo] = h")
                    w("prefetch(A, h)")
            with w.block("for q in range(hi - lo):"):
                w(f"h = A[{homes} + q]")
                with w.block(f"if A[h] == A[{keys} + q] and A[h + 1] != 0:"):
                    self.fetch_newest(3)
                for n in crosses:
                    w(f"h = A[{scratch_word(plan, 4 + n)} + q]")
                    with w.block("if A[h + 1] != 0:"):
                        self.fetch_newest(2)
            with w.block("for i in range(lo, hi):"):
                w("q = i - lo")
                w(f"key = A[{keys} + q]")
                w(f"code = A[{codes} + q]")
                w(f"wm = A[{scratch_word(plan, 0)} + q]")
                with w.block("if code == 2:"):
                    if role.labelled:
                        w(f"label_{self.r}(A, R, i)")
                    w("continue")
                w(f"t = R[i, {int(Col.OCCURRED_MS)}]")
                w("place = np.int64(-1)")
                with w.block("if key == 0:"):
                    self.emit_missing()
                with w.block("else:"):
                    self.take()
                self.after(plan, words)

    def fetch_newest(self, lines: int) -> None:
        """Fetch the newest events of the ring of entry h."""
        w = self.w
        newest = f"((A[h + 2] & {arena.LOW32}) - 1) & ((1 << (A[h + 1] & 63)) - 1)"
        w(f"o = (A[h + 1] >> 6) + ({newest}) * {self.width}")
        w("prefetch(A, o)")
        for line in range(1, lines):
            w(f"prefetch(A, max(o - {8 * line}, 0))")

    def after(self, plan: Plan, words: int) -> None:
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
            w(f"other = {key_source(reader)}")
            w(f"total = cross_{n}(A, other, t, wm)")
            with w.block(f"if t <= wm - {role.retention_ms} and key != 0 and key == other:"):
                # too old to be kept, yet an event always counts itself
                w(f"total += R[i, {int(role.values[cross.value])}]")
            w(f"A[{scratch_word(plan, 4 + n)} + q] = total")
        with w.block(f"if wm >= A[{words}]:"):
            args = (
                f"{role.width}, {role.large_words}, {role.large_words_per_place}, {role.large_lg}, "
                f"{arena.RING_CLASS + self.r}"
            )
            w(f"sweep_slot(A, {self.r}, A[{words + 1}], wm - {role.retention_ms}, {args})")
            w(f"A[{words + 1}] = (A[{words + 1}] + 1) & {arena.SLOTS - 1}")
            step = role.retention_ms // 2 // arena.SLOTS + 1
            w(f"A[{words}] = (wm if A[{words}] == 0 else A[{words}]) + {step}")

    def take(self) -> None:
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
            self.ring()
            self.event_values()
            self.emit_since("last")
            w("A[e + 3] = t")
            with w.block(f"if lg < {self.role.large_lg}:"):
                self.scan(late=False)
                self.store("head", True)
                w("A[e + 2] = (start << 32) | (head + 1)")
                w("place = head")
            with w.block("else:"):
                w("place = head")
                w(f"large_{self.r}(A, R, out, i, t, e)")

    def adopt(self) -> None:
        """adopt_r(A, packed): take over entities that `pack_slot` copied out; they must be unknown here."""
        w = self.w
        with self.function("adopt", "A, packed", "void(i8[::1], i8[::1])"):
            w("p = 0")
            with w.block("while p < len(packed):"):
                w(f"e = find_or_add(A, {self.r}, packed[p])")
                w("count = packed[p + 2]")
                w("lg = np.int64(0)")
                with w.block("while (1 << lg) < count:"):
                    w("lg += 1")
                w(f"blk = alloc(A, {arena.RING_CLASS + self.r}, lg, {self.words('lg')})")
                with w.block(f"for i in range(count * {self.width}):"):
                    w("A[blk + i] = packed[p + 3 + i]")
                w("A[e + 1] = (blk << 6) | lg")
                w("A[e + 2] = count")
                w("A[e + 3] = packed[p + 1]")
                with w.block(f"if lg >= {self.role.large_lg}:"):
                    w(f"rebuild_{self.r}(A, e, packed[p + 1])")
                w(f"p += 3 + count * {self.width}")

    def label(self) -> None:
        """label_r(A, R, i): a label event sets or clears the fraud bit of the event it refers to."""
        w = self.w
        role = self.role
        with self.function("label", "A, R, i", "void(i8[::1], i8[:,::1], i8)"):
            w(f"key = {key_source(role)}")
            with w.block("if key == 0:"):
                w("return")
            w(f"e = find(A, {self.r}, key)")
            with w.block("if e < 0 or A[e + 1] == 0:"):
                w("return")
            self.ring()
            w(f"t = R[i, {int(Col.REFERS_MS)}]")
            w(f"fraud = 1 if R[i, {int(Col.LABEL)}] == 1 else 0")
            w(f"p = first_after(A, blk, mk, {self.width}, start, head, t - 1, {self.bits})")
            with w.block(f"while p < head and (A[{self.o('p')}] >> {self.bits}) == t:"):
                w(f"o = {self.o('p')}")
                with w.block(f"if A[o + {self.width - 1}] == R[i, {int(Col.REFERS_SEQ)}]:"):
                    with w.block(f"if ((A[o] >> {role.label_bit}) & 1) == fraud:"):
                        w("return")
                    w(f"A[o] ^= 1 << {role.label_bit}")
                    with w.block(f"if lg >= {self.role.large_lg}:"):
                        w(f"st = blk + ({self.width} << lg)")
                        for window in role.delayed:
                            if ("label", -1, -1) in window.accs:
                                low = self.state("cursor", window.start_ms)
                                high = self.state("cursor", window.delay_ms)
                                with w.block(f"if {low} <= p and p < {high}:"):
                                    target = self.state(window.length_ms, window.delay_ms, ("label", -1, -1))
                                    w(f"{target} += 2 * fraud - 1")
                        for delay_ms in role.run_delays:
                            self.relabel(delay_ms)
                    w("return")
                w("p += 1")

    def settle(self) -> None:
        """settle_r(A, R, i, t, place, outcome): what was decided for event i becomes part of its conditions."""
        w = self.w
        role = self.role
        with self.function("settle", "A, R, i, t, place, outcome", "void(i8[::1], i8[:,::1], i8, i8, i8, i8)"):
            w(f"e = find(A, {self.r}, {key_source(role)})")
            with w.block("if e < 0 or A[e + 1] == 0:"):
                w("return")
            self.ring()
            w(f"st = blk + ({self.width} << lg)")
            w(f"o = {self.o('place')}")
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
                                target = self.state(window.length_ms, 0, acc)
                                amount = "1" if acc[0] == "where_count" else f"A[o + {self.value_word[acc[1]]}]"
                                with w.block(f"if place >= {self.state('cursor', window.length_ms)}:"):
                                    w(f"{target} += {amount}")
