"""Real databases for tests: SQLite in a folder, and a private PostgreSQL cluster where its programs are installed.

    from tests.fakes.records import database_url, postgresql   # noqa: F401  fixtures

The cluster is made once for all tests of a run, listens on a socket in its own folder only, and is stopped at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_USER = "tarim"
_WAIT_S = 60


def _program(name: str) -> str | None:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((str(home / name) for home in homes if (home / name).exists()), None)
    return found or shutil.which(name)


def _as_owner(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: then the cluster belongs to the package's user."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


class Cluster:
    """A PostgreSQL server of one's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._databases = 0

    def new_url(self) -> str:
        """A new, empty database."""
        self._databases += 1
        name = f"t{self._databases}_{uuid.uuid4().hex[:8]}"
        self.run("createdb", "-h", str(self.folder), "-U", _USER, name)
        return f"postgresql://{_USER}@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as the cluster's owner."""
        found = _program(program)
        assert found
        subprocess.run(
            _as_owner([found, *arguments]), check=True, capture_output=True, timeout=_WAIT_S, cwd=self.folder
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster, gone at the end.  Raises FileNotFoundError where PostgreSQL is not installed."""
    if _program("initdb") is None or _program("createdb") is None:
        raise FileNotFoundError("PostgreSQL is not installed (Debian's package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="tarim-pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made, data = Cluster(folder), str(folder / "data")
    try:
        made.run("initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=100 -c shared_buffers=64MB"
        made.run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield made
    finally:
        if Path(data, "postmaster.pid").exists():
            made.run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running cluster; skips where PostgreSQL is not installed (Debian's package `postgresql`)."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(cluster())
        except FileNotFoundError as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.new_url()
