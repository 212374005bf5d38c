"""`tarim lists export` writes whole files only: a refusal, or an end in the middle, leaves the one before as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from tarim.cli import lists

_ENTRY = dict.fromkeys(lists._COLUMNS, "x")


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.csv"
    out.write_text("yesterday's")
    answers: list[dict[str, Any] | None] = [None, {"entries": [_ENTRY], "next": "1"}, None]
    answers += [{"entries": [_ENTRY], "next": "1"}, {"entries": [_ENTRY], "next": ""}]

    def ask(*_: object, **__: object) -> dict[str, Any]:
        answer = answers.pop(0)
        if answer is None:
            raise typer.Exit(1)
        return answer

    monkeypatch.setattr(lists, "ask", ask)
    for _ in range(2):  # refused at once, then in the middle
        with pytest.raises(typer.Exit):
            lists.export_command("blk", out, "", "")
        assert out.read_text() == "yesterday's"
    lists.export_command("blk", out, "", "")
    assert len(out.read_text().splitlines()) == 3


def test_where_nothing_can_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lists, "ask", lambda *_, **__: {"entries": [], "next": ""})
    with pytest.raises(typer.Exit):
        lists.export_command("blk", tmp_path / "none" / "out.csv", "", "")
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
