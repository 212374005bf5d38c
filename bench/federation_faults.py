"""Two nodes at work, and at a random moment one dies or the line breaks: no hang, no half-opened result, and runs go on.

    python -m bench.federation_faults [--trials N]

Each trial is a joint run of two real nodes over a relay.  The fault is drawn with a seed: the asking side is killed (SIGKILL),
the answering side is killed and started again, the line is cut for two seconds, or it is cut for good.

A trial passes when everything that lives has ended within the patience of a link and some; when no result was opened without
both sides' parts of its model; and when after a line that came back the run is done on both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tarim.identity import create_key

PURPOSE = "faults"
ROWS = 2_000
PATIENCE_S = 8
"""Of a link, in these runs."""
END_S = PATIENCE_S + 12
FAULTS = ("asker killed", "answerer killed", "line cut for a while", "line cut for good")


class Line:
    """A relay to a port whose connections can be cut; while it is down new ones are refused."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target = 0
        self.up = True
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and let none through."""
        self.up = False
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            try:
                if not self.up:
                    raise OSError
                far = socket.create_connection(("127.0.0.1", self.target), timeout=2)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@dataclass
class Node:
    """A company."""

    name: str
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    serving: subprocess.Popen[str] | None = None
    port: int = 0

    def start(self, *arguments: str, person: str = "", pipe: bool = True) -> subprocess.Popen[str]:
        environment = os.environ | ({"TARIM_KEY": self.keys[person]} if person else {})
        return subprocess.Popen(
            [sys.executable, "-m", "tarim.cli", "party", *arguments, "--data", str(self.folder)],
            env=environment, text=True, stdout=subprocess.PIPE if pipe else subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def tarim(self, *arguments: str, person: str = "") -> str:
        done = self.start(*arguments, person=person)
        said, _ = done.communicate(timeout=60)
        assert done.returncode == 0, (self.name, arguments)
        return said

    def serve(self) -> None:
        self.serving = self.start("serve", "--port", str(self.port))
        assert self.serving.stdout is not None
        found = re.search(r"port (\d+)", self.serving.stdout.readline())
        assert found
        self.port = int(found[1])

    def stop(self) -> None:
        """End the node that serves."""
        if self.serving is not None:
            self.serving.kill()
            self.serving.wait()

    def state_of(self, run: str) -> str:
        from tarim.bootstrap.clock import SystemClock
        from tarim.federation import Party

        with Party(self.folder, os.environ, SystemClock()) as party:
            return next((each.state for each in party.book.runs() if each.run == run), "unknown")

    def newest(self) -> str:
        from tarim.bootstrap.clock import SystemClock
        from tarim.federation import Party

        with Party(self.folder, os.environ, SystemClock()) as party:
            return next((each.run for each in party.book.runs()), "")

    def has_model(self, run: str) -> bool:
        return (self.folder / "models" / f"{run}.part").exists()

    def has_result(self, run: str) -> bool:
        return (self.folder / "results" / f"{run}.json").exists()


def _made(home: Path, line: Line) -> tuple[Node, Node, str]:
    """Both nodes, with a contract of many uses."""
    data, bank = Node("data", home / "data"), Node("bank", home / "bank")
    draw = np.random.default_rng(1)
    for node in (data, bank):
        node.tarim("init", "--name", node.name)
        (node.folder / "party.toml").write_text(f'name = "{node.name}"\npatience_s = {PATIENCE_S}\n')
        for person, scope in (("engineer", "models"), ("officer", "approve")):
            node.keys[person] = create_key(node.folder / "keys.json", f"{person}.{node.name}", [scope], 1)[1]
        columns: dict[str, Any] = {"id": [f"c{number}" for number in range(ROWS)], "x": draw.normal(0, 1, ROWS)}
        columns["y"] = (columns["x"] + draw.normal(0, 1, ROWS) > 0).astype(int)
        pq.write_table(pa.table(columns), home / f"{node.name}.parquet")
        node.tarim(
            "data", "add", str(home / f"{node.name}.parquet"), "--name", node.name, "--key", "id", "--purpose", PURPOSE,
            "--contract-number", "1", "--acquired", "2026-01-01", "--medium", "disk", person="engineer",
        )  # fmt: skip
        node.serve()
    line.target = data.port
    for node, other, port in ((data, bank, bank.port), (bank, data, line.port)):
        card = home / f"{other.name}.card.json"
        card.write_text(other.tarim("card"))
        fingerprint = json.loads(card.read_text())["member"]["certificate"]
        node.tarim(
            "peers", "add", str(card), "--fingerprint", fingerprint, "--host", "127.0.0.1", "--port", str(port),
            person="engineer",
        )  # fmt: skip
    side = 'party = "{0}"\ndata_set = "{0}"\nkey = "id"\nkey_kind = "text"\nfeatures = ["x"]\n'
    (home / "contract.toml").write_text(
        f'number = "1"\npurpose = "{PURPOSE}"\nalgorithm = "logistic"\nuses = 10000\nexpires = "2099-01-01"\n'
        f'[first]\n{side.format("data")}[second]\n{side.format("bank")}label = "y"\n'
        f'[parameters]\nepochs = 10\nbatch_rows = 64\n[[outputs]]\nwhat = "curve"\nto = "bank"\n'
    )
    digest = bank.tarim("contract", "propose", str(home / "contract.toml"), person="engineer").strip()
    for node in (bank, data):
        node.tarim("contract", "sign", digest, person="officer")
    return data, bank, digest


def _trial(data: Node, bank: Node, digest: str, line: Line, fault: str, after_s: float) -> str:
    """What went wrong in one trial; "" for nothing."""
    before = bank.newest()
    asker = bank.start("run", digest, person="engineer", pipe=False)
    ended: int | None = None
    with suppress(subprocess.TimeoutExpired):
        ended = asker.wait(after_s)
    if ended is None:
        if fault == "asker killed":
            asker.send_signal(signal.SIGKILL)
        elif fault == "answerer killed":
            data.stop()
        else:
            line.cut()
            if fault == "line cut for a while":
                time.sleep(2)
                line.up = True
    try:
        asker.wait(END_S)
    except subprocess.TimeoutExpired:
        asker.kill()
        return "the asking side hung"
    line.up = True
    if fault == "answerer killed" and ended is None:
        data.serve()
        line.target = data.port
    run = bank.newest()
    if run == before:
        return ""  # nothing had begun
    deadline = time.monotonic() + END_S
    while data.state_of(run) == "under way" and fault != "answerer killed" and time.monotonic() < deadline:
        time.sleep(0.3)
    states = {node.name: node.state_of(run) for node in (bank, data)}
    if fault != "answerer killed" and states["data"] == "under way":
        return "the answering side hung"
    if bank.has_result(run) and not (bank.has_model(run) and data.has_model(run)):
        return "a result was opened without a model on both sides"
    if fault == "line cut for a while" and set(states.values()) != {"done"}:
        return "a line that came back did not resume the run"
    return ""


def measured(trials: int, seed: int = 1) -> dict[str, Any]:
    """Figures of so many trials."""
    draw, troubles = np.random.default_rng(seed), Counter[str]()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tarim-faults-") as folder, ExitStack() as stack:
        line = Line()
        data, bank, digest = _made(Path(folder), line)
        for node in (data, bank):
            stack.callback(node.stop)
        clean_begin = time.monotonic()
        bank.tarim("run", digest, person="engineer")
        clean_s = time.monotonic() - clean_begin
        for number in range(trials):
            fault = FAULTS[number % len(FAULTS)]
            trouble = _trial(data, bank, digest, line, fault, float(draw.uniform(0.3 * clean_s, clean_s)))
            if trouble:
                troubles[f"{fault}: {trouble}"] += 1
        bank.tarim("run", digest, person="engineer")
    return {
        "trials": trials,
        "wrong": sum(troubles.values()),
        "troubles": dict(troubles),
        "clean_run_s": round(clean_s, 1),
        "took_s": round(time.monotonic() - begin, 1),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--trials", type=int, default=8)
    options = parser.parse_args()
    print(json.dumps(measured(options.trials)))


if __name__ == "__main__":
    main()
