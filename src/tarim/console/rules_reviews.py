"""What one person paused or stopped: who has to look at it until when, and the decision of another person on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rules_shapes import Review, Reviews
from tarim.console.rules_words import kinds, switch_words
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

CLOSED_SHOWN: Final = 50
_PATH: Final = "/v1/switch-reviews"
TONES: Final[Mapping[str, str]] = {"warned": "waiting", "overdue": "bad", "missed": "bad", "met": "good"}


def standings() -> Mapping[str, str]:
    """How a review keeps its time."""
    return {
        "running": _("期限内"),
        "warned": _("临近期限"),
        "overdue": _("已逾期"),
        "met": _("按期"),
        "missed": _("逾期完成"),
    }


async def show_reviews(visit: Visit) -> View:
    """Those that wait, and those closed last."""
    return await _shown(visit)


async def _shown(visit: Visit, error: Refused | None = None) -> View:
    waiting = await visit.serve.get(_PATH, Reviews, state="open")
    closed = await visit.serve.get(_PATH, Reviews, state="closed")
    values = {
        "waiting": waiting.reviews,
        "closed": closed.reviews[:CLOSED_SHOWN],
        "switch_words": switch_words(),
        "kind_words": kinds(),
        "standings": standings(),
        "tones": TONES,
        "login": visit.account.login,
        "may_review": visit.may(Scope.APPROVE),
        "error": error,
    }
    return View("rules/reviews.html", values)


async def review(visit: Visit) -> View | Go:
    """Confirm or undo, with a note."""
    verdict = "revert" if visit.form.get("verdict") == "revert" else "confirm"
    body = {"verdict": verdict, "note": visit.form.get("note", "").strip()}
    try:
        made = await visit.serve.post(f"{_PATH}/{segment(visit.path['id'])}", body, Review)
    except Refused as refused:
        if refused.unreachable or refused.status == 401:
            raise
        return await _shown(visit, refused)
    if made.proposal and made.state == "open":
        return Go("rules_proposal", {"id": made.proposal}, toast=_("已提交恢复申请，须再由另一人批准。"))
    return Go("rules_reviews", toast=_("已撤销，从下一笔交易起生效。") if made.state == "reverted" else _("已确认。"))


PAGES: Final = (
    Page("GET", "/rules/reviews", "rules_reviews", frozenset({Scope.READ}), show_reviews, nav="rules"),
    Page("POST", "/rules/reviews/{id}", "rules_review", frozenset({Scope.APPROVE}), review, nav="rules"),
)
