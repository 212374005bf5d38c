"""What files of redress, their states, events, parts and clocks are called; what forms hold is in `redress_field_words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tarim.console.words import each_language, either
from tarim.redress import NAMES


@dataclass(frozen=True, slots=True)
class Book:
    """How one kind of file is called.  icon: Tabler's name; opens: of the button that opens one."""

    title: str
    opens: str
    icon: str


def said_of(table: str) -> dict[str, str]:
    """Words of redress's own, in the viewer's language."""
    return {word: either(zh, en) for word, (zh, en) in NAMES[table].items()}


@each_language
def books() -> dict[str, Book]:
    """Kinds of files."""
    return {
        "complaint": Book(either("投诉", "Complaints"), either("登记投诉", "Take a complaint"), "message-report"),
        "loss": Book(either("损失", "Losses"), either("登记损失", "Open a loss"), "coin"),
        "dispute": Book(either("争议", "Disputes"), either("登记争议", "Open a dispute"), "gavel"),
        "request": Book(
            either("协查请求", "Authority requests"), either("登记协查", "Register a request"), "building-bank"
        ),
        "hold": Book(either("法律保全", "Legal holds"), either("设立保全", "Set a legal hold"), "lock"),
        "erasure": Book(either("信息删除", "Deletions"), either("登记删除", "Ask for a deletion"), "trash"),
        "fund": Book(either("赔付资金", "Funds"), either("设立资金", "Open a fund"), "wallet"),
        "roster": Book(either("值班表", "Duty rosters"), either("新建值班表", "New roster"), "calendar-time"),
        "half-year": Book(either("半年统计", "Half years"), "", "chart-bar"),
    }


@each_language
def states() -> dict[str, dict[str, str]]:
    """States by kind."""
    return {
        "complaint": {
            "received": either("已受理", "Received"),
            "understanding": either("了解情况", "Understanding"),
            "finding-cause": either("查明原因", "Finding the cause"),
            "coordinating": either("协调部门", "Coordinating"),
            "settled": either("已处理", "Settled"),
            "answered": either("已答复", "Answered"),
            "closed": either("已办结", "Closed"),
            "withdrawn": either("已撤回", "Withdrawn"),
        },
        "loss": {
            "open": either("处置中", "Open"),
            "decided": either("责任已定", "Liability decided"),
            "settled": either("已赔付", "Settled"),
            "closed": either("已办结", "Closed"),
        },
        "dispute": {
            "open": either("已受理", "Open"),
            "defended": either("已答辩", "Defended"),
            "ruled": either("已裁判", "Ruled"),
            "settled": either("已了结", "Settled"),
            "closed": either("已办结", "Closed"),
        },
        "request": {
            "registered": either("已登记", "Registered"),
            "approved": either("已批准", "Approved"),
            "given": either("已提供", "Given"),
            "returned": either("已退回", "Returned"),
            "closed": either("已办结", "Closed"),
        },
        "hold": {"held": either("保全中", "Held"), "released": either("已解除", "Released")},
        "erasure": {
            "requested": either("待办理", "Requested"),
            "approved": either("已批准", "Approved"),
            "erasing": either("删除中", "Erasing"),
            "erased": either("已删除", "Erased"),
            "turned-down": either("不予删除", "Turned down"),
        },
        "fund": {"active": either("有效", "Active"), "closed": either("已关闭", "Closed")},
        "roster": {"active": either("有效", "Active")},
        "half-year": {"signed": either("已签署", "Signed")},
    }


ENDED: Final = frozenset({"closed", "withdrawn", "released", "returned", "signed", "erased", "turned-down"})


