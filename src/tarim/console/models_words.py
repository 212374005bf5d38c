"""Words of models: what codes of the service are called on a page, in the viewer's language; made anew for each request."""

from __future__ import annotations

from tarim.console.words import _

Table = dict[str, str]


def states() -> Table:
    """Where a model stands."""
    return {
        "draft": _("草稿"),
        "submitted": _("待批准"),
        "approved": _("已批准"),
        "rejected": _("已驳回"),
        "live": _("在用"),
        "retired": _("已退役"),
    }


def state_tone(state: str) -> str:
    """Status scale of a model."""
    return {"submitted": "waiting", "approved": "new", "live": "good", "rejected": "bad"}.get(state, "closed")


def roles() -> Table:
    """What a live model does."""
    return {"champion": _("冠军"), "challenger": _("挑战者")}


def algorithms() -> Table:
    """Kinds of models."""
    return {"lightgbm": _("梯度提升树"), "logistic": _("逻辑回归"), "woe": _("评分卡（WOE 逻辑回归）")}


def acts() -> Table:
    """What happens to models, as the ledger and proposals say it."""
    return {
        "install": _("初始安装"),
        "submit": _("提交批准"),
        "withdraw": _("撤回"),
        "approve": _("批准模型"),
        "reject": _("驳回"),
        "publish": _("发布为冠军"),
        "challenge": _("设为挑战者"),
        "stand-down": _("挑战者退下"),
        "rollback": _("回退到上一冠军"),
        "retire": _("退役"),
        "exit": _("全部下线销毁"),
        "export": _("导出模型文件"),
    }


def switches() -> Table:
    """Switches that concern models, as the ledger says them."""
    return {
        "pause_model = 1": _("暂停评分"),
        "pause_model = 0": _("恢复评分"),
        "rules_only = 1": _("仅由规则决策"),
        "rules_only = 0": _("恢复模型评分"),
    }


def results() -> Table:
    """What came of an act."""
    return {"done": _("成功"), "failed": _("失败"), "refused": _("被拒绝")}


def result_tone(result: str) -> str:
    """Status scale of a result."""
    return {"done": "good", "failed": "bad", "refused": "waiting"}.get(result, "closed")


def measures() -> Table:
    """Figures of a run, in the order they are shown."""
    return {
        "auc": _("AUC"),
        "ks": _("KS"),
        "gini": _("基尼系数"),
        "average_precision": _("平均查准率"),
        "precision": _("查准率"),
        "recall": _("查全率"),
        "money_recall": _("金额查全率"),
        "card_precision": _("每日前列客户查准率"),
        "calibration_error": _("校准误差"),
    }


SMALLER_IS_BETTER = frozenset({"calibration_error"})


def parts() -> Table:
    """Parts of the rows."""
    return {"training": _("训练"), "validation": _("验证"), "test": _("测试")}


def card_questions() -> Table:
    """Headings of a model card's texts."""
    return {
        "business_definition": _("业务定义"),
        "algorithm_rationale": _("算法选择理由"),
        "feature_rationale": _("特征选择理由"),
        "intended_use": _("用途与禁止用途"),
        "limitations": _("局限"),
        "fallback": _("退出安排"),
    }


def divisions() -> Table:
    """Segments that figures are given by."""
    return {
        "channel": _("渠道"),
        "kind": _("交易种类"),
        "amount": _("金额档"),
        "region": _("地区"),
        "source": _("来源渠道"),
        "listed": _("是否在名单上"),
    }


def thresholds() -> Table:
    """How a threshold was chosen."""
    return {"cost": _("按成本"), "capacity": _("按产能")}
