"""What files of redress, their states, events, fields and values are called, in the viewer's language."""

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
def fields() -> dict[str, str]:
    """Fields of events, `event.field` where it is another word there."""
    return {
        "kind": either("类型", "Kind"),
        "channel": either("渠道", "Channel"),
        "category": either("事由", "Category"),
        "text": either("内容", "Text"),
        "take.text": either("投诉内容", "What is complained of"),
        "contact": either("联系方式", "How to reach them"),
        "received_ms": either("收到时间", "Received at"),
        "case": either("关联案件", "Case"),
        "owner": either("经办人", "In charge"),
        "department": either("部门", "Department"),
        "how": either("核实方式", "How it was verified"),
        "cause": either("原因", "Cause"),
        "founded": either("投诉属实", "The complaint is right"),
        "loss": either("损失档案", "Loss file"),
        "complaint": either("投诉编号", "Complaint"),
        "body": either("外部机构", "Body"),
        "reference": either("凭证编号", "Reference"),
        "outcome": either("结果", "Outcome"),
        "reason": either("原因（不含个人信息）", "Reason, naming nobody"),
        "amount_fen": either("金额（元）", "Amount (CNY)"),
        "confirmed_ms": either("确认时间", "Confirmed at"),
        "step": either("追回措施", "Step"),
        "to_customer": either("已退回客户", "It went to the customer"),
        "faults": either("过错方", "At fault"),
        "customer_share_bp": either("客户承担比例（%）", "The customer's share (%)"),
        "fund": either("资金编号", "Fund"),
        "rule": either("规则编号", "Rule"),
        "ruleset": either("规则集版本（自动填入）", "Ruleset (filled in)"),
        "forum": either("争议途径", "Forum"),
        "court": either("法院或仲裁机构", "Court or commission"),
        "docket": either("案号", "Docket"),
        "agreement": either("约定条款", "Clause of the agreement"),
        "served_ms": either("送达时间", "Served at"),
        "owed_fen": either("应付金额（元）", "Owed by it (CNY)"),
        "final": either("终局裁判", "It is final"),
        "authority": either("办案机关", "Authority"),
        "office": either("机关名称", "Office"),
        "number": either("文书编号", "Document number"),
        "basis": either("法律依据", "Legal basis"),
        "officer": either("办案人员", "Officer"),
        "documents": either("提供的材料", "Documents to be given"),
        "receipt": either("回执", "Receipt"),
        "ground": either("保全事由", "Ground"),
        "title": either("名称", "Title"),
        "valid_from_ms": either("生效时间", "Valid from"),
        "valid_to_ms": either("失效时间（空为长期）", "Valid to (empty: without end)"),
        "shifts": either("班次", "Shifts"),
        "note": either("意见", "Note"),
        "ended_ms": either("业务关系终止时间", "Relationship ended at"),
        "verified_ms": either(
            "核实申请人身份时间（客户申请必填）", "Applicant's identity verified at (needed for a request)"
        ),
        "through_seq": either("核对至日志位置", "Looked through to position"),
        "desk_keys": either("工作台销毁密钥数", "Keys destroyed at the desk"),
        "obstacle": either("中止原因", "Stopped by"),
        "erase.text": either("核对情况", "What was checked"),
        "turn_down.text": either("不予删除的理由", "Why the data are kept"),
        "understand.text": either("事情经过", "What happened"),
        "find_cause.text": either("原因说明", "Why it came to that"),
        "settle.text": either("处理意见", "What is done about it"),
        "answer.text": either("答复内容", "The answer"),
        "decide_liability.text": either("认定理由", "Grounds of the decision"),
    }


@each_language
def values() -> dict[str, dict[str, str]]:
    """Values of enumerations, by their class."""
    return {
        "ComplaintKind": said_of("ComplaintKind"),
        "Channel": said_of("Channel"),
        "Category": said_of("Category"),
        "Cause": said_of("Cause"),
        "Fault": {
            "system": either("系统", "System"),
            "model": either("模型", "Model"),
            "rule": either("规则", "Rule"),
            "staff": either("员工", "Employee"),
            "partner": either("合作方", "Partner"),
            "criminal": either("犯罪分子", "Criminal"),
            "customer": either("客户", "Customer"),
        },
        "Step": {
            "stop-payment": either("止付", "Stop payment"),
            "recall": either("资金召回", "Recall"),
            "freeze": either("冻结", "Freeze"),
            "police-report": either("报案", "Police report"),
            "lawsuit": either("诉讼", "Lawsuit"),
            "insurance-claim": either("保险理赔", "Insurance claim"),
            "repaid": either("已归还", "Repaid"),
            "impossible": either("无法追回", "Impossible"),
        },
        "Forum": {"arbitration": either("仲裁", "Arbitration"), "lawsuit": either("诉讼", "Lawsuit")},
        "Authority": {
            "police": either("公安机关", "Police"),
            "court": either("法院", "Court"),
            "procuratorate": either("检察院", "Procuratorate"),
            "supervision": either("监察机关", "Supervision"),
            "regulator": either("监管机构", "Regulator"),
        },
        "Ground": {
            "dispute": either("争议", "Dispute"),
            "request": either("协查", "Request"),
            "investigation": either("调查", "Investigation"),
        },
        "ErasureBasis": {
            "request": either("客户申请", "The customer asks"),
            "period-over": either("保存期届满", "The time for keeping is over"),
            "unlawful": either("不应收集", "Should not have been collected"),
        },
        "Obstacle": {
            "legal-hold": either("法律保全", "Legal hold"),
            "retention": either("保存期未满", "To be kept longer"),
            "open-case": either("案件未办结", "Open case"),
            "open-file": either("档案未办结", "Open file"),
            "new-events": either("有新业务", "New events"),
        },
        "FundKind": {"reserve": either("风险准备金", "Reserve fund"), "policy": either("保险", "Insurance policy")},
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


def value_of(enumeration: str, value: str) -> str:
    """A value of an enumeration in the viewer's language."""
    return said(values().get(enumeration, {}), value)


def event_name(kind: str, tag: str) -> str:
    """What an event of a kind of file is called."""
    return said(events(), f"{kind}.{tag}" if f"{kind}.{tag}" in events() else tag)


def field_name(tag: str, name: str) -> str:
    """What a field of an event is called."""
    return said(fields(), f"{tag}.{name}" if f"{tag}.{name}" in fields() else name)
