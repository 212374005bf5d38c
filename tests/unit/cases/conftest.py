"""Databases, made once for all tests of cases."""

from __future__ import annotations

from tests.fakes.records import database_url, postgresql

__all__ = ["database_url", "postgresql"]
