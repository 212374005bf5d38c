"""`tarim party screening`: what a run found out about columns, on this side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tarim.federation import Screened

_HEAD = "column 字段            kind      missing 缺失 outliers 离群  bins 箱     PSI  PSI half      IV"


def say_screened(found: Screened) -> None:
    """Own columns as a table, then what was opened."""
    typer.echo(_HEAD)
    for each in found.own:
        value = found.own_values.get(each.name)
        typer.echo(
            f"{each.name:<22} {each.kind:<7} {each.missing_share:>12.2%} {each.outlier_share:>12.2%} {each.bins:>8} "
            f"{each.stability_of_common:>7.3f} {each.stability_in_order:>9.3f} {'' if value is None else f'{value:.3f}':>7}"
        )
    typer.echo(
        "PSI: common customers against all 共同客户对全部; half: second half of them against the first 后半对前半"
    )
    for name, figure in found.figures.items():
        typer.echo(f"opened 公开 {name} = {figure:.3f}")
