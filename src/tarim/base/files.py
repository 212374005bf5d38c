"""Files read whole, up to a stated size."""

from __future__ import annotations

from pathlib import Path

from tarim.base.errors import Damaged, DefinitionError, NotFound, TooLarge


def text_of(path: Path, bytes_max: int) -> str | None:
    """Text in UTF-8 that people wrote, such as a calendar of the bank's own; None when there is no such file.

    Raises TooLarge, DefinitionError.
    """
    try:
        if path.stat().st_size > bytes_max:
            raise TooLarge(f"{path.name} is larger than {bytes_max:,} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path.name} cannot be read as UTF-8 text: {type(error).__name__}") from None


def content_of(path: Path, bytes_max: int, called: str) -> bytes:
    """What the product wrote itself and never larger; called: the file, as errors say it.  Raises NotFound, Damaged."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise NotFound(f"{called} cannot be read: {error.strerror}") from None
    if len(content) > bytes_max:
        raise Damaged(f"{called} is larger than {bytes_max} bytes, so it is not what was written")
    return content
