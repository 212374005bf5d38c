"""Every page as it looks: nothing cut, nothing blank, one language, no violation that axe finds; and its picture.

Pages are opened as a person who works there, in three sizes.  Chinese is judged always, English and axe's whole word in the
slow run.  `make console-shots` keeps the pictures in var/console-shots, and those of the user guide in docs/guide/images.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.console_looks import blank_charts, cut_texts, other_language

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

SIZES = ((1440, 900), (1280, 720), (390, 844))
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "images"
FLAT_COLOURS, RARE_COLOURS = 64, 64
"""Of a picture of the guide: those of most pixels as they are, and others that lie far apart."""
SETTLE_MS = 250


@dataclass(frozen=True)
class Look:
    """A page to look at.  address: `{name}` is a case of the bank in that state; `first` an address on it to go on to."""

    name: str
    role: str
    address: str
    first: str = ""
    charts: bool = False


LOOKS = (
    Look("live", "analyst", "/live", charts=True),
    Look("decision", "analyst", "/decisions/core/planted-0"),
    Look("rules", "analyst", "/rules"),
    Look("rule", "analyst", "/rules/rule/large_to_new_payee"),
    Look("rule-editor", "analyst", "/rules/editor"),
    Look("rule-drafts", "analyst", "/rules/drafts"),
    Look("lists", "analyst", "/lists"),
    Look("list", "analyst", "/lists/fraud_accounts"),
    Look("list-import", "analyst", "/list-import"),
    Look("names", "analyst", "/names"),
    Look("name-matches", "analyst", "/names/matches"),
    Look("account", "analyst", "/account"),
    Look("tour", "analyst", "/tour"),
    Look("cases", "investigator", "/cases"),
    Look("case", "investigator", "/cases/{working}", charts=True),
    Look("case-print", "investigator", "/cases/{closed}/print"),
    Look("links", "investigator", "/cases/{working}", first="/links?entity=", charts=True),
    Look("reports", "investigator", "/reports"),
    Look("suspicious-reports", "investigator", "/reports/suspicious"),
    Look("suspicious-report", "investigator", "/reports/suspicious", first="/reports/suspicious/STR-"),
    Look("redress", "investigator", "/redress"),
    Look("complaints", "investigator", "/redress/complaints"),
    Look("complaint", "investigator", "/redress/complaints", first="/redress/complaints/C"),
    Look("case-review", "reviewer", "/cases/{submitted}"),
    Look("rule-proposals", "reviewer", "/rules/proposals"),
    Look("reviews", "reviewer", "/rules/reviews"),
    Look("list-proposals", "reviewer", "/list-proposals"),
    Look("models", "model_engineer", "/models"),
    Look("model", "model_engineer", "/models", first="/models/", charts=True),
    Look("model-watch", "model_engineer", "/model-watch"),
    Look("model-proposals", "model_approver", "/model-proposals"),
    Look("levels", "operator", "/levels"),
    Look("switches", "operator", "/rules/switches"),
    Look("log", "auditor", "/log"),
    Look("traces", "auditor", "/log/traces"),
    Look("chain", "auditor", "/log/chain"),
    Look("exports", "auditor", "/log/exports"),
    Look("users", "administrator", "/users"),
    Look("user", "administrator", "/users/of/li.na"),
    Look("roles", "administrator", "/users/roles"),
    Look("user-changes", "administrator", "/users/changes"),
    Look("statistics", "data_officer", "/redress/statistics"),
    Look("erasures", "data_officer", "/redress/erasures"),
    Look("erasure", "data_officer", "/redress/erasures", first="/redress/erasures/ERASE-"),
    Look("refused", "marketing_manager", "/cases"),
    Look("sign-in", "", "/sign-in"),
)
ROLES = tuple(dict.fromkeys(look.role for look in LOOKS))


def opened(page: Page, look: Look, bank: Bank) -> None:
    page.goto(look.address.format(**bank.cases))
    if look.first:
        page.goto(page.locator(f"main a[href^='{look.first}']").first.get_attribute("href") or "/no-such-page")
    page.wait_for_timeout(SETTLE_MS)


@cache
def guide_text() -> str:
    """Every page of the guide."""
    return "".join(each.read_text(encoding="utf-8") for each in sorted(GUIDE.parent.glob("*.md")))


def few_colours(image: Picture) -> Picture:
    """A small picture that keeps the page's own flat colours, and rare ones apart.  image: RGB."""
    from PIL import Image

    counted = sorted(image.getcolors(image.width * image.height) or [], reverse=True)[:FLAT_COLOURS]
    flat = [value for _, colour in counted for value in colour]
    rare = image.quantize(RARE_COLOURS, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((flat + rare[: 3 * RARE_COLOURS] + [0] * 768)[:768])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def picture(page: Page, look: Look, language: str, size: tuple[int, int]) -> None:
    """Keep the picture where `make console-shots` wants it."""
    folder = os.environ.get("TARIM_SHOTS")
    if not folder:
        return
    path = Path(folder) / f"{size[0]}x{size[1]}" / f"{look.name}.{language}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    if size == (1280, 720) and f"images/{path.name}" in guide_text():
        from PIL import Image

        GUIDE.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            few_colours(image.convert("RGB")).save(GUIDE / path.name, optimize=True)


@pytest.mark.parametrize("role", [role or "nobody" for role in ROLES])
@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.slow)])
def test_looks(role: str, language: str, person: Any, bank: Bank) -> None:
    role = "" if role == "nobody" else role
    page = person(role, language) if role else person.nobody(language)
    wrong = []
    for look in (each for each in LOOKS if each.role == role):
        for size in SIZES:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            if size == SIZES[0]:
                opened(page, look, bank)
            else:
                page.wait_for_timeout(SETTLE_MS if look.charts else 60)
            where = f"{look.name} {size[0]}x{size[1]}"
            found = cut_texts(page) + (blank_charts(page) if look.charts else [])
            if size == SIZES[0]:
                found += other_language(page, language)
            wrong += [f"{where}: {each}" for each in found]
            picture(page, look, language, size)
    person.expect("status of 403", "status of 404")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", [role or "nobody" for role in ROLES])
