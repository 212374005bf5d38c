"""Words of name screening: what codes of the service are called on a page, in the viewer's language; anew for each request."""

from __future__ import annotations

from collections.abc import Mapping

from tarim.console.words import _

Table = Mapping[str, str]


def party_kinds() -> Table:
    """Kinds of listed parties."""
    return {"person": _("个人"), "entity": _("实体"), "vessel": _("船舶"), "aircraft": _("航空器")}


def qualities() -> Table:
    """Which of its names an entry was found by."""
    return {"primary": _("主名称"), "strong": _("别名"), "weak": _("弱别名")}


def parties() -> Table:
    """Whose name matched."""
    return {"customer": _("本行客户"), "payee": _("收款人")}


def standings() -> Table:
    """Where a match stands."""
    return {"open": _("待核查"), "confirmed": _("已确认"), "cleared": _("已排除")}


def standing_tone(standing: str) -> str:
    """Status scale of a match."""
    return {"open": "waiting", "confirmed": "bad"}.get(standing, "good")


def evidence() -> Table:
    """What beside the name spoke for or against, in short."""
    return {
        "weak-alias": _("弱别名"),
        "birth-same-day": _("出生日期相同"),
        "birth-overlaps": _("出生日期相容"),
        "birth-near": _("出生相差三年以内"),
        "birth-far": _("出生相差三年以上"),
        "country-shared": _("国家或地区相同"),
        "country-other": _("国家或地区不同"),
    }


EVIDENCE_SPEAKS: Mapping[str, str] = {
    "weak-alias": "against",
    "birth-same-day": "for",
    "birth-overlaps": "for",
    "birth-near": "against",
    "birth-far": "against",
    "country-shared": "for",
    "country-other": "against",
}


def screening_states() -> Table:
    """Where a screening stands."""
    return {"running": _("进行中"), "done": _("已完成"), "failed": _("失败"), "cancelled": _("已中止")}


def screening_tone(state: str) -> str:
    """Status scale of a screening."""
    return {"running": "working", "done": "good", "failed": "bad"}.get(state, "closed")


def level(score: int) -> str:
    """Risk scale of a score in hundredths."""
    return "critical" if score >= 95 else "high" if score >= 88 else "medium"
