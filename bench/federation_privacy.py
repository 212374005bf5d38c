"""A party's view of joint runs, before TLS hides it: could it have drawn all of it by itself?  (`federation_search` searches
whole nodes' lines for what either side keeps.)

    python -m bench.federation_privacy [--rows N]

Padded common customers, screening, a campaign's sums, encrypted scores, logistic regression, trees, the opened curve and every
question to both kinds of models, both parties in one process, every message kept.

One side keeps its input, the other's is replaced by one that differs in everything, several times each.  What the first
receives has to be what it could have drawn by itself from its own input and output:

    lengths       each message of the same step and size, one after the other, whatever the other's input
    likeness      the bytes of each step by chi-square, and its words of eight bytes by Kolmogorov and Smirnov, between inputs
    evenness      of the steps that are masked by uniform words: their bytes by chi-square against even, and each bit of a word
                  (monobit, NIST SP 800-22 section 2.1)

A message that depended on its sender's secrets beyond its randomness would differ; one whose mask is missing, reused, short or
biased would be uneven.  The threshold is 10^-6 divided by the number of comparisons.  What is opened has to depend on inputs
and is left out.  It finds gross flaws; that there are no subtle ones is for the proofs in the sources that each module names.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, ks_2samp

from tarim.federation import Role, Session
from tarim.federation.encryption import library
from tarim.federation.encryption.parameters import DEGREE
from tarim.federation.encryption.scoring import LinearModel, give_rows, learn_about_rows, learn_by_model, score_rows
from tarim.federation.encryption.sums import Shape as SumsShape
from tarim.federation.encryption.sums import give_groups, give_values
from tarim.federation.intersection import intersect
from tarim.federation.learning.boosting import Bins, Boosting, BoostingPlan, margins
from tarim.federation.learning.column_gains import shares_of_gain
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.evaluation import curve
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.screening import Levels, correlations, information_values, standardised
from tarim.federation.queries import QueryPool, Question
from tarim.federation.sharing import Share
from tests.fakes.federation import QueueChannel, together

WIDTHS = (Widths((8, 8, 1, 1, 8)), Widths((8, 1, 8, 1)))
CONTEXT = b"privacy"
CHANCE = 1e-6
PUBLIC = ("intersection, how many", "session, half of the salt", "campaign sums, groups reported")
"""Steps that are public, or of which both runs agree on the length only."""
SIZED_BY_OWNERS = ("split, to its owner", "products, masked", "transfers extended")
"""Steps of trees whose sizes follow from whose the splits are, which is public, and from nothing else."""
COMPRESSED = ("encryption, public key", "encryption, ciphertext")
"""Steps whose sizes follow from how far their random coefficients can be compressed: compared to one in a hundred, and what
they hold taken out for the other tests."""
NOT_EVEN = {
    "intersection": "points of a curve: numbers below 2^255 - 19, and not every number is one",
    "base transfer": "points of a curve",
    "prepared circuit, masked input": "twelve or sixteen bits each, in two bytes",
    "numbers, masked": "packed bits: the last byte of a message is filled up with zeros",
    "prepared circuit, choices": "packed bits",
    "bit products, choices": "packed bits",
    "sigmoid, outputs and product": "packed bits before the words",
    "a block begins": "nothing in it",
}
"""Beginnings of steps that carry no even bytes, and why; they are compared between inputs like the others."""
EVEN_BYTES_MIN = 4_096
"""Fewer bytes of a step say little."""

Key = tuple[Role, str]
Sent = dict[Key, bytes]


@dataclass(frozen=True)
class Side:
    """What one party keeps to itself."""

    identifiers: list[bytes]
    encoded: Encoded
    bins: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8] | None


def side(role: Role, rows: int, seed: int, skew: float) -> Side:
    """A party's data.  skew: how far its numbers lie from even: inputs of another skew differ in everything."""
    draw = np.random.default_rng((seed, role))
    own = [b"person-%d-%016x" % (role if place % 2 else 2, place * 7919) for place in range(rows)]
    integers = np.stack(
        [(draw.beta(1 + skew, 1, rows) * (2**bits - 1)).round().astype(np.uint64) for bits in WIDTHS[role].bits], axis=1
    )
    bins = (draw.beta(1 + skew, 1, (rows, 4)) * 7).astype(np.uint8)
    labels = (draw.random(rows) < 1 / (2 + skew)).astype(np.uint8) if role is Role.SECOND else None
    return Side(own, Encoded(WIDTHS[role], integers), bins, labels)


