"""The report: whole, self-contained, in both languages, and the same every time."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tarim.base.errors import Damaged
from tarim.models import read_curves, read_figures
from tarim.models.datasets import Operator
from tarim.models.lab import Plan, make_report, train
from tarim.models.lab import test_rows as rows_of
from tarim.models.lab.report.curves import lift, ranking, reliability
from tests.fakes.samples import make_samples
from tests.unit.models.lab.test_train import Ticking

CHARTS = {"roc", "ks", "lift", "calibration", "scores", "iv", "woe", "shap", "stability", "groups"}


@pytest.fixture(scope="module")
def made():
    samples = make_samples()
    plan = Plan(params={"num_trees": 20}, folds=0, replicates=20, words={"amount": "大额<转账>"})
    run = train(samples, plan, Operator("k1", "王<b>小明"), Ticking())
    return samples, run, make_report(run.record, run.content, samples)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_asks_nothing_of_anybody(made):
    page = made[2]["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert reader.open == [] and "script" not in reader.tags and "link" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    sources = [value for name, value in reader.attributes if name in ("src", "href", "srcset", "action")]
    assert len(sources) == len(CHARTS) and all(value.startswith("data:image/svg+xml;base64,") for value in sources)
    assert "url(" not in page and "@import" not in page
    assert "王&lt;b&gt;小明" in page and "大额&lt;转账&gt;" in page


def test_every_chart_is_there_twice_with_chinese_as_text(made):
    _, _, files = made
    assert {name.removesuffix(".png") for name in files if name.endswith(".png")} == CHARTS
    for name in CHARTS:
        png = files[f"{name}.png"]
        assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20], "big") >= 800
    svgs = [
        base64.b64decode(each).decode()
        for each in re.findall(r"svg\+xml;base64,([^\"]+)", files["report.html"].decode())
    ]
    assert all(re.search(r"<text[^>]*>[^<]*[\u4e00-\u9fff]", svg) for svg in svgs)
    assert not any("http" in value for svg in svgs for value in re.findall(r'href="([^"]*)"', svg))


def test_the_page_holds_what_the_record_holds(made):
    _, run, files = made
    page = files["report.html"].decode()
    for text in (run.record.run_id, run.record.dataset, run.record.model, run.record.script, run.record.code):
        assert text in page
    for name in ("auc", "ks", "average_precision"):
        assert f"{run.record.metrics.measures[name].value:.4f}" in page
    for note in run.record.notes:
        assert note.reason_zh in page


def test_the_curves_are_exact_at_every_point_they_keep():
    rng = np.random.default_rng(0)
    scores, labels = np.round(rng.random(5_000), 3), (rng.random(5_000) < 0.1).astype(np.int64)
    curve = ranking(scores, labels)
    for k in range(1, len(curve.score), 37):
        alert = scores >= curve.score[k]
        assert curve.share[k] == alert.mean() and curve.recall[k] == labels[alert].sum() / labels.sum()
        assert curve.precision[k] == labels[alert].mean()
    ends, reached = lift(scores, labels)
    assert ends[-1] == reached[-1] == 1 and (np.diff(reached) >= 0).all()
    found = reliability(scores, labels)
    assert found.rows.sum() == 5_000 and (found.low <= found.found).all() and (found.found <= found.high).all()


def test_the_numbers_behind_the_charts_are_kept(made):
    samples, run, files = made
    record = run.record
    curves = read_curves(files["curves.json"], record.model, record.dataset)
    rows, points = rows_of(samples, record), curves.ranking
    assert (curves.rows, curves.frauds) == (len(rows), int(samples.labels[rows].sum()))
    assert curves.frauds_fen == int(samples.amount_fen[rows][samples.labels[rows] == 1].sum()) == points.caught_fen[-1]
    assert points.alerts[-1] == curves.rows and points.caught[-1] == curves.frauds
    assert points.score == sorted(points.score, reverse=True)
    genuine = curves.rows - curves.frauds
    gaps = [
        caught / curves.frauds - (alerts - caught) / genuine
        for alerts, caught in zip(points.alerts, points.caught, strict=True)
    ]
    assert gaps[curves.best] == max(gaps) == pytest.approx(record.metrics.measures["ks"].value, abs=1e-9)
    assert sum(curves.calibration.rows) == curves.rows
    with pytest.raises(Damaged, match="another model"):
        read_curves(files["curves.json"], "0" * 64, record.dataset)
    with pytest.raises(Damaged, match="draw the report again"):
        read_curves(b"{", record.model, record.dataset)


def test_what_people_look_at_is_a_part_of_the_signed_record(made):
    record = made[1].record
    figures = read_figures(record.content)
    assert figures.metrics.measures["auc"].value == record.metrics.measures["auc"].value
    assert [each.name for each in figures.notes] == [each.name for each in record.notes]
    score = [each for each in record.stability if not each.name]
    assert [each.psi for each in figures.stability[: len(score)]] == [each.psi for each in score]
    worst = figures.stability[len(score) :]
    assert len({each.name for each in worst}) == len(worst), "of each feature one period"
    for each in worst:
        assert each.psi == max(shift.psi for shift in record.stability if shift.name == each.name)
    with pytest.raises(Damaged):
        read_figures(b"{}")
