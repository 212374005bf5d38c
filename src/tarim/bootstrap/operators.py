"""Who is at the command line: the person whose API key is given, checked against the data folder's keys.

Local work on a data folder (cutting training data, training a model) is done in somebody's name, as over HTTP: as soon as there
are users, the key has to stand for one who may (docs/decisions/0020-keys-stand-for-persons.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tarim.audit import Entry
from tarim.base.errors import NotAllowed
from tarim.base.instants import Clock
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.identity import FoundIdentity, OpenIdentity
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.identity import KeyId, KeyRing, Scope

KEY_VARIABLE: Final = "TARIM_KEY"


def operator_of(places: Places, environment: Mapping[str, str], scope: Scope, clock: Clock | None = None) -> KeyId:
    """The key in the environment, if it has the scope.

    Raises NotAllowed: 401 without a key or with one that is unknown, revoked or expired, 403 without the scope or for an act
    of a person by a key that does not stand for one.
    """
    presented = environment.get(KEY_VARIABLE, "")
    if not presented:
        raise NotAllowed(
            f"an anonymous run is refused: set {KEY_VARIABLE} to an API key of yours with scope {scope.value} "
            f"(made with: tarim keys create)"
        )
    clock = clock or SystemClock()
    key = KeyRing.load(places.api_keys, clock).check(presented, scope)
    settings = settings_of(places.data, environment)

    def open_identity() -> OpenIdentity:
        return OpenIdentity.open(settings, places, environment, _nothing_to_tell, clock)

    persons = FoundIdentity(settings, places, open_identity)
    try:
        persons.caller_of_key(key, scope)
    finally:
        persons.close()
    return key


def _nothing_to_tell(entry: Entry) -> None:
    raise AssertionError(f"looking a key up has nothing to tell the trail, but {entry.act}")