@each_language
def events() -> dict[str, str]:
    """Events."""
    return {
        "take": either("受理", "Taken in"),
        "register": either("登记", "Registered"),
        "open": either("登记", "Opened"),
        "sign": either("签署", "Signed"),
        "assign": either("分派", "Assign"),
        "verify": either("核实身份", "Verify identity"),
        "contact": either("联系投诉人", "Contact the complainant"),
        "understand": either("记录情况", "Say what the matter is"),
        "find_cause": either("认定原因", "Name the cause"),
        "ask_department": either("征询部门", "Ask a department"),
        "department_replied": either("部门答复", "Record its reply"),
        "loss.settle": either("完成赔付", "Settle the loss"),
        "dispute.settle": either("了结争议", "Settle the dispute"),
        "settle": either("形成处理意见", "Settle"),
        "answer": either("答复投诉人", "Answer the complainant"),
        "object": either("提出异议", "Record an objection"),
        "refer": either("转外部机构", "Refer outside"),
        "pause": either("暂停计时", "Pause the clock"),
        "resume": either("恢复计时", "Resume the clock"),
        "close": either("办结", "Close"),
        "take_back": either("撤回投诉", "Withdraw the complaint"),
        "note": either("添加备注", "Add a note"),
        "add_document": either("添加材料", "Add a document"),
        "approve": either("同意", "Approve"),
        "reject": either("不同意", "Reject"),
        "withdraw": either("收回", "Withdraw"),
        "link_decision": either("关联决策", "Link the decision"),
        "recover": either("追回资金", "Recover money"),
        "decide_liability": either("认定责任", "Decide liability"),
        "pay": either("登记赔付", "Record a payout"),
        "contain": either("关联防范规则", "Name the rule that prevents it"),
        "defend": either("提交答辩", "Hand in the defence"),
        "rule": either("登记裁判", "Record the ruling"),
        "appeal": either("登记上诉", "Record an appeal"),
        "return_money": either("退还资金", "Return money"),
        "prepare": either("准备材料", "Prepare documents"),
        "give": either("提供材料", "Given"),
        "return_papers": either("退回请求", "Send the request back"),
        "release": either("解除保全", "Release the hold"),
        "erase": either("删除个人信息", "Delete the personal data"),
        "turn_down": either("不予删除", "Turn it down"),
        "begin": either("开始删除", "Deletion began"),
        "stop": either("中止删除", "Deletion stopped"),
        "finish": either("删除完成", "Deletion finished"),
        "add": either("注入资金", "Add money"),
        "set": either("更新班次", "Set the shifts"),
    }


@each_language
def parts() -> dict[str, str]:
    """Parts of a complete loss."""
    return {
        "decision": either("关联决策", "decision"),
        "recovery": either("追回措施", "recovery"),
        "liability": either("责任认定", "liability"),
        "payout": either("赔付", "payout"),
        "containment": either("防范规则", "containment"),
    }


@each_language
def departments() -> dict[str, str]:
    """Departments of the packaged routing; a bank may have others."""
    return said_of("department")


@each_language
def units() -> dict[str, str]:
    """Units of periods."""
    return {
        "working-days": either("个工作日", "working days"),
        "working-hours": either("个工作小时", "working hours"),
        "calendar-days": either("个自然日", "calendar days"),
        "hours": either("小时", "hours"),
        "months": either("个月", "months"),
    }


@each_language
def starts() -> dict[str, str]:
    """What sets a clock going."""
    return {
        "received": either("自收到起", "after it was received"),
        "identity-verified": either("自核实身份起", "after the identity was verified"),
        "decided": either("自决策起", "after the decision"),
        "confirmed": either("自确认起", "after it was confirmed"),
        "period-ended": either("自期末起", "after the period ended"),
        "issued": either("自发出起", "after it was issued"),
    }


@each_language
def standings() -> dict[str, str]:
    """Where a clock stands."""
    return {
        "running": either("计时中", "running"),
        "warned": either("临近到期", "due soon"),
        "paused": either("已暂停", "paused"),
        "overdue": either("已逾期", "overdue"),
        "met": either("按期完成", "kept"),
        "missed": either("逾期完成", "missed"),
    }


def said(table: Mapping[str, str], word: str) -> str:
    """A word of a table; a word that is in no table stays as it is."""
    return table.get(word, word)


def event_name(kind: str, tag: str) -> str:
    """What an event of a kind of file is called."""
    return said(events(), f"{kind}.{tag}" if f"{kind}.{tag}" in events() else tag)
