"""What a customer was shown before confirming, and the digest that binds the confirmation to it (RM-18; TS-09, TS-11).

The channel shows payee, account and amount, takes the digest of exactly what stood on the screen, and sends it with the
result.  We take the digest of what we judged.  A payee, account or amount that somebody changed in between gives another
digest, and the confirmation does not count.

The digest is SHA-256, in hexadecimal digits, of these lines in UTF-8, each ended by one line feed; values as the channel sent
them with the event, without the spaces around them, "" for what the event did not have:

    tarim-shown-1
    challenge:<id of the challenge>
    nonce:<nonce of the challenge>
    account:<account>
    payee_account:<payee_account>
    payee_name:<payee_name>
    amount_fen:<amount in fen, digits>
    currency:<three letters>

The nonce keeps a digest from saying anything about accounts to who does not know the challenge, and from being used twice.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from tarim.base.errors import DefinitionError

FORMAT: Final = "tarim-shown-1"
DIGEST_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """What a payment moves, in raw values: personal, so `repr` keeps them to itself."""

    account: str = field(repr=False)
    payee_account: str = field(repr=False)
    payee_name: str = field(repr=False)
    amount_fen: int
    currency: str

    def digest(self, challenge: str, nonce: str) -> str:
        """The digest, 64 hexadecimal digits.  Raises DefinitionError for a value with a control character in it."""
        lines = [
            FORMAT,
            f"challenge:{challenge}",
            f"nonce:{nonce}",
            f"account:{self.account.strip(' ')}",
            f"payee_account:{self.payee_account.strip(' ')}",
            f"payee_name:{self.payee_name.strip(' ')}",
            f"amount_fen:{self.amount_fen}",
            f"currency:{self.currency}",
        ]
        if any(ord(character) < 32 for line in lines for character in line):
            raise DefinitionError(
                "a value to be shown holds a control character, so its lines could be read in two ways"
            )
        return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def one_of(ours: Sequence[str], theirs: str) -> bool:
    """Whether a digest is one of ours, in a time that does not tell where they differ."""
    given = theirs.encode("utf-8", "replace")
    equal = [hmac.compare_digest(each.encode(), given) for each in ours]
    return any(equal)
