"""What can be set of the views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError

FEED_DECISIONS_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ViewsSettings:
    """The views: the process that people look at decisions by."""

    host: str = "127.0.0.1"
    port: int = 8100
    head_bytes_max: int = 16 << 10
    body_bytes_max: int = 64 << 10
    connections_max: int = 1_024
    requests_max: int = 256
    request_s_max: int = 30
    idle_s_max: int = 75
    stop_s_max: int = 20
    follow_ms: int = 200
    nice: int = 10
    feed_decisions_max: int = 10_000
    events_max: int = 1 << 24
    entities_max: int = 6_000_000
    links_events_max: int = 5_000_000
    rebuild_s_max: int = 1_800

    def __post_init__(self) -> None:
        if self.port > 65_535:
            raise DefinitionError("port must be at most 65535")
        if self.nice > 19:
            raise DefinitionError("nice must be at most 19")
        if self.feed_decisions_max > FEED_DECISIONS_MAX:
            raise DefinitionError(f"feed_decisions_max must be at most {FEED_DECISIONS_MAX}")
        if self.events_max > 1 << 30:
            raise DefinitionError("events_max must be at most 1073741824")
        if self.entities_max > 1 << 30:
            raise DefinitionError("entities_max must be at most 1073741824")
        if self.links_events_max > 1 << 30:
            raise DefinitionError("links_events_max must be at most 1073741824")


MEANINGS: Final[Mapping[str, str]] = {
    "views.host": "address that `tarim views` listens on",
    "views.port": "its port; 0 takes a free one",
    "views.head_bytes_max": "longest request line and headers of a request to the views",
    "views.body_bytes_max": "largest body of a request to the views",
    "views.connections_max": "open connections to the views; one more is answered 503",
    "views.requests_max": "requests to the views under way at once; further ones are answered 503",
    "views.request_s_max": "longest time until a request to the views is complete",
    "views.idle_s_max": "longest time a connection to the views may be idle",
    "views.stop_s_max": "longest time a stop of the views waits for answers under way",
    "views.follow_ms": "milliseconds between two looks at the decisions' journal",
    "views.nice": "niceness of `tarim views`: decisions on the same machine come first",
    "views.feed_decisions_max": "newest decisions kept for the live feed, about 360 bytes each",
    "views.events_max": "newest events found by their id, about 43 bytes each",
    "views.entities_max": "customers, accounts, devices, addresses and merchants counted, 32 to 64 bytes each",
    "views.links_events_max": "newest events in the link graph, about 100 bytes each",
    "views.rebuild_s_max": "longest time that making one decision again may take",
}

AT_LIMITS: Final[Mapping[str, str]] = {
    "views.head_bytes_max": "431, and the connection is closed",
    "views.body_bytes_max": "413",
    "views.connections_max": "a further connection is answered 503",
    "views.requests_max": "503 with Retry-After",
    "views.request_s_max": "408, and the connection is closed",
    "views.idle_s_max": "the connection is closed",
    "views.stop_s_max": "a stop gives up waiting",
    "views.feed_decisions_max": "the oldest leave the feed; `skipped` counts those a reader has missed",
    "views.events_max": "the oldest are not found by id any more",
    "views.entities_max": "further ones are not counted, and a search says so",
    "views.links_events_max": "the oldest leave the link graph; answers say from when on they are complete",
    "views.rebuild_s_max": "it is broken off, and said to have failed",
}
