"""The documents say what is: links lead somewhere, generated pages are current, nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tarim.bootstrap import limits
from tarim.bootstrap.settings import every_setting
from tarim.cli import _reference
from tarim.stream import NIGHT, Entity, FeatureSet

HOME = Path(__file__).resolve().parents[2]
DOCS = HOME / "docs"
PAGES = [HOME / "README.md", HOME / "README.zh-CN.md", HOME / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as the usual renderers make them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings of this repository; nothing outside is asked."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name} leads to {target}"
        if anchor:
            assert anchor in anchors(found), f"{page.name} leads to {target}"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in sorted(DOCS.rglob("*.md")):
        name = page.relative_to(DOCS).as_posix()
        assert name == "index.md" or f"]({name})" in index, name


def test_the_page_of_commands_is_current() -> None:
    """Otherwise: python -m tarim.cli._reference docs/reference."""
    assert (DOCS / "reference" / _reference.PAGE).read_text(encoding="utf-8") == _reference.page()


def test_every_command_is_told_where_it_is_used() -> None:
    """Beside the reference, in a tutorial, a how-to or an explanation."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name != "reference")
    for path, _ in _reference.commands():
        assert path in text, path


def test_the_page_of_limits_is_current_and_complete() -> None:
    """Otherwise: python -m tarim.bootstrap.limits docs/reference."""
    assert (DOCS / "reference" / limits.PAGE).read_text(encoding="utf-8") == limits.page()
    names = {name for name, _, _ in every_setting()}
    assert set(limits.AT_SETTINGS) <= names
    assert {name for name in names if name.endswith("_max")} <= set(limits.AT_SETTINGS)


def test_every_feature_operation_is_defined() -> None:
    """The names shown are the names features get."""
    page = (DOCS / "reference/features.md").read_text(encoding="utf-8")
    payer, payee = Entity("payer", key="account"), Entity("payee", key="payee_account")
    merchant = Entity("merchant", key="merchant_id")
    features = [
        payer.count("10m"),
        payer.sum("amount_fen", "24h"),
        payer.mean("amount_fen", "1h"),
        payer.min("amount_fen", "7d"),
        payer.max("amount_fen", "7d"),
        payer.std("amount_fen", "7d"),
        payer.zscore("amount_fen", "30d"),
        payer.ratio("amount_fen", "30d"),
        payer.percentile("amount_fen", 50, "30d"),
        payer.over_percentile("amount_fen", 50, "30d"),
        payer.outliers("amount_fen", 3, "14d"),
        payer.distinct("payee_account", "7d"),
        payer.is_new("payee_account", "30d"),
        payer.first_seen("30d"),
        payer.since_last(),
        payer.share(NIGHT, "30d"),
        payee.in_out_ratio("amount_fen", "24h", payer),
        merchant.label_count("30d", "7d"),
        merchant.label_rate("30d", "7d"),
        merchant.delayed_count("30d", "7d"),
        merchant.label_run("90d", "7d"),
        merchant.label_run_age("90d", "7d"),
        merchant.label_run_min("amount_fen", "90d", "7d"),
        merchant.since_fraud("90d", "7d"),
        merchant.since_clear("90d", "7d"),
    ]
    for name in FeatureSet("all", *features).names:
        assert f"`{name}`" in page, name
    operations = {name for name in vars(Entity) if not name.startswith("_") and callable(getattr(Entity, name))}
    assert {feature.op for feature in features} == operations
    for operation in operations:
        assert f"| `{operation}(" in page, operation


PROCESSES = ("figures.py", "running.py", "desk_running.py", "views_running.py")
"""Where figures are named."""


def test_every_figure_is_in_the_page_of_metrics() -> None:
    page = (DOCS / "reference/metrics.md").read_text(encoding="utf-8")
    source = "".join((HOME / "src/tarim/api" / name).read_text() for name in PROCESSES)
    names = set(re.findall(r'"(tarim_[a-z_]+)"', source))
    assert len(names) > 10
    for name in names:
        assert f"`{name}" in page, name
    for shown in re.findall(r"^\| `(tarim_[a-z_]+?)(?:_total)?[`{]", page, re.MULTILINE):
        assert shown in names, f"{shown} is told but not there"


