"""The house: every part opened, recovered and put together.  What lies where in its data folder is in `places.py`."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, NotFound, TarimError, TooLarge, Unavailable
from tarim.base.instants import Clock
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.lists import open_lists
from tarim.bootstrap.name_book import index_names_again, open_names
from tarim.bootstrap.name_marks import FileNames
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.watch_files import WatchPlaces, days_of
from tarim.decisions import (
    NEW,
    Batch,
    Control,
    Decider,
    DecisionService,
    Governance,
    Lineup,
    Lists,
    ModelRecord,
    RecordKind,
    Recovered,
    Snapshots,
    State,
    Taken,
    Treatment,
    Versions,
    champion_scores,
    decode_events,
    default_treatment,
    encode_model_record,
    read_treatment,
    recover,
)
from tarim.decisions.kernels.decide import hide_history
from tarim.intake import Intake
from tarim.journal import FolderReader, Journal, Recovery
from tarim.models import Drift, Explainer, Model, model_from_bytes
from tarim.privacy import Signer, Tokenizer, Vault, load_master_key
from tarim.rules import compile_ruleset, starter_pack
from tarim.screening import FOUND_MAX, MATCHES_MAX, Matches, NamesState, encode_names
from tarim.stream import Col, Engine, FeatureSet, Rows, reference_features, scenario_features

ARTEFACT_BYTES_MAX: Final = 256 << 20
NAME_CHARACTERS_MAX: Final = 64


def feature_set(name: str) -> FeatureSet:
    """The feature set of a name: `reference`, `scenarios`, or `package.module:NAME`.  Raises DefinitionError."""
    if name == "reference":
        return reference_features()
    if name == "scenarios":
        return scenario_features()
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise DefinitionError(f"feature set {name!r} is neither `reference`, `scenarios` nor `package.module:NAME`")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise DefinitionError(f"feature set {name!r}: {error}") from None
    found = found() if callable(found) else found
    if not isinstance(found, FeatureSet):
        raise DefinitionError(f"feature set {name!r} is a {type(found).__name__}, not a FeatureSet")
    return found


@dataclass(frozen=True, slots=True)
class Policy:
    """A decider, and the bytes it was made from: the ruleset's, and the champion's of a first start (b"" = none)."""

    decider: Decider
    ruleset_text: bytes
    model_bytes: bytes


def file_names(state: NamesState, artefacts: Artefacts, settings: Settings) -> FileNames:
    """What screens the names of files against what is in force."""
    return FileNames(state, artefacts, settings.names.threshold_percent, settings.names.remembered_max)


def load_policy(
    settings: Settings,
    features: FeatureSet,
    cache: Path,
    artefacts: Artefacts,
    in_force: Governance,
    lists: Lists | None = None,
) -> Policy:
    """The decider to start with.  Raises DefinitionError, NotFound, TooLarge.

    in_force: what the journal says is in force; the files that are set count for the first start only, because later
    rulesets and models are published by two persons.
    """
    if in_force.ruleset is not None:
        rules = artefacts.get(in_force.ruleset.digest)
    else:
        rules = _read(Path(settings.policy.rules_file)) if settings.policy.rules_file else starter_pack().encode()
    registry = in_force.registry
    if registry.begun:
        models = [artefacts.get(version) for version in registry.live]
        return Policy(make_decider(rules, models, registry.lineup, features, cache, lists), rules, b"")
    model = _read(Path(settings.policy.model_file)) if settings.policy.model_file else b""
    lineup = Lineup(hashlib.sha256(model).hexdigest() if model else "")
    return Policy(make_decider(rules, [model] if model else [], lineup, features, cache, lists), rules, model)


def make_decider(
    rules: bytes,
    models: Sequence[bytes],
    lineup: Lineup,
    features: FeatureSet,
    cache: Path | None,
    lists: Lists | None = None,
) -> Decider:
    """A decider from the bytes of a ruleset and of the models of a line-up.  Without lists nothing is an entry of one.

    Raises DefinitionError.
    """
    try:
        text = rules.decode("utf-8")
    except UnicodeDecodeError:
        raise DefinitionError("the ruleset is not UTF-8 text") from None
    ruleset = compile_ruleset(text, features.names, cache)
    scorers = [model_from_bytes(model, features.names) for model in models]
    decider = Decider(ruleset, None, features.names, lists, scorers)
    decider.line_up(lineup)
    return decider


def load_treatment(settings: Settings, artefacts: Artefacts, in_force: Mapping[int, Control]) -> Treatment:
    """What follows from an outcome, to start with: as with rulesets, the file that is set counts for the first start only.

    Raises DefinitionError, NotFound, TooLarge.
    """
    if RecordKind.TREATMENT in in_force:
        return recorded_treatment(artefacts, in_force[RecordKind.TREATMENT])
    path = settings.policy.treatment_file
    try:
        return read_treatment(_read(Path(path)).decode("utf-8") if path else default_treatment())
    except UnicodeDecodeError:
        raise DefinitionError(f"{path} is not UTF-8 text") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(ARTEFACT_BYTES_MAX + 1)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {os.strerror(error.errno or 0)}") from None
    if len(content) > ARTEFACT_BYTES_MAX:
        raise TooLarge(f"{path} is larger than {ARTEFACT_BYTES_MAX} bytes")
    return content


class House:
    """Everything open, in step, and ready to decide.  Close it, or use it as a context."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        environment: Mapping[str, str],
        *,
        clock: Clock | None = None,
        lenient: bool = False,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Open and recover.

        lenient: take labels about unknown events.  say: told about recovery in a few lines.
        Raises NotFound (no key, no file), DefinitionError, Unavailable (in use, disk), Damaged.
        """
        self.settings = settings
        self.places = places
        self.clock = clock or SystemClock()
        self.artefacts = Artefacts(places.artefacts)
        self.features = feature_set(settings.engine.features)
        master = load_master_key(places.master_key, environment)
        self.journal = Journal.open(places.journal, settings.journal)
        try:
            self.recovery: Recovery = self.journal.recovery
            say(str(self.recovery))
            self.watch = self._open_watch(say)
            self.recovered = recover_state(self.journal, settings, places, self.features, watch=self.watch)
            say(_recovered_text(self.recovered))
            self.lists = open_lists(places.lists, self.journal, Tokenizer(master.derive("tokens")), self.clock)
            self.names = open_names(places.names, self.journal)
            self.vault = Vault.open(places.vault, master, settings.vault)
        except BaseException:
            self.journal.close()
            raise
        try:
            index_again(self.vault, self.journal)
            self._owners_seq = self.journal.durable_seq
            self.vault.index(np.zeros(0, np.int64), np.zeros(0, np.int64), [], self._owners_seq)
            self._token_key = master.derive("tokens")
            self.tokenizer = self.new_tokenizer()
            self.signer = Signer.of(master)
            self.intake = Intake(self.tokenizer, self.vault, settings.intake, clock=self.clock)
            self.file_names = file_names(self.names.state, self.artefacts, settings)
            self.intake.screen_names(self.file_names)  # until a service has a helper to ask
            self.policy = load_policy(
                settings,
                self.features,
                places.cache / "rules",
                self.artefacts,
                self.recovered.state.governance,
                self.lists.membership,
            )
            if settings.policy.model_file and self.recovered.state.governance.registry.begun:
                say("policy.model_file is not looked at: the journal says which models score (tarim models list)")
            self.engine = self.recovered.state.engine
            self.service = DecisionService(
                self.journal,
                self.engine,
                self.policy.decider,
                self.recovered.state.seen,
                self.recovered.state.governance,
                aftermath=self.recovered.state.aftermath,
                treatment=load_treatment(settings, self.artefacts, self.recovered.state.in_force),
                lenient=lenient,
            )
            self._put_in_force()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self.service.broken:  # else it may have seen what is not in the journal
                self.keep_watch()
        finally:
            self.close()

    def close(self) -> None:
        """Finish what is under way and let go of the files."""
        try:
            self.vault.close()
            self.lists.close()
            self.names.close()
        finally:
            self.journal.close()

    def new_tokenizer(self) -> Tokenizer:
        """A tokenizer of one's own, for another thread than the decisions'."""
        return Tokenizer(self._token_key)

    @property
    def decider(self) -> Decider:
        """The decider in force."""
        decider = self.service.judge
        assert isinstance(decider, Decider)
        return decider

    @property
    def state(self) -> State:
        """Everything the journal has made so far, as a snapshot keeps it."""
        before = self.recovered.state
        service = self.service
        return State(self.engine, service.seen, before.in_force, service.governance, service.aftermath)

    def _put_in_force(self) -> None:
        """Say in the journal what is in force from here on, if it is something else than before."""
        versions, at_ms = self.service.versions, self.clock.now_ms()
        policy = self.policy
        wanted = {
            RecordKind.FEATURES: Control(versions.features, self.features.name, "", at_ms),
            RecordKind.RULESET: Control(
                versions.ruleset, policy.decider.ruleset.name, self.artefacts.keep(policy.ruleset_text), at_ms
            ),
        }
        if self.service.treatment is not None:
            treatment = self.service.treatment
            kept = self.artefacts.keep(treatment.text.encode())
            wanted[RecordKind.TREATMENT] = Control(treatment.version, "", kept, at_ms)
        if not self.service.governance.registry.begun:
            model = self.artefacts.keep(policy.model_bytes) if policy.model_bytes else ""
            name = Path(self.settings.policy.model_file).name[:NAME_CHARACTERS_MAX] if model else ""
            self.service.control(RecordKind.MODEL, encode_model_record(ModelRecord(model, name, model, at_ms)))
        before = self.recovered.state.in_force
        for kind, control in wanted.items():
            if kind not in before or before[kind].version != control.version:
                self.service.record(kind, control)
                before[kind] = control
        self.journal.commit()

    def _open_watch(self, say: Callable[[str], None]) -> Drift | None:
        """The watch of models; what is wrong with it is said, and stops nothing."""
        try:
            return WatchPlaces(self.places.watch).drift(
                self.features.version, self.settings.watch, self.journal.durable_seq, days_of(self.places.data)
            )
        except TarimError as error:
            say(f"models are not watched: {error.detail}")
            return None

    def show_watch(self, taken: Taken) -> None:
        """Show the watch of models what was just decided; before the next group, which overwrites the features."""
        if self.watch is not None and len(taken.rows):
            scores = champion_scores(taken.decisions, taken.beside)
            self.watch.take(taken.rows, taken.features, scores, self.service.versions.model)

    def note_names(self) -> None:
        """Note in the journal what the names of files were found to be like, durably: work for people.  Raises Unavailable."""
        found = self.file_names.noted()
        if self.names.state.match_count + len(found) > MATCHES_MAX:
            raise Unavailable(
                f"there are {MATCHES_MAX:,} matches of names; raise names.threshold_percent, or clear some"
            )
        for start in range(0, len(found), FOUND_MAX):
            payload = encode_names(Matches("", found[start : start + FOUND_MAX], self.clock.now_ms()))
            self.names.take(self.service.control(RecordKind.NAMES, payload), payload)
        if found:
            self.service.commit()

    def keep_watch(self) -> None:
        """Keep the watch of models on the disk.  Raises Unavailable."""
        if self.watch is not None:
            WatchPlaces(self.places.watch).keep_state(self.watch.encoded())

    def install_model(self, content: bytes, name: str, author: str, approver: str, reason: str) -> None:
        """Put a first model in force that no run recorded, in a house that is being made, such as the demonstration's.

        Raises Conflict when the journal knows models already: then two persons publish one.  Raises DefinitionError.
        """
        scorer = model_from_bytes(content, self.features.names)
        kept = self.artefacts.keep(content)
        record = ModelRecord(scorer.version, name, kept, self.clock.now_ms(), author, approver, reason)
        ruleset = self.decider.ruleset
        judge = Decider(ruleset, None, self.features.names, self.lists.membership, [scorer])
        self.service.change_models(record, judge)
        self.service.commit()

    def index_accepted(self, groups: Sequence[tuple[Taken, Batch]]) -> None:
        """Tell the vault's index what became durable with groups, in order; it is written in the background."""
        seqs: list[npt.NDArray[np.int64]] = []
        customers: list[npt.NDArray[np.int64]] = []
        sealed: list[bytes | None] = []
        applied_seq = 0
        for taken, batch in groups:
            rows = taken.rows
            if not len(rows):
                continue
            applied_seq = int(rows[-1, Col.SEQ]) + 1
            if len(rows) == len(batch.event_ids):
                seqs.append(rows[:, Col.SEQ])
            else:  # what events that were left out brought lies in the journal with the others, under the first position
                seqs.append(np.where(taken.states == NEW, taken.seqs, rows[0, Col.SEQ]))
            customers.append(batch.rows[:, Col.CUSTOMER])
            sealed += batch.sealed
        if seqs:
            self.vault.index(np.concatenate(seqs), np.concatenate(customers), sealed, applied_seq)

    def destroy_customer(self, customer: int, at_ms: int) -> int:
        """Destroy every data key of a customer (signed token) under an instant; how many.  Waits; any thread.

        Whose the keys of earlier processes are is known once the index has the journal as this process found it; of its own
        keys the vault knows anyway.  Raises NotFound when there is none, Unavailable.
        """
        return self.vault.destroy(customer, at_ms, self._owners_seq)

    def explainer(self, versions: Versions) -> Decider:
        """A decider that explains decisions made under `versions`.  Raises NotFound when its ruleset is gone."""
        if versions.ruleset == self.service.judge.ruleset_version:
            return self.decider
        return recorded_explainer(self.artefacts, versions, self.features, self.places.cache / "rules")

    def score_explainer(self, features_version: str, model_version: str) -> Explainer:
        """What explains scores of a model; in the thread of the decisions.  Raises NotFound when its bytes are gone."""
        loaded = self.decider.models.get(model_version)
        if isinstance(loaded, Model) and features_version == self.features.version:
            return Explainer(loaded, self.features)
        return recorded_score_explainer(self.artefacts, features_version, model_version, self.features)

    def judge(self, versions: Versions) -> Decider:
        """The decider of `versions`.  Raises NotFound when an artefact is gone."""
        if versions == self.service.versions:
            return self.decider
        return recorded_judge(self.artefacts, versions, self.features, self.places.cache / "rules")


