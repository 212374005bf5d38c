"""What is wrong with the looks of a page, as far as a program can tell: cut text, a page wider than its window, a blank chart,
words of the other language.

Each function asks the page once and gives what it found, in words for whoever has to mend it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarim.bootstrap.demo_staff import STAFF

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOME = Path(__file__).resolve().parents[2]
CJK = re.compile(r"[\u3400-\u9fff]+")
LATIN = re.compile(r"(?<![\w@./:-])[a-z]{3,}(?![\w@./:-])")
_SAID_BY_PEOPLE = ("src/tarim/cli/_demo_cases.py", "src/tarim/cli/_demo_files.py", "src/tarim/cli/_demo_rule.py",
                   "src/tarim/bootstrap/demo_staff.py", "tests/fakes/console_bank.py", "bench/people_masking.py")  # fmt: skip
OWN_WORDS = frozenset({
    "min", "kib", "mib", "fen",
    "core", "app", "demo", "live", "planted", "card", "document", "hostile",
    "fraud", "aml", "business", "general", "scattering", "gathering",
    "tarim", "models", "baseline", "measure",
    "currency", "unknown", "true", "false", "contract", "add", "remove",
})  # fmt: skip
"""Latin words of a Chinese page that are none of ours, in this order: units; names of sources, and what planted notes say;
names that the bank gave queues and scenarios; commands to type; fields and values of events and files as they are written.
"""
_CUT = """() => {
  const cells = "td, th, dd, dt, h1, h2, h3, p, li, label, button, summary, .rc-button, .rc-chip, .rc-pill, .rc-kpi-value";
  const found = [];
  for (const each of document.querySelectorAll(cells)) {
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height || !each.innerText?.trim()) continue;
    const style = getComputedStyle(each);
    if (style.overflowX === "visible" || style.overflowX === "auto" || style.overflowX === "scroll") continue;
    if (style.clipPath !== "none" || style.clip !== "auto" || box.width <= 2) continue;
    if (each.scrollWidth > each.clientWidth + 1 && !each.title && !each.closest("[title]"))
      found.push(`${each.tagName.toLowerCase()}.${each.className}: ${each.innerText.trim().slice(0, 60)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 1) {
    let who = "";
    for (const each of document.querySelectorAll("main *, header *"))
      if (each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".rc-scroll, dialog:not([open])")) {
        who = `${each.tagName.toLowerCase()}.${each.className}`; break;
      }
    found.push(`the page is ${wide} px wider than its window, by ${who}`);
  }
  return found;
}"""
_BLANK = """() => [...document.querySelectorAll("canvas")].filter((each) => {
  const box = each.getBoundingClientRect();
  if (box.width < 40 || box.height < 40 || !each.width || !each.height) return false;
  const data = each.getContext("2d").getImageData(0, 0, each.width, each.height).data;
  for (let at = 3; at < data.length; at += 4) if (data[at]) return false;
  return true;
}).map((each) => each.closest("[id]")?.id || each.className)"""
_TEXTS = """() => {
  const left = "script, style, template, code, pre, textarea, .rc-mono, .rc-own, [lang], [data-own], svg, kbd";
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, text = node.data.trim(), over = node.parentElement;
    const own = over.closest(left);
    if (!text || (own && own !== document.documentElement) || !over.getClientRects().length) continue;
    found.push(text);
  }
  for (const each of document.querySelectorAll("[placeholder], [aria-label], [title]"))
    for (const name of ["placeholder", "aria-label", "title"])
      if (each.getAttribute(name) && !each.closest("[lang]:not(html)") && !each.closest(".rc-own, [data-own]"))
        found.push(each.getAttribute(name));
  return found;
}"""


def _people_said() -> str:
    parts = [(HOME / path).read_text(encoding="utf-8") for path in _SAID_BY_PEOPLE]
    return "\n".join([*parts, *(each.name for each in STAFF)])


PEOPLE_SAID = _people_said()
"""Texts and names that the people of the bank wrote, in their own language on whichever page."""


def cut_texts(page: Page) -> list[str]:
    """Texts that do not fit where they stand, and what makes the page wider than its window."""
    found: list[str] = page.evaluate(_CUT)
    return [f"cut: {each}" for each in found]


def blank_charts(page: Page, wait_ms: int = 4_000) -> list[str]:
    """Charts on which nothing is drawn, after a while."""
    found: list[str] = page.evaluate(_BLANK)
    while found and wait_ms > 0:
        page.wait_for_timeout(200)
        wait_ms -= 200
        found = page.evaluate(_BLANK)
    return [f"blank chart: {each}" for each in found]


def other_language(page: Page, language: str) -> list[str]:
    """Texts in the other language that no person of the bank wrote."""
    texts: list[Any] = page.evaluate(_TEXTS)
    found = []
    for text in dict.fromkeys(texts):
        if language == "en":
            foreign = [run for run in CJK.findall(text) if run not in PEOPLE_SAID]
        else:
            foreign = [word for word in LATIN.findall(text) if word not in OWN_WORDS and word not in PEOPLE_SAID]
        if foreign:
            found.append(f"other language: {text[:80]!r}")
    return found
