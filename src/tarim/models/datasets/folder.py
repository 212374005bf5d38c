"""Training sets on the disk: put there whole, checked to the last byte before anything is read from them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Conflict, Damaged, InputError, NotFound, TarimError, Unavailable
from tarim.base.files import content_of
from tarim.models.datasets.manifest import (
    DIVISIONS,
    MANIFEST_BYTES_MAX,
    DatasetManifest,
    SampleRole,
    columns_of,
    decode_manifest,
)
from tarim.privacy import SIGNATURE_BYTES, Signer

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
DATA: Final = "data.parquet"
ID_CHARACTERS: Final = 16
PREFIX_CHARACTERS_MIN: Final = 4
_FILES: Final = frozenset({MANIFEST, SIGNATURE, DATA})

Words = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training set in memory, n rows in the journal's order.

    features: float64 (n, F), NaN missing.  labels: 1 fraud, 0 genuine.  occurred_ms, known_ms: when the event happened and
    when its label became known.  weight: how many events a row stands for.  customer, entity: tokens.  seq: position in the
    journal.  role: `training`, `validation`, `test` or `trial`, texts.  segments: the text of each row by division.
    """

    manifest: DatasetManifest
    digest: str
    folder: Path
    names: tuple[str, ...]
    features: npt.NDArray[np.float64]
    labels: Words
    occurred_ms: Words
    known_ms: Words
    weight: npt.NDArray[np.float64]
    amount_fen: Words
    customer: Words
    entity: Words
    seq: Words
    role: npt.NDArray[np.object_]
    segments: dict[str, npt.NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.labels)

    def rows_of(self, *roles: SampleRole | str) -> Words:
        """Indices of the rows of these roles, ascending."""
        wanted = np.isin(self.role.astype(str), [str(SampleRole(role)) for role in roles])
        return np.flatnonzero(wanted)


def put_dataset(datasets: Path, cutting: Path, manifest: DatasetManifest, signer: Signer) -> Path:
    """Sign the manifest, put it beside the data in the folder `cutting`, and give that its name; the new path.

    Raises Conflict when there is one of that name, Unavailable.
    """
    content = manifest.content
    if len(content) > MANIFEST_BYTES_MAX:
        raise InputError(
            f"the manifest would be larger than {MANIFEST_BYTES_MAX} bytes; choose fewer features or sources"
        )
    folder = datasets / manifest.digest[:ID_CHARACTERS]
    try:
        for name, written in ((MANIFEST, content), (SIGNATURE, signer.sign(content))):
            with (cutting / name).open("wb") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
        with (cutting / DATA).open("rb") as file:
            os.fsync(file.fileno())
        if folder.exists():
            raise Conflict(f"there is a training set {folder.name} already")
        cutting.rename(folder)
        _sync(datasets)
    except OSError as error:
        raise Unavailable(f"the training set cannot be written: {error.strerror}") from None
    return folder


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_dataset(datasets: Path, prefix: str) -> Path:
    """The folder whose name begins with `prefix`, or which a whole digest names.  Raises NotFound, InputError."""
    if len(prefix) < PREFIX_CHARACTERS_MIN or not all(each in "0123456789abcdef" for each in prefix):
        raise InputError(
            f"a training set is named by its digest: at least {PREFIX_CHARACTERS_MIN} characters of 0-9 and a-f"
        )
    found = [path for path in dataset_folders(datasets) if path.name.startswith(prefix[:ID_CHARACTERS])]
    if len(found) > 1:
        raise InputError(f"{prefix} begins the names of {len(found)} training sets: give more characters")
    if not found or (len(prefix) > ID_CHARACTERS and _manifest_digest(found[0]) != prefix):
        raise NotFound(f"there is no training set {prefix[:64]}")
    return found[0]


