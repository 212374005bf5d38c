"""What name screening writes into rows that are about to be judged.

A service asks about every new name before it decides (`names.NameDesk`).  Files have no time for that: their payees' names
are flagged as not screened, so that a rule can say what follows, and their customers have the scores of the matches known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tarim.base.later import Later
from tarim.screening import NamesState, Party, PartyKind
from tarim.stream import Col, Flag, Rows


def score_customers(state: NamesState, rows: Rows, among: Iterable[int] | None = None) -> None:
    """Write into rows the scores of their customers' matches; among: the indices to look at, all if not given."""
    for index in range(len(rows)) if among is None else among:
        row = rows[index]
        party = Party(PartyKind.CUSTOMER, int(row[Col.CUSTOMER]))
        row[Col.CUSTOMER_NAME_SCORE] = state.score(party, int(row[Col.RECEIVED_MS]))


class UnaskedNames:
    """A `tarim.intake.NameScreen` that nobody is behind: what is known counts, and no name is waited for."""

    def __init__(self, state: NamesState) -> None:
        """State: what is in force; looked at with every batch."""
        self._state = state

    def is_answered(self, _name_token: int) -> bool:
        """Always: nothing more will be known."""
        return True

    def ask(self, _names: Mapping[int, str]) -> Later | None:
        """Nobody is asked."""
        return None

    def mark(self, rows: Rows, name_tokens: npt.NDArray[np.int64]) -> None:
        """Flag the payees' names of rows as not screened and score their customers; nothing without a list in force."""
        if not self._state.editions:
            return
        rows[name_tokens != 0, Col.FLAGS] |= int(Flag.NAME_UNSCREENED)
        known = [party.token for party in self._state.matches if party.kind is PartyKind.CUSTOMER]
        if known:
            score_customers(self._state, rows, np.flatnonzero(np.isin(rows[:, Col.CUSTOMER], known)).tolist())
