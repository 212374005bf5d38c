"""Acceptance runs: a line per bar with target and figure, then `N passed, M failed`; status 1 on any miss.

Each `bench.accept_<name>` states its bars and calls `main`.  A bar that cannot be run (no data, no compiler, out of time) has
failed, and the line says why.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.conditions import conditions, describe

QUICK_S = 50
FULL_S = 15 * 60


@dataclass(frozen=True)
class Line:
    """One judged figure."""

    name: str
    target: str
    figure: str
    passed: bool


@dataclass(frozen=True)
class Run:
    """What every bar may know: whether sizes are small, and when the whole run has to be over (monotonic seconds)."""

    quick: bool
    deadline: float

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def left_s(self) -> float:
        return self.deadline - time.monotonic()


@dataclass(frozen=True)
class Bar:
    """A bar of the table: `lines` are the names it must answer, `judge` gives them."""

    name: str
    lines: tuple[str, ...]
    judge: Callable[[Run], Iterator[Line]]
    needs_s: tuple[int, int]
    """About how long it takes, in full and quick; it is not started with less than half of that left."""
    timed: bool = True
    """Whether a figure of it is a time.  Those without are judged at the end, two at a time."""


def at_least(name: str, target: float, figure: float, unit: str = "", note: str = "") -> Line:
    """Passed when the figure reaches the target."""
    return Line(name, f">= {_number(target)}{unit}", f"{_number(figure)}{unit}{_noted(note)}", figure >= target)


def at_most(name: str, target: float, figure: float, unit: str = "", note: str = "") -> Line:
    """Passed when the figure does not exceed the target."""
    return Line(name, f"<= {_number(target)}{unit}", f"{_number(figure)}{unit}{_noted(note)}", figure <= target)


def none(name: str, what: str, found: int, note: str = "") -> Line:
    """Passed when nothing was found."""
    return Line(name, f"no {what}", f"{found:,}{_noted(note)}", found == 0)


def _noted(note: str) -> str:
    return f"  ({note})" if note else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.3g}"


def judge(bar: Bar, run: Run) -> list[Line]:
    """The bar's lines; those it could not answer are failed lines with the reason."""
    needed = bar.needs_s[run.quick] / 2
    found: list[Line] = []
    reason = ""
    if run.left_s < needed:
        reason = f"not run: {max(0.0, run.left_s):.0f} s left of the time allowed, about {2 * needed:.0f} needed"
    else:
        try:
            found += bar.judge(run)
        except ImportError as error:
            reason = f"not run: {error}"
        except KeyError as error:
            reason = f"not measured: the figures have no {error}"
        except Exception as error:  # a bar that breaks is a failed bar, and the others are still judged
            traceback.print_exc(file=sys.stderr)
            reason = f"not run: {type(error).__name__}: {error}"
    answered = {line.name for line in found}
    missing = [name for name in bar.lines if name not in answered]
    found += [Line(name, "to be measured", reason or "not measured", False) for name in missing]
    return found


def _judged(bars: Sequence[Bar], run: Run) -> Iterator[Line]:
    """All lines: timed bars one after the other, the short ones first, so that a slow one costs no other its turn; then the
    others two at a time, the longest first, so that they end together.
    """
    for bar in sorted(bars, key=lambda bar: bar.needs_s[run.quick]):
        if bar.timed:
            yield from judge(bar, run)
    rest = sorted((bar for bar in bars if not bar.timed), key=lambda bar: -bar.needs_s[run.quick])
    with ThreadPoolExecutor(2) as pool:
        for lines in pool.map(lambda bar: judge(bar, run), rest):
            yield from lines


def main(
    description: str,
    bars: Sequence[Bar],
    prepare: Callable[[bool, Collection[str]], float],
    full_s: float = FULL_S,
) -> int:
    """Judge the bars that the command line asks for, within `full_s` seconds, or QUICK_S.

    prepare: told of QUICK and of the bars' names before the clock starts; compiles what they need, gives the seconds it took.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", nargs="*", choices=[bar.name for bar in bars], help="judge these bars only")
    parser.add_argument("--json", type=Path, help="write lines and conditions to this file")
    options = parser.parse_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    found = conditions()
    print(describe(found), f"QUICK: {quick}", sep="\n", flush=True)
    chosen = options.only or [bar.name for bar in bars]
    print(f"kernels ready after {prepare(quick, chosen):.1f} s; the clock starts", flush=True)
    started = time.monotonic()
    run = Run(quick, started + (QUICK_S if quick else full_s))
    lines: list[Line] = []
    for line in _judged([bar for bar in bars if bar.name in chosen], run):
        lines.append(line)
        verdict = "PASS" if line.passed else "MISS"
        print(f"{verdict}  {line.name:<40}  {line.target:<28}  {line.figure}", flush=True)
    if options.json:
        result = {"conditions": found, "quick": quick, "lines": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    passed = sum(line.passed for line in lines)
    print(f"took {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {len(lines) - passed} failed")
    return 0 if passed == len(lines) else 1
