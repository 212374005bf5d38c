"""The decision route when its own answer fails."""

from __future__ import annotations

from typing import Any

from tarim.api.connection import Asked, Request
from tarim.api.decide import DecideRoute
from tarim.identity import KeyId, Scope


class Broken:
    """Answers that cannot be written."""

    def bytes_of(self, _result: object, *, fine: bool, fields: frozenset[str]) -> bytes:
        raise ZeroDivisionError

    batch = bytes_of


class Desk:
    """Decides at once."""

    def submit(self, _body: bytes, answer: Any, **_of: object) -> None:
        answer([object()])


class Noted:
    """What figures and limits are told."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.refusals: list[str] = []
        self.answers = 0

    clock = staticmethod(lambda: 0.0)

    def failed(self, error: BaseException) -> None:
        self.failures.append(error)

    def refused(self, code: str) -> None:
        self.refusals.append(code)

    def answered(self, _seconds: float) -> None:
        self.answers += 1

    def charge(self, _key: object, _events: int) -> None:
        return


def test_whoever_asked_is_told_when_the_answer_cannot_be_written() -> None:
    """Not left waiting: the decision is kept, the problem is ours."""
    for many in (False, True):
        noted = Noted()
        sent: list[tuple[Any, ...]] = []
        route = DecideRoute(Desk(), None, Broken(), noted, noted, 1_000, many=many)  # type: ignore[arg-type]
        key = KeyId("1", "key", frozenset({Scope.DECIDE}))
        route.handle(Request(Asked("shown"), b"{}", key), lambda *answer, kept=sent: kept.append(answer))
        ((status, body, _),) = sent
        assert status == 500 and b"a reason that is ours" in body
        assert (
            isinstance(noted.failures[0], ZeroDivisionError) and noted.refusals == ["internal"] and noted.answers == 1
        )
