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
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.errors import DefinitionError

KEY_BYTES: Final = 32
SPACE_BYTES_MAX: Final = 16
"""BLAKE2b's personalisation has 16 bytes."""

CACHED_PER_SPACE: Final = 1 << 17
"""Identifiers remembered per space; about 200 bytes each."""

_SAMPLE: Final = 4096
_ABSENT: Final = bytes(8)
_UNPACK: Final = Struct("<q").unpack


class _Space(dict[bytes, int]):
    """The tokens of one space by raw UTF-8 bytes, computed when missing; the older half goes when it is full."""

    __slots__ = ("_copy", "_limit")

    def __init__(self, key: bytes, space: str, limit: int) -> None:
        super().__init__()
        person = space.encode()
        if not 1 <= len(person) <= SPACE_BYTES_MAX:
            raise DefinitionError(f"token space {space!r} must have 1 to {SPACE_BYTES_MAX} bytes")
        self._copy: Callable[[], Any] = blake2b(b"", digest_size=8, key=key, person=person).copy
        self._limit = limit

    def __missing__(self, raw: bytes) -> int:
        state = self._copy()
        state.update(raw.strip(b" "))
        token: int = _UNPACK(state.digest())[0] or 1
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

    __slots__ = ("_cached_per_space", "_key", "_spaces")

    def __init__(self, key: bytes, *, cached_per_space: int = CACHED_PER_SPACE) -> None:
        if len(key) != KEY_BYTES:
            raise DefinitionError(f"a token key has {KEY_BYTES} bytes, this one has {len(key)}")
        if cached_per_space < 2:
            raise DefinitionError("cached_per_space must be at least 2")
        self._key = bytes(key)
        self._cached_per_space = cached_per_space
        self._spaces: dict[str, _Space] = {}

    def __repr__(self) -> str:
        return f"<Tokenizer of {len(self._spaces)} spaces>"

    def space(self, space: str) -> _Space:
        """The mapping from raw UTF-8 bytes to tokens of one space; looking up computes."""
        found = self._spaces.get(space)
        if found is None:
            found = self._spaces[space] = _Space(self._key, space, self._cached_per_space)
        return found

    def token(self, space: str, raw: str) -> int:
        """Signed 64-bit token of one identifier, never 0."""
        return self.space(space)[raw.encode()]

    def tokens(self, space: str, values: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Tokens of a column, shape (n,), 0 where the value is null.

        A value that repeats within the column is hashed once.  About 0.5 microseconds for each different value.
        """
        column = _binary(values)
        cells = self.space(space)
        if isinstance(column, pa.DictionaryArray):
            return _spread(_hash(cells, column.dictionary), column.indices)
        if len(column) > _SAMPLE and _mostly_repeats(column):
            encoded = column.dictionary_encode()
            return _spread(_hash(cells, encoded.dictionary), encoded.indices)
        return _hash(cells, column)

    def digester(self, space: str) -> Callable[[], Any]:
        """A maker of keyed BLAKE2b states (8 bytes, personalised by `space`) for content of more than one field."""
        return self.space(space)._copy


def _binary(values: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column as one Arrow array of bytes, or dictionary of bytes."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        values = pa.array(values, pa.string())
    kind = values.type
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(values.indices, _binary(values.dictionary))
    if pa.types.is_large_string(kind):
        return values.cast(pa.large_binary())
    return values.cast(pa.binary())


def _mostly_repeats(column: pa.Array) -> bool:
    """Whether a sample shows at most half as many different values as values: encoding then pays for itself."""
    sample = column.slice(len(column) // 2, _SAMPLE)
    return len(sample.unique()) * 2 <= len(sample)


def _hash(cells: _Space, column: pa.Array) -> npt.NDArray[np.int64]:
    """Tokens of each value without the cache: computing costs hardly more than a look-up that misses the processor's."""
    copy = cells._copy
    digests: list[bytes] = []
    keep = digests.append
    for raw in column.to_pylist():
        if raw is None:
            keep(_ABSENT)
            continue
        state = copy()
        state.update(raw.strip(b" "))
        keep(state.digest())
    tokens = np.frombuffer(b"".join(digests), np.int64).copy()
    tokens[tokens == 0] = 1
    if column.null_count:
        tokens[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return tokens


def _spread(tokens: npt.NDArray[np.int64], indices: pa.Array) -> npt.NDArray[np.int64]:
    """Tokens of the dictionary, spread over the rows; 0 where the index is null."""
    if indices.null_count:
        with_absent = np.append(tokens, 0)
        places = (
            indices.fill_null(len(tokens)) if len(tokens) < 120 else indices.cast(pa.int64()).fill_null(len(tokens))
        )
        return with_absent[_numbers(places)]
    return tokens[_numbers(indices)]


def _numbers(indices: pa.Array) -> npt.NDArray[np.int64]:
    return indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)  # type: ignore[no-any-return]
