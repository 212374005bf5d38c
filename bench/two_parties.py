"""Two companies as two processes over mutual TLS on one machine; what each did, what it cost, and what went over the line."""

from __future__ import annotations

import datetime
import multiprocessing
import queue
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bench import namespace_line
from bench.slow_line import Speed, slow_line
from tarim.federation import Role
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, Pinned, make_certificate
from tarim.federation.adapters.ports import Dialler, Listening

RUN_ID = bytes(range(16))
WAIT_S = 1_800
_NAMES = ("data", "bank")

Prepare = Callable[[Role, Any], Any]
"""Before the clock: a party's data, of the run's argument.  All three are functions of a module."""
Act = Callable[[Role, Link, Any], Any]
"""What a party does, of its data."""
Judge = Callable[[Role, Link, Any], Any]
"""After the clock: its result, of what `Act` returned."""


def as_it_is(_role: Role, argument: Any) -> Any:
    """Nothing to prepare."""
    return argument


def told(_role: Role, _link: Link, result: Any) -> Any:
    """Nothing to judge."""
    return result


@dataclass(frozen=True)
class Did:
    """What one party returned and what it cost."""

    result: Any
    took_s: float
    cpu_s: float
    memory_mib: int
    traffic: dict[str, Any]


def together(
    act: Act, argument: Any, prepare: Prepare = as_it_is, judge: Judge = told, speed: Speed | None = None
) -> tuple[Did, Did]:
    """Both parties' parts.  Time runs from the first byte over the link; memory is what each process held at most.

    speed: of the line between them, None for the machine's own.  A slow line runs between two network namespaces where this
    process may make them, else through a relay.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tarim-federation-") as folder:
        home = Path(folder)
        for name in _NAMES:
            (home / name).mkdir()
            make_certificate(home / name, name, datetime.datetime.now(datetime.UTC))
        listens, port, results = context.Queue(), context.Queue(), context.Queue()
        places = {role.name: context.Queue() for role in Role}
        does = (prepare, act, judge)
        parties = [
            context.Process(
                target=_party,
                name=role.name,
                args=(role, home, (places[role.name], listens, port), does, argument, results),
            )
            for role in Role
        ]
        with ExitStack() as stack:
            apart = speed is not None and namespace_line.possible()
            names: Sequence[str] = ("", "")
            if speed is not None and apart:
                names = stack.enter_context(namespace_line.namespaces(speed))
            for party, name in zip(parties, names, strict=True):
                party.start()
                stack.callback(party.join)
                stack.callback(party.kill)
                places[party.name].put(name)
            real = _next(listens, parties)
            port.put(real if speed is None or apart else stack.enter_context(slow_line(real, speed)))
            found = dict(_next(results, parties) for _ in parties)
            for party in parties:
                party.join()
    return found[0], found[1]


def costs(both: tuple[Did, Did]) -> dict[str, Any]:
    """Figures of a run; lists are by party, the data company first."""
    return {
        "took_s": round(max(each.took_s for each in both), 2),
        "cpu_s": [round(each.cpu_s, 2) for each in both],
        "memory_mib": [each.memory_mib for each in both],
        "sent_mb": [round(each.traffic["sent_bytes"] / 1e6, 1) for each in both],
        "rounds": [each.traffic["rounds"] for each in both],
        "waited_s": [round(each.traffic["waited_s"], 2) for each in both],
    }


def _party(
    role: Role, home: Path, ports: tuple[Any, Any, Any], does: tuple[Prepare, Act, Judge], argument: Any, results: Any
) -> None:
    prepare, act, judge = does
    place, listens, port = ports
    namespace = place.get()
    if namespace:
        namespace_line.enter(namespace)
    host = namespace_line.ADDRESSES[Role.SECOND] if namespace else "127.0.0.1"
    data = prepare(role, argument)
    pinned = Pinned(home / _NAMES[role], home / _NAMES[1 - role] / CERTIFICATE_FILE)
    with ExitStack() as stack:
        if role is Role.SECOND:
            listening = stack.enter_context(Listening(host, 0, lambda: pinned))
            listens.put(listening.port)
            link = stack.enter_context(Link(listening.run(RUN_ID)))
        else:
            link = stack.enter_context(Link(Dialler(host, port.get(), pinned, RUN_ID)))
        begin, used = time.perf_counter(), _cpu_s()
        done = act(role, link, data)
        took_s, cpu_s, traffic = time.perf_counter() - begin, _cpu_s() - used, asdict(link.traffic)
        memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        results.put((int(role), Did(judge(role, link, done), took_s, cpu_s, memory_mib, traffic)))


def _next(told: Any, parties: Sequence[BaseProcess]) -> Any:
    """What a party tells next.  Raises RuntimeError when one has failed, or nothing comes in time."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            return told.get(timeout=0.5)
        except queue.Empty:
            if any(party.exitcode for party in parties):
                raise RuntimeError("a party failed") from None
    raise RuntimeError("a party told nothing in time")


def _cpu_s() -> float:
    """Of this process and of those it has started that are done."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
