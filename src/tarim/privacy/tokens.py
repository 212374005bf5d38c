"""Tokens: what the engine sees in place of an identifier.

A token is a keyed BLAKE2b digest of 8 bytes, read as a signed 64-bit integer; the key has 32 bytes and the token space
(`customer`, `account`, `device`, ...) goes into BLAKE2b's personalisation, so that the same text in two spaces gives two
tokens.  Without the key a token says nothing about the identifier, with it the same identifier always has the same
token.  0 means "absent" and is never given out.

Normalisation: spaces (U+0020) around the identifier are dropped, nothing else is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.errors import DefinitionError

if TYPE_CHECKING:
    from tarim.privacy.digests import ColumnDigester

KEY_BYTES: Final = 32
SPACE_BYTES_MAX: Final = 16
"""BLAKE2b's personalisation has 16 bytes."""

CACHED_PER_SPACE: Final = 1 << 17
"""Identifiers remembered per space; about 200 bytes each."""

TEXT_SPACE: Final = "text"
"""The space of texts that are compared and not identifiers; there alone, spaces count."""

_UNPACK: Final = Struct("<q").unpack


class _Space(dict[bytes, int]):
    """The tokens of one space by raw UTF-8 bytes, computed when missing; the older half goes when it is full."""

    __slots__ = ("_copy", "_limit", "_strip")

    def __init__(self, key: bytes, space: str, limit: int, *, strip: bool = True) -> None:
        super().__init__()
        person = space.encode()
        if not 1 <= len(person) <= SPACE_BYTES_MAX:
            raise DefinitionError(f"token space {space!r} must have 1 to {SPACE_BYTES_MAX} bytes")
        self._copy: Callable[[], Any] = blake2b(b"", digest_size=8, key=key, person=person).copy
        self._limit = limit
        self._strip = strip

    def computed(self, raw: bytes) -> int:
        """The token, not looked up and not remembered."""
        state = self._copy()
        state.update(raw.strip(b" ") if self._strip else raw)
        token: int = _UNPACK(state.digest())[0] or 1
        return token

    def __missing__(self, raw: bytes) -> int:
        token = self.computed(raw)
        if len(self) >= self._limit:
            self.shrink()
        self[raw] = token
        return token

    def shrink(self) -> None:
        """Forget the older half."""
        for raw in list(islice(self, len(self) // 2 + 1)):
            del self[raw]

    def __repr__(self) -> str:
        return f"<{len(self)} tokens>"


class Tokenizer:
    """Keyed 64-bit tokens, one value at a time or a column at once.

    The key (32 bytes) comes from `MasterKey.derive("tokens")`.  Recent identifiers of each space are remembered, at most
    `cached_per_space`; they are never shown in `repr`.  Not for use by two threads at once; make one each.
    """

    __slots__ = ("_cached_per_space", "_columns", "_key", "_spaces")

    def __init__(self, key: bytes, *, cached_per_space: int = CACHED_PER_SPACE) -> None:
        if len(key) != KEY_BYTES:
            raise DefinitionError(f"a token key has {KEY_BYTES} bytes, this one has {len(key)}")
        if cached_per_space < 2:
            raise DefinitionError("cached_per_space must be at least 2")
        self._key = bytes(key)
        self._cached_per_space = cached_per_space
        self._spaces: dict[str, _Space] = {}
        self._columns: dict[str, ColumnDigester] = {}

    def __repr__(self) -> str:
        return f"<Tokenizer of {len(self._spaces)} spaces>"

    def space(self, space: str) -> _Space:
        """The mapping from raw UTF-8 bytes to tokens of one space; looking up computes."""
        found = self._spaces.get(space)
        if found is None:
            strip = space != TEXT_SPACE
            found = self._spaces[space] = _Space(self._key, space, self._cached_per_space, strip=strip)
        return found

    def computer(self, space: str) -> Callable[[bytes], int]:
        """What computes tokens of one space from raw UTF-8 bytes, for those who remember them themselves."""
        return self.space(space).computed

    def token(self, space: str, raw: str) -> int:
        """Signed 64-bit token of one identifier, never 0."""
        return self.space(space)[raw.encode()]

    def tokens(self, space: str, values: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Tokens of a column, shape (n,), 0 where the value is null.  About 0.2 microseconds for each value.

        Of a dictionary-encoded column each different value is hashed once.
        """
        column = _strings(values)
        digester = self.columns(space)
        if pa.types.is_dictionary(column.type):
            tokens = np.append(digester.of_column(column.dictionary, strip=True), 0)
            indices = column.indices.cast(pa.int64()).fill_null(len(tokens) - 1)
            return tokens[_numbers(indices)]
        return digester.of_column(column, strip=True)

    def text(self, value: str) -> int:
        """Keyed 64-bit hash of a text as it is, spaces and all: for comparing content, not for identifying anybody."""
        return self.space(TEXT_SPACE)[value.encode()]

    def texts(self, column: pa.Array) -> npt.NDArray[np.int64]:
        """`text` of a string column, shape (n,), 0 where it is null."""
        return self.columns(TEXT_SPACE).of_column(column)

    def columns(self, space: str) -> ColumnDigester:
        """The same keyed hash over columns; of anything in the space, not only of identifiers."""
        found = self._columns.get(space)
        if found is None:
            from tarim.privacy.digests import ColumnDigester  # compiled code: not for who only wants a token or two

            found = self._columns[space] = ColumnDigester(self._key, space.encode())
        return found

    def digester(self, space: str) -> Callable[[], Any]:
        """A maker of keyed BLAKE2b states (8 bytes, personalised by `space`) for content of more than one field."""
        return self.space(space)._copy


def _strings(values: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column as one Arrow array of text."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        values = pa.array(values, pa.string())
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DefinitionError(f"tokens are made of text, not of {kind}")
    return values


def _numbers(indices: pa.Array) -> npt.NDArray[np.int64]:
    return indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)  # type: ignore[no-any-return]
