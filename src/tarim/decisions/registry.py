"""Which model stands where, which ones score, and the ledger of deployments, as a fold over the journal.

    PROPOSAL  about `model`: somebody submits a model, takes it back, another person approves or rejects it
    MODEL     an act that changes which models score or may score (`ModelRecord`)
    SWITCH    a model is paused, or rules alone decide; only noted here, for the ledger
    LEDGER    what was tried and changed nothing

`Registry` is a value of the journal alone: no clock, no file.  A MODEL record of a version before this one, which only said
what the settings named, reads as the act `install`.  Requirements: RM-26, ML-20, ML-21, ML-28, ML-29.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from tarim.base.errors import Conflict, Damaged, NotFound, TarimError
from tarim.base.four_eyes import Proposal, ProposalState
from tarim.decisions.domain import WHOLE, Lineup
from tarim.decisions.records import MODELS_MAX
from tarim.models import ModelAct, ModelEntry, ModelState, Role, check_service_number, read_package, service_number

MODEL: Final = "model"
"""What a proposal is about that asks for a model's approval; its content is the package's manifest."""
CHALLENGERS_MAX: Final = MODELS_MAX - 1
ENTRIES_MAX: Final = 10_000
LEDGER_REMEMBERED: Final = 10_000
CHAMPIONS_REMEMBERED: Final = 100

DONE: Final = "done"
FAILED: Final = "failed"
REFUSED: Final = "refused"


class ModelRecord(msgspec.Struct, frozen=True):
    """Content of a MODEL record.

    version: the model's; "" for an installation without a model, and for `exit`, which is about all of them.  digest: under
    which its bytes are kept.  share: for `challenge`, hundredths of a percent of the customers.  script: SHA-256 of the kept
    script by which it was deployed.
    """

    version: str
    name: str
    digest: str
    at_ms: int
    author: str = ""
    approver: str = ""
    reason: str = ""
    act: ModelAct = ModelAct.INSTALL
    share: int = 0
    script: str = ""


class LedgerNote(msgspec.Struct, frozen=True):
    """Content of a LEDGER record, and a line of the ledger: who tried what with which model, when, and what came of it.

    seq: position in the journal.  service: the model's service number.  script: as in ModelRecord.
    """

    act: str
    version: str
    service: str
    operator: str
    approver: str
    at_ms: int
    result: str
    detail: str = ""
    script: str = ""
    seq: int = -1


_encode = msgspec.msgpack.Encoder().encode
_record_decoder: Final = msgspec.msgpack.Decoder(ModelRecord)
_note_decoder: Final = msgspec.msgpack.Decoder(LedgerNote)


def encode_model_record(record: ModelRecord) -> bytes:
    """Payload of a MODEL record."""
    return _encode(record)


def encode_ledger_note(note: LedgerNote) -> bytes:
    """Payload of a LEDGER record."""
    return _encode(note)


def decode_model_record(content: bytes | memoryview) -> ModelRecord:
    """The content of a MODEL record, or of a proposal of such an act.  Raises Damaged."""
    try:
        return _record_decoder.decode(content)
    except msgspec.MsgspecError:
        raise Damaged("a record about a model cannot be read") from None


@dataclass(slots=True)
class Registry:
    """The state.

    entries: by version.  champions: versions in the order in which they became champion, "" = none did.  challengers: their
    share by version, in the order in which they came.  turns: service numbers given so far.  closed: every model was taken out
    of service for good.
    """

    entries: dict[str, ModelEntry] = field(default_factory=dict)
    champions: list[str] = field(default_factory=list)
    challengers: dict[str, int] = field(default_factory=dict)
    ledger: list[LedgerNote] = field(default_factory=list)
    turns: int = 0
    closed: bool = False

    @property
    def begun(self) -> bool:
        """Whether the journal says which models score; before, the settings do."""
        return bool(self.champions)

    @property
    def champion(self) -> str:
        """Version of the champion, "" for none."""
        return self.champions[-1] if self.champions else ""

    @property
    def champion_before(self) -> str:
        """The model that was champion before the present one and may be again; "" if there is none."""
        for version in reversed(self.champions):
            if version not in ("", self.champion) and self.entries[version].state in (
                ModelState.APPROVED,
                ModelState.LIVE,
            ):
                return version
        return ""

    @property
    def lineup(self) -> Lineup:
        """The models that would score if none were paused."""
        return Lineup(self.champion, tuple(self.challengers.items()))

    @property
    def live(self) -> list[str]:
        """Versions of all live models."""
        return [each for each in (self.champion, *self.challengers) if each]

    def entry(self, key: str) -> ModelEntry:
        """The entry of a version, of the beginning of one (8 digits or more), or of a service number.  Raises NotFound."""
        found = self.entries.get(key)
        if found is not None:
            return found
        matching = [
            each
            for each in self.entries.values()
            if each.service == key or (len(key) >= 8 and each.version.startswith(key))
        ]
        if len(matching) != 1:
            raise NotFound(
                "no model of that version or service number" if not matching else "several models begin like that"
            )
        return matching[0]

    def number_for(self, version: str) -> str:
        """The service number that this model has, or gets when it is submitted next."""
        known = self.entries.get(version)
        return known.service if known is not None else service_number(self.turns + 1)

    # ---- what may happen -------------------------------------------------------------------------------------------

    def check(self, record: ModelRecord) -> None:
        """Nothing for an act that goes in this state.  Raises Conflict, NotFound."""
        if self.closed:
            raise Conflict("every model was taken out of service for good; rules alone decide from here on")
        if record.act is ModelAct.EXIT:
            return
        if record.act is ModelAct.INSTALL:
            if self.entries:
                raise Conflict("this journal knows models already: submit this one, and have it published")
            return
        entry = self.entry(record.version)
        entry.after(record.act, record.at_ms)
        if record.act in (ModelAct.PUBLISH, ModelAct.ROLL_BACK) and record.version == self.champion:
            raise Conflict(f"{entry.service} is the champion already")
        if record.act is ModelAct.STAND_DOWN and entry.role is not Role.CHALLENGER:
            raise Conflict(
                f"{entry.service} is the champion: pause it, go back to the model before, or publish another"
            )
        if record.act is ModelAct.CHALLENGE:
            self._check_challenge(record, entry)

    def _check_challenge(self, record: ModelRecord, entry: ModelEntry) -> None:
        if record.version == self.champion:
            raise Conflict(f"{entry.service} is the champion and cannot challenge itself")
        if not 0 <= record.share <= WHOLE:
            raise Conflict(f"a part of the customers is 0 to {WHOLE} hundredths of a percent")
        others = {version: share for version, share in self.challengers.items() if version != record.version}
        if len(others) >= CHALLENGERS_MAX:
            raise Conflict(f"{CHALLENGERS_MAX} models challenge already; have one of them stand down first")
        judging = next((version for version, share in others.items() if share), "")
        if record.share and judging:
            raise Conflict(
                f"{self.entries[judging].service} judges a part of the customers already, and one challenger at a time may: "
                "its part would say nothing otherwise"
            )

    # ---- the fold --------------------------------------------------------------------------------------------------

    def take_proposal(self, proposal: Proposal, content: bytes, seq: int) -> None:
        """A PROPOSAL record.  Raises Damaged."""
        if proposal.what != MODEL or self.closed:
            return
        manifest = read_package(content)
        version = manifest.model
        entry = self.entries.get(version) or ModelEntry(version, manifest.service, manifest.name)
        act = {
            ProposalState.PROPOSED: ModelAct.SUBMIT,
            ProposalState.APPROVED: ModelAct.APPROVE,
            ProposalState.REJECTED: ModelAct.REJECT,
            ProposalState.WITHDRAWN: ModelAct.WITHDRAW,
        }[proposal.state]
        if act is ModelAct.SUBMIT:
            self.turns = max(self.turns, check_service_number(manifest.service))
            entry = msgspec.structs.replace(
                entry,
                name=manifest.name,
                manifest=proposal.digest,
                author=proposal.author,
                submitted_ms=proposal.proposed_ms,
            )
        elif act is ModelAct.APPROVE:
            entry = msgspec.structs.replace(entry, approver=proposal.decider, approved_ms=proposal.decided_ms)
        self._put(entry, act, proposal.decided_ms, seq)
        operator, approver = proposal.author, proposal.decider
        if act is ModelAct.WITHDRAW:
            approver = ""
        at_ms = proposal.decided_ms or proposal.proposed_ms
        detail = proposal.note or proposal.reason
        self._line(LedgerNote(act, version, entry.service, operator, approver, at_ms, DONE, detail, "", seq))

    def take_record(self, content: bytes | memoryview, seq: int) -> None:
        """A MODEL record.  Raises Damaged."""
        record = decode_model_record(content)
        act = record.act
        if act is ModelAct.EXIT:
            for entry in list(self.entries.values()):
                if entry.state is not ModelState.RETIRED:
                    self._put(entry, act, record.at_ms, seq)
            self.champions.append("")
            self.challengers.clear()
            self.closed = True
        elif act is ModelAct.INSTALL:
            self._install(record, seq)
        else:
            self._act(record, seq)
        del self.champions[:-CHAMPIONS_REMEMBERED]
        service = self.entries[record.version].service if record.version else ""
        self._line(
            LedgerNote(
                act,
                record.version,
                service,
                record.author,
                record.approver,
                record.at_ms,
                DONE,
                record.reason,
                record.script,
                seq,
            )
        )

    def take_note(self, content: bytes | memoryview, seq: int) -> None:
        """A LEDGER record.  Raises Damaged."""
        try:
            note = _note_decoder.decode(content)
        except msgspec.MsgspecError:
            raise Damaged(f"the record at {seq} cannot be read") from None
        self._line(msgspec.structs.replace(note, seq=seq))

    def note_switch(
        self, act: str, version: str, author: str, approver: str, at_ms: int, reason: str, seq: int
    ) -> None:
        """A switch about models came into force."""
        service = self.entries[version].service if version in self.entries else ""
        self._line(LedgerNote(act, version, service, author, approver, at_ms, DONE, reason, "", seq))

    def _install(self, record: ModelRecord, seq: int) -> None:
        """What the settings named at a start; versions of this program before this one allowed it at every start."""
        version = record.version
        if version and version not in self.entries:
            self.turns += 1
            self.entries[version] = ModelEntry(version, service_number(self.turns), record.name)
        if version and self.entries[version].state is not ModelState.DRAFT:
            self._crown(version, ModelAct.PUBLISH, record.at_ms, seq)
        elif version:
            self._crown(version, ModelAct.INSTALL, record.at_ms, seq)
        else:
            self._abdicate(record.at_ms, seq)
            self.champions.append("")

    def _act(self, record: ModelRecord, seq: int) -> None:
        version, act = record.version, record.act
        entry = self.entries.get(version)
        if entry is None:
            raise Damaged(f"the record at {seq} is about a model that was never submitted")
        if act in (ModelAct.PUBLISH, ModelAct.ROLL_BACK):
            self._crown(version, act, record.at_ms, seq)
            return
        self._put(entry, act, record.at_ms, seq)
        if act is ModelAct.CHALLENGE:
            self.challengers[version] = record.share
            self.entries[version] = msgspec.structs.replace(self.entries[version], share=record.share)
            return
        self.challengers.pop(version, None)
        if version == self.champion:
            self.champions.append("")

    def _crown(self, version: str, act: ModelAct, at_ms: int, seq: int) -> None:
        if version != self.champion:
            self._abdicate(at_ms, seq)
        self._put(self.entries[version], act, at_ms, seq)
        self.challengers.pop(version, None)
        self.champions.append(version)

    def _abdicate(self, at_ms: int, seq: int) -> None:
        if self.champion:
            self._put(self.entries[self.champion], ModelAct.STAND_DOWN, at_ms, seq)

    def _put(self, entry: ModelEntry, act: ModelAct, at_ms: int, seq: int) -> None:
        try:
            self.entries[entry.version] = entry.after(act, at_ms)
        except TarimError as error:
            raise Damaged(f"the record at {seq}: {error.detail}") from None

    def _line(self, note: LedgerNote) -> None:
        self.ledger.append(note)
        del self.ledger[:-LEDGER_REMEMBERED]


class RegistryState(msgspec.Struct, frozen=True, array_like=True):
    """A Registry as a snapshot keeps it."""

    entries: list[ModelEntry]
    champions: list[str]
    challengers: list[tuple[str, int]]
    ledger: list[LedgerNote]
    turns: int
    closed: bool

    @classmethod
    def of(cls, registry: Registry) -> RegistryState:
        """What to keep."""
        return cls(
            list(registry.entries.values()),
            registry.champions,
            list(registry.challengers.items()),
            registry.ledger,
            registry.turns,
            registry.closed,
        )

    def registry(self) -> Registry:
        """The registry of it."""
        return Registry(
            {each.version: each for each in self.entries},
            list(self.champions),
            dict(self.challengers),
            list(self.ledger),
            self.turns,
            self.closed,
        )
