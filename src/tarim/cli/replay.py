"""`tarim replay SOURCE...`: files through the whole path, decisions and features out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tarim.bootstrap.replaying import Summary


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay_command)


def replay_command(
    sources: Annotated[
        list[Path], typer.Argument(help="Files of events, in order. 事件文件，按时间先后。", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for decisions.parquet and features.parquet. 结果目录。")
    ] = None,
    data: Annotated[Path, typer.Option(help="The data folder; made if there is none. 数据目录，不存在则创建。")] = Path(
        "var/replay"
    ),
    truth: Annotated[
        Path | None,
        typer.Option(help="Parquet with the event_id of each fraud; adds precision and recall. 欺诈真值文件。"),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Name of the source, for files without one. 来源名称。")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How other columns become the envelope's, TOML. 列映射文件。")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules, TOML. 规则文件。")] = None,
    model: Annotated[Path | None, typer.Option(help="Model file. 模型文件。")] = None,
    features: Annotated[str | None, typer.Option(help="Feature set. 特征集。")] = None,
    snapshot: Annotated[bool, typer.Option(help="Write a snapshot at the end. 结束时生成快照。")] = True,
) -> None:
    """Take files of events through intake, journal, features, rules and model. 将事件文件完整回放一遍。

    What was decided before is recognised and not decided again, so an interrupted replay is simply repeated.
    """
    from tarim.cli._replaying import open_house, run_files
    from tarim.decisions import Snapshots

    with open_house(data, rules, model, features, lenient=True, make=True) as house:
        summary = run_files(house, sources, out, truth=truth, source=source, backfill=False, mapping=mapping)
        if snapshot:
            Snapshots(house.places.snapshots).write(house.state)
    print_summary(summary, out)


def print_summary(summary: Summary, out: Path | None) -> None:
    """What came out, in a few lines."""
    echo = typer.echo
    echo(
        f"{summary.events:,} events in {summary.took_s:.1f} s: {summary.events_per_s:,.0f} a second. 已处理事件与速度。"
    )
    echo("  " + "  ".join(f"{name} {count:,}" for name, count in summary.outcomes.items()))
    echo(
        f"  late {summary.late:,}  sent again {summary.repeated:,}  conflicts {summary.conflicts:,}"
        f"  backfilled {summary.backfilled:,}"
    )
    if summary.refused:
        echo("  refused " + "  ".join(f"{code} {count:,}" for code, count in summary.refused.most_common()))
        for refusal in summary.refusals[:5]:
            echo(
                f"    row {refusal.row}: {refusal.field}: {refusal.rule}"
                + (f" (got {refusal.got})" if refusal.got else "")
            )
    if summary.fraud_events:
        echo(
            f"  of {summary.fraud_events:,} frauds {summary.fraud_alerted:,} were stopped: recall {summary.recall:.3f}, "
            f"precision {summary.precision:.3f} over {summary.alerted:,} alerts. 召回率与精确率。"
        )
    if out is not None:
        echo(f"  {out / 'decisions.parquet'}  {out / 'features.parquet'}")
