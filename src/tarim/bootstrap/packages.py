"""Packages of models: made from a run, signed, kept, checked to the last byte, and destroyed at the exit.

    DATA/registry/<first 16 digits of the manifest's digest>/
        manifest.json   a PackageManifest, canonical JSON; its SHA-256 is what is approved
        manifest.sig    64 bytes, Ed25519 over the bytes of manifest.json
        card.toml       the model card as it was submitted

The model's bytes lie under DATA/artefacts by their digest, run and training set where they were made.  Which state a model is
in says the journal, not a file.  Requirements: ML-07, ML-17, ML-20, ML-21, ML-29.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError, TarimError, TooLarge, Unavailable
from tarim.base.files import content_of
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.places import Places
from tarim.bootstrap.publishing import read_model
from tarim.models import (
    PACKAGE_FORMAT,
    CardFacts,
    Curves,
    PackageManifest,
    RunFigures,
    card_template,
    check_card,
    find_dataset,
    listed,
    read_curves,
    read_figures,
    read_package,
    verify_dataset,
)
from tarim.models.registry import CARD_BYTES_MAX, CURVES, CURVES_BYTES_MAX
from tarim.privacy import SIGNATURE_BYTES, Signer
from tarim.stream import FeatureSet

if TYPE_CHECKING:
    from tarim.models.lab import RunRecord

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
RUN: Final = "run.json"
CARD: Final = "card.toml"
SCRIPT_BYTES_MAX: Final = 256 << 10
_ID_CHARACTERS: Final = 16
_MANIFEST_BYTES_MAX: Final = 64 << 10
_SIGNED_BYTES_MAX: Final = 64 << 20
_SHRED_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Submission:
    """A run that may be submitted: its record, the model's bytes and the card."""

    record: RunRecord
    run_digest: str
    model: bytes
    card: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trace: what was looked at, and what was found; `trouble` is "" when all is as it was signed."""

    what: str
    found: str
    trouble: str = ""


class Packages:
    """Packages of one data folder; any thread may use it."""

    def __init__(self, places: Places, features: FeatureSet, signer: Signer) -> None:
        self._places = places
        self._features = features
        self._signer = signer
        self._artefacts = Artefacts(places.artefacts)

    # ---- making ----------------------------------------------------------------------------------------------------

    def write_card(self, run: str) -> tuple[Path, bool]:
        """The card in a run's folder, and whether it was written just now: a template filled from record and choice.

        Raises NotFound, Damaged, DefinitionError when nobody has said why the run was chosen, Unavailable.
        """
        folder, record = self._run(run)
        path = folder / CARD
        if path.exists():
            return path, False
        facts = self._facts(folder, record)
        try:
            _write(path, card_template(facts).encode())
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}") from None
        return path, True

    def check_card(self, run: str) -> bytes:
        """The card of a run, complete.  Raises NotFound, Damaged, DefinitionError naming everything that is missing."""
        folder, record = self._run(run)
        if not (folder / CARD).exists():
            raise DefinitionError(
                f"run {record.run_id} has no {CARD}; write one with: tarim models card {record.run_id}"
            )
        card = _read(folder / CARD, CARD_BYTES_MAX)
        check_card(card, self._facts(folder, record))
        return card

    def submission(self, run: str) -> Submission:
        """A run whose card is complete, whose training set is the signed one, and whose model scores this house's features.

        Raises NotFound, Damaged, DefinitionError naming everything that is missing.
        """
        from tarim.models.lab import read_model as read_run_model

        folder, record = self._run(run)
        if record.feature_version != self._features.version:
            raise DefinitionError(
                f"run {record.run_id} learnt features of version {record.feature_version[:16]}, this house computes "
                f"{self._features.version[:16]}: cut the training set again and train again"
            )
        unowned = [name for name in record.features if not self._owner_of(name)]
        if unowned:
            raise DefinitionError(
                f"nobody answers for {len(unowned)} features of the model, such as {unowned[0]}: name an owner in the feature "
                "set (FeatureSet(..., owner=...))"
            )
        card = self.check_card(run)
        verify_dataset(find_dataset(self._places.datasets, record.dataset), self._signer)
        model = read_run_model(folder, record)
        self._artefacts.keep(model)
        read_model(self._artefacts, record.model, self._features)
        return Submission(record, _digest_of(folder / RUN), model, card)

    def put(self, submission: Submission, service: str, name: str, operator: str, made_ms: int) -> bytes:
        """Sign and keep the package; the manifest's bytes.  name: for people, "" = the run's.  Raises Unavailable."""
        record = submission.record
        manifest = canonical_json(
            PackageManifest(
                PACKAGE_FORMAT,
                service,
                name or record.run_id,
                record.model,
                record.kind,
                record.feature_version,
                record.run_id,
                submission.run_digest,
                record.dataset,
                hashlib.sha256(submission.card).hexdigest(),
                operator,
                made_ms,
            )
        )
        folder = self._folder(hashlib.sha256(manifest).hexdigest())
        making = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            files = ((MANIFEST, manifest), (SIGNATURE, self._signer.sign(manifest)), (CARD, submission.card))
            for name, content in files:
                _write(making / name, content)
            if not folder.exists():
                making.rename(folder)
            _sync(folder.parent)
        except OSError as error:
            raise Unavailable(f"the package cannot be written: {error.strerror}") from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return manifest

    # ---- checking --------------------------------------------------------------------------------------------------

    def manifest(self, digest: str) -> PackageManifest:
        """A package's manifest, digest and signature checked.  Raises NotFound, Damaged."""
        folder = self._folder(digest)
        content = _read(folder / MANIFEST, _MANIFEST_BYTES_MAX)
        if hashlib.sha256(content).hexdigest() != digest:
            raise Damaged(f"{MANIFEST} of the package {folder.name} is not the one that was submitted")
        self._check_signed(folder / MANIFEST)
        return read_package(content)

    def model_of(self, digest: str) -> str:
        """Version of the model that a package is about, "" when the package is not whole."""
        try:
            return self.manifest(digest).model
        except TarimError:
            return ""

    def card(self, manifest_digest: str) -> str:
        """A package's card, its digest checked.  Raises NotFound, Damaged."""
        card = _read(self._folder(manifest_digest) / CARD, CARD_BYTES_MAX)
        if hashlib.sha256(card).hexdigest() != self.manifest(manifest_digest).card:
            raise Damaged(f"{CARD} of the package {manifest_digest[:_ID_CHARACTERS]} is not the one that was submitted")
        return card.decode("utf-8")

    def figures(self, digest: str) -> tuple[RunFigures, Curves | None]:
        """What the run of a package found, signed and about the package's model and training set; its curves, None when no
        report of the run was drawn here.  Raises NotFound, Damaged.
        """
        manifest = self.manifest(digest)
        folder = self._places.runs / manifest.run_id
        content = _read(folder / RUN, _SIGNED_BYTES_MAX)
        self._check_signed(folder / RUN)
        found = read_figures(content)
        if (found.run_id, found.model, found.dataset) != (manifest.run_id, manifest.model, manifest.dataset):
            raise Damaged(f"{RUN} of {manifest.run_id} is about another model or training set than the package")
        if not (folder / CURVES).exists():
            return found, None
        drawn = _read(folder / CURVES, CURVES_BYTES_MAX)
        self._check_signed(folder / CURVES)
        return found, read_curves(drawn, manifest.model, manifest.dataset)

    def check(self, digest: str) -> None:
        """Nothing for a package that is whole, down to its signed training set, with a model that scores.

        Raises NotFound, Damaged naming the file, DefinitionError.
        """
        for step in self.steps(digest):
            if step.trouble:
                raise Damaged(step.trouble)
        read_model(self._artefacts, self.manifest(digest).model, self._features)

    def steps(self, digest: str) -> Iterator[Step]:
        """From the manifest to the training data, step by step; trouble is a step too, and what can be looked at still is."""
        try:
            manifest = self.manifest(digest)
        except TarimError as error:
            yield Step("package", digest, error.detail)
            return
        yield Step("package", f"{manifest.service} {digest}")
        yield self._step("card", manifest.card, lambda: self.card(digest))
        yield self._step("model", manifest.model, lambda: self._artefacts.get(manifest.model))
        yield self._step("run", f"{manifest.run_id} {manifest.run}", lambda: self._check_run(manifest))
        yield self._step("dataset", manifest.dataset, lambda: self._check_dataset(manifest.dataset))

    def _step(self, what: str, found: str, look: Callable[[], object]) -> Step:
        try:
            look()
        except TarimError as error:
            return Step(what, found, error.detail)
        return Step(what, found)

    def _check_run(self, manifest: PackageManifest) -> None:
        self._check_signed(self._places.runs / manifest.run_id / RUN)
        folder, record = self._run(manifest.run_id)
        if _digest_of(folder / RUN) != manifest.run:
            raise Damaged(f"{RUN} of {manifest.run_id} is not the one that the package names")
        if (record.model, record.dataset) != (manifest.model, manifest.dataset):
            raise Damaged(f"{RUN} of {manifest.run_id} is about another model or training set than the package")

    def _check_dataset(self, digest: str) -> None:
        folder = self._places.datasets / digest[:_ID_CHARACTERS]
        self._check_signed(folder / MANIFEST)
        if verify_dataset(folder, self._signer).digest != digest:
            raise Damaged(f"{MANIFEST} of {folder.name} is not the one that the run names")

    def _check_signed(self, path: Path) -> None:
        """Nothing for a file that is what the `.sig` beside it signed.  Raises NotFound, Damaged naming both."""
        signature = path.with_suffix(".sig")
        try:
            self._signer.verify(_read(path, _SIGNED_BYTES_MAX), _read(signature, SIGNATURE_BYTES))
        except Damaged:
            raise Damaged(f"{path.name} of {path.parent.name} is not what {signature.name} signed") from None

    # ---- the exit --------------------------------------------------------------------------------------------------

    def shred(self, versions: Iterable[str]) -> int:
        """Overwrite and remove the bytes of these models, and of the models of every run; how many files.

        What a file system or a disk kept elsewhere (copies on write, spare blocks, backups) is out of reach; there the disk's
        own encryption has to be given up.  Raises Unavailable.
        """
        files = [self._places.artefacts / version for version in versions]
        if self._places.runs.is_dir():
            files += sorted(each for each in self._places.runs.glob("*/model.*") if each.is_file())
        count = 0
        for path in files:
            try:
                count += _shred(path)
            except OSError as error:
                raise Unavailable(f"{path.name} cannot be destroyed: {error.strerror}") from None
        return count

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _folder(self, digest: str) -> Path:
        return self._places.registry / digest[:_ID_CHARACTERS]

    def _owner_of(self, feature: str) -> str:
        """Who answers for a feature of this house, "" for nobody."""
        return dict(zip(self._features.names, self._features.owners, strict=True)).get(feature, "")

    def _facts(self, folder: Path, record: RunRecord) -> CardFacts:
        """What the run itself says on its card.  Raises DefinitionError without a choice, Damaged."""
        from tarim.models.lab import read_choice

        choice = read_choice(folder, record, self._signer)
        owned = Counter(self._owner_of(name) or "nobody" for name in record.features)
        return CardFacts(
            record.run_id,
            record.model,
            record.dataset,
            record.kind,
            record.feature_version,
            {name: each.value for name, each in record.metrics.measures.items() if each.value is not None},
            tuple(listed(record.rules_only.segments)),
            tuple(listed(record.coverage.thin if record.coverage is not None else ())),
            tuple(choice.listed()),
            f"{choice.operator.name}: {choice.reason}",
            tuple(f"{owner}: {count} features" for owner, count in sorted(owned.items())),
        )

    def _run(self, run: str) -> tuple[Path, RunRecord]:
        from tarim.models.lab import find_run, read_run  # what it is made with is not loaded where models only serve

        folder = find_run(self._places.runs, run)
        return folder, read_run(folder, self._signer)


def keep_script(artefacts: Artefacts, script: str) -> str:
    """Keep the script of a deployment; its digest.  Raises TooLarge."""
    content = script.encode()
    if len(content) > SCRIPT_BYTES_MAX:
        raise TooLarge(f"a deployment's script has at most {SCRIPT_BYTES_MAX} bytes")
    return artefacts.keep(content)


def _shred(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(os.urandom(min(left, _SHRED_BYTES)))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync(path.parent)
    return 1


def _digest_of(path: Path) -> str:
    return hashlib.sha256(_read(path, _SIGNED_BYTES_MAX)).hexdigest()


def _read(path: Path, bytes_max: int) -> bytes:
    return content_of(path, bytes_max, f"{path.name} of {path.parent.name}")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
