"""The helper that screens single names: a process of its own, so that no decision waits behind another one's name.

It has the lists in memory and gets one question after the other on its standard input; names are in it for the time it takes
to answer.  It writes nothing but its answers, keeps nothing, and ends when its input does.

    frame       4 bytes length, little-endian, then MessagePack
    first       the helper says it is ready: an answer with the number -1
    then        questions and answers by number, in order
"""

from __future__ import annotations

import asyncio
import gc
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.children import Child
from tarim.bootstrap.places import Places
from tarim.bootstrap.scheduling import ask_for_short_turns
from tarim.screening import BirthSpan, Screener, Subject, decode_edition, entry_digest, plain_match

READY: Final = -1
READY_S_MAX: Final = 180.0
FRAME_BYTES_MAX: Final = 4 << 20
_LENGTH: Final = struct.Struct("<I")
_WARM: Final = ("王伟", "Wang Wei", "Mohammed al Hassan")
"""Tables are loaded when the first name of a script is asked; these are nobody's."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A name to screen.  plain: give the matches in full, for a person."""

    number: int
    name: str
    birth: str = ""
    countries: list[str] = []
    plain: bool = False

    def __repr__(self) -> str:
        return f"<Question {self.number}>"  # its name is personal


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """A listed party the name is alike to; score in hundredths; listed: its name that is most alike."""

    list_name: str
    entry: str
    entry_digest: str
    score: int
    listed: str


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Hits, best first.  plain: JSON of the matches, if asked for.  refused: why the question is none."""

    number: int
    hits: list[Hit]
    plain: bytes = b""
    refused: str = ""

    def __repr__(self) -> str:
        return f"<Answer {self.number}>"


_encode = msgspec.msgpack.Encoder().encode
_question_decoder: Final = msgspec.msgpack.Decoder(Question)
_answer_decoder: Final = msgspec.msgpack.Decoder(Answer)


# ---- the child -------------------------------------------------------------------------------------------------------


class ListScreener:
    """Screens subjects against kept editions.  threshold: hundredths."""

    def __init__(self, artefacts: Artefacts, digests: Sequence[str], threshold: int) -> None:
        """Raises NotFound, Damaged."""
        lists = [decode_edition(artefacts.get(digest)) for digest in digests]
        self._list_of = {id(entry): given.name for given in lists for entry in given.entries}
        self._digests: dict[int, str] = {}
        self.entries = len(self._list_of)
        self._screener = Screener(lists, threshold / 100)

    def screen(self, subject: Subject) -> tuple[list[Hit], list[dict[str, Any]]]:
        """Hits, best first, and the same matches in full."""
        found = self._screener.screen(subject)
        hits = []
        for match in found:
            key = id(match.entry)
            digest = self._digests.get(key)
            if digest is None:
                digest = self._digests[key] = entry_digest(match.entry)
            hits.append(Hit(self._list_of[key], match.entry.id, digest, hundredths(match.score), match.name.text))
        return hits, [{"list": self._list_of[id(match.entry)], **plain_match(match)} for match in found]


def hundredths(score: float) -> int:
    """A score in whole hundredths, rounded down: 82 is what reached 0.82."""
    return int(score * 100 + 1e-9)


def answer_names(places: Places, digests: Sequence[str], threshold: int) -> None:
    """Answer questions on standard input until it ends."""
    screener = ListScreener(Artefacts(places.artefacts), digests, threshold)
    for name in _WARM:
        screener.screen(Subject(name))
    gc.collect()
    gc.freeze()  # to look through all entries for garbage would take a fifth of a second, and a payment waits 50 ms
    ask_for_short_turns()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    _write(sink, Answer(READY, []))
    while (frame := _read(source)) is not None:
        question = _question_decoder.decode(frame)
        try:
            subject = Subject(
                question.name, BirthSpan.parse(question.birth) if question.birth else None, tuple(question.countries)
            )
        except InputError as error:
            _write(sink, Answer(question.number, [], refused=error.detail))
            continue
        hits, plain = screener.screen(subject)
        _write(sink, Answer(question.number, hits, msgspec.json.encode(plain) if question.plain else b""))


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return source.read(_LENGTH.unpack(head)[0])


def _write(sink: BinaryIO, answer: Answer) -> None:
    frame = _encode(answer)
    sink.write(_LENGTH.pack(len(frame)) + frame)
    sink.flush()


# ---- the parent ------------------------------------------------------------------------------------------------------


class NameHelper:
    """One helper process, in the parent's loop.

    editions: list to digest.  ended: called once when the process is gone without having been closed.
    """

    def __init__(self, data: Path, editions: Mapping[str, str], threshold: int, ended: Callable[[], None]) -> None:
        self.editions = dict(editions)
        self._command = ["names", "helper", "--data", str(data)]
        self._command += ["--threshold", str(threshold), *self.editions.values()]
        self._ended = ended
        self._asked: dict[int, Callable[[Answer | None], None]] = {}
        self._next = 0
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Return when it can answer.  Raises Unavailable."""
        try:
            child = self._child = await Child.start(self._command, takes_input=True)
            first = await asyncio.wait_for(self._frame(child.stdout), READY_S_MAX)
        except (TimeoutError, asyncio.IncompleteReadError, OSError, msgspec.MsgspecError):
            await self.close()
            raise Unavailable(
                "the helper that screens names did not start; the lists in force may be damaged"
            ) from None
        assert first.number == READY
        self._task = asyncio.get_running_loop().create_task(self._follow(child.stdout))

    def ask(
        self,
        name: str,
        answered: Callable[[Answer | None], None],
        *,
        birth: str = "",
        countries: Sequence[str] = (),
        plain: bool = False,
    ) -> None:
        """Have a name screened; `answered` is called in the loop, with None when the helper ended before."""
        child = self._child
        if child is None or self._task is None or self._closed:
            answered(None)
            return
        number, self._next = self._next, self._next + 1
        self._asked[number] = answered
        frame = _encode(Question(number, name, birth, list(countries), plain))
        child.write(_LENGTH.pack(len(frame)) + frame)

    async def answer(self, name: str, birth: str, countries: Sequence[str]) -> Answer:
        """The full answer for a person.  Raises InputError, Unavailable."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def answered(found: Answer | None) -> None:
            if not future.done():
                future.set_result(found)

        self.ask(name, answered, birth=birth, countries=countries, plain=True)
        found = await future
        if found is None:
            raise Unavailable("the helper that screens names is being started again; try again in a moment")
        if found.refused:
            raise InputError(found.refused)
        return found

    async def _follow(self, stream: asyncio.StreamReader) -> None:
        try:
            while True:
                answer = await self._frame(stream)
                answered = self._asked.pop(answer.number, None)
                if answered is not None:
                    answered(answer)
        except (asyncio.IncompleteReadError, OSError, TarimError, msgspec.MsgspecError):
            pass
        finally:
            self._fail_all()
            if not self._closed:
                self._closed = True
                self._ended()

    async def _frame(self, stream: asyncio.StreamReader) -> Answer:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        if length > FRAME_BYTES_MAX:
            raise Unavailable("the helper that screens names wrote nonsense")
        return _answer_decoder.decode(await stream.readexactly(length))

    def _fail_all(self) -> None:
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered(None)

    async def close(self) -> None:
        """End it; questions under way get None."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()  # it holds nothing that could be left half done
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail_all()
        if child is not None:
            await child.wait()
