"""One-time codes, bound to the challenge, the device, what was shown, and time (RM-21; TS-05).

A code is made from a key and what it is bound to, by the truncation of RFC 4226 over HMAC-SHA256; the input is a list of what
it is bound to, as OCRA (RFC 6287) does it.  So it is stored nowhere, neither in clear nor as a digest that could be tried out:
who checks it makes it again.  A code typed on another device, or for another payee or amount, is another code.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

CODE_DIGITS: Final = 6
"""With three attempts at each of three codes, one guess in about 110,000 challenges succeeds."""
KEY_BYTES: Final = 32
_FORMAT: Final = "tarim-code-1"


@dataclass(frozen=True, slots=True)
class CodeTerms:
    """What a code is bound to.

    challenge: its id; issue: 1 for its first code; digest: of what is shown (`Shown.digest`); device: token of the device it
    is to be typed on, 0 = the channel knows none; expires_ms: from then on it is worth nothing.
    """

    challenge: str
    issue: int
    digest: str = field(repr=False)
    device: int
    expires_ms: int

    def code(self, key: bytes) -> str:
        """The code, CODE_DIGITS digits.  key: 32 bytes of this installation."""
        assert len(key) == KEY_BYTES
        bound = (_FORMAT, self.challenge, str(self.issue), self.digest, str(self.device), str(self.expires_ms))
        mac = hmac.digest(key, "\n".join(bound).encode(), "sha256")
        at = mac[-1] & 15
        number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFF_FFFF
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def accepts(self, key: bytes, given: str) -> bool:
        """Whether `given` is the code, compared in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self.code(key).encode(), given.encode("utf-8", "replace"))