def messages(sides: tuple[Side, Side]) -> dict[Key, list[bytes]]:
    """Every message of a whole run, in order, by who sends it and step; those of both lanes."""
    ends: dict[Role, QueueChannel] = {}

    def act(role: Role) -> Any:
        def run(end: QueueChannel) -> None:
            ends[role] = end
            _whole_run(end, role, sides[role])

        return run

    together(act(Role.FIRST), act(Role.SECOND))
    found: dict[Key, list[bytes]] = defaultdict(list)
    for role, end in ends.items():
        for step, data in end.sent + (end.second.sent if end.second else []):
            found[role, step].append(data)
    return dict(found)


def _whole_run(end: QueueChannel, role: Role, own: Side) -> None:
    rows, both = len(own.encoded), frozenset({Role.SECOND})
    intersect(end, role, own.identifiers, CONTEXT, frozenset(Role), padded_to=rows + 100)
    shape = SumsShape(rows, 4, 2, 20, 7)
    if role is Role.FIRST:
        give_values(end, own.bins.astype(np.float64), shape, both)
    else:
        upper = np.argsort(np.argsort(own.encoded.integers[:, 0], kind="stable")) >= rows // 2
        give_groups(end, np.stack([upper, ~upper], axis=1).astype(np.uint8), shape, both)  # both are reported
    scorecard = LinearModel(own.bins[0] / 7.0 - 0.5, 0.25)
    if role is Role.FIRST:
        learn_about_rows(end, own.bins.astype(np.float64))
        give_rows(end, own.bins.astype(np.float64))
    else:
        score_rows(end, scorecard, rows)
        learn_by_model(end, scorecard, rows)
    session = Session(end, role)
    _screened(session, own)
    model = train(session, own.encoded, WIDTHS[1 - role], own.labels, Plan(batch_rows=64, epochs=2))
    scores = QueryPool(session, [model], Question.SCORE, rows).shared_scores(own.encoded)[:, 0]
    curve(session, scores, own.labels, both, "curve")
    bins = Bins((7,) * 4)
    plan = BoostingPlan(trees=1, depth=2)
    trees = Boosting(session, own.bins, bins, bins, own.labels, plan, counts_gains=True).run()
    shares_of_gain(session, trees.trees[0].gained, both, "gain")
    curve(session, Share(margins(session, trees, own.bins), LEAF_FRACTION_BITS), own.labels, both, "curve")
    for question in Question:
        count = 2 if question is Question.BEST_OFFER else 1
        for models, asked in (([model] * count, own.encoded), ([trees] * count, (own.bins,) * count)):
            pool = QueryPool(session, models, question, rows)
            (pool.answer if session.first else pool.ask)(asked)


def _screened(session: Session, own: Side) -> None:
    """Information values and correlations, opened to the second party."""
    rows, both, first = len(own.bins), frozenset({Role.SECOND}), session.first
    information_values(session, own.bins if first else None, (7,) * 4, own.labels, rows, 3, both, "information-values")
    standard = None if first else standardised(own.bins.astype(np.float64))
    held = Levels((3,) * 4, own.bins) if first else None
    correlations(session, held, (3,) * 4, standard, (rows, 4), 3, both, "correlations")


@dataclass
class Views:
    """What two kinds of inputs of the other side leave in one party's view.  Lists name steps; counts are of comparisons."""

    lengths: list[str]
    differing: list[str]
    uneven: list[str]
    compared: int
    even: int


def views(rows: int, rounds: int) -> Views:
    """Of both parties, each with its own input fixed."""
    gathered: dict[tuple[Key, int], list[bytes]] = defaultdict(list)
    sizes: dict[tuple[Key, int], list[list[int]]] = defaultdict(list)
    for number in range(rounds):
        plain, other = (
            (side(Role.FIRST, rows, number, skew), side(Role.SECOND, rows, number, skew)) for skew in (0.0, 6.0)
        )
        # The second party's input is replaced in the first one's view, and the other way round.
        runs = {
            None: messages(plain),
            Role.SECOND: messages((plain[0], other[1])),
            Role.FIRST: messages((other[0], plain[1])),
        }
        for sender in Role:
            for which, found in enumerate((runs[None], runs[sender])):
                for key, parts in found.items():
                    if key[0] is sender and not _opens(key[1]):
                        gathered[key, which] += [as_numbers(key[1], part) for part in parts]
                        sizes[key, which].append([len(part) for part in parts])
    keys = sorted({key for key, _ in gathered}, key=str)
    chance = CHANCE / (3 * len(keys))
    samples = {key: (b"".join(gathered[key, 0]), b"".join(gathered[key, 1])) for key in keys}
    even = [key for key in keys if is_even(key[1]) and min(map(len, samples[key])) >= EVEN_BYTES_MIN]
    return Views(
        [_said(key) for key in keys if key[1] not in SIZED_BY_OWNERS and not _same_sizes(key, sizes)],
        [_said(key) for key in keys if likeness(*samples[key]) < chance],
        [_said(key) for key in even if min(map(evenness, samples[key])) < chance],
        len(keys),
        len(even),
    )


