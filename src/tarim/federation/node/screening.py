"""Screening columns under a contract: each party's look at its own, information values and correlations computed together.

    first -> second   bins of each of its columns; widths of those that are correlated, and which they are
    second -> first   which of its columns are correlated
    both              `learning.screening`

Public beside the contract: how many bins a column has, which numbers are constant or nearly so among the common customers.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.channel import Channel
from tarim.federation.errors import ProtocolBroken
from tarim.federation.learning.preparation import Coarse, Profile, coarse, drawn_in, levels, profile
from tarim.federation.learning.screening import (
    Levels,
    correlations,
    information_in_the_clear,
    information_values,
    standardised,
)
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Shape, hear, say
from tarim.federation.node.data_sets import Raw, Rows
from tarim.federation.node.terms import Output, ScreeningTerms
from tarim.federation.randomness import Bits
from tarim.federation.session import Role, Session

PAIRS_MAX: Final = 10_000

Places = npt.NDArray[np.int64]


class Screened(msgspec.Struct, frozen=True):
    """What this side learned.  figures: what was opened to it, by name; own: of its own columns.

    own_values: information values of its own columns, where it has the label.
    """

    figures: dict[str, float]
    own: list[Profile]
    own_values: dict[str, float]


class Screening:
    """One side.  Both sides call the same in the same order."""

    def __init__(self, channel: Channel, contract: Contract, role: Role, rows: Rows, places: Places) -> None:
        """places: own rows of the common customers, in the common order."""
        assert isinstance(contract.terms, ScreeningTerms)
        self._channel, self._contract, self._role, self._terms = channel, contract, role, contract.terms
        self._rows, self._places = rows, places
        self._raw: list[Raw] = rows.raw()
        self._cuts: list[Coarse] = [
            coarse(each.values[places], self._terms.bins, self._terms.bin_rows_min) for each in self._raw
        ]
        own = [profile(each.name, each.values, places, cut) for each, cut in zip(self._raw, self._cuts, strict=True)]
        self.found = Screened({}, own, {})

    def information(self, session: Session) -> None:
        """Information values of the first party's columns; the second's own are nobody's business but its own."""
        first = self._role is Role.FIRST
        codes = np.stack(
            [cut.codes(each.values[self._places]) for each, cut in zip(self._raw, self._cuts, strict=True)], axis=1
        )
        counts = [cut.bins for cut in self._cuts]
        names = self._contract.first_data.features
        labels = self._labels()
        if labels is not None:
            values = information_in_the_clear(codes, counts, labels, self._terms.digits)
            self.found.own_values.update({raw.name: float(v) for raw, v in zip(self._raw, values, strict=True)})
        if first:
            say(self._channel, "bins of the columns", Shape(tuple(counts)))
        else:
            counts = list(hear(self._channel, "bins of the columns", Shape).columns)
            if len(counts) != len(names) or not all(1 <= count <= self._terms.bins + 1 for count in counts):
                raise ProtocolBroken("the other party has other columns than the contract names")
        recipients = self._contract.opened_to(Output.INFORMATION)
        found = information_values(
            session, codes if first else None, counts, labels, len(self._places), self._terms.digits, recipients,
            Output.INFORMATION.value,
        )  # fmt: skip
        if found is not None:
            self.found.figures.update({f"iv {name}": float(v) for name, v in zip(names, found, strict=True)})

    def correlation(self, session: Session) -> None:
        """Correlations of the numbers of both, and of the first party's with the label."""
        rows = min(self._terms.correlation_rows, len(self._places))
        columns = [each.values for each in self._raw]
        numbers = {
            place: drawn_in(column[self._places][:rows].astype(np.float64))
            for place, column in enumerate(columns)
            if column.dtype.kind == "f"
        }
        names = [[*self._contract.data(role).features] for role in Role]
        names[Role.SECOND].append(self._contract.second_data.label)
        labels = self._labels()
        if labels is not None:
            numbers[len(columns)] = labels[:rows].astype(np.float64)
        mine = {place: column for place, column in numbers.items() if self._varies(column)}
        theirs, widths, held = self._agreed(mine, names)
        first, second = (list(mine), theirs) if session.first else (theirs, list(mine))
        if not first or not second:
            return
        if len(first) * len(second) > PAIRS_MAX:
            raise InputError(f"{len(first) * len(second)} pairs of columns are more than {PAIRS_MAX}; name fewer")
        standard = None if session.first else standardised(np.stack(list(mine.values()), axis=1))
        found = correlations(
            session, held, widths, standard, (rows, len(second)), self._terms.digits,
            self._contract.opened_to(Output.CORRELATION), Output.CORRELATION.value,
        )  # fmt: skip
        if found is not None:
            for row, one in zip(found, first, strict=True):
                for value, other in zip(row, second, strict=True):
                    name = f"r {names[Role.FIRST][one]} / {names[Role.SECOND][other]}"
                    self.found.figures[name] = float(value)

    def _agreed(
        self, mine: dict[int, npt.NDArray[np.float64]], names: list[list[str]]
    ) -> tuple[list[int], tuple[int, ...], Levels | None]:
        """(places of the other's columns, widths of the first party's, its numbers at the first party)."""
        held = None
        if self._role is Role.FIRST:
            cut = [levels(column) for column in mine.values()]
            widths = tuple(width for width, _ in cut)
            say(self._channel, "columns that are correlated", Shape(tuple(mine)))
            say(self._channel, "widths of the columns", Shape(widths))
            if cut:
                held = Levels(widths, np.stack([numbers for _, numbers in cut], axis=1))
        theirs = hear(self._channel, "columns that are correlated", Shape).columns
        other = names[Role(1 - self._role)]
        if list(theirs) != sorted(set(theirs)) or not all(0 <= place < len(other) for place in theirs):
            raise ProtocolBroken("the other party has other columns than the contract names")
        if self._role is Role.SECOND:
            widths = hear(self._channel, "widths of the columns", Shape).columns
            if len(widths) != len(theirs) or not all(1 <= width <= 8 for width in widths):
                raise ProtocolBroken("the widths of the columns do not fit")
            say(self._channel, "columns that are correlated", Shape(tuple(mine)))
        return list(theirs), widths, held

    def _varies(self, column: npt.NDArray[np.float64]) -> bool:
        """Whether enough rows have another value than the most frequent one."""
        counts = np.unique(column, return_counts=True)[1]
        return bool(len(column) - counts.max() >= max(1, self._terms.bin_rows_min))

    def _labels(self) -> Bits | None:
        return self._rows.labels()[self._places] if self._role is Role.SECOND else None
