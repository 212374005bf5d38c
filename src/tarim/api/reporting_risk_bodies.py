"""What the routes of risk reports and of the batch of risky accounts take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tarim.api.reporting_bodies import Reason, at_text

Day = Annotated[int, Meta(ge=20_000_101, le=21_001_231)]


class RiskReportBody(msgspec.Struct, frozen=True):
    """A filed risk report.  Days are like 20260228; as_of: journal position it was reconciled to."""

    id: str
    kind: str
    from_day: int
    to_day: int
    as_of: int
    person: str
    at: str
    digest: str
    pdf: str
    workbook: str
    figures: dict[str, Any] | None = None


class RiskReportsBody(msgspec.Struct, frozen=True):
    """The newest, newest first, without figures."""

    reports: list[RiskReportBody]


class LimitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """limit: how many."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class RiskAskedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """daily, weekly, monthly: the one that `from_day` lies in; on-demand: from `from_day` to `to_day`."""

    kind: Literal["daily", "weekly", "monthly", "on-demand"]
    from_day: Day
    to_day: Annotated[int, Meta(ge=0, le=21_001_231)] = 0


class FormQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """form: pdf or xlsx."""

    form: Literal["pdf", "xlsx"] = "pdf"


class BatchAskedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day whose batch file is made, or made again, and why."""

    day: Day
    reason: Reason


class BatchBody(msgspec.Struct, frozen=True):
    """A run of the batch.  in_place: the file lies in its place as it was made."""

    day: int
    rows: int
    sha256: str
    as_of: int
    person: str
    at: str
    by_hand: bool
    reason: str
    in_place: bool


class BatchesBody(msgspec.Struct, frozen=True):
    """Runs, newest first."""

    runs: list[BatchBody]


def risk_body(row: dict[str, Any]) -> RiskReportBody:
    """A filed risk report."""
    shown = {name: row[name] for name in ("id", "kind", "from_day", "to_day", "person", "digest", "pdf", "workbook")}
    return RiskReportBody(**shown, as_of=row["as_of_seq"], at=at_text(row["at_ms"]), figures=row.get("figures"))


def batch_body(row: dict[str, Any]) -> BatchBody:
    """A run of the batch."""
    return BatchBody(
        row["day"], row["rows"], row["digest"], row["as_of_seq"], row["person"], at_text(row["at_ms"]), bool(row["by_hand"]),
        row["reason"], row["in_place"],
    )  # fmt: skip
