"""What a decision costs: 46 features, the starter pack's thirty rules, a model of 200 trees of depth 6, on one core.

Times are of the thread (`time.thread_time`), so that a busy neighbour changes little; the decisions a second are also given
by the clock on the wall.  Every piece sees fresh events: a loop over the same few teaches the branch predictor the answers.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.engine import ready
from bench.reference_events import Shape, reference_rows
from tarim.decisions import DECISION_WORDS
from tarim.decisions.policy import Decider
from tarim.models import Model, model_from_bytes
from tarim.rules import HIT_WORDS, MEMBER_WORDS, compile_ruleset, starter_pack
from tarim.stream import Col, Engine, Flag, Rows, reference_features

Floats = npt.NDArray[np.float64]
TREES = 200
DEPTH = 6
TRAINING_EVENTS = 20_000
BATCH_EVENTS = 256
REPETITIONS = 5


def run(*, quick: bool) -> dict[str, Any]:
    """Figures of one run; microseconds an event unless the name says otherwise."""
    rows = events(60_000 if quick else 300_000)
    features = computed(rows)
    content = reference_model(features)
    names = reference_features().names
    model = model_from_bytes(content, names)
    decider = Decider(compile_ruleset(starter_pack(), names), model, names)
    tested_rows, tested = rows[-20_000:].copy(), features[-20_000:].copy()
    decisions_per_s, per_cpu_s = decisions_rate(rows, decider, 3 if quick else REPETITIONS)
    ways = cuts_differing(tested_rows, tested, decider)
    return {
        "events": len(rows),
        "rules": len(decider.ruleset.rules),
        "trees": TREES,
        "decisions_per_s": round(decisions_per_s),
        "decisions_per_cpu_s": round(per_cpu_s),
        "decisions_differing": len([way for way, same in ways.items() if not same]),
        "ways": len(ways),
        "score_differs_from_lightgbm": scores_differing(content, model, tested),
        **piece_costs(tested_rows, tested, decider, model),
        **single_costs(tested_rows, tested, decider, model),
        **whole_single_cost(rows, decider),
        **lightgbm_costs(content, tested),
    }


def events(count: int) -> Rows:
    """Reference events whose customers allowed their history to be used."""
    rows = reference_rows(Shape(events=count, customers=max(1_000, count // 6)))
    rows[:, Col.FLAGS] |= int(Flag.HISTORY_AUTHORISED)
    return rows


def computed(rows: Rows) -> Floats:
    """The 46 features of each event."""
    out = np.zeros((len(rows), len(reference_features().names)))
    Engine(reference_features()).process(rows.copy(), out)
    return out


@lru_cache(maxsize=1)
def _trained(features_bytes: bytes, count: int, positive_share: float) -> bytes:
    import lightgbm

    x = np.frombuffer(features_bytes).reshape(count, -1)
    rng = np.random.default_rng(7)
    logs = np.nan_to_num(np.copysign(np.log1p(np.abs(x)), x))
    lean = (logs - logs.mean(axis=0)) / (logs.std(axis=0) + 1e-9) @ rng.normal(size=x.shape[1])
    labels = (lean + rng.normal(size=count) > np.quantile(lean, 1 - positive_share)).astype(int)
    params = {
        "objective": "binary", "num_leaves": 64, "max_depth": DEPTH, "learning_rate": 0.05, "min_data_in_leaf": 5,
        "verbose": -1, "seed": 1, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    data = lightgbm.Dataset(x, labels, feature_name=list(reference_features().names))
    text: str = lightgbm.train(params, data, TREES).model_to_string(num_iteration=-1)
    return text.encode()


def reference_model(features: Floats, positive_share: float = 0.1) -> bytes:
    """A model of TREES trees that splits on everything: labels are a noisy mixture of all features."""
    part = features[-TRAINING_EVENTS:]
    return _trained(part.tobytes(), len(part), positive_share)


def decisions_rate(rows: Rows, decider: Decider, repetitions: int) -> tuple[float, float]:
    """Decisions a second, features included, in batches of BATCH_EVENTS: by the wall clock and by the thread's time."""
    wall, used = [], []
    out = np.empty((BATCH_EVENTS, len(decider.feature_names)))
    decisions = np.empty((BATCH_EVENTS, DECISION_WORDS), np.int64)
    count = len(rows) - len(rows) % BATCH_EVENTS
    for _ in range(repetitions):
        copy = rows.copy()
        engine = ready(Engine(reference_features()), count)
        started, started_used = time.perf_counter(), time.thread_time()
        for low in range(0, count, BATCH_EVENTS):
            batch = copy[low : low + BATCH_EVENTS]
            engine.process(batch, out)
            decider.decide(batch, out, decisions)
        wall.append(count / (time.perf_counter() - started))
        used.append(count / (time.thread_time() - started_used))
    return statistics.median(wall), statistics.median(used)


def cuts_differing(rows: Rows, features: Floats, decider: Decider) -> dict[str, bool]:
    """Whether decisions come out the same, byte for byte, however the batch is cut."""

    def digest(cuts: Iterable[int]) -> str:
        copy, values = rows.copy(), features.copy()
        found = np.zeros((len(rows), DECISION_WORDS), np.int64)
        for low, high in pairwise(sorted({0, len(rows), *cuts})):
            decider.decide(copy[low:high], values[low:high], found[low:high])
        return hashlib.sha256(found.tobytes() + copy.tobytes()).hexdigest()

    whole = digest(())
    rng = np.random.default_rng(3)
    return {
        "batches of 1": digest(range(len(rows))) == whole,
        "batches of 256": digest(range(0, len(rows), 256)) == whole,
        "random cuts": digest(rng.integers(1, len(rows), 300).tolist()) == whole,
    }


