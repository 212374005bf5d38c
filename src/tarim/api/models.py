"""Models over HTTP: submit, publish, challenge, go back, retire; the ledger; and taking a model out.

What takes two persons ends in a proposal, which another one decides on under `/v1/proposals`.  Pauses and rules-only are
switches (`/v1/switches`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta

from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import NotFound, TooLarge
from tarim.base.instants import Clock, instant_text
from tarim.decisions import (
    REASON_CHARACTERS_MAX,
    WHOLE,
    DecisionService,
    LedgerNote,
    ModelGovernor,
    SwitchKind,
)
from tarim.identity import Scope
from tarim.models import Curves, ModelAct, ModelEntry, PackageManifest, RunFigures

EXPORT_BYTES_MAX: Final = 40 << 20
SCRIPT_CHARACTERS_MAX: Final = 64 << 10
_ACT_BODY_BYTES_MAX: Final = 512 << 10

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


class Models(Protocol):
    """Packages and artefacts of models; its methods may take a while and run beside the decisions."""

    def submission(self, run: str) -> Any:
        """Raises NotFound, Damaged, DefinitionError naming what is missing."""

    def put(self, submission: Any, service: str, name: str, operator: str, made_ms: int) -> bytes:
        """Raises Unavailable."""

    def manifest(self, digest: str) -> PackageManifest:
        """Raises NotFound, Damaged."""

    def card(self, manifest_digest: str) -> str:
        """Raises NotFound, Damaged."""

    def figures(self, digest: str) -> tuple[RunFigures, Curves | None]:
        """Raises NotFound, Damaged."""


def model_routes(
    governor: ModelGovernor,
    service: DecisionService,
    models: Models,
    clock: Clock,
    keep_script: Callable[[str], str],
    artefact: Callable[[str], bytes],
) -> list[Route]:
    """The routes.  keep_script: keeps a script and gives its digest; artefact: kept bytes by their digest."""

    async def aside(work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)

    def body_of(entry: ModelEntry) -> ModelBody:
        paused = {switch.target for switch in service.governance.of_kind(SwitchKind.PAUSE_MODEL)}
        return ModelBody(
            entry.version,
            entry.service,
            entry.name,
            entry.state.value,
            entry.role.value,
            entry.share,
            entry.version in paused,
            entry.manifest,
            entry.author,
            _instant(entry.submitted_ms),
            entry.approver,
            _instant(entry.approved_ms),
            _instant(entry.live_ms),
        )

    async def list_models(call: Call) -> ModelsBody:
        registry = governor.registry
        return ModelsBody(
            registry.champion,
            bool(service.governance.of_kind(SwitchKind.RULES_ONLY)),
            registry.closed,
            [body_of(entry) for entry in registry.entries.values()],
        )

    async def read_model(call: Call) -> ModelDetailBody:
        entry = governor.registry.entry(call.path["model"])
        if not entry.manifest:
            return ModelDetailBody(body_of(entry), None, "")
        package = await aside(models.manifest, entry.manifest)
        return ModelDetailBody(body_of(entry), package, await aside(models.card, entry.manifest))

    async def read_run(call: Call) -> ModelRunBody:
        entry = governor.registry.entry(call.path["model"])
        if not entry.manifest:
            raise NotFound("the model was named by the settings; no run of it is known here")
        return ModelRunBody(entry.version, *await aside(models.figures, entry.manifest))

    async def submit(call: Call) -> ProposalBody:
        body, call.note.reason = call.body, call.body.reason
        submission = await aside(models.submission, body.run)
        number = governor.registry.number_for(submission.record.model)
        manifest = await aside(models.put, submission, number, body.name.strip(), call.person, clock.now_ms())
        return proposal_body(governor.submit(manifest, call.person, body.reason))

    def propose(act: ModelAct) -> Callable[[Call], Any]:
        async def proposed(call: Call) -> ProposalBody:
            body, call.note.reason = call.body, call.body.reason
            key = getattr(body, "model", "")
            share = getattr(body, "share", 0)
            script = getattr(body, "script", "") or _script(act, key, share, call.person, body.reason)
            kept = await aside(keep_script, script)  # no decision waits for the disk
            return proposal_body(governor.propose(act, key, call.person, body.reason, share=share, script=kept))

        return proposed

    async def proposals(call: Call) -> ModelProposalsBody:
        entries = governor.registry.entries
        return ModelProposalsBody(
            [
                ModelProposalBody(
                    proposal.id,
                    proposal.digest,
                    proposal.author,
                    instant_text(proposal.proposed_ms),
                    proposal.reason,
                    record.act.value,
                    record.version,
                    entries[record.version].service if record.version else "",
                    record.share,
                    record.script,
                )
                for proposal, record in governor.proposed()
            ]
        )

    async def withdraw(call: Call) -> ProposalBody:
        return proposal_body(governor.withdraw(call.path["id"], call.person))

    async def roll_back(call: Call) -> ModelBody:
        call.note.reason = call.body.reason
        record = await governor.roll_back(call.person, call.body.reason)
        return body_of(governor.registry.entries[record.version])

    async def stand_down(call: Call) -> ModelBody:
        call.note.reason = call.body.reason
        record = governor.stand_down(call.body.model, call.person, call.body.reason)
        return body_of(governor.registry.entries[record.version])

    async def ledger(call: Call) -> LedgerBody:
        registry, query = governor.registry, call.query
        wanted = registry.entry(query.model).version if query.model else None
        lines = [each for each in reversed(registry.ledger) if wanted in (None, each.version)]
        return LedgerBody([_line(each) for each in lines[: query.count]])

    async def script(call: Call) -> ScriptBody:
        seq = call.path["seq"]
        for each in governor.registry.ledger:
            if each.script and str(each.seq) == seq:
                return ScriptBody((await aside(artefact, each.script)).decode())
        raise NotFound("no line of the ledger at that position has a script")

    async def export(call: Call) -> ExportBody:
        version = governor.registry.entry(call.body.model).version
        content = await aside(artefact, version)
        if len(content) > EXPORT_BYTES_MAX:
            raise TooLarge(f"a model of more than {EXPORT_BYTES_MAX} bytes is not handed out over HTTP")
        return ExportBody(governor.exported(version, call.person), content)

    at = "/v1/models"
    return [
        Route("GET", at, "list_models", "Models and where they stand / 模型及其状态", Scope.READ, list_models, ModelsBody),
        Route("GET", "/v1/model-proposals", "list_model_proposals", "What is proposed about models / 模型待审批事项",
              Scope.READ, proposals, ModelProposalsBody),
        Route("DELETE", "/v1/model-proposals/{id}", "withdraw_model_proposal",
              "Withdraw one's own proposal about a model / 撤回自己的模型提案", Scope.MODELS, withdraw, ProposalBody,
              refusals=(409,)),
        Route("GET", "/v1/model-ledger", "list_model_ledger", "The ledger of deployments / 模型部署台账", Scope.READ, ledger,
              LedgerBody, query=LedgerQuery, refusals=(404,)),
        Route("GET", "/v1/model-ledger/{seq}/script", "read_deployment_script", "The script of a deployment / 部署脚本",
              Scope.READ, script, ScriptBody),
        Route("GET", at + "/{model}", "read_model", "A model with its package and card / 模型、签名包与模型卡", Scope.READ,
              read_model, ModelDetailBody),
        Route("GET", at + "/{model}/run", "read_model_run", "What its run found, with curves / 训练运行的指标与曲线",
              Scope.READ, read_run, ModelRunBody),
        Route("POST", at, "submit_model", "Submit a model for approval / 提交模型审批", Scope.MODELS, submit, ProposalBody,
              SubmitBody, status=201, refusals=(404, 409)),
        Route("POST", at + ":publish", "publish_model", "Propose a new champion / 提交模型发布", Scope.MODELS,
              propose(ModelAct.PUBLISH), ProposalBody, ModelActBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":challenge", "challenge_model", "Propose a challenger beside the champion / 提交挑战者模型",
              Scope.MODELS, propose(ModelAct.CHALLENGE), ProposalBody, ChallengeBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":retire", "retire_model", "Propose to retire a model for good / 提交模型退役", Scope.MODELS,
              propose(ModelAct.RETIRE), ProposalBody, ModelActBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":exit", "exit_models", "Propose to take every model out of service / 提交全部模型下线",
              Scope.MODELS, propose(ModelAct.EXIT), ProposalBody, ModelReasonBody, status=201, refusals=(409,)),
        Route("POST", at + ":rollback", "roll_back_model", "Back to the champion before / 回退到上一模型", Scope.OPERATE,
              roll_back, ModelBody, ModelReasonBody, refusals=(404, 409)),
        Route("POST", at + ":stand-down", "stand_down_model", "A challenger no longer scores / 挑战者停止评分",
              Scope.OPERATE, stand_down, ModelBody, ModelActBody, refusals=(404, 409)),
        Route("POST", at + ":export", "export_model", "Take a model's file out; logged / 导出模型文件（留痕）", Scope.MODELS,
              export, ExportBody, ModelKeyBody, refusals=(404,), refused=governor.refused_export),
    ]  # fmt: skip


def _instant(at_ms: int) -> str:
    return instant_text(at_ms) if at_ms else ""


def _line(note: LedgerNote) -> LedgerLineBody:
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


def _script(act: ModelAct, model: str, share: int, person: str, reason: str) -> str:
    """The call as a command, for who brings no script of his own; it does the same when it is run again."""
    words = ["tarim", "models", act.value, *([model] if model else [])]
    if act is ModelAct.CHALLENGE:
        words += ["--percent", f"{share / 100:g}"]
    quoted = reason.replace("'", "'\\''")
    return f"#!/bin/sh\n# proposed by {person}\nset -eu\n{' '.join(words)} --reason '{quoted}'\n"
