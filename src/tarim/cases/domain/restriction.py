"""Restriction of a customer, with the law that allows it (RM-27; TS-13).

Two persons put it in force and two lift it.  Which measures go with which basis is the table `MEASURES_OF`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError

ARTICLE_CHARACTERS_MAX: Final = 120


class Basis(StrEnum):
    """The law a restriction rests on."""

    AML_LAW = "aml_law"
    """反洗钱法: the customer refuses the information that due diligence needs."""
    ANTI_TELECOM_FRAUD_LAW = "anti_telecom_fraud_law"
    """反电信网络诈骗法: an account that is abnormal or involved in fraud."""
    COURT_OR_POLICE = "court_or_police"
    """协助查询、冻结: an order that is registered."""
    SANCTIONS = "sanctions"
    CONTRACT = "contract"
    """The account agreement allows it."""


class Measure(StrEnum):
    """What is restricted."""

    LIMIT_ONLINE = "limit_online"
    """Limits of payments outside the counter."""
    STOP_ONLINE = "stop_online"
    """No payments outside the counter (暂停非柜面业务)."""
    STOP_ALL = "stop_all"
    REFUSE_SERVICE = "refuse_service"
    """No new relation or product."""


MEASURES_OF: Final = {
    Basis.AML_LAW: (Measure.LIMIT_ONLINE, Measure.STOP_ONLINE, Measure.REFUSE_SERVICE),
    Basis.ANTI_TELECOM_FRAUD_LAW: (Measure.LIMIT_ONLINE, Measure.STOP_ONLINE, Measure.STOP_ALL, Measure.REFUSE_SERVICE),
    Basis.COURT_OR_POLICE: (Measure.STOP_ONLINE, Measure.STOP_ALL),
    Basis.SANCTIONS: (Measure.STOP_ALL, Measure.REFUSE_SERVICE),
    Basis.CONTRACT: (Measure.LIMIT_ONLINE, Measure.STOP_ONLINE),
}


def check_restriction(measure: Measure, basis: Basis, article: str) -> None:
    """Nothing when the basis allows the measure and its article is named.  Raises DefinitionError."""
    if measure not in MEASURES_OF[basis]:
        allowed = ", ".join(each.value for each in MEASURES_OF[basis])
        raise DefinitionError(f"{basis.value} allows {allowed}")
    if not article.strip() or len(article) > ARTICLE_CHARACTERS_MAX or not article.isprintable():
        raise DefinitionError(
            f"the article of the law or order, in 1 to {ARTICLE_CHARACTERS_MAX} characters, is needed"
        )
