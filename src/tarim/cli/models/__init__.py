"""`tarim models ...`: train, compare, explain, publish and watch models.

Every module beside this one whose name does not start with an underscore adds its commands to the group, by
`register(group)`:

    train.py    tarim models train DATASET, tarim models runs

`tarim models ...` imports them all, so they stay light: numba, LightGBM, Arrow and the rest are imported in a command's
body.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the group `models`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Train, compare, explain, publish and watch models. 模型的训练、比较、解释、发布与监测。",
    )
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")):
        import_module(f"{__name__}.{name}").register(group)
    app.add_typer(group, name="models")
