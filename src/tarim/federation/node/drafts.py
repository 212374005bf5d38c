"""Contracts as people write them: TOML with names of parties and data sets, from which the contract with digests is made.

number = "2026-014"
purpose = "term deposits: who is likely to want one"
algorithm = "logistic"            # intersection, screening, logistic, boosting, campaign-sums, encrypted-scores, query
uses = 3                          # runs; for query: customers asked about
expires = "2027-06-30"
custody = true                    # shares of every training step with each party's custodian; may be left out
protocol = "own"                  # own, cheetah, aby3: by what a training is computed; own if it is left out
third = "vault"                   # of aby3: the peer, a custodian, that computes along
finding = "ecdh"                  # ecdh, rr22: how common customers are found before; ecdh if it is left out

[first]                           # the party without the label
party = "data"
data_set = "customers"
key = "phone"
key_kind = "phone"                # phone, document, card, email, text
features = ["age", "job"]

[second]                          # the party with the label, which also asks
party = "bank"
data_set = "calls"
key = "phone"
key_kind = "phone"
features = ["duration"]
label = "y"

[parameters]                      # of the algorithm; may be left out
epochs = 10

[[outputs]]
what = "curve"                    # common-customers, information-values, correlations, curve, importance, gain (of trees),
                                  # campaign-sums, scores, answer
to = "bank"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tarim.base.errors import DefinitionError, NotFound
from tarim.base.instants import CHINA_OFFSET_MS
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.contract import Columns, Contract, Member, Opening
from tarim.federation.node.data_sets import DataSet
from tarim.federation.node.engines import PROTOCOLS, Engine
from tarim.federation.node.terms import (
    Algorithm,
    BoostingTerms,
    CampaignTerms,
    CrossTerms,
    FoundBy,
    IntersectionTerms,
    LogisticTerms,
    QueryTerms,
    ScoreTerms,
    ScreeningTerms,
    Terms,
)

TEXT_BYTES_MAX: Final = 1 << 20
_TERMS: Final[Mapping[Algorithm, Any]] = {
    Algorithm.INTERSECTION: IntersectionTerms,
    Algorithm.LOGISTIC: LogisticTerms,
    Algorithm.BOOSTING: BoostingTerms,
    Algorithm.CROSS: CrossTerms,
    Algorithm.SCREENING: ScreeningTerms,
    Algorithm.CAMPAIGN: CampaignTerms,
    Algorithm.SCORES: ScoreTerms,
    Algorithm.QUERY: QueryTerms,
}


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party's data."""

    party: str
    data_set: str
    key: str
    key_kind: IdentifierKind
    features: tuple[str, ...] = ()
    label: str = ""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A contract as it is written."""

    number: str
    purpose: str
    algorithm: Algorithm
    uses: int
    expires: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    first: Side
    second: Side
    outputs: tuple[Opening, ...]
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    test_share: float = 0.2
    custody: bool = False
    protocol: Engine = Engine.OWN
    third: Annotated[str, Meta(max_length=32)] = ""
    finding: FoundBy | UnsetType = UNSET


def read_draft(text: str) -> Draft:
    """A draft of TOML text.  Raises DefinitionError that names the place."""
    if len(text) > TEXT_BYTES_MAX:
        raise DefinitionError(f"a contract is written in at most {TEXT_BYTES_MAX} characters")
    try:
        return msgspec.convert(tomllib.loads(text), Draft)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"the contract is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise DefinitionError(f"the contract cannot be read: {error}") from None


def _custodians(draft: Draft, known: Mapping[str, Member | None]) -> tuple[Member, Member]:
    found = known.get(draft.first.party), known.get(draft.second.party)
    if found[0] is None or found[1] is None:
        lacking = (draft.first.party, draft.second.party)[found.index(None)]
        raise NotFound(f'{lacking} has named no custodian; its party.toml says who is: custodian = "NAME"')
    return found[0], found[1]


def contract_of(
    draft: Draft,
    members: Sequence[Member],
    sets: Mapping[str, Sequence[DataSet]],
    now_ms: int,
    custodians: Mapping[str, Member | None] | None = None,
    third: Member | None = None,
) -> Contract:
    """The contract.  members: both parties; sets, custodians: each party's by its name; third: the node that the draft names.

    Raises DefinitionError, NotFound.
    """
    by_name = {member.name: member for member in members}

    def member(side: Side) -> Member:
        if side.party not in by_name:
            raise NotFound(f"{side.party} is neither this party nor the peer")
        return by_name[side.party]

    def columns(side: Side) -> Columns:
        found = [each for each in sets.get(side.party, ()) if each.name == side.data_set]
        if not found:
            raise NotFound(f"{side.party} offers no data set called {side.data_set}")
        return Columns(found[0].digest, side.key, side.key_kind, side.features, side.label)

    try:
        last_day = datetime.fromisoformat(f"{draft.expires}T00:00:00+00:00") + timedelta(days=1)
        terms: Terms = msgspec.convert(draft.parameters | {"type": draft.algorithm.value}, _TERMS[draft.algorithm])
        contract = Contract(
            draft.number,
            draft.purpose,
            terms,
            member(draft.first),
            member(draft.second),
            columns(draft.first),
            columns(draft.second),
            draft.outputs,
            draft.uses,
            int(last_day.timestamp() * 1_000) - CHINA_OFFSET_MS,
            now_ms,
            draft.test_share,
            _custodians(draft, custodians or {}) if draft.custody else None,
            PROTOCOLS[draft.protocol],
            UNSET if third is None else third,
            draft.finding,
        )
        checked: Contract = msgspec.convert(msgspec.to_builtins(contract), Contract)
    except (ValueError, msgspec.ValidationError) as error:
        raise DefinitionError(f"the contract cannot be made: {error}") from None
    checked.check()
    return checked
