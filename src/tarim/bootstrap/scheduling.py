"""What the operating system is told about the threads of the serving process."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Final

TURN_NS: Final = 100_000
"""The shortest turn on a processor that Linux grants, 0.1 ms; 3 ms is usual."""
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQII")
"""struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period, and two bounds of use."""
_POLICY_OTHER: Final = 0
_RESET_ON_FORK: Final = 1


def ask_for_short_turns() -> bool:
    """Have the calling thread wait less for a processor, at the price of shorter turns on it; whether that was granted.

    Linux 6.12 and later let a thread that asks for short turns run before those that ask for long ones when it wakes up,
    with no privilege and no larger share (EEVDF; `sched_setattr(2)`).  A decision takes a fraction of a turn, a compiler all
    of it.  Older kernels take the call and change nothing.

    Threads started later by this one inherit turns and priority.  They have to: one of them that waits for a processor with the
    interpreter in its hands, or while it writes a group's records to the disk, has the decisions wait as well.
    """
    return _ask(0)


def ask_for_short_turns_alone() -> bool:
    """The same for a thread that starts processes: these have usual turns, and no priority above the usual one."""
    return _ask(_RESET_ON_FORK)


def _ask(flags: int) -> bool:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return False
    asked = _ATTRIBUTES.pack(_ATTRIBUTES.size, _POLICY_OTHER, flags, os.nice(0), 0, TURN_NS, 0, 0, 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, 0, asked, 0) == 0)
