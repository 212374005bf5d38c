"""What is sealed and how it is remembered: bundles of raw values, and the table of those already sealed.

A bundle is a MessagePack array `[mask, value, ...]`: bit i of `mask` says that `SEALABLE[i]` is there, and the values
follow in that order.  The order is part of the format: fields are only ever added at its end.  Bundles of one customer may
be joined and sealed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, DefinitionError
from tarim.privacy.fields import FIELDS, REGISTER, Role
from tarim.privacy.kernels import combinations

SEALABLE: Final = (
    "customer",
    "account",
    "payee_account",
    "payee_name",
    "payee_phone",
    "device_id",
    "ip",
    "ip_port",
    "latitude",
    "longitude",
    "merchant_id",
    "customer_name",
    "customer_birth",
    "customer_countries",
)
"""Every field whose raw value goes to the vault, in the order of their bits."""

SEALED_TOKENS: Final = ("customer", "account", "payee_account", "device_id", "ip", "merchant_id")
"""Fields that are sealed once for each customer and token."""

SEALED_TEXTS: Final = ("payee_name", "payee_phone")
"""Fields that are sealed once for each customer, text and payee account, together with that account."""

assert set(SEALABLE) == {
    name for name, field in {**FIELDS, **REGISTER}.items() if field.role in (Role.TOKEN, Role.SEALED)
}

SealKeys = npt.NDArray[np.uint64]
"""Shape (n,): 64-bit names of (customer, field, token) combinations, never 0."""

_TOKEN_BITS: Final = np.array([SEALABLE.index(name) for name in SEALED_TOKENS], np.int64)
_TEXT_BITS: Final = np.array([SEALABLE.index(name) for name in SEALED_TEXTS], np.int64)
_PAYEE_AT: Final = SEALED_TOKENS.index("payee_account")
_KEYS_MAX: Final = len(SEALED_TOKENS) + len(SEALED_TEXTS)
"""Combinations of one event."""

_NO_BUNDLE: Final = "a sealed bundle does not hold what a bundle holds"
_FIXINT_END, _FIXARRAY, _FIXSTR, _STR8, _STR16, _UINT8, _UINT16 = 0x80, 0x90, 0xA0, 0xD9, 0xDA, 0xCC, 0xCD
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def pack_bundle(mask: int, values: Sequence[str]) -> bytes:
    """The bytes of a bundle; `values` belong to the set bits of `mask`, lowest first."""
    return _encode((mask, *values))


def pack_fields(values: Mapping[str, str]) -> bytes:
    """The bytes of a bundle from values by field name.  Raises DefinitionError for a field that is not sealed."""
    unknown = sorted(set(values) - set(SEALABLE))
    if unknown:
        raise DefinitionError(f"fields that are not sealed: {', '.join(unknown)}")
    mask = sum(1 << bit for bit, name in enumerate(SEALABLE) if name in values)
    return _encode((mask, *(values[name] for name in SEALABLE if name in values)))


def unpack_fields(bundle: bytes) -> dict[str, str]:
    """Raw values by field name.  Raises Damaged."""
    try:
        mask, *values = _decode(bundle)
        return _by_name(mask, values)
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise Damaged(_NO_BUNDLE) from None


def unpack_bundles(bundles: bytes) -> list[dict[str, str]]:
    """Raw values by field name, of each of the joined bundles.  Raises Damaged."""
    found: list[dict[str, str]] = []
    at = 0
    try:
        while at < len(bundles):
            count = bundles[at] - _FIXARRAY
            mask, at = _unpack_mask(bundles, at + 1)
            values: list[str] = []
            for _ in range(count - 1):
                value, at = _unpack_text(bundles, at)
                values.append(value)
            found.append(_by_name(mask, values))
    except (IndexError, ValueError):
        raise Damaged(_NO_BUNDLE) from None
    return found


def _by_name(mask: int, values: Sequence[str]) -> dict[str, str]:
    names = [name for bit, name in enumerate(SEALABLE) if mask >> bit & 1]
    if len(names) != len(values) or mask >> len(SEALABLE):
        raise ValueError
    return dict(zip(names, values, strict=True))


def _unpack_mask(data: bytes, at: int) -> tuple[int, int]:
    """A MessagePack number of 1 to 3 bytes, and where it ends."""
    first = data[at]
    if first < _FIXINT_END:
        return first, at + 1
    width = {_UINT8: 1, _UINT16: 2}.get(first, 0)
    if width == 0:
        raise ValueError
    return int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _unpack_text(data: bytes, at: int) -> tuple[str, int]:
    """A MessagePack text of at most 65,535 bytes, and where it ends."""
    first = data[at]
    at += 1
    if first & 0xE0 == _FIXSTR:
        length = first & 0x1F
    else:
        width = {_STR8: 1, _STR16: 2}.get(first, 0)
        if width == 0:
            raise ValueError
        length = int.from_bytes(data[at : at + width], "big")
        at += width
    if at + length > len(data):
        raise ValueError
    return data[at : at + length].decode(), at + length


class SealedBefore:
    """Which combinations lie sealed in the journal: a table of fixed size in which a newer one may displace an older.

    Displacement costs a second sealing and nothing else.  `slots` is a power of two; memory is 12 bytes a slot.
    """

    __slots__ = ("_claims", "_found", "_shift", "_table")

    def __init__(self, slots: int = 1 << 22) -> None:
        if slots < 2 or slots & (slots - 1):
            raise DefinitionError("the table of sealed combinations must have a power of two of slots")
        self._shift = 64 - (slots.bit_length() - 1)
        self._table = np.zeros(slots, np.uint64)
        self._claims = np.zeros(slots, np.int32)
        self._found: SealKeys = np.empty(_KEYS_MAX * 64, np.uint64)

    def unsealed(
        self, tokens: npt.NDArray[np.int64], texts: npt.NDArray[np.int64], need: npt.NDArray[np.int64]
    ) -> SealKeys:
        """Add to need[i] the bits of what event i brings that is not known; the combinations that are new.

        tokens: shape (n, 6), those of SEALED_TOKENS, 0 where absent.  texts: shape (n, 2), keyed hashes of SEALED_TEXTS,
        0 where absent.  Of equal combinations in the same call only the first counts.
        """
        if len(self._found) < _KEYS_MAX * len(tokens):
            self._found = np.empty(_KEYS_MAX * len(tokens), np.uint64)
        count = combinations.unsealed(
            self._table, self._claims, self._shift, tokens, texts, _TOKEN_BITS, _TEXT_BITS, _PAYEE_AT, need, self._found
        )
        return self._found[:count].copy()

    def remember(self, keys: SealKeys) -> None:
        """Know these from now on."""
        self._table[(keys >> np.uint64(self._shift)).astype(np.int64)] = keys

    def clear(self) -> None:
        """Know nothing."""
        self._table[:] = 0
