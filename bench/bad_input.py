"""Bad input against the real service and the real files: refused clearly, and nothing else disturbed.

messages, batches   over HTTP to a service in a process of its own; good events between them must be answered as if the
                    bad ones had never come
files               through the reader and the intake of `tarim replay`
disk full           a service whose journal lies on a file system of 30 MiB, asked until it refuses
read only           a service started on a journal folder that cannot be written

The short form asks intake and journal themselves, without services around them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from bench.service_load import bodies
from bench.serving import Served, new_data, serving
from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.intake import Intake, read_file
from tarim.journal import Journal, JournalLimits, verify
from tarim.privacy import Tokenizer
from tests.corpus.malformed import CANARY, File, batches, changed, files, messages
from tests.fakes.clock import FakeClock

TMPFS_BYTES: Final = 30 << 20
_JSON: Final = {"Content-Type": "application/json"}
_EVERY: Final = 10
"""A good event is sent after so many bad ones."""


def run(*, quick: bool = False) -> dict[str, Any]:
    """cases; accepted, unclear, disturbed (all should be 0); disk_full_refused, read_only_refused; corrupted."""
    found: dict[str, Any] = {"accepted": 0, "unclear": 0, "disturbed": 0, "corrupted": 0}
    with tempfile.TemporaryDirectory() as folder:
        if quick:
            found["cases"] = _through_intake(found) + _through_files(Path(folder), found)
            found["disk_full_refused"] = _journal_full(Path(folder) / "full", found)
            found["read_only_refused"] = _journal_read_only(Path(folder) / "read-only", found)
            return found
        found["cases"] = _over_http(Path(folder) / "http", found) + _through_files(Path(folder), found)
        found["disk_full_refused"] = _disk_full(Path(folder) / "full", found)
        found["read_only_refused"] = _read_only(Path(folder) / "read-only", found)
    return found


def _over_http(data: Path, found: dict[str, Any]) -> int:
    cases = [("/v1/decisions", each.body) for each in messages()]
    cases += [("/v1/decisions:batch", each.body) for each in batches()]
    good = bodies(len(cases) // _EVERY + 2, seed=5, customers=50)
    undisturbed = _answers(data.with_name("alone"), good)
    keys = new_data(data)
    answers: list[dict[str, Any]] = []
    with serving(data, keys) as served, served.client() as client:
        for number, (path, body) in enumerate(cases):
            if number % _EVERY == 0:
                answers.append(_decided(client, good[len(answers)]))
            answer = client.post(path, content=body, headers=_JSON)
            if answer.status_code < 400:
                found["accepted"] += 1
            elif not _clear(answer):
                found["unclear"] += 1
        log = (data / "service.log").read_text(encoding="utf-8", errors="replace")
    found["disturbed"] += sum(a != b for a, b in zip(answers, undisturbed[: len(answers)], strict=True))
    found["unclear"] += CANARY in log
    found["corrupted"] += _corrupted(data)
    return len(cases)


def _answers(data: Path, good: list[bytes]) -> list[dict[str, Any]]:
    """What a service that sees nothing else answers."""
    with serving(data, new_data(data)) as served, served.client() as client:
        return [_decided(client, body) for body in good]


def _decided(client: httpx.Client, body: bytes) -> dict[str, Any]:
    answer = client.post("/v1/decisions", content=body, headers=_JSON)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return {name: value for name, value in content.items() if not name.startswith(("received", "decided"))}


def _clear(answer: httpx.Response) -> bool:
    """A problem document of the sender's fault, in both languages, without the personal values."""
    if not 400 <= answer.status_code < 500 or CANARY in answer.text:
        return False
    if answer.headers.get("content-type") != "application/problem+json":
        return False
    problem = answer.json()
    return bool(problem.get("title") and problem.get("title_zh") and problem.get("detail"))


def _through_intake(found: dict[str, Any]) -> int:
    intake = Intake(Tokenizer(bytes(range(32))), clock=FakeClock(1_800_000_000_000))
    cases = [(intake.message, each.body) for each in messages()] + [(intake.messages, each.body) for each in batches()]
    for read, body in cases:
        try:
            read(body)
        except InputError as error:
            found["unclear"] += CANARY in error.detail or not error.detail
        else:
            found["accepted"] += 1
        found["disturbed"] += len(intake.message(changed())) != 1
    return len(cases)


def _through_files(folder: Path, found: dict[str, Any]) -> int:
    cases = files()
    for number, case in enumerate(cases):
        path = folder / f"case-{number}{case.suffix}"
        path.write_bytes(case.content)
        refused, said = _file(path, case)
        if not refused:
            found["accepted"] += 1
        elif CANARY in said or not said:
            found["unclear"] += 1
    return len(cases)


