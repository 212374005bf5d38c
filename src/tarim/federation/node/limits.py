"""How often may be asked: rows of a contract, of a day, of one person's key, about one customer; and what looks like a sweep.

A decision is a bit about a score.  Asked about the same customer under contracts with other cuts, each answer halves what the
score can be; so a customer is decided on with few cuts of one model in a month, whatever each contract allows.  Asking about
customers that are not common would tell who is: after a few of them a key is refused for the day.

Each side counts in its own book, in the transaction that allows the question.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, select, update

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Book
from tarim.federation.node.contract import Contract
from tarim.federation.node.tables import ASKED, ASKERS
from tarim.federation.node.terms import QueryTerms
from tarim.federation.queries import Question
from tarim.records import Database

CUTS_MAX: Final = 3
"""Contracts for decisions of one model under which one customer may be asked about within CUTS_DAYS."""
CUTS_DAYS: Final = 30


class TooMuchAsked(ContractBreach):
    """More than the contract allows."""


class Sweep(ContractBreach):
    """What is asked would lead to a score, or to who is a common customer, step by step."""


class Limits:
    """Counts of a node's query contracts."""

    def __init__(self, database: Database, book: Book) -> None:
        self._database, self._book = database, book

    def count(self, contract: Contract, rows: npt.NDArray[np.int64], key: str, at_ms: int) -> None:
        """Count questions about these rows by a person's key.  Raises TooMuchAsked, Sweep, and counts nothing then."""
        terms, day = contract.terms, _day(at_ms)
        assert isinstance(terms, QueryTerms)
        with self._database.writing() as connection:
            self._database.lock(connection, "party-uses")
            left = contract.uses - self._book.used(connection, contract)
            if len(rows) > left:
                raise TooMuchAsked(f"of the contract's {contract.uses} uses {left} are left", known=True)
            self._book.use(connection, contract, len(rows))
            self._count_key(connection, contract, key, day, asked=len(rows))
            today = (ASKED.c.contract == contract.digest) & (ASKED.c.day == day)
            found = connection.execute(select(ASKED.c.row, ASKED.c.times).where(today)).all()
            asked = {each.row: each.times for each in found}
            if sum(asked.values()) + len(rows) > terms.a_day_max:
                raise TooMuchAsked(f"at most {terms.a_day_max} questions a day are agreed", known=True)
            if terms.question is Question.DECISION:
                self._look_for_cuts(connection, contract, terms, set(rows.tolist()), day)
            for row, times in Counter(rows.tolist()).items():
                total = asked.get(row, 0) + times
                if total > terms.a_customer_a_day_max:
                    raise TooMuchAsked(
                        f"at most {terms.a_customer_a_day_max} questions a day about one customer are agreed",
                        known=True,
                    )
                if row in asked:
                    connection.execute(update(ASKED).where(today & (ASKED.c.row == row)).values(times=total))
                else:
                    connection.execute(insert(ASKED).values(contract=contract.digest, day=day, row=row, times=total))

    def missed(self, contract: Contract, key: str, customers: int, at_ms: int) -> None:
        """Count customers whom a person's key asked about and who are not common.  Raises Sweep when there were too many."""
        assert isinstance(contract.terms, QueryTerms)
        with self._database.writing() as connection:
            self._database.lock(connection, "party-uses")
            self._count_key(connection, contract, key, _day(at_ms), missed=customers)
        self.require_few_missed(contract, key, at_ms)

    def require_few_missed(self, contract: Contract, key: str, at_ms: int) -> None:
        """Nothing while a key has asked about few customers today who are not common.  Raises Sweep."""
        terms = contract.terms
        assert isinstance(terms, QueryTerms)
        with self._database.reading() as connection:
            mine = _of_key(contract, key, _day(at_ms))
            missed = connection.execute(select(ASKERS.c.missed).where(mine)).scalar() or 0
        if missed > terms.missed_a_day_max:
            raise Sweep(
                f"this key asked about more than {terms.missed_a_day_max} customers today who are not common; "
                f"it is refused until tomorrow",
                known=True,
            )

    def _count_key(
        self, connection: Connection, contract: Contract, key: str, day: int, *, asked: int = 0, missed: int = 0
    ) -> None:
        terms, mine = contract.terms, _of_key(contract, key, day)
        assert isinstance(terms, QueryTerms)
        found = connection.execute(select(ASKERS.c.asked, ASKERS.c.missed).where(mine)).first()
        total = (0 if found is None else found.asked) + asked
        if asked and total > terms.a_key_a_day_max:
            raise TooMuchAsked(f"at most {terms.a_key_a_day_max} questions a day with one key are agreed", known=True)
        values = {"asked": total, "missed": (0 if found is None else found.missed) + missed}
        if found is None:
            connection.execute(insert(ASKERS).values(contract=contract.digest, day=day, key=key, **values))
        else:
            connection.execute(update(ASKERS).where(mine).values(**values))

    def _look_for_cuts(
        self, connection: Connection, contract: Contract, terms: QueryTerms, rows: set[int], day: int
    ) -> None:
        """The same customers under other contracts for decisions of the same model.  Raises Sweep."""
        others = [
            each.digest
            for kept in self._book.contracts()
            if (each := kept.signed.contract).digest != contract.digest
            and isinstance(each.terms, QueryTerms)
            and each.terms.question is Question.DECISION
            and each.terms.models == terms.models
        ]
        if len(others) < CUTS_MAX:
            return
        recent = ASKED.c.contract.in_(others) & (ASKED.c.day > day - CUTS_DAYS)
        found = connection.execute(select(ASKED.c.row, ASKED.c.contract).where(recent).distinct()).all()
        under = Counter(each.row for each in found if each.row in rows)
        if any(count >= CUTS_MAX for count in under.values()):
            raise Sweep(
                f"a customer was asked about under {CUTS_MAX} other contracts of this model within {CUTS_DAYS} days; "
                f"more would lead to the score",
                known=True,
            )


def _day(at_ms: int) -> int:
    return (at_ms + CHINA_OFFSET_MS) // DAY_MS


def _of_key(contract: Contract, key: str, day: int) -> Any:
    return (ASKERS.c.contract == contract.digest) & (ASKERS.c.day == day) & (ASKERS.c.key == key)
