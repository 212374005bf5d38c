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
from tarim.privacy.fields import FIELDS, Role

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
)
"""Every field whose raw value goes to the vault, in the order of their bits."""

assert set(SEALABLE) == {name for name, field in FIELDS.items() if field.role in (Role.TOKEN, Role.SEALED)}

SealKeys = npt.NDArray[np.uint64]
"""Shape (n,): 64-bit names of (customer, field, token) combinations, never 0."""

_MASK64: Final = (1 << 64) - 1
_BY_CUSTOMER: Final = 0x9E3779B97F4A7C15
_BY_TOKEN: Final = 0xC2B2AE3D27D4EB4F
_BY_FIELD: Final = 0x165667B19E3779F9
_SHIFT: Final = 29
_NO_BUNDLE: Final = "a sealed bundle does not hold what a bundle holds"
_FIXINT_END, _FIXARRAY, _FIXSTR, _STR8, _STR16, _UINT8, _UINT16 = 0x80, 0x90, 0xA0, 0xD9, 0xDA, 0xCC, 0xCD
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def seal_key(customer: int, bit: int, token: int) -> int:
    """The 64-bit name of one combination.  Tokens are random already; this only spreads them."""
    mixed = (customer * _BY_CUSTOMER + token * _BY_TOKEN + (bit + 1) * _BY_FIELD) & _MASK64
    return (mixed ^ (mixed >> _SHIFT)) or 1


def seal_keys(customers: npt.NDArray[np.int64], bit: int, tokens: npt.NDArray[np.int64]) -> SealKeys:
    """`seal_key` of columns, shape (n,)."""
    mixed = customers.view(np.uint64) * np.uint64(_BY_CUSTOMER)
    mixed += tokens.view(np.uint64) * np.uint64(_BY_TOKEN)
    mixed += np.uint64((bit + 1) * _BY_FIELD & _MASK64)
    mixed ^= mixed >> np.uint64(_SHIFT)
    mixed[mixed == 0] = 1
    return mixed


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

    __slots__ = ("_claims", "_quick", "_shift", "_table")

    def __init__(self, slots: int = 1 << 22) -> None:
        if slots < 2 or slots & (slots - 1):
            raise DefinitionError("the table of sealed combinations must have a power of two of slots")
        self._shift = 64 - (slots.bit_length() - 1)
        self._table = np.zeros(slots, np.uint64)
        self._claims = np.zeros(slots, np.int32)
        self._quick = memoryview(self._table.data)

    def known(self, key: int) -> bool:
        """Whether one combination is known."""
        return bool(self._quick[key >> self._shift] == key)

    def needs_sealing(self, keys: SealKeys) -> npt.NDArray[np.bool_]:
        """Which of `keys` are not known, shape (n,); of equal ones in the same call only one is."""
        slots = (keys >> np.uint64(self._shift)).astype(np.int64)
        unknown: npt.NDArray[np.bool_] = self._table[slots] != keys
        places = np.flatnonzero(unknown)
        if len(places) > 1:
            wanted = slots[places]
            order = np.arange(len(places), dtype=np.int32)
            self._claims[wanted] = order
            first = self._claims[wanted]
            repeated = (first != order) & (keys[places[first]] == keys[places])
            unknown[places[repeated]] = False
        return unknown

    def remember(self, keys: SealKeys) -> None:
        """Know these from now on."""
        self._table[(keys >> np.uint64(self._shift)).astype(np.int64)] = keys

    def clear(self) -> None:
        """Know nothing."""
        self._table[:] = 0
