"""Plan to source: the Python text of one kernel module for one feature set, compiled by numba afterwards.

Per role there are these functions, named for what they do: `run_` (a block of events), `late_` (an event that takes an
earlier place), `squeeze_` (the same in a large ring), `large_`, `advance_`, `rebuild_` (running aggregates of a large
ring), `room_` (prune, grow, shrink), `label_`, `settle_`, `adopt_`.  The text is plain Python over the arena, so the same
module runs uncompiled in tests.
"""

from __future__ import annotations

from typing import Final

from tarim.stream.codegen.events import RoleWriter
from tarim.stream.codegen.graph import GraphWriter
from tarim.stream.codegen.layout import (
    BLOCK,
    Writer,
    header_words,
    key_source,
    role_word,
    scratch_word,
)
from tarim.stream.events import Col, Flag, Kind
from tarim.stream.kernels import arena
from tarim.stream.plan import Plan

HELPER_IMPORT: Final = """from tarim.stream.kernels.arena import (
    alloc, distinct_between, find, find_or_add, first_after, home, index_find, index_put, index_shift, pair_key, prefetch,
    release, spread, square_high, square_low, sweep_slot,
)
from tarim.stream.kernels.ordered import (
    ordered_clear, ordered_insert, ordered_outliers, ordered_percentile, ordered_remove, outliers_between, percentile_between,
)
"""
"""Where the generated module takes its helpers from; the compiler puts the helpers themselves in its place."""
FEW: Final = 4
"""Up to so many events what they need is fetched for all entity kinds at once; for more it would not stay in the cache."""
_IMPORTS: Final = f"""import numpy as np
from numba import njit

{HELPER_IMPORT}
NAN = np.nan
"""


def kernel_source(plan: Plan) -> str:
    """Source text of the module; its entry points are `process`, `settle` and the constants it starts with."""
    w = Writer()
    for line in _IMPORTS.splitlines():
        w(line)
    _write_crosses(w, plan)
    for role in plan.roles:
        RoleWriter(w, role).write(plan)
    if plan.graph is not None:
        GraphWriter(w, plan, plan.graph).write()
    _write_process(w, plan)
    return "\n".join(w.lines) + "\n"


def _write_crosses(w: Writer, plan: Plan) -> None:
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
            writer = RoleWriter(w, role)
            writer.ring()
            w(f"lim = (max(t - {cross.window_ms}, wm - {role.retention_ms}) << {role.flag_bits}) | {ones}")
            with w.block(f"if lg >= {role.large_lg} and t >= A[e + 3]:"):
                w(f"st = blk + ({role.width} << lg)")
                w(f"total = {writer.state(cross.window_ms, 0, ('sum', cross.value, -1))}")
                w(f"p = {writer.state('cursor', cross.window_ms)}")
                with w.block(f"while p < head and A[{writer.o('p')}] <= lim:"):
                    w(f"total -= A[{writer.o('p')} + {word}]")
                    w("p += 1")
                w("return total")
            w("total = np.int64(0)")
            w("p = head - 1")
            w(f"high = (t << {role.flag_bits}) | {ones}")
            with w.block("while p >= start:"):
                w(f"o = {writer.o('p')}")
                w("z = A[o]")
                with w.block("if z <= lim:"):
                    w("break")
                with w.block("if z <= high:"):
                    w(f"total += A[o + {word}]")
                w("p -= 1")
            w("return total")


def _write_fetch(w: Writer, plan: Plan) -> None:
    """Fetch what a few events need of every entity kind at once: alone, an event would wait for one kind after the other."""
    read = [(role, key_source(role)) for role in plan.roles]
    read += [(plan.roles[cross.other], key_source(plan.roles[cross.role])) for cross in plan.crosses]
    with w.block(f"if n <= {FEW}:"), w.block("for i in range(b, b + n):"):
        for n, (role, key) in enumerate(read):
            w(f"key_{n} = {key}")
            w(f"home_{n} = home(A, {role.index}, key_{n})")
            w(f"prefetch(A, home_{n})")
        for n, (role, _) in enumerate(read):
            w(f"h = home_{n}")
            with w.block(f"if A[h] == key_{n} and A[h + 1] != 0:"):
                RoleWriter(w, role).fetch_newest(3)


def _write_process(w: Writer, plan: Plan) -> None:
    settled = [role for role in plan.roles if role.settles]
    marks, codes = scratch_word(plan, 0), scratch_word(plan, 1)
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
            _write_fetch(w, plan)
            for role in plan.roles:
                w(f"run_{role.index}(A, R, out, b, b + n)")
            if plan.graph is not None:
                w("graph_run(A, R, out, b, b + n)")
            for n, cross in enumerate(plan.crosses):
                with w.block("for q in range(n):"):
                    w(f"out[b + q, {cross.feature}] /= A[{scratch_word(plan, 4 + n)} + q] + 100.0")
            with w.block("if gap:"):
                w("return -1 - (b + n)")
        w("return hi")


__all__ = ["HELPER_IMPORT", "header_words", "kernel_source"]
