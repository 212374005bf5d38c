"""Settings: complete documents, all faults at once, nothing without a maximum."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarim.base.errors import DefinitionError
from tarim.bootstrap.settings import MEANINGS, every_setting, load_settings, reference_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_the_page_lists_every_setting() -> None:
    """`docs/reference/settings.md` is what the tree says; write it anew with reference_page()."""
    assert {name for name, _, _ in every_setting()} == set(MEANINGS)
    assert PAGE.read_text(encoding="utf-8") == reference_page()


def test_file_and_environment_are_read_the_environment_being_stronger(tmp_path: Path) -> None:
    """Each in its own form."""
    path = tmp_path / "settings.toml"
    path.write_text('[service]\nport = 1\nhost = "0.0.0.0"\n[seen]\nevents_max = 5\n')
    settings = load_settings(path, {"TARIM_SERVICE_PORT": "7", "TARIM_JOURNAL_SEGMENT_BYTES": str(128 << 20)})
    assert (settings.service.port, settings.service.host, settings.seen.events_max) == (7, "0.0.0.0", 5)
    assert settings.journal.segment_bytes == 128 << 20


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Unknown names with a suggestion, wrong types, values too small."""
    path = tmp_path / "settings.toml"
    path.write_text("[service]\nprot = 1\nhost = 5\nwaiting_requests_max = 0\n[journal]\nsegment_bytes = 1000\n")
    with pytest.raises(DefinitionError) as caught:
        load_settings(path, {"TARIM_SEEN_EVENTS_MAX": "many"})
    for part in ("'service.port'", "service.host must be of type str", "waiting_requests_max must be at least 1"):
        assert part in caught.value.detail
    assert "seen.events_max must be of type int" in caught.value.detail and "segment_bytes" in caught.value.detail


def test_limits_that_contradict_each_other_are_refused() -> None:
    """A batch has to fit where it goes."""
    with pytest.raises(DefinitionError, match="waiting_bytes_max"):
        load_settings(None, {"TARIM_SERVICE_WAITING_BYTES_MAX": "1000"})