def dataset_folders(datasets: Path) -> list[Path]:
    """Folders of the sets, by name."""
    if not datasets.is_dir():
        return []
    return sorted(path for path in datasets.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read(path: Path, bytes_max: int) -> bytes:
    return content_of(path, bytes_max, str(path))


def _manifest_digest(folder: Path) -> str:
    return hashlib.sha256(_read(folder / MANIFEST, MANIFEST_BYTES_MAX)).hexdigest()


def read_manifest(folder: Path, signer: Signer) -> DatasetManifest:
    """The manifest of a set, its signature and its name checked.  Raises NotFound, Damaged."""
    content = _read(folder / MANIFEST, MANIFEST_BYTES_MAX)
    signer.verify(content, _read(folder / SIGNATURE, SIGNATURE_BYTES))
    manifest = decode_manifest(content)
    if manifest.content != content:
        raise Damaged(f"{folder.name}: the manifest is not in the form in which it is signed")
    if manifest.digest[:ID_CHARACTERS] != folder.name:
        raise Damaged(f"the folder {folder.name} holds the training set {manifest.digest[:ID_CHARACTERS]}")
    return manifest


def verify_dataset(folder: Path, signer: Signer) -> DatasetManifest:
    """Check signature, digests and counts of a set against its bytes; its manifest.

    Raises NotFound when a file is missing, Damaged naming what is not as it was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = read_manifest(folder, signer)
    foreign = sorted({path.name for path in folder.iterdir()} - _FILES)
    if foreign:
        raise Damaged(f"{folder.name}: {foreign[0]} does not belong to the training set")
    data = folder / DATA
    try:
        with data.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotFound(f"{data} cannot be read: {error.strerror}") from None
    if (size, digest) != (manifest.data_bytes, manifest.data_digest):
        raise Damaged(f"{folder.name}: {DATA} is not the file whose digest was signed")
    try:
        facts = pq.read_metadata(data)
    except (pa.ArrowInvalid, OSError):
        raise Damaged(f"{folder.name}: {DATA} is not a Parquet file") from None
    counts = (facts.num_rows, facts.schema.names, sum(role.rows for role in manifest.roles))
    if counts != (manifest.rows, manifest.columns, manifest.rows):
        raise Damaged(f"{folder.name}: rows or columns of {DATA} are not those of the manifest")
    return manifest


def load_dataset(folder: Path, signer: Signer) -> Dataset:
    """A set in memory, checked as `verify_dataset` does.  About 8 bytes a row and feature.  Raises NotFound, Damaged."""
    import pyarrow.parquet as pq

    manifest = verify_dataset(folder, signer)
    names = tuple(manifest.features.names)
    if manifest.columns != columns_of(names):
        raise Damaged(f"{folder.name}: the columns are not those of its features")
    features = np.empty((manifest.rows, len(names)))
    with pq.ParquetFile(folder / DATA) as file:
        start = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(names))
            for at, name in enumerate(names):
                features[start : start + table.num_rows, at] = table[name].to_numpy()
            start += table.num_rows
        others = file.read(columns=[name for name in manifest.columns if name not in names])

    def words(name: str) -> Words:
        found: Words = others[name].to_numpy().astype(np.int64)
        return found

    return Dataset(
        manifest=manifest,
        digest=manifest.digest,
        folder=folder,
        names=names,
        features=features,
        labels=words("label"),
        occurred_ms=words("occurred_ms"),
        known_ms=words("known_ms"),
        weight=others["weight"].to_numpy().astype(np.float64),
        amount_fen=words("amount_fen"),
        customer=words("customer"),
        entity=words("entity"),
        seq=words("seq"),
        role=_texts(others["role"]),
        segments={division: _texts(others[division]) for division in DIVISIONS},
    )


def _texts(column: Any) -> npt.NDArray[np.object_]:
    """A column of texts, each value one object shared by its rows."""
    coded = column.combine_chunks().dictionary_encode()
    values = np.array(coded.dictionary.to_pylist(), np.object_)
    found: npt.NDArray[np.object_] = values[coded.indices.to_numpy()]
    return found


def every_dataset(datasets: Path, signer: Signer) -> Iterator[tuple[Path, DatasetManifest | TarimError]]:
    """Each set's folder with its manifest, or with what is wrong with it."""
    for folder in dataset_folders(datasets):
        try:
            yield folder, read_manifest(folder, signer)
        except TarimError as error:
            yield folder, error