def test_everybody_can_use_it(role: str, person: Any, bank: Bank) -> None:
    """WCAG 2.2 AA, as far as axe finds what breaks it, on every page."""
    role = "" if role == "nobody" else role
    page = person(role) if role else person.nobody()
    wrong = []
    for look in (each for each in LOOKS if each.role == role):
        opened(page, look, bank)
        wrong += [f"{look.name}: {each}" for each in person.axe(page)]
    person.expect("status of 403", "status of 404")
    assert not wrong, "\n".join(wrong)


def test_the_first_load_is_light(person: Any, bank: Bank) -> None:
    """300 KB as transferred and ten requests, with nothing in the cache; how long it takes is for `make accept-console`."""
    page = person("analyst")
    page.goto("about:blank")  # what the first page still asks for is not counted
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: dict[str, float] = {}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    session.on(
        "Network.responseReceived",
        lambda event: (
            sizes.setdefault(event["requestId"], 0) if event["response"]["mimeType"] != "text/event-stream" else None
        ),
    )
    session.on(
        "Network.loadingFinished",
        lambda event: (
            sizes.update({event["requestId"]: event["encodedDataLength"]}) if event["requestId"] in sizes else None
        ),
    )
    page.goto("/live")
    page.wait_for_function("() => document.querySelector('canvas')")
    page.wait_for_timeout(500)
    assert sum(sizes.values()) <= 300 * 1024
    assert len(sizes) <= 10, "\n".join(asked)


def test_the_guide_shows_pictures_there_are() -> None:
    """A page of the guide that names a picture nobody takes would go stale unseen."""
    taken = {f"{look.name}.{language}.png" for look in LOOKS for language in ("zh", "en")}
    for path in sorted(GUIDE.parent.glob("*.md")):
        for name in re.findall(r"\(images/([^)]+)\)", path.read_text(encoding="utf-8")):
            assert name in taken, f"{path.name} shows {name}, which test_looks.py does not take"
            assert (GUIDE / name).exists(), f"{path.name} shows {name}: make console-shots"
    kept = sum(path.stat().st_size for path in GUIDE.glob("*.png"))
    assert kept <= 3 << 20, f"the guide's pictures have {kept:,} bytes"
