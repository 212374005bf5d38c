"""`tarim reports ...`: suspicious transaction reports, risk reports, the batch of risky accounts."""

from __future__ import annotations

import typer

from tarim.cli._report_acts import register_acts
from tarim.cli._report_looks import register_looks
from tarim.cli._report_risk import register_risk


def register(app: typer.Typer) -> None:
    """Add the group `reports`."""
    group = typer.Typer(
        no_args_is_help=True, help="Reports to the authority, risk reports, batch files. 报告与批量文件。"
    )
    register_looks(group)
    register_acts(group)
    register_risk(group)
    app.add_typer(group, name="reports")
