"""Files of the watch over models.

DATA/watch/
    <digest>.json     baselines, canonical JSON by their SHA-256
    baseline          digest of the one in use
    state             the watch as it was kept last, with the position it had reached
    measures.json     AUC, KS, AP and alert precision by period, as they were computed last
    trials.json       what challengers caught and whom they troubled, by trial, as it was counted last
    proposals/        proposals to train again, canonical JSON by their SHA-256
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.errors import Damaged, NotFound, TooLarge, Unavailable
from tarim.deadlines import load_schedule
from tarim.models import Baseline, Days, Drift, Measure, TrialFigures, WatchSettings, proposal_of, read_baseline

PROPOSALS: Final = "proposals"
PROPOSALS_SHOWN: Final = 100
BASELINE_BYTES_MAX: Final = 256 << 20
_BASELINE: Final = "baseline"
_STATE: Final = "state"
_MEASURES: Final = "measures.json"
_TRIALS: Final = "trials.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Measured(msgspec.Struct, frozen=True):
    """Figures as they were computed last.  end_seq: position before which the journal was read."""

    end_seq: int
    label_delay_days: int
    measures: list[Measure]


class Tried(msgspec.Struct, frozen=True):
    """Figures of trials as they were counted last.  end_seq: position before which the journal was read."""

    end_seq: int
    label_delay_days: int
    figures: list[TrialFigures]


@dataclass(frozen=True, slots=True)
class WatchPlaces:
    """Files of the watch below its folder."""

    folder: Path

    def baseline_digest(self) -> str:
        """Digest of the baseline in use, "" for none.  Raises Damaged."""
        try:
            digest = (self.folder / _BASELINE).read_text(encoding="ascii").strip()
        except OSError:
            return ""
        if not _DIGEST.fullmatch(digest):
            raise Damaged(f"{self.folder / _BASELINE} names no baseline")
        return digest

    def baseline(self) -> Baseline | None:
        """The baseline in use.  Raises NotFound when its file is gone, Damaged, TooLarge."""
        digest = self.baseline_digest()
        if not digest:
            return None
        path = self.folder / f"{digest}.json"
        try:
            if path.stat().st_size > BASELINE_BYTES_MAX:
                raise TooLarge(f"{path} is larger than {BASELINE_BYTES_MAX:,} bytes")
            found = read_baseline(path.read_bytes())
        except OSError:
            raise NotFound(f"the baseline {digest} is not kept") from None
        if found.digest != digest:
            raise Damaged(f"{path} is not what was kept")
        return found

    def keep_baseline(self, content: bytes) -> str:
        """Keep a baseline and use it from now on; its digest."""
        found = read_baseline(content)
        _replace(self.folder / f"{found.digest}.json", content)
        _replace(self.folder / _BASELINE, found.digest.encode() + b"\n")
        return found.digest

    def drift(self, features: str, settings: WatchSettings, end_seq: int, days: Days) -> Drift | None:
        """The watch as it was kept last, or a fresh one; None without a baseline of this feature set (its version).

        end_seq: the journal's end; a watch that has seen more is of another journal.  days: see `days_of`.
        Raises NotFound, Damaged, TooLarge.
        """
        baseline = self.baseline()
        if baseline is None or baseline.file.features != features:
            return None
        try:
            kept = Drift.decoded((self.folder / _STATE).read_bytes(), baseline, settings, days)
        except (OSError, Damaged):
            return Drift(baseline, settings, days)
        return kept if kept.next_seq <= end_seq else Drift(baseline, settings, days)

    def keep_state(self, content: bytes) -> None:
        """Keep what `Drift.encoded` gave."""
        _replace(self.folder / _STATE, content)

    def measured(self) -> Measured | None:
        """Figures by period as they were computed last, None before the first time.  Raises Damaged."""
        try:
            return msgspec.json.decode((self.folder / _MEASURES).read_bytes(), type=Measured)
        except OSError:
            return None
        except msgspec.MsgspecError:
            raise Damaged(f"{self.folder / _MEASURES} cannot be read; compute it again: tarim models measure") from None

    def tried(self) -> Tried | None:
        """Figures of trials as they were counted last, None before the first time.  Raises Damaged."""
        try:
            return msgspec.json.decode((self.folder / _TRIALS).read_bytes(), type=Tried)
        except OSError:
            return None
        except msgspec.MsgspecError:
            raise Damaged(f"{self.folder / _TRIALS} cannot be read; count again: tarim models measure") from None

    def keep_tried(self, tried: Tried) -> None:
        """Keep figures of trials."""
        _replace(self.folder / _TRIALS, msgspec.json.format(msgspec.json.encode(tried), indent=1) + b"\n")

    def proposal_for(self, drift: Drift) -> bytes | None:
        """A proposal to train again, None when nothing has shifted.  Raises Damaged."""
        measured = self.measured()
        return proposal_of(drift, measured.measures if measured else [])

    def keep_proposal(self, content: bytes) -> str:
        """Keep a proposal; its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not (self.folder / PROPOSALS / digest).exists():
            _replace(self.folder / PROPOSALS / digest, content)
        return digest

    def keep_measured(self, measured: Measured) -> None:
        """Keep figures by period."""
        _replace(self.folder / _MEASURES, msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")

    def proposals(self) -> list[str]:
        """Digests of proposals, the newest first, at most PROPOSALS_SHOWN."""
        folder = self.folder / PROPOSALS
        found = [each for each in folder.iterdir() if _DIGEST.fullmatch(each.name)] if folder.is_dir() else []
        found.sort(key=lambda path: (-path.stat().st_mtime_ns, path.name))
        return [path.name for path in found[:PROPOSALS_SHOWN]]

    def proposal(self, digest: str) -> bytes:
        """A proposal.  Raises NotFound, Damaged."""
        path = self.folder / PROPOSALS / digest
        if not _DIGEST.fullmatch(digest) or not path.exists():
            raise NotFound("there is no such proposal")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise Damaged(f"{path} is not what was kept")
        return content


def days_of(data: Path) -> Days:
    """Public holidays and worked weekends by the calendar of a data folder, or the one that comes with the product.

    Raises DefinitionError for a calendar that cannot be read, TooLarge.
    """
    notices = load_schedule(data).calendar.notices.values()
    epoch, saturday = date(1970, 1, 1), 5
    off = sorted((day - epoch).days for notice in notices for day in notice.holidays if day.weekday() < saturday)
    worked = sorted((day - epoch).days for notice in notices for day in notice.worked)
    return Days(tuple(off), tuple(worked))


def _replace(path: Path, content: bytes) -> None:
    """The file with this content, as a whole or not at all.  Raises Unavailable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from None
