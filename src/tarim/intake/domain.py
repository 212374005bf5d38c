"""What comes out of intake, what it refuses, its limits, and every rule in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import FieldError, InputError, TarimError
from tarim.base.instants import DAY_MS, MINUTE_MS
from tarim.privacy import FIELDS
from tarim.stream import AMOUNT_FEN_MAX, Channel, Kind, NetworkKind, Result, Rows, Verification

Notes = Mapping[str, str]
"""Business texts of one event by field; shared between events, so never to be changed."""

OCCURRED_MS_MIN: Final = 946_684_800_000
"""2000-01-01T00:00:00Z."""

OCCURRED_MS_END: Final = 4_133_980_800_000
"""2101-01-01T00:00:00Z: events are of the years 2000 to 2100, in UTC."""

EXTRA_MAX: Final = 10**15
"""Largest free number either way: every whole number up to it is exact in float64 too."""

CORPORATE: Final = "corporate"


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Maximum sizes and tolerances; a breach of a size is TooLarge."""

    message_bytes_max: int = 16 << 10
    batch_bytes_max: int = 4 << 20
    batch_events_max: int = 1_000
    xml_bytes_max: int = 64 << 20
    file_bytes_max: int = 16 << 30
    line_bytes_max: int = 64 << 10
    table_rows_max: int = 1 << 20
    future_tolerance_ms: int = 5 * MINUTE_MS
    """An event may be dated this much after it was received, for clocks that run ahead."""
    age_ms_max: int = 366 * 200 * DAY_MS
    """An event older than this when received is refused; the default refuses none of the years 2000 to 2100."""
    legal_basis_default: str = "contract"
    """Stands in the notes of an event that does not state its legal basis."""


class EventBatch(msgspec.Struct, frozen=True):
    """Events ready for the engine and the journal, in the order they came.

    rows: shape (n, ROW_WORDS), writable; SEQ is 0, OUTCOME and REFERS_SEQ are -1 until others set them.
    event_ids, sources: the identity of each event.
    notes: business texts by field, legal_basis always among them; None when there is nothing to say.
    sealed: the raw personal values that the vault does not hold yet, as ciphertext for the journal; None when it has all.
    seal_keys: what `Intake.accepted` tells the vault once the batch lies in the journal.
    """

    rows: Rows
    event_ids: list[str]
    sources: list[str]
    notes: list[Notes | None]
    sealed: list[bytes | None]
    seal_keys: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.event_ids)

    def __repr__(self) -> str:
        return f"<EventBatch of {len(self)} events>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of a table that was not taken: where, which field, which rule, and the type or shape it had."""

    row: int
    field: str
    rule: str
    got: str = ""
    code: str = FieldError.code


class OutOfScope(FieldError):
    """A corporate customer's event: this product serves individuals (SC-06).  Counted, never stored."""

    code = "out-of-scope"


class Integrity(InputError):
    """The bytes received are not the bytes whose digest the sender stated (IN-18)."""

    code = "digest-mismatch"


class UnsupportedFile(InputError):
    """A file that is not one of the kinds taken."""

    http_status = 415
    code = "unsupported-file"


class RefusedAt(InputError):
    """One event of a batch is refused, and with it the batch.  `index` counts from 0, `cause` says why."""

    def __init__(self, index: int, cause: TarimError) -> None:
        super().__init__(f"event {index}: {cause.detail}")
        self.index = index
        self.cause = cause
        self.http_status = cause.http_status
        self.code = cause.code


# ------------------------------------------------------------------------------------------------ rules in two languages

_RULES_ZH: dict[str, str] = {}
RULES_ZH: Final[Mapping[str, str]] = MappingProxyType(_RULES_ZH)
"""Chinese of each rule that an error may name."""


def _rule(text: str, text_zh: str) -> str:
    _RULES_ZH[text] = text_zh
    return text


def _names(kind: type[Kind] | type[Channel] | type[Result] | type[NetworkKind]) -> Mapping[str, int]:
    return MappingProxyType({member.name.lower(): int(member) for member in kind})


KINDS: Final = _names(Kind)
CHANNELS: Final = _names(Channel)
RESULTS: Final = _names(Result)
NETWORK_KINDS: Final = _names(NetworkKind)
VERIFICATIONS: Final[Mapping[str, int]] = MappingProxyType(
    {member.name.lower(): int(member) for member in Verification if member.name and member}
)
LABELS: Final[Mapping[str, int]] = MappingProxyType({"genuine": 0, "fraud": 1})
LEGAL_BASES: Final = frozenset({"contract", "consent", "legal_duty"})

MONEY_KINDS: Final = frozenset({Kind.TRANSFER, Kind.PAYMENT, Kind.WITHDRAWAL, Kind.DEPOSIT})
REFERRING_KINDS: Final = frozenset({Kind.CONFIRMATION, Kind.REVERSAL, Kind.LABEL})

