"""Common customers by the method that a contract names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import Channel
from tarim.federation.intersection import SET_MAX, intersect
from tarim.federation.node.terms import FoundBy
from tarim.federation.second_engine.engine import intersect_by
from tarim.federation.second_engine.interpreter import interpreter
from tarim.federation.second_engine.kinds import Method
from tarim.federation.session import Role


def found_by(
    method: FoundBy,
    padded_to: int,
    channel: Channel,
    role: Role,
    identifiers: Sequence[bytes],
    context: bytes,
    learners: frozenset[Role],
    progress: Callable[[int, int], None],
) -> npt.NDArray[np.int64] | None:
    """Places in `identifiers` of those that the other side has too, as `intersect` has them.

    padded_to: size that both sets are padded to, 0 for none; RR22 does not pad.  Raises what `intersect` does; by RR22, for
    which the node has to have the second engine (`engines.require_ready`), WorkerFailed.
    """
    if method is FoundBy.OWN:
        padded_to = min(padded_to, SET_MAX)
        return intersect(channel, role, identifiers, context, learners, padded_to=padded_to, progress=progress)
    return intersect_by(
        Method.RR22,
        interpreter(),
        channel,
        role,
        identifiers,
        context,
        learners,
        lambda _phase, done, whole: progress(done, whole),
    )[0]
