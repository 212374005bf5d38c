"""Scores of one party's scorecard on the other's columns, from data sets to a score for each common customer.

Whoever learns the scores has the key: the party with the columns sends them encrypted, or the party with the scorecard its
weights; the other multiplies what it cannot read.  Who learns what, and what scores give away: `encryption.scoring`.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, InputError, TooLarge
from tarim.federation.channel import Channel
from tarim.federation.encryption.scoring import FEATURE_MAX, give_rows, learn_about_rows, learn_by_model, score_rows
from tarim.federation.errors import ContractBreach
from tarim.federation.node.contract import Contract
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.scorecards import Scorecard
from tarim.federation.node.terms import Output, ScoreTerms
from tarim.federation.session import Role

Places = npt.NDArray[np.int64]


class Scored(msgspec.Struct, frozen=True):
    """What this side learned: own rows of the data set, in the common order, and the score of each."""

    rows: tuple[int, ...]
    scores: tuple[float, ...]


def scorer(contract: Contract) -> Role:
    """Which party has the scorecard: the one whose data set gives no columns."""
    return Role.SECOND if contract.first_data.features else Role.FIRST


def require_columns(contract: Contract, scorecard: Scorecard) -> None:
    """Nothing for a scorecard of the very columns that the contract names of the other party.  Raises ContractBreach."""
    if scorecard.columns != contract.data(Role(1 - scorer(contract))).features:
        raise ContractBreach(
            "the contract names other columns than the scorecard weighs, or in another order", known=True
        )


def encrypted_scores(
    channel: Channel,
    role: Role,
    contract: Contract,
    terms: ScoreTerms,
    rows: Rows,
    places: Places,
    scorecard: Scorecard | None,
) -> Scored | None:
    """The scores, at the side that learns them.  A missing number counts as nought.

    scorecard: at the party that has it.  places: own rows of the common customers.
     Raises DefinitionError, InputError, TooLarge, ProtocolBroken.
    """
    if len(places) > terms.customers_max:
        raise TooLarge(
            f"{len(places)} customers are common; the contract lets {terms.customers_max} be scored in a run"
        )
    learns = role in contract.opened_to(Output.SCORES)
    if scorecard is not None:
        model = scorecard.model
        if not learns:
            score_rows(channel, model, len(places))
            return None
        found = learn_by_model(channel, model, len(places))
    else:
        values = _scaled(rows, places, terms)
        if not learns:
            give_rows(channel, values)
            return None
        found = learn_about_rows(channel, values)
    return Scored(tuple(places.tolist()), tuple(found.tolist()))


def _scaled(rows: Rows, places: Places, terms: ScoreTerms) -> npt.NDArray[np.float64]:
    names = [name for name, _ in rows.raw()]
    values: npt.NDArray[np.float64] = rows.numbers(places) / np.array(terms.scales or [1.0] * len(names))
    for name, column in zip(names, values.T, strict=True):
        if not np.isfinite(column).all():
            raise DefinitionError(f"the column {name} holds an infinite number")
        if np.abs(column).max() >= FEATURE_MAX:
            raise InputError(f"the column {name} divided by its scale reaches {FEATURE_MAX}: agree on a larger scale")
    return values
