"""Words of the rule pages: outcomes, operators, units, kinds of names and of switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tarim.console.words import _

OUTCOMES: Final = ("pass", "notice", "challenge", "delay", "suspend", "block")
CHANNELS: Final = ("mobile", "pc", "counter", "atm", "pos", "api", "unknown")
KINDS: Final = ("transfer", "payment", "withdrawal", "deposit", "login", "signup", "application", "binding")
"""Kinds of business that can be stopped."""


def outcomes() -> Mapping[str, str]:
    """The ladder, mildest first."""
    return {
        "pass": _("通过"),
        "notice": _("提示"),
        "challenge": _("挑战"),
        "delay": _("延迟"),
        "suspend": _("挂起"),
        "block": _("拦截"),
    }


def channels() -> Mapping[str, str]:
    """Where an event comes in."""
    return {
        "mobile": _("手机"),
        "pc": _("电脑"),
        "counter": _("柜面"),
        "atm": _("自助设备"),
        "pos": _("POS 终端"),
        "api": _("接口"),
        "unknown": _("未知渠道"),
    }


def values() -> Mapping[str, str]:
    """Values of codes and sets that have words of their own; others are shown as they are."""
    return {
        **kinds(),
        **channels(),
        "confirmation": _("确认"),
        "reversal": _("冲正"),
        "label": _("标签事件"),
        "succeeded": _("执行成功"),
        "failed": _("失败"),
        "wifi": _("无线网络"),
        "cellular": _("移动网络"),
        "wired": _("有线网络"),
        "genuine": _("正常"),
        "fraud": _("欺诈"),
        "password": _("密码"),
        "sms_code": _("短信验证码"),
        "token": _("令牌"),
        "certificate": _("证书"),
        "face": _("人脸"),
        "fingerprint": _("指纹"),
        "document": _("证件"),
    }


def kinds() -> Mapping[str, str]:
    """Kinds of business."""
    return {
        "transfer": _("转账"),
        "payment": _("支付"),
        "withdrawal": _("取现"),
        "deposit": _("存入"),
        "login": _("登录业务"),
        "signup": _("注册"),
        "application": _("申请"),
        "binding": _("绑定"),
    }


def operators() -> Mapping[str, str]:
    """Operators of rows."""
    return {
        ">=": "≥",
        ">": ">",
        "<=": "≤",
        "<": "<",
        "==": "=",
        "!=": "≠",
        "between": _("介于"),
        "not_between": _("不介于"),
        "in": _("属于"),
        "not_in": _("不属于"),
        "is_true": _("成立"),
        "has": _("包含"),
        "in_list": _("在名单中"),
        "not_in_list": _("不在名单中"),
        "missing": _("缺失"),
        "not_missing": _("有值"),
    }


def units() -> Mapping[str, str]:
    """Units of numbers."""
    return {
        "yuan": _("元"),
        "fen": _("分"),
        "d": _("天"),
        "h": _("小时"),
        "m": _("分钟"),
        "s": _("秒"),
        "ms": _("毫秒"),
    }


def name_kinds() -> Mapping[str, str]:
    """Kinds of names."""
    return {
        "feature": _("特征"),
        "number": _("数值"),
        "code": _("代码"),
        "set": _("集合"),
        "condition": _("条件"),
        "identifier": _("身份标识"),
    }


def switch_words() -> Mapping[str, str]:
    """What switches do."""
    return {
        "pause": _("暂停规则"),
        "shadow": _("影子运行"),
        "rollout": _("灰度比例"),
        "suppress": _("对客户豁免"),
        "stop": _("停办业务"),
        "pause_model": _("暂停模型"),
        "rules_only": _("仅用规则"),
    }


def proposal_words() -> Mapping[str, str]:
    """What proposals are about."""
    return {
        "ruleset": _("规则集"),
        "switch": _("开关"),
        "override": _("人工改判"),
        "treatment": _("处置安排"),
    }


def scenario_name(scenario: str) -> str:
    """A scenario of the packs by its name; a bank's own as it is written."""
    known = _SCENARIOS.get(scenario)
    return _(known) if known else scenario


_SCENARIOS: Final[Mapping[str, str]] = {
    "account_takeover": "账户盗用",
    "bulk_invitation": "批量邀请",
    "bulk_login": "批量登录",
    "bulk_order": "批量下单",
    "bulk_signup": "批量注册",
    "bulk_withdrawal": "批量提现",
    "card_not_present": "无卡盗刷",
    "cash_out": "套现",
    "dormant_then_active": "沉睡账户激活",
    "elderly_victim": "老年受骗",
    "false_application": "虚假申请",
    "fan_in": "集中转入",
    "fan_out": "分散转出",
    "listed": "名单命中",
    "marketing_abuse": "营销滥用",
    "merchant_collusion": "商户合谋",
    "money_laundering": "洗钱",
    "mule": "跑分账户",
    "rapid_emptying": "快速转空",
    "rapid_movement": "快进快出",
    "remote_control": "远程操控",
    "round_amounts": "整额交易",
    "sanctions": "制裁名单",
    "safe_account": "安全账户骗局",
    "structuring": "拆分交易",
    "telecom_fraud": "电信网络诈骗",
}
