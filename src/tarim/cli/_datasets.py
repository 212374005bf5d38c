"""What `tarim datasets` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarim.cli._wall_time import wall_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from tarim.models import DatasetManifest

FILE_COLUMNS = 120


def _console() -> Console:
    """As wide as the terminal; in a file as wide as it takes."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = FILE_COLUMNS
    return console


def _table(columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at < 2 else "right", no_wrap=True)
    return table


def print_list(manifests: Sequence[DatasetManifest]) -> None:
    """A line for each set."""
    columns = (
        "set\n数据集",
        "name\n名称",
        "rows\n行数",
        "frauds\n欺诈",
        "features\n特征",
        "cut by\n操作人",
        "at\n时间",
    )
    table = _table(columns)
    for manifest in manifests:
        table.add_row(
            manifest.digest[:16],
            manifest.name,
            f"{manifest.rows:,}",
            f"{sum(role.frauds for role in manifest.roles):,}",
            f"{len(manifest.features.names)}",
            manifest.operator.name,
            wall_time(manifest.ended_ms),
        )
    _console().print(table)


def print_manifest(manifest: DatasetManifest) -> None:
    """The manifest for people, in both languages."""
    out = _console()
    span, rule = manifest.span, manifest.labels
    out.print(f"{manifest.digest}\n{manifest.name}: {manifest.rows:,} rows 行, {len(manifest.columns)} columns 列")
    out.print(
        f"  cut by 操作人 {manifest.operator.name} ({manifest.operator.key_id}), {wall_time(manifest.began_ms)}, "
        f"on 介质 {manifest.medium}"
    )
    out.print(
        f"  from 来源 {span.kind}, positions 位置 {span.first_seq:,} - {span.end_seq:,}, as of 截至 {wall_time(span.as_of_ms)}"
        f"; sources 来源 {', '.join(manifest.sources)}"
    )
    out.print(
        f"  labels 标签: {rule.delay_ms / 86_400_000:g} d, {', '.join(rule.sources) or 'any source 任意来源'}; "
        f"unlabelled 无标签 {rule.unlabelled.value}; {manifest.label_counts.frauds_late:,} frauds known too late 晚于延迟的欺诈"
    )
    out.print(
        f"  features 特征: {manifest.features.set_name} {manifest.features.version}, {len(manifest.features.names)}"
    )
    left = manifest.left_out
    out.print(
        "  left out 未取: "
        + ", ".join(f"{name} {getattr(left, name):,}" for name in left.__struct_fields__ if getattr(left, name))
    )
    table = _table(("sample\n样本", "from\n起", "until\n止", "rows\n行数", "frauds\n欺诈", "mark\n代表性"))
    for role in manifest.roles:
        table.add_row(
            role.id, wall_time(role.from_ms), wall_time(role.until_ms), f"{role.rows:,}", f"{role.frauds:,}", role.mark
        )
    out.print(table)
    for role in manifest.roles:
        if role.mark != "representative":
            out.print(f"  {role.role.value}: {role.note_en}. {role.note_zh}。")