def scores_differing(content: bytes, model: Model, features: Floats) -> int:
    """Events whose score is not, to the last bit, what LightGBM itself says."""
    import lightgbm

    scores = np.empty(len(features))
    model.score(features, scores)
    expected = lightgbm.Booster(model_str=content.decode()).predict(features, num_threads=1)
    return int((scores != expected).sum())


def _cost_us(call: Callable[[int, int], object], count: int, size: int) -> float:
    """Median microseconds an event over batches of `size`."""
    found = []
    for _ in range(REPETITIONS):
        started = time.thread_time()
        for low in range(0, count - size + 1, size):
            call(low, low + size)
        found.append((time.thread_time() - started) / (count // size * size) * 1e6)
    return round(statistics.median(found), 3)


def piece_costs(rows: Rows, features: Floats, decider: Decider, model: Model) -> dict[str, float]:
    """Rules, model and the whole decision in batches of BATCH_EVENTS."""
    hits = np.zeros((len(rows), HIT_WORDS), np.uint64)
    scores, found = np.zeros(len(rows)), np.zeros((len(rows), DECISION_WORDS), np.int64)
    members = np.zeros((len(rows), MEMBER_WORDS), np.uint64)
    evaluate = decider.ruleset.evaluate
    count, size = len(rows), BATCH_EVENTS
    return {
        "rules_us": _cost_us(
            lambda a, b: evaluate(rows[a:b], features[a:b], scores[a:b], members[a:b], hits[a:b]), count, size
        ),
        "model_us": _cost_us(lambda a, b: model.score(features[a:b], scores[a:b]), count, size),
        "decide_us": _cost_us(lambda a, b: decider.decide(rows[a:b], features[a:b], found[a:b]), count, size),
    }


def single_costs(rows: Rows, features: Floats, decider: Decider, model: Model) -> dict[str, float]:
    """The same for one event at a time, called from Python."""
    hits, members = np.zeros((1, HIT_WORDS), np.uint64), np.zeros((1, MEMBER_WORDS), np.uint64)
    scores, found = np.zeros(1), np.zeros((1, DECISION_WORDS), np.int64)
    evaluate = decider.ruleset.evaluate
    count = min(len(rows), 4_000)
    return {
        "rules_single_us": _cost_us(lambda a, b: evaluate(rows[a:b], features[a:b], scores, members, hits), count, 1),
        "model_single_us": _cost_us(lambda a, b: model.score(features[a:b], scores), count, 1),
        "decide_single_us": _cost_us(lambda a, b: decider.decide(rows[a:b], features[a:b], found), count, 1),
    }


def whole_single_cost(rows: Rows, decider: Decider) -> dict[str, float]:
    """Features, score and rules of one event at a time, called from Python, after all events but the last thousands."""
    count = min(len(rows) // 3, 4_000 * REPETITIONS) // REPETITIONS * REPETITIONS
    copy, each = rows.copy(), count // REPETITIONS
    engine = ready(Engine(reference_features()), len(rows))
    out, found = np.empty((1, len(decider.feature_names))), np.empty((1, DECISION_WORDS), np.int64)
    before = len(rows) - count
    engine.process(copy[:before], np.empty((before, len(decider.feature_names))))
    costs = []
    for piece in range(REPETITIONS):
        first = before + piece * each
        started = time.thread_time()
        for low in range(first, first + each):
            event = copy[low : low + 1]
            engine.process(event, out)
            decider.decide(event, out, found)
        costs.append((time.thread_time() - started) / each * 1e6)
    return {"whole_single_us": round(statistics.median(costs), 3)}


def lightgbm_costs(content: bytes, features: Floats) -> dict[str, float]:
    """Baseline: the library's own prediction from Python, one thread."""
    import lightgbm

    booster = lightgbm.Booster(model_str=content.decode())

    def predict(low: int, high: int) -> object:
        return booster.predict(features[low:high], num_threads=1)

    return {
        "lightgbm_us": _cost_us(predict, min(len(features), 5_120), BATCH_EVENTS),
        "lightgbm_single_us": _cost_us(predict, 300, 1),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"{'a decision, one core':44s}{'batch of 256':>16s}{'single event':>16s}",
        *(
            f"{label:44s}{found[f'{key}_us']:13.3f} us{found[f'{key}_single_us']:13.3f} us"
            for label, key in (
                (f"rules ({found['rules']})", "rules"),
                (f"model ({found['trees']} trees, depth {DEPTH})", "model"),
                ("rules, model, bands, outcome", "decide"),
                ("LightGBM's own predict", "lightgbm"),
            )
        ),
        f"features, rules and model: {found['decisions_per_s']:,} decisions/s ({found['decisions_per_cpu_s']:,} by CPU time)",
        f"scores differing from LightGBM: {found['score_differs_from_lightgbm']}; "
        f"ways to cut a batch that differ: {found['decisions_differing']} of {found['ways']}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    print(table(run(quick="--quick" in sys.argv)))
