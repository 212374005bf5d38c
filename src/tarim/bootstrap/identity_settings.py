"""What each setting of sign-in, sessions and grants means, and what happens at its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MEANINGS: Final[Mapping[str, str]] = {
    "identity.database_url": "where users and sessions lie: `postgresql://user@host/name`; empty: SQLite, DATA/identity.db",
    "identity.password_characters_min": "fewest characters of a password, 8 or more",
    "identity.password_days_max": "days after which a password has to be changed",
    "identity.password_history": "passwords that may not be used again",
    "identity.initial_password_h": "hours for which an initial password may be used",
    "identity.second_factor": "`always`: a code at every sign-in; `unusual`: at a usual place only for sensitive roles",
    "identity.failures_max": "failed sign-ins from which on a login is locked",
    "identity.failures_window_s": "seconds in which they are counted",
    "identity.lock_s": "seconds for which it is locked, twice as long each further time in a row, a day at most",
    "identity.locks_max": "locks in a row; at the next one it stays locked until an administrator unlocks it",
    "identity.consecutive_failures_max": "failed sign-ins since the last right one, however slow; then it stays locked too",
    "identity.address_failures_max": "failed sign-ins of an address; beyond it a ban",
    "identity.address_logins_max": "logins that an address fails with; beyond it a ban",
    "identity.address_window_s": "seconds in which they are counted",
    "identity.ban_s": "seconds for which an address is banned, but for devices that a person signed in from before",
    "identity.siege_logins_max": "logins that fail in that time altogether; beyond it an alarm, and no code is waived",
    "identity.lookups_alarm": "different customers or cases whose data somebody looks at within an hour; beyond it an alarm",
    "identity.lookups_max": "the same; beyond it nothing further is shown; 0: no limit",
    "identity.idle_min": "minutes after which an idle session ends; a person may set fewer",
    "identity.session_h": "hours after which every session ends; a person may set fewer",
    "identity.sessions_max": "sessions of one person at once; one more ends the one not used for longest",
    "identity.reauthentication_min": "minutes for which a proof of who one is counts for full views and destructive acts",
    "identity.grant_days_max": "days after which a grant ends at the latest",
    "identity.delegation_days_max": "days after which a lent role ends at the latest",
    "identity.change_days_max": "days that a proposed change waits for a second person",
    "identity.hash_memory_kib": "memory of one Argon2id computation; two run at once",
    "identity.hash_rounds": "rounds of one Argon2id computation",
    "identity.hashes_waiting_max": "sign-ins that wait for it; one more is answered 503",
    "identity.proxies": "addresses or networks of proxies whose X-Forwarded-For is believed, commas between; empty: none",
    "identity.origins": "origins of our own pages, such as `https://tarim.bank.example`, commas between; empty: none",
    "identity.openid_issuer": "issuer of the bank's OpenID provider; empty: no sign-on by it",
    "identity.openid_client": "our name there",
    "identity.openid_secret_file": "file that holds our secret there",
    "identity.openid_return_url": "where it sends the browser back: `/sign-in/openid/return` of the console, else "
    "`/v1/sign-in/openid:return` of the desk",
    "identity.openid_login_claim": "claim that holds the login",
    "identity.openid_second_factor": "`own`: our code is asked for too; `provider`: not when its `amr` names a second factor",
}

AT_LIMITS: Final[Mapping[str, str]] = {
    "identity.password_days_max": "the next session lets nothing be done before a new password is set",
    "identity.failures_max": "429 with Retry-After for that login, but for devices it signed in from before, and an alarm",
    "identity.locks_max": "429 until an administrator unlocks the login",
    "identity.consecutive_failures_max": "429 until an administrator unlocks the login",
    "identity.address_failures_max": "429 with Retry-After for that address, and an alarm",
    "identity.address_logins_max": "429 with Retry-After for that address, and an alarm",
    "identity.siege_logins_max": "an alarm; a code is asked for at every sign-in",
    "identity.lookups_alarm": "an alarm: log, figure, entry of the audit trail; once an hour and person",
    "identity.lookups_max": "429 with Retry-After",
    "identity.sessions_max": "the person's session not used for longest ends",
    "identity.grant_days_max": "409; grant for less time, and again before it ends",
    "identity.delegation_days_max": "409",
    "identity.change_days_max": "409; propose it anew",
    "identity.hashes_waiting_max": "503 with Retry-After, at once",
}
