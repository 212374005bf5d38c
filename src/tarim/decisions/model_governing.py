"""Changing which models score while decisions go on: the use cases of the registry.

    submit ──► another person approves the signed package ──► publish or challenge, proposed ──► another person approves
                                                                     │  the model is loaded aside first
                                                                     ▼
                                              MODEL record between two groups of events

Submitting, publishing, challenging, retiring and the exit take two persons (`Governor`).  One person alone may go back to the
model before, and have a challenger stand down; pauses and rules-only are switches.  What fails, and what is handed out or
refused, is a line of the ledger too.  Requirements: RM-26, ML-20, ML-26, ML-28, ML-29.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from tarim.base.errors import Conflict, NotFound, TarimError
from tarim.base.four_eyes import Proposal, require_person
from tarim.base.instants import MINUTE_MS, Clock
from tarim.decisions.governance import check_reason
from tarim.decisions.governing import Governor
from tarim.decisions.ports import Judge
from tarim.decisions.records import RecordKind
from tarim.decisions.registry import (
    DONE,
    ENTRIES_MAX,
    FAILED,
    MODEL,
    REFUSED,
    LedgerNote,
    ModelRecord,
    Registry,
    decode_model_record,
    encode_ledger_note,
    encode_model_record,
)
from tarim.decisions.service import DecisionService
from tarim.models import ModelAct, read_package

PROPOSED_ACTS: Final = (ModelAct.PUBLISH, ModelAct.CHALLENGE, ModelAct.RETIRE, ModelAct.EXIT)
"""Acts that take two persons; a proposal of one is about `model-` and its name."""
EXPORT: Final = "export"
DETAIL_CHARACTERS_MAX: Final = 500

Package = Callable[[str], Awaitable[None]]
"""Checks, aside, that the package with this manifest digest is whole and its model can be loaded.  Raises TarimError."""

Shred = Callable[[], int]
"""Destroys the bytes of every model; how many files."""


class ModelGovernor:
    """The use cases; called in the thread of the decisions.  Every method is durable when it returns."""

    def __init__(
        self, governor: Governor, service: DecisionService, clock: Clock, package: Package, shred: Shred
    ) -> None:
        self._governor = governor
        self._service = service
        self._clock = clock
        self._package = package
        self._shred = shred
        self._refused_ms: dict[str, int] = {}
        governor.govern(MODEL, self._prepare_approval)
        for act in PROPOSED_ACTS:
            governor.govern(subject_of(act), self._prepare_act)

    @property
    def registry(self) -> Registry:
        """Where every model stands."""
        return self._service.governance.registry

    # ---- two persons -----------------------------------------------------------------------------------------------

    def submit(self, manifest: bytes, person: str, reason: str) -> Proposal:
        """Ask for the approval of a package that is kept.  Raises Conflict, DefinitionError, Unavailable, Damaged."""
        registry, package = self.registry, read_package(manifest)
        if registry.closed:
            raise Conflict("every model was taken out of service for good; no other one is taken")
        if package.service != registry.number_for(package.model):
            raise Conflict(f"{package.service} is not this model's service number")
        known = registry.entries.get(package.model)
        if known is not None:
            known.after(ModelAct.SUBMIT, 0)
        elif len(registry.entries) >= ENTRIES_MAX:
            raise Conflict(f"the registry holds {ENTRIES_MAX} models, and no more are taken")
        return self._governor.propose(MODEL, manifest, person, reason)

    def propose(
        self, act: ModelAct, model: str, person: str, reason: str, *, share: int = 0, script: str = ""
    ) -> Proposal:
        """Ask for an act of PROPOSED_ACTS; model: as `Registry.entry` takes it.  Raises Conflict, NotFound, DefinitionError."""
        assert act in PROPOSED_ACTS
        version = name = ""
        if act is not ModelAct.EXIT:
            entry = self.registry.entry(model)
            version, name = entry.version, entry.name
        record = ModelRecord(version, name, version, 0, person, "", reason, act, share, script)
        self.registry.check(record)
        return self._governor.propose(subject_of(act), encode_model_record(record), person, reason)

    def proposed(self) -> list[tuple[Proposal, ModelRecord]]:
        """Open proposals about models, the oldest first, with what each would do; of a submission the act is `approve`."""
        found = []
        for each in self._service.governance.proposals.values():
            if each.proposal.what == MODEL:
                package = read_package(each.content)
                record = ModelRecord(package.model, package.name, package.model, 0, act=ModelAct.APPROVE)
            elif each.proposal.what in _SUBJECTS:
                record = decode_model_record(each.content)
            else:
                continue
            found.append((each.proposal, record))
        return found

    def withdraw(self, proposal_id: str, person: str) -> Proposal:
        """Take back one's own proposal about a model.  Raises NotFound, also for one about something else; NotAllowed."""
        proposal = self._governor.proposed(proposal_id).proposal
        if proposal.what != MODEL and proposal.what not in _SUBJECTS:
            raise NotFound("no open proposal of that id")
        return self._governor.withdraw(proposal_id, person)

    async def _prepare_approval(self, approved: Proposal, content: bytes) -> Callable[[], None]:
        """The approval is the proposal's own record; what can fail is the package."""
        package = read_package(content)
        record = ModelRecord(
            package.model, package.name, "", 0, approved.author, approved.decider, "", act=ModelAct.APPROVE
        )
        with self._noting(record):
            if self.registry.closed:
                raise Conflict("every model was taken out of service for good")
            await self._package(approved.digest)
        return lambda: None

    async def _prepare_act(self, approved: Proposal, content: bytes) -> Callable[[], None]:
        record = msgspec.structs.replace(
            decode_model_record(content), at_ms=approved.decided_ms, author=approved.author, approver=approved.decider
        )
        with self._noting(record):
            self.registry.check(record)
            judge = await self._judge_with(record)

        def put_in_force() -> None:
            with self._noting(record):
                self._service.change_models(record, judge)
            if record.act is ModelAct.EXIT:
                self._finish_exit(record)

        return put_in_force

    async def _judge_with(self, record: ModelRecord) -> Judge | None:
        """A judge that has the models which are live after the act; None when the present one has."""
        if record.act is ModelAct.RETIRE:
            return None
        ruleset = self._service.governance.ruleset
        if ruleset is None:
            raise Conflict("no ruleset is in force yet")
        live = [] if record.act is ModelAct.EXIT else [*self.registry.live, record.version]
        return await self._governor.compiled(ruleset, list(dict.fromkeys(live)))

    def _finish_exit(self, record: ModelRecord) -> None:
        self._service.commit()  # no byte is destroyed before it is certain that none is needed
        count = self._shred()
        detail = f"{count} files of models were overwritten and removed"
        note = LedgerNote("shred", "", "", record.author, record.approver, record.at_ms, DONE, detail)
        self._service.control(RecordKind.LEDGER, encode_ledger_note(note))

    # ---- one person ------------------------------------------------------------------------------------------------

    async def roll_back(self, person: str, reason: str) -> ModelRecord:
        """The champion before is champion again.  Raises Conflict when there is none, NotFound when its bytes are gone."""
        self._check_person(person, reason)
        version = self.registry.champion_before
        if not version:
            raise Conflict("no other model was champion before this one and may be again")
        record = self._record(ModelAct.ROLL_BACK, version, person, reason)
        with self._noting(record):
            self.registry.check(record)
            judge = await self._judge_with(record)
            self._service.change_models(record, judge)
        self._service.commit()
        return record

    def stand_down(self, model: str, person: str, reason: str) -> ModelRecord:
        """A challenger no longer scores.  Raises Conflict for any other model, NotFound."""
        self._check_person(person, reason)
        record = self._record(ModelAct.STAND_DOWN, self.registry.entry(model).version, person, reason)
        self._service.change_models(record)
        self._service.commit()
        return record

    def exported(self, model: str, person: str) -> str:
        """Note that a person takes a model's bytes out; its version.  Raises NotFound."""
        entry = self.registry.entry(model)
        self._line(LedgerNote(EXPORT, entry.version, entry.service, person, "", self._clock.now_ms(), DONE))
        return entry.version

    def refused_export(self, person: str) -> None:
        """Note that a person may not take a model's bytes out; one line a minute and person, or the journal could be filled."""
        now_ms = self._clock.now_ms()
        if now_ms - self._refused_ms.get(person, -MINUTE_MS) < MINUTE_MS:
            return
        self._refused_ms = {name: at for name, at in self._refused_ms.items() if now_ms - at < MINUTE_MS} | {
            person: now_ms
        }
        self._line(LedgerNote(EXPORT, "", "", person, "", now_ms, REFUSED, "the key has no scope models"))

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _record(self, act: ModelAct, version: str, person: str, reason: str) -> ModelRecord:
        name = self.registry.entries[version].name
        return ModelRecord(version, name, version, self._clock.now_ms(), person, "", reason, act)

    def _check_person(self, person: str, reason: str) -> None:
        require_person(person)
        check_reason(reason)
        if self.registry.closed:
            raise Conflict("every model was taken out of service for good")

    @contextmanager
    def _noting(self, record: ModelRecord) -> Iterator[None]:
        """Write a failure of what is done inside into the ledger, too."""
        try:
            yield
        except TarimError as error:
            known = self.registry.entries.get(record.version)
            self._line(
                LedgerNote(
                    record.act,
                    record.version,
                    known.service if known is not None else "",
                    record.author,
                    record.approver,
                    self._clock.now_ms(),
                    FAILED,
                    error.detail[:DETAIL_CHARACTERS_MAX],
                    record.script,
                )
            )
            raise

    def _line(self, note: LedgerNote) -> None:
        self._service.control(RecordKind.LEDGER, encode_ledger_note(note))
        self._service.commit()


def subject_of(act: ModelAct) -> str:
    """What a proposal of the act is about."""
    return f"{MODEL}-{act.value}"


_SUBJECTS: Final = frozenset(subject_of(act) for act in PROPOSED_ACTS)
