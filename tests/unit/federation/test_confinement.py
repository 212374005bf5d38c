"""The second engine's worker gives up what it does not need: each measure holds, or is named as one that the kernel refused."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from tarim.federation.second_engine import worker
from tarim.federation.second_engine.interpreter import environment
from tarim.federation.second_engine.jobs import Told

SOURCE = Path(__file__).parents[3] / "src/tarim/federation/second_engine"
MEASURES = {"limits", "namespaces", "capabilities", "files", "calls", "traces"}
ATTEMPTS = """
import json, os, pathlib, resource, socket, subprocess, sys
sys.path.append(sys.argv[1])
from spu_worker.confinement import confine
folder, other, port = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), int(sys.argv[4])
inherited = socket.socket(fileno=int(sys.argv[5]))
measures = confine(folder)
def may(act):
    try:
        act()
    except (OSError, subprocess.SubprocessError):
        return False
    return True
def status(name):
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))
found = {
    "write own": may(lambda: (folder / "out").mkdir() or (folder / "out/x").write_bytes(b"x")),
    "speak": may(lambda: inherited.sendall(b"as before")),
    "read code": may(lambda: json.__file__ and open(json.__file__).read()),
    "read other": may(lambda: other.read_text()),
    "write other": may(lambda: other.write_text("")),
    "read parent": may(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read()),
    "connect": may(lambda: socket.create_connection(("127.0.0.1", port), 2)),
    "listen": may(lambda: socket.create_server(("127.0.0.1", 0))),
    "start": may(lambda: subprocess.run(["/bin/true"], check=True)),
}
print(json.dumps([measures, found, resource.getrlimit(resource.RLIMIT_CORE)[1], status("CapEff"), status("NoNewPrivs")]))
"""
HELD_BY = {
    "read other": {"files"},
    "write other": {"files"},
    "read parent": {"files", "namespaces"},
    "connect": {"namespaces", "calls"},
    "listen": {"calls"},
    "start": {"calls"},
}
"""What an attempt fails by, one of them being enough."""


@pytest.fixture
def attempts(tmp_path: Path) -> tuple[dict[str, str], dict[str, Any], int, str, str]:
    folder, other = tmp_path / "work", tmp_path / "other"
    folder.mkdir()
    other.write_text("of customers")
    near, far = socket.socketpair()
    with near, far, socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.run(
            [sys.executable, "-I", "-c", ATTEMPTS, str(SOURCE), str(folder), str(other), str(server.getsockname()[1]),
             str(far.fileno())],
            capture_output=True, text=True, check=True, timeout=60, pass_fds=[far.fileno()], env=environment(folder),
        )  # fmt: skip
        assert near.recv(100) == b"as before"
    assert other.read_text() == "of customers"
    measures, found, core, capabilities, privileges = json.loads(said.stdout)
    return measures, found, core, capabilities, privileges


def test_a_confined_process_computes_in_its_folder_and_does_nothing_else(
    attempts: tuple[dict[str, str], dict[str, Any], int, str, str],
) -> None:
    measures, found, core, capabilities, privileges = attempts
    assert measures.keys() == MEASURES
    assert found["write own"] and found["speak"] and found["read code"]
    for attempt, measure in HELD_BY.items():
        if any(not measures[each] for each in measure):
            assert found[attempt] is False, (attempt, measures)
    assert measures["limits"] or core == 0
    assert measures["capabilities"] or (int(capabilities, 16), privileges) == (0, "1")
    refused = {name: why for name, why in measures.items() if why}
    if refused:
        pytest.skip(f"this kernel refuses: {refused}")


def test_an_intersection_may_start_programs_and_open_no_socket(tmp_path: Path) -> None:
    script = """
import pathlib, socket, subprocess, sys; sys.path.append(sys.argv[1])
from spu_worker.confinement import confine
refused = confine(pathlib.Path(sys.argv[2]), programs=True)["calls"]
subprocess.run("echo b a | tr ' ' '\\n' | sort", shell=True, check=True)
try: socket.socket()
except PermissionError: print("no socket")
print(refused)
"""
    command = [sys.executable, "-I", "-c", script, str(SOURCE), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(tmp_path)).stdout.split(
        "\n"
    )
    assert said[:2] == ["a", "b"]
    assert said[2] == "no socket" or said[2], "refused by the kernel, and named"


def test_a_measure_that_is_refused_is_named_and_the_others_hold() -> None:
    script = """
import sys; sys.path.append(sys.argv[1])
from spu_worker import confinement
confinement._FS_RIGHTS_NEWEST = 1 << 60
confinement._FS_RIGHTS_BY_VERSION = {}
confinement._ARCHITECTURES = {}
import json, pathlib; print(json.dumps(confinement.confine(pathlib.Path("/nowhere"))))
"""
    said = subprocess.run([sys.executable, "-I", "-c", script, str(SOURCE)], capture_output=True, text=True, check=True)
    measures = json.loads(said.stdout)
    assert measures["files"] and "not known here" in measures["calls"] and not measures["limits"]


@pytest.mark.parametrize(
    ("measures", "level", "says"),
    [
        (
            {"limits": "", "files": "Function not implemented"},
            "warning",
            {"refused": {"files": "Function not implemented"}},
        ),
        ({"limits": "", "files": ""}, "info", {"measures": ["files", "limits"]}),
    ],
)
def test_the_log_says_what_a_worker_was_confined_by(measures: dict[str, str], level: str, says: dict[str, Any]) -> None:
    with capture_logs() as logs:
        worker._say_confined(measures)
    (line,) = logs
    assert line["log_level"] == level and says.items() <= line.items()


def test_a_worker_says_how_it_is_confined_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    start = "import sys; sys.path.append(sys.argv[1]); from spu_worker import main; main.main(sys.argv[2])"
    said = subprocess.run([sys.executable, "-I", "-c", start, str(SOURCE), str(tmp_path)], capture_output=True,
                          stdin=subprocess.PIPE, timeout=60)  # fmt: skip
    first = msgspec.json.decode(said.stdout.splitlines()[0], type=Told)
    assert first.confined is not None and first.confined.keys() == MEASURES