def recorded_judge(
    artefacts: Artefacts, versions: Versions, features: FeatureSet, cache: Path | None, lists: Lists | None = None
) -> Decider:
    """The decider of versions that were in force; lists: as they were then.  Raises NotFound when an artefact is gone."""
    if versions.features != features.version:
        raise NotFound(f"the decision was made with feature set {versions.features}, the one set is {features.version}")
    models = [artefacts.get(version) for version in versions.lineup.versions if version]
    return make_decider(artefacts.get(versions.ruleset), models, versions.lineup, features, cache, lists)


def recorded_explainer(artefacts: Artefacts, versions: Versions, features: FeatureSet, cache: Path | None) -> Decider:
    """A decider for the reasons of decisions under `versions`, without models.  Raises NotFound when the ruleset is gone."""
    return make_decider(artefacts.get(versions.ruleset), [], Lineup(), features, cache)


def recorded_score_explainer(
    artefacts: Artefacts, features_version: str, model_version: str, features: FeatureSet
) -> Explainer:
    """What explains scores of a model that was in force.  Raises NotFound when an artefact is gone."""
    if features_version != features.version:
        raise NotFound(f"the decision was made with feature set {features_version}, the one set is {features.version}")
    return Explainer(model_from_bytes(artefacts.get(model_version), features.names), features)


