"""Sums over a campaign's groups, from data sets to figures by name; see `encryption.sums`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.federation.channel import Channel
from tarim.federation.encryption.sums import GroupSums, Shape, give_groups, give_values
from tarim.federation.node.contract import Contract
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.terms import CampaignTerms, Output
from tarim.federation.session import Role

Places = npt.NDArray[np.int64]


def campaign_sums(
    channel: Channel, role: Role, contract: Contract, terms: CampaignTerms, rows: Rows, places: Places
) -> dict[str, float]:
    """Figures by `group: column`, and sizes by `group: customers`; none when this side is not to learn them.

    places: own rows of the common customers.  A missing value counts as nought, a missing membership as none.  A withheld group
    has the figure `group: withheld` alone.  Raises DefinitionError, InputError, ProtocolBroken.
    """
    columns, groups = (contract.data(each).features for each in Role)
    shape = Shape(len(places), len(columns), len(groups), terms.least, terms.fraction_bits)
    own, learners = rows.numbers(places), contract.opened_to(Output.SUMS)
    if role is Role.FIRST:
        found = give_values(channel, own, shape, learners)
    else:
        found = give_groups(channel, _members(own), shape, learners)
    return {} if found is None else _named(found, columns, groups)


def _members(flags: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    if not np.isin(flags, (0.0, 1.0)).all():
        raise DefinitionError("a group is a column of 0 and 1: who is in it and who is not")
    return flags.astype(np.uint8)


def _named(found: GroupSums, columns: tuple[str, ...], groups: tuple[str, ...]) -> dict[str, float]:
    named: dict[str, float] = {}
    for group, sums, size in zip(groups, found.sums.tolist(), found.sizes.tolist(), strict=True):
        if size < 0:
            named[f"{group}: withheld"] = 1.0
            continue
        named[f"{group}: customers"] = float(size)
        named |= {f"{group}: {column}": value for column, value in zip(columns, sums, strict=True)}
    return named
