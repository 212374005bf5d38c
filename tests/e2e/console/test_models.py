"""Models in a browser: a challenger proposed, agreed to, published, taken back; curves that are drawn; two side by side."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from bench.model_runs import put_trained_run, put_training_set, signer_of
from tarim.models import find_dataset, load_dataset
from tarim.models.lab import read_model, read_run, samples_of
from tarim.models.lab.report import make_curves
from tarim.models.registry import CURVES, CURVES_SIGNATURE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.console_bank import Bank

WORDS = {
    "zh": {"mine": "您是提案人", "champion": "冠军", "challenger": "挑战者 12.50%", "waiting": "待审批",
           "definition": "业务定义"},
    "en": {"mine": "You proposed this", "champion": "Champion", "challenger": "Challenger 12.50%",
           "waiting": "Waiting for approval", "definition": "Business definition"},
}  # fmt: skip


REASON, BACK = "2026-11", "2026-12"
"""Of no language: other tests look at the same bank's pages in both."""
CHECKED_MS_MAX = 60_000
"""An approval reads the signed training set to the last byte."""
_LINE = """() => {
  const canvas = document.querySelector("[data-chart=threshold] canvas");
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let most = 0;
  for (let x = 0; x < width; x += 1) {
    let dark = 0;
    for (let at = x * 4; at < data.length; at += width * 4)
      if (data[at + 3] > 200 && data[at] < 60 && data[at + 1] < 80 && data[at + 2] < 110) dark += 1;
    most = Math.max(most, dark);
  }
  return most / height;
}"""
"""How much of the threshold chart's height its darkest column covers: that of the line that is moved."""


def draw_curves(data: Path, run: str) -> None:
    """What `tarim models report` keeps of a run for other eyes, without its pictures."""
    folder, signer = data / "runs" / run, signer_of(data)
    record = read_run(folder, signer)
    samples = samples_of(load_dataset(find_dataset(data / "datasets", record.dataset), signer))
    content = make_curves(record, read_model(folder, record), samples)
    (folder / CURVES).write_bytes(content)
    (folder / CURVES_SIGNATURE).write_bytes(signer.sign(content))


def agree(bank: Bank, proposal: dict[str, Any]) -> None:
    verdict = {"verdict": "approve", "digest": proposal["digest"]}
    bank.serve("model_approver", "POST", f"/v1/proposals/{proposal['id']}", verdict)


@pytest.fixture(scope="module")
def versions(bank: Bank) -> Iterator[tuple[str, str]]:
    """A champion and another approved model, both with curves; afterwards the bank's own model is in use again."""
    before = bank.serve("model_engineer", "GET", "/v1/models")["champion"]
    dataset = put_training_set(bank.data, seed=int(time.time()) % 1_000_000)  # a bank may be kept from run to run
    made = []
    for seed in range(2):
        run = put_trained_run(bank.data, dataset, seed=seed, trees=5)
        draw_curves(bank.data, run)
        body = {"run": run, "name": f"2026-{seed}", "reason": REASON}
        agree(bank, bank.serve("model_engineer", "POST", "/v1/models", body))
        made.append(bank.serve("model_engineer", "GET", "/v1/models")["models"][-1]["version"])
    publish(bank, made[0])
    yield made[0], made[1]
    publish(bank, before)


def publish(bank: Bank, version: str) -> None:
    body = {"model": version, "reason": REASON}
    agree(bank, bank.serve("model_engineer", "POST", "/v1/models:publish", body))


def propose(page: Any, version: str, act: str, **fields: str) -> str:
    """Propose an act on a model's page; the proposal's address."""
    page.goto(f"/models/{version}")
    page.locator(f"input[name=act][value={act}]").check(force=True)
    for name, value in {"reason": REASON, **fields}.items():
        page.fill(f"[data-acts] input[name={name}]", value)
    page.click("[data-acts] button")
    page.wait_for_url(re.compile(r"/model-proposals/"))
    return str(page.url)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_challenger_is_published_by_two_and_taken_back_by_one(
    language: str, person: Any, bank: Bank, versions: tuple[str, str]
) -> None:
    words, (champion, other) = WORDS[language], versions
    engineer, approver = person("model_engineer", language), person("model_approver", language)
    for each in (engineer, approver):
        each.set_default_timeout(CHECKED_MS_MAX)
    mistaken = propose(engineer, other, "publish").rpartition("/")[2]
    engineer.click("form[action$=withdraw] button")
    engineer.wait_for_url(re.compile(r"/model-proposals$"))
    assert engineer.locator(f"a[href$='{mistaken}']").count() == 0, "one's own is taken back by oneself"
    for act, fields, role in (("challenge", {"share": "12.5"}, "challenger"), ("publish", {}, "champion")):
        address = propose(engineer, other, act, **fields)
        assert words["mine"] in engineer.content() and engineer.locator("button[value=approve]").count() == 0
        approver.goto("/models")
        assert approver.locator("a[href='/model-proposals']").count() >= 2, "what waits is told on the first page"
        approver.goto(address)
        assert words["waiting"] in approver.locator(".rc-steps").inner_text()
        approver.click("button[value=approve]")
        approver.wait_for_url(re.compile(r"/models$"))
        row = approver.locator("tbody tr", has=approver.locator(f"a[href='/models/{other}']"))
        assert words[role] in row.inner_text()
    assert bank.send()["versions"]["model"] == other, "the next event is judged by it"

    operator = person("operator", language)
    operator.goto("/models")
    operator.click("[data-open=roll-back]")
    operator.fill("#roll-back input[name=reason]", BACK)
    operator.click("#roll-back button.danger")
    operator.wait_for_url(re.compile(f"/models/{champion}"))
    assert bank.send()["versions"]["model"] == champion
    operator.goto("/model-ledger")
    assert BACK in operator.locator("tbody tr").first.inner_text(), "and the ledger says why"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_chart_is_drawn_and_the_threshold_is_moved_by_the_keyboard(
    language: str, person: Any, versions: tuple[str, str]
) -> None:
    page = person("model_approver", language)
    page.goto(f"/models/{versions[0]}")
    drawn = "() => [...document.querySelectorAll('[data-chart]')].every((each) => each.dataset.drawn)"
    page.wait_for_function(drawn)
    assert page.locator("[data-chart]").count() == 6

    def recall() -> float:
        return float(page.locator("[data-count=recall]").inner_text().rstrip("%"))

    slider = page.locator("[data-slider]")
    slider.focus()
    slider.press("Home")
    assert recall() == 100.0, "the lowest threshold lets nothing through"
    slider.press("End")
    assert recall() < 50.0
    assert page.evaluate(_LINE) > 0.4, "the threshold is a line on the chart"
    for path in (f"/models/{versions[0]}/features", f"/model-compare?a={versions[0]}&b={versions[1]}"):
        page.goto(path)
        page.wait_for_function(drawn)
        assert page.locator("canvas").count() >= 2
    page.goto(f"/models/{versions[0]}/card")
    assert WORDS[language]["definition"] in page.locator(".models-card").inner_text()


def test_the_pages_fit_a_telephone_and_have_no_violation(person: Any, versions: tuple[str, str]) -> None:
    page = person("model_engineer", "zh", (390, 844))
    own = [f"/models/{versions[0]}{part}" for part in ("", "/features", "/groups", "/card")]
    for path in ("/models", "/model-compare", "/model-watch", "/model-ledger", *own):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
        assert person.axe(page) == [], path
