"""What codes of cases are called: message ids, put into the viewer's language when a page is made.

A code that is not in its table is shown as it is: a bank's own scenarios and queues have the names that it gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tarim.console.words import _

STATES: Final[Mapping[str, str]] = {
    "new": "待领取",
    "assigned": "已分派",
    "working": "调查中",
    "submitted": "待复核",
    "returned": "已退回",
    "closed": "已办结",
    "reopen_asked": "重开待复核",
    "reopened": "已重开",
    "reported": "已上报",
    "escalated": "已升级",
}
"""States of a case."""


def tone(state: str) -> str:
    """Status scale of a state: `new`, `working`, `waiting` or `closed`."""
    return {
        "new": "new",
        "assigned": "new",
        "reopened": "new",
        "submitted": "waiting",
        "reopen_asked": "waiting",
        "closed": "closed",
        "reported": "closed",
    }.get(state, "working")


PRIORITIES: Final[Mapping[int, str]] = {
    1: "极高",
    2: "高",
    3: "中",
    4: "低",
}
"""Priorities of a case."""


def level(priority: int) -> str:
    """Risk scale of a priority."""
    return {1: "critical", 2: "high", 3: "medium"}.get(priority, "low")


SCENARIOS: Final[Mapping[str, str]] = {
    "remote_control": "远程操控",
    "safe_account": "冒充公检法“安全账户”",
    "elderly_victim": "老年受害人",
    "telecom_fraud": "电信网络诈骗",
    "rapid_emptying": "账户快速清空",
    "account_takeover": "账户盗用",
    "card_not_present": "无卡盗刷",
    "mule": "出租出借账户",
    "money_laundering": "洗钱",
    "structuring": "拆分交易",
    "fan_in": "资金归集",
    "fan_out": "资金分散",
    "rapid_movement": "快进快出",
    "round_amounts": "整数金额往来",
    "dormant_then_active": "休眠账户激活",
    "cash_out": "信用卡套现",
    "listed": "名单命中",
    "sanctions": "制裁名单",
    "false_application": "虚假申请",
    "merchant_collusion": "商户合谋",
    "marketing_abuse": "营销作弊",
    "bulk_login": "批量登录",
    "bulk_signup": "批量注册",
    "bulk_invitation": "批量邀请",
    "bulk_withdrawal": "批量提现",
    "bulk_order": "批量下单",
    "score": "模型评分",
    "verification": "核验要求",
}
"""Scenarios of the starter packs, and the two grounds that belong to none."""


"""Priorities of a case."""

EVENT_KINDS: Final[Mapping[str, str]] = {
    "transfer": "转账",
    "payment": "消费",
    "withdrawal": "取现",
    "deposit": "存入",
    "login": "登录操作",
    "signup": "注册",
    "application": "申请",
    "binding": "绑定",
    "confirmation": "确认",
    "reversal": "冲正",
}
"""What happened, of an alert's event."""

CHANNELS: Final[Mapping[str, str]] = {
    "unknown": "渠道不明",
    "pc": "网上银行",
    "mobile": "手机银行",
    "counter": "柜面",
    "atm": "自助设备",
    "pos": "POS 终端",
    "api": "接口",
}
"""Where it came in."""

KINDS: Final[Mapping[str, str]] = {
    "block": "拦截",
    "hold": "延迟或止付",
    "challenge": "加强核验",
    "notice": "提示",
}


"""What was done to the payment of an alert."""

HOLDS: Final[Mapping[str, str]] = {
    "waiting": "款项等待处理",
    "escalated": "款项已转人工",
    "released": "款项已放行",
    "refused": "款项已拒付",
}
"""Standing of a held payment."""

VERDICTS: Final[Mapping[str, str]] = {
    "right": "确认欺诈",
    "wrong": "误报",
    "undecided": "无法判定",
}

CAUSES: Final[Mapping[str, str]] = {
    "confirmed_by_customer": "客户确认非本人或被骗",
    "confirmed_by_police": "公安机关确认",
    "confirmed_by_evidence": "证据确认",
    "customer_made_it": "客户本人办理且坚持",
    "usual_behaviour": "客户惯常行为",
    "rule_too_wide": "规则过宽",
    "data_wrong": "数据有误",
    "customer_not_reached": "未联系上客户",
    "not_enough_known": "信息不足",
}
"""Why it was right or wrong."""


"""Whether a decision was right."""

