"""Where charts are drawn: once as SVG with text as text, once as PNG.

In SVG the reader's own fonts show Chinese, whatever fonts the machine has that drew it.  A PNG holds the shapes of letters, so
it is in Chinese and English where a Chinese font is installed here, and in English where none is.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHINESE_FONTS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "Heiti SC",
)
_DRAWN: Final = "DejaVu Sans"
"""Comes with matplotlib, so it is everywhere; labels are measured by it."""
_FAMILIES: Final = ", ".join(f"'{name}'" for name in (*CHINESE_FONTS, _DRAWN)) + ", sans-serif"
"""Where the reader's machine looks for letters."""
BLUE, RED, GREEN, GREY, LIGHT = "#1f5fa8", "#c8442f", "#3a7d44", "#6b7280", "#d5dae1"
"""Blue and red keep apart for the colour-blind."""

Say = Callable[[str, str], str]
"""A label from its Chinese and its English."""
Draw = Callable[["Figure", Say], None]


def render(draw: Draw, width_in: float, height_in: float) -> tuple[bytes, bytes]:
    """SVG and PNG of one chart; the same bytes every time for the same numbers and library."""
    from matplotlib import font_manager
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    installed = {font.name for font in font_manager.fontManager.ttflist}
    chinese = [name for name in CHINESE_FONTS if name in installed]

    def both(zh: str, en: str) -> str:
        return f"{zh} {en}"

    with _style([_DRAWN]):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, both)
        svg = BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    with _style([*chinese[:1], _DRAWN]):
        figure = Figure(figsize=(width_in, height_in), layout="constrained", dpi=144)
        FigureCanvasAgg(figure)
        draw(figure, both if chinese else lambda _zh, en: en)
        png = BytesIO()
        figure.savefig(png, format="png", metadata={"Software": None})
    return svg.getvalue().replace(f"'{_DRAWN}'".encode(), _FAMILIES.encode()), png.getvalue()


@contextmanager
def _style(families: list[str]) -> Iterator[None]:
    """Our look, and silence about fonts and letters that this machine does not have: the reader's may."""
    import matplotlib

    settings: Any = {  # matplotlib's own type names its three hundred settings one by one
        "font.family": families,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "axes.labelcolor": "#1f2937",
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e7eaee",
        "grid.linewidth": 0.7,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "tarim",
        "axes.unicode_minus": False,
    }
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context(settings), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            yield
    finally:
        log.setLevel(before)
