"""The page of the protocols is written from their headers, and leaves none out."""

from __future__ import annotations

from pathlib import Path

from tarim.federation import reference

HOME = Path(reference.__file__).parent
DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_up_to_date() -> None:
    """Otherwise: python -m tarim.federation.reference docs/reference."""
    assert (DOCS / "reference" / reference.PAGE).read_text(encoding="utf-8") == reference.page()


def test_every_module_that_says_who_learns_what_is_on_it() -> None:
    on_page = {module for modules in reference.PROTOCOLS.values() for module in modules}
    found = {
        module
        for path in HOME.rglob("*.py")
        if "Who learns what" in reference.header(module := str(path.relative_to(HOME).with_suffix("")))
    }
    assert found and found - on_page == set()