def _same_sizes(key: Key, sizes: dict[tuple[Key, int], list[list[int]]]) -> bool:
    if key[1] not in COMPRESSED:
        return sizes[key, 0] == sizes[key, 1]
    one, other = (np.concatenate([np.array(each) for each in sizes[key, which]]) for which in (0, 1))
    return one.shape == other.shape and bool((np.abs(one - other) < one / 100).all())


def _said(key: Key) -> str:
    return f"{key[0].name.lower()}: {key[1]}"


def as_numbers(step: str, content: bytes) -> bytes:
    """A message as the tests take it: as it is, but of encrypted ones the coefficients over their primes, in units of 2^-48."""
    if not step.startswith("encryption"):
        return content
    if step == "encryption, reply":
        words, primes = np.frombuffer(content, np.uint64), library.primes()[:1]
    elif step == "encryption, ciphertext":
        words, primes = library.coefficients(library.ciphertext(content)), library.primes()
    else:
        key = library.public_key(content)
        words = library.coefficients(key.data())
        primes = tuple(each.value() for each in library.context().key_context_data().parms().coeff_modulus())
    of = np.resize(np.repeat(np.array(primes, np.float64), DEGREE), len(words))
    parts = (words.astype(np.float64) / of * 2.0**48).astype("<u8")
    return parts.view(np.uint8).reshape(-1, 8)[:, :6].tobytes()


def is_even(step: str) -> bool:
    """Whether a step's bytes are masked by uniform ones."""
    return not step.startswith(tuple(NOT_EVEN))


def likeness(one: bytes, other: bytes) -> float:
    """The least chance, by either test, of two samples as different as these from one distribution."""
    counts = [np.bincount(np.frombuffer(each, np.uint8), minlength=256) for each in (one, other)]
    words = [np.frombuffer(each[: len(each) // 8 * 8], np.uint64) for each in (one, other)]
    chance = _chance(counts[0], counts[1])
    if min(map(len, words)) < 100:
        return chance
    return min(chance, float(ks_2samp(words[0], words[1], method="asymp").pvalue))


def evenness(data: bytes) -> float:
    """The least chance, by either test, of bytes as uneven as these if they were uniform."""
    octets = np.frombuffer(data, np.uint8)
    counts, expected = np.bincount(octets, minlength=256), len(octets) / 256
    of_bytes = chi2.sf(float(((counts - expected) ** 2 / expected).sum()), 255)
    rows = octets[: len(octets) // 8 * 8].reshape(-1, 8)
    ones = np.unpackbits(rows, axis=1).sum(axis=0, dtype=np.int64)
    of_bits = chi2.sf(float(((2 * ones - len(rows)) ** 2 / len(rows)).sum()), 64)
    return float(min(of_bytes, of_bits))


def _opens(step: str) -> bool:
    """Steps that open what the contract says to, or say what is public: these have to depend on it."""
    return step.startswith("opening") or step in PUBLIC or "owners" in step


def _chance(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Chance of a difference as large as this between two samples of one distribution, by chi-square."""
    both = one + other
    kept = both >= 10
    if kept.sum() < 2 or not one.any() or not other.any():  # what comes with one input only has another length
        return 1.0
    one, other, both = one[kept], other[kept], both[kept]
    share = one.sum() / both.sum()
    expected = both * share
    statistic = ((one - expected) ** 2 / expected + (other - (both - expected)) ** 2 / (both - expected)).sum()
    return float(chi2.sf(statistic, kept.sum() - 1))


def measured(rows: int, rounds: int) -> dict[str, Any]:
    """Figures of the bar."""
    seen = views(rows, rounds)
    return {
        "steps_compared": seen.compared,
        "steps_differing": seen.differing,
        "steps_of_other_lengths": seen.lengths,
        "steps_even": seen.even,
        "steps_uneven": seen.uneven,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(measured(options.rows, options.rounds)))


if __name__ == "__main__":
    main()
