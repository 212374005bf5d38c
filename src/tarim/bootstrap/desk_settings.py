"""What can be set of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tarim.base.errors import DefinitionError

RETENTION_DAYS_MAX: Final = 36_525


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """The desk: the process in which people work."""

    host: str = "127.0.0.1"
    port: int = 8090
    database_url: str = ""
    service_url: str = "http://127.0.0.1:8080"
    head_bytes_max: int = 16 << 10
    body_bytes_max: int = 16 << 20
    connections_max: int = 1_024
    requests_max: int = 256
    request_s_max: int = 30
    idle_s_max: int = 75
    stop_s_max: int = 20
    waiting_commands_max: int = 1_024
    group_commands_max: int = 64
    readers: int = 8
    follow_ms: int = 50
    label_retry_s_max: int = 60
    nice: int = 5
    channels_file: str = ""
    channel_authorities_file: str = ""
    retention_days: int = 3_653

    def __post_init__(self) -> None:
        if self.port > 65_535:
            raise DefinitionError("port must be at most 65535")
        if urlsplit(self.service_url).scheme not in ("http", "https"):
            raise DefinitionError("service_url begins with http:// or https://")
        if self.nice > 19:
            raise DefinitionError("nice must be at most 19")
        if self.retention_days > RETENTION_DAYS_MAX:
            raise DefinitionError(f"retention_days must be at most {RETENTION_DAYS_MAX}")
        if self.readers > 64:
            raise DefinitionError("readers must be at most 64")


MEANINGS: Final[Mapping[str, str]] = {
    "desk.host": "address that `tarim desk` listens on",
    "desk.port": "its port; 0 takes a free one",
    "desk.database_url": "where its tables lie: `postgresql://user@host/name`; empty: SQLite, DATA/desk/tables.db",
    "desk.service_url": "the decisions service, which verdicts are told to as labels",
    "desk.head_bytes_max": "longest request line and headers of a request to the desk",
    "desk.body_bytes_max": "largest body of a request to the desk; most routes take less",
    "desk.connections_max": "open connections to the desk; one more is answered 503",
    "desk.requests_max": "requests to the desk under way at once; further ones are answered 503",
    "desk.request_s_max": "longest time until a request to the desk is complete",
    "desk.idle_s_max": "longest time a connection to the desk may be idle",
    "desk.stop_s_max": "longest time a stop of the desk waits for answers under way",
    "desk.waiting_commands_max": "commands waiting for their turn; one more is answered 503",
    "desk.group_commands_max": "commands made durable together",
    "desk.readers": "threads that read tables, 1 to 64",
    "desk.follow_ms": "milliseconds between two looks at the decisions' journal",
    "desk.label_retry_s_max": "longest wait, in seconds, before a verdict is sent again",
    "desk.nice": "niceness of `tarim desk`: decisions on the same machine come first",
    "desk.channels_file": "channels that customers are reached through (TOML); empty: none",
    "desk.retention_days": "days from the end of a customer's relationship, and from their last event, in which nothing "
    "deletes their data (ten years: AML Law art. 34)",
    "desk.channel_authorities_file": "certificates that channels' servers are trusted by (PEM); empty: the system's",
}

AT_LIMITS: Final[Mapping[str, str]] = {
    "desk.head_bytes_max": "431, and the connection is closed",
    "desk.body_bytes_max": "413",
    "desk.connections_max": "a further connection is answered 503",
    "desk.requests_max": "503 with Retry-After",
    "desk.request_s_max": "408, and the connection is closed",
    "desk.idle_s_max": "the connection is closed",
    "desk.stop_s_max": "a stop gives up waiting",
    "desk.waiting_commands_max": "503 with Retry-After, at once",
    "desk.group_commands_max": "the rest is the next group",
    "desk.label_retry_s_max": "the label is sent again after that time, until it is taken or refused for good",
}
