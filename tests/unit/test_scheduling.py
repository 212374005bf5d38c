"""What the operating system is told about the threads of the serving process."""

import os
import platform
import subprocess
import sys

import pytest

_ASKED = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from tarim.bootstrap.scheduling import ask_for_short_turns, ask_for_short_turns_alone

def now():
    policy = os.sched_getscheduler(0)
    return os.nice(0), policy & os.SCHED_RESET_ON_FORK != 0, policy & 0xFF == os.SCHED_OTHER

os.nice(3)
assert ask_for_short_turns()
print(now(), end=";")
with ThreadPoolExecutor(1) as inherits, ThreadPoolExecutor(1, initializer=ask_for_short_turns_alone) as starts:
    print(inherits.submit(now).result(), end=";")
    print(starts.submit(now).result(), end=";")
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the call's number is known for these only")
def test_short_turns_are_granted_without_privilege_and_change_nothing_else():
    """Threads started later have what their starter has; only those that start processes reset it, or a thread that writes to
    the disk for the one that decides would have a lower priority than the service.
    """
    niceness = os.nice(0) + 3
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    asked, inherited, starting = done.stdout.split(";")[:3]
    assert asked == inherited == str((min(niceness, 19), False, True))
    assert starting == str((min(niceness, 19), True, True))
