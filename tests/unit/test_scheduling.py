"""What the operating system is told about the thread that decides."""

import os
import platform
import subprocess
import sys

import pytest

_ASKED = """
import os
from tarim.bootstrap.scheduling import ask_for_short_turns

os.nice(3)
assert ask_for_short_turns()
print(os.nice(0), os.sched_getscheduler(0) & os.SCHED_RESET_ON_FORK != 0, os.sched_getscheduler(0) & 0xFF == os.SCHED_OTHER)
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the call's number is known for these only")
def test_short_turns_are_granted_without_privilege_and_change_nothing_else():
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "True", "True"]
