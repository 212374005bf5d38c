"""Files decided into a journal of their own, as the data folder would decide them, to be looked at and thrown away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.house import file_names, load_policy
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import CHUNK_EVENTS, Cancelled, open_reader
from tarim.decisions import DecisionService, Governance, RecordKind, Seen
from tarim.intake import Intake
from tarim.journal import Journal
from tarim.privacy import Tokenizer, load_master_key
from tarim.screening import Membership, NamesState, decode_names
from tarim.stream import Engine, FeatureSet


class FileJournal:
    """Decides the events of files by the ruleset, model and lists in force in a data folder, without switches.

    lists: as they are there now; lists_digest: the chain of its journal after the last change of lists or of what is known of
    names, "" for none.  live: the rules that decide, by the ruleset's version.
    """

    def __init__(
        self,
        settings: Settings,
        places: Places,
        features: FeatureSet,
        environment: Mapping[str, str],
        what: str,
        stopped: Callable[[], bool],
    ) -> None:
        """What: the work this is for, for the message when it is broken off."""
        self._settings = settings
        self._features = features
        self._what = what
        self._stopped = stopped
        self.lists = Membership()
        self.lists_digest = ""
        self._names = NamesState()
        changed_seq = -1
        governance = Governance()
        if places.journal.is_dir():
            with open_reader(places.journal, settings, check=False) as reader:
                for record in reader.read(reader.first_seq, reader.durable_seq):
                    if record.kind in (RecordKind.RULESET, RecordKind.MODEL, RecordKind.PROPOSAL):
                        governance.take(record)
                    elif record.kind == RecordKind.LIST:
                        self.lists.apply(record.payload)
                        changed_seq = record.first_seq
                    elif record.kind == RecordKind.NAMES:
                        self._names.take(record.first_seq, decode_names(record.payload))
                        changed_seq = record.first_seq
                if changed_seq >= 0:
                    self.lists_digest = reader.digest_at(changed_seq)
        artefacts = self._artefacts = Artefacts(places.artefacts)
        cache = places.cache / "rules"
        self._policy = load_policy(settings, features, cache, artefacts, governance, self.lists)
        self._tokenizer = Tokenizer(load_master_key(places.master_key, environment).derive("tokens"))
        decider = self._policy.decider
        self.live = {decider.ruleset_version: decider.ruleset.rules}

    def decide(
        self, journal: Path, tables: Iterable[pa.RecordBatch], source: str | None, progress: Callable[[int], None]
    ) -> tuple[int, int]:
        """Events accepted and refused.  Raises Cancelled, and what intake raises about a file as a whole."""
        taken = refused = 0
        intake = Intake(self._tokenizer, None, self._settings.intake, clock=SystemClock())
        intake.screen_names(file_names(self._names, self._artefacts, self._settings))
        engine = Engine(self._features, memory_bytes_max=self._settings.engine.memory_bytes_max)
        log = Journal.open(journal, self._settings.journal)
        try:
            seen = Seen(self._settings.seen.events_max)
            service = DecisionService(log, engine, self._policy.decider, seen, lenient=True)
            for table in tables:
                for start in range(0, table.num_rows, CHUNK_EVENTS):
                    if self._stopped():
                        raise Cancelled(f"the {self._what} was broken off")
                    batch, refusals = intake.table(table.slice(start, CHUNK_EVENTS), source=source)
                    refused += len(refusals)
                    if len(batch):
                        decided = service.take(batch)
                        taken += len(decided.rows)
                        refused += len(decided.refused)
                    progress(taken)
            service.commit()
        finally:
            log.close()
        return taken, refused


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
