"""`docs/reference/joint-protocols.md`, from the protocols' own headers: python -m tarim.federation.reference docs/reference."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PAGE: Final = "joint-protocols.md"
PROTOCOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "Ground": (
        "session", "sharing", "hashing", "base_transfer", "seed_trees", "transfer", "correlated", "bit_products",
        "random_products", "multiplication", "punctured", "garbling", "circuits", "conversion", "truncation", "lifting",
        "prepared",
    ),
    "Common customers": ("intersection",),
    "Before training": ("learning/screening", "learning/sums"),
    "Logistic regression": (
        "learning/logistic", "learning/logistic_descent", "learning/products", "learning/product_forms",
        "learning/encrypted_products", "learning/sigmoid", "node/sigmoids",
    ),
    "Boosted trees": (
        "learning/boosting", "learning/gradients", "learning/histograms", "learning/splits", "learning/routes",
        "learning/leaves", "learning/precision", "learning/column_gains",
    ),
    "Stopping early, and judging": ("learning/stopping", "learning/evaluation", "node/judging"),
    "Questions": ("queries", "linear_queries", "tree_queries"),
    "Encrypted computation": ("encryption/sums", "encryption/scoring", "encryption/exchange", "node/scoring"),
    "Custody, the line, and the second engine": ("node/custody", "adapters/link", "second_engine/engine"),
}  # fmt: skip
"""Modules by chapter, below `tarim/federation`."""
_HERE: Final = Path(__file__).parent
_HEAD: Final = """\
<!-- Written by `python -m tarim.federation.reference docs/reference`; do not edit. -->

# Protocols of joint computation

> **Semi-honest, and not yet independently audited.** 半诚实模型，尚未经独立审计。

A section for each protocol: what it computes, who learns what, what it costs, and the paper it is built from, as its module in
`tarim.federation` says on top. How they work together, and what was measured:
[Learning together without showing the data](../explanation/joint-learning.md). With pages of their own:
[encrypted computation](encrypted-computation.md), [what is made ahead](made-ahead.md), [the second engine](second-engine.md).
"""


def header(module: str) -> str:
    """What a module says on top.  Read, not imported: some need libraries that the page does not."""
    return ast.get_docstring(ast.parse((_HERE / f"{module}.py").read_text(encoding="utf-8"))) or ""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_chapters()]).rstrip() + "\n"


def _chapters() -> Iterator[str]:
    for chapter, modules in PROTOCOLS.items():
        yield f"## {chapter}\n"
        for module in modules:
            first, _, rest = header(module).partition("\n\n")
            yield f"### {module.replace('/', '.')}\n\n{' '.join(first.split())}\n"
            if rest:
                yield f"```text\n{rest.strip()}\n```\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
