"""Styles and scripts, kept in memory from the start, compressed once, under a path that names their content.

What is served is what was there at the start: third-party files are checked against `vendor.json`, and a file that is altered
on the disk afterwards is noticed, logged and put back (DS-38: an altered page is detected and restored).
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from tarim.base.errors import Unavailable
from tarim.console.vendoring import LISTED, STATIC

FILE_BYTES_MAX: Final = 4 << 20
_YEAR: Final = "public, max-age=31536000, immutable"
_SUFFIXES: Final = {".css", ".js", ".svg", ".txt", ".png", ".ico"}
_log = structlog.get_logger("tarim.console")


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str


class StaticFiles:
    """All of them.  Raises Unavailable when third-party files were not built, or are not what was built."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix in _SUFFIXES and path.is_file() and name != "icons.txt":
                content = path.read_bytes()
                if len(content) > FILE_BYTES_MAX:
                    raise Unavailable(f"static file {name} is larger than {FILE_BYTES_MAX} bytes")
                media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
                self._files[name] = _File(content, gzip.compress(content, 9, mtime=0), media_type)
        _check_vendor(folder, self._files)
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.content).digest())
        self.version = digest.hexdigest()[:12]

    def names(self) -> list[str]:
        """All names, in order."""
        return list(self._files)

    def content(self, name: str) -> bytes:
        """One file.  Raises KeyError."""
        return self._files[name].content

    async def serve(self, request: Request) -> Response:
        """`/static/{version}/{name}`: whole and for good; another version than ours is answered but not kept."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            return Response("not found", 404, {"cache-control": "no-store"}, media_type="text/plain")
        ours = request.path_params["version"] == self.version
        headers = {"cache-control": _YEAR if ours else "no-store", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", "") and len(file.packed) < len(file.content):
            return Response(file.packed, 200, headers | {"content-encoding": "gzip"}, media_type=file.media_type)
        return Response(file.content, 200, headers, media_type=file.media_type)

    def restore(self) -> list[str]:
        """Names of the files that were not on the disk as they were at the start; they are put back."""
        altered = []
        for name, file in self._files.items():
            path = self._folder / name
            try:
                same = path.read_bytes() == file.content
            except OSError:
                same = False
            if not same:
                altered.append(name)
                beside = path.with_name(path.name + ".new")
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    beside.write_bytes(file.content)
                    beside.replace(path)
                except OSError as error:
                    _log.error("static_file_not_restored", file=name, why=error.strerror)
        if altered:
            _log.error("static_files_altered", files=altered, restored=True)
        return altered

    async def watch(self, every_s: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.restore)


def _check_vendor(folder: Path, files: Mapping[str, _File]) -> None:
    try:
        listed: dict[str, dict[str, str]] = json.loads((folder / "vendor" / LISTED).read_bytes())["files"]
    except (OSError, ValueError, KeyError):
        raise Unavailable(
            "the console's third-party scripts are not built; in a clone: make setup 第三方脚本尚未构建，请执行 make setup"
        ) from None
    for name, about in listed.items():
        path = f"vendor/{name}"
        there = files.get(path)
        if path.endswith(".json"):
            continue
        if there is None or hashlib.sha256(there.content).hexdigest() != about["sha256"]:
            raise Unavailable(f"{path} is not the file that was built; in a clone: make setup")