def recorded_treatment(artefacts: Artefacts, control: Control) -> Treatment:
    """The treatment that a control record put in force.  Raises NotFound when the artefact is gone."""
    return read_treatment(artefacts.get(control.digest).decode("utf-8"))


def recover_state(
    reader: Journal | FolderReader,
    settings: Settings,
    places: Places,
    features: FeatureSet,
    to_seq: int | None = None,
    watch: Drift | None = None,
    reached: Callable[[int], None] | None = None,
) -> Recovered:
    """Engine and index as of the journal's durable end, or before `to_seq`.

    watch: is shown the events after the snapshot that it has not seen, and told how many before it it has missed.  reached:
    without a watch, is told now and then up to which position the state is.
    """
    shown_seq = watch.next_seq if watch is not None else 0

    def show(rows: Rows, values: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], model: str) -> None:
        assert watch is not None
        hide_history(rows, values)
        watch.take(rows, values, scores, model)

    def tell(rows: Rows, _values: object, _scores: object, _model: object) -> None:
        assert reached is not None
        reached(int(rows[-1, Col.SEQ]) + 1)

    memory = settings.engine.memory_bytes_max
    recovered = recover(
        reader,
        Snapshots(places.snapshots),
        fresh=lambda: Engine(features, memory_bytes_max=memory),
        restore=lambda path: Engine.restore(path, features, memory_bytes_max=memory),
        seen_events_max=settings.seen.events_max,
        to_seq=to_seq,
        watcher=show if watch is not None else tell if reached is not None else None,
    )
    if watch is not None and 0 < shown_seq < recovered.snapshot_offset:
        watch.missed += sum(
            record.count
            for record in reader.read(max(shown_seq, reader.first_seq), recovered.snapshot_offset)
            if record.kind == RecordKind.EVENTS
        )
    return recovered


def index_again(vault: Vault, journal: Journal) -> int:
    """Give the vault's index what it had not written when the last process ended; how many events."""
    count = 0
    for record in journal.read(min(vault.applied_seq, journal.durable_seq)):
        if record.kind == RecordKind.EVENTS:
            events = decode_events(record)
            side = events.side
            owners, orphans = zip(*side.orphans, strict=True) if side.orphans else ((), ())
            vault.index(
                np.append(events.rows[:, Col.SEQ], np.full(len(orphans), record.first_seq)),
                np.append(events.rows[:, Col.CUSTOMER], np.array(owners, np.int64)),
                [*(side.sealed or [None] * len(events)), *orphans],
                record.first_seq + record.count,
                recovering=True,
            )
            count += len(events)
        elif record.kind == RecordKind.NAMES:
            index_names_again(vault, record)
    return count


def _recovered_text(recovered: Recovered) -> str:
    start = "the beginning" if recovered.snapshot_offset < 0 else f"snapshot {recovered.snapshot_offset}"
    replayed = recovered.replayed
    text = f"state from {start} and {replayed.events:,} events in {replayed.took_s:.2f} s"
    return text + "".join(f"; passed over: {reason}" for reason in recovered.skipped)
