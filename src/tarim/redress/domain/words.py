"""What kinds, channels, subjects and causes of complaints and the departments are called, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NAMES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "ComplaintKind": {
            "complaint": ("投诉", "Complaint"),
            "privacy-question": ("隐私政策咨询", "Question on privacy"),
            "rights-request": ("个人信息权利请求", "Rights request"),
        },
        "Channel": {
            "branch-manager": ("网点负责人", "Branch manager"),
            "comment-book": ("意见簿", "Comment book"),
            "hotline": ("客服热线", "Hotline"),
            "mail": ("信函", "Letter"),
            "phone": ("电话", "Telephone"),
            "fax": ("传真", "Fax"),
            "online": ("线上渠道", "Online"),
            "form": ("书面表单", "Form"),
        },
        "Category": {
            "blocked-payment": ("交易被拦截", "Blocked payment"),
            "held-payment": ("交易被挂起", "Held payment"),
            "loss": ("资金损失", "Loss"),
            "privacy": ("个人信息", "Privacy"),
            "fees": ("收费", "Fees"),
            "system-fault": ("系统故障", "System fault"),
            "service": ("服务质量", "Service"),
            "staff": ("工作人员", "Staff"),
            "marketing": ("营销", "Marketing"),
            "other": ("其他", "Other"),
        },
        "Cause": {
            "rule": ("规则", "Rule"),
            "model": ("模型", "Model"),
            "system": ("系统", "System"),
            "process": ("流程", "Process"),
            "staff": ("员工", "Employee"),
            "partner": ("合作方", "Partner"),
            "customer": ("客户", "Customer"),
            "none": ("未发现问题", "Nothing was wrong"),
        },
        "department": {
            "fraud-desk": ("反欺诈中心", "Fraud desk"),
            "data-protection": ("个人信息保护", "Data protection"),
            "customer-care": ("客户服务", "Customer care"),
            "operations": ("运营管理", "Operations"),
            "legal": ("法律合规", "Legal"),
        },
    }
)
"""By enumeration; departments are those of the packaged routing, a bank may have others."""
