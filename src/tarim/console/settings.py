"""What can be set of the console: options of `tarim console`, or the environment (`TARIM_CONSOLE_PORT`, ...)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tarim.base.errors import DefinitionError

PREFIX: Final = "TARIM_CONSOLE_"


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """The console.  environment: the word in the badge of the top bar, `production` for the real thing."""

    host: str = "127.0.0.1"
    port: int = 8000
    root_path: str = ""
    serve_url: str = "http://127.0.0.1:8080"
    desk_url: str = "http://127.0.0.1:8090"
    views_url: str = "http://127.0.0.1:8100"
    environment: str = "demo"
    proxies: str = ""
    connections_max: int = 1_024
    requests_max: int = 512
    body_bytes_max: int = 48 << 20
    answer_bytes_max: int = 64 << 20
    request_s_max: int = 60
    idle_s_max: int = 75
    stop_s_max: int = 10
    streams_max: int = 256
    static_look_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise DefinitionError("port must be 0 to 65535")
        for name in ("serve_url", "desk_url", "views_url"):
            if urlsplit(getattr(self, name)).scheme not in ("http", "https"):
                raise DefinitionError(f"{name} begins with http:// or https://")
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise DefinitionError("root_path begins with / and does not end with it")
        if self.environment not in ENVIRONMENTS:
            raise DefinitionError(f"environment is one of {', '.join(ENVIRONMENTS)}")


ENVIRONMENTS: Final = ("production", "test", "demo")

MEANINGS: Final[Mapping[str, str]] = {
    "host": "address that `tarim console` listens on",
    "port": "its port; 0 takes a free one",
    "root_path": "path under which a proxy serves it, such as `/tarim`; empty: none",
    "serve_url": "the decisions service",
    "desk_url": "the desk",
    "views_url": "the views of the journal",
    "environment": "word of the badge in the top bar: `production`, `test` or `demo`",
    "proxies": "addresses of proxies in front whose X-Forwarded-For is believed, commas between; empty: none",
    "connections_max": "open connections; one more is answered 503",
    "requests_max": "requests to one service under way at once; further ones wait",
    "body_bytes_max": "largest form or upload",
    "answer_bytes_max": "largest answer of a service that is taken",
    "request_s_max": "longest time a service may take to answer",
    "idle_s_max": "longest time a connection may be idle",
    "stop_s_max": "longest time a stop waits for answers under way",
    "static_look_s": "how often in production static files are compared with what was loaded; altered ones are put back",
    "streams_max": "live streams open at once in one process; further viewers ask every few seconds instead",
}


def console_settings(variables: Mapping[str, str], given: Mapping[str, object]) -> ConsoleSettings:
    """Settings of the environment, and of options, which are stronger; None for an option that was not given.

    Raises DefinitionError with every unknown name and the nearest known one.
    """
    known = {each.name for each in fields(ConsoleSettings)}
    values: dict[str, Any] = {
        name[len(PREFIX) :].lower(): value for name, value in variables.items() if name.startswith(PREFIX)
    }
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
            raise DefinitionError(f"{PREFIX}{name.upper()} is no setting of the console{meant}")
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return msgspec.convert(values, ConsoleSettings, strict=False)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"settings of the console: {error}") from None


def reference_page() -> str:
    """`docs/reference/console-settings.md`."""
    lines = [
        "# Settings of the console",
        "",
        f"The console has no data folder: they come from the environment (`port` is `{PREFIX}PORT`) or from options of",
        "`tarim console`, which are stronger. This page is written by `tarim.console.settings` and tested to be up to date.",
        "",
        "| setting | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for each in fields(ConsoleSettings):
        value = each.default
        shown = f"{value:,}" if isinstance(value, int) else f"`{value}`" if value else "empty"
        lines.append(f"| `{each.name}` | {type(value).__name__} | {shown} | {MEANINGS[each.name]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "console-settings.md").write_text(reference_page(), encoding="utf-8")
