"""Where a person lands, and the page of third-party licences."""

from __future__ import annotations

from typing import Final

from tarim.console.pages import SIGNED_IN, Go, Page, View, Visit
from tarim.console.vendoring import STATIC


async def go_home(_visit: Visit) -> Go:
    """To the first page of the menu that is open to the person."""
    return Go()


async def show_licences(_visit: Visit) -> View:
    """What the console is made of besides our own code."""
    text = (STATIC / "vendor" / "LICENCES.txt").read_text(encoding="utf-8")
    return View("home/licences.html", {"text": text})


PAGES: Final = (
    Page("GET", "/", "home", SIGNED_IN, go_home),
    Page("GET", "/licences", "licences", SIGNED_IN, show_licences),
)
