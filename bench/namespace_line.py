"""A slow line between two network namespaces: each party has its own network stack, and all packets pass a line of some rate.

What the kernel's `netem` does is done here on packets of two TUN devices, because not every kernel has `netem`: a packet
leaves when those before it have left at the line's rate, arrives half a round trip later, and is dropped where more than
BUFFER_S waits.  TCP with its own congestion control runs over it as over any line.  Root and `ip` (iproute2) are needed.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import queue
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from bench.slow_line import Speed

BUFFER_S: Final = 0.1
"""Of the router before the line."""
ADDRESSES: Final = ("10.213.0.1", "10.213.0.2")
_TUN: Final = Path("/dev/net/tun")
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_CLONE_NEWNET: Final = 0x40000000
_PACKET_BYTES_MAX: Final = 1 << 16


def possible() -> bool:
    """Whether this process may make namespaces and devices."""
    return os.geteuid() == 0 and _TUN.exists() and shutil.which("ip") is not None


def enter(name: str) -> None:
    """Have this thread, and the sockets that it makes from now on, in a namespace.  Raises OSError."""
    with Path("/run/netns", name).open("rb") as file:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"namespace {name} cannot be entered")


def _carry(source: int, sink: int, speed: Speed) -> None:
    """Packets of one direction."""
    bytes_s, delay_s = speed.rate_mbit_s * 1e6 / 8, speed.round_trip_ms / 2_000
    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        while True:
            at, packet = under_way.get()
            time.sleep(max(0.0, at - time.monotonic()))
            with suppress(OSError):  # a packet to a device that is not up yet, or no more
                os.write(sink, packet)

    threading.Thread(target=deliver, daemon=True).start()
    free_at = 0.0
    while True:
        packet = os.read(source, _PACKET_BYTES_MAX)
        now = time.monotonic()
        begins = max(free_at, now)
        if begins - now <= BUFFER_S:
            free_at = begins + len(packet) / bytes_s
            under_way.put((free_at + delay_s, packet))


def _relay(devices: tuple[str, str], speed: Speed, told: Any) -> None:
    files = []
    for device in devices:
        file = os.open(_TUN, os.O_RDWR)
        fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH14x", device.encode(), _IFF_TUN_NO_PI))
        files.append(file)
    told.put(True)
    threading.Thread(target=_carry, args=(files[0], files[1], speed), daemon=True).start()
    _carry(files[1], files[0], speed)


@contextmanager
def namespaces(speed: Speed) -> Iterator[tuple[str, str]]:
    """Names of two namespaces with ADDRESSES, joined by such a line; gone at the end."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    mark = f"tarim{os.getpid()}"[-12:]
    names = (f"{mark}-a", f"{mark}-b")
    relay = context.Process(target=_relay, args=(names, speed, told), daemon=True)
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
        relay.start()
        stack.callback(relay.join)
        stack.callback(relay.kill)
        told.get(timeout=30)
        for name, address in zip(names, ADDRESSES, strict=True):
            _ip("link", "set", name, "netns", name)
            _ip("-n", name, "address", "add", f"{address}/24", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
        yield names


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
