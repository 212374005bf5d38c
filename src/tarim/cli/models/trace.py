"""`tarim models trace EVENT_ID` and `tarim models card RUN`: from a decision to its training data, and the card of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_DATA = Path("var/tarim")


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("trace")(trace_command)
    group.command("card")(card_command)


def trace_command(
    event_id: Annotated[str, typer.Argument(help="The source's id of the event. 事件编号。", show_default=False)],
    source: Annotated[str, typer.Option(help="The system that sent it. 来源系统。", show_default=False)],
    data: _Data = _DATA,
) -> None:
    """From a decision to the signed training set of its model, every byte checked. 由决策追溯至签名训练集，逐项核验。

    Works beside a running service. Status 0: all is as it was signed. Status 1: something is not, and is named.
    """
    import os

    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.tracing import trace

    wrong = 0
    for step in trace(settings_of(data, os.environ), Places(data), os.environ, source, event_id):
        typer.echo(f"{'WRONG 不符' if step.trouble else 'ok':10}  {step.what:10}  {step.found}")
        if step.trouble:
            wrong += 1
            typer.echo(f"{'':10}  {'':10}  {step.trouble}")
    if wrong:
        typer.echo(f"{wrong} not as it was signed. 有 {wrong} 项与签名不符。")
        raise typer.Exit(1)


def card_command(
    run: Annotated[str, typer.Argument(help="The run, or how its id begins. 训练运行编号。", show_default=False)],
    data: _Data = _DATA,
    check: Annotated[
        bool, typer.Option("--check", help="Say what is still missing instead of printing it. 仅检查是否完整。")
    ] = False,
) -> None:
    """Write the card of a run into its folder, filled as far as the run knows, or check it. 生成或检查模型卡。

    Status 0: written, or complete. Status 2: not complete, with what is missing.
    """
    import os

    from tarim.bootstrap.house import feature_set
    from tarim.bootstrap.packages import Packages
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.privacy import Signer, load_master_key

    settings, places = settings_of(data, os.environ), Places(data)
    signer = Signer.of(load_master_key(places.master_key, os.environ))
    packages = Packages(places, feature_set(settings.engine.features), signer)
    if check:
        packages.check_card(run)
        typer.echo("The card is complete. 模型卡已填写完整。")
        return
    path, fresh = packages.write_card(run)
    what = "write its [words], then submit. 请填写 [words] 后提交。" if fresh else "is there already. 已存在。"
    typer.echo(f"{path}: {what}")
