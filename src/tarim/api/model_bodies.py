"""How models, proposals about them and their ledger look outside: bodies of requests and answers."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.base.instants import instant_text
from tarim.decisions import REASON_CHARACTERS_MAX, WHOLE, LedgerNote
from tarim.models import Curves, ModelEntry, PackageManifest, RunFigures

SCRIPT_CHARACTERS_MAX: Final = 64 << 10

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
ModelKey = Annotated[str, Meta(pattern=r"^([0-9a-f]{8,64}|TM[0-9]{6,12}-[0-9]{2})$")]
"""A version, how it begins (8 digits or more), or a service number."""
Script = Annotated[str, Meta(max_length=SCRIPT_CHARACTERS_MAX)]
RunId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class SubmitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model to submit: the run that made it, what people call it, and why it is needed."""

    run: RunId
    reason: Reason
    name: Annotated[str, Meta(max_length=64)] = ""


class ModelActBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act on a model.  script: by which it is deployed, kept; empty: the call itself, written as a command."""

    model: ModelKey
    reason: Reason
    script: Script = ""


class ChallengeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A challenger.  share: hundredths of a percent of the customers whom it judges; 0 = it only scores."""

    model: ModelKey
    reason: Reason
    share: Annotated[int, Meta(ge=0, le=WHOLE)] = 0
    script: Script = ""


class ModelReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ModelKeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model."""

    model: ModelKey


class ModelBody(msgspec.Struct, frozen=True):
    """A model in the registry.

    role: champion or challenger, "" while it does not score; share: hundredths of a percent of the customers whom a challenger
    judges; manifest: digest of its signed package, "" for one that the settings named at the first start.
    """

    version: str
    service: str
    name: str
    state: str
    role: str
    share: int
    paused: bool
    manifest: str
    author: str
    submitted_at: str
    approver: str
    approved_at: str
    live_at: str


class ModelsBody(msgspec.Struct, frozen=True):
    """The registry.  champion: version, "" for none; rules_only: rules alone decide at present; closed: for good."""

    champion: str
    rules_only: bool
    closed: bool
    models: list[ModelBody]


class ModelDetailBody(msgspec.Struct, frozen=True):
    """A model with its package and its card (TOML); both empty for one that has none."""

    model: ModelBody
    package: PackageManifest | None
    card: str


class ModelRunBody(msgspec.Struct, frozen=True):
    """What the run that made a model found, and its curves; null when no report of the run was drawn on this machine."""

    version: str
    figures: RunFigures
    curves: Curves | None


class ModelProposalBody(msgspec.Struct, frozen=True):
    """What a proposal about a model would do.

    digest: what an approval has to name.  act: approve, publish, challenge, retire or exit; version, service: "" for exit.
    """

    id: str
    digest: str
    author: str
    proposed_at: str
    reason: str
    act: str
    version: str
    service: str
    share: int
    script: str


class ModelProposalsBody(msgspec.Struct, frozen=True):
    """Open proposals about models, the oldest first."""

    proposals: list[ModelProposalBody]


class LedgerLineBody(msgspec.Struct, frozen=True):
    """Who did or tried what with which model, and what came of it: `done`, `failed` or `refused`.  script: its digest."""

    seq: int
    at: str
    act: str
    version: str
    service: str
    operator: str
    approver: str
    result: str
    detail: str
    script: str


class LedgerBody(msgspec.Struct, frozen=True):
    """The ledger, the newest first."""

    lines: list[LedgerLineBody]


class ScriptBody(msgspec.Struct, frozen=True):
    """The script of a deployment."""

    script: str


class ExportBody(msgspec.Struct, frozen=True):
    """A model's file, base64."""

    version: str
    content: bytes


class LedgerQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """count: so many lines; model: about this one only."""

    count: Annotated[int, Meta(ge=1, le=1_000)] = 100
    model: ModelKey | None = None


def model_body(entry: ModelEntry, *, paused: bool) -> ModelBody:
    """A model as it is shown."""
    return ModelBody(
        entry.version,
        entry.service,
        entry.name,
        entry.state.value,
        entry.role.value,
        entry.share,
        paused,
        entry.manifest,
        entry.author,
        _instant(entry.submitted_ms),
        entry.approver,
        _instant(entry.approved_ms),
        _instant(entry.live_ms),
    )


def ledger_line_body(note: LedgerNote) -> LedgerLineBody:
    """A line of the ledger."""
    return LedgerLineBody(
        note.seq,
        instant_text(note.at_ms),
        note.act,
        note.version,
        note.service,
        note.operator,
        note.approver,
        note.result,
        note.detail,
        note.script,
    )


def _instant(at_ms: int) -> str:
    return instant_text(at_ms) if at_ms else ""
