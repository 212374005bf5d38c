"""How strict sign-in, sessions and grants are: numbers a bank sets, each with a unit and a safe default."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

SECOND_FACTORS: Final = ("always", "unusual")
OPENID_FACTORS: Final = ("own", "provider")


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Settings of `[identity]`; `tarim.bootstrap.settings` says what each means.  Sources: SE-04..SE-10, NIST SP 800-63B."""

    database_url: str = ""
    password_characters_min: int = 12
    password_days_max: int = 180
    password_history: int = 5
    initial_password_h: int = 72
    second_factor: str = "always"
    failures_max: int = 5
    failures_window_s: int = 900
    lock_s: int = 900
    locks_max: int = 5
    consecutive_failures_max: int = 100
    address_failures_max: int = 20
    address_logins_max: int = 5
    address_window_s: int = 600
    ban_s: int = 900
    siege_logins_max: int = 30
    lookups_alarm: int = 200
    lookups_max: int = 0
    idle_min: int = 15
    session_h: int = 10
    sessions_max: int = 5
    reauthentication_min: int = 5
    grant_days_max: int = 365
    delegation_days_max: int = 30
    change_days_max: int = 7
    hash_memory_kib: int = 65_536
    hash_rounds: int = 3
    hashes_waiting_max: int = 64
    proxies: str = ""
    origins: str = ""
    openid_issuer: str = ""
    openid_client: str = ""
    openid_secret_file: str = ""
    openid_return_url: str = ""
    openid_login_claim: str = "preferred_username"
    openid_second_factor: str = "own"

    def __post_init__(self) -> None:
        """Raises DefinitionError for a word or address that means nothing."""
        if self.second_factor not in SECOND_FACTORS:
            raise DefinitionError(f"second_factor is one of {', '.join(SECOND_FACTORS)}")
        if self.openid_second_factor not in OPENID_FACTORS:
            raise DefinitionError(f"openid_second_factor is one of {', '.join(OPENID_FACTORS)}")
        if self.password_characters_min < 8:
            raise DefinitionError("password_characters_min is at least 8")
        for proxy in parts(self.proxies):
            try:
                ip_network(proxy)
            except ValueError:
                raise DefinitionError(f"proxies: {proxy!r} is not an address or network like 10.0.0.0/8") from None

    @property
    def idle_ms(self) -> int:
        return self.idle_min * MINUTE_MS

    @property
    def session_ms(self) -> int:
        return self.session_h * HOUR_MS

    @property
    def recent_ms(self) -> int:
        return self.reauthentication_min * MINUTE_MS

    @property
    def lock_ms(self) -> int:
        return self.lock_s * SECOND_MS

    @property
    def ban_ms(self) -> int:
        return self.ban_s * SECOND_MS

    @property
    def password_ms_max(self) -> int:
        return self.password_days_max * DAY_MS


def parts(text: str) -> tuple[str, ...]:
    """The words of a setting that holds several, commas between."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
