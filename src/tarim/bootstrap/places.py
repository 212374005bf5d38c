"""A data folder: what lies where, and the making of one.

DATA/
    settings.toml   what is set
    master.key      the one secret (or in the environment)
    journal/        the truth
    snapshots/      where recovery starts
    vault/          data keys, and the index of what is sealed
    lists/          history of the lists, and changes that wait for approval
    names/          name screening: register of customers' names (sealed), watch lists in force, matches
    screenings/     results of screening all customers, by digest
    artefacts/      rulesets and models that were in force, or were submitted to be, by digest
    registry/       signed packages of models, by the digest of their manifest
    watch/          baseline, state and figures of the watch over models
    backtests/      results of backtests, by digest
    datasets/       signed training sets, by digest
    identity.db     users, grants, sessions, their drafts and saved views (unless in PostgreSQL); truth
    audit.db        the audit trail, unless it lies in PostgreSQL
    anchors/        signed statements about it, unless settings keep them elsewhere
    cache/          compiled rules; may be deleted
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tarim.bootstrap.settings import FILE_NAME
from tarim.privacy import create_master_key

MASTER_KEY_FILE: Final = "master.key"
API_KEYS_FILE: Final = "keys.json"


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below a data folder."""

    data: Path

    @property
    def journal(self) -> Path:
        return self.data / "journal"

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def vault(self) -> Path:
        return self.data / "vault"

    @property
    def lists(self) -> Path:
        return self.data / "lists"

    @property
    def names(self) -> Path:
        return self.data / "names"

    @property
    def artefacts(self) -> Path:
        return self.data / "artefacts"

    @property
    def watch(self) -> Path:
        return self.data / "watch"

    @property
    def registry(self) -> Path:
        return self.data / "registry"

    @property
    def runs(self) -> Path:
        return self.data / "runs"

    @property
    def datasets(self) -> Path:
        return self.data / "datasets"

    @property
    def cache(self) -> Path:
        return self.data / "cache"

    @property
    def master_key(self) -> Path:
        return self.data / MASTER_KEY_FILE

    @property
    def settings(self) -> Path:
        return self.data / FILE_NAME

    @property
    def api_keys(self) -> Path:
        return self.data / API_KEYS_FILE


def make_data_folder(data: Path) -> Places:
    """A data folder with a master key of its own.  Raises Conflict when it has one."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = Places(data)
    create_master_key(places.master_key)
    return places
