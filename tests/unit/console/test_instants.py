"""A page writes instants in one zone: the viewer's own, in what the server renders and in what scripts write and draw."""

import re
from pathlib import Path

import pytest

from tarim.console.rendering import TEMPLATES

SCRIPTS = sorted((TEMPLATES.parent / "static").glob("*.js"))
OF_THE_BROWSER = re.compile(
    r"Intl\.DateTimeFormat|toLocale(Date|Time)String|\.get(Hours|Date|Day|Month|Minutes|FullYear)\("
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_writes_an_instant_in_the_browsers_zone(script: Path) -> None:
    """`tarim.instant` alone turns an instant into text, in the zone that the page says."""
    found = OF_THE_BROWSER.findall(script.read_text(encoding="utf-8"))
    assert len(found) == (script.name == "console.js"), f"{script.name} writes instants by itself: use tarim.instant"


def test_the_page_tells_its_zone() -> None:
    frame = (TEMPLATES / "base.html").read_text(encoding="utf-8")
    assert 'data-zone="{{ zone().key }}"' in frame
    assert "timeZone: document.body.dataset.zone" in (TEMPLATES.parent / "static" / "console.js").read_text("utf-8")
