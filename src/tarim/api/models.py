"""Models over HTTP: submit, publish, challenge, go back, retire; the ledger; and taking a model out.

What takes two persons ends in a proposal, which another one decides on under `/v1/proposals`.  Pauses and rules-only are
switches (`/v1/switches`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tarim.api.model_bodies import (
    ChallengeBody,
    ExportBody,
    LedgerBody,
    LedgerQuery,
    ModelActBody,
    ModelBody,
    ModelDetailBody,
    ModelKeyBody,
    ModelProposalBody,
    ModelProposalsBody,
    ModelReasonBody,
    ModelRunBody,
    ModelsBody,
    ScriptBody,
    SubmitBody,
    ledger_line_body,
    model_body,
)
from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Handler, Route
from tarim.base.errors import NotFound, TooLarge
from tarim.base.instants import Clock, instant_text
from tarim.decisions import DecisionService, ModelGovernor, SwitchKind
from tarim.identity import Scope
from tarim.models import Curves, ModelAct, ModelEntry, PackageManifest, RunFigures

EXPORT_BYTES_MAX: Final = 40 << 20
_ACT_BODY_BYTES_MAX: Final = 512 << 10


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


@dataclass(frozen=True, slots=True)
class ModelHandlers:
    """What answers about models.  keep_script: keeps a script and gives its digest; artefact: kept bytes by their digest."""

    governor: ModelGovernor
    service: DecisionService
    models: Models
    clock: Clock
    keep_script: Callable[[str], str]
    artefact: Callable[[str], bytes]

    async def list_models(self, call: Call) -> ModelsBody:
        registry = self.governor.registry
        return ModelsBody(
            registry.champion,
            bool(self.service.governance.of_kind(SwitchKind.RULES_ONLY)),
            registry.closed,
            [self._body_of(entry) for entry in registry.entries.values()],
        )

    async def read_model(self, call: Call) -> ModelDetailBody:
        entry = self.governor.registry.entry(call.path["model"])
        if not entry.manifest:
            return ModelDetailBody(self._body_of(entry), None, "")
        package = await _aside(self.models.manifest, entry.manifest)
        return ModelDetailBody(self._body_of(entry), package, await _aside(self.models.card, entry.manifest))

    async def read_run(self, call: Call) -> ModelRunBody:
        entry = self.governor.registry.entry(call.path["model"])
        if not entry.manifest:
            raise NotFound("the model was named by the settings; no run of it is known here")
        return ModelRunBody(entry.version, *await _aside(self.models.figures, entry.manifest))

    async def submit(self, call: Call) -> ProposalBody:
        body, call.note.reason = call.body, call.body.reason
        submission = await _aside(self.models.submission, body.run)
        number = self.governor.registry.number_for(submission.record.model)
        manifest = await _aside(
            self.models.put, submission, number, body.name.strip(), call.person, self.clock.now_ms()
        )
        return proposal_body(self.governor.submit(manifest, call.person, body.reason))

    def propose(self, act: ModelAct) -> Handler:
        """What proposes an act: the bodies of all acts are alike."""

        async def proposed(call: Call) -> ProposalBody:
            body, call.note.reason = call.body, call.body.reason
            key = getattr(body, "model", "")
            share = getattr(body, "share", 0)
            script = getattr(body, "script", "") or _script(act, key, share, call.person, body.reason)
            kept = await _aside(self.keep_script, script)  # no decision waits for the disk
            return proposal_body(self.governor.propose(act, key, call.person, body.reason, share=share, script=kept))

        return proposed

    async def proposals(self, call: Call) -> ModelProposalsBody:
        entries = self.governor.registry.entries
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
                for proposal, record in self.governor.proposed()
            ]
        )

    async def withdraw(self, call: Call) -> ProposalBody:
        return proposal_body(self.governor.withdraw(call.path["id"], call.person))

    async def roll_back(self, call: Call) -> ModelBody:
        call.note.reason = call.body.reason
        record = await self.governor.roll_back(call.person, call.body.reason)
        return self._body_of(self.governor.registry.entries[record.version])

    async def stand_down(self, call: Call) -> ModelBody:
        call.note.reason = call.body.reason
        record = self.governor.stand_down(call.body.model, call.person, call.body.reason)
        return self._body_of(self.governor.registry.entries[record.version])

    async def ledger(self, call: Call) -> LedgerBody:
        registry, query = self.governor.registry, call.query
        wanted = registry.entry(query.model).version if query.model else None
        lines = [each for each in reversed(registry.ledger) if wanted in (None, each.version)]
        return LedgerBody([ledger_line_body(each) for each in lines[: query.count]])

    async def script(self, call: Call) -> ScriptBody:
        seq = call.path["seq"]
        for each in self.governor.registry.ledger:
            if each.script and str(each.seq) == seq:
                return ScriptBody((await _aside(self.artefact, each.script)).decode())
        raise NotFound("no line of the ledger at that position has a script")

    async def export(self, call: Call) -> ExportBody:
        version = self.governor.registry.entry(call.body.model).version
        content = await _aside(self.artefact, version)
        if len(content) > EXPORT_BYTES_MAX:
            raise TooLarge(f"a model of more than {EXPORT_BYTES_MAX} bytes is not handed out over HTTP")
        return ExportBody(self.governor.exported(version, call.person), content)

    def _body_of(self, entry: ModelEntry) -> ModelBody:
        switches = self.service.governance.of_kind(SwitchKind.PAUSE_MODEL)
        return model_body(entry, paused=entry.version in {switch.target for switch in switches})


def model_routes(
    governor: ModelGovernor,
    service: DecisionService,
    models: Models,
    clock: Clock,
    keep_script: Callable[[str], str],
    artefact: Callable[[str], bytes],
) -> list[Route]:
    """The routes; see `ModelHandlers`."""
    do = ModelHandlers(governor, service, models, clock, keep_script, artefact)
    at = "/v1/models"
    return [
        Route("GET", at, "list_models", "Models and where they stand / 模型及其状态", Scope.READ, do.list_models, ModelsBody),
        Route("GET", "/v1/model-proposals", "list_model_proposals", "What is proposed about models / 模型待审批事项",
              Scope.READ, do.proposals, ModelProposalsBody),
        Route("DELETE", "/v1/model-proposals/{id}", "withdraw_model_proposal",
              "Withdraw one's own proposal about a model / 撤回自己的模型提案", Scope.MODELS, do.withdraw, ProposalBody,
              refusals=(409,)),
        Route("GET", "/v1/model-ledger", "list_model_ledger", "The ledger of deployments / 模型部署台账", Scope.READ,
              do.ledger, LedgerBody, query=LedgerQuery, refusals=(404,)),
        Route("GET", "/v1/model-ledger/{seq}/script", "read_deployment_script", "The script of a deployment / 部署脚本",
              Scope.READ, do.script, ScriptBody),
        Route("GET", at + "/{model}", "read_model", "A model with its package and card / 模型、签名包与模型卡", Scope.READ,
              do.read_model, ModelDetailBody),
        Route("GET", at + "/{model}/run", "read_model_run", "What its run found, with curves / 训练运行的指标与曲线",
              Scope.READ, do.read_run, ModelRunBody),
        Route("POST", at, "submit_model", "Submit a model for approval / 提交模型审批", Scope.MODELS, do.submit, ProposalBody,
              SubmitBody, status=201, refusals=(404, 409)),
        Route("POST", at + ":publish", "publish_model", "Propose a new champion / 提交模型发布", Scope.MODELS,
              do.propose(ModelAct.PUBLISH), ProposalBody, ModelActBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":challenge", "challenge_model", "Propose a challenger beside the champion / 提交挑战者模型",
              Scope.MODELS, do.propose(ModelAct.CHALLENGE), ProposalBody, ChallengeBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":retire", "retire_model", "Propose to retire a model for good / 提交模型退役", Scope.MODELS,
              do.propose(ModelAct.RETIRE), ProposalBody, ModelActBody, status=201, refusals=(404, 409),
              body_bytes_max=_ACT_BODY_BYTES_MAX),
        Route("POST", at + ":exit", "exit_models", "Propose to take every model out of service / 提交全部模型下线",
              Scope.MODELS, do.propose(ModelAct.EXIT), ProposalBody, ModelReasonBody, status=201, refusals=(409,)),
        Route("POST", at + ":rollback", "roll_back_model", "Back to the champion before / 回退到上一模型", Scope.OPERATE,
              do.roll_back, ModelBody, ModelReasonBody, refusals=(404, 409)),
        Route("POST", at + ":stand-down", "stand_down_model", "A challenger no longer scores / 挑战者停止评分", Scope.OPERATE,
              do.stand_down, ModelBody, ModelActBody, refusals=(404, 409)),
        Route("POST", at + ":export", "export_model", "Take a model's file out; logged / 导出模型文件（留痕）", Scope.MODELS,
              do.export, ExportBody, ModelKeyBody, refusals=(404,), refused=governor.refused_export),
    ]  # fmt: skip


async def _aside(work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def _script(act: ModelAct, model: str, share: int, person: str, reason: str) -> str:
    """The call as a command, for who brings no script of his own; it does the same when it is run again."""
    words = ["tarim", "models", act.value, *([model] if model else [])]
    if act is ModelAct.CHALLENGE:
        words += ["--percent", f"{share / 100:g}"]
    quoted = reason.replace("'", "'\\''")
    return f"#!/bin/sh\n# proposed by {person}\nset -eu\n{' '.join(words)} --reason '{quoted}'\n"