def _file(path: Path, case: File) -> tuple[bool, str]:
    """Whether the file, or the rows of it that are bad, were refused; and what was said."""
    intake = Intake(Tokenizer(bytes(range(32))), clock=FakeClock(1_800_000_000_000))
    said: list[str] = []
    try:
        for batch in read_file(path):
            _, refusals = intake.table(batch, source="core")
            said += [f"{refusal.field} {refusal.rule}" for refusal in refusals]
    except InputError as error:
        return True, error.detail
    return bool(said) and case.error is None, "\n".join(said)


# ---- disks that do not take it -------------------------------------------------------------------------------------


def _disk_full(data: Path, found: dict[str, Any]) -> bool:
    """Fill a small file system; the refusal must be a 503, what was answered must be there, the journal whole."""
    keys = new_data(data)
    journal = data / "journal"
    shutil.rmtree(journal, ignore_errors=True)
    journal.mkdir()
    with _mounted("-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(journal)):
        small = {
            "TARIM_JOURNAL_SEGMENT_BYTES": str(22 << 20),
            "TARIM_JOURNAL_FREE_BYTES_MIN": "0",
            "TARIM_JOURNAL_BLOCK_BYTES_MAX": str(10 << 20),
        }
        with serving(data, keys, **small) as served:
            refused, answered = _until_refused(served)
            with served.client("read") as client:
                lost = sum(
                    client.get(f"/v1/decisions/{name}", params={"source": "load"}).status_code != 200
                    for name in answered[:: max(1, len(answered) // 50)]
                )
        found["corrupted"] += bool(lost) + _corrupted(data)
        return refused


@contextmanager
def _mounted(*arguments: str) -> Iterator[None]:
    """A file system mounted for the while.  Raises TarimError where that is not allowed."""
    if subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode:
        raise TarimError("nothing can be mounted here; run this as root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", arguments[-1]], check=False)


def _journal_full(folder: Path, found: dict[str, Any]) -> bool:
    folder.mkdir()
    with _mounted("-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)):
        limits = JournalLimits(segment_bytes=2 << 20, block_bytes_max=1 << 20, free_bytes_min=0)
        written = 0
        refused = False
        with Journal.open(folder, limits) as journal:
            while not refused and written < 1_000:
                try:
                    journal.reserve(100_000)
                    journal.append(1, [bytes(100_000)], 1)
                    journal.commit()
                    written += 1
                except Unavailable:
                    refused = True
            found["corrupted"] += journal.durable_seq != written or sum(1 for _ in journal.read()) != written
        found["corrupted"] += _damaged(folder)
    return refused


def _journal_read_only(folder: Path, found: dict[str, Any]) -> bool:
    with Journal.open(folder) as journal:
        journal.append(1, [b"before"], 1)
        journal.commit()
    with _mounted("--bind", str(folder), str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        before = _digest(folder)
        try:
            Journal.open(folder)
        except Unavailable as error:
            found["read_only_said"] = error.detail
            found["corrupted"] += _digest(folder) != before
            return True
    return False


def _until_refused(served: Served) -> tuple[bool, list[str]]:
    answered: list[str] = []
    encoded = bodies(60_000, seed=6)
    with served.client() as client:
        for start in range(0, len(encoded), 500):
            part = encoded[start : start + 500]
            body = b'{"events":[' + b",".join(part) + b"]}"
            answer = client.post("/v1/decisions:batch", content=body, headers=_JSON)
            if answer.status_code == 200:
                answered += [json.loads(each)["event_id"] for each in part]
                continue
            problem = answer.json()
            return answer.status_code == 503 and bool(problem.get("detail")), answered
    return False, answered


def _read_only(data: Path, found: dict[str, Any]) -> bool:
    """A journal that cannot be written: the command says so and touches nothing."""
    keys = new_data(data)
    with serving(data, keys) as served, served.client() as client:
        _decided(client, bodies(1, seed=7)[0])
    journal = data / "journal"
    with _mounted("--bind", str(journal), str(journal)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(journal)], check=True)
        before = _digest(journal)
        environment = os.environ | {"PYTHONPATH": "src", "TARIM_SERVICE_PORT": "0"}
        command = [sys.executable, "-m", "tarim.cli", "serve", "--data", str(data)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
        said = ended.stderr.strip().splitlines()
        found["read_only_said"] = said[-1] if said else ""
        found["corrupted"] += _digest(journal) != before
        return ended.returncode not in (0, 1) and "Traceback" not in ended.stderr


def _corrupted(data: Path) -> int:
    return _damaged(data / "journal")


def _damaged(journal: Path) -> int:
    """1 when the journal does not verify."""
    try:
        verify(journal)
    except TarimError:
        return 1
    return 0


def _digest(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in folder.iterdir())


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1))
