"""The database of records, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from tarim.base.errors import Conflict, DefinitionError, Unavailable
from tarim.records import Database, DatabaseLimits, Migrations, differences, json_text, text_of, token
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures

SCRIPT = '''"""{name}"""
import sqlalchemy as sa
from alembic import op
from tarim.records import json_text, text_of, token

revision = "{name}_0001"
down_revision = None
branch_labels = ("{name}",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "{name}_things",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", text_of(20), nullable=False),
        sa.Column("token", token()),
        sa.Column("more", json_text()),
    )
'''


def context(folder: Path, name: str = "shop") -> tuple[Migrations, Table]:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}_0001.py").write_text(SCRIPT.format(name=name))
    metadata = MetaData()
    table = Table(
        f"{name}_things",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", text_of(20), nullable=False),
        Column("token", token()),
        Column("more", json_text()),
    )
    return Migrations(name, folder, metadata), table


def test_contexts_come_up_to_date_together_and_one_by_one(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    shop, things = context(tmp_path / "shop")
    bank, _ = context(tmp_path / "bank", "bank")
    with Database.open(database_url, [shop]) as database, database.writing() as connection:
        connection.execute(insert(things), [{"id": 1, "name": "甲", "token": 1 << 63, "more": {"b": 1, "a": [2]}}])
    with Database.open(database_url, [shop, bank]) as database, database.reading() as connection:
        assert differences(connection, [shop, bank]) == []
        assert connection.execute(select(things)).one() == (1, "甲", 1 << 63, {"a": [2], "b": 1})


def test_a_difference_of_tables_and_scripts_is_seen(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    shop, things = context(tmp_path / "shop")
    things.append_column(Column("forgotten", Integer))
    with Database.open(database_url, [shop]) as database, database.reading() as connection:
        assert len(differences(connection, [shop])) == 1


def test_an_error_undoes_the_whole_transaction(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    shop, things = context(tmp_path / "shop")
    with Database.open(database_url, [shop]) as database:
        with pytest.raises(ZeroDivisionError), database.writing() as connection:
            connection.execute(insert(things), [{"id": 1, "name": "a"}])
            1 / 0  # noqa: B018
        with database.reading() as connection:
            assert connection.execute(select(things)).all() == []


def test_writers_of_many_threads_wait_for_each_other(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    """A counter read and written by 8 threads with a lock loses nothing."""
    shop, things = context(tmp_path / "shop")
    with Database.open(database_url, [shop]) as database:

        def count() -> None:
            for _ in range(10):
                with database.writing() as connection:
                    database.lock(connection, "count")
                    seen = len(connection.execute(select(things.c.id)).all())
                    connection.execute(insert(things), [{"id": seen + 1, "name": "n"}])

        threads = [threading.Thread(target=count) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        with database.reading() as connection:
            assert len(connection.execute(select(things.c.id)).all()) == 80


def test_a_newer_database_is_refused(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    shop, _ = context(tmp_path / "shop")
    bank, _ = context(tmp_path / "bank", "bank")
    Database.open(database_url, [shop, bank]).close()
    (tmp_path / "bank" / "bank_0001.py").rename(tmp_path / "bank" / "away")
    with pytest.raises(Conflict, match="bank_0001"):
        Database.open(database_url, [shop, bank])


def test_a_process_may_know_some_of_the_contexts(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    """The others' tables and history stay as they are."""
    shop, things = context(tmp_path / "shop")
    bank, _ = context(tmp_path / "bank", "bank")
    Database.open(database_url, [bank]).close()
    with Database.open(database_url, [shop]) as database, database.writing() as connection:
        connection.execute(insert(things), [{"id": 1, "name": "a"}])
    with Database.open(database_url, [shop, bank]) as database, database.reading() as connection:
        assert differences(connection, [shop, bank]) == []
        assert len(connection.execute(select(things)).all()) == 1


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a@b/c", "sqlite://", "sqlite:///:memory:"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(DefinitionError):
        Database.open(url, [])


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Database.open(f"postgresql://tarim@/x?host={tmp_path}", [], DatabaseLimits(wait_s=1))
