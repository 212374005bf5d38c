"""Why a run was chosen: signed, about this run, never without anything to compare it with (ML-04); what it cost (ML-05)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import msgspec
import pytest

from tarim.base.errors import Damaged, DefinitionError, InputError
from tarim.models.intervals import Measure
from tarim.models.lab import Tuning, alternative, choice_of, make_comparison, read_choice, train
from tarim.models.lab.report.canvas import render
from tarim.models.lab.report.cost_charts import draw_tuning, varied
from tarim.models.lab.report.page import Chart, page
from tarim.models.lab.tuning import Trial
from tarim.privacy import Signer
from tests.fakes.samples import make_samples
from tests.unit.models.lab.test_report import Reader
from tests.unit.models.lab.test_train import OPERATOR, Ticking, quick

REASON = "In paired comparison it finds more of the money at the same number of alerts."


@dataclass
class Beside:
    """A run beside the first, as `tarim.bootstrap.training.Compared` is one."""

    record: object
    differences: dict = field(default_factory=dict)
    why_not: str = ""


@pytest.fixture(scope="module")
def records():
    samples = make_samples(4_000)
    plans = (quick(replicates=10), quick("woe", replicates=10))
    return [train(samples, plan, OPERATOR, Ticking()).record for plan in plans]


def test_a_choice_tells_what_was_compared_and_why(records):
    better = {"average_precision": Measure(-0.05, -0.09, -0.01)}
    choice = choice_of(records[0], (alternative(records[1], better, ""),), f"  {REASON} ", OPERATOR, 7)
    (line,) = choice.listed()
    assert records[1].run_id in line and "(woe)" in line and "difference -0.0500 [-0.0900, -0.0100]" in line
    assert choice.reason == REASON and choice.operator == OPERATOR
    unpaired = choice_of(records[0], (alternative(records[1], {}, "another training set"),), REASON, OPERATOR, 7)
    assert "not paired" in unpaired.listed()[0]


def test_nothing_compared_is_no_choice(records):
    other = alternative(records[1], {}, "")
    for alternatives, reason, told in (
        ((), REASON, "nothing was compared"),
        ((alternative(records[0], {}, ""),), REASON, "not preferred to itself"),
        ((other,), "it is better", "20 to 4000"),
        (51 * (other,), REASON, "at most 50"),
    ):
        with pytest.raises(InputError, match=told):
            choice_of(records[0], alternatives, reason, OPERATOR, 7)


def test_a_choice_is_read_back_only_as_it_was_signed_and_about_its_run(records, tmp_path):
    signer = Signer(b"k" * 32)
    with pytest.raises(DefinitionError, match="tarim models choose"):
        read_choice(tmp_path, records[0], signer)
    choice = choice_of(records[0], (alternative(records[1], {}, ""),), REASON, OPERATOR, 7)
    (tmp_path / "choice.json").write_bytes(choice.content)
    (tmp_path / "choice.sig").write_bytes(signer.sign(choice.content))
    assert read_choice(tmp_path, records[0], signer) == choice
    with pytest.raises(Damaged, match="another run or model"):
        read_choice(tmp_path, records[1], signer)
    (tmp_path / "choice.json").write_bytes(choice.content.replace(b"money", b"noney"))
    with pytest.raises(Damaged):
        read_choice(tmp_path, records[0], signer)


def test_time_and_quality_are_told_by_parameter(records):
    """Trials of a search are a comparison too; the page shows what each parameter did and what it cost."""
    settings = [{"c": 0.01 * 10**k, "bins": 3.0 + k, "iterations": 500.0} for k in range(4)]
    trials = tuple(Trial(k, each, 0.4 + 0.01 * k, (0.4,), 1.5 * k) for k, each in enumerate(settings))
    assert varied(trials) == ["c", "bins"]
    tuned = msgspec.structs.replace(records[1], tuning=Tuning(trials, 3, 4, 60, 9.0))
    assert choice_of(tuned, (), REASON, OPERATOR, 7).listed() == ["4 sets of parameters, the best by folds"]
    svg, png = render(partial(draw_tuning, tuning=tuned.tuning), 6, 4)
    assert png.startswith(b"\x89PNG") and svg.count(b"average precision") == 1
    text = page(tuned, [Chart("tuning", "调参", "Tuning", svg, 6)])
    assert 'alt="调参 Tuning"' in text and "<td>4.5</td>" in text
    assert records[0].fit_cpu_s > 0


def test_runs_side_by_side_are_a_page_that_asks_nothing(records):
    named = [msgspec.structs.replace(record, run_id=f"run-<{at}>") for at, record in enumerate(records)]
    differences = {"auc": Measure(-0.02, -0.03, -0.01)}
    files = make_comparison([Beside(named[0]), Beside(named[1], differences, "")])
    page = files["compare.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert reader.open == [] and "script" not in reader.tags and files["compare.png"].startswith(b"\x89PNG")
    assert "run-&lt;1&gt;" in page and "<span class=apart>-0.0200 [-0.0300, -0.0100]</span>" in page
    assert "num_trees" in page and "bins" in page and "训练处理器时间" in page
    other = make_comparison([Beside(named[0]), Beside(named[1], {}, "another test part")])
    assert "another test part" in other["compare.html"].decode()
