"""A page, declared once: path, who may open it, and the function that makes it.

    PAGES: Final = (
        Page("GET", "/cases", "cases", frozenset({Scope.CASES_READ}), show_cases, nav="cases"),
        ...
    )

A handler takes a `Visit` and gives a `View` (a template and its values), a `Go` (redirect) or a `Download`; it lets a
`Refused` of a service pass when it has nothing better to show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.datastructures import UploadFile

from tarim.console.services import Client, Visitor
from tarim.console.session import COMFORTABLE, ROWS_COOKIE
from tarim.console.words import Language
from tarim.identity import Scope

ANYBODY: Final[frozenset[Scope]] = frozenset()
SIGNED_IN: Final = frozenset({Scope.SELF})
UPLOAD_BYTES_MAX: Final = 32 << 20


class Account(msgspec.Struct):
    """Whose page it is; nobody's: login is ""."""

    login: str = ""
    display_name: str = ""
    session: str = ""
    pending: list[str] = []
    scopes: list[str] = []
    branches: list[str] = []
    queues: list[str] = []
    phrase: str = ""
    idle_min: int = 0
    session_h: int = 0
    recovery_left: int = 0


@dataclass(slots=True)
class Visit:
    """One request of one person.

    form: fields of the body, the last of a name; lists: all of a name; here: path and query; url: addresses of pages by name;
    back: the page the person looks at, that whose form this is for an act.  done_again: the act waited for a proof.
    """

    account: Account
    serve: Client
    desk: Client
    views: Client
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    lists: Mapping[str, list[str]]
    uploads: Mapping[str, UploadFile]
    language: Language
    fragment: bool
    csrf: str = field(repr=False)
    visitor: Visitor
    url: Callable[..., str]
    here: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    back: str = "/"
    done_again: bool = False

    @property
    def comfortable(self) -> bool:
        """Whether rows and controls are to be tall in this browser."""
        return self.cookies.get(ROWS_COOKIE) == COMFORTABLE

    def may(self, *scopes: Scope) -> bool:
        """Whether the person has one of these scopes."""
        held = self.account.scopes
        return any(scope.value in held for scope in scopes)


@dataclass(frozen=True, slots=True)
class View:
    """A page, or its fragment where htmx asks for one.  push: the address to show in its place, "" for none.

    events: names of browser events that htmx raises, with details; `{"toast": "..."}` shows a sentence of success.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fragment: str = ""
    status: int = 200
    push: str = ""
    events: Mapping[str, Any] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """To another page of ours by its name; without one, to the first page of the menu that is open to the person.

    address: a path of ours (`session.ours`), stronger than page.  toast: a sentence of success that the next page shows.
    """

    page: str = ""
    names: Mapping[str, object] = field(default_factory=dict)
    toast: str = ""
    address: str = ""
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """Anything else: data for charts (JSON), or a stream of events.  body: bytes, or an async iterator of them."""

    body: Any
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """The act that waited (`waiting.Act`) is to be done now, by the session of a token."""

    act: Any
    token: str = field(repr=False)
    cookies: tuple[str, ...]


Handler = Callable[[Visit], Awaitable["View | Go | Download | Answer | Again"]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page or act.

    scopes: any of them opens it; ANYBODY only for what comes before signing in.  nav: which entry of the menu is lit.
    pending: whether it can be opened while something is still to be done (first password, second factor).
    body_bytes_max: of its form.  background: an open page asks for it by itself, which does not keep a session in use.
    """

    method: str
    path: str
    name: str
    scopes: frozenset[Scope]
    handler: Handler
    nav: str = ""
    pending: bool = False
    body_bytes_max: int = 256 << 10
    background: bool = False


def json_answer(value: object) -> Answer:
    """Data for a chart."""
    return Answer(msgspec.json.encode(value))
