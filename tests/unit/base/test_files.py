"""A file is read whole, or is not there, or is refused with what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarim.base.errors import Damaged, DefinitionError, NotFound, TooLarge
from tarim.base.files import content_of, text_of


def test_a_text_is_read_up_to_its_limit_and_none_is_no_trouble(tmp_path: Path):
    path = tmp_path / "calendar.toml"
    assert text_of(path, 100) is None
    path.write_text("假日", encoding="utf-8")
    assert text_of(path, 6) == "假日"
    with pytest.raises(TooLarge, match=r"calendar\.toml is larger than 5 bytes"):
        text_of(path, 5)


def test_what_is_no_text_is_refused_by_its_name(tmp_path: Path):
    path = tmp_path / "calendar.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match=r"calendar\.toml cannot be read as UTF-8 text: UnicodeDecodeError"):
        text_of(path, 100)
    with pytest.raises(DefinitionError, match="IsADirectoryError"):
        text_of(tmp_path, 1 << 20)


def test_a_file_of_our_own_is_there_and_no_larger_than_we_write_it(tmp_path: Path):
    path = tmp_path / "manifest.json"
    with pytest.raises(NotFound, match=r"the manifest cannot be read: No such file"):
        content_of(path, 3, "the manifest")
    path.write_bytes(b"\x00\xff7")
    assert content_of(path, 3, "the manifest") == b"\x00\xff7"
    with pytest.raises(Damaged, match="the manifest is larger than 2 bytes"):
        content_of(path, 2, "the manifest")
