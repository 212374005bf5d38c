"""The mark: copies are known by their answers, other models are not, and nothing else about the model changes."""

from __future__ import annotations

import json
import math
from hashlib import sha256

import lightgbm
import numpy as np
import pytest

from tarim.base.errors import Damaged, DefinitionError
from tarim.models import average_precision, model_from_bytes
from tarim.models.lab.calibrate import calibrate
from tarim.models.lab.fit import calibrated
from tarim.models.lightgbm_text import read_forest, with_leaf_values
from tarim.models.watermark import CHANCE_MAX, STRENGTH, chance_of, embed, embed_within, mark_bytes, read_mark
from tarim.models.watermark.recognising import direction_of

NAMES = [f"f{k}" for k in range(10)]
KEY = bytes(range(32))
PARAMS = {
    "objective": "binary",
    "num_leaves": 31,
    "max_depth": 6,
    "verbose": -1,
    "num_threads": 1,
    "feature_fraction": 0.8,
}


def rows(seed, count=6_000):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(1, 1, (count, len(NAMES)))
    lean = np.log(x) @ np.linspace(-1, 1, len(NAMES)) + np.sin(x[:, 0])
    return x, (lean + rng.normal(size=count) > np.quantile(lean, 0.95)).astype(int)


def boosted(seed=1, rounds=80):
    x, y = rows(1)
    return lightgbm.train(PARAMS | {"seed": seed}, lightgbm.Dataset(x, y, feature_name=NAMES), rounds)


@pytest.fixture(scope="module")
def marked():
    booster = boosted()
    content, mark = embed(booster.model_to_string().encode(), KEY)
    return booster, content, mark


def test_copies_are_recognised_by_their_answers(marked):
    """The file itself, answers of three decimals, a tenth of the trees cut off, scores calibrated anew."""
    _, content, mark = marked
    copy, asked = lightgbm.Booster(model_str=content.decode()), np.array(mark.rows)
    answers = copy.predict(asked)
    odds = np.log(answers / (1 - answers))
    for suspect in (
        answers,
        np.round(answers, 3),
        copy.predict(asked, num_iteration=72),
        1 / (1 + np.exp(-(0.6 * odds - 1.5))),
    ):
        verdict = mark.opened(content, KEY).verdict(suspect)
        assert verdict.copied and verdict.cosine > 0.5


def test_a_model_of_few_trees_keeps_its_quality():
    """Its raw scores lie close together: the mark is sized by its answers, and weaker where it would cost too much."""
    x, y = rows(4)
    few = boosted(rounds=5)
    raw = few.predict(x, raw_score=True)
    content = calibrated(few.model_to_string().encode(), calibrate(raw, y, "platt"))

    def answers(of, to=x):
        out = np.empty(len(to))
        model_from_bytes(of, tuple(NAMES)).score(np.ascontiguousarray(to), out)
        return out

    def log_odds(p):
        return np.log(p / (1 - p))

    steep = model_from_bytes(content, tuple(NAMES)).calibration.left_slope
    assert steep > 2  # so many times as much a raw lean of STRENGTH would be
    marked, mark = embed(content, KEY)
    lean = log_odds(answers(marked, np.array(mark.rows))) - log_odds(np.array(mark.baseline))
    assert np.sqrt((lean**2).mean()) == pytest.approx(STRENGTH, rel=0.3)

    def quality(of):
        return average_precision(answers(of), y)

    gentle, kept = embed_within(content, KEY, quality)
    assert quality(marked) < quality(content) - 0.01 <= quality(gentle)
    assert kept.opened(gentle, KEY).verdict(np.round(answers(gentle, np.array(kept.rows)), 3)).copied
    assert embed_within(content, KEY, lambda of: 1.0)[0] == marked


def test_other_models_and_other_keys_are_not(marked):
    """A model trained alike with another seed, the unmarked one, and the marked one under somebody else's key."""
    booster, content, mark = marked
    asked = np.array(mark.rows)
    answers = lightgbm.Booster(model_str=content.decode()).predict(asked)
    for verdict in (
        mark.opened(content, KEY).verdict(boosted(seed=2).predict(asked)),
        mark.opened(content, KEY).verdict(booster.predict(asked)),
        mark.opened(content, bytes(32)).verdict(answers),
        mark.opened(content, KEY).verdict(np.full(len(asked), 0.5)),
    ):
        assert not verdict.copied and verdict.chance > 1e-4


def test_only_leaf_values_change_and_little_is_lost(marked):
    """The engine and LightGBM read the marked file alike; its average precision is the same to 0.02 on 6,000 rows."""
    booster, content, _ = marked
    before, after = read_forest(booster.model_to_string()), read_forest(content.decode())
    assert all(
        np.array_equal(a.threshold, b.threshold) and np.array_equal(a.leaf_count, b.leaf_count)
        for a, b in zip(before.trees, after.trees, strict=True)
    )
    x, y = rows(5)
    scores = np.empty(len(x))
    model_from_bytes(content, NAMES).score(x, scores)
    assert np.array_equal(scores, lightgbm.Booster(model_str=content.decode()).predict(x, num_threads=1))
    assert abs(average_precision(scores, y) - average_precision(booster.predict(x), y)) < 0.02


