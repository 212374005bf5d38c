"""What people do with cases, over HTTP: one table of routes, each a command of `tarim.cases`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from tarim.api.case_bodies import CaseBody
from tarim.api.case_requests import (
    ActBody,
    AssignBody,
    DecideBody,
    EntryBody,
    FollowUpBody,
    LinkBody,
    LockBody,
    NoteTextBody,
    PaymentBody,
    ReasonBody,
    RescoreBody,
    RestrictBody,
    RestrictionDecideBody,
    RestrictionReasonBody,
    ReviewBody,
    SubmitBody,
    TagBody,
)
from tarim.api.case_views import case_body
from tarim.api.desk_calls import looked_at, performed
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError
from tarim.cases import (
    Acting,
    Basis,
    Finding,
    Means,
    Measure,
    Trait,
    Verdict,
    VerdictCause,
    Wish,
    contents,
    lifecycle,
    money,
)
from tarim.desk import Desk, Draft
from tarim.identity import Scope

Run = Callable[[Acting, Connection, Any], Sequence[Draft]]

_WORK: Final = Scope.CASES_WORK
_REVIEW: Final = Scope.CASES_REVIEW
_ASSIGN: Final = Scope.CASES_ASSIGN


def _finding(body: ReviewBody) -> Finding:
    try:
        traits = tuple(Trait(trait) for trait in body.traits)
        return Finding(Verdict(body.verdict), VerdictCause(body.cause), traits)
    except ValueError:
        raise FieldError("cause or traits", "must be ones that the reference of cases lists") from None


def _restrict(acting: Acting, connection: Connection, body: RestrictBody) -> Sequence[Draft]:
    try:
        measure, basis = Measure(body.measure), Basis(body.basis)
    except ValueError:
        raise FieldError("measure or basis", "must be ones that the reference of cases lists") from None
    return money.restrict(acting, connection, measure, basis, body.article, body.reason)


def _link(acting: Acting, connection: Connection, body: LinkBody) -> Sequence[Draft]:
    return contents.link(acting, connection, Acting(acting.means, acting.caller, body.other))


_ACTS: Final[tuple[tuple[str, str, Scope, type[ActBody], Run], ...]] = (
    ("take", "Take a case / 领取案件", _WORK, ActBody, lambda a, c, b: lifecycle.assign(a, c, a.person)),
    ("assign", "Give a case to a person / 指派案件", _ASSIGN, AssignBody, lambda a, c, b: lifecycle.assign(a, c, b.to)),
    ("unassign", "Put it back / 退回队列", _WORK, ReasonBody, lambda a, c, b: lifecycle.unassign(a, c, b.reason)),
    ("start", "Begin, or go on / 开始或继续处理", _WORK, ActBody, lambda a, c, b: lifecycle.start(a, c)),
    ("lock", "Keep others out for a while / 锁定", _WORK, LockBody, lambda a, c, b: lifecycle.lock(a, c, b.minutes)),
    ("unlock", "Take the lock off / 解锁", _WORK, ActBody, lambda a, c, b: lifecycle.unlock(a, c)),
    ("submit", "Ask for its end / 提交办结或上报", _WORK, SubmitBody,
     lambda a, c, b: lifecycle.submit(a, c, Wish(b.wish), b.reason)),
    ("withdraw", "Take back what one submitted / 撤回提交", _WORK, ActBody, lambda a, c, b: lifecycle.withdraw(a, c)),
    ("return", "Send it back / 复核退回", _REVIEW, ReasonBody, lambda a, c, b: lifecycle.send_back(a, c, b.reason)),
    ("approve", "Agree, as a second person / 复核同意", _REVIEW, ReasonBody,
     lambda a, c, b: lifecycle.approve(a, c, b.reason)),
    ("ask-reopen", "Ask to open it again / 申请重开", _WORK, ReasonBody,
     lambda a, c, b: lifecycle.ask_reopen(a, c, b.reason)),
    ("decide-reopen", "Decide on opening it again / 复核重开", _REVIEW, DecideBody,
     lambda a, c, b: lifecycle.decide_reopen(a, c, b.agreed, b.reason)),
    ("escalate", "Hand it to a higher level / 升级", _WORK, ReasonBody,
     lambda a, c, b: lifecycle.escalate(a, c, b.reason)),
    ("note", "Write a note / 添加备注", _WORK, NoteTextBody, lambda a, c, b: contents.note(a, c, b.text)),
    ("tag", "Put a tag on or off / 标签", _WORK, TagBody, lambda a, c, b: contents.tag(a, c, b.tag, on=b.on)),
    ("link", "Relate it to another case / 关联案件", _WORK, LinkBody, _link),
    ("follow-up", "Set a date to come back to it / 设定跟进日期", _WORK, FollowUpBody,
     lambda a, c, b: contents.follow_up(a, c, b.due_ms, b.text)),
    ("followed-up", "Be done with a date / 完成跟进", _WORK, EntryBody,
     lambda a, c, b: contents.followed_up(a, c, b.entry)),
    ("review", "Say whether a decision was right / 核查结论", _WORK, ReviewBody,
     lambda a, c, b: contents.review(a, c, b.alert, _finding(b), b.reason)),
    ("ask-release", "Ask to release money / 申请放行", _WORK, PaymentBody,
     lambda a, c, b: money.ask_release(a, c, b.alert, b.reason)),
    ("approve-release", "Release money, as a second person / 复核放行", _REVIEW, PaymentBody,
     lambda a, c, b: money.approve_release(a, c, b.alert, b.reason)),
    ("drop-release", "Turn a release down / 驳回放行", _REVIEW, PaymentBody,
     lambda a, c, b: money.drop_release(a, c, b.alert, b.reason)),
    ("withdraw-release", "Take back a wish to release / 撤回放行申请", _WORK, PaymentBody,
     lambda a, c, b: money.withdraw_release(a, c, b.alert, b.reason)),
    ("refuse-payment", "Refuse a held payment / 拒绝支付", _WORK, PaymentBody,
     lambda a, c, b: money.refuse_payment(a, c, b.alert, b.reason)),
    ("restrict", "Ask for a restriction of the customer / 申请限制措施", _WORK, RestrictBody, _restrict),
    ("decide-restriction", "Decide on a restriction / 复核限制措施", _REVIEW, RestrictionDecideBody,
     lambda a, c, b: money.decide_restriction(a, c, b.restriction, b.agreed, b.reason)),
    ("ask-lift", "Ask to lift a restriction / 申请解除限制", _WORK, RestrictionReasonBody,
     lambda a, c, b: money.ask_lift(a, c, b.restriction, b.reason)),
    ("decide-lift", "Decide on lifting it / 复核解除限制", _REVIEW, RestrictionDecideBody,
     lambda a, c, b: money.decide_lift(a, c, b.restriction, b.agreed, b.reason)),
    ("rescore", "Tell a new score of an alert / 更新评分", _ASSIGN, RescoreBody,
     lambda a, c, b: contents.rescore(a, c, b.alert, b.score, b.model)),
)  # fmt: skip
"""Word of the path, what it does, who may, what it takes, the command."""


def case_act_routes(desk: Desk, means: Means) -> list[Route]:
    """The routes `POST /v1/cases/{id}/<word>`; each answers with the case as it then is."""

    def route(word: str, summary: str, scope: Scope, takes: type[ActBody], run: Run) -> Route:
        async def act(call: Call) -> CaseBody:
            body: ActBody = call.body
            acting = Acting(means, call.caller, call.path["id"], body.version)
            await performed(desk, call, lambda connection: run(acting, connection, body))
            case = await looked_at(desk, Acting(means, call.caller, call.path["id"]).case)
            return case_body(case, desk.now_ms())

        path, operation = f"/v1/cases/{{id}}/{word}", f"case_{word.replace('-', '_')}"
        return Route("POST", path, operation, summary, scope, act, CaseBody, takes, refusals=(409,))

    return [route(*each) for each in _ACTS]
