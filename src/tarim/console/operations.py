"""What the operations of the services are called, for people: their own summaries, from their own descriptions.

The trail names an act by its operation (`decide_on_proposal`); each service describes its operations in both languages, and
local commands go by group and command (`models.train`).  Descriptions are read once in a while and shared: they hold nothing
of anybody.
"""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from tarim.console.pages import Visit
from tarim.console.services import Client, Refused, Service
from tarim.console.words import either

AGAIN_S: Final = 300.0
_BETWEEN: Final = " / "


class _Operation(msgspec.Struct):
    operationId: str = ""  # noqa: N815  OpenAPI's own name
    summary: str = ""


class _Description(msgspec.Struct):
    paths: dict[str, dict[str, _Operation]] = {}


_known: WeakKeyDictionary[Service, tuple[float, dict[str, tuple[str, str]]]] = WeakKeyDictionary()


async def operations(visit: Visit) -> dict[str, str]:
    """Title of each operation in the viewer's language; of services that answer."""
    found: dict[str, str] = {}
    for client in (visit.serve, visit.desk, visit.views):
        for name, (foreign, chinese) in (await _of(client)).items():
            found[name] = either(chinese, foreign)
    return found


async def _of(client: Client) -> dict[str, tuple[str, str]]:
    """Name -> (English, Chinese)."""
    read_s, names = _known.get(client.service, (0.0, {}))
    if names and time.monotonic() - read_s < AGAIN_S:
        return names
    try:
        described = await client.get("/openapi.json", _Description)
    except (Refused, msgspec.MsgspecError):
        return names
    names = {
        each.operationId: titles(each.summary)
        for methods in described.paths.values()
        for each in methods.values()
        if each.operationId
    }
    _known[client.service] = time.monotonic(), names
    return names


def titles(summary: str) -> tuple[str, str]:
    """(English, Chinese) of `English / 中文`; a summary in one language counts for both."""
    foreign, between, chinese = summary.partition(_BETWEEN)
    return (foreign, chinese) if between else (summary, summary)
