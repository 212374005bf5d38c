"""The two routes that decide: one event, and many."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from tarim.api.answers import Answers
from tarim.api.confirming import check_confirms_nothing
from tarim.api.connection import Asked, Headers, Request, Respond
from tarim.api.doors import Door, presented_in
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
_JSON_AGAIN: Final = _JSON + REPEATED
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

    def read(self, headers: Headers, query: bytes) -> Asked:
        """The key shown, how the body is described, and what the query asks for."""
        authorization = content_type = content_digest = None
        for name, value in headers:
            if name == b"authorization" and authorization is None:
                authorization = value
            elif name == b"content-type":
                content_type = value
            elif name == b"content-digest":
                content_digest = value
        presented, backfill, trouble = presented_in(authorization), False, None
        try:
            check_media_type(content_type)
            backfill = backfill_asked(query)
        except InputError as error:
            trouble = error
        return Asked(presented, content_digest, backfill, trouble)

    def admit(self, asked: Asked, address: str) -> KeyId | Problem:
        """The caller's key, or why the caller may not; its body is then dropped unread."""
        try:
            key = self._door.check(asked.presented, Scope.DECIDE)
            self._probes.admit(key)
        except NotAllowed as error:
            return problem_of(self._probes.stranger(error, address))
        except TooOften as error:
            return problem_of(error)
        return key

    def handle(self, request: Request, respond: Respond) -> None:
        """Have it decided, and answer when that is durable."""
        asked, body, key = request
        try:
            if asked.trouble is not None:
                raise asked.trouble
            if asked.content_digest is not None:
                check_digest(asked.content_digest.decode("latin-1"), body)
            if Scope.CONTACT_CALLBACK in key.scopes:
                check_confirms_nothing(body)
            answer = _Answer(self, key, respond, self._figures.clock())
            self._desk.submit(body, answer, many=self._many, backfill=asked.backfill, sender=key.number)
        except TarimError as error:
            self._refuse(error, respond)

    def answer(self, results: list[Result] | TarimError, key: KeyId, respond: Respond) -> None:
        """Give the answer."""
        if isinstance(results, TarimError):
            self._refuse(results, respond)
        elif self._many:
            self._probes.charge(key, len(results) - 1)
            respond(200, self._answers.batch(results, fine=Scope.SCORE in key.scopes, fields=key.answer_fields))
        else:
            (result,) = results
            if isinstance(result, TarimError):
                self._refuse(result, respond)
            else:
                body = self._answers.bytes_of(result, fine=Scope.SCORE in key.scopes, fields=key.answer_fields)
                respond(200, body, _JSON_AGAIN if result.repeated else _JSON)

    def failed(self, error: Exception, respond: Respond) -> None:
        """The answer could not be written: it is decided and kept, and the caller must not wait for ever."""
        self._figures.failed(error)
        self._refuse(TarimError("the answer could not be written"), respond)

    def answered(self, begun_s: float) -> None:
        """An answer was given to a request that was whole at `begun_s`."""
        figures = self._figures
        figures.answered(figures.clock() - begun_s)

    def _refuse(self, error: TarimError, respond: Respond) -> None:
        problem = problem_of(error)
        self._figures.refused(problem.code)
        respond(problem.status, problem_bytes(problem), _PROBLEM + problem.headers)


class _Answer:
    """Answers one request, once it is decided."""

    __slots__ = ("_begun_s", "_key", "_respond", "_route")

    def __init__(self, route: DecideRoute, key: KeyId, respond: Respond, begun_s: float) -> None:
        self._route, self._key, self._respond, self._begun_s = route, key, respond, begun_s

    def __call__(self, results: list[Result] | TarimError) -> None:
        try:
            self._route.answer(results, self._key, self._respond)
        except Exception as error:
            self._route.failed(error, self._respond)
        self._route.answered(self._begun_s)
