"""Pieces of HTML: the report's look, tables, figures with intervals."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from tarim.models.intervals import Measure

STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.6 "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif;
  color: #1f2937; background: #fff; max-width: 1080px; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
h1 small, h2 small, th small { color: #6b7280; font-weight: 400; font-size: .85em; margin-left: .4em; }
p.note { color: #4b5563; margin: .25rem 0 .75rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
th { color: #374151; border-bottom-color: #9ca3af; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums;
white-space: nowrap; } tr.about td { border-bottom: none; } tr.why td { padding-top: 0; }
tr.out td { color: #9ca3af; } .words { color: #1f5fa8; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; }
.tiles div { border: 1px solid #e5e7eb; border-radius: 6px; padding: .6rem .8rem; }
.tiles b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; } .tiles span { color: #6b7280; font-size:
.8rem; display: block; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; font-size: .87rem;
margin: 0; } dt { color: #6b7280; } dd { margin: 0; overflow-wrap: anywhere; } code { font-family: ui-monospace, monospace;
font-size: .92em; } figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
.apart { color: #c8442f; font-weight: 600; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""A page may show what is in it, and ask nobody for anything."""


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page; title: plain text, parts: HTML."""
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def section(zh: str, en: str, body: str) -> str:
    """A heading in both languages, and what is under it."""
    return f"<h2>{escape(zh)}<small>{escape(en)}</small></h2>\n{body}"


def picture(zh: str, en: str, svg: bytes, width_in: float) -> str:
    """A chart inside the page."""
    data = base64.b64encode(svg).decode()
    alt = escape(f"{zh} {en}")
    return f'<figure><img alt="{alt}" width="{width_in * 96:.0f}" src="data:image/svg+xml;base64,{data}"></figure>'


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], numbers_from: int) -> str:
    """Cells are HTML already; those from column `numbers_from` on are set to the right."""
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=n' if k >= numbers_from else ''}>{cell}</td>" for k, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><thead>{head(heads, numbers_from)}</thead><tbody>{body}</tbody></table></div>"


def head(heads: Sequence[tuple[str, str]], numbers_from: int) -> str:
    """The row of heads, Chinese and English."""
    cells = (
        f"<th{' class=n' if k >= numbers_from else ''}>{escape(zh)}{f'<small>{escape(en)}</small>' if en else ''}</th>"
        for k, (zh, en) in enumerate(heads)
    )
    return f"<tr>{''.join(cells)}</tr>"


def value(measure: Measure) -> str:
    """A figure, or a dash."""
    return "-" if measure.value is None else f"{measure.value:.4f}"


def interval(measure: Measure) -> str:
    """Its interval in brackets, or nothing."""
    return "" if measure.low is None or measure.high is None else f"[{measure.low:.4f}, {measure.high:.4f}]"


def with_interval(measure: Measure) -> str:
    """Both."""
    return f"{value(measure)} {interval(measure)}".strip()


def yuan(fen: int) -> str:
    """Fen as yuan with two places."""
    return f"{fen / 100:,.2f}"
