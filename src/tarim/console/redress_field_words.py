"""What the fields of redress's forms are called, and the values that can be chosen in them, in the viewer's language."""

from __future__ import annotations

from tarim.console.redress_words import said, said_of
from tarim.console.words import each_language, either


@each_language
def fields() -> dict[str, str]:
    """Fields of events, `event.field` where it is another word there."""
    return {
        "kind": either("类型", "Kind"),
        "channel": either("渠道", "Channel"),
        "category": either("事由", "Category"),
        "text": either("内容", "Text"),
        "complaint.text": either("投诉内容", "What is complained of"),
        "loss.text": either("损失经过", "What happened"),
        "dispute.text": either("争议事项", "What is in dispute"),
        "request.text": either("请求内容", "What is asked for"),
        "hold.text": either("保全理由", "Why nothing may be deleted"),
        "erasure.text": either("删除缘由与申请人", "Why, and who asked for it"),
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


def value_of(enumeration: str, value: str) -> str:
    """A value of an enumeration in the viewer's language."""
    return said(values().get(enumeration, {}), value)


def field_name(tag: str, name: str) -> str:
    """What a field of an event is called."""
    return said(fields(), f"{tag}.{name}" if f"{tag}.{name}" in fields() else name)
