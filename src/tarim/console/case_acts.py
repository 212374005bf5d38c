"""What is done with a case: one table of acts, each a form that becomes one request to the desk.

Taken, the case is shown as it then is.  Not taken, it is shown as it is now with the reason in words and the form as it was
typed; where somebody else changed the case meanwhile, with what happened since it was looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tarim.console.case_page import READ, Typed, case_values, read_case
from tarim.console.case_shapes import Case, WholeCase
from tarim.console.case_troubles import Trouble, is_passed_on, trouble_of
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rendering import typed as iso_of
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

FORM_BYTES_MAX: Final = 32 << 10
_DIGITS_MAX: Final = 18
_WORK, _REVIEW, _ASSIGN = Scope.CASES_WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN

Body = dict[str, Any]


class Unfit(Exception):
    """A field of a form is missing or no value; text says which and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Act:
    """word: of the address, here and at the desk.  body: what the desk takes besides the version, of the form.

    done: message id, said when it is done.  seen: whether the version that was looked at goes with it, so that a change
    since then is a conflict.
    """

    word: str
    scope: Scope
    done: str
    body: Callable[[Visit], Body] = lambda _visit: {}
    seen: bool = True


def with_reason(visit: Visit) -> Body:
    """The reason of a form.  Raises Unfit."""
    return {"reason": _text(visit, "reason", _("请填写理由。"))}


def _text(visit: Visit, name: str, missing: str) -> str:
    text = visit.form.get(name, "").strip()
    if not text:
        raise Unfit(missing)
    return text


def _number(visit: Visit, name: str) -> int:
    text = visit.form.get(name, "")
    if not (text.isdecimal() and text.isascii() and len(text) <= _DIGITS_MAX):
        raise Unfit(_("表单不完整，请刷新页面后再试。"))
    return int(text)


def _agreed(visit: Visit) -> Body:
    answer = visit.form.get("answer", "")
    if answer not in ("agree", "refuse"):
        raise Unfit(_("请选择同意或不同意。"))
    return {"agreed": answer == "agree"} | with_reason(visit)


def _assign(visit: Visit) -> Body:
    return {"to": _text(visit, "to", _("请选择处理人。"))}


def _lock(visit: Visit) -> Body:
    return {"minutes": _number(visit, "minutes")}


def _submit(visit: Visit) -> Body:
    if visit.form.get("wish") not in ("close", "report"):
        raise Unfit(_("请选择办结或上报。"))
    return {"wish": visit.form["wish"]} | with_reason(visit)


def _review(visit: Visit) -> Body:
    verdict, cause = visit.form.get("verdict", ""), visit.form.get("cause", "")
    if verdict not in ("right", "wrong", "undecided"):
        raise Unfit(_("请选择核查结论。"))
    if not cause:
        raise Unfit(_("请选择判断依据。"))
    traits = visit.lists.get("trait", [])[:10]
    return {"alert": _number(visit, "alert"), "verdict": verdict, "cause": cause, "traits": traits} | with_reason(visit)


def _payment(visit: Visit) -> Body:
    return {"alert": _number(visit, "alert")} | with_reason(visit)


def _follow_up(visit: Visit) -> Body:
    text = _text(visit, "text", _("请填写跟进事项。"))
    try:
        due = datetime.fromisoformat(iso_of(_text(visit, "due", _("请填写跟进日期与时间。"))))
    except ValueError:
        raise Unfit(_("请填写跟进日期与时间。")) from None
    return {"due_ms": int(due.timestamp() * 1_000), "text": text}


def _restrict(visit: Visit) -> Body:
    measure, at, basis = visit.form.get("measure", "").partition("@")
    if not at:
        raise Unfit(_("请选择限制措施。"))
    article = _text(visit, "article", _("请填写法律条款或文书号。"))
    return {"measure": measure, "basis": basis, "article": article} | with_reason(visit)


def _restriction(visit: Visit) -> Body:
    return {"restriction": _number(visit, "restriction")} | with_reason(visit)


def _restriction_decided(visit: Visit) -> Body:
    return {"restriction": _number(visit, "restriction")} | _agreed(visit)


