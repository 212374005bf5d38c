"""One-time codes by time (RFC 6238), each used once, and recovery codes for when the telephone is gone."""

from __future__ import annotations

import base64
import hmac
import secrets
from enum import Enum
from typing import Final

import pyotp
from sqlalchemy import Connection

from tarim.base.errors import Damaged, FieldError
from tarim.base.instants import HOUR_MS, SECOND_MS
from tarim.identity.adapters import people
from tarim.identity.domain.users import User
from tarim.identity.office import Office, digest_of

STEP_S: Final = 30
STEPS_ASIDE: Final = 1
"""A code counts this many steps before and after its own."""
RECOVERY_CODES: Final = 10
RECOVERY_CHARACTERS: Final = 16
_SETUP_MS: Final = HOUR_MS
_ISSUER: Final = "Tarim"


class CodeFound(Enum):
    """What a code turned out to be."""

    RIGHT = "right"
    WRONG = "wrong"
    USED = "used"


def step_of(secret: str, code: str, now_ms: int) -> int:
    """The time step that a code belongs to, within those that count now; -1 for none."""
    totp, now = pyotp.TOTP(secret), now_ms // SECOND_MS // STEP_S
    found = -1
    for step in range(now - STEPS_ASIDE, now + STEPS_ASIDE + 1):  # all of them, so that time tells nothing
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "replace")):
            found = max(found, step)
    return found


def use_code(office: Office, connection: Connection, user: User, code: str) -> CodeFound:
    """Use up a one-time or recovery code of a person, in the transaction."""
    code = code.replace(" ", "").replace("-", "")
    if not user.totp or not code:
        return CodeFound.WRONG
    if len(code) == RECOVERY_CHARACTERS:
        used = people.use_recovery(connection, user.id, digest_of(f"{user.id}/{code.upper()}"))
        return CodeFound.RIGHT if used else CodeFound.WRONG
    step = step_of(office.secrets.open(user.totp, user.id).decode(), code, office.clock.now_ms())
    if step < 0:
        return CodeFound.WRONG
    return CodeFound.RIGHT if people.use_step(connection, user.id, step) else CodeFound.USED


def new_setup(office: Office, user: User) -> tuple[str, str, str]:
    """(setup to give back with the first code, secret to type, otpauth URL to scan) of new one-time codes."""
    secret = pyotp.random_base32(32)
    sealed = office.secrets.seal(f"{office.clock.now_ms()}/{secret}".encode(), f"setup/{user.id}")
    return sealed, secret, pyotp.TOTP(secret).provisioning_uri(name=user.login, issuer_name=_ISSUER)


def secret_of_setup(office: Office, user: User, setup: str) -> str:
    """The secret of a setup of this person's.  Raises FieldError for another's, and for one that is old."""
    try:
        made_ms, _, secret = office.secrets.open(setup, f"setup/{user.id}").decode().partition("/")
    except Damaged:
        raise FieldError("setup", "must be the one that was given to you. 须为本人获得的设置。") from None
    if office.clock.now_ms() - int(made_ms) > _SETUP_MS:
        raise FieldError("setup", "is older than an hour; begin again. 设置已超时，请重新开始。")
    return secret


def new_recovery(connection: Connection, user: User) -> list[str]:
    """New recovery codes of 80 random bits, in place of any before; told once."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    people.set_recovery(connection, user.id, [digest_of(f"{user.id}/{code}") for code in codes])
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_CHARACTERS, 4)) for code in codes]
