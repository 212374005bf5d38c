"""Whatever goes wrong in a route, answered in one way: a problem document, counted by its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tarim.api.problems import MEDIA_TYPE, Problem, problem_bytes, problem_of
from tarim.base.errors import NotAllowed, TarimError


class Counter(Protocol):
    """What counts refusals and failures."""

    def refused(self, code: str) -> None:
        """A request was refused, for the reason with this code."""

    def failed(self, error: BaseException) -> None:
        """Something failed that is not the sender's fault."""


def answer_troubles(
    app: FastAPI, counter: Counter, stranger: Callable[[NotAllowed, str], TarimError] = lambda error, _address: error
) -> None:
    """Let the application answer every expected trouble.  stranger: what to answer somebody at this address who may not."""

    def refuse(problem: Problem) -> Response:
        counter.refused(problem.code)
        headers = dict(line.split(": ", 1) for line in problem.headers.decode("ascii").splitlines())
        return Response(problem_bytes(problem), problem.status, headers, MEDIA_TYPE)

    def on_trouble(request: Request, error: Exception) -> Response:
        assert isinstance(error, TarimError)
        if error.http_status == 500:
            counter.failed(error)
        if isinstance(error, NotAllowed):
            error = stranger(error, request.client.host if request.client else "")
        return refuse(problem_of(error))

    def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = str(first["loc"][-1])
        return refuse(Problem(422, "invalid-field", f"{field}: {first['msg']}", field, first["msg"]))

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allow = (error.headers or {}).get("Allow", "GET")
            return refuse(
                Problem(405, "method-not-allowed", f"this route takes {allow}", headers=f"allow: {allow}\r\n".encode())
            )
        return refuse(Problem(404, "not-found", "there is no such route"))

    handlers: list[tuple[type[Exception], Callable[[Request, Exception], Response]]] = [
        (TarimError, on_trouble),
        (RequestValidationError, on_invalid),
        (HTTPException, on_http),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)