IS_OBJECT: Final = _rule("must be one flat JSON object in UTF-8 (RFC 8259)", "必须是一个扁平的UTF-8编码JSON对象")
IS_BATCH: Final = _rule(
    'must be a JSON array of events or {"events": [...]}', '必须是事件的JSON数组或{"events": [...]}'
)
NOT_EMPTY: Final = _rule("must hold at least one event", "至少包含一个事件")
NOT_TWICE: Final = _rule("must not be given twice", "字段不得重复")
KNOWN_FIELD: Final = _rule("must be a field of the envelope", "必须是信封定义的字段")
REQUIRED: Final = _rule("is required", "必填")
REQUIRED_FOR_KIND: Final = _rule("is required for this kind of event", "此类事件必填")
ONLY_FOR_LABEL: Final = _rule("is only for kind label", "仅用于标签事件")
ONLY_FOR_REFERRING: Final = _rule("is only for kinds confirmation, reversal and label", "仅用于确认、冲正和标签事件")
IS_TEXT: Final = _rule("must be text", "必须是文本")
IS_WHOLE: Final = _rule("must be a whole number", "必须是整数")
IS_TRUTH: Final = _rule("must be true or false", "必须是true或false")
IS_LIST_OF_TEXT: Final = _rule("must be a list of names", "必须是名称列表")
NO_CONTROL: Final = _rule(
    "must have no control, direction or line-separator characters", "不得含控制字符、方向字符或行分隔符"
)
NO_SPACE: Final = _rule(
    "must have no spaces, control or invisible characters inside", "中间不得含空格、控制或不可见字符"
)
EVENT_ID: Final = _rule(
    "must be 1 to 64 printable ASCII characters without spaces", "须为1至64个无空格的可打印ASCII字符"
)
SOURCE: Final = _rule("must be 1 to 32 lower-case letters, digits and hyphens", "须为1至32个小写字母、数字或连字符")
OCCURRED_SHAPE: Final = _rule(
    "must be RFC 3339 date and time with a zone, such as 2026-01-31T12:00:00.000+08:00",
    "须为带时区的RFC 3339日期时间，例如2026-01-31T12:00:00.000+08:00",
)
OCCURRED_YEARS: Final = _rule("must be in the years 2000 to 2100", "须在2000年至2100年之间")
OCCURRED_FUTURE: Final = _rule("must not be further in the future than tolerated", "不得超过允许的未来时间")
OCCURRED_AGE: Final = _rule("must not be older than accepted", "不得早于可接受的时间")
AMOUNT: Final = _rule(
    f"must be a whole number of minor units, 0 to {AMOUNT_FEN_MAX}", f"须为最小货币单位的整数，0至{AMOUNT_FEN_MAX}"
)
EXTRA: Final = _rule(f"must be a whole number, -{EXTRA_MAX} to {EXTRA_MAX}", f"须为整数，-{EXTRA_MAX}至{EXTRA_MAX}")
CURRENCY: Final = _rule("must be three capital letters (ISO 4217)", "须为三个大写字母（ISO 4217）")
CITY: Final = _rule("must be a six-digit division code", "须为六位行政区划代码")
MERCHANT_CATEGORY: Final = _rule("must be a four-digit category code", "须为四位商户类别码")
IP: Final = _rule("must be an IPv4 or IPv6 address", "须为IPv4或IPv6地址")
IP_PORT: Final = _rule("must be a whole number, 1 to 65535", "须为1至65535的整数")
LATITUDE: Final = _rule("must be a number of degrees, -90 to 90", "须为-90至90的度数")
LONGITUDE: Final = _rule("must be a number of degrees, -180 to 180", "须为-180至180的度数")
NEEDS_PERMISSION: Final = _rule("needs location_permitted to be true", "须先授权位置（location_permitted为true）")
CUSTOMER_TYPE: Final = _rule("must be individual or corporate", "须为individual或corporate")
INDIVIDUALS_ONLY: Final = _rule("only individual customers are served", "仅服务个人客户")
DIGEST: Final = _rule("must be the SHA-256 digest of the bytes sent", "须与所发内容的SHA-256摘要一致")
DIGEST_SHAPE: Final = _rule(
    "must be a Content-Digest with sha-256 (RFC 9530) or 64 hexadecimal digits",
    "须为含sha-256的Content-Digest（RFC 9530）或64位十六进制数",
)


def _one_of(names: Mapping[str, int] | frozenset[str]) -> str:
    listed = ", ".join(sorted(names) if isinstance(names, frozenset) else names)
    return _rule(f"must be one of {listed}", f"须为以下之一：{listed}")


KIND: Final = _one_of(KINDS)
CHANNEL: Final = _one_of(CHANNELS)
RESULT: Final = _one_of(RESULTS)
NETWORK_KIND: Final = _one_of(NETWORK_KINDS)
LABEL: Final = _one_of(LABELS)
LEGAL_BASIS: Final = _one_of(LEGAL_BASES)
VERIFICATION: Final = _rule(
    f"must be different names out of {', '.join(VERIFICATIONS)}", f"须为互不相同的名称：{'、'.join(VERIFICATIONS)}"
)

LENGTHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: _rule(f"must have 1 to {field.length_max} characters", f"须为1至{field.length_max}个字符")
        for name, field in FIELDS.items()
    }
)
"""The rule on the length of each text field."""