TRAITS: Final[Mapping[str, str]] = {
    "screen_shared": "屏幕共享",
    "in_call": "通话中操作",
    "new_payee": "新收款人",
    "new_device": "新设备",
    "far_place": "异地",
    "mule_payee": "收款方涉案",
    "split_amounts": "金额拆分",
    "quick_emptying": "快速清空",
    "false_identity": "虚假身份",
    "insider": "内部人员",
    "elderly": "老年人",
    "minor": "未成年人",
    "cash_out": "套现",
    "gambling": "涉赌",
    "marketing_abuse": "营销作弊",
}
"""What was seen of the fraud."""

WISHES: Final[Mapping[str, str]] = {"close": "办结", "report": "上报可疑交易"}

MEASURES: Final[Mapping[str, str]] = {
    "limit_online": "限制非柜面限额",
    "stop_online": "暂停非柜面业务",
    "stop_all": "停止全部交易",
    "refuse_service": "拒绝建立新业务",
}
"""What is restricted."""


"""What a submitted case is to become."""

BASES: Final[Mapping[str, str]] = {
    "aml_law": "反洗钱法",
    "anti_telecom_fraud_law": "反电信网络诈骗法",
    "court_or_police": "司法协查与冻结",
    "sanctions": "制裁名单",
    "contract": "账户协议",
}
"""The law a restriction rests on."""

RESTRICTION_STATES: Final[Mapping[str, str]] = {
    "asked": "待复核",
    "in_force": "生效中",
    "refused": "未同意",
    "lifted": "已解除",
}

EVENTS: Final[Mapping[str, str]] = {
    "open": "已立案",
    "assign": "已分派",
    "unassign": "已退回队列",
    "start": "已开始处理",
    "submit": "已提交复核",
    "withdraw": "已撤回提交",
    "return": "已退回处理人",
    "approve_close": "复核同意办结",
    "approve_report": "复核同意上报",
    "ask_reopen": "已申请重开",
    "approve_reopen": "已同意重开",
    "refuse_reopen": "未同意重开",
    "escalate": "已升级",
    "alert": "新预警并入",
    "lock": "已锁定",
    "unlock": "已解锁",
    "note": "备注已添加",
    "evidence": "证据已保存",
    "tag": "标签已变更",
    "diary": "跟进日程已变更",
    "link": "案件已关联",
    "review": "核查结论已记录",
    "ask_release": "已申请放行",
    "approve_release": "已同意放行",
    "drop_release": "放行申请已撤销",
    "refuse_payment": "已拒绝支付",
    "reveal": "已查看明文",
    "order_failed": "指令未能执行",
    "restrict": "已申请限制措施",
    "decide_restriction": "限制措施已复核",
}
"""What happened to a case."""


"""Where a restriction stands."""

FIELDS: Final[Mapping[str, str]] = {
    "customer": "客户号",
    "customer_name": "客户姓名",
    "account": "账户",
    "payee_account": "收款账户",
    "payee_name": "收款人",
    "payee_phone": "收款人电话",
    "device_id": "设备",
    "merchant_id": "商户",
    "ip": "网络地址与端口",
    "location": "交易位置（纬度，经度）",
}
"""Personal values by field of the envelope."""

SORTS: Final = ("work", "due", "newest", "changed", "money")
"""Orders of a list."""

_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "states": STATES, "scenarios": SCENARIOS, "event_kinds": EVENT_KINDS, "channels": CHANNELS, "kinds": KINDS,
    "holds": HOLDS, "verdicts": VERDICTS, "causes": CAUSES, "traits": TRAITS, "wishes": WISHES,
    "measures": MEASURES, "bases": BASES, "restriction_states": RESTRICTION_STATES, "events": EVENTS, "fields": FIELDS,
}  # fmt: skip


class Words(dict[str, str]):
    """A table in the viewer's language; an unknown code is its own word."""

    def __missing__(self, code: str) -> str:
        return code


def said(table: Mapping[str, str]) -> dict[str, str]:
    """A table in the viewer's language."""
    return {code: _(word) for code, word in table.items()}


def words_of_cases() -> dict[str, Words]:
    """All tables, in the viewer's language, for a template: `w.states[case.state]`."""
    return {name: Words(said(table)) for name, table in _TABLES.items()}


def priority_word(priority: int) -> str:
    """What a priority is called."""
    return _(PRIORITIES[priority]) if priority in PRIORITIES else str(priority)
