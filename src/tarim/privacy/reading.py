"""Opening sealed values beside the process that has the vault: for a child that needs many, once, and keeps none.

It reads keys.sqlite as it is when opened and holds no lock.  A key destroyed before that is gone for it too; one destroyed
afterwards is noticed by whoever opens the next reader.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, DefinitionError, NotFound, Unavailable
from tarim.privacy.keyring import LAYOUT, WRAPPED_BYTES, unwrapped
from tarim.privacy.master import MasterKey
from tarim.privacy.vault import open_blob

_WAIT_S = 10


class SealedReader:
    """The data keys of a vault, for reading.  One thread; use it as a context, so that the keys are dropped."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        """Raises NotFound without a vault, DefinitionError for another master key, Unavailable."""
        path = folder / "keys.sqlite"
        if not path.exists():
            raise NotFound(f"there is no vault in {folder}")
        self._wrapper = AESGCM(master.derive("vault"))
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_WAIT_S)) as db:
                meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
                self._wrapped = b"".join(row[0] for row in db.execute("SELECT wrapped FROM blocks ORDER BY first"))
        except sqlite3.Error as error:
            raise Unavailable(f"the vault in {folder} cannot be read: {error}") from None
        if meta.get("layout") != LAYOUT or meta.get("master_key_check") != master.check:
            raise DefinitionError(f"the vault in {folder} was made with another master key, or by another version")

    def __repr__(self) -> str:
        return f"<SealedReader of {len(self._wrapped) // WRAPPED_BYTES} keys>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._wrapped = b""

    def open_sealed(self, customer: int, blob: bytes) -> dict[str, list[str]]:
        """Raw values by field name, as `Vault.open_sealed`.  Raises NotFound when the key was destroyed, Damaged."""
        return open_blob(customer, blob, self._cipher)

    def _cipher(self, number: int) -> AESGCM:
        wrapped = self._wrapped[(number - 1) * WRAPPED_BYTES : number * WRAPPED_BYTES] if number >= 1 else b""
        if not any(wrapped):
            raise NotFound("the data key it was sealed under was destroyed")
        try:
            return AESGCM(unwrapped(self._wrapper, number, wrapped))
        except InvalidTag:
            raise Damaged("a wrapped data key does not open: it was altered, or stands under another number") from None
