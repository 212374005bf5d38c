"""Complaints, losses, disputes, requests, reports, lists and proposals of the demonstration, as its people make them."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS
from tarim.cli._demo_hands import Hands
from tarim.cli._demo_rule import DRAFT as RULE_DRAFT
from tarim.identity import Role
from tarim.rules import starter_pack

CustomerOf = Callable[[str], str]
"""From the id of a simulated event to its customer's number."""
_WORKER, _SECOND, _ANALYST, _OFFICER = Role.INVESTIGATOR, Role.REVIEWER, Role.ANALYST, Role.DATA_OFFICER
_WATCHED: Final = """id,name,kind,birth,country
W-001,欧阳靖雯,person,1970-03-07,CN
W-002,Aleksandr Petrov,person,1966-05-21,RU
W-003,巴图尔贸易有限公司,entity,,CN
W-004,司徒睿泽,person,1981-11-30,CN
W-005,Batur Trading Limited,entity,,CN
"""
"""An own watch list; its parties are invented."""
_LETTER: Final = "协助查询财产通知书（演示文本）\n请提供涉案账户自本月一日起的交易明细。\n"


class FileWork:
    """What people do beside cases.  `cases`: state to a case, as `CaseWork.done` gives them."""

    def __init__(self, hands: Hands, cases: Mapping[str, str], customer_of: CustomerOf) -> None:
        self._hands, self._cases, self._customer_of = hands, cases, customer_of
        self._now_ms = int(time.time() * 1000)

    def everything(self) -> None:
        """All of it.  Raises Unavailable with what was refused."""
        self.complaints()
        self.money_back()
        self.authorities()
        self.reports()
        self.rules_and_lists()
        self.pauses()
        self.deletions()
        self.accounts()

    # ---- customers -----------------------------------------------------------------------------------------------------

    def complaints(self) -> None:
        """One just received, one being looked into, one answered, one closed."""
        self._complaint("held-payment", "转账被延迟到账，急用钱，请尽快放行。", "13800000001", 0)
        self._complaint("blocked-payment", "装修尾款被拦截，多次尝试均失败。", "13800000002", 3)
        self._complaint("service", "客服等待时间过长，且未说明原因。", "13800000003", 6)
        self._complaint("loss", "账户被盗刷，要求赔付。", "13800000004", 7)

    def _complaint(self, category: str, text: str, contact: str, steps: int) -> None:
        file = {
            "kind": "complaint", "channel": "hotline", "category": category, "text": text, "contact": contact,
            "received_ms": self._now_ms - 30 * HOUR_MS, "case": "",
        }  # fmt: skip
        found = self._open("complaints", file, self._customer("closed"))
        whole: tuple[dict[str, object], ...] = (
            {"event": "assign", "owner": self._hands.person(_WORKER).login, "department": "customer-care"},
            {"event": "verify", "how": "预留手机号回拨核验"},
            {"event": "understand", "text": "客户诉求：尽快处理并说明原因。"},
            {"event": "find_cause", "cause": "rule", "text": "收款方首次出现，命中新收款方规则。"},
            {"event": "settle", "founded": True, "text": "规则过宽，已向客户致歉并说明。", "loss": ""},
            {"event": "answer", "channel": "hotline", "text": "已电话答复处理结果，客户表示认可。"},
            {"event": "close"},
        )
        for step in whole[:steps]:
            self._act("complaints", found, step)

    def money_back(self) -> None:
        """A loss just confirmed, one whose liability waits for the second person, one paid; the fund that pays; a dispute."""
        fund = self._open(
            "funds",
            {
                "kind": "reserve",
                "title": "风险赔付准备金",
                "reference": "2026-01",
                "valid_from_ms": 0,
                "valid_to_ms": 0,
            },
            role=_SECOND,
        )
        self._second("funds", fund, {"event": "add", "amount_fen": 500_000_00, "reference": "年度计提"})
        self._loss(1_250_000, 0, fund)
        self._loss(3_480_000, 1, fund)
        self._loss(860_000, 2, fund)
        dispute = {
            "forum": "arbitration", "court": "演示仲裁委员会", "docket": "（2026）演仲字第12号", "agreement": "服务协议",
            "amount_fen": 3_480_000, "text": "申请人主张银行未尽安全保障义务。", "served_ms": self._now_ms - 2 * DAY_MS,
            "loss": "", "complaint": "",
        }  # fmt: skip
        self._open("disputes", dispute, self._customer("closed"))

    def _loss(self, amount_fen: int, steps: int, fund: str) -> None:
        file = {
            "amount_fen": amount_fen, "text": "客户受骗后向陌生账户转账，已报警。", "confirmed_ms": self._now_ms - 20 * HOUR_MS,
            "case": self._cases["closed"], "complaint": "",
        }  # fmt: skip
        loss = self._open("losses", file, self._customer("closed"))
        self._act("losses", loss, {"event": "recover", "step": "stop-payment", "amount_fen": 0, "to_customer": False,
                                   "reference": "止付申请已发出"})  # fmt: skip
        if steps:
            liable = {
                "event": "decide_liability", "faults": ["criminal", "customer"], "customer_share_bp": 2_000,
                "text": "客户泄露验证码，承担两成；其余由银行赔付后追偿。",
            }  # fmt: skip
            self._act("losses", loss, liable)
        if steps > 1:
            self._approve("losses", loss)
            paid = {"event": "pay", "fund": fund, "amount_fen": amount_fen * 8 // 10, "reference": "赔付入账"}
            self._act("losses", loss, paid, _SECOND)

    def authorities(self) -> None:
        """A request of the police with its paper, and data held back from deletion."""
        file = {
            "authority": "police", "office": "演示市公安局反诈中心", "number": "演公（反诈）查字〔2026〕88号",
            "basis": "《反电信网络诈骗法》第二十条", "officer": "警官甲、警官乙", "text": "涉嫌电信网络诈骗。",
            "received_ms": self._now_ms - 5 * HOUR_MS,
        }  # fmt: skip
        request = self._open("authority-requests", file, self._customer("reported"))
        body = {"title": "协助查询财产通知书", "media_type": "text/plain", "authority": True,
                "content": base64.b64encode(_LETTER.encode()).decode()}  # fmt: skip
        self._hands.desk(_WORKER, "POST", f"/v1/authority-requests/{request}/documents", body)
        hold = {"ground": "investigation", "text": "配合公安调查，暂缓删除。", "reference": ""}
        self._open("legal-holds", hold, self._customer("reported"))

    # ---- reports, lists, rules -------------------------------------------------------------------------------------------

    def reports(self) -> None:
        """A suspicious transaction report as a draft, and the batch of yesterday."""
        case = self._cases["reported"]
        draft = {"case": case, "customer": self._customer("reported")}
        self._hands.desk(_WORKER, "POST", "/v1/suspicious-reports", draft)
        yesterday = _day(1)
        self._hands.desk(Role.OPERATOR, "POST", "/v1/risk-batches", {"day": yesterday, "reason": "演示：补制昨日文件"})

    def risk_report(self) -> None:
        """The risk report of the last week; its PDF takes seconds."""
        self._hands.desk(
            _WORKER, "POST", "/v1/risk-reports", {"kind": "on-demand", "from_day": _day(6), "to_day": _day(0)}
        )

    def rules_and_lists(self) -> None:
        """Lists in force with entries, and something of every kind that waits for a second person."""
        for name, kind, zh, en in (
            ("fraud_accounts", "black", "涉诈账户名单", "accounts known from fraud"),
            ("trusted_payees_bank", "white", "可信收款账户", "payee accounts known to be good"),
        ):
            body = {
                "name": name,
                "kind": kind,
                "field": "payee_account",
                "reason": "演示名单",
                "title_zh": zh,
                "title_en": en,
            }
            self._agreed("/v1/list-proposals", self._hands.serve(_ANALYST, "POST", "/v1/lists", body))
        bad = [{"value": f"62288800099{n:05d}"} for n in range(24)]
        self._agreed("/v1/list-proposals", self._entries("fraud_accounts", "公安涉案账户通报", "第46批通报", bad))
        self._entries(
            "fraud_accounts", "公安涉案账户通报", "第47批通报", [{"value": f"62288800088{n:05d}"} for n in range(8)]
        )
        files = {"own.csv": base64.b64encode(_WATCHED.encode()).decode()}
        edition = {"list_name": "bank_watch", "files": files, "reason": "本行关注名单首版", "propose": True}
        self._agreed("/v1/proposals", self._hands.serve(_ANALYST, "POST", "/v1/name-lists:import", edition)["proposal"])
        wanted = {"text": starter_pack() + RULE_DRAFT, "reason": "新手法：陌生人短时间向同一账户汇集"}
        self._hands.serve(_ANALYST, "POST", "/v1/rulesets", wanted)

    def _entries(self, name: str, source: str, reason: str, entries: list[dict[str, str]]) -> Any:
        body = {"source": source, "reason": reason, "entries": entries}
        return self._hands.serve(_ANALYST, "POST", f"/v1/lists/{name}/entries", body)["proposal"]

    def _agreed(self, at: str, proposal: Any) -> None:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        self._hands.serve(_SECOND, "POST", f"{at}/{proposal['id']}", verdict)

    def pauses(self) -> None:
        """One rule paused by one person, confirmed by another and resumed; one that is paused and waits for a second look."""
        self._throw("extreme_day", 1, "误报集中，先暂停核查")
        reviews = self._hands.serve(_SECOND, "GET", "/v1/switch-reviews")["reviews"]
        verdict = {"verdict": "confirm", "note": "情况属实，处置得当"}
        self._hands.serve(_SECOND, "POST", f"/v1/switch-reviews/{reviews[0]['id']}", verdict)
        self._throw("extreme_day", 0, "核查完毕，恢复")
        self._throw("card_testing", 1, "收单系统升级期间误报增多")

    def _throw(self, rule: str, value: int, reason: str) -> None:
        body = {"what": "pause", "target": rule, "value": value, "reason": reason}
        self._hands.serve(Role.OPERATOR, "POST", "/v1/switches:throw", body)

    def deletions(self) -> None:
        """Former customers' data: one deletion that waits for the second person, one turned down, one carried out."""
        for number, ended in enumerate(("wait", "turn_down", "erase"), 1):
            file = {
                "basis": "period-over", "text": "销户已满十年，保存期届满。", "verified_ms": 0,
                "ended_ms": self._now_ms - 4_000 * DAY_MS,
            }  # fmt: skip
            found = self._open("erasures", file, f"FORMER-{number:04d}", _OFFICER)
            if ended == "turn_down":
                self._act("erasures", found, {"event": "turn_down", "text": "客户另有未到期理财，暂不删除。"}, _OFFICER)
                continue
            self._act("erasures", found, {"event": "erase", "text": "无未办结案件与档案，无法律保全。"}, _OFFICER)
            if ended == "erase":
                self._approve("erasures", found)

    def accounts(self) -> None:
        """A wish for more reach that waits for the second administrator, and one for an export of the trail."""
        change = {"kind": "grant", "login": self._hands.person(Role.MARKETING_MANAGER).login, "role": "operator",
                  "until_ms": self._now_ms + 30 * DAY_MS}  # fmt: skip
        self._hands.desk(Role.ADMINISTRATOR, "POST", "/v1/changes", {"change": change, "reason": "节假日值班顶岗"})

    # ---- steps -----------------------------------------------------------------------------------------------------------

    def _customer(self, state: str) -> str:
        """The number of the customer of the case in a state."""
        alerts = self._hands.desk(_WORKER, "GET", f"/v1/cases/{self._cases[state]}")["alerts"]
        return self._customer_of(alerts[0]["event_id"])

    def _open(self, kind: str, file: object, customer: str = "", role: Role = _WORKER) -> str:
        return str(self._hands.desk(role, "POST", f"/v1/{kind}", {"file": file, "customer": customer})["id"])

    def _act(self, kind: str, file: str, event: object, role: Role = _WORKER) -> Any:
        return self._hands.desk(role, "POST", f"/v1/{kind}/{file}/events", event)

    def _second(self, kind: str, file: str, event: object) -> None:
        self._act(kind, file, event)
        self._approve(kind, file)

    def _approve(self, kind: str, file: str) -> None:
        digest = self._hands.desk(_SECOND, "GET", f"/v1/{kind}/{file}")["digest"]
        self._act(kind, file, {"event": "approve", "digest": digest, "note": "同意"}, _SECOND)


def _day(ago: int) -> int:
    """A day in China, as 20261122."""
    return int(f"{datetime.now(UTC) + timedelta(milliseconds=CHINA_OFFSET_MS - ago * DAY_MS):%Y%m%d}")
