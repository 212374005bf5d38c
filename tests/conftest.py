"""Fixtures that tests of several contexts share; here once, so that one PostgreSQL cluster serves a whole run."""

from tests.fakes.records import database_url, postgresql

__all__ = ["database_url", "postgresql"]
