"""The console's pages without a server: a service that only says what a test tells it to, and a page as HTML."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from tarim.console.pages import Visit
from tarim.console.rendering import Renderer
from tarim.console.services import Refused
from tarim.console.site import PAGES, Map
from tarim.console.words import speak

MAP = Map(PAGES)


class FakeService:
    """Answers by method and path, and remembers what was asked; an answer that is a `Refused` is raised."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, Any]] = []

    def _answer(self, method: str, path: str, given: Any, shape: Any) -> Any:
        self.asked.append((f"{method} {path}", given))
        found = self.answers[f"{method} {path}"]
        if isinstance(found, Refused):
            raise found
        return msgspec.convert(found, shape, strict=False) if shape else found

    async def get(self, path: str, shape: Any = None, /, **query: Any) -> Any:
        return self._answer("GET", path, {name: value for name, value in query.items() if value}, shape)

    async def post(self, path: str, body: Any = None, shape: Any = None, /, *, key: str = "") -> Any:
        return self._answer("POST", path, body, shape)

    async def delete(self, path: str, shape: Any = None) -> Any:
        return self._answer("DELETE", path, None, shape)


def run(handler: Any, visit: Visit) -> Any:
    """What a page's handler gives, asked in the visit's language."""
    speak(visit.language)
    try:
        return asyncio.run(handler(visit))
    finally:
        speak("zh")


def html_of(template: str, values: Mapping[str, Any], visit: Visit, **more: Any) -> str:
    """A template as it is shown to a visit; more: in the place of what every page is given."""
    common = {
        "visit": visit, "account": visit.account, "language": visit.language, "csrf": visit.csrf, "nav": "", "menu": [],
        "environment": "test", "page_name": "", "toast": "",
        "opens": lambda name: MAP.opens(name, visit.account.scopes),
    }  # fmt: skip
    speak(visit.language)
    try:
        return Renderer(MAP.url, lambda name: f"/static/{name}").page(template, common | more | dict(values))
    finally:
        speak("zh")
