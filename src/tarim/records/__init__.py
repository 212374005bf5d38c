"""The relational database of records: users, the audit trail, and the tables that people's work is read from.

    database = Database.open(url, [MIGRATIONS, ...])       SQLite or PostgreSQL, brought up to date
    with database.writing() as connection: ...             one transaction; on SQLite one writer at a time
    with database.reading() as connection: ...             what was committed before it began

Tables are SQLAlchemy Core.  Every context owns its tables and an Alembic branch of its own with their history, so contexts
change their tables without knowing of each other.
"""

from tarim.records.columns import instant, json_text, text_of, token
from tarim.records.database import Database, DatabaseLimits
from tarim.records.migrations import Migrations, differences

__all__ = [
    "Database",
    "DatabaseLimits",
    "Migrations",
    "differences",
    "instant",
    "json_text",
    "text_of",
    "token",
]
