"""Reports as pages show them: what the desk answers, and the words for states and periods."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tarim.console.reports_form import Fault
from tarim.console.words import each_language, either


class Filing(msgspec.Struct):
    """Where a suspicious transaction report stands."""

    number: str
    case: str
    state: str
    version: int
    digest: str
    author: str
    created_at: str
    changed_at: str
    submitted_by: str
    submitted_at: str
    approved_by: str
    approved_at: str
    package: str
    exported_by: str
    exported_at: str
    message: str
    sent_by: str
    sent_at: str
    receipt: str
    receipt_at: str
    due_at: str
    standing: str


class Filings(msgspec.Struct):
    """Reports, the newest first; next: 0 for none."""

    reports: list[Filing]
    next: int


class Shown(msgspec.Struct):
    """A report with its content and what is wrong with it."""

    filing: Filing
    content: dict[str, Any]
    faults: list[Fault]
    hands: list[str]


class Happened(msgspec.Struct):
    """One thing that happened to it."""

    event: str
    before: str
    after: str
    person: str
    at: str
    about: str
    reason: str


class History(msgspec.Struct):
    """All of them."""

    history: list[Happened]


class File(msgspec.Struct):
    """A file."""

    name: str
    sha256: str
    content_base64: str


class Line(msgspec.Struct):
    """A row of a table of figures; money of Chinese yuan in fen."""

    zh: str
    en: str
    decisions: int
    amount_fen: int
    stopped: int
    stopped_fen: int


class Day(msgspec.Struct):
    """A day's figures."""

    day: int
    events: int
    by_outcome: list[int]
    amount_fen: int
    stopped_fen: int
    fraud: int
    genuine: int


class Cases(msgspec.Struct):
    """What became of cases."""

    opened: int
    closed: int
    reported: int
    open_now: int
    overdue_now: int


class Figures(msgspec.Struct):
    """Everything a risk report says."""

    events: int
    decisions: int
    amount_fen: int
    stopped: int
    stopped_fen: int
    other_currencies: int
    fraud: int
    genuine: int
    before_decisions: int
    before_stopped: int
    before_stopped_fen: int
    outcomes: list[Line]
    scenarios: list[Line]
    channels: list[Line]
    days: list[Day]
    cases: Cases


class Risk(msgspec.Struct):
    """A risk report; days like 20260228."""

    id: str
    kind: str
    from_day: int
    to_day: int
    as_of: int
    person: str
    at: str
    digest: str
    figures: Figures | None = None


class Risks(msgspec.Struct):
    """The newest, newest first."""

    reports: list[Risk]


class Batch(msgspec.Struct):
    """A run of the batch of risky accounts."""

    day: int
    rows: int
    sha256: str
    as_of: int
    person: str
    at: str
    by_hand: bool
    reason: str
    in_place: bool


class Batches(msgspec.Struct):
    """Runs, newest first."""

    runs: list[Batch]


@each_language
def states() -> dict[str, str]:
    """States."""
    return {
        "draft": either("草稿", "Draft"),
        "submitted": either("待审批", "Awaiting approval"),
        "approved": either("已批准", "Approved"),
        "exported": either("已生成报送包", "Package made"),
        "sent": either("已报送", "Sent"),
        "received": either("已接收", "Received"),
        "returned": either("被退回", "Returned"),
        "discarded": either("已作废", "Discarded"),
    }


_STATUS: Final = {"draft": "working", "submitted": "waiting", "approved": "new", "exported": "new", "sent": "new"}


@each_language
def events() -> dict[str, str]:
    """Events."""
    return {
        "draft": either("起草", "Drafted"),
        "edit": either("修改内容", "Changed"),
        "submit": either("提交审批", "Submitted"),
        "withdraw": either("撤回提交", "Withdrawn"),
        "approve": either("批准", "Approved"),
        "reject": either("驳回", "Rejected"),
        "export": either("生成报送包", "Package made"),
        "send": either("登记已报送", "Sent"),
        "accept": either("回执：已接收", "Receipt: taken"),
        "return": either("回执：被退回", "Receipt: refused"),
        "correct": either("补正", "Corrected"),
        "discard": either("作废", "Discarded"),
        "let_in": either("授权查阅", "Let somebody read"),
    }


@each_language
def kinds() -> dict[str, str]:
    """Kinds of risk reports."""
    return {
        "daily": either("日报", "Daily"),
        "weekly": either("周报", "Weekly"),
        "monthly": either("月报", "Monthly"),
        "on-demand": either("专项", "On demand"),
    }


@each_language
def marks() -> dict[str, str]:
    """How far a code table is known."""
    return {
        "standard": either("国家标准", "published standard"),
        "secondary": either("公开资料", "public sources"),
        "ours": either("待行内核定", "to be set by the bank"),
        "bank": either("行内代码", "the bank's own"),
    }


@each_language
def standings() -> dict[str, tuple[str, str]]:
    """Where the clock of filing stands: (level, word)."""
    return {
        "running": ("low", either("计时中", "running")),
        "warned": ("medium", either("临近到期", "due soon")),
        "overdue": ("critical", either("已逾期", "overdue")),
        "met": ("closed", either("按期报送", "kept")),
        "missed": ("high", either("逾期报送", "missed")),
    }


def state_name(state: str) -> str:
    """A state in the viewer's language."""
    return states().get(state, state)


def status_of(state: str) -> str:
    """The chip of a state."""
    return _STATUS.get(state, "closed")


def event_name(event: str) -> str:
    """An event in the viewer's language."""
    return events().get(event, event)


def kind_name(kind: str) -> str:
    """A kind of risk report in the viewer's language."""
    return kinds().get(kind, kind)


def day_text(day: int) -> str:
    """20260228 -> `2026-02-28`."""
    return f"{day // 10_000}-{day // 100 % 100:02d}-{day % 100:02d}" if day else ""


def day_of(text: str) -> int:
    """`2026-02-28` -> 20260228; 0 for what is no day."""
    digits = text.replace("-", "")
    return int(digits) if len(digits) == 8 and digits.isascii() and digits.isdigit() else 0
