"""A checked message becomes a row, its notes, and the raw values that belong in the vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from tarim.base.errors import FieldError
from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.domain import IntakeLimits, Notes, OutOfScope
from tarim.intake.message import Message
from tarim.privacy import FIELDS, SEALABLE, Role, Tokenizer, seal_key
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
MASK64: Final = (1 << 64) - 1

SEAL_BIT: Final = MappingProxyType({name: bit for bit, name in enumerate(SEALABLE)})
ALWAYS_SEALED: Final = ("ip_port", "latitude", "longitude")
"""Facts of the moment rather than of the person: kept with every event (IN-08, IN-09)."""
WITH_PAYEE: Final = ("payee_name", "payee_phone")
"""Facts of the counterparty: sealed together with its account when the pair is new to the customer."""

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
    need: the bits that must be sealed whatever the vault knows.  keys: (seal key, bits to seal if it is not known).
    """

    row: bytes
    event_id: str
    source: str
    notes: Notes
    customer: int
    mask: int
    raws: tuple[str, ...]
    need: int
    keys: tuple[tuple[int, int], ...]

    def __repr__(self) -> str:
        return "<Parts of an event>"  # its raw values are personal


@dataclass(slots=True)
class Assembler:
    """Checks every rule on one message and builds its parts; holds the tokenizer and the limits."""

    tokenizer: Tokenizer
    limits: IntakeLimits
    _plain_notes: Notes
    _content: Callable[[], Any]

    @classmethod
    def of(cls, tokenizer: Tokenizer, limits: IntakeLimits) -> Assembler:
        """An assembler; the notes of events that say nothing are one shared value."""
        if limits.legal_basis_default not in rules.LEGAL_BASES:
            raise FieldError("legal_basis_default", rules.LEGAL_BASIS)
        plain = MappingProxyType({"legal_basis": limits.legal_basis_default})
        return cls(tokenizer, limits, plain, tokenizer.digester(CONTENT_SPACE))

    @property
    def plain_notes(self) -> Notes:
        """Notes of an event that states none."""
        return self._plain_notes

    def parts(self, message: Message, received_ms: int, flags: int = 0) -> Parts:
        """The parts of one message.  Raises FieldError for the first field, in the envelope's order, that breaks a rule."""
        token, text = self.tokenizer.token, self.tokenizer.text
        texts: list[bytes] = []
        notes: dict[str, str] = {}
        raws: list[str] = []
        mask = need = 0
        keys: list[tuple[int, int]] = []

        if isinstance(message.event_id, UnsetType):
            raise FieldError("event_id", rules.REQUIRED)
        if isinstance(message.source, UnsetType):
            raise FieldError("source", rules.REQUIRED)
        if isinstance(message.kind, UnsetType):
            raise FieldError("kind", rules.REQUIRED)
        if isinstance(message.occurred_at, UnsetType):
            raise FieldError("occurred_at", rules.REQUIRED)
        event_id = checks.event_id("event_id", message.event_id)
        source = checks.source(message.source)
        kind = _code("kind", message.kind, rules.KINDS, rules.KIND)
        at_ms = checks.occurred_within(
            checks.occurred_ms(message.occurred_at),
            received_ms,
            self.limits.future_tolerance_ms,
            self.limits.age_ms_max,
        )
        if not isinstance(message.customer_type, UnsetType) and message.customer_type != "individual":
            if message.customer_type == rules.CORPORATE:
                raise OutOfScope("customer_type", rules.INDIVIDUALS_ONLY)
            raise FieldError("customer_type", rules.CUSTOMER_TYPE, f"text of {len(message.customer_type)} characters")

        if isinstance(message.customer, UnsetType):
            raise FieldError("customer", rules.REQUIRED)
        raw = checks.identifier("customer", message.customer)
        customer = token("customer", raw)
        raws.append(raw)
        mask |= _CUSTOMER
        keys.append((seal_key(customer, _CUSTOMER_BIT, customer), _CUSTOMER))

        account = payee = device = address = merchant = 0
        if not isinstance(message.account, UnsetType):
            raw = checks.identifier("account", message.account)
            account = token("account", raw)
            raws.append(raw)
            mask |= _ACCOUNT
            keys.append((seal_key(customer, _ACCOUNT_BIT, account), _ACCOUNT))
        if not isinstance(message.payee_account, UnsetType):
            raw = checks.identifier("payee_account", message.payee_account)
            payee = token("account", raw)
            raws.append(raw)
            mask |= _PAYEE
            keys.append((seal_key(customer, _PAYEE_BIT, payee), _PAYEE))
        for name, value in (("payee_name", message.payee_name), ("payee_phone", message.payee_phone)):
            if not isinstance(value, UnsetType):
                raws.append(checks.text(name, value))
                bit = SEAL_BIT[name]
                mask |= 1 << bit
                hashed = text(value)
                texts.append(_pack_pair(_TEXT_INDEX[name], hashed))
                keys.append((seal_key(customer, bit, _wrap(hashed + payee)), (1 << bit) | (_PAYEE if payee else 0)))

        amount = 0
        if not isinstance(message.amount_fen, UnsetType):
            amount = checks.amount_fen(message.amount_fen)
        currency = CNY if isinstance(message.currency, UnsetType) else checks.currency_code(message.currency)
        channel = _optional("channel", message.channel, rules.CHANNELS, rules.CHANNEL)
        result = _optional("result", message.result, rules.RESULTS, rules.RESULT)
        verification = 0
        if not isinstance(message.verification, UnsetType):
            verification = checks.verification_bits(message.verification)

        if not isinstance(message.device_id, UnsetType):
            raw = checks.identifier("device_id", message.device_id)
            device = token("device", raw)
            raws.append(raw)
            mask |= _DEVICE
            keys.append((seal_key(customer, _DEVICE_BIT, device), _DEVICE))
        if not isinstance(message.ip, UnsetType):
            raw = checks.address(message.ip)
            address = token("address", raw)
            raws.append(raw)
            mask |= _IP
            keys.append((seal_key(customer, _IP_BIT, address), _IP))
        if not isinstance(message.ip_port, UnsetType):
            raw = checks.port(message.ip_port)
            raws.append(raw)
            mask |= _PORT
            need |= _PORT
            texts.append(_pack_pair(_TEXT_INDEX["ip_port"], text(raw)))
        network_kind = _optional("network_kind", message.network_kind, rules.NETWORK_KINDS, rules.NETWORK_KIND)

        permitted = message.location_permitted is True
        for name, place in (("latitude", message.latitude), ("longitude", message.longitude)):
            if not isinstance(place, UnsetType):
                if not permitted:
                    raise FieldError(name, rules.NEEDS_PERMISSION)
                raw = checks.degrees(name, place)
                raws.append(raw)
                bit = SEAL_BIT[name]
                mask |= 1 << bit
                need |= 1 << bit
                texts.append(_pack_pair(_TEXT_INDEX[name], text(raw)))
        city = 0 if isinstance(message.city, UnsetType) else checks.city(message.city)
        if not isinstance(message.merchant_id, UnsetType):
            raw = checks.identifier("merchant_id", message.merchant_id)
            merchant = token("merchant", raw)
            raws.append(raw)
            mask |= _MERCHANT
            keys.append((seal_key(customer, _MERCHANT_BIT, merchant), _MERCHANT))
        category = 0
        if not isinstance(message.merchant_category, UnsetType):
            category = checks.merchant_category(message.merchant_category)

        for name in FREE_NOTES:
            value = getattr(message, name)
            if value is not UNSET:
                notes[name] = checks.text(name, value)
                texts.append(_pack_pair(_TEXT_INDEX[name], text(value)))
        if not isinstance(message.legal_basis, UnsetType):
            if message.legal_basis not in rules.LEGAL_BASES:
                raise FieldError("legal_basis", rules.LEGAL_BASIS, f"text of {len(message.legal_basis)} characters")
            notes["legal_basis"] = message.legal_basis
            texts.append(_pack_pair(_TEXT_INDEX["legal_basis"], text(message.legal_basis)))

        refers = 0
        if not isinstance(message.refers_to, UnsetType):
            if kind not in rules.REFERRING_KINDS:
                raise FieldError("refers_to", rules.ONLY_FOR_REFERRING)
            notes["refers_to"] = checks.event_id("refers_to", message.refers_to)
            refers = event_key(source, message.refers_to)
        label = -1
        if not isinstance(message.label, UnsetType):
            if kind != Kind.LABEL:
                raise FieldError("label", rules.ONLY_FOR_LABEL)
            label = _code("label", message.label, rules.LABELS, rules.LABEL)
        extra_0 = 0 if isinstance(message.extra_0, UnsetType) else checks.free_number("extra_0", message.extra_0)
        extra_1 = 0 if isinstance(message.extra_1, UnsetType) else checks.free_number("extra_1", message.extra_1)
        extra_2 = 0 if isinstance(message.extra_2, UnsetType) else checks.free_number("extra_2", message.extra_2)
        extra_3 = 0 if isinstance(message.extra_3, UnsetType) else checks.free_number("extra_3", message.extra_3)

        if kind in rules.MONEY_KINDS:
            if not account:
                raise FieldError("account", rules.REQUIRED_FOR_KIND)
            if kind == Kind.TRANSFER and not payee:
                raise FieldError("payee_account", rules.REQUIRED_FOR_KIND)
            if isinstance(message.amount_fen, UnsetType):
                raise FieldError("amount_fen", rules.REQUIRED_FOR_KIND)
        elif kind == Kind.LABEL:
            if not refers:
                raise FieldError("refers_to", rules.REQUIRED_FOR_KIND)
            if label < 0:
                raise FieldError("label", rules.REQUIRED_FOR_KIND)

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
        if notes:
            notes.setdefault("legal_basis", self.limits.legal_basis_default)
        return Parts(row, event_id, source, notes or self._plain_notes, customer, mask, tuple(raws), need, tuple(keys))


