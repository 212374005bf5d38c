"""Fixtures that tests of several contexts share; here once, so that one PostgreSQL cluster serves a whole run."""

from collections.abc import Iterator

import pytest
import structlog

from tarim.console.words import speak
from tests.fakes.records import database_url, postgresql

__all__ = ["database_url", "own_language", "own_log", "postgresql"]


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command run in this process has the log go to the output it was given; the next test has another one."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def own_language() -> None:
    """A page asked for in this process sets the viewer's language; the next test begins in the first one."""
    speak("zh")
