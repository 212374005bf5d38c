"""A session: a person at work from one place, until idle, over, or ended.

The token (`ts_` and 256 random bits) is told once and kept as its digest.  It is never taken from the caller, and is a new
one at sign-in and whenever the person proves again who it is, so a token fixed or seen before that is worth nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final

TOKEN_PREFIX: Final = "ts_"
TOKEN_FORM: Final = re.compile(r"ts_[A-Za-z0-9_-]{43}")


class Pending(StrEnum):
    """What a person still has to do before the session lets anything else be done."""

    PASSWORD = "password"
    """Set an own password in place of the initial or the outdated one."""
    ENROL = "second-factor"
    """Set up one-time codes."""
    CODE = "code"
    """Give a one-time code: the sign-on of another house is not enough."""


@dataclass(frozen=True, slots=True)
class Session:
    """Instants are milliseconds since the epoch, 0 for never.  authenticated_ms: when the person last proved who it is, at a
    usual place.  idle_ms: how long it may be idle.  network, agent: where it is at home, as digests.
    """

    id: str
    user: str
    created_ms: int
    authenticated_ms: int
    seen_ms: int
    until_ms: int
    idle_ms: int
    pending: tuple[Pending, ...]
    network: str
    agent: str
    address: str
    unusual: bool
    ended_ms: int = 0
    ended_why: str = ""

    def over(self, now_ms: int) -> str:
        """Why it cannot be used at an instant: `ended`, `idle`, `expired`; "" when it can."""
        if self.ended_ms:
            return "ended"
        if now_ms >= self.until_ms:
            return "expired"
        return "idle" if now_ms - self.seen_ms >= self.idle_ms else ""


def network_of(address: str) -> str:
    """The network an address belongs to: /24, for IPv6 /48; "" for what is no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))
