"""Each context's tables and their history: one Alembic branch a context, all brought up to date together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData

from tarim.base.errors import Conflict

_ALEMBIC: Final = threading.Lock()
"""Alembic's environment is one for the process."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """A context's tables and the scripts that make them.

    folder: Alembic scripts with one base, whose `branch_labels` is (name,); revisions are named `<name>_0001` and so on.
    """

    name: str
    folder: Path
    metadata: MetaData


def upgrade(connection: Connection, contexts: Sequence[Migrations]) -> list[str]:
    """Bring the tables of these contexts up to date; the revisions that were applied.  Other contexts' tables are left alone.

    Runs in the connection's transaction.  Raises Conflict when a newer version of Tarim has been at one of these contexts.
    """
    scripts = _scripts(contexts)
    names = {context.name for context in contexts}
    applied: list[str] = []

    def steps(current: tuple[str, ...] | str, context: MigrationContext) -> Any:
        known = {script.revision for script in scripts.walk_revisions()}
        ours = {revision for revision in _as_tuple(current) if revision.rpartition("_")[0] in names}
        if newer := sorted(ours - known):
            raise Conflict(f"the database has the revision {newer[0]}, which this version does not know: it is newer")
        found = scripts._upgrade_revs("heads", tuple(sorted(ours)))  # type: ignore[arg-type]  # as `alembic upgrade heads`
        applied.extend(step.revision.revision for step in found)
        return found

    with _ALEMBIC, EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, transaction_per_migration=False)
        try:
            environment.run_migrations()
        except (CommandError, ResolutionError) as error:
            raise Conflict(f"the database cannot be brought up to date: {error}") from None
    return applied


def differences(connection: Connection, contexts: Sequence[Migrations]) -> list[Any]:
    """What the database has otherwise than the tables say; [] when the scripts make what the code expects."""
    found: list[Any] = []
    for context in contexts:
        names = set(context.metadata.tables)

        def ours(
            entity: Any, name: str | None, kind: str, reflected: bool, other: Any, names: set[str] = names
        ) -> bool:
            return kind != "table" or name in names

        migration = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        found += compare_metadata(migration, context.metadata)
    return found


def _scripts(contexts: Sequence[Migrations]) -> ScriptDirectory:
    folders = [str(context.folder) for context in contexts]
    return ScriptDirectory(str(Path(__file__).parent), version_locations=folders)


def _as_tuple(current: tuple[str, ...] | str | None) -> tuple[str, ...]:
    return (current,) if isinstance(current, str) else tuple(current or ())
