"""Integrity of what is received (IN-18): the digest a sender states beside a message, a batch or a file."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from tarim.base.errors import FieldError
from tarim.intake import domain as rules
from tarim.intake.domain import Integrity

HEADER: Final = "content-digest"
SIDECAR_SUFFIX: Final = ".sha256"
_HEADER_CHARACTERS_MAX: Final = 1024
_SIDECAR_BYTES_MAX: Final = 4096
_CHUNK_BYTES: Final = 1 << 20
_MEMBER: Final = re.compile(r"([a-z][a-z0-9*_.-]{0,31})=:([A-Za-z0-9+/=]{0,200}):")
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{64}")


def check_digest(header: str, body: bytes) -> None:
    """Accept a body whose `Content-Digest` header (RFC 9530) has its SHA-256.

    Raises FieldError for a header without a well-formed sha-256 member, Integrity when the body is another one.
    """
    stated = _stated(header)
    if not hmac.compare_digest(stated, sha256(body).digest()):
        raise Integrity("the SHA-256 digest of the content is not the one in Content-Digest: it was altered on the way")


def content_digest(body: bytes) -> str:
    """The `Content-Digest` header of a body."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def _stated(header: str) -> bytes:
    if len(header) > _HEADER_CHARACTERS_MAX:
        raise FieldError(HEADER, rules.DIGEST_SHAPE, f"text of {len(header)} characters")
    found: bytes | None = None
    for part in header.split(","):
        member = _MEMBER.fullmatch(part.strip())
        if member is None:
            raise FieldError(HEADER, rules.DIGEST_SHAPE, "text of another form")
        if member[1] == "sha-256":
            if found is not None:
                raise FieldError(HEADER, rules.NOT_TWICE)
            try:
                found = base64.b64decode(member[2], validate=True)
            except binascii.Error:
                raise FieldError(HEADER, rules.DIGEST_SHAPE, "text that is not base64") from None
    if found is None or len(found) != 32:
        raise FieldError(HEADER, rules.DIGEST_SHAPE, "no sha-256 of 32 bytes")
    return found


def check_file(path: Path, digest: str | None = None, *, required: bool = False) -> str:
    """The SHA-256 of a file as hexadecimal digits, equal to the one stated.

    digest: 64 hexadecimal digits; without it the file `NAME.sha256` beside it counts, as `sha256sum` writes it.  Raises
    Integrity when the file is another one, or when `required` and nothing is stated; FieldError for a malformed digest.
    """
    stated = digest if digest is not None else _sidecar(path)
    if stated is None and required:
        raise Integrity(f"{path.name} has no digest: give one, or put {path.name}{SIDECAR_SUFFIX} beside it")
    if stated is not None and not _HEXADECIMAL.fullmatch(stated):
        raise FieldError("digest", rules.DIGEST_SHAPE, f"text of {len(stated)} characters")
    summed = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            summed.update(chunk)
    found = summed.hexdigest()
    if stated is not None and not hmac.compare_digest(found, stated.lower()):
        raise Integrity(f"{path.name} has another SHA-256 digest than stated: it was altered, or is not complete")
    return found


def _sidecar(path: Path) -> str | None:
    sidecar = path.with_name(path.name + SIDECAR_SUFFIX)
    try:
        with sidecar.open("rb") as file:
            text = file.read(_SIDECAR_BYTES_MAX).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    return (text.split() or [""])[0].lstrip("\\")