ACTS: Final = (
    Act("take", _WORK, "已领取"),
    Act("assign", _ASSIGN, "已分派", _assign),
    Act("unassign", _WORK, "已退回队列", with_reason),
    Act("start", _WORK, "已开始处理"),
    Act("lock", _WORK, "已锁定", _lock),
    Act("unlock", _WORK, "已解锁"),
    Act("submit", _WORK, "已提交复核", _submit),
    Act("withdraw", _WORK, "已撤回提交"),
    Act("approve", _REVIEW, "已复核同意", with_reason),
    Act("return", _REVIEW, "已退回处理人", with_reason),
    Act("ask-reopen", _WORK, "已申请重开", with_reason),
    Act("decide-reopen", _REVIEW, "重开申请已复核", _agreed),
    Act("escalate", _WORK, "已升级", with_reason),
    Act("note", _WORK, "备注已添加", lambda visit: {"text": _text(visit, "text", _("请填写备注。"))},
        seen=False),
    Act("tag", _WORK, "标签已变更",
        lambda visit: {"tag": _text(visit, "tag", _("请填写标签。")), "on": visit.form.get("on") != "0"}, seen=False),
    Act("link", _WORK, "案件已关联",
        lambda visit: {"other": _text(visit, "other", _("请填写案件号。")).upper()}, seen=False),
    Act("follow-up", _WORK, "跟进日程已设定", _follow_up, seen=False),
    Act("followed-up", _WORK, "跟进事项已完成", lambda visit: {"entry": _number(visit, "entry")},
        seen=False),
    Act("review", _WORK, "核查结论已记录", _review),
    Act("ask-release", _WORK, "已申请放行", _payment),
    Act("approve-release", _REVIEW, "已同意放行", _payment),
    Act("drop-release", _REVIEW, "已驳回放行申请", _payment),
    Act("withdraw-release", _WORK, "已撤回放行申请", _payment),
    Act("refuse-payment", _WORK, "已拒绝支付", _payment),
    Act("restrict", _WORK, "已申请限制措施", _restrict),
    Act("decide-restriction", _REVIEW, "限制措施已复核", _restriction_decided),
    Act("ask-lift", _WORK, "已申请解除限制", _restriction),
    Act("decide-lift", _REVIEW, "解除申请已复核", _restriction_decided),
)  # fmt: skip
"""Everything `tarim cases` does with one case."""


def handler_of(act: Act) -> Callable[[Visit], Awaitable[View | Go]]:
    """The handler of an act."""

    async def done(visit: Visit) -> View | Go:
        seen = _seen(visit)
        try:
            body = act.body(visit)
            if act.seen:
                body["version"] = seen
            await visit.desk.post(f"/v1/cases/{segment(visit.path['id'])}/{act.word}", body, Case)
        except Unfit as error:
            return await not_done(visit, act.word, Trouble("unfit", _("表单未填完"), error.text), 422)
        except Refused as error:
            if is_passed_on(error):
                raise
            return await not_done(visit, act.word, trouble_of(error), error.status)
        return await shown(visit, _(act.done))

    return done


async def shown(visit: Visit, said: str) -> View | Go:
    """The case as it is now, and what was done."""
    ref = visit.path["id"]
    if not visit.fragment:
        return Go("case", {"id": ref}, toast=said)
    whole = await read_case(visit, ref)
    return View("cases/case.html", case_values(visit, whole, said=said), "cases/_case.html", events={"toast": said})


async def not_done(visit: Visit, word: str, trouble: Trouble, status: int) -> View:
    """The case as it is now, why the act was not taken, and the form as it was typed."""
    whole = await read_case(visit, visit.path["id"])
    about = visit.form.get("alert") or visit.form.get("restriction") or ""
    typed = Typed(word, about, dict(visit.form))
    since = _seen(visit) if trouble.code == "case-changed" else 0
    values = case_values(visit, whole, trouble=trouble, typed=typed, since=since)
    # htmx shows what is answered with 200 only where it was asked for; without scripts the browser is told the truth.
    return View("cases/case.html", values, "cases/_case.html", 200 if visit.fragment else status)


def _seen(visit: Visit) -> int:
    text = visit.form.get("version", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _DIGITS_MAX else 0


async def reveal(visit: Visit) -> View:
    """The case in full, marked with who sees it; recorded before it is shown."""
    ref = visit.path["id"]
    try:
        path, body = f"/v1/cases/{segment(ref)}/reveal", with_reason(visit)
        whole = await visit.desk.post(path, body, WholeCase)
    except Unfit as error:
        return await not_done(visit, "reveal", Trouble("unfit", _("表单未填完"), error.text), 422)
    except Refused as error:
        if is_passed_on(error):
            raise
        return await not_done(visit, "reveal", trouble_of(error), error.status)
    return View("cases/case.html", case_values(visit, whole), "cases/_case.html")


async def back_to_case(visit: Visit) -> Go:
    """The address of an act, opened again: the case itself."""
    return Go("case", {"id": visit.path["id"]})


_FORMS: Final = (
    *((act.word, act.scope, handler_of(act), FORM_BYTES_MAX) for act in ACTS),
    ("reveal", Scope.REVEAL, reveal, FORM_BYTES_MAX),
)


def _name(word: str) -> str:
    return "case_" + word.replace("-", "_")


PAGES: Final = (
    *(
        Page(
            "POST", f"/cases/{{id}}/{word}", _name(word), frozenset({scope}), handler, nav="cases", body_bytes_max=size
        )
        for word, scope, handler, size in _FORMS
    ),
    *(
        Page("GET", f"/cases/{{id}}/{word}", f"{_name(word)}_back", READ, back_to_case, nav="cases")
        for word, _scope, _handler, _size in _FORMS
    ),
)
