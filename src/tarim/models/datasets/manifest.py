"""What a training set says about itself: signed, canonical JSON beside the rows.

    DATA/datasets/<first 16 digits of the digest>/
        manifest.json   a DatasetManifest, canonical JSON; its SHA-256 is the set's digest
        manifest.sig    64 bytes, Ed25519 over the bytes of manifest.json
        data.parquet    the rows; the manifest has its SHA-256

The digest covers the rows through the manifest, so one name stands for exactly one set (ML-16, ML-17).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError

FORMAT: Final = "tarim.dataset/1"
MANIFEST_BYTES_MAX: Final = 16 << 20
ROWS_MAX: Final = 5_000_000
"""Rows of one set; a larger one is refused with the advice to sample."""
NAME_CHARACTERS_MAX: Final = 64
SOURCES_MAX: Final = 1_000
"""Different sources of one set."""


class SampleRole(StrEnum):
    """What a row is for, in the order of time (ML-12)."""

    TRAINING = "training"
    """To learn from."""
    VALIDATION = "validation"
    """To choose with: early stop, parameters, thresholds."""
    TEST = "test"
    """To measure on, once."""
    TRIAL = "trial"
    """The latest, for a trial run beside the model in force."""


class Unlabelled(StrEnum):
    """What an event is that nobody spoke about until its label delay had passed."""

    GENUINE = "genuine"
    """Genuine: who lost money would have said so by then."""
    LEFT_OUT = "left_out"
    """Unknown: the row is left out."""


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose API key cut the set."""

    key_id: str
    name: str


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the events are from.

    kind: journal or files.  Positions first_seq ... end_seq - 1.  from_ms, to_ms: as they were asked, None for the
    beginning and the end.  first_ms: when its first event happened.  as_of_ms: the instant at which everything was known that
    counts; nothing later did.  journal_digest: the journal's chain after the last record read, hexadecimal; for files the
    chain of the data folder's journal after its last change of lists ("" for none).  files: SHA-256 of each; refused: events
    of them that were not accepted.
    """

    kind: str
    first_seq: int
    end_seq: int
    from_ms: int | None
    to_ms: int | None
    first_ms: int
    as_of_ms: int
    journal_digest: str
    files: list[str]
    refused: int


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events become rows; an empty list lets all pass.  entity: the field every row must have, whose token is in the
    column `entity`.
    """

    kinds: list[str]
    channels: list[str]
    sources: list[str]
    entity: str


class LabelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a row gets its label: the last one of these sources (empty: any) known `delay_ms` after the event."""

    delay_ms: int
    sources: list[str]
    unlabelled: Unlabelled


class FeatureUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The features: set, its version (a digest of every definition), and the columns in order."""

    set_name: str
    version: str
    names: list[str]


class Sampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Training rows kept: every fraud, and of the rest this share, chosen by `seed`; their weight makes up for it."""

    seed: int
    genuine_share: float


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of the span that are no rows, each counted once, by the first reason that holds.

    labels: label events themselves.  filtered: by kind, channel, source or entity.  unauthorised: the customer did not allow
    past transactions to be used.  gap: too close to the end of their role for their label to be known there.  late: arrived
    after it.  unlabelled: nobody spoke about them and such events are left out.  sampled: the sampling's.
    """

    labels: int
    filtered: int
    unauthorised: int
    gap: int
    late: int
    unlabelled: int
    sampled: int


class LabelCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels of the journal up to as_of: all; about events it does not know; and rows found to be fraud after their delay
    only, which therefore count as if nobody had said so.
    """

    all: int
    unplaced: int
    frauds_late: int


class SegmentShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of one division: events of the population, and rows and frauds of the role (sampled rows count by weight)."""

    division: str
    value: str
    population: int
    rows: int
    weight: float
    frauds: int


