"""The rule language held to its word: compiled form against interpreter, both ways through its forms, bad texts, and speed.

    python -m bench.rules [--quick]

Work goes to as many processes as there are cores, in chunks that a seed makes; nothing depends on who takes which chunk.
Times of rules are of the thread, so that a busy neighbour changes little.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from bench.random_rules import BANDS, FEATURES, RandomRules, random_events
from tarim.base.errors import DefinitionError
from tarim.rules import (
    HIT_WORDS,
    MEMBER_WORDS,
    RULES_MAX,
    ExpressionError,
    Probe,
    RulesetInvalid,
    check_ruleset,
    format_expression,
    format_ruleset,
    from_structure,
    starter_pack,
    to_structure,
)
from tarim.rules.check import check
from tarim.rules.checked import CheckedExpression
from tarim.rules.domain import EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX
from tarim.rules.emit import emit
from tarim.rules.kernel_cache import Kernel, load_kernel
from tarim.rules.parse import parse
from tarim.rules.tree import Node
from tarim.stream import reference_features
from tests.naive.rule_interpreter import Event, holds

CHUNK_RULES: Final = 250
HERE_MAX: Final = 2
EVENTS_A_CHUNK: Final = 16
DEPTHS: Final = (0, 1, 0, 1, 0, 1, 2, 3)
"""Levels of groups in random rules, in turn."""
CHUNK_TEXTS: Final = 10_000
SPEED_RULES: Final = 250
BATCH_EVENTS: Final = 256
REPETITIONS: Final = 7
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")
_Floats = npt.NDArray[np.float64]
_Bits = npt.NDArray[np.uint64]
_Batch = tuple[npt.NDArray[np.int64], _Floats, _Floats, _Bits, _Bits]


def on_all_cores(work: Callable[[_Item], _Found], items: Sequence[_Item]) -> Iterable[_Found]:
    """`work` of each item, in order: by processes of their own, unless there are too few to be worth it."""
    if len(items) <= HERE_MAX:
        yield from map(work, items)
        return
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap(work, items)


# ---- compiled form against interpreter, and the forms of an expression ------------------------------------------------


def agreement(rules: int) -> dict[str, Any]:
    """Random rules judged by compiled kernel and by interpreter; formatted, structured and read again.

    differing: pairs of rule and event on which the two disagree.  lost: rules that a round trip changed.
    """
    started = time.perf_counter()
    chunks = -(-rules // CHUNK_RULES)
    found = list(on_all_cores(agreement_of, range(chunks)))
    return {
        "rules": chunks * CHUNK_RULES,
        "pairs": chunks * CHUNK_RULES * EVENTS_A_CHUNK,
        "held": sum(each["held"] for each in found),
        "differing": sum(each["differing"] for each in found),
        "lost": sum(each["lost"] for each in found),
        "examples": [example for each in found for example in each["examples"]][:5],
        "took_s": time.perf_counter() - started,
    }


def agreement_of(seed: int) -> dict[str, Any]:
    trees = random_trees(seed, CHUNK_RULES)
    texts = [format_expression(tree) for tree in trees]
    lost = [text for tree, text in zip(trees, texts, strict=True) if not _comes_back(tree, text)]
    expressions = [check(parse(text), FEATURES, bands=BANDS) for text in texts]
    kernel, probes = compiled(expressions)
    rows, features, scores = random_events(seed, EVENTS_A_CHUNK)
    members = random_members(seed, rows, probes)
    hits = np.full((EVENTS_A_CHUNK, HIT_WORDS), 2**64 - 1, np.uint64)
    kernel(rows, features, scores, members, hits)
    differing, held = [], 0
    with np.errstate(all="ignore"):
        for i in range(EVENTS_A_CHUNK):
            event = Event(rows[i], features[i], scores[i], entries_of(probes, members[i]))
            expected = sum(holds(each.condition, event) << k for k, each in enumerate(expressions))
            held += expected.bit_count()
            wrong = expected ^ int.from_bytes(hits[i].tobytes(), "little")
            differing += [f"{texts[k]} on event {i} of chunk {seed}" for k in range(RULES_MAX) if wrong >> k & 1]
    return {"held": held, "differing": len(differing), "lost": len(lost), "examples": (differing + lost)[:2]}


def random_trees(seed: int, count: int) -> list[Node]:
    """Trees of all depths whose text is short enough for a rule."""
    maker = RandomRules(seed)
    trees: list[Node] = []
    while len(trees) < count:
        tree = maker.condition(DEPTHS[len(trees) % len(DEPTHS)])
        if len(format_expression(tree)) <= EXPRESSION_CHARS_MAX:
            trees.append(tree)
    return trees


def without_positions(tree: Node) -> str:
    """A tree in words, for comparison."""
    return re.sub(r"\bat=\d+, ", "", repr(tree))


def _comes_back(tree: Node, text: str) -> bool:
    """Whether text and structured form lead back to the tree, and the tree to them."""
    bare = without_positions(tree)
    structure = json.loads(json.dumps(to_structure(tree)))
    read, built = parse(text), from_structure(structure)
    return (
        without_positions(read) == bare == without_positions(built)
        and format_expression(read) == text
        and to_structure(built) == structure
    )


def compiled(expressions: list[CheckedExpression]) -> tuple[Kernel, tuple[Probe, ...]]:
    """The kernel of these conditions, and its probes."""
    probes = tuple(dict.fromkeys(probe for each in expressions for probe in each.probes))
    source = emit([each.condition for each in expressions], [()] * len(expressions), probes)
    return load_kernel(source, None), probes


def random_members(seed: int, rows: npt.NDArray[np.int64], probes: tuple[Probe, ...]) -> _Bits:
    """Random answers of the lists; an absent identifier is in none."""
    members = np.random.default_rng(seed).integers(0, 2**64, (len(rows), MEMBER_WORDS), np.uint64)
    for bit, probe in enumerate(probes):
        members[rows[:, probe.column] == 0, bit // 64] &= ~np.uint64(1 << bit % 64)
    return members


def entries_of(probes: tuple[Probe, ...], members: _Bits) -> frozenset[tuple[int, str]]:
    """The same answers as the interpreter wants them, of one event."""
    answers = int.from_bytes(members.tobytes(), "little")
    return frozenset((probe.column, probe.list_name) for bit, probe in enumerate(probes) if answers >> bit & 1)


# ---- bad texts -------------------------------------------------------------------------------------------------------

_WORDS: Final = (
    "and", "or", "not", "in", "list", "between", "is", "missing", "has", "true", "false", "(", ")", ",", "==", "!=", "<",
    "<=", ">", ">=", "+", "-", "*", "/", "=", "&", "1", "2.5", "5_000", "yuan", "元", "2h", "7d", '"mobile"', "'x'", '"',
    "amount_fen", "payer_count_10m", "payer_since_last", "channel", "verification", "late", "score", "payee_account",
    "payer_cuont_10m", "\n", "\t",
)  # fmt: skip


def fuzz(texts: int) -> dict[str, Any]:
    """Texts that are mostly wrong: each is read, or refused with a place inside it and words in both languages."""
    started = time.perf_counter()
    chunks = -(-texts // CHUNK_TEXTS)
    found = list(on_all_cores(fuzz_of, range(chunks)))
    return {
        "texts": chunks * CHUNK_TEXTS,
        "accepted": sum(each["accepted"] for each in found),
        "faults": sum(each["faults"] for each in found),
        "examples": [example for each in found for example in each["examples"]][:5],
        "slowest_ms": max(each["slowest_ms"] for each in found),
        "took_s": time.perf_counter() - started,
    }


def fuzz_of(seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    valid = [format_expression(tree) for tree in random_trees(seed, 50)]
    faults: list[str] = []
    accepted, slowest_s = 0, 0.0
    for _ in range(CHUNK_TEXTS):
        text = fuzzed(draw, valid)
        started = time.thread_time()
        try:
            fault = _fault_of_ruleset(draw, text) if draw.random() < 0.02 else _fault_of(text)
            accepted += fault is None
        except Exception as error:  # whatever it is, it is what is looked for
            fault = f"{type(error).__name__}: {error}"
        slowest_s = max(slowest_s, time.thread_time() - started)
        if fault:
            faults.append(f"{text[:120]!r}: {fault}")
    return {"accepted": accepted, "faults": len(faults), "examples": faults[:2], "slowest_ms": slowest_s * 1e3}


def _fault_of(text: str) -> str | None:
    """None when the text is good, "" when it is refused as it should be, else what is wrong with the refusal."""
    try:
        tree = parse(text)
        check(tree, FEATURES, bands=BANDS)
    except ExpressionError as error:
        if not 0 <= error.at <= len(text):
            return f"refused at {error.at}, outside"
        return "" if error.text_en and error.text_zh else "refused without words"
    return None if without_positions(parse(format_expression(tree))) == without_positions(tree) else "changed by format"


def _fault_of_ruleset(draw: random.Random, text: str) -> str | None:
    """The same for a whole ruleset with the text put somewhere into it: checked, and formatted."""
    pack = starter_pack()[:3000]
    at = draw.randrange(len(pack))
    broken = pack[:at] + text + pack[at + draw.randrange(20) :]
    try:
        formatted = format_ruleset(broken)
        if format_ruleset(formatted) != formatted:
            return "formatted twice is different"
    except DefinitionError as error:
        if not error.detail:
            return "not formatted without words"
    try:
        check_ruleset(broken, FEATURES)
    except RulesetInvalid as error:
        worded = all(problem.text_en and problem.text_zh and problem.line >= 0 for problem in error.problems)
        return "" if error.problems and worded else "refused without words or place"
    return None


def fuzzed(draw: random.Random, valid: list[str]) -> str:
    """A valid text with a few changes, a row of words, any characters, or something deeply nested."""
    kind = draw.random()
    if kind < 0.7:
        text = draw.choice(valid)
        for _ in range(draw.randint(1, 3)):
            text = _changed(draw, text)
        return text
    if kind < 0.88:
        return draw.choice((" ", "")).join(draw.choices(_WORDS, k=draw.randint(0, 30)))
    if kind < 0.97:
        highest = draw.choice((0x7F, 0x2FF, 0xFFFF, 0x10FFFF))
        return "".join(chr(draw.randint(0, highest)) for _ in range(draw.randint(0, 60)))
    levels = draw.randint(EXPRESSION_DEPTH_MAX - 2, 3 * EXPRESSION_CHARS_MAX)
    opening, inside, closing = draw.choice(
        (("(", "true", ")"), ("not ", "late", ""), ("-", "1 > 0", ""), ("1 + ", "1 > 0", ""), ("(1 * ", "2", ") > 0"),
         ("late and ", "late", ""), ("hour in (", "1", ")"), ("_", "", ""), ("9", "", ""), ('"', "", "")),
    )  # fmt: skip
    return opening * levels + inside + closing * levels


def _changed(draw: random.Random, text: str) -> str:
    """The text with something left out, put in, doubled or moved."""
    at, end = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    near = min(end, at + 12)
    match draw.randint(0, 4):
        case 0:
            return text[:at] + text[near:]
        case 1:
            return f"{text[:at]}{draw.choice((' ', ''))}{draw.choice(_WORDS)}{draw.choice((' ', ''))}{text[at:]}"
        case 2:
            return text[:at] + text[at:near] * 2 + text[near:]
        case 3:
            return text[:at] + chr(draw.randint(32, 0x10FFFF if draw.random() < 0.2 else 126)) + text[at + 1 :]
        case _:
            return text[at:near] + text[:at] + text[near:]


# ---- speed -----------------------------------------------------------------------------------------------------------


def speed(events: int) -> dict[str, Any]:
    """Microseconds an event of SPEED_RULES random rules, and of as many like those of the starter pack."""
    found: dict[str, Any] = {"rules": SPEED_RULES}
    for name, expressions in (("random", _random_rules()), ("usual", _usual_rules())):
        started = time.perf_counter()
        kernel, probes = compiled(expressions)
        found[f"{name}_compile_s"] = time.perf_counter() - started
        found |= {f"{name}_{key}": value for key, value in _costs(kernel, expressions, probes, events).items()}
    return found


def _random_rules() -> list[CheckedExpression]:
    trees = random_trees(2_000_000, SPEED_RULES)
    return [check(parse(format_expression(tree)), FEATURES, bands=BANDS) for tree in trees]


def _usual_rules() -> list[CheckedExpression]:
    """The conditions of the starter pack over and over, each time with other numbers."""
    names = reference_features().names
    whens = [rule.when for rule in check_ruleset(starter_pack(), names).rules]
    draw = random.Random(4)

    def other(match: re.Match[str]) -> str:
        return str(int(match[0].replace("_", "")) + draw.randint(1, 9))

    texts = [re.sub(r"\b[0-9_]{2,}\b", other, whens[k % len(whens)]) for k in range(SPEED_RULES)]
    return [check(parse(text), names) for text in texts]


def _costs(
    kernel: Kernel, expressions: list[CheckedExpression], probes: tuple[Probe, ...], events: int
) -> dict[str, float]:
    rows, features, scores = random_events(9, events)
    features = np.random.default_rng(9).choice(features.ravel(), (events, len(reference_features().names)))
    members, hits = random_members(9, rows, probes), np.zeros((events, HIT_WORDS), np.uint64)

    def batches(size: int, count: int) -> list[_Batch]:
        cuts = [slice(low, low + size) for low in range(0, count - size + 1, size)]
        return [(rows[cut], features[cut], scores[cut], members[cut], hits[cut]) for cut in cuts]

    interpreted = 20
    started = time.thread_time()
    with np.errstate(all="ignore"):
        for i in range(interpreted):
            event = Event(rows[i], features[i], scores[i], entries_of(probes, members[i]))
            for each in expressions:
                holds(each.condition, event)
    return {
        "interpreter_us": (time.thread_time() - started) / interpreted * 1e6,
        "batch_us": _cost_us(kernel, batches(BATCH_EVENTS, events), BATCH_EVENTS),
        "single_us": _cost_us(kernel, batches(1, 5_000), 1),
    }


def _cost_us(kernel: Kernel, batches: Sequence[_Batch], size: int) -> float:
    """Median microseconds an event of the kernel called from Python on batches that are cut already."""
    found = []
    for _ in range(REPETITIONS):
        started = time.thread_time()
        for batch in batches:
            kernel(*batch)
        found.append((time.thread_time() - started) / (len(batches) * size) * 1e6)
    return statistics.median(found)


if __name__ == "__main__":
    import sys

    quick = "--quick" in sys.argv
    for figures in (
        speed(10_240 if quick else 51_200),
        agreement(2_000 if quick else 100_000),
        fuzz(20_000 if quick else 1_000_000),
    ):
        print(json.dumps(figures, ensure_ascii=False, indent=1))
