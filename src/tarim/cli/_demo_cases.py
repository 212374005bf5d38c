"""Cases of the demonstration, brought into every state by the people whose work that is."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any, Final

from tarim.base.errors import Unavailable
from tarim.cli._demo_hands import Hands
from tarim.identity import Role

ALERTS_MAX: Final = 6
"""Of a case that is worked on: each of its alerts gets a verdict."""
WAIT_S: Final = 60.0
Finding = tuple[str, str, list[str], str]
"""Verdict, cause, traits, and why."""
_ANALYST, _INVESTIGATOR, _REVIEWER = Role.ANALYST, Role.INVESTIGATOR, Role.REVIEWER
_FRAUD: Final[Finding] = (
    "right",
    "confirmed_by_customer",
    ["new_payee", "in_call"],
    "电话核实：客户称受他人诱导操作，并非本意。",
)
_GENUINE: Final[Finding] = ("wrong", "customer_made_it", [], "电话核实：客户本人操作，收款方为其装修公司，能说明用途。")
_HABIT: Final[Finding] = ("wrong", "usual_behaviour", [], "该客户每月同期有相似付款，历史往来一致。")
_MULE: Final[Finding] = (
    "right",
    "confirmed_by_evidence",
    ["mule_payee", "quick_emptying"],
    "资金快进快出，收款账户开户资料存疑。",
)


class CaseWork:
    """What people do with the cases there are."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self.done: dict[str, str] = {}
        """State to the case that was brought into it last."""

    def all_states(self) -> None:
        """One case or more in every state; the most urgent ones stay new.  Raises Unavailable when there are too few."""
        steps: tuple[Callable[[str], None], ...] = (
            self.closed_as_fraud, self.returned, self.reported, self.submitted, self.working, self.escalated,
            self.closed_as_genuine, self.assigned, self.restricted, self.reopen_asked, self.waiting_to_be_reported,
            self.reopened, self.held, self.returned_to_the_queue,
        )  # fmt: skip
        cases = self._small_cases(len(steps))
        for step, case in zip(steps, cases, strict=True):
            step(case)
        self._act(_INVESTIGATOR, self.done["working"], "link", other=self.done["restricted"])

    # ---- one state each ------------------------------------------------------------------------------------------------

    def assigned(self, case: str) -> None:
        """Given to the investigator, who has not begun."""
        self._act(_REVIEWER, case, "assign", to=self._hands.person(_INVESTIGATOR).login)
        self.done["assigned"] = case

    def working(self, case: str) -> None:
        """In hand, with a note, evidence, a date to come back and a lock."""
        self._begin(_INVESTIGATOR, case)
        self._act(_INVESTIGATOR, case, "note", text="首次外呼无人接听，已留言；等待客户回电后继续核实资金用途。")
        self._act(_INVESTIGATOR, case, "tag", tag="待回电")
        record = "通话记录\n10:12 外呼，无人接听\n10:20 短信提醒已发送\n"
        content = base64.b64encode(record.encode()).decode()
        body = {"case": case, "name": "通话记录.txt", "content_base64": content}
        self._hands.desk(_INVESTIGATOR, "POST", "/v1/cases:evidence", body)
        due_ms = int(time.time() * 1000) + 4 * 3_600_000
        self._act(_INVESTIGATOR, case, "follow-up", due_ms=due_ms, text="再次联系客户")
        self._act(_INVESTIGATOR, case, "lock", minutes=30)
        self.done["working"] = case

    def submitted(self, case: str) -> None:
        """Waits for the second person, to be closed."""
        self._submit(_INVESTIGATOR, case, _GENUINE, "close")
        self.done["submitted"] = case

    def waiting_to_be_reported(self, case: str) -> None:
        """Waits for the second person, to be reported."""
        self._submit(_ANALYST, case, _MULE, "report")
        self.done["submitted to report"] = case

    def returned(self, case: str) -> None:
        """Sent back by the second person."""
        self._submit(_INVESTIGATOR, case, _HABIT, "close")
        self._act(_REVIEWER, case, "return", reason="请补充收款方的历史往来记录后再提交。")
        self.done["returned"] = case

    def closed_as_fraud(self, case: str) -> None:
        """Closed; its verdicts tell the model of fraud."""
        self._close(case, _FRAUD, "核实充分，同意结案。")
        self.done["closed"] = case

    def closed_as_genuine(self, case: str) -> None:
        """Closed as a false alarm."""
        self._close(case, _GENUINE, "同意，误报。")

    def reopen_asked(self, case: str) -> None:
        """Closed, and somebody wants it open again."""
        self._close(case, _GENUINE, "同意结案。")
        self._act(_ANALYST, case, "ask-reopen", reason="客户今日来电，称该笔并非其本人操作。")
        self.done["reopen_asked"] = case

    def reopened(self, case: str) -> None:
        """Open again by two."""
        self._close(case, _HABIT, "同意结案。")
        self._act(_ANALYST, case, "ask-reopen", reason="收到公安机关协查线索，需重新核实。")
        self._agree(case, "decide-reopen", agreed=True, reason="线索可信，同意重开。")
        self.done["reopened"] = case

    def reported(self, case: str) -> None:
        """To be reported to the authority, agreed by two."""
        self._submit(_INVESTIGATOR, case, _MULE, "report")
        self._agree(case, "approve", reason="符合可疑交易特征，同意上报。")
        self.done["reported"] = case

    def escalated(self, case: str) -> None:
        """Handed to a higher level."""
        self._begin(_INVESTIGATOR, case)
        self._act(_INVESTIGATOR, case, "escalate", reason="涉及多名客户与同一收款账户，需上级统筹。")
        self.done["escalated"] = case

    def restricted(self, case: str) -> None:
        """In hand, with a restriction of the customer that waits for the second person."""
        self._begin(_INVESTIGATOR, case)
        article = "《反电信网络诈骗法》第十八条"
        words = {"measure": "stop_online", "basis": "anti_telecom_fraud_law", "article": article}
        self._act(_INVESTIGATOR, case, "restrict", **words, reason="账户异常，暂停非柜面业务。")
        self.done["restricted"] = case

    def held(self, case: str) -> None:
        """In hand; for a payment that is held still, its release is asked for."""
        self._begin(_ANALYST, case)
        whole = self._hands.desk(_ANALYST, "GET", f"/v1/cases/{case}")
        waiting = [alert["id"] for alert in whole["alerts"] if alert["hold"] == "waiting"]
        if waiting:
            self._act(_ANALYST, case, "ask-release", alert=waiting[0], reason="客户已到网点核验身份，申请放行。")
            self.done["release asked"] = case

    def returned_to_the_queue(self, case: str) -> None:
        """Taken, and put back."""
        self._act(_ANALYST, case, "take")
        self._act(_ANALYST, case, "unassign", reason="涉及本人亲属，回避。")

    # ---- steps ---------------------------------------------------------------------------------------------------------

    def _small_cases(self, wanted: int) -> list[str]:
        """New cases of few alerts, spread over the order of work, the first of all left out."""
        deadline = time.monotonic() + WAIT_S
        while True:
            page = self._hands.desk(_ANALYST, "GET", "/v1/cases", None, limit=200, state="new")
            small = [case["id"] for case in page["cases"][2:] if case["alerts"] <= ALERTS_MAX]
            if len(small) >= wanted:
                stride = len(small) // wanted
                return [small[place * stride] for place in range(wanted)]
            if time.monotonic() > deadline:
                raise Unavailable(f"there are {len(small)} small cases, {wanted} are needed; simulate a larger bank")
            time.sleep(0.2)

    def _act(self, role: Role, case: str, word: str, **body: Any) -> None:
        self._hands.desk(role, "POST", f"/v1/cases/{case}/{word}", body)

    def _agree(self, case: str, word: str, **body: Any) -> None:
        version = self._hands.desk(_REVIEWER, "GET", f"/v1/cases/{case}")["case"]["version"]
        self._act(_REVIEWER, case, word, version=version, **body)

    def _begin(self, role: Role, case: str) -> None:
        self._act(role, case, "take")
        self._act(role, case, "start")

    def _submit(self, role: Role, case: str, finding: Finding, wish: str) -> None:
        verdict, cause, traits, reason = finding
        self._begin(role, case)
        alerts = self._hands.desk(role, "GET", f"/v1/cases/{case}")["alerts"]
        for alert in (each for each in alerts if not each["repeat_of"]):  # a verdict counts for its repeats as well
            found = {"alert": alert["id"], "verdict": verdict, "cause": cause, "traits": traits}
            self._act(role, case, "review", **found, reason=reason)
        self._act(role, case, "submit", wish=wish, reason=reason)

    def _close(self, case: str, finding: Finding, reason: str) -> None:
        self._submit(_INVESTIGATOR, case, finding, "close")
        self._agree(case, "approve", reason=reason)
