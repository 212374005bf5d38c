"""Texts out of files that are named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

DRAFT_BYTES_MAX: Final = 4_000_000
SENT_CHARACTERS_MAX: Final = 64 << 20


def draft_text(file: Path) -> str:
    """What a command works with in this process, to the letter.  Raises NotFound, TooLarge, InputError."""
    from tarim.base.errors import InputError, NotFound, TooLarge

    try:
        with file.open("rb") as opened:
            content = opened.read(DRAFT_BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > DRAFT_BYTES_MAX:
        raise TooLarge(f"{file.name} is larger than {DRAFT_BYTES_MAX} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{file.name} is not UTF-8 text") from None


def sent_text(file: Path) -> str:
    """What is sent to a running service.  What is no text, empty, or too large, is said, and ends the command with 1."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(SENT_CHARACTERS_MAX + 1)
        if 0 < len(text) <= SENT_CHARACTERS_MAX:
            return text
        if not text:
            typer.echo(f"{file} is empty. 文件为空。", err=True)
            raise typer.Exit(1)
        typer.echo(f"{file} has more than {SENT_CHARACTERS_MAX:,} characters. 文件过大。", err=True)
    except UnicodeDecodeError:
        typer.echo(f"{file} is not UTF-8 text; save it as UTF-8. 文件不是 UTF-8 文本。", err=True)
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}. 无法读取文件。", err=True)
    raise typer.Exit(1)
