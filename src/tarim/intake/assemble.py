"""A checked message becomes a row, its notes, and the raw values that belong in the vault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from itertools import islice
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from tarim.base.errors import FieldError
from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.domain import IntakeLimits, Notes, OutOfScope
from tarim.intake.message import Message
from tarim.privacy import (
    CACHED_PER_SPACE,
    FIELDS,
    SEALABLE,
    SEALED_TEXTS,
    SEALED_TOKENS,
    TEXT_SPACE,
    Role,
    Tokenizer,
)
from tarim.stream import ROW_WORDS, Col, Flag, Kind

NOTE_FIELDS: Final = tuple(
    name for name, field in FIELDS.items() if field.role is Role.NOTE and name not in ("event_id", "source")
)
"""Business texts, in the envelope's order; event_id and source are kept apart."""

FREE_NOTES: Final = tuple(name for name in NOTE_FIELDS if name not in ("legal_basis", "refers_to"))
"""Those that only have to be proper text."""

CONTENT_TEXTS: Final = tuple(
    name
    for name, field in FIELDS.items()
    if field.role is Role.SEALED or (field.role is Role.NOTE and name not in ("event_id", "source", "refers_to"))
)
"""Texts that belong to the content of an event and are in no word of its row."""

CONTENT_COLUMNS: Final = (
    Col.OCCURRED_MS,
    Col.EVENT_KEY,
    *(col for col in Col if Col.CUSTOMER <= col <= Col.REFERS_KEY),
    *(col for col in Col if Col.EXTRA_0 <= col <= Col.EXTRA_3),
)
"""Words of the row that belong to the content; of FLAGS only what the sender said."""

CONTENT_FLAGS: Final = int(Flag.HISTORY_AUTHORISED | Flag.LOCATION_PERMITTED)
CNY: Final = checks.currency_code("CNY")
CONTENT_SPACE: Final = "content"

SEAL_BIT: Final = MappingProxyType({name: bit for bit, name in enumerate(SEALABLE)})
ALWAYS_SEALED: Final = ("ip_port", "latitude", "longitude")
"""Facts of the moment rather than of the person: kept with every event (IN-08, IN-09)."""
TOKENS: Final = slice(int(Col.CUSTOMER), int(Col.MERCHANT) + 1)
"""Words of the row with the tokens of SEALED_TOKENS, in that order."""

_SENT_CHARACTERS_MAX: Final = 64
_TEXT_INDEX: Final = MappingProxyType({name: index for index, name in enumerate(CONTENT_TEXTS, 1)})
_pack_row: Final = Struct(f"<{ROW_WORDS}q").pack
_pack_content: Final = Struct(f"<{len(CONTENT_COLUMNS)}q").pack
_pack_pair: Final = Struct("<qq").pack
_unpack_key: Final = Struct("<q").unpack


def event_key(source: str, event_id: str) -> int:
    """The 64-bit name of an event: BLAKE2b of source, a zero byte, event_id; signed, never 0."""
    digest = blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()
    key: int = _unpack_key(digest)[0]
    return key or 1


class Parts(NamedTuple):
    """One event taken apart.

    row: ROW_WORDS little-endian int64.  mask: bit i says that SEALABLE[i] is among `raws`, which are in that order.
    need: the bits that must be sealed whatever the vault knows.  text_hashes: keyed hashes of SEALED_TEXTS, 0 = absent.
    """

    row: bytes
    event_id: str
    source: str
    notes: Notes
    customer: int
    mask: int
    raws: tuple[str, ...]
    need: int
    text_hashes: tuple[int, int]

    def __repr__(self) -> str:
        return "<Parts of an event>"  # its raw values are personal


