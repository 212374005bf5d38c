"""What `tarim party demo` computes on: each example's purpose, and the file that each company holds of it.

deposits                  UCI bank marketing without `duration`, which is known only after the call; made-up customers where the
                          file is not there
deposits-with-duration    the same with `duration`, as published comparisons have it
credit-default            UCI credit card default, cut by columns as FATE publishes it: the label and 13 columns, and 10
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tarim.base.errors import NotFound

if TYPE_CHECKING:
    import numpy as np

UCI_FILE: Final = "uci_bank_full.parquet"
CREDIT_FILES: Final = {
    "data": "fate_default_credit_hetero_host.parquet",
    "bank": "fate_default_credit_hetero_guest.parquet",
}
LABEL: Final = "y"
KEY: Final = "customer"
_DATA_COLUMNS: Final = ("age", "job", "marital", "education", "default", "balance", "housing")
_BANK_COLUMNS: Final = ("loan", "contact", "day", "month", "campaign", "pdays", "previous", "poutcome")
_MADE_UP_ROWS: Final = 8_000
_COMMON_SHARE: Final = 0.8
_SEED: Final = 1


class Name(StrEnum):
    """The examples."""

    DEPOSITS = "deposits"
    DURATION = "deposits-with-duration"
    CREDIT = "credit-default"


@dataclass(frozen=True)
class Example:
    """An example with both companies' files written.

    data: what they are, to be told.  columns: features by company.  answers: of a decision, no and yes.  cut: of the decision,
    in log-odds, above the share of the label in all.
    """

    purpose: str
    data: str
    columns: Mapping[str, list[str]]
    answers: tuple[str, str]
    cut: float


_OFFERS: Final = ("不推荐 no offer", "推荐 offer")
_DEFAULTS: Final = ("不大会违约 unlikely to default", "可能违约 likely to default")


def written(name: Name, files: Path | None, folder: Path) -> Example:
    """The example, with `data.parquet` and `bank.parquet` in the folder.  files: where its sources lie, if not where usual.

    Raises NotFound where an example needs a file that is not there.
    """
    if name is Name.CREDIT:
        sources = {company: _required(files, file) for company, file in CREDIT_FILES.items()}
        columns = {company: _renamed(source, folder / f"{company}.parquet") for company, source in sources.items()}
        told = f"UCI credit card default, FATE's split, {sources['bank'].parent}"
        return Example("credit: who is likely to default next month", told, columns, _DEFAULTS, -0.7)
    found = _required(files, UCI_FILE) if files is not None or name is Name.DURATION else _usual(UCI_FILE)
    bank = _BANK_COLUMNS if name is Name.DEPOSITS else (*_BANK_COLUMNS, "duration")
    told = f"UCI bank marketing, {found}" if found else "made-up customers 虚构客户"
    columns = _split(folder, found, {"data": _DATA_COLUMNS, "bank": bank})
    return Example("term deposits: who is likely to want one", told, columns, _OFFERS, -1.5)


def _usual(file: str) -> Path | None:
    shared = os.environ.get("TARIM_SHARED", "")
    path = (Path(shared) if shared else Path("../shared")) / "data" / file
    return path if path.exists() else None


def _required(files: Path | None, file: str) -> Path:
    found = _usual(file) if files is None else files / file
    if found is None or not found.exists():
        raise NotFound(f"the example needs {file}; name the folder that it lies in: --files FOLDER")
    return found


def _renamed(source: Path, target: Path) -> list[str]:
    """Write a company's half of a split that is there already, its keys as text; its features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    keys = pa.array([f"C{number:08d}" for number in table["id"].to_pylist()])
    table = table.drop_columns("id").append_column(KEY, keys)
    pq.write_table(table, target)
    return [name for name in table.column_names if name not in (KEY, LABEL)]


def _split(folder: Path, source: Path | None, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Write each company's file: most customers in common, each with some of its own; the feature columns of both."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(_SEED)
    table = pq.read_table(source) if source else _made_up(draw)
    rows = table.num_rows
    ids = pa.array([f"C{number:08d}" for number in draw.permutation(10 * rows)[:rows]])
    table = table.append_column(KEY, ids)
    cut = int(rows * (1 - _COMMON_SHARE) / 2)
    columns = {company: [name for name in names if name in table.column_names] for company, names in wanted.items()}
    for name, kept, own in (
        ("data", np.arange(rows - cut), columns["data"]),
        ("bank", np.arange(cut, rows), [*columns["bank"], LABEL]),
    ):
        part = table.take(pa.array(draw.permutation(kept))).select([KEY, *own])
        pq.write_table(part, folder / f"{name}.parquet")
    return columns


def _made_up(draw: np.random.Generator) -> Any:
    import numpy as np
    import pyarrow as pa

    rows = _MADE_UP_ROWS
    age, balance = draw.normal(42, 12, rows).round(), draw.normal(0, 1, rows)
    job, poutcome = draw.choice(["clerk", "farmer", "retired"], rows), draw.choice(["failure", "none", "success"], rows)
    campaign = draw.integers(1, 6, rows)
    odds = (
        -2
        + 0.03 * (age - 42)
        + 0.7 * balance
        + 0.8 * (job == "retired")
        + 1.6 * (poutcome == "success")
        - 0.2 * campaign
    )
    wants = np.where(draw.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pa.table(
        {"age": age, "job": job, "balance": balance, "campaign": campaign, "poutcome": poutcome, LABEL: wants}
    )