class Representation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a role stands for the population in one division.

    psi: sum of (p - q) ln(p / q) over its values, the population stability index.  mark: representative below 0.10, partly
    below 0.25, not from there (Siddiqi, Credit Risk Scorecards, 2006, chapter 6).
    """

    division: str
    psi: float
    mark: str


class RoleRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rows of one role (AS-10).

    id: role and the first 12 digits of the SHA-256 of its rows' positions.  Rows happened in [from_ms, until_ms); what follows
    up to to_ms, where the next role begins, is the gap in which labels ripen.  note_en, note_zh: the marks in words.
    """

    id: str
    role: SampleRole
    from_ms: int
    until_ms: int
    to_ms: int
    rows: int
    frauds: int
    weight: float
    entities: int
    amount_fen: int
    first_seq: int
    last_seq: int
    shares: list[SegmentShare]
    representation: list[Representation]
    mark: str
    note_en: str
    note_zh: str


class DatasetManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a training set but its rows.

    acquired_first_ms, acquired_last_ms: when the span's events were received.  began_ms, joined_ms, ended_ms: when the cut
    began, when features and labels had been joined, when the set was whole.  medium: what identifies the storage.
    population: events that passed the filters.  columns: of the Parquet file, in order.  software: versions of what made it.
    """

    format: str
    name: str
    operator: Operator
    span: Span
    filters: Filters
    labels: LabelRule
    features: FeatureUse
    sampling: Sampling
    roles: list[RoleRecord]
    population: int
    left_out: LeftOut
    label_counts: LabelCounts
    sources: list[str]
    acquired_first_ms: int
    acquired_last_ms: int
    began_ms: int
    joined_ms: int
    ended_ms: int
    medium: str
    rows: int
    columns: list[str]
    data_bytes: int
    data_digest: str
    software: dict[str, str]

    @property
    def content(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(self) + b"\n"

    @property
    def digest(self) -> str:
        """The set's digest: SHA-256 of the manifest's bytes, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def role(self, role: SampleRole) -> RoleRecord | None:
        """The record of a role, None when the set has none."""
        return next((each for each in self.roles if each.role is role), None)


_decoder: Final = msgspec.json.Decoder(DatasetManifest)


def decode_manifest(content: bytes) -> DatasetManifest:
    """The manifest of such bytes.  Raises Damaged."""
    try:
        manifest = _decoder.decode(content)
    except msgspec.MsgspecError as error:
        raise Damaged(f"the manifest cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise Damaged(f"the manifest is of another format than {FORMAT}")
    return manifest


# ---- columns of the Parquet file -------------------------------------------------------------------------------------

DIVISIONS: Final = ("kind", "channel", "amount", "region", "source", "listed")
"""Divisions of the population, each a column."""
LEADING: Final = ("seq", "occurred_ms", "known_ms", "role", "label", "weight", "customer", "entity", "amount_fen")
COLUMN_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seq": "position of the event in the journal",
        "occurred_ms": "when it happened, ms since the epoch",
        "known_ms": "when its label became known; for an event nobody spoke about, when its label delay had passed",
        "role": "training, validation, test or trial",
        "label": "1 fraud, 0 genuine",
        "weight": "how many events the row stands for",
        "customer": "token of the customer",
        "entity": "token of the entity that every row has",
        "amount_fen": "amount in fen",
        "kind": "kind of the event",
        "channel": "channel",
        "amount": "band of the amount in yuan, `none` without an amount",
        "region": "first two digits of the city's division code, `unknown` without",
        "source": "who sent the event",
        "listed": "whether a value of the event was on a black, grey or suspect list when it happened: `yes` or `no`",
    }
)


def columns_of(names: Sequence[str]) -> list[str]:
    """Columns of the Parquet file with these features.  Raises DefinitionError for a feature named like another column."""
    columns = [*LEADING, *DIVISIONS, *names]
    clash = sorted(set(names) & {*LEADING, *DIVISIONS})
    if clash:
        raise DefinitionError(f"a training set has a column {clash[0]!r} of its own: the feature needs another name")
    return columns
