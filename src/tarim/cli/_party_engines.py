"""`tarim party engines`: what computes on this machine, and why something does not."""

from __future__ import annotations

import typer


def register(group: typer.Typer) -> None:
    """Add the command `engines`."""
    group.command("engines")(engines_command)


def engines_command() -> None:
    """Say which engines are installed here, and why one is not. 列出本机可用的计算引擎及不可用的原因。"""
    from tarim.federation import SPU_SETTING, second_engine_readiness

    typer.echo("own 自有引擎: two parties, semi-honest, no dealer 两方半诚实，无需分发者 | ready 可用")
    spu = second_engine_readiness()
    typer.echo(
        "spu: ABY3 at three nodes, CHEETAH at two, RR22 三节点ABY3、两节点CHEETAH、RR22求交 | "
        + ("ready 可用" if spu.ready else "not installed 未安装")
    )
    if spu.ready:
        typer.echo(f"    {spu.interpreter}: " + ", ".join(f"{name} {number}" for name, number in spu.versions.items()))
    else:
        typer.echo(f"    {spu.why_not}")
        typer.echo(
            f"    install requirements-spu.lock into an environment and set {SPU_SETTING} to its interpreter "
            f"请将requirements-spu.lock装入独立环境，并把{SPU_SETTING}设为其解释器"
        )
