"""What the bench of publishing says a thread waited for: the interpreter's lock, a processor, nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import waits

_PROGRAM = """
import ctypes, json, sys, threading, time
import numpy as np
from bench import waits

read, words = waits.reader(), np.zeros((4, waits.WORDS), np.int64)
held = ctypes.PyDLL(None).usleep  # keeps the interpreter
read(words[0])
for _ in range(1_000):
    pass
read(words[1])
thread = threading.Thread(target=held, args=(500_000,))  # far longer than a busy machine lets us sleep
thread.start()
time.sleep(0.005)  # comes back to an interpreter that is held
read(words[2])
thread.join()
time.sleep(0.02)
read(words[3])
print(json.dumps((np.diff(words, axis=0) / 1e6).tolist()))
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_wait_for_the_interpreter_is_told_from_one_for_nothing(tmp_path: Path) -> None:
    library = waits.built(tmp_path)
    assert library is not None
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    busy, held, asleep = json.loads(done.stdout)
    assert busy[waits.LOCK] == busy[waits.DISK] == 0
    assert busy[waits.CPU] > 0
    assert held[waits.LOCK] + held[waits.QUEUED] > 20
    assert held[waits.LOCK] > 5
    assert held[waits.CPU] < 20
    assert asleep[waits.LOCK] < held[waits.LOCK] / 2
    assert asleep[waits.NOW] >= 20


def test_without_the_library_nothing_is_claimed() -> None:
    assert waits.reader() is None
