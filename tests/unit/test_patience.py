"""A command that hangs is ended, one that has no processor is waited for."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.patience import TooLong, counted_s, run_patiently, times_of


def test_what_is_printed_and_the_status_come_back(tmp_path: Path) -> None:
    done = run_patiently(["sh", "-c", "echo out; echo err >&2; exit 3"], limit_s=60, cwd=tmp_path, env=dict(os.environ))
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_what_waits_for_nothing_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; wait"
    with pytest.raises(TooLong, match="could have worked"):
        run_patiently(["sh", "-c", script], limit_s=0.5, cwd=tmp_path, env=dict(os.environ))
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    raise AssertionError("what the command started lives on")


@pytest.mark.parametrize(
    ("ran_s", "waited_s", "counts_s"),
    [(1.0, 0.0, 1.0), (0.25, 0.75, 0.25), (0.0, 0.01, 1.0), (0.0, 2.0, 0.02), (1.5, 0.5, 0.75)],
)
def test_time_without_a_processor_does_not_count(ran_s: float, waited_s: float, counts_s: float) -> None:
    assert counted_s(1.0, ran_s, waited_s) == pytest.approx(counts_s)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not tell how long a thread ran")
def test_the_time_of_a_session_is_found() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        for _ in range(200):
            if sum(ran for ran, _ in times_of(busy.pid).values()) > 10_000_000:
                return
            time.sleep(0.05)
        raise AssertionError("it ran, and no time of it is seen")
    finally:
        busy.kill()
        busy.wait()
