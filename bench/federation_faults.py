"""Two nodes at work, and at a random moment one dies or the line breaks: no hang, no half-opened result, and runs go on.

    python -m bench.federation_faults [--trials N] [--seed N]

Each trial is a joint run, logistic regression and trees by turns, of two real nodes over a relay.  The moment is drawn evenly
over the time that a run without faults takes, the fault goes round: the asking process is killed (SIGKILL); the answering node
is killed and started again; the line is cut, several times over and at once back; it is cut for good.

A trial passes when
  - whoever lives has ended within the patience of a link, `MARGIN_S`, and `RUNS` times what a run without faults took, because
    a run that goes on needs its own time; and every run has a signed transcript on each side that noted it, of killed
    processes as well;
  - nothing was opened to a side whose own or whose peer's part of the model is missing;
  - both transcripts name the same openings in the same order; of a run that failed, one names a beginning of the other's;
    a result that one side has stands in both as opened to it;
  - where the line came back, the run is done on both sides.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.faulty_pair import ALGORITHMS, Node, Pair, faulty_pair
from tarim.federation import Run, Transcript, verify_transcript

ROWS: Final = 600
PATIENCE_S: Final = 3.0
"""Of a link, in these runs."""
MARGIN_S: Final = 12.0
"""For what is not the link's: on a shared machine a process may wait for its turn."""
RUNS: Final = 4
CUTS: Final = 4
FAULTS: Final = ("asker killed", "answerer killed", "line cut and back", "line cut for good")


class _Trouble(Exception):
    """What a trial shows that must not be."""


def _waited(holds: Callable[[], bool], what: str, since: float, limit_s: float) -> float:
    """Seconds since then until it holds.  Raises _Trouble when that takes too long."""
    while not holds():
        if time.monotonic() - since > limit_s:
            raise _Trouble(what)
        time.sleep(0.05)
    return time.monotonic() - since


def _struck(pair: Pair, asking: BaseProcess, fault: str, gap_s: float) -> None:
    """The fault, now."""
    if fault == "asker killed":
        asking.kill()
    elif fault == "answerer killed":
        pair.data.kill()
        pair.data.serve()
        pair.line.target = pair.data.port
    elif fault == "line cut for good":
        pair.line.cut(stays_down=True)
    else:
        for _ in range(CUTS):
            pair.line.cut(stays_down=False)
            time.sleep(gap_s)


def _trial(pair: Pair, algorithm: str, fault: str, draw: np.random.Generator, whole_s: float) -> float:
    """Seconds from the fault until everything had ended.  whole_s: of a run without faults.  Raises _Trouble."""
    after_s, gap_s = float(draw.uniform(0, whole_s)), float(draw.uniform(0, whole_s / CUTS))
    limit_s = PATIENCE_S + MARGIN_S + RUNS * whole_s
    before = [{each.run for each in node.runs()} for node in pair.nodes]
    asking = pair.bank.ask(pair.contracts[algorithm])
    asking.join(after_s)
    since, met = time.monotonic(), asking.exitcode is None
    if met:
        _struck(pair, asking, fault, gap_s)
    ended_s = _waited(lambda: asking.exitcode is not None, "the asking side hung", since, limit_s)

    def settled() -> bool:
        return all(each.transcript for node in pair.nodes for each in node.runs())

    ended_s = max(ended_s, _waited(settled, "a side has no transcript", since, limit_s))
    pair.line.up = True
    new = [
        {each.run: each for each in node.runs() if each.run not in known}
        for node, known in zip(pair.nodes, before, strict=True)
    ]
    if fault == "line cut and back" and (asking.exitcode or [len(each) for each in new] != [1, 1]):
        raise _Trouble("the run was not taken up again")
    for run in new[0].keys() | new[1].keys():
        _require_sound(pair, run, [each.get(run) for each in new], resumes=fault == "line cut and back")
    return ended_s if met else 0.0


def _require_sound(pair: Pair, run: str, sides: list[Run | None], *, resumes: bool) -> None:
    found = [_transcript(node, each) for node, each in zip(pair.nodes, sides, strict=True)]
    if resumes and not all(each is not None and each.state == "done" for each in found):
        raise _Trouble("a line that came back did not resume the run")
    for node in pair.nodes:
        if node.has_result(run) and not all(each.has_model(run) for each in pair.nodes):
            raise _Trouble("a result was opened without a model on both sides")
    opened = [[] if each is None else each.opened for each in found]
    shorter, longer = sorted(opened, key=len)
    if longer[: len(shorter)] != shorter:
        raise _Trouble("the transcripts name other openings")
    if len(shorter) != len(longer) and all(each is not None and each.state == "done" for each in found):
        raise _Trouble("a run that is done has other openings on either side")
    for node in pair.nodes:
        name = node.folder.name
        if node.has_result(run) and not all(any(each.to == name for each in side) for side in opened):
            raise _Trouble("a result is there that a transcript does not name")


def _transcript(node: Node, run: Run | None) -> Transcript | None:
    """A run's transcript, its signature verified."""
    if run is None:
        return None
    with node.party() as party:
        return verify_transcript(run.transcript, run.signature, party.signer.public_key_hex)


def measured(trials: int, seed: int = 1) -> dict[str, Any]:
    """Figures of so many trials."""
    draw, troubles, worst_s, met = np.random.default_rng(seed), Counter[str](), 0.0, 0
    begin = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="tarim-faults-") as folder,
        faulty_pair(Path(folder), ROWS, PATIENCE_S) as pair,
    ):
        clean_s = {algorithm: _clean_s(pair, algorithm) for algorithm in ALGORITHMS}
        for number in range(trials):
            fault = FAULTS[number % len(FAULTS)]
            algorithm = tuple(ALGORITHMS)[number // len(FAULTS) % len(ALGORITHMS)]
            try:
                ended_s = _trial(pair, algorithm, fault, draw, clean_s[algorithm])
            except _Trouble as trouble:
                troubles[f"{algorithm}, {fault}: {trouble}"] += 1
                continue
            met += ended_s > 0
            worst_s = max(worst_s, ended_s)
        for algorithm in ALGORITHMS:
            _clean_s(pair, algorithm)
    return {
        "trials": trials,
        "met_a_run": met,
        "wrong": sum(troubles.values()),
        "troubles": dict(troubles),
        "patience_s": PATIENCE_S,
        "ended_s_worst": round(worst_s, 1),
        "clean_run_s": {name: round(each, 1) for name, each in clean_s.items()},
        "took_s": round(time.monotonic() - begin, 1),
    }


def _clean_s(pair: Pair, algorithm: str) -> float:
    """How long a run takes that nothing befalls, the second of two: the first compiles."""
    for _ in range(2):
        begin = time.monotonic()
        asking = pair.bank.ask(pair.contracts[algorithm])
        asking.join(120)
        if asking.exitcode != 0:
            raise RuntimeError("a run without faults failed")
    return time.monotonic() - begin


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measured(options.trials, options.seed)))


if __name__ == "__main__":
    main()
