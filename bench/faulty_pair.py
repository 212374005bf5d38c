"""Two nodes as processes over a line that can be cut: what the runs under faults are made with.

The nodes and whoever asks are forked from a server that has everything imported, so a process costs a tenth of a second and
not the seconds of a fresh interpreter; each has its own folder, database, certificate and sockets, and is killed by SIGKILL.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tarim.base.errors import TarimError
from tarim.bootstrap.clock import SystemClock
from tarim.federation import Party, Run, Serving, contract_of, make_party, read_draft, registered

PURPOSE: Final = "faults"
NAMES: Final = ("data", "bank")
ALGORITHMS: Final = {
    "logistic": "epochs = 6\nbatch_rows = 64\n",
    "boosting": "trees = 2\ndepth = 2\n",
}
_HOST: Final = "127.0.0.1"
_FOREVER: Final = "2099-01-01"


class Line:
    """A relay to a port whose connections can be cut; while it is down new ones are refused."""

    def __init__(self) -> None:
        self._listener = socket.create_server((_HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.target = 0
        self.up = True
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, stays_down: bool) -> None:
        """Break every connection; stays_down: and let none through until `up` is set again."""
        with self._lock:
            self.up = not stays_down
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            try:
                far = socket.create_connection((_HOST, self.target), timeout=2)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                if not self.up:
                    near.close()
                    far.close()
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
    """A company's node."""

    folder: Path
    context: Any
    serving: BaseProcess | None = None
    port: int = 0

    @contextmanager
    def party(self) -> Iterator[Party]:
        """Its folder, looked at from outside."""
        with Party(self.folder, os.environ, SystemClock()) as party:
            yield party

    def serve(self) -> None:
        """Start the node, on the port that it had before."""
        listens = self.context.Queue()
        self.serving = self.context.Process(target=_serve, args=(self.folder, self.port, listens), daemon=True)
        self.serving.start()
        self.port = listens.get(timeout=60)

    def kill(self) -> None:
        """End the node, as a power cut would."""
        if self.serving is not None:
            self.serving.kill()
            self.serving.join()

    def ask(self, digest: str) -> BaseProcess:
        """A process that carries out a contract, beginning from this side; its exit code is 0 when that went well."""
        asking: BaseProcess = self.context.Process(target=_ask, args=(self.folder, digest), daemon=True)
        asking.start()
        return asking

    def runs(self) -> list[Run]:
        """As its book has them, after runs of processes that ended were settled."""
        with self.party() as party:
            party.records.settle()
            return party.book.runs()

    def has_model(self, run: str) -> bool:
        """Whether it keeps its part of a run's model."""
        return (self.folder / "models" / f"{run}.part").exists()

    def has_result(self, run: str) -> bool:
        """Whether something of a run was opened to it."""
        return (self.folder / "results" / f"{run}.json").exists()


def _serve(folder: Path, port: int, listens: Any) -> None:
    # It logs what goes wrong, and here that is meant to.
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        Party(folder, os.environ, SystemClock()) as party,
    ):
        serving = Serving(party, _HOST, port)
        serving.run(lambda: listens.put(serving.port))


def _ask(folder: Path, digest: str) -> None:
    with Party(folder, os.environ, SystemClock()) as party:
        try:
            party.runs.carry_out(digest, "engineer")
        except TarimError:
            raise SystemExit(2) from None


@dataclass(frozen=True)
class Pair:
    """Both nodes, the line by which the bank reaches the data company, and the digest of a contract of each algorithm."""

    data: Node
    bank: Node
    line: Line
    contracts: dict[str, str]

    @property
    def nodes(self) -> tuple[Node, Node]:
        """Both."""
        return self.data, self.bank


@contextmanager
def faulty_pair(home: Path, rows: int, patience_s: float) -> Iterator[Pair]:
    """Two nodes with contracts of many uses on made-up customers, all in common."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tarim.federation.node.party", "tarim.federation.node.serving"])
    line, draw, clock = Line(), np.random.default_rng(1), SystemClock()
    nodes = [Node(home / name, context) for name in NAMES]
    with ExitStack() as stack:
        parties = []
        for node in nodes:
            name = node.folder.name
            make_party(node.folder, name, datetime.datetime.now(datetime.UTC))
            (node.folder / "party.toml").write_text(f'name = "{name}"\npatience_s = {patience_s}\n')
            columns: dict[str, Any] = {"id": [f"c{number}" for number in range(rows)], "x": draw.normal(0, 1, rows)}
            columns["y"] = (columns["x"] + draw.normal(0, 1, rows) > 0).astype(int)
            file = home / f"{name}.parquet"
            pq.write_table(pa.table(columns), file)
            party = stack.enter_context(node.party())
            data_set = registered(
                file, name, "id", purposes=(PURPOSE,), contract_number="1", acquired="2026-01-01", medium="disk"
            )
            party.book.add_set(data_set, "engineer", clock.now_ms())
            parties.append(party)
            stack.callback(node.kill)
            node.serve()
        line.target = nodes[0].port
        for party, other, port in ((parties[0], parties[1], nodes[1].port), (parties[1], parties[0], line.port)):
            party.add_peer(other.card, other.certificate, _HOST, port, "engineer")
        contracts = {name: _signed(parties[0], parties[1], name) for name in ALGORITHMS}
        yield Pair(nodes[0], nodes[1], line, contracts)


def _signed(data: Party, bank: Party, algorithm: str) -> str:
    """The digest of a contract that both have signed."""
    side = 'party = "{0}"\ndata_set = "{0}"\nkey = "id"\nkey_kind = "text"\nfeatures = ["x"]\n'
    draft = read_draft(
        f'number = "1"\npurpose = "{PURPOSE}"\nalgorithm = "{algorithm}"\nuses = 10000\nexpires = "{_FOREVER}"\n'
        f"[first]\n{side.format('data')}[second]\n{side.format('bank')}label = 'y'\n"
        f'[parameters]\n{ALGORITHMS[algorithm]}[[outputs]]\nwhat = "curve"\nto = "bank"\n'
    )
    members, sets = (data.member, bank.member), {party.name: party.book.sets() for party in (data, bank)}
    contract = contract_of(draft, members, sets, bank.clock.now_ms())
    bank.agreements.propose(contract, "engineer")
    for party in (bank, data):
        party.agreements.sign(contract.digest, "officer")
    return contract.digest
