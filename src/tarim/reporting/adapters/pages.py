"""Pages as PDF/A, set by Typst from a template of this package and plain data.

The same data and time give the same bytes.  Chinese needs a font of the machine: Debian's `fonts-noto-cjk`, or another of
those named below.  Nothing is fetched, and templates read nothing but their own folder.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from tarim.base.errors import Damaged, TooLarge, Unavailable

SERIF: Final = ("Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "AR PL UMing CN", "SimSun")
SANS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "SimHei",
)
DATA_BYTES_MAX: Final = 16 << 20
_TEMPLATES: Final = Path(__file__).parent / "templates"
_LATIN: Final = "Libertinus Serif"
"""Comes with Typst: Latin letters and figures of running text."""


def pdf(template: str, data: dict[str, Any], at_ms: int) -> bytes:
    """The pages of a template, as PDF/A-2b.  at_ms: the time written into the file.

    Raises Unavailable without a Chinese font, TooLarge, Damaged.
    """
    return _compiled(template, data, at_ms, "pdf")[0]


def png(svg: str, pixels_per_inch: int = 144) -> bytes:
    """A picture of an SVG, with Chinese in the fonts of the pages.  Raises as `pdf`."""
    return _compiled("picture.typ", {"svg": svg}, 0, "png", pixels_per_inch)[0]


def _compiled(
    template: str, data: dict[str, Any], at_ms: int, form: Literal["pdf", "png"], ppi: int = 144
) -> list[bytes]:
    import typst

    serif, sans = fonts()
    text = json.dumps({**data, "serif": [_LATIN, serif], "sans": [sans]}, ensure_ascii=False)
    if len(text.encode()) > DATA_BYTES_MAX:
        raise TooLarge(f"a report's data has at most {DATA_BYTES_MAX:,} bytes")
    try:
        made: Any = typst.compile(
            _TEMPLATES / template,
            root=_TEMPLATES,
            sys_inputs={"data": text},
            format=form,
            ppi=float(ppi),
            pdf_standards="a-2b" if form == "pdf" else None,
            timestamp=datetime.fromtimestamp(at_ms // 1_000, UTC),  # whole seconds: it takes no smaller part
        )
    except typst.TypstError as error:
        raise Damaged(f"the pages of {template} cannot be set: {error.message}") from None
    pages: list[bytes] = made if isinstance(made, list) else [made]
    return pages


@cache
def fonts() -> tuple[str, str]:
    """The first Chinese serif and sans-serif families of the machine; one may stand for the other.

    Raises Unavailable when there is none.
    """
    import typst

    families = set(typst.Fonts().families())
    serif = [name for name in SERIF if name in families]
    sans = [name for name in SANS if name in families]
    if not serif and not sans:
        raise Unavailable(
            "no Chinese font is installed, so no report can be set; install Debian's package fonts-noto-cjk "
            "(apt-get install fonts-noto-cjk). 未安装中文字体，无法排版报告；请安装软件包fonts-noto-cjk。"
        )
    return (serif or sans)[0], (sans or serif)[0]
