"""Whether shares may come back from the custodians: a person allows it, another one resumes the run, the node signs (MP-05)."""

from __future__ import annotations

from typing import Final

import msgspec

from tarim.audit import Entry, Query, Store
from tarim.base.errors import DefinitionError
from tarim.base.four_eyes import require_person
from tarim.base.instants import Clock
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Book
from tarim.federation.node.contract import Contract
from tarim.federation.node.custody import Shares
from tarim.federation.node.terms import Digest

_ALLOWED: Final = "custody.allowed"


class Consents:
    """A node's; written down in its chained trail."""

    def __init__(self, name: str, trail: Store, book: Book, shares: Shares, clock: Clock) -> None:
        self._name, self._trail, self._book, self._shares, self._clock = name, trail, book, shares, clock

    def allow(self, run: str, person: str) -> None:
        """Allow that shares of a run come back from the custodians.  Raises DefinitionError."""
        require_person(person)
        try:
            msgspec.convert(run, Digest)
        except msgspec.ValidationError:
            raise DefinitionError("a run is named in full, by 64 hexadecimal digits") from None
        self._trail.record(Entry(self._clock.now_ms(), person, "key", _ALLOWED, f"run:{run}"))

    def given(self, contract: Contract, run: str, operator: str) -> str:
        """This party's signature that shares of a run may come back.

        Raises ContractBreach when nobody, or nobody but the operator, allowed it, or when there are none.
        """
        if contract.custodians is None:
            raise ContractBreach("no custodian holds shares of that run", known=True)
        runs = self._book.runs()
        if any(each.run == run and (each.contract != contract.digest or each.state == "done") for each in runs):
            raise ContractBreach("that run is another contract's, or came to its end", known=True)
        if sum(each.contract == contract.digest and each.state == "done" for each in runs) >= contract.uses:
            # A run that resumes another is no use of its own: it may not open more than the uses would have.
            raise ContractBreach("as many runs of the contract as it has uses came to their end", known=True)
        allowed = self._trail.search(Query(act=_ALLOWED, objects=(f"run:{run}",)))
        if not any(each.entry.who != operator for each in allowed):
            raise ContractBreach(
                f"{self._name} has not allowed that shares of that run come back: tarim party custody allow", known=True
            )
        return self._shares.consent(contract, run)
