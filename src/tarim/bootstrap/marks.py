"""Marks on a data folder: set at training, kept beside the run, and asked of a suspect.

DATA/runs/<run_id>/mark.json    what to ask, and what the unmarked model answers; the key is derived from the master key
"""

from __future__ import annotations

import csv
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, InputError, NotFound, TooLarge, Unavailable
from tarim.bootstrap.datasets import signer_of
from tarim.bootstrap.places import Places
from tarim.models import MODEL_BYTES_MAX, Mark, Verdict, embed, embed_within, load_model, mark_bytes, read_mark
from tarim.models.lab import find_run, read_model, read_run
from tarim.privacy import load_master_key

MARK_FILE: Final = "mark.json"
PURPOSE: Final = "watermark"
ANSWERS_BYTES_MAX: Final = 1 << 20
TIMEOUT_S: Final = 60.0

Floats = npt.NDArray[np.float64]


def mark_key(places: Places, environment: Mapping[str, str]) -> bytes:
    """The secret of the house's marks: from the master key, kept nowhere.  Raises NotFound without a master key."""
    return load_master_key(places.master_key, environment).derive(PURPOSE)


class Marker:
    """Sets the house's mark into a model's file; one that cannot be marked stays as it is.

    quality: what the mark may cost little of, of a model's file.
    """

    def __init__(self, key: bytes, quality: Callable[[bytes], float]) -> None:
        self._key, self._quality = key, quality
        self.files: dict[str, bytes] = {}
        """The mark as a file to keep beside the model; none before a model was marked."""

    def __call__(self, content: bytes) -> bytes:
        try:
            marked, mark = embed_within(content, self._key, self._quality)
        except DefinitionError:  # it answers too little to carry one
            return content
        self.files = {MARK_FILE: mark_bytes(mark)}
        return marked


class MarkedModel:
    """A marked model with its mark: of a run, or of a file with its mark beside it (`<file>.mark.json`)."""

    def __init__(self, places: Places, environment: Mapping[str, str], named: str) -> None:
        """Raises NotFound, InputError, Damaged, Unavailable."""
        self._key = mark_key(places, environment)
        path = Path(named)
        if path.is_file():
            self.content, mark = _read(path, MODEL_BYTES_MAX), Path(f"{path}.{MARK_FILE}")
        else:
            folder = find_run(places.runs, named)
            record = read_run(folder, signer_of(places, environment))
            self.content, mark = read_model(folder, record), folder / MARK_FILE
        if not mark.exists():
            raise NotFound(f"{named[:64]} has no mark: {mark.name} is not beside it")
        self.mark: Mark = read_mark(_read(mark, MODEL_BYTES_MAX))

    def rows_csv(self) -> str:
        """The rows to ask a suspect, with a heading."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.mark.features)
        writer.writerows(self.mark.rows)
        return text.getvalue()

    def judge(self, answers: Floats) -> Verdict:
        """The verdict on a suspect's probabilities for the rows.  Raises DefinitionError."""
        return self.mark.opened(self.content, self._key).verdict(answers)

    def answers_of_model(self, path: Path) -> Floats:
        """What a model file answers.  Raises NotFound, DefinitionError, TooLarge, Unavailable."""
        model, out = load_model(path, self.mark.features), np.empty(len(self.mark.rows))
        model.score(np.array(self.mark.rows), out)
        return out

    def answers_of_url(self, url: str) -> Floats:
        """What a service answers to one POST of `{"features": [names], "rows": [[numbers], ...]}` with `{"scores": [...]}`.

        Raises InputError, Unavailable.
        """
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise InputError("the suspect's address begins with http:// or https://")
        body = json.dumps({"features": self.mark.features, "rows": self.mark.rows}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  checked above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                found = json.loads(answer.read(ANSWERS_BYTES_MAX))
            return np.array(found["scores"], np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"the suspect gave no scores: {type(error).__name__}") from None


def answers_of_file(path: Path) -> Floats:
    """Probabilities, one a line, in the order of the rows.  Raises NotFound, InputError, TooLarge, Unavailable."""
    try:
        return np.array([float(line) for line in _read(path, ANSWERS_BYTES_MAX).decode().split()])
    except ValueError:
        raise InputError(f"{path.name} must hold one probability a line, as numbers") from None


def mark_file(path: Path, out: Path, key: bytes, strength: float) -> Mark:
    """Mark a model file into `out`, its mark beside it.  Raises NotFound, DefinitionError, TooLarge, Unavailable."""
    content, mark = embed(_read(path, MODEL_BYTES_MAX), key, strength)
    try:
        out.write_bytes(content)
        Path(f"{out}.{MARK_FILE}").write_bytes(mark_bytes(mark))
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror}") from None
    return mark


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        if path.stat().st_size > bytes_max:
            raise TooLarge(f"{path.name} is larger than {bytes_max} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file {path.name!r}") from None
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read: {error.strerror}") from None
