"""By what a contract is computed: our own two-party engine, or the second one, at two nodes or at three.

own       two parties, everything a contract can name
cheetah   two parties, trainings; for comparison
aby3      two parties and a third node, a custodian that computes along on shares and has no data; trainings

All are semi-honest; with `aby3` no two of the three nodes may collude.  See `second_engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.federation.errors import ContractBreach
from tarim.federation.node.terms import BoostingTerms, FoundBy, LogisticTerms, Terms
from tarim.federation.second_engine.engine import require_plan
from tarim.federation.second_engine.interpreter import SecondEngineAbsent, second_engine_readiness
from tarim.federation.second_engine.kinds import Kind


class Engine(StrEnum):
    """What a contract names as its protocol."""

    OWN = "own"
    CHEETAH = "cheetah"
    ABY3 = "aby3"


PROTOCOLS: Final[Mapping[Engine, str]] = {
    Engine.OWN: "tarim two parties, semi-honest, 1",
    Engine.CHEETAH: "spu cheetah, two nodes, semi-honest, 1",
    Engine.ABY3: "spu aby3, three nodes, semi-honest, 1",
}
"""As contracts write them down."""
KINDS: Final[Mapping[Engine, Kind]] = {Engine.CHEETAH: Kind.CHEETAH, Engine.ABY3: Kind.ABY3}
"""Of the second engine.  Its mode with a dealer is none that a contract can name."""


def engine_of(protocol: str) -> Engine:
    """The engine of a contract's protocol.  Raises DefinitionError."""
    for engine, name in PROTOCOLS.items():
        if name == protocol:
            return engine
    raise DefinitionError(f"this node computes by {', '.join(map(repr, PROTOCOLS.values()))} only")


def require_possible(engine: Engine, terms: Terms) -> None:
    """Nothing for terms that the engine can carry out.  Raises DefinitionError, InputError."""
    if engine is Engine.OWN:
        return
    if not isinstance(terms, LogisticTerms | BoostingTerms):
        raise DefinitionError(f"{engine.value} trains by logistic or boosting, and does nothing else")
    if isinstance(terms, LogisticTerms) and terms.line_mbit_s is not None:
        raise DefinitionError(f"{engine.value} has products of its own: leave line_mbit_s out")
    require_plan(terms.plan)


def require_ready(engine: Engine, found_by: FoundBy, name: str) -> None:
    """Nothing when this node, of that name, has what it needs.  Raises ContractBreach, which the other nodes may be told."""
    if engine is Engine.OWN and found_by is FoundBy.OWN:
        return
    try:
        second_engine_readiness().require()
    except SecondEngineAbsent as error:
        why = f"{name} does not have the second engine ready; there: tarim party engines"
        raise ContractBreach(why, known=True) from error
