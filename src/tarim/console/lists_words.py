"""Words of lists: what codes of the service are called on a page, in the viewer's language; made anew for each request."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tarim.console.words import _, either

Table = Mapping[str, str]


def kinds() -> Table:
    """Kinds of lists."""
    return {
        "black": _("黑名单"),
        "white": _("白名单"),
        "grey": _("灰名单"),
        "trusted_payees": _("可信收款人"),
        "trusted_devices": _("可信设备"),
        "payee_roster": _("收款人名册"),
        "suspect_addresses": _("可疑地址"),
    }


KIND_LEVELS: Mapping[str, str] = {
    "black": "critical",
    "grey": "medium",
    "suspect_addresses": "high",
    "white": "low",
    "trusted_payees": "low",
    "trusted_devices": "low",
    "payee_roster": "new",
}
"""The colour of a kind: what it says about who is on it."""


def list_fields() -> Table:
    """What a list holds."""
    return {
        "customer": _("客户号"),
        "account": _("账号"),
        "payee_account": _("收款账号"),
        "device_id": _("设备号"),
        "ip": _("网络地址"),
        "merchant_id": _("商户号"),
    }


FIXED_FIELDS: Mapping[str, str] = {
    "trusted_payees": "payee_account",
    "trusted_devices": "device_id",
    "payee_roster": "payee_account",
    "suspect_addresses": "ip",
}
"""Kinds that leave no choice of what they hold."""


def differences() -> Table:
    """What becomes of an entry."""
    return {
        "added": _("新增"),
        "changed": _("变更"),
        "removed": _("移除"),
        "unchanged": _("不变"),
    }


def columns() -> Table:
    """Columns of a file of entries."""
    return {
        "value": _("值"),
        "token": _("代号"),
        "customer": _("客户"),
        "customer_token": _("客户代号"),
        "operation": _("操作"),
        "source": _("来源"),
        "reason": _("原因"),
        "valid_from": _("生效"),
        "valid_to": _("失效"),
        "masked": _("掩码值"),
    }


def file_columns() -> list[tuple[str, str]]:
    """Headings of a file of entries, in the viewer's language, and what they mean."""
    return [
        (either("值", "value"), _("标识本身；Excel 单元格须为文本格式，数字会丢失位数")),
        (either("客户", "customer"), _("仅用于按客户区分的名单")),
        (either("操作", "operation"), _("add（新增）或 remove（移除），缺省为新增")),
        (either("来源", "source"), _("缺省用上面填写的来源")),
        (either("原因", "reason"), _("缺省用上面填写的原因")),
        (either("生效", "valid_from"), _("日期，或带时区的时间；缺省不限")),
        (either("失效", "valid_to"), _("日期，或带时区的时间；缺省不限")),
    ]


_LENGTH = re.compile(r"must have 1 to (\d+) (printable )?characters")


def row_rule(rule: str) -> str:
    """A rule by which a row was refused; as the service says it when there is no word of ours."""
    if found := _LENGTH.fullmatch(rule):
        return _("须为 1 至 %s 个字符") % found[1]
    return _row_rules().get(rule, rule)


def _row_rules() -> Table:
    return {
        "must not be given twice": _("同一条目不得重复出现"),
        "cannot be removed: it is not on the list": _("不在名单上，无法移除"),
        "must be add or remove": _("只能为 add（新增）或 remove（移除）"),
        "is required": _("必填"),
        "is only for lists of customers' own entries": _("仅用于按客户区分的名单"),
        "must be later than valid_from": _("必须晚于生效时间"),
        "must be an IPv4 or IPv6 address": _("必须为 IPv4 或 IPv6 地址"),
        "must have no spaces, control or invisible characters inside": _("不得含空格、控制字符或不可见字符"),
        "must be a day such as 2026-01-31, or RFC 3339 with a zone such as 2026-01-31T12:00:00+08:00": _(
            "必须为日期（如 2026-01-31）或带时区的时间（如 2026-01-31T12:00:00+08:00）"
        ),
        "must be in the years 2000 to 2100": _("年份必须在 2000 至 2100 之间"),
        "must not stand beside token": _("不得与代号同时填写"),
        "must not stand beside customer_token": _("不得与客户代号同时填写"),
        "must have 16 hexadecimal digits, not all zero": _("必须为 16 位十六进制，且不全为零"),
        "must be as an export writes it": _("必须与导出文件中的写法一致"),
        "is only for rows with a token": _("仅用于带代号的行"),
    }


def proposal_states() -> Table:
    """Where a proposal stands."""
    return {
        "proposed": _("待审批"),
        "approved": _("已批准"),
        "rejected": _("已驳回"),
        "withdrawn": _("已撤回"),
    }


def proposal_tone(state: str) -> str:
    """Status scale of a proposal."""
    return {"proposed": "waiting", "approved": "good", "rejected": "bad"}.get(state, "closed")
