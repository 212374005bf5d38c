"""The two routes that decide: one event, and many."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from tarim.api.answers import Answers
from tarim.api.confirming import check_confirms_nothing
from tarim.api.connection import Headers, Request, Respond
from tarim.api.doors import Door
from tarim.api.figures import Figures
from tarim.api.probing import Probes
from tarim.api.problems import Problem, problem_bytes, problem_of
from tarim.base.errors import FieldError, InputError, NotAllowed, TarimError, TooOften
from tarim.decisions import GroupCommit, Result
from tarim.identity import KeyId, Scope
from tarim.intake import check_digest

REPEATED: Final = b"tarim-replayed: true\r\n"
"""Says in the head of an answer that it is the first answer, given again; the body is the same."""

_JSON: Final = b"content-type: application/json\r\n"
_PROBLEM: Final = b"content-type: application/problem+json\r\n"


class Unsupported(InputError):
    """The body is not said to be JSON."""

    http_status = 415
    code = "unsupported-media-type"


def check_media_type(value: bytes | None) -> None:
    """Nothing for JSON or no statement.  Raises Unsupported."""
    if value is not None and value.partition(b";")[0].strip().lower() != b"application/json":
        raise Unsupported("the body must be application/json")


def backfill_asked(query: bytes) -> bool:
    """Whether `?backfill=true` is asked for.  Raises FieldError for any other value of it."""
    if not query:
        return False
    values = [value for name, value in parse_qsl(query.decode("latin-1"), True) if name == "backfill"]
    if not values:
        return False
    if len(values) > 1 or values[0] not in ("true", "false"):
        raise FieldError("backfill", "must be true or false")
    return values[0] == "true"


class DecideRoute:
    """`POST /v1/decisions` (one event) or, with `many`, `POST /v1/decisions:batch`."""

    def __init__(
        self,
        desk: GroupCommit,
        door: Door,
        answers: Answers,
        figures: Figures,
        probes: Probes,
        body_bytes_max: int,
        *,
        many: bool,
    ) -> None:
        self._desk = desk
        self._door = door
        self._answers = answers
        self._figures = figures
        self._probes = probes
        self._many = many
        self.body_bytes_max = body_bytes_max

    def admit(self, headers: Headers, address: str) -> KeyId | Problem:
        """The caller's key, or why the caller may not; its body is then dropped unread."""
        try:
            key = self._door.check(
                next((value for name, value in headers if name == b"authorization"), None), Scope.DECIDE
            )
            self._probes.admit(key)
        except NotAllowed as error:
            return problem_of(self._probes.stranger(error, address))
        except TooOften as error:
            return problem_of(error)
        return key

    def handle(self, request: Request, respond: Respond) -> None:
        """Have it decided, and answer when that is durable."""
        clock = self._figures.clock
        begin = clock()
        key = request.key
        fine = Scope.SCORE in key.scopes

        def answer(results: list[Result] | TarimError) -> None:
            try:
                rendered(results)
            except Exception as error:  # it is decided and kept; the caller must not wait for ever
                self._figures.failed(error)
                self._refuse(TarimError("the answer could not be written"), respond)
            self._figures.answered(clock() - begin)

        def rendered(results: list[Result] | TarimError) -> None:
            if isinstance(results, TarimError):
                self._refuse(results, respond)
            elif self._many:
                self._probes.charge(key, len(results) - 1)
                respond(200, self._answers.batch(results, fine=fine))
            else:
                (result,) = results
                if isinstance(result, TarimError):
                    self._refuse(result, respond)
                else:
                    body = self._answers.bytes_of(result, fine=fine)
                    respond(200, body, _JSON + REPEATED if result.repeated else _JSON)

        try:
            content_type = content_digest = None
            for name, value in request.headers:
                if name == b"content-type":
                    content_type = value
                elif name == b"content-digest":
                    content_digest = value
            check_media_type(content_type)
            if content_digest is not None:
                check_digest(content_digest.decode("latin-1"), request.body)
            if Scope.CONTACT_CALLBACK in key.scopes:
                check_confirms_nothing(request.body)
            backfill = backfill_asked(request.query)
            self._desk.submit(request.body, answer, many=self._many, backfill=backfill, sender=key.number)
        except TarimError as error:
            self._refuse(error, respond)

    def _refuse(self, error: TarimError, respond: Respond) -> None:
        problem = problem_of(error)
        self._figures.refused(problem.code)
        respond(problem.status, problem_bytes(problem), _PROBLEM + problem.headers)
