"""Who is at the command line of a party: the person whose key is in TARIM_KEY, checked against the party's own folder."""

from __future__ import annotations

import os
from pathlib import Path


def person_of(data: Path, scope: str) -> str:
    """The person's name.  A key that was never assigned is an alarm.  Raises NotAllowed."""
    from tarim.base.errors import UnknownKey
    from tarim.bootstrap.clock import SystemClock
    from tarim.bootstrap.operators import operator_of
    from tarim.bootstrap.places import Places
    from tarim.federation import Party
    from tarim.identity import Scope

    try:
        return operator_of(Places(data), os.environ, Scope(scope)).name
    except UnknownKey:
        with Party(data, os.environ, SystemClock()) as party:
            party.alarms.sound("unassigned-key")
        raise