def test_every_requirement_of_this_part_is_answered() -> None:
    page = (DOCS / "reference/requirements.md").read_text(encoding="utf-8")
    wanted = [f"SC-{n:02}" for n in range(1, 9)]
    wanted += [f"IN-{n:02}" for n in (1, 2, 3, 4, 7, 8, 9, 12, 13, 18, 19, 20)]
    wanted += [
        "RM-01",
        "RM-02",
        "RM-03",
        "RM-04",
        "RM-05",
        "RM-06",
        "RM-07",
        "RM-08",
        "RM-09",
        "RM-10",
        "RM-11",
        "RM-12",
        "RM-13",
        "RM-14",
        "RM-15",
        "RM-16",
        "RM-17",
        "RM-18",
        "RM-19",
        "RM-20",
        "RM-21",
        "RM-22",
        "RM-23",
        "RM-25",
        "RM-26",
        "RM-27",
        "RM-28",
        "RM-29",
        "RM-30",
        "RM-31",
        "ML-01",
        "ML-02",
        "ML-03",
        "ML-04",
        "ML-05",
        "ML-06",
        "ML-07",
        "ML-08",
        "ML-09",
        "ML-10",
        "ML-11",
        "ML-12",
        "ML-13",
        "ML-14",
        "ML-15",
        "ML-16",
        "ML-17",
        "ML-18",
        "ML-19",
        "ML-20",
        "ML-21",
        "ML-22",
        "ML-23",
        "ML-24",
        "ML-25",
        "ML-26",
        "ML-27",
        "ML-28",
        "ML-29",
        "RS-06",
        "RS-07",
        "RS-09",
        "QO-03",
        "QO-08",
        "DP-21",
        "MP-01",
        "MP-02",
        "MP-03",
        "MP-04",
        "MP-05",
        "MP-06",
        "MP-07",
        "MP-08",
        "MP-09",
        "MP-10",
        "MP-13",
        "IN-21",
        "DP-01",
        "DP-06",
        "DP-07",
        "DP-09",
        "DP-10",
        "DP-11",
        "DP-12",
        "DP-13",
        "DP-16",
        "TS-13",
        "TS-18",
        "TS-19",
        "DS-18",
        "DS-19",
        "DS-28",
        "DS-38",
        "RT-02",
        "RT-13",
        "CM-01",
        "CM-02",
        "CM-03",
        "CM-04",
        "CM-05",
        "CM-06",
        "CM-07",
        "CM-08",
        "CM-09",
        "CM-10",
        "CM-11",
        "CM-12",
        "SE-01",
        "SE-02",
        "SE-03",
        "SE-04",
        "SE-05",
        "SE-06",
        "SE-07",
        "SE-08",
        "SE-09",
        "SE-10",
        "SE-11",
        "SE-16",
        "SE-17",
        "SE-19",
        "NS-06",
        "NS-07",
        "NS-12",
        "NS-16",
        "NS-18",
        "NS-19",
        "TS-03",
        "TS-05",
    ]
    rows = dict(re.findall(r"^\| ([A-Z]{2}-\d\d) \| (.*)$", page, re.MULTILINE))
    assert list(rows) == wanted
    for path in re.findall(r"`((?:tests|bench|docs|src)/[^`]+)`", page):
        assert (HOME / path).exists(), path


def test_the_readmes_say_the_same() -> None:
    """Same commands, same links, in both languages."""
    english, chinese = ((HOME / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))

    def facts(text: str) -> tuple[list[str], set[str]]:
        commands = re.findall(r"`((?:make|tarim|\.venv)[^`]*)`", text)
        return sorted(set(commands)), set(re.findall(r'"[a-z_]+": ?[^,}\n]+', text))

    assert facts(english) == facts(chinese)
