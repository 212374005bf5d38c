"""`python -m bench.handbook`: the parts one after the other; status 1 when the engine's features are not the book's."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bench.handbook
from bench.handbook.bars import Material, by_seed, material
from bench.handbook.book import BOOK_FEATURES, book_names, by_definition, compare
from bench.handbook.choosing import CANDIDATES
from bench.handbook.flow import by_engine
from bench.handbook.ledger import TRANSACTIONS, book_order, read_ledger, read_published, taken
from bench.handbook.measures import PREQUENTIAL, VALIDATION, Measures
from bench.handbook.sets import BOOK_SET, FITTED, MEDIANS, RUNS
from bench.handbook.training import PARAMETERS, SEEDS, TREES, assess, matrix_of, mean_of, trainer


def features(data: Path) -> tuple[dict[str, Any], bool]:
    """The book's features against its files; whether the engine's are equal."""
    ledger, published = read_ledger(data), read_published(data)
    order = book_order(ledger, published)
    in_book_order = taken(ledger, order)
    published_in_order = {name: column[order] for name, column in published.items()}
    print("the book's features by definition, rows unlike the book's file: as filed / in the book's order of ties")
    filed = compare(by_definition(ledger), published, ledger)
    sorted_ = compare(by_definition(in_book_order), published_in_order, in_book_order)
    for one, other in zip(filed, sorted_, strict=True):
        print(
            f"  {one.name:38} {one.unequal:4} / {other.unequal:4}   largest relative error {one.relative_error_max:.1e}"
        )
    print("the same from the engine")
    engine = compare(book_names(by_engine(in_book_order, BOOK_SET), in_book_order), published_in_order, in_book_order)
    for each in engine:
        print(f"  {each.name:38} {each.unequal:4}          largest relative error {each.relative_error_max:.1e}")
    report = {"by_definition": [asdict(each) for each in sorted_], "by_engine": [asdict(each) for each in engine]}
    return report, not any(each.unequal for each in engine)


def ablation(data: Path) -> dict[str, Any]:
    """What each family of features brings, on both splits: the mean over three seeds, least and greatest precision."""
    everything = material(data, PREQUENTIAL)
    medians, runs = ([feature.name for feature in features] for features in (MEDIANS, RUNS))
    steps = {
        "the book's fifteen": _book_columns(everything),
        "Tarim's windows": everything.without([*medians, *runs]),
        "with medians": everything.without(runs),
        "with runs": everything.without(medians),
        "with both": everything,
        "with both, nothing fitted": everything.without(FITTED),
    }
    print("LightGBM                    columns   split A: AUC     AP (least to greatest)   CP@100   split B: ...")
    report: dict[str, Any] = {}
    for label, found in steps.items():
        measured = by_seed(found, PREQUENTIAL, SEEDS[:3])
        splits = {"A": measured[0], "B": [mean_of(weeks) for weeks in zip(*measured, strict=True)]}
        print(f"  {label:26} {len(found.columns):5}   {'   '.join(_row(each) for each in splits.values())}", flush=True)
        report[label] = {split: [asdict(each) for each in seeds] for split, seeds in splits.items()}
    return report


def _book_columns(found: Material) -> Material:
    return Material(found.ledger, {name: book_names(found.columns, found.ledger)[name] for name in BOOK_FEATURES})


def _row(measured: list[Measures]) -> str:
    precisions = [each.average_precision for each in measured]
    mean = mean_of(measured)
    span = f"({min(precisions):.4f} to {max(precisions):.4f})"
    return f"{mean.auc:.3f}  {mean.average_precision:.4f} {span}  {mean.card_precision_100:.4f}"


def choosing(data: Path) -> dict[str, Any]:
    """Candidates of parameters on the weeks to choose by, with the first seed."""
    found = material(data, VALIDATION)
    matrix, names = matrix_of(found.columns), list(found.columns)
    report: dict[str, Any] = {}
    print("parameters tried on the weeks before the tests             AP   CP@100")
    for label, (changes, trees) in CANDIDATES.items():
        train = trainer({**PARAMETERS, **changes}, trees or TREES)
        mean = mean_of([assess(matrix, names, found.ledger, split, train) for split in VALIDATION])
        print(f"  {label:50} {mean.average_precision:.4f}  {mean.card_precision_100:.4f}", flush=True)
        report[label] = asdict(mean)
    return report


PARTS = ("features", "ablation", "choosing")


def main() -> int:
    """Print the parts; 0 when the engine's features equal the book's."""
    parser = argparse.ArgumentParser(
        description=bench.handbook.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("TARIM_SHARED", "../shared")))
    parser.add_argument("--only", nargs="*", choices=PARTS, default=["features", "ablation"], help="these parts only")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    data = arguments.shared / "data"
    if not (data / TRANSACTIONS).exists():
        print(f"handbook: skipped, {data / TRANSACTIONS} is not there (--shared or TARIM_SHARED)", file=sys.stderr)
        return 0
    report: dict[str, Any] = {}
    equal = True
    if "features" in arguments.only:
        report["features"], equal = features(data)
    if "ablation" in arguments.only:
        report["ablation"] = ablation(data)
    if "choosing" in arguments.only:
        report["choosing"] = choosing(data)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
