"""From one decision back to the training data of the model that judged it, every byte on the way checked.

    decision (journal) ──► versions ──► model (artefact) ──► registry entry ──► package ──► card, run ──► training set

The journal's records carry a chain of their own, which is checked while it is read.  Whatever is not as it was signed is named,
and what can still be looked at is (ML-17, ML-20; the bar "traceability").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tarim.base.errors import NotFound, TarimError
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.packages import Packages, Step
from tarim.bootstrap.places import Places
from tarim.bootstrap.rebuilding import Archive
from tarim.bootstrap.settings import Settings
from tarim.decisions import Governance, Registry
from tarim.journal import FolderReader
from tarim.privacy import Signer, load_master_key


def trace(
    settings: Settings, places: Places, environment: Mapping[str, str], source: str, event_id: str
) -> Iterator[Step]:
    """The steps, in order; a step whose `trouble` is not empty found something that is not as it was written.

    Raises NotFound for an event without a decision, Damaged when the journal itself is.
    """
    decided = Archive(settings, places).find(source, event_id)
    versions = decided.versions
    yield Step("decision", f"{source} {event_id} at {decided.seq}")
    yield Step("ruleset", versions.ruleset)
    yield Step("features", versions.features)
    if not decided.model:
        yield Step("model", "none: rules alone decided")
        return
    whose = "champion" if decided.judged == 0 else f"challenger {decided.judged} of {len(versions.challengers)}"
    yield Step("judged by", f"{whose} {decided.model}")
    registry = _registry(settings, places, decided.seq)
    entry = registry.entries.get(decided.model)
    if entry is None:
        yield Step("registry", decided.model, "the journal holds no act that put this model in force")
        return
    yield Step("registry", f"{entry.service} {entry.state.value}, {entry.author or '-'} / {entry.approver or '-'}")
    if not entry.manifest:
        try:
            Artefacts(places.artefacts).get(entry.version)
            yield Step("model", entry.version)
        except TarimError as error:
            yield Step("model", entry.version, error.detail)
        yield Step(
            "package", "none", "the settings named this model at the first start: no run and no training set are known"
        )
        return
    signer = Signer.of(load_master_key(places.master_key, environment))
    packages = Packages(places, feature_set(settings.engine.features), signer)
    named = packages.model_of(entry.manifest)
    if named not in ("", entry.version):
        yield Step("package", entry.manifest, "the package is about another model than the journal says")
    yield from packages.steps(entry.manifest)


def _registry(settings: Settings, places: Places, seq: int) -> Registry:
    """Models as they stand now; each record up to the decision, and those after it, are read with their chain checked."""
    governance = Governance()
    with FolderReader(places.journal, index_stride_bytes=settings.journal.index_stride_bytes, check=True) as reader:
        if seq >= reader.durable_seq:
            raise NotFound("the decision is not in the journal")
        for record in reader.read(reader.first_seq, reader.durable_seq):
            governance.take(record)
    return governance.registry
