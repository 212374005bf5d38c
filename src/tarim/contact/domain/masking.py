"""Showing as little of an account as lets its owner recognise it (RM-30; DP-21)."""

from __future__ import annotations

from typing import Final

SHOWN_CHARACTERS: Final = 4
"""The last four, of an account of eight characters or more; of a shorter one nothing is shown."""
MASK: Final = "****"


def masked_account(account: str) -> str:
    """`****1234`; `****` when the account is too short to be hidden behind its last four characters."""
    account = account.strip()
    return MASK + (account[-SHOWN_CHARACTERS:] if len(account) >= 2 * SHOWN_CHARACTERS else "")
