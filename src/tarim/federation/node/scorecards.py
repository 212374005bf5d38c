"""This party's scorecards: linear models that it alone holds, known by their digests; contracts for encrypted scores name them.

A scorecard comes as a JSON file: {"bias": -1.5, "weights": {"income": 0.8, "visits": 0.1}}.  It is kept sealed (AES-256-GCM,
under a key derived from the node's master key; its digest is bound to it).  The digest is what the other party sees: it covers
a salt, so that weights cannot be tried against it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError, NotFound, TooLarge
from tarim.federation.encryption.scoring import LinearModel
from tarim.federation.node.contract import COLUMNS_MAX, ColumnName, Name
from tarim.privacy import MasterKey

FILE_BYTES_MAX: Final = 1 << 20
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_SUFFIX: Final = ".sealed"


class _Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As people write it."""

    weights: Annotated[dict[ColumnName, float], Meta(min_length=1, max_length=COLUMNS_MAX)]
    bias: float = 0.0


class Scorecard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A linear model: a score is the sum of weight times value over the columns, plus the bias.  salt: hex, random."""

    name: Name
    columns: tuple[ColumnName, ...]
    weights: tuple[float, ...]
    bias: float
    salt: str

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return hashlib.sha256(canonical_json(self)).hexdigest()

    @property
    def model(self) -> LinearModel:
        """To score with.  Raises InputError when its numbers are too large."""
        return LinearModel(np.array(self.weights), self.bias)


def read_scorecard(path: Path, name: str) -> Scorecard:
    """A scorecard of a file.  Raises NotFound, DefinitionError, InputError, TooLarge."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise TooLarge(f"a scorecard has at most {FILE_BYTES_MAX} bytes")
    try:
        given = msgspec.json.decode(content, type=_Given)
        found = Scorecard(
            name, tuple(given.weights), tuple(given.weights.values()), given.bias, os.urandom(_SALT_BYTES).hex()
        )
        checked: Scorecard = msgspec.convert(msgspec.to_builtins(found), Scorecard)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DefinitionError(f"the scorecard cannot be read: {error}") from None
    checked.model.words  # noqa: B018  numbers that are too large are refused here
    return checked


class Scorecards:
    """Those of a node, on disk.  Several processes may use it."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._key = AESGCM(master.derive("party-scorecards"))

    def keep(self, scorecard: Scorecard) -> None:
        """Keep it, durably."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        nonce, digest = os.urandom(_NONCE_BYTES), scorecard.digest
        sealed = nonce + self._key.encrypt(nonce, msgspec.json.encode(scorecard), digest.encode())
        temporary = self._folder / f".{digest}.new"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / f"{digest}{_SUFFIX}")

    def get(self, digest: str) -> Scorecard:
        """One.  Raises NotFound, Damaged."""
        try:
            sealed = (self._folder / f"{digest}{_SUFFIX}").read_bytes()
        except OSError:
            raise NotFound("this node has no scorecard of that digest: tarim party scorecards list") from None
        try:
            content = self._key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], digest.encode())
        except InvalidTag:
            raise Damaged("a scorecard does not open: its file was altered, or is another node's") from None
        return msgspec.json.decode(content, type=Scorecard)

    def all(self) -> list[Scorecard]:
        """All of them, by name.  Raises Damaged."""
        found = [self.get(path.name.removesuffix(_SUFFIX)) for path in self._folder.glob(f"*{_SUFFIX}")]
        return sorted(found, key=lambda each: (each.name, each.digest))
