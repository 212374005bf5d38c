"""Commands of our own as child processes: their output, their errors, their environment, and those that take too long."""

import asyncio
from pathlib import Path

import pytest

from tarim.base.errors import FieldError, NotFound, Unavailable
from tarim.bootstrap.children import Child, answer_of, finished
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.list_files import import_aside
from tarim.bootstrap.places import Places, make_data_folder
from tarim.privacy import Tokenizer
from tarim.screening import ListBook, Membership


def test_the_status_and_the_errors_of_a_command_come_back():
    done = finished(["rules", "check", "there/is/no/such.toml"], purpose="it was not checked", seconds_max=30)
    assert done.status != 0
    assert "such.toml" in done.errors


def test_a_command_that_takes_too_long_is_ended_and_named():
    with pytest.raises(Unavailable, match="it was not shown: it did not end within"):
        finished(["--help"], purpose="it was not shown", seconds_max=0.001)


def test_a_followed_command_is_read_to_its_end_in_the_environment_it_was_given():
    async def followed() -> tuple[bytes, int]:
        child = await Child.start(["--help"], environment={"COLUMNS": "60", "TERMINAL_WIDTH": "60"})
        return await child.stdout.read(), await child.wait()

    text, status = asyncio.run(followed())
    assert status == 0
    assert "tarim" in text.decode()
    assert max(len(line) for line in text.decode().splitlines()) <= 60


def test_what_a_command_refuses_with_is_raised_here(tmp_path: Path) -> None:
    make_data_folder(tmp_path)
    places = Places(tmp_path)
    book = ListBook(places.lists, Membership(), Tokenizer(bytes(32)), SystemClock())

    def imported(*pieces: bytes) -> None:
        asyncio.run(import_aside(book, places, pieces, "li.na"))

    try:
        with pytest.raises(NotFound, match="there is no list nobodys"):
            imported(
                b'{"name": "nobodys", "format": "csv", "content": "dmFsd',
                b'WUKMQo=", "source": "police", "reason": "fraud"}',
            )
        with pytest.raises(FieldError, match="format: must be as import_entries takes it") as told:
            imported(b'{"name": "nobodys", "format": "doc", "content": "", "source": "police", "reason": "fraud"}')
        assert (told.value.field, told.value.rule) == ("format", "must be as import_entries takes it")
        with pytest.raises(FieldError, match="body: must be JSON"):
            imported(b"{")
    finally:
        book.close()


def test_a_command_that_breaks_is_no_refusal() -> None:
    with pytest.raises(Unavailable, match="counting: the child ended with status 2"):
        answer_of(["no-such-command"], purpose="counting", seconds_max=60)
