"""Why the desk did not do something with a case, in the viewer's words.

The desk says it by a code; `said` is its own sentence (English), shown beside ours only where ours cannot be as exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from tarim.console.services import Refused
from tarim.console.words import _


@dataclass(frozen=True, slots=True)
class Trouble:
    """A refusal.  code: the desk's; next: what to do now."""

    code: str
    title: str
    text: str
    next: str = ""
    said: str = ""


def is_passed_on(error: Refused) -> bool:
    """Whether the page itself has nothing to say of it: no answer, no session, or who it is has to be proved again first."""
    return error.unreachable or error.status == 401 or error.code == "proof-outdated"


def trouble_of(error: Refused) -> Trouble:
    """What to tell of a refusal."""
    match error.code:
        case "case-changed":
            return Trouble(
                error.code, _("案件已被他人更改"), _("您查看之后，案件发生了变化，因此没有执行。"),
                _("请核对下列变化；如仍要继续，请再次提交。"),
            )  # fmt: skip
        case "case-locked":
            return Trouble(
                error.code,
                _("案件已锁定"),
                _("另一位同事正在处理并锁定了本案，因此没有执行。"),
                _("请稍后再试，或与其联系。"),
            )
        case "case-not-yours":
            return Trouble(
                error.code, _("您不是本案处理人"), _("此操作只能由本案处理人执行。"), _("可先领取案件，或请主管分派。")
            )
        case "four-eyes":
            return Trouble(
                error.code, _("须由另一人复核"), _("您参与过本案，不能再作为复核人；同一人的其他账号同样不行。"),
                _("请由未参与本案的复核人员处理。"),
            )  # fmt: skip
        case "case-state":
            return Trouble(
                error.code,
                _("当前状态不能这样做"),
                _("案件所处状态不允许此操作，因此没有执行。"),
                _("请按页面现在给出的操作继续。"),
            )
        case "not-found":
            return Trouble(error.code, _("没有这个对象"), _("它不存在，或不在您的机构与队列范围内。"))
        case "too-large":
            return Trouble(error.code, _("内容过大"), _("文件不得超过 10 MiB，文字不得超过 4,000 字。"))
        case "unrecorded" | "recorded-not-shown":
            return Trouble(error.code, _("已受理，稍后显示"), _("操作已被记录，页面稍后才会显示结果；请勿重复提交。"))
        case "not-allowed":
            return Trouble(
                error.code, _("无权执行"), _("您的权限不包括此操作，或它只能由本人执行。"), said=error.detail
            )
        case _:
            return Trouble(error.code, error.title, _("没有执行。"), said=error.detail)