def test_leaf_values_are_written_back_as_they_were():
    """With the same values the file is the same to LightGBM, sizes of its parts included, and to us."""
    text = boosted(rounds=5).model_to_string()
    again = with_leaf_values(text, [tree.leaf_value for tree in read_forest(text).trees])
    x, _ = rows(6, 200)
    a, b = lightgbm.Booster(model_str=text), lightgbm.Booster(model_str=again)
    assert b.num_trees() == 5 and np.array_equal(a.predict(x), b.predict(x))
    head, *trees = again.split("\nTree=")
    (sizes,) = [line for line in head.split("\n") if line.startswith("tree_sizes=")]
    for size, tree in zip(map(int, sizes.partition("=")[2].split()), trees[:-1], strict=False):
        assert size == len(f"Tree={tree}\n".encode())


@pytest.mark.parametrize("transform", ["none", "signed_log", "woe"])
def test_logistic_regressions_carry_a_mark(transform):
    """Plain and over bins; answers of three decimals suffice, another fit of the weights is not accused."""
    rng = np.random.default_rng(4)
    count = 12
    document = {"format": "tarim-logistic-1", "transform": transform, "features": [f"f{k}" for k in range(count)]}
    document |= {"weights": rng.normal(size=count).tolist(), "intercept": -3.0}
    if transform == "woe":
        document["edges"] = [[1.0, 2.0, 3.0, 4.0]] * count
        document["woe"] = rng.normal(size=(count, 6)).tolist()
    else:
        document |= {"means": rng.normal(size=count).tolist(), "scales": rng.uniform(1, 2, count).tolist()}
    content, mark = embed(json.dumps(document).encode(), KEY)
    asked = np.array(mark.rows)

    def answers(file: bytes) -> np.ndarray:
        out = np.empty(len(asked))
        model_from_bytes(file, mark.features).score(asked, out)
        return out

    assert mark.opened(content, KEY).verdict(answers(content)).copied
    assert mark.opened(content, KEY).verdict(np.round(answers(content), 3)).copied
    other = document | {"weights": (np.array(document["weights"]) + rng.normal(0, 0.05, count)).tolist()}
    assert not mark.opened(content, KEY).verdict(answers(json.dumps(other).encode())).copied


def test_the_chance_is_that_of_a_random_direction():
    """Against closed forms (on the circle, the sphere), and against draws of the key in ten dimensions."""
    assert chance_of(1.0, 10) == 0 and math.isclose(chance_of(0.0, 10), 0.5, rel_tol=1e-9)
    assert math.isclose(chance_of(-1.0, 7), 1.0, rel_tol=1e-9)
    assert math.isclose(chance_of(0.3, 2), math.acos(0.3) / math.pi, rel_tol=1e-9)
    assert math.isclose(chance_of(0.3, 3), 0.35, rel_tol=1e-9)
    base, rows_ = np.zeros(3), np.zeros((3, 1))
    drawn = np.array([direction_of(n.to_bytes(32, "big"), rows_, base, 10) for n in range(4_000)])
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1)
    for cosine in (0.2, 0.5):
        share = (drawn[:, 3] >= cosine).mean()
        assert abs(share - chance_of(cosine, 10)) < 4 * math.sqrt(0.25 / 4_000)
    assert abs(drawn.mean()) < 0.01


def test_a_mark_is_kept_and_belongs_to_one_file(marked):
    """It comes back from its bytes; another file, other answers and a damaged mark are refused by name."""
    _, content, mark = marked
    again = read_mark(mark_bytes(mark))
    assert again == mark and again.marked == sha256(content).hexdigest()
    assert KEY.hex() not in mark_bytes(mark).decode()
    answers = np.full(len(mark.rows), 0.5)
    with pytest.raises(DefinitionError, match="another model file"):
        mark.opened(content + b"\n", KEY)
    for wrong in (answers[:-1], answers + 1, np.full(len(mark.rows), np.nan)):
        with pytest.raises(DefinitionError, match="between 0 and 1"):
            mark.opened(content, KEY).verdict(wrong)
    for damaged in (b"", b"{}", mark_bytes(mark)[:-20], mark_bytes(mark).replace(b"tarim-mark-1", b"tarim-mark-9")):
        with pytest.raises(Damaged):
            read_mark(damaged)
    assert CHANCE_MAX == 1e-6


def test_a_model_that_says_nothing_cannot_be_marked():
    """Too few rows in the middle of its scores, or no room for a direction; the error says so."""
    x, y = rows(1, 500)
    stump = lightgbm.train(PARAMS | {"num_leaves": 2}, lightgbm.Dataset(x, y, feature_name=NAMES), 1)
    with pytest.raises(DefinitionError, match=r"cannot be marked|too few numbers"):
        embed(stump.model_to_string().encode(), KEY)
    with pytest.raises(DefinitionError, match="strength"):
        embed(stump.model_to_string().encode(), KEY, strength=0)
