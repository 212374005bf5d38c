"""Runs of labels: which events behind a delay are the newest known as fraud and the newest not known as such.

Small rings find out while they are read backwards.  A large ring keeps, for each delay, the positions of both (`fraud`,
`clear`; -1 = none) among the events behind the delay, and for each window that asks for it the position of the
smallest value of the run, the events after `clear`; -1 = to be looked for.
"""

from __future__ import annotations

from tarim.stream.codegen.role import RoleText
from tarim.stream.plan import Window


class RunText(RoleText):
    """What scans, large rings, labels and late events do about runs."""

    def run_fields(self, delay_ms: int) -> list[int]:
        """Value fields whose smallest in the run behind a delay is asked for."""
        windows = [window for window in self.role.delayed if window.delay_ms == delay_ms]
        return sorted({acc[1] for window in windows for acc in window.accs if acc[0] == "run_min"})

    def scan_run(self, delay_ms: int) -> None:
        """The event with flags z, older than all so far, as the newest of its label and as one more of the run."""
        w = self.w
        with w.block(f"if (z >> {self.role.label_bit}) & 1:"):
            w(f"a_fraud = (z >> {self.bits}) if a_fraud < 0 else a_fraud")
            with w.block("if a_clear < 0:"):
                for field in self.run_fields(delay_ms):
                    w(f"y = A[{self.o('p')} + {self.value_word[field]}]")
                    w(f"a_least_{field} = y if a_run == 0 else min(a_least_{field}, y)")
                w("a_run += 1")
                w(f"a_begin = z >> {self.bits}")
        with w.block("else:"):
            w(f"a_clear = (z >> {self.bits}) if a_clear < 0 else a_clear")

    def trace(self, delay_ms: int, position: str) -> None:
        """The event at `position` with flags z comes from under the delay: it is the newest of its label."""
        w = self.w
        with w.block(f"if (z >> {self.role.label_bit}) & 1:"):
            w(f"{self.state('fraud', delay_ms)} = {position}")
            for target, word in self.run_minima(delay_ms):
                w(f"m = {target}")
                with w.block(f"if m >= 0 and A[o + {word}] <= A[{self.o('m')} + {word}]:"):
                    w(f"{target} = {position}")
        with w.block("else:"):
            w(f"{self.state('clear', delay_ms)} = {position}")
            self.forget_run_min(delay_ms)

    def look_for_newest_labels(self) -> None:
        """Both newest positions of each delay from the ring itself."""
        w = self.w
        for delay_ms in self.role.run_delays:
            fraud, clear = self.state("fraud", delay_ms), self.state("clear", delay_ms)
            w(f"{fraud} = -1")
            w(f"{clear} = -1")
            w(f"p = {self.state('cursor', delay_ms)} - 1")
            with w.block(f"while p >= start and ({fraud} < 0 or {clear} < 0):"):
                with w.block(f"if (A[{self.o('p')}] >> {self.role.label_bit}) & 1:"):
                    w(f"{fraud} = max({fraud}, p)")
                with w.block("else:"):
                    w(f"{clear} = max({clear}, p)")
                w("p -= 1")

    def newest_labels(self, window: Window) -> None:
        """Locals a_fraud and a_clear: times of the newest events of either label in a delayed window, -1 without; and the
        run behind the latter, a_run events from time a_begin on.
        """
        w = self.w
        w(f"c = {self.state('cursor', window.start_ms)}")
        for label in ("fraud", "clear"):
            w(f"p = {self.state(label, window.delay_ms)}")
            w(f"a_{label} = (A[{self.o('p')}] >> {self.bits}) if p >= c else np.int64(-1)")
        w("p = max(p + 1, c)")
        w(f"a_run = {self.state('cursor', window.delay_ms)} - p")
        w(f"a_begin = A[{self.o('p')}] >> {self.bits}")
        for kind, field, where in window.accs:
            if kind == "run_min":
                self.smallest_of_run(self.state(window.length_ms, window.delay_ms, (kind, field, where)), field)

    def run_minima(self, delay_ms: int) -> list[tuple[str, int]]:
        """State words that hold the place of a run's smallest value (-1 = to be looked for), and the value's word."""
        return [
            (self.state(window.length_ms, delay_ms, acc), self.value_word[acc[1]])
            for window in self.role.delayed
            for acc in window.accs
            if window.delay_ms == delay_ms and acc[0] == "run_min"
        ]

    def smallest_of_run(self, target: str, field: int) -> None:
        """Local a_least_<field>: the smallest value of the a_run events from p on; looked for where its place is unknown."""
        w = self.w
        word = self.value_word[field]
        with w.block(f"if a_run > 0 and {target} < p:"):
            w(f"{target} = p")
            smaller = f"A[{self.o('q')} + {word}] <= A[{self.o(target)} + {word}]"
            with w.block("for q in range(p + 1, p + a_run):"), w.block(f"if {smaller}:"):
                w(f"{target} = q")
        w(f"a_least_{field} = A[{self.o(target)} + {word}]")

    def forget_run_min(self, delay_ms: int) -> None:
        """Where a run's smallest value lies is not known any more."""
        for target, _ in self.run_minima(delay_ms):
            self.w(f"{target} = -1")

    def relabel(self, delay_ms: int) -> None:
        """The label of the event at p, if it lies behind the delay, changed to `fraud`: find the newest of either again."""
        w = self.w
        fraud, clear = self.state("fraud", delay_ms), self.state("clear", delay_ms)
        with w.block(f"if p < {self.state('cursor', delay_ms)}:"):
            for newest, other, is_fraud in ((fraud, clear, 1), (clear, fraud, 0)):
                with w.block(f"if fraud == {is_fraud}:"):
                    w(f"{newest} = max({newest}, p)")
                    with w.block(f"if {other} == p:"):
                        w("q = p - 1")
                        with w.block(f"while q >= start and (A[{self.o('q')}] >> {self.role.label_bit}) & 1 == fraud:"):
                            w("q -= 1")
                        w(f"{other} = q if q >= start else np.int64(-1)")
            self.forget_run_min(delay_ms)

    def make_place_among_labels(self) -> None:
        """A late event took place j of a large ring; nobody has called it fraud yet."""
        w = self.w
        for delay_ms in self.role.run_delays:
            fraud, clear = self.state("fraud", delay_ms), self.state("clear", delay_ms)
            for newest in (fraud, clear):
                with w.block(f"if {newest} >= j:"):
                    w(f"{newest} += 1")
            with w.block(f"if j < {self.state('cursor', delay_ms)}:"):
                w(f"{clear} = max({clear}, j)")
            self.forget_run_min(delay_ms)
