"""What a thread waited for, told apart: a small C library that is loaded before the interpreter (`LD_PRELOAD`).

    [0] now_ns        CLOCK_MONOTONIC, what `time.perf_counter_ns` and the load's sender read
    [1] cpu_ns        what this thread has run for
    [2] queued_ns     what it was ready to run and had no processor: the second field of /proc/thread-self/schedstat
    [3] lock_ns       what it waited for the interpreter's lock; time it was queued meanwhile is in [2] and not here
    [4] disk_ns       the same for fdatasync

CPython takes its lock by `pthread_cond_timedwait` and hands it over by `pthread_cond_wait` (Python/ceval_gil.h); its other
locks are semaphores, so what a thread of Python spends in these two is the wait for the interpreter.  Linux with a C compiler
only; without, the figures are said to be unknown.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

WORDS: Final = 5
NOW, CPU, QUEUED, LOCK, DISK = range(WORDS)

_SOURCE: Final = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static __thread int stat_fd = 0;  /* 0: not opened, -1: there is none */
static __thread int64_t lock_ns, disk_ns;

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t queued(void) {
    char text[96];
    if (stat_fd == 0) stat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (stat_fd < 0) return 0;
    ssize_t got = pread(stat_fd, text, sizeof text - 1, 0);
    if (got <= 0) return 0;
    text[got] = 0;
    char *at = text;
    strtoll(at, &at, 10);
    return strtoll(at, 0, 10);
}

static void *next_of(const char *name, const char *version) {
    void *found = dlvsym(RTLD_NEXT, name, version);
    return found ? found : dlsym(RTLD_NEXT, name);
}

typedef int (*timed_t)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int (*wait_t)(pthread_cond_t *, pthread_mutex_t *);
typedef int (*sync_t)(int);
static timed_t real_timed;
static wait_t real_wait;
static sync_t real_sync;

__attribute__((constructor)) static void find_real(void) {
    real_timed = (timed_t)next_of("pthread_cond_timedwait", "GLIBC_2.3.2");
    real_wait = (wait_t)next_of("pthread_cond_wait", "GLIBC_2.3.2");
    real_sync = (sync_t)dlsym(RTLD_NEXT, "fdatasync");
}

static void add_lock(int64_t begin, int64_t queued_before) {
    lock_ns += read_clock(CLOCK_MONOTONIC) - begin - (queued() - queued_before);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t) {
    int64_t before = queued(), begin = read_clock(CLOCK_MONOTONIC);
    int result = real_timed(c, m, t);
    add_lock(begin, before);
    return result;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) {
    int64_t before = queued(), begin = read_clock(CLOCK_MONOTONIC);
    int result = real_wait(c, m);
    add_lock(begin, before);
    return result;
}

int fdatasync(int fd) {
    int64_t before = queued(), begin = read_clock(CLOCK_MONOTONIC);
    int result = real_sync(fd);
    disk_ns += read_clock(CLOCK_MONOTONIC) - begin - (queued() - before);
    return result;
}

void tarim_waits(int64_t *out) {
    out[0] = read_clock(CLOCK_MONOTONIC);
    out[1] = read_clock(CLOCK_THREAD_CPUTIME_ID);
    out[2] = queued();
    out[3] = lock_ns;
    out[4] = disk_ns;
}
"""


def built(folder: Path) -> Path | None:
    """The library in the folder, built if it is not there; None without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    path = folder / f"waits_{hashlib.sha256(_SOURCE.encode()).hexdigest()[:16]}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        source = path.with_suffix(".c")
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", path, source, "-ldl", "-lpthread"], check=True)
        source.unlink()
    return path


def reader() -> Callable[[npt.NDArray[np.int64]], None] | None:
    """Writes the calling thread's words into an int64 array of shape (WORDS,); None when the library was not loaded before us.

    The interpreter's lock is kept meanwhile (`PyDLL`): giving it away for a look at a clock would make the waits looked for.
    """
    try:
        function = ctypes.PyDLL(None).tarim_waits
    except AttributeError:
        return None
    function.argtypes, function.restype = [ctypes.c_void_p], None

    def read(out: npt.NDArray[np.int64]) -> None:
        function(out.ctypes.data)

    return read
