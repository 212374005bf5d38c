"""Whether sign-ins look like an attack: one address, many logins; one rhythm; or everywhere at once (SE-05, NS-18).

brute-force   an address fails too often                                    address banned
spraying      an address fails with too many logins                         address banned
script        an address tries in a rhythm or speed that no hand has        address banned
stuffing      too many logins fail altogether, from whatever addresses      alarm; no second factor is waived
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, pstdev
from types import MappingProxyType
from typing import Final

from tarim.base.instants import SECOND_MS
from tarim.identity.domain.policy import IdentitySettings

RHYTHM_TRIES: Final = 8
"""So many tries of an address are looked at for their rhythm."""
_HAND_MS_MIN: Final = SECOND_MS
_SPREAD_MIN: Final = 0.08

TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "brute-force": ("an address fails to sign in too often", "同一地址登录失败次数过多"),
        "spraying": ("an address tries many logins", "同一地址尝试大量账号（密码喷洒）"),
        "script": ("an address signs in like a script", "疑似脚本自动登录"),
        "stuffing": ("many logins fail from many addresses", "大量账号在多地址登录失败（撞库）"),
        "locked": ("a login is locked after failures", "账号因多次失败被锁定"),
        "unusual": ("a person signs in from an unusual place", "异常地点登录"),
        "theft": ("a session is used from elsewhere", "会话疑似被盗用"),
        "replay": ("a one-time code is used again", "一次性口令被重复使用"),
    }
)
"""What each alarm of sign-in means, in English and Chinese."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Failures within the window: of the address, with so many logins, and of all.  tries_ms: its last tries, oldest first."""

    address_failures: int
    address_logins: int
    all_logins: int
    tries_ms: Sequence[int] = ()


def alarms_of(figures: Figures, settings: IdentitySettings) -> list[str]:
    """What it looks like; [] for nothing.  Every kind but `stuffing` bans the address."""
    found = []
    if figures.address_failures > settings.address_failures_max:
        found.append("brute-force")
    if figures.address_logins > settings.address_logins_max:
        found.append("spraying")
    if figures.address_failures >= RHYTHM_TRIES and machine_like(figures.tries_ms):
        found.append("script")
    if figures.all_logins > settings.siege_logins_max:
        found.append("stuffing")
    return found


def machine_like(tries_ms: Sequence[int]) -> bool:
    """Whether tries follow each other faster than a hand types, or as evenly as a timer."""
    if len(tries_ms) < RHYTHM_TRIES:
        return False
    gaps = [later - earlier for earlier, later in pairwise(tries_ms)]
    mean = fmean(gaps)
    return median(gaps) < _HAND_MS_MIN or pstdev(gaps) < _SPREAD_MIN * mean
