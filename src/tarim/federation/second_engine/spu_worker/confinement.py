"""Least privilege for the worker: what it gives up before it imports SPU, as far as this machine's kernel lets it.

    limits        no core dump, so many descriptors, files and data no larger than that
    namespaces    no network device, not even loopback; no other process's shared memory
    capabilities  none, and none to be had (no_new_privs)
    files         Landlock: reads the interpreter, the system's libraries and its own /proc; writes its folder, and nothing else
    calls         seccomp: no new socket, no other program, no look into another process, no mount, key or kernel module;
                  an intersection may start programs (libpsi has `tail` and `sort` order what it found), confined like it
    traces        not dumpable: processes of the same user cannot attach to it

Each is taken by itself; what the kernel refuses is named and the worker goes on without it: the node logs it.  There is nothing
to configure and nothing to install: system calls through ctypes, in one thread, before any library is loaded.
Sources: Linux Documentation/userspace-api/{landlock,no_new_privs,seccomp_filter}.rst; user_namespaces(7), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

DESCRIPTORS_MAX = 512
FILE_BYTES_MAX = 16 << 30
DATA_BYTES_MAX = 64 << 30

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_SET_DUMPABLE, _SET_SECCOMP, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 4, 22, 24, 38
_CAPABILITIES = 64
_CAPABILITY_VERSION = 0x20080522

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ, _READ_FOLDER, _EXECUTE, _FILE_RIGHTS = 1 << 2, 1 << 3, 1 << 0, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_FS_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FS_RIGHTS_NEWEST = (1 << 16) - 1
_NET_RIGHTS, _SCOPES = 3, 3
_NET_SINCE, _SCOPES_SINCE = 4, 6
_PUBLIC = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo",
           "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease",
           "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/dev/null", "/dev/zero", "/dev/urandom",
           "/dev/random")  # fmt: skip
_DEVICES_WRITTEN = ("/dev/null",)

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machines, and their names for audits."""
_CALLS = {
    "socket": (41, 198), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268), "init_module": (175, 105),
    "finit_module": (313, 273), "kexec_load": (246, 104), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "open_by_handle_at": (304, 265), "pidfd_getfd": (438, 438),
}  # fmt: skip
"""What is refused, with its number on each of the machines (arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h)."""
_PROGRAMS = frozenset({"execve", "execveat"})
_X32_CALLS = 0x40000000
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06

_LIBC = ctypes.CDLL(None, use_errno=True)


def confine(folder: Path, *, programs: bool = False) -> dict[str, str]:
    """Give up all that is not needed to compute in this folder.  "" for each measure that holds, or why it does not.

    programs: other programs may be started.
    """
    measures: tuple[tuple[str, Callable[[], object]], ...] = (
        ("limits", _limit),
        ("namespaces", _separate),
        ("capabilities", _drop_capabilities),
        ("files", lambda: _landlock(folder)),
        ("calls", lambda: _filter_calls(_PROGRAMS if programs else frozenset())),
        ("traces", lambda: _call(_LIBC.prctl, _SET_DUMPABLE, 0, 0, 0, 0)),
    )
    return {name: _tried(measure) for name, measure in measures}


def _tried(measure: Callable[[], object]) -> str:
    try:
        measure()
    except (OSError, ValueError, AttributeError) as error:
        return str(error) or type(error).__name__
    return ""


def _call(function: Callable[..., int], *arguments: object) -> int:
    """What a function of libc returns.  Raises OSError."""
    found = function(*(ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found


def _limit() -> None:
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS_MAX),
        (resource.RLIMIT_FSIZE, FILE_BYTES_MAX),
        (resource.RLIMIT_DATA, DATA_BYTES_MAX),
    ):
        hard = resource.getrlimit(which)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (least, least))


def _separate() -> None:
    user, group = os.getuid(), os.getgid()
    _call(_LIBC.unshare, _CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(content, encoding="ascii")


def _drop_capabilities() -> None:
    _call(_LIBC.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in range(_CAPABILITIES):
        _LIBC.prctl(_CAPBSET_DROP, number, 0, 0, 0)  # refused where there are fewer, or none to drop
    head = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITY_VERSION, 0), 8)
    _call(_LIBC.capset, head, ctypes.create_string_buffer(24))


def _landlock(folder: Path) -> None:
    syscall = _LIBC.syscall
    version = _call(syscall, _LANDLOCK_CREATE, None, 0, 1)
    rights = _FS_RIGHTS_BY_VERSION.get(version, _FS_RIGHTS_NEWEST)
    handled = [rights] + [_NET_RIGHTS] * (version >= _NET_SINCE) + [_SCOPES] * (version >= _SCOPES_SINCE)
    wanted = ctypes.create_string_buffer(struct.pack(f"<{len(handled)}Q", *handled), 8 * len(handled))
    ruleset = _call(syscall, _LANDLOCK_CREATE, wanted, 8 * len(handled), 0)
    try:
        for path in _readable():
            _let(ruleset, path, rights & (_READ | _READ_FOLDER | _EXECUTE))
        for name in _DEVICES_WRITTEN:
            _let(ruleset, Path(name), rights & _FILE_RIGHTS)
        _let(ruleset, folder, rights)
        _call(_LIBC.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(syscall, _LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _readable() -> Iterator[Path]:
    """What Python, SPU and JAX read: code, libraries, and what the kernel says of the processor and of this process."""
    code: Iterable[str] = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent), *sys.path}
    for name in sorted(each for each in code if each) + list(_PUBLIC):
        if (path := Path(name)).exists():
            yield path


def _let(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("<Qi", allowed, descriptor), 12)
        _call(_LIBC.syscall, _LANDLOCK_ADD, ruleset, 1, rule, 0)
    finally:
        os.close(descriptor)


def _filter_calls(allowed: frozenset[str]) -> None:
    if platform.machine() not in _ARCHITECTURES:
        raise OSError(f"the numbers of system calls on {platform.machine()} are not known here")
    architecture, column = _ARCHITECTURES[platform.machine()], list(_ARCHITECTURES).index(platform.machine())
    numbers = [each[column] for name, each in _CALLS.items() if name not in allowed]
    # Jumps count from the next instruction; the last one refuses, the one before it allows.
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    program.append((_AT_LEAST, len(numbers) + 1, 0, _X32_CALLS))
    program += [(_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    content = b"".join(struct.pack("<HBBI", *each) for each in program)
    kept = ctypes.create_string_buffer(content, len(content))
    filters = ctypes.create_string_buffer(
        struct.pack("@HP", len(program), ctypes.addressof(kept)), struct.calcsize("@HP")
    )
    _call(_LIBC.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call(_LIBC.prctl, _SET_SECCOMP, 2, filters, 0, 0)
