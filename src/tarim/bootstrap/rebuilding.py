"""Looking back: one past decision, and the same decision made once more from the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.base.errors import NotFound
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.house import (
    feature_set,
    recorded_explainer,
    recorded_judge,
    recorded_score_explainer,
    recorded_treatment,
    recover_state,
)
from tarim.bootstrap.lists import membership_before
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.decisions import Beside, Decided, Decider, RecordKind, Records, Versions
from tarim.intake import event_key
from tarim.journal import FolderReader
from tarim.models import Explainer, Explanation


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A decision made again.  `features` by name; `equal`: all words of both decisions are the same, and every model said the
    same.
    """

    recorded: Decided
    again: npt.NDArray[np.int64]
    features: dict[str, float]
    models_differ: bool = False

    @property
    def equal(self) -> bool:
        """Whether the decision came out identical."""
        return bool(np.array_equal(self.recorded.decision, self.again)) and not self.models_differ


class Archive:
    """Reads a data folder beside the service, or without it; nothing is locked or written."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self._settings = settings
        self._places = places
        self._features = feature_set(settings.engine.features)
        self._reader = FolderReader(places.journal, index_stride_bytes=settings.journal.index_stride_bytes)

    def find(self, source: str, event_id: str) -> Decided:
        """The decision on an event.  Raises NotFound."""
        state = recover_state(self._reader, self._settings, self._places, self._features).state
        seq = int(state.seen.find(np.array([event_key(source, event_id)], np.int64))[0])
        if seq < 0:
            raise NotFound("no decision for that event")
        return Records(self._reader).decided(seq)

    def at(self, seq: int) -> Decided:
        """The decision on the event at a position.  Raises NotFound."""
        return Records(self._reader).decided(seq)

    def rebuild(self, recorded: Decided, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Rebuilt:
        """The decision once more: state before it from snapshot and journal, rules and model of the time.

        progress: told up to which position of which the state before it is made.  Raises NotFound when an artefact or the
        journal's beginning is gone.
        """
        events, index = Records(self._reader).at(recorded.seq)
        before = events.first_seq
        state = recover_state(
            self._reader, self._settings, self._places, self._features, before, reached=lambda at: progress(at, before)
        ).state
        rows = np.array(events.rows[: index + 1])
        features = np.empty((index + 1, len(self._features.names)))
        state.engine.process(rows, features)
        judge = recorded_judge(
            Artefacts(self._places.artefacts), recorded.versions, self._features, self._places.cache / "rules"
        )
        if judge.ruleset.probes:
            judge.lists = membership_before(self._reader, events.first_seq)
        judge.steer(state.governance.effects(judge.rules))
        beside = Beside.room(1, judge.lineup)
        again = judge.decide(rows[index:], features[index:], beside=beside)
        in_force = state.in_force.get(RecordKind.TREATMENT)
        if in_force is not None:
            state.aftermath.spending.count(rows[:index], events.decisions[:index].copy())
            treatment = recorded_treatment(Artefacts(self._places.artefacts), in_force)
            state.aftermath.treat(rows[index:], again, treatment)
        said = events.beside.part(slice(index, index + 1)) if events.beside is not None else None
        differ = bool(beside.differs(said)[0]) if beside is not None and said is not None else beside is not said
        of_event = dict(zip(self._features.names, features[index].tolist(), strict=True))
        return Rebuilt(recorded, again[0], of_event, differ)

    def explain(self, recorded: Decided) -> Explanation:
        """What made up a decision's score: of what was kept with it, or computed again.  Raises NotFound, DefinitionError."""
        features = recorded.features
        if features is None:
            features = np.array(list(self.rebuild(recorded).features.values()))
        return self.score_explainer(recorded.versions.features, recorded.model).explain(features)

    def score_explainer(self, features_version: str, model_version: str) -> Explainer:
        """What explains scores of a model that was in force.  Raises NotFound."""
        return recorded_score_explainer(
            Artefacts(self._places.artefacts), features_version, model_version, self._features
        )

    def explainer(self, versions: Versions) -> Decider:
        """The decider of `versions`, to explain by.  Raises NotFound."""
        return recorded_explainer(
            Artefacts(self._places.artefacts), versions, self._features, self._places.cache / "rules"
        )
