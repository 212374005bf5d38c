"""What commands about proposals have in common: what one person asks for and another one decides on."""

from __future__ import annotations

from typing import Any

import typer


def approval(digest: str, note: str) -> dict[str, str]:
    """The body of an approval; digest: of exactly what was looked at."""
    return {"verdict": "approve", "digest": digest, "note": note}


def rejection(note: str) -> dict[str, str]:
    """The body of a rejection."""
    return {"verdict": "reject", "digest": "", "note": note}


def tell_proposed(proposal: dict[str, Any]) -> None:
    """Say that a proposal waits, and which digest its approval has to name."""
    typer.echo(
        f"proposal {proposal['id']} waits for another person. 提案 {proposal['id']} 待他人审批。\n"
        f"digest 摘要 {proposal['digest']}"
    )


def tell_decided(proposal: dict[str, Any]) -> None:
    """Say how a proposal ended."""
    typer.echo(f"proposal {proposal['id']}: {proposal['state']}. 提案状态：{proposal['state']}。")
