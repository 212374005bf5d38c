"""Texts named on the command line are read up to their limits, and what is wrong with one is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from tarim.base.errors import InputError, NotFound, TooLarge
from tarim.cli import _texts
from tarim.cli._texts import draft_text, sent_text


def test_a_draft_is_read_to_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rules.toml"
    with pytest.raises(NotFound, match="there is no file"):
        draft_text(file)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        draft_text(tmp_path)
    file.write_bytes("名\r\n".encode())
    assert draft_text(file) == "名\r\n"
    monkeypatch.setattr(_texts, "DRAFT_BYTES_MAX", 4)
    with pytest.raises(TooLarge, match=r"rules\.toml is larger than 4 bytes"):
        draft_text(file)
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"rules\.toml is not UTF-8 text"):
        draft_text(file)


def test_what_cannot_be_sent_is_said_and_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("名单", encoding="utf-8")
    assert sent_text(file) == "名单"
    monkeypatch.setattr(_texts, "SENT_CHARACTERS_MAX", 1)
    for content, said in (("名单".encode(), "more than 1 characters"), (b"", "is empty"), (b"\xff", "not UTF-8 text")):
        file.write_bytes(content)
        with pytest.raises(typer.Exit) as ended:
            sent_text(file)
        assert ended.value.exit_code == 1 and said in capsys.readouterr().err
    for path, said in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(typer.Exit):
            sent_text(path)
        assert f"{path} cannot be read: {said}" in capsys.readouterr().err
