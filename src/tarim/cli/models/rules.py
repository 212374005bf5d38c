"""`tarim models rules DATASET`: rules read off a shallow tree, as a draft for an analyst."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("rules")(rules_command)


def rules_command(
    dataset: Annotated[
        str,
        typer.Argument(help="The training set's digest, or how it begins. 训练集摘要或其开头。", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The draft to write, TOML. 输出的规则草稿。", show_default=False)],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    depth: Annotated[int, typer.Option(help="Comparisons in a rule, at most. 每条规则的最多条件数。")] = 3,
    count: Annotated[int, typer.Option(help="Rules, at most. 最多规则条数。")] = 8,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Over this feature; may be repeated; all if none. 使用的特征，可重复。", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rules. 随机种子。")] = 0,
) -> None:
    """Read candidate rules off a shallow tree, each with precision and recall, as a draft. 由浅层决策树生成候选规则草稿。

    Nothing comes into force: an analyst judges the draft, measures it with `tarim backtest`, and proposes what is worth it.
    """
    import os

    from tarim.base.errors import Unavailable
    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.house import feature_set
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.training import Laboratory

    features = feature_set(settings_of(data, os.environ).engine.features)
    with recorded(Places(data), os.environ, "models.rules", about=("dataset", dataset[:64])):
        text, found = Laboratory(Places(data), os.environ).rules(
            dataset, features, depth=depth, count=count, chosen=feature or [], seed=seed
        )
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{out} cannot be written: {error.strerror}") from None
    typer.echo(f"{out}: {found} candidate rules, in force nowhere. 共 {found} 条候选规则，尚未生效。")
