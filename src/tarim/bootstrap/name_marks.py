"""What name screening writes into rows that are about to be judged, of a service and of files.

A service asks a helper about every new name before it decides (`names.NameDesk`).  Files are screened by the process that reads
them, name by name before its rows are judged: a millisecond for each name that was not asked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tarim.base.later import Later
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.name_helper import Hit, ListScreener
from tarim.screening import Found, NamesState, Party, PartyKind, Subject
from tarim.stream import Col, Flag, Rows


def score_customers(state: NamesState, rows: Rows, among: Iterable[int] | None = None) -> None:
    """Write into rows the scores of their customers' matches; among: the indices to look at, all if not given."""
    for index in range(len(rows)) if among is None else among:
        row = rows[index]
        party = Party(PartyKind.CUSTOMER, int(row[Col.CUSTOMER]))
        row[Col.CUSTOMER_NAME_SCORE] = state.score(party, int(row[Col.RECEIVED_MS]))


def matches_of(payee: int, hits: Sequence[Hit]) -> list[Found]:
    """The matches of a payee of that token."""
    party = Party(PartyKind.PAYEE, payee)
    return [Found(party, hit.list_name, hit.entry, hit.entry_digest, hit.score, hit.listed) for hit in hits]


class FileNames:
    """A `tarim.intake.NameScreen` for files: it answers in the thread that asks, against the editions in force.

    The lists are read when the first name is asked; what is in force stays while files are read.  Not for use by two threads
    at once.
    """

    def __init__(self, state: NamesState, artefacts: Artefacts, threshold: int, remembered_max: int) -> None:
        """State: what is in force.  threshold: hundredths.  remembered_max: names beyond one table's."""
        self._state = state
        self._artefacts = artefacts
        self._threshold = threshold
        self._remembered_max = remembered_max
        self._answers: dict[int, tuple[Hit, ...]] = {}
        self._screener: tuple[list[str], ListScreener] | None = None
        self._noted: dict[tuple[Party, str, str], Found] = {}

    def is_answered(self, name_token: int) -> bool:
        """Whether the name was asked before; everything is while no list is in force."""
        return name_token in self._answers or not self._state.editions

    def ask(self, names: Mapping[int, str]) -> Later | None:
        """Screen these names, now; nothing is to be waited for.  Raises NotFound, Damaged when a list cannot be read."""
        screener = self._for_editions()
        for token, name in names.items():
            self._answers[token] = tuple(screener.screen(Subject(name))[0])
        return None

    def mark(self, rows: Rows, name_tokens: npt.NDArray[np.int64]) -> None:
        """Write scores of payees and customers into rows, and the flag where a payee's name was not asked."""
        if not self._state.editions:
            return
        told = [token for token in np.unique(name_tokens[name_tokens != 0]).tolist() if self._answers.get(token) != ()]
        for index in np.flatnonzero(np.isin(name_tokens, told)).tolist() if told else ():
            row, hits = rows[index], self._answers.get(int(name_tokens[index]))
            if hits is None:
                row[Col.FLAGS] |= int(Flag.NAME_UNSCREENED)
                continue
            found = matches_of(int(row[Col.PAYEE]), hits)
            row[Col.PAYEE_NAME_SCORE] = self._state.counting(found[0].party, found, int(row[Col.RECEIVED_MS]))
            if row[Col.PAYEE]:
                self._note(found)
        known = [party.token for party in self._state.matches if party.kind is PartyKind.CUSTOMER]
        if known:
            score_customers(self._state, rows, np.flatnonzero(np.isin(rows[:, Col.CUSTOMER], known)).tolist())
        if len(self._answers) > self._remembered_max:  # only now: the rows above needed theirs
            self._answers.clear()

    def noted(self) -> list[Found]:
        """Matches of payees that are news since this was asked last: work for people, once they lie in the journal."""
        noted, self._noted = list(self._noted.values()), {}
        return noted

    def _note(self, found: Sequence[Found]) -> None:
        for each in found:
            if self._state.is_news(each):
                self._noted[each.party, each.list_name, each.entry] = each

    def _for_editions(self) -> ListScreener:
        digests = [edition.digest for edition in self._state.in_force.values()]
        if self._screener is None or self._screener[0] != digests:
            self._answers.clear()
            self._screener = digests, ListScreener(self._artefacts, digests, self._threshold)
        return self._screener[1]