class _Identifiers(dict[str, tuple[str, int]]):
    """Canonical form and token by what was sent, of one field: what was checked before is not checked again.

    check: gives the canonical form or raises FieldError.  Bounded, the older half goes when it is full.
    """

    __slots__ = ("_check", "_token")

    def __init__(self, check: Callable[[str], str], token: Callable[[bytes], int]) -> None:
        super().__init__()
        self._check, self._token = check, token

    def __missing__(self, sent: str) -> tuple[str, int]:
        raw = self._check(sent)
        found = raw, self._token(raw.encode())
        if len(self) >= CACHED_PER_SPACE:
            for oldest in list(islice(self, len(self) // 2)):
                del self[oldest]
        if len(sent) <= _SENT_CHARACTERS_MAX:  # else it is an identifier in a mass of spaces
            self[sent] = found
        return found

    def __repr__(self) -> str:
        return f"<{len(self)} identifiers>"


class Assembler:
    """Checks every rule on one message and builds its parts; holds the tokenizer and the limits."""

    __slots__ = (
        "_accounts",
        "_addresses",
        "_content",
        "_customers",
        "_devices",
        "_merchants",
        "_payees",
        "_plain_notes",
        "_texts",
        "limits",
        "tokenizer",
    )

    def __init__(self, tokenizer: Tokenizer, limits: IntakeLimits) -> None:
        if limits.legal_basis_default not in rules.LEGAL_BASES:
            raise FieldError("legal_basis_default", rules.LEGAL_BASIS)
        self.tokenizer = tokenizer
        self.limits = limits
        self._plain_notes: Notes = MappingProxyType({"legal_basis": limits.legal_basis_default})
        self._content: Callable[[], Any] = tokenizer.digester(CONTENT_SPACE)
        self._customers = self._identifiers("customer", "customer")
        self._accounts = self._identifiers("account", "account")
        self._payees = self._identifiers("payee_account", "account")
        self._devices = self._identifiers("device_id", "device")
        self._merchants = self._identifiers("merchant_id", "merchant")
        self._addresses = _Identifiers(checks.address, tokenizer.computer("address"))
        self._texts = tokenizer.space(TEXT_SPACE)

    def _identifiers(self, name: str, space: str) -> _Identifiers:
        return _Identifiers(partial(checks.identifier, name), self.tokenizer.computer(space))

    @property
    def plain_notes(self) -> Notes:
        """Notes of an event that states none; one value, shared."""
        return self._plain_notes

    def parts(self, message: Message, received_ms: int, flags: int = 0) -> Parts:
        """The parts of one message.  Raises FieldError for the first field, in the envelope's order, that breaks a rule."""
        texts: list[bytes] = []
        event_id, source, kind, at_ms = self._occasion(message, received_ms)
        if message.customer_type is not UNSET and message.customer_type != "individual":
            if message.customer_type == rules.CORPORATE:
                raise OutOfScope("customer_type", rules.INDIVIDUALS_ONLY)
            raise FieldError("customer_type", rules.CUSTOMER_TYPE, f"text of {len(message.customer_type)} characters")

        if message.customer is UNSET:
            raise FieldError("customer", rules.REQUIRED)
        raw, customer = self._customers[message.customer]
        raws, mask, need = [raw], _CUSTOMER, 0
        account = payee = device = address = merchant = name_hash = phone_hash = 0
        if message.account is not UNSET:
            raw, account = self._accounts[message.account]
            raws.append(raw)
            mask |= _ACCOUNT
        if message.payee_account is not UNSET:
            raw, payee = self._payees[message.payee_account]
            raws.append(raw)
            mask |= _PAYEE
        if message.payee_name is not UNSET:
            raw = checks.text("payee_name", message.payee_name)
            name_hash = self._hash("payee_name", raw, texts)
            raws.append(raw)
            mask |= _PAYEE_NAME
        if message.payee_phone is not UNSET:
            raw = checks.text("payee_phone", message.payee_phone)
            phone_hash = self._hash("payee_phone", raw, texts)
            raws.append(raw)
            mask |= _PAYEE_PHONE

        amount = 0 if message.amount_fen is UNSET else checks.amount_fen(message.amount_fen)
        currency = CNY if message.currency is UNSET else checks.currency_code(message.currency)
        channel = _optional("channel", message.channel, rules.CHANNELS, rules.CHANNEL)
        result = _optional("result", message.result, rules.RESULTS, rules.RESULT)
        verification = 0 if message.verification is UNSET else checks.verification_bits(message.verification)

        if message.device_id is not UNSET:
            raw, device = self._devices[message.device_id]
            raws.append(raw)
            mask |= _DEVICE
        if message.ip is not UNSET:
            raw, address = self._addresses[message.ip]
            raws.append(raw)
            mask |= _IP
        if message.ip_port is not UNSET:
            raw = checks.port(message.ip_port)
            self._hash("ip_port", raw, texts)
            raws.append(raw)
            need |= _PORT
        network_kind = _optional("network_kind", message.network_kind, rules.NETWORK_KINDS, rules.NETWORK_KIND)

        permitted = message.location_permitted is True
        if message.latitude is not UNSET:
            raws.append(self._degrees("latitude", message.latitude, permitted, texts))
            need |= _LATITUDE
        if message.longitude is not UNSET:
            raws.append(self._degrees("longitude", message.longitude, permitted, texts))
            need |= _LONGITUDE
        city = 0 if message.city is UNSET else checks.city(message.city)
        if message.merchant_id is not UNSET:
            raw, merchant = self._merchants[message.merchant_id]
            raws.append(raw)
            mask |= _MERCHANT
        category = 0 if message.merchant_category is UNSET else checks.merchant_category(message.merchant_category)

        notes, refers = self._notes(message, source, kind, texts)
        label = -1
        if message.label is not UNSET:
            if kind != Kind.LABEL:
                raise FieldError("label", rules.ONLY_FOR_LABEL)
            label = _code("label", message.label, rules.LABELS, rules.LABEL)
        extra_0 = 0 if message.extra_0 is UNSET else checks.free_number("extra_0", message.extra_0)
        extra_1 = 0 if message.extra_1 is UNSET else checks.free_number("extra_1", message.extra_1)
        extra_2 = 0 if message.extra_2 is UNSET else checks.free_number("extra_2", message.extra_2)
        extra_3 = 0 if message.extra_3 is UNSET else checks.free_number("extra_3", message.extra_3)
        _check_required(kind, message)

        said = (0 if message.history_authorised is False else _HISTORY) | (_LOCATION if permitted else 0)
        key = event_key(source, event_id)
        # fmt: off
        content = self._content()
        content.update(_pack_content(
            at_ms, key, customer, account, payee, device, address, merchant, city, amount, kind, channel, result,
            verification, said, currency, category, network_kind, label, refers, extra_0, extra_1, extra_2, extra_3,
        ))
        if texts:
            content.update(b"".join(sorted(texts)))
        row = _pack_row(
            0, at_ms, received_ms, key, _unpack_key(content.digest())[0] or 1, customer, account, payee, device, address,
            merchant, city, amount, kind, channel, result, verification, said | flags, currency, category, network_kind,
            label, refers, 0, extra_0, extra_1, extra_2, extra_3, -1, -1, 0, 0,
        )
        # fmt: on
        return Parts(row, event_id, source, notes, customer, mask | need, tuple(raws), need, (name_hash, phone_hash))

    def _occasion(self, message: Message, received_ms: int) -> tuple[str, str, int, int]:
        """event_id, source, kind and occurred_ms."""
        if message.event_id is UNSET:
            raise FieldError("event_id", rules.REQUIRED)
        if message.source is UNSET:
            raise FieldError("source", rules.REQUIRED)
        if message.kind is UNSET:
            raise FieldError("kind", rules.REQUIRED)
        if message.occurred_at is UNSET:
            raise FieldError("occurred_at", rules.REQUIRED)
        event_id = checks.event_id("event_id", message.event_id)
        source = checks.source(message.source)
        kind = _code("kind", message.kind, rules.KINDS, rules.KIND)
        at_ms = checks.occurred_ms(message.occurred_at)
        limits = self.limits
        return (
            event_id,
            source,
            kind,
            checks.occurred_within(at_ms, received_ms, limits.future_tolerance_ms, limits.age_ms_max),
        )

    def _hash(self, name: str, value: str, texts: list[bytes]) -> int:
        """The keyed hash of a text, which is put among those of the event's content."""
        hashed = self._texts[value.encode()]
        texts.append(_pack_pair(_TEXT_INDEX[name], hashed))
        return hashed

    def _degrees(self, name: str, value: float | str, permitted: bool, texts: list[bytes]) -> str:
        if not permitted:
            raise FieldError(name, rules.NEEDS_PERMISSION)
        raw = checks.degrees(name, value)
        self._hash(name, raw, texts)
        return raw

    def _notes(self, message: Message, source: str, kind: int, texts: list[bytes]) -> tuple[Notes, int]:
        """The business texts, and the key of the event that this one refers to, 0 = none."""
        notes: dict[str, str] = {}
        for name in FREE_NOTES:
            value = getattr(message, name)
            if value is not UNSET:
                notes[name] = checks.text(name, value)
                self._hash(name, value, texts)
        if message.legal_basis is not UNSET:
            if message.legal_basis not in rules.LEGAL_BASES:
                raise FieldError("legal_basis", rules.LEGAL_BASIS, f"text of {len(message.legal_basis)} characters")
            notes["legal_basis"] = message.legal_basis
            self._hash("legal_basis", message.legal_basis, texts)
        refers = 0
        if message.refers_to is not UNSET:
            if kind not in rules.REFERRING_KINDS:
                raise FieldError("refers_to", rules.ONLY_FOR_REFERRING)
            notes["refers_to"] = checks.event_id("refers_to", message.refers_to)
            refers = event_key(source, message.refers_to)
        if not notes:
            return self._plain_notes, refers
        notes.setdefault("legal_basis", self.limits.legal_basis_default)
        return notes, refers


def _check_required(kind: int, message: Message) -> None:
    """Nothing when all is there that an event of this kind needs.  Raises FieldError."""
    if kind in rules.MONEY_KINDS:
        if message.account is UNSET:
            raise FieldError("account", rules.REQUIRED_FOR_KIND)
        if kind == _TRANSFER and message.payee_account is UNSET:
            raise FieldError("payee_account", rules.REQUIRED_FOR_KIND)
        if message.amount_fen is UNSET:
            raise FieldError("amount_fen", rules.REQUIRED_FOR_KIND)
    elif kind == _LABEL:
        if message.refers_to is UNSET:
            raise FieldError("refers_to", rules.REQUIRED_FOR_KIND)
        if message.label is UNSET:
            raise FieldError("label", rules.REQUIRED_FOR_KIND)


_HISTORY: Final = int(Flag.HISTORY_AUTHORISED)
_LOCATION: Final = int(Flag.LOCATION_PERMITTED)
_TRANSFER: Final = int(Kind.TRANSFER)
_LABEL: Final = int(Kind.LABEL)
_CUSTOMER: Final = 1 << SEAL_BIT["customer"]
_ACCOUNT: Final = 1 << SEAL_BIT["account"]
_PAYEE: Final = 1 << SEAL_BIT["payee_account"]
_PAYEE_NAME: Final = 1 << SEAL_BIT["payee_name"]
_PAYEE_PHONE: Final = 1 << SEAL_BIT["payee_phone"]
_DEVICE: Final = 1 << SEAL_BIT["device_id"]
_IP: Final = 1 << SEAL_BIT["ip"]
_PORT: Final = 1 << SEAL_BIT["ip_port"]
_LATITUDE: Final = 1 << SEAL_BIT["latitude"]
_LONGITUDE: Final = 1 << SEAL_BIT["longitude"]
_MERCHANT: Final = 1 << SEAL_BIT["merchant_id"]

assert SEALED_TEXTS == ("payee_name", "payee_phone")
assert tuple(Col(at).name for at in range(TOKENS.start, TOKENS.stop)) == (
    "CUSTOMER",
    "ACCOUNT",
    "PAYEE",
    "DEVICE",
    "ADDRESS",
    "MERCHANT",
)
assert len(SEALED_TOKENS) == TOKENS.stop - TOKENS.start


def _code(name: str, value: str, names: Any, rule: str) -> int:
    code: int | None = names.get(value)
    if code is None:
        raise FieldError(name, rule, f"text of {len(value)} characters")
    return code


def _optional(name: str, value: str | UnsetType, names: Any, rule: str) -> int:
    return 0 if value is UNSET else _code(name, value, names, rule)