_HISTORY: Final = int(Flag.HISTORY_AUTHORISED)
_LOCATION: Final = int(Flag.LOCATION_PERMITTED)
_CUSTOMER_BIT: Final = SEAL_BIT["customer"]
_ACCOUNT_BIT: Final = SEAL_BIT["account"]
_PAYEE_BIT: Final = SEAL_BIT["payee_account"]
_DEVICE_BIT: Final = SEAL_BIT["device_id"]
_IP_BIT: Final = SEAL_BIT["ip"]
_MERCHANT_BIT: Final = SEAL_BIT["merchant_id"]
_CUSTOMER: Final = 1 << _CUSTOMER_BIT
_ACCOUNT: Final = 1 << _ACCOUNT_BIT
_PAYEE: Final = 1 << _PAYEE_BIT
_DEVICE: Final = 1 << _DEVICE_BIT
_IP: Final = 1 << _IP_BIT
_PORT: Final = 1 << SEAL_BIT["ip_port"]
_MERCHANT: Final = 1 << _MERCHANT_BIT


def _wrap(value: int) -> int:
    """The low 64 bits as a signed number."""
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


def _code(name: str, value: str, names: Any, rule: str) -> int:
    code: int | None = names.get(value)
    if code is None:
        raise FieldError(name, rule, f"text of {len(value)} characters")
    return code


def _optional(name: str, value: str | UnsetType, names: Any, rule: str) -> int:
    return 0 if isinstance(value, UnsetType) else _code(name, value, names, rule)
