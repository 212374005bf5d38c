"""A late event of a large ring: it takes its place, and what runs along follows."""

from __future__ import annotations

from tarim.stream.codegen.large import LargeText


class SqueezeText(LargeText):
    """`squeeze_`."""

    def squeeze(self) -> None:
        """squeeze_r: a late event takes place j of a large ring; costs what lies behind j, not the whole ring."""
        w = self.w
        role = self.role
        with self.function("squeeze", "A, R, i, t, e, j", "void(i8[::1], i8[:,::1], i8, i8, i8, i8)"):
            self.ring()
            self.event_values()
            w(f"st = blk + ({self.width} << lg)")
            w("last = A[e + 3]")
            for key in range(len(role.keys)):
                self.index_base(key)
                word = self.key_word[key]
                w(f"was_{key} = np.int64(-1)")
                with w.block(f"if k{key} != 0:"):
                    w(f"was_{key} = index_find(A, ix, im, blk, mk, {self.width}, {word}, start, k{key})")
                with w.block("for p in range(head - 1, j - 1, -1):"):
                    w(f"key = A[{self.o('p')} + {word}]")
                    with w.block("if key != 0:"):
                        w("index_shift(A, ix, im, key, p)")
            self.insert_at_j()
            for offset in role.boundaries:
                cursor = self.state("cursor", offset)
                with w.block(f"if {cursor} > j or ({cursor} == j and t <= last - {offset}):"):
                    w(f"{cursor} += 1")
            self.make_place_among_labels()
            self._squeeze_keys()
            self._squeeze_windows()

    def _squeeze_keys(self) -> None:
        """The late event carries the live bit of its key unless a later event has the key; the index follows."""
        w = self.w
        role = self.role
        for key in range(len(role.keys)):
            with w.block(f"if k{key} != 0 and was_{key} < j:"):
                if key in role.live:
                    bit = role.live.index(key)
                    acc = ("distinct", key, -1)
                    counted = [window for window in role.current if acc in window.accs]
                    w(f"A[{self.o('j')}] |= 1 << {bit}")
                    with w.block(f"if was_{key} >= 0:"):
                        w(f"A[{self.o(f'was_{key}')}] &= ~(1 << {bit})")
                    for window in counted:
                        cursor = self.state("cursor", window.length_ms)
                        target = self.state(window.length_ms, 0, acc)
                        w(f"{target} += (1 if {cursor} <= j else 0) - (1 if was_{key} >= {cursor} else 0)")
                self.index_base(key)
                args = f"{self.width}, {self.key_word[key]}, start, j"
                w(f"{self.state('index_used', key)} += index_put(A, ix, im, blk, mk, {args})")
        self.reindex_when_full("last")

    def _squeeze_windows(self) -> None:
        w = self.w
        w(f"o = {self.o('j')}")
        w("z = A[o]")
        for window in self.role.current:
            for acc in window.accs:
                if acc[0] in ("distinct", "previous"):
                    continue
                inside = f"{self.state('cursor', window.length_ms)} <= j"
                if acc[0] not in ("min", "max"):
                    with w.block(f"if {inside}:"):
                        self.move(window, acc, "+")
                    continue
                target = self.state(window.length_ms, 0, acc)
                op = "<=" if acc[0] == "min" else ">="
                with w.block(f"if {target} >= j:"):
                    w(f"{target} += 1")
                w(f"m = {target}")
                better = f"x{acc[1]} {op} A[{self.o('m')} + {self.value_word[acc[1]]}]"
                with w.block(f"if {inside} and m >= {self.state('cursor', window.length_ms)} and {better}:"):
                    w(f"{target} = j")
