"""Common customers by the method that a contract names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Channel
from tarim.federation.intersection import SET_MAX, intersect
from tarim.federation.node.terms import FoundBy, IntersectionTerms
from tarim.federation.second_engine.engine import intersect_by
from tarim.federation.second_engine.interpreter import second_engine_readiness
from tarim.federation.second_engine.kinds import Method
from tarim.federation.session import Role


def found_by(
    terms: IntersectionTerms,
    channel: Channel,
    role: Role,
    identifiers: Sequence[bytes],
    context: bytes,
    learners: frozenset[Role],
    progress: Callable[[int, int], None],
) -> npt.NDArray[np.int64] | None:
    """Places in `identifiers` of those that the other side has too, as `intersect` has them.

    Raises what `intersect` does; by RR22 SecondEngineAbsent where the second engine is not installed, and WorkerFailed.
    """
    if terms.method is FoundBy.OWN:
        padded_to = min(terms.padded_to, SET_MAX)
        return intersect(channel, role, identifiers, context, learners, padded_to=padded_to, progress=progress)
    python = second_engine_readiness().require()
    return intersect_by(
        Method.RR22,
        python,
        channel,
        role,
        identifiers,
        context,
        learners,
        lambda _phase, done, whole: progress(done, whole),
    )[0]
