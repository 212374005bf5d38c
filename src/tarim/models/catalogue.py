"""The catalogue of features: what each one is, in plain words of both languages, and who answers for it (ML-10, AS-07).

python -m tarim.models.catalogue FOLDER     writes the page of the sets that come with the product
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec

from tarim.models.meanings import meaning
from tarim.stream import FeatureSet, scenario_features

PAGE: Final = "feature-catalogue.md"
_HEAD: Final = """# Feature catalogue

Made by `python -m tarim.models.catalogue`. The features of the set `scenarios`, of which `reference` is the beginning: what
each one is, and the post that answers for it, by the name of its [role](permissions.md). A house that adds features names
their owners where it declares them ([how](../how-to/add-features.md)); `tarim models features` shows the catalogue of the
set in force. A model with a feature that nobody answers for is not submitted. [Exact definitions](features.md).

| feature | what it is | 含义 | owner |
| --- | --- | --- | --- |
"""


class Entry(msgspec.Struct, frozen=True):
    """A feature, its meaning in Chinese and English, its longest look back in ms, and its owner ("" = nobody)."""

    name: str
    zh: str
    en: str
    window_ms: int
    owner: str


def feature_catalogue(features: FeatureSet) -> list[Entry]:
    """All features of a set, in its order."""
    found = []
    for feature, owner in zip(features.features, features.owners, strict=True):
        said = meaning(feature)
        found.append(Entry(feature.name, said.zh, said.en, feature.window_ms, owner))
    return found


def page() -> str:
    """The page of the sets that come with the product."""
    rows = (
        f"| `{each.name}` | {each.en} | {each.zh} | {each.owner} |" for each in feature_catalogue(scenario_features())
    )
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
