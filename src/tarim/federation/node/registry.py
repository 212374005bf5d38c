"""Joint models of a node: service numbers, where each stands, the ledger of what was done with it (ML-20, ML-21, AS-18).

trained     this side keeps its part
in use      a query contract that names the run bears both signatures, each side's by another person than wrote it down
retired     a person took it out of use here; no question is answered from it any more

The ledger is the node's chained audit trail, so an entry cannot be changed unnoticed.  A number is given once, by the turn of
the model in the trail; each house numbers its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.audit import PAGE_MAX, Chained, Entry, Query, Store, plain
from tarim.base.errors import Conflict, DefinitionError, NotFound
from tarim.base.four_eyes import require_person
from tarim.base.instants import Clock
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Kept
from tarim.federation.node.terms import QueryTerms
from tarim.models import service_number

_KEPT: Final = "model.kept"
_DEPLOYED: Final = "model.deployed"
_RETIRED: Final = "model.retired"
REASON_CHARACTERS_MAX: Final = 200


class Standing(StrEnum):
    """Where a model stands."""

    TRAINED = "trained"
    IN_USE = "in use"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class JointModelEntry:
    """A model.  number: its service number; contract: the one that trained it; who: the operator."""

    run: str
    number: str
    contract: str
    who: str
    kept_ms: int
    standing: Standing


class Registry:
    """The models of a node.  Threads and processes may share the trail."""

    def __init__(self, trail: Store, clock: Clock) -> None:
        self._trail, self._clock = trail, clock

    def kept(self, run: str, contract: str, operator: str) -> str:
        """Note that this side keeps its part of a model; the service number."""
        database = self._trail.database
        with database.writing() as connection:
            database.lock(connection, "party-models")
            number = service_number(1 + len(self._runs()))
            self._trail.append(
                connection, [self._entry(_KEPT, run, operator, {"number": number, "contract": contract})]
            )
        return number

    def deployed(self, kept: Kept) -> None:
        """Note that a query contract is in force for its models; once."""
        contract = kept.signed.contract
        if not isinstance(contract.terms, QueryTerms) or not kept.signed.complete:
            return
        for run in contract.terms.models:
            known = any(
                each.entry.act == _DEPLOYED and each.entry.detail.get("contract") == contract.digest
                for each in self.ledger(run)
            )
            if not known:
                detail: dict[str, str | int] = {"contract": contract.digest, "author": kept.author, "peer": kept.peer}
                self._note(_DEPLOYED, run, kept.signer, detail)

    def retire(self, run: str, person: str, reason: str) -> None:
        """Take a model out of use here; one person may.  Raises NotFound, Conflict, DefinitionError."""
        require_person(person)
        if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
            raise DefinitionError(f"a model is retired for a reason of 1 to {REASON_CHARACTERS_MAX} characters")
        if self.entry(run).standing is Standing.RETIRED:
            raise Conflict("the model is retired already")
        self._note(_RETIRED, run, person, {}, plain(reason, REASON_CHARACTERS_MAX))

    def entries(self) -> list[JointModelEntry]:
        """All models, in the order of their numbers."""
        acts = {run: {each.entry.act for each in self.ledger(run)} for run in self._runs()}
        found = []
        for each in self._trail.read():
            if each.entry.act == _KEPT:
                run = each.entry.object.removeprefix("model:")
                standing = Standing.IN_USE if _DEPLOYED in acts[run] else Standing.TRAINED
                standing = Standing.RETIRED if _RETIRED in acts[run] else standing
                number, contract = str(each.entry.detail["number"]), str(each.entry.detail["contract"])
                found.append(JointModelEntry(run, number, contract, each.entry.who, each.entry.at_ms, standing))
        return found

    def entry(self, run_or_number: str) -> JointModelEntry:
        """One by its service number, its run or the beginning of that.  Raises NotFound."""
        found = [
            each
            for each in self.entries()
            if each.number == run_or_number or (run_or_number and each.run.startswith(run_or_number))
        ]
        if len(found) != 1:
            raise NotFound(f"{len(found) or 'no'} models have a service number or run like that")
        return found[0]

    def ledger(self, run: str) -> list[Chained]:
        """What was done with a model, newest first."""
        return self._trail.search(Query(act="model.*", objects=(f"model:{run}",), limit=PAGE_MAX))

    def require_in_use(self, runs: Sequence[str]) -> None:
        """Nothing while none of the models is retired here.  Raises ContractBreach."""
        for run in runs:
            if any(each.entry.act == _RETIRED for each in self.ledger(run)):
                raise ContractBreach("a model of the contract was retired", known=True)

    def _runs(self) -> list[str]:
        return [each.entry.object.removeprefix("model:") for each in self._trail.read() if each.entry.act == _KEPT]

    def _note(self, act: str, run: str, who: str, detail: dict[str, str | int], reason: str = "") -> None:
        self._trail.record(self._entry(act, run, who, detail, reason))

    def _entry(self, act: str, run: str, who: str, detail: dict[str, str | int], reason: str = "") -> Entry:
        kind = "key" if who else "nobody"
        return Entry(self._clock.now_ms(), who, kind, act, f"model:{run}", reason=reason, detail=detail)
