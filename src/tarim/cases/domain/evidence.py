"""Evidence: files that may be kept with a case, told by their content and not by what their name says (AS-12 in spirit).

A file is named by the SHA-256 of its content.  Its type is found in its first bytes; text has to be UTF-8 without control
characters.  What can carry a program (HTML, SVG, office files with macros, archives) is not evidence but a risk: refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tarim.base.errors import DefinitionError, TooLarge

EVIDENCE_BYTES_MAX: Final = 10 << 20
EVIDENCE_OF_CASE_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 128

_SIGNS: Final = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
)
TEXT: Final = "text/plain"
TYPES: Final = tuple(dict.fromkeys([*(kind for _, _, kind in _SIGNS), TEXT]))
_ENDINGS: Final = {
    "application/pdf": ("pdf",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "audio/mpeg": ("mp3",),
    "audio/wav": ("wav",),
    "video/mp4": ("mp4", "m4a"),
    TEXT: ("txt", "csv", "log", "eml"),
}
_ACTIVE_PDF: Final = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|OpenAction|XFA)\b")
_MARKUP: Final = re.compile(r"<\s*(?:!doctype|html|svg|script|\?xml)", re.IGNORECASE)
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|]{1,128}")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that may be kept.  digest: SHA-256, hexadecimal, its name in the store."""

    digest: str
    media_type: str
    size_bytes: int


def checked_file(name: str, content: bytes) -> KeptFile:
    """What a file is.  Raises what `checked_type` raises."""
    return KeptFile(sha256(content).hexdigest(), checked_type(name, content), len(content))


def checked_type(name: str, content: bytes) -> str:
    """The media type of a file that may be kept, found in its content.

    name: the file's name, no path.  Raises TooLarge, and DefinitionError for an empty file, a bad name, a type that is not
    kept, a name whose ending says something else than the content, and a PDF or text that carries a program.
    """
    if not content:
        raise DefinitionError("the file is empty")
    if len(content) > EVIDENCE_BYTES_MAX:
        raise TooLarge(f"a file of evidence has at most {EVIDENCE_BYTES_MAX} bytes")
    if not _NAME.fullmatch(name) or name in (".", "..") or name != name.strip():
        raise DefinitionError(f"a file's name has 1 to {NAME_CHARACTERS_MAX} characters and no path")
    kind = next((kind for at, sign, kind in _SIGNS if content[at : at + len(sign)] == sign), "") or _text_type(content)
    if not kind:
        raise DefinitionError(f"the file is of no type that is kept; those are {', '.join(TYPES)}")
    if name.rpartition(".")[2].lower() not in _ENDINGS[kind]:
        raise DefinitionError(f"the content is {kind}; a name of such a file ends in {' or '.join(_ENDINGS[kind])}")
    if kind == "application/pdf" and _ACTIVE_PDF.search(content):
        raise DefinitionError("the PDF carries a program, a form or another file; print it to a plain PDF first")
    return kind


def _text_type(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if any(ord(each) < 32 and each not in "\t\r\n" for each in text) or _MARKUP.search(text[:4096]):
        return ""
    return TEXT
