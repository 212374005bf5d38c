"""`tarim train FEATURES --label COLUMN --out MODEL`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ROWS_MAX = 5_000_000
NOT_FEATURES = frozenset({"event_id", "source", "occurred_at", "customer", "label", "outcome", "score", "seq"})
"""Columns of an export that tell who and when, or what came of it; a model must not read them."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train_command)


def train_command(
    features: Annotated[
        Path, typer.Argument(help="Features exported by a replay. 回放导出的特征文件。", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The model file to write. 要写入的模型文件。", show_default=False)],
    label: Annotated[str, typer.Option(help="Column of 0 (genuine) and 1 (fraud). 标签列：0 正常，1 欺诈。")] = "label",
    kind: Annotated[str, typer.Option(help="lightgbm or logistic. 模型类型。")] = "lightgbm",
    seed: Annotated[int, typer.Option(help="The same data and seed give the same file. 随机种子。")] = 0,
    trees: Annotated[int, typer.Option(min=1, max=2000, help="Trees of a LightGBM model. 树的数量。")] = 200,
) -> None:
    """Train a model on exported features, rows oldest first. 用导出的特征训练模型（按时间先后排列）。

    Rows without a label are left out. Beside MODEL a report is written, MODEL.report.json.
    """
    from rich.console import Console

    from tarim.models import train_small

    table, names, truth = _read(features, label)
    params = {"num_trees": trees} if kind == "lightgbm" else None
    with Console(stderr=True).status(f"training on {len(truth):,} rows of {len(names)} features, 训练中"):
        trained = train_small(table, truth, names, kind, seed, params)  # type: ignore[arg-type]  # it refuses other kinds
    report = {**trained.report, "data": features.name, "label": label}
    _write(out, trained.content)
    _write(out.with_name(out.name + ".report.json"), (json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode())
    typer.echo(f"wrote {out}, version {report['version'][:16]}. 已写入模型文件。")
    held = report["holdout"]
    if held["auc"] is None:
        typer.echo(
            "the latest quarter has labels of one kind only, so nothing was measured. 最近四分之一数据标签单一，未评估。"
        )
    else:
        typer.echo(
            f"on the latest quarter ({held['rows']:,} rows, {held['frauds']:,} frauds): AUC {held['auc']:.4f}, "
            f"average precision {held['average_precision']:.4f}. 以上为最近四分之一数据上的评估。"
        )


def _read(path: Path, label: str) -> tuple[npt.NDArray[np.float64], list[str], npt.NDArray[np.int64]]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from tarim.base.errors import InputError, NotFound, TooLarge

    try:
        schema = pq.read_schema(path)
        if label not in schema.names:
            raise InputError(f"{path.name} has no column {label[:64]!r}")
        names = [
            field.name
            for field in schema
            if field.name != label
            and field.name not in NOT_FEATURES
            and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or pa.types.is_boolean(field.type))
        ]
        if not names:
            raise InputError(f"{path.name} has no numeric columns to learn from")
        if pq.read_metadata(path).num_rows > ROWS_MAX:
            raise TooLarge(f"{path.name} has more than {ROWS_MAX:,} rows")
        table: Any = pq.read_table(path, columns=[*names, label])
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name} cannot be read as Parquet ({type(error).__name__})") from None
    values = table[label]
    if pa.types.is_string(values.type):
        named = pc.if_else(pc.equal(values, "fraud"), 1, pc.if_else(pc.equal(values, "genuine"), 0, None))
        values = named
    numbers = values.cast(pa.float64()).to_numpy()
    known = ~np.isnan(numbers) & (numbers >= 0)  # -1 is how a row says that it has no label
    columns = [np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)[known] for name in names]
    return np.column_stack(columns), names, numbers[known].astype(np.int64)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    import os

    from tarim.base.errors import Unavailable

    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error
