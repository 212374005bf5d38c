"""Which protocols the second engine knows, how many nodes each needs, and which of them is not secure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tarim.base.errors import NotAllowed

CUSTODIAN_RANK: Final = 2
"""Ranks 0 and 1 are the companies, as `Role` has them."""


class Kind(StrEnum):
    """A protocol of SPU for shared values."""

    ABY3 = "aby3"
    CHEETAH = "cheetah"
    SEMI2K = "semi2k"

    @property
    def nodes(self) -> int:
        """How many nodes compute."""
        return 3 if self is Kind.ABY3 else 2


class Method(StrEnum):
    """A protocol of libpsi for set intersection."""

    RR22 = "rr22"
    ECDH = "ecdh"


class InsecureDealer(NotAllowed):
    """The dealer could read everything, and nobody said that this is wanted."""

    http_status = 403
    code = "insecure-dealer"


def require_secure(kind: Kind, *, insecure_dealer: bool) -> None:
    """Nothing for a protocol that keeps what it promises, or where the flag says that it need not.  Raises InsecureDealer."""
    if kind is Kind.SEMI2K and not insecure_dealer:
        raise InsecureDealer(
            "SEMI2K takes its products from a dealer inside the first company's process, which can read every value; "
            "for measuring only, say insecure_dealer. "
            "SEMI2K的乘法三元组由首方进程内的分发者产生，可读取全部数据，仅供测量；如确需使用，请显式指定 insecure_dealer"
        )
