"""Who is at the command line: the person whose API key is given, checked against the data folder's keys.

Local work on a data folder (cutting training data, training a model) is done in somebody's name, as over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tarim.base.errors import NotAllowed
from tarim.base.instants import Clock
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.places import Places
from tarim.identity import KeyId, KeyRing, Scope

KEY_VARIABLE: Final = "TARIM_KEY"


def operator_of(places: Places, environment: Mapping[str, str], scope: Scope, clock: Clock | None = None) -> KeyId:
    """The key in the environment, if it has the scope.

    Raises NotAllowed: 401 without a key or with one that is unknown, revoked or expired, 403 without the scope.
    """
    presented = environment.get(KEY_VARIABLE, "")
    if not presented:
        raise NotAllowed(
            f"an anonymous run is refused: set {KEY_VARIABLE} to an API key of yours with scope {scope.value} "
            f"(made with: tarim keys create)"
        )
    return KeyRing.load(places.api_keys, clock or SystemClock()).check(presented, scope)
