"""Free text that may name a person: sealed under the customer's key in a vault of the desk's own.

An act carries `{"of": customer token, "sealed": base64}` in its body, a table the same as JSON; destroying the customer's key
destroys the text everywhere, the journal and backups included.  Texts of no customer (a complaint of a stranger) are
sealed under the token of their subject.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tarim.base.errors import Damaged, NotFound, TooLarge
from tarim.desk.acts import sealed_in
from tarim.desk.domain import Act
from tarim.privacy import MasterKey, Vault, VaultLimits

TEXT_BYTES_MAX: Final = 64 << 10
_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64
_LIMITS: Final = VaultLimits(ready_keys=256, sealed_before_slots=1 << 10, index_cached_bytes_max=16 << 20)

Sealed = dict[str, Any]
"""`of` and `sealed`; in bodies, and in columns of `json_text()`."""


class Texts:
    """Seals and opens.  Any thread may call it."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        """Raises DefinitionError (another master key), Unavailable (open elsewhere), Damaged."""
        self._vault = Vault.open(folder, master, _LIMITS)

    def seal(self, customer: int, text: str) -> Sealed:
        """The sealed text of a customer, signed or unsigned token.  Raises TooLarge, Unavailable."""
        content = text.encode()
        if len(content) > TEXT_BYTES_MAX:
            raise TooLarge(f"a text has at most {TEXT_BYTES_MAX} bytes of UTF-8, this one {len(content)}")
        blob = self._vault.seal_bytes(_signed(customer), content)
        return {"of": customer % _WHOLE, "sealed": base64.b64encode(blob).decode()}

    def open(self, sealed: Mapping[str, Any]) -> str:
        """The text.  Raises NotFound when the customer's key was destroyed, Damaged."""
        return self._vault.open_bytes(_signed(int(sealed["of"])), _blob(str(sealed["sealed"]))).decode()

    def open_or_none(self, sealed: Mapping[str, Any]) -> str | None:
        """The text, None when it was destroyed with the customer's key.  Raises Damaged."""
        try:
            return self.open(sealed)
        except NotFound:
            return None

    def destroy(self, customer: int, at_ms: int, through_seq: int) -> int:
        """Destroy every text of a customer for good; how many keys there were.  See `Vault.destroy`."""
        return self._vault.destroy(_signed(customer), at_ms, through_seq)

    def destroyed_at(self, customer: int, at_ms: int) -> int | None:
        """How many keys of a customer were destroyed under an instant; None when none were."""
        return self._vault.destroyed_at(_signed(customer), at_ms)

    def index(self, acts: Sequence[Act], next_seq: int, *, recovering: bool = False) -> None:
        """Know whose the sealed texts of these acts are; with them all of the journal below `next_seq` was given."""
        found = [(act.seq, customer, text) for act in acts for customer, text in sealed_in(act.body)]
        self._vault.index(
            np.array([seq for seq, _, _ in found], np.int64),
            np.array([_signed(customer) for _, customer, _ in found], np.int64),
            [_blob(text) for _, _, text in found],
            next_seq,
            recovering=recovering,
        )

    @property
    def indexed_seq(self) -> int:
        """Give acts from this position on to `index` after a start."""
        return self._vault.applied_seq

    def close(self) -> None:
        """Write what is to be written, and let go of the files."""
        self._vault.close()


def _signed(token: int) -> int:
    return (token + _HALF) % _WHOLE - _HALF


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Damaged("a sealed text is not base64") from None
