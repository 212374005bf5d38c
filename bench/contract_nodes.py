"""Two companies and their custodians as whole nodes in one process, and everything that leaves any of them, kept before TLS
hides it: what the bench of privacy searches.

The nodes listen, dial, sign, compute and are asked as they do apart from each other; what they send is taken where it goes
into the line's frames, both lanes, conversations and all.  Log lines are kept too: they leave a node as well.
"""

from __future__ import annotations

import datetime
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from structlog.testing import capture_logs

from bench.contract_kinds import KINDS, PURPOSE, Kind
from bench.contract_tables import Tables
from tarim.bootstrap.clock import SystemClock
from tarim.federation import Kind as NodeKind
from tarim.federation import Party, Role, Serving, contract_of, make_party, read_draft, registered
from tarim.federation.adapters import link
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node import computing, trainings
from tarim.federation.node.contract import Columns
from tarim.federation.node.conversations import Hello
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.finding import found_by
from tarim.federation.node.models import ModelPart
from tarim.federation.node.scorecards import Scorecard

NAMES: Final = ("data", "bank")
"""By role."""
THIRD: Final = "third"
"""A custodian that computes along."""
_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 20.0
_BROKEN_AFTER: Final = 0.7
"""Of its training, a run that is resumed."""
_ASKED: Final = 12

Places = npt.NDArray[np.int64]


@dataclass
class Found:
    """Common customers as one party found them.  context: of the points; places: of its identifiers, None where not learned."""

    role: Role
    identifiers: list[bytes]
    context: bytes
    places: Places | None


@dataclass
class Seen:
    """What a run put on the line, and in which orders it had the rows.

    frames: (step, content).  label_orders: rows of the second party.  parts: of each model, by role.
    """

    frames: list[tuple[str, bytes]] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    label_orders: list[Places] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    parts: list[tuple[ModelPart, ...]] = field(default_factory=list)

    def hellos(self) -> set[str]:
        """Tags of the hellos that nodes said."""
        return {
            str(msgspec.json.decode(content, type=Hello).__struct_config__.tag)
            for step, content in self.frames
            if step == "hello"
        }


@contextmanager
def watching() -> Iterator[Seen]:
    """Everything that nodes of this process send while the block runs."""
    seen = Seen()
    send, labels_of = link._Lane.send, trainings.Side.labels_of

    def sending(lane: Any, step: str, *arrays: Any) -> None:
        seen.frames.append((step, b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)))
        send(lane, step, *arrays)

    def finding(*arguments: Any) -> Places | None:
        given = signature(found_by).bind(*arguments).arguments
        places = found_by(*arguments)
        seen.found.append(Found(given["role"], list(given["identifiers"]), given["context"], places))
        return places

    def labelling(side: Any, places: Places) -> Any:
        if side.labels is not None:
            seen.label_orders.append(side.places[places])
        return labels_of(side, places)

    with (
        patch.object(link._Lane, "send", sending),
        patch.object(computing, "found_by", finding),
        patch.object(trainings.Side, "labels_of", labelling),
    ):
        yield seen


@dataclass
class Node:
    """A node that listens.  Its thread ends with it."""

    party: Party
    serving: Serving
    thread: threading.Thread


class Companies:
    """Both companies, their custodians, and the models that came of the runs so far, by kind."""

    def __init__(self, home: Path, given: Tables) -> None:
        """given: their tables, by role.  Close it."""
        self.tables, self._runs, self._left = given, dict[str, str](), ExitStack()
        self._logs = self._left.enter_context(capture_logs())
        self.nodes = {name: self._node(home / name, name) for name in (*NAMES, *map(_vault, NAMES), THIRD)}
        for name, table in zip(NAMES, given, strict=True):
            file = home / f"{name}.parquet"
            pq.write_table(pa.table(table), file)
            kept = registered(file, name, "phone", purposes=(PURPOSE,), contract_number="1", acquired="2026-01-01",
                              medium="disk")  # fmt: skip
            self.party(name).book.add_set(kept, "engineer", SystemClock().now_ms())
            self._introduce(name, _vault(name))
            self._introduce(name, THIRD)
        self._introduce(*NAMES)

    def _node(self, folder: Path, name: str) -> Node:
        custodian = name not in NAMES
        kind = NodeKind.CUSTODIAN if custodian else NodeKind.PARTY
        make_party(folder, name, datetime.datetime.now(datetime.UTC), kind)
        with (folder / "party.toml").open("a") as settings:
            settings.write(f"patience_s = {_PATIENCE_S}\n" + ("" if custodian else f'custodian = "{_vault(name)}"\n'))
        party = self._left.enter_context(Party(folder, {}, SystemClock()))
        serving, ready = Serving(party, _HOST, 0), threading.Event()
        thread = threading.Thread(target=serving.run, args=(ready.set,), name=name, daemon=True)
        thread.start()
        ready.wait()
        return Node(party, serving, thread)

    def _introduce(self, one: str, other: str) -> None:
        for each, peer in ((one, other), (other, one)):
            card = self.party(peer).card
            self.party(each).add_peer(card, card.member.certificate, _HOST, self.nodes[peer].serving.port, "engineer")

    def party(self, name: str) -> Party:
        """A node's folder."""
        return self.nodes[name].party

    def close(self) -> None:
        """End the nodes."""
        for node in self.nodes.values():
            node.serving.stop()
        for node in self.nodes.values():
            node.thread.join()
        self._left.close()

    def __enter__(self) -> Companies:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def carried_out(self, kind: Kind) -> Seen:
        """A contract of this kind proposed, signed, carried out or asked; what left the nodes meanwhile."""
        with watching() as seen:
            digest = self._agreed(kind)
            bank = self.party("bank")
            if kind.prepared:
                bank.stocking.prepare(digest, kind.prepared, "engineer")
            if kind.models:
                bank.questions.ask(digest, self._asked_about(), "engineer")
            else:
                done = bank.runs.carry_out(digest, "engineer", resumes=self._broken(digest) if kind.resumed else "")
                if done.model:
                    self._runs[kind.name] = done.model
        seen.logs += [repr(each) for each in self._logs]
        self._logs.clear()
        runs = [self._runs[each] for each in (kind.name, *kind.models) if each in self._runs]
        seen.parts += [tuple(self.party(name).models.get(run) for name in NAMES) for run in dict.fromkeys(runs)]
        return seen

    def rows(self, role: Role, kind: Kind) -> Rows:
        """The rows of a party that a kind uses."""
        (kept,) = self.party(NAMES[role]).book.sets()
        columns, label = ((kind.first, ""), (kind.second, kind.label))[role]
        return Rows(kept, Columns(kept.digest, "phone", IdentifierKind.PHONE, columns, label))

    def _broken(self, digest: str) -> str:
        """A run that broke off after some epochs, and that both sides allow to go on."""

        def until_then(phase: str, done: int, whole: int) -> None:
            if phase == "training" and done > _BROKEN_AFTER * whole:
                raise _BrokenOffError

        try:
            self.party("bank").runs.carry_out(digest, "engineer", until_then)
        except _BrokenOffError:
            runs = self.party("bank").book.runs()
            run = next(each.run for each in runs if each.contract == digest and each.state == "failed")
        for name in NAMES:
            self.party(name).consents.allow(run, "officer")
        return run

    def _asked_about(self) -> list[str]:
        mine, theirs = ({str(each)[-11:] for each in table["phone"]} for table in self.tables)
        return sorted(mine & theirs)[:_ASKED]

    def _digest(self, name: str) -> str:
        """Of the run that trained a kind's model, or of a new scorecard of that kind."""
        if name in self._runs:
            return self._runs[name]
        (kind,) = (each for each in KINDS if each.name == name)
        scorecard = Scorecard("scores", kind.first, kind.weights, -1.5, secrets.token_hex(16))
        self.party("bank").scorecards.keep(scorecard)
        return scorecard.digest

    def _agreed(self, kind: Kind) -> str:
        """The digest of a contract of this kind that both have signed."""
        data, bank = (self.party(name) for name in NAMES)
        sets = {party.name: party.book.sets() for party in (data, bank)}
        offered = bank.offered_by(bank.book.peer("data"))
        custodians = {"data": offered.custodian, "bank": bank.custodian}
        draft = read_draft(_text(kind, kind.terms_with(self._digest)))
        third = self.party(draft.third) if draft.third else None
        contract = contract_of(
            draft,
            (data.member, bank.member),
            sets,
            bank.clock.now_ms(),
            custodians,
            None if third is None else third.member,
        )
        bank.agreements.propose(contract, "engineer")
        for party in (bank, data, *([] if third is None else [third])):
            party.agreements.sign(contract.digest, "officer")
        return contract.digest


class _BrokenOffError(Exception):
    """A run was broken off on purpose."""


def _vault(name: str) -> str:
    return f"vault-{name}"


def _text(kind: Kind, terms: dict[str, Any]) -> str:
    """The contract as people write it."""

    def side(role: Role, columns: tuple[str, ...], more: str = "") -> str:
        name = NAMES[role]
        return (f'party = "{name}"\ndata_set = "{name}"\nkey = "phone"\nkey_kind = "phone"\n'
                f"features = {json.dumps(columns)}\n{more}")  # fmt: skip

    parameters = {name: value for name, value in terms.items() if name != "type"}
    label = f'label = "{kind.label}"\n' if kind.label else ""
    outputs = "".join(f'[[outputs]]\nwhat = "{what}"\nto = "{to}"\n' for what, to in kind.outputs)
    return (
        f'number = "1"\npurpose = "{PURPOSE}"\nalgorithm = "{kind.terms["type"]}"\nuses = 1000\nexpires = "2099-01-01"\n'
        f"{_toml(dict(kind.more))}[first]\n{side(Role.FIRST, kind.first)}"
        f"[second]\n{side(Role.SECOND, kind.second, label)}[parameters]\n{_toml(parameters)}{outputs}"
    )


def _toml(parameters: dict[str, Any]) -> str:
    plain = "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in parameters.items() if not isinstance(value, dict)
    )
    nested = [(name, value) for name, value in parameters.items() if isinstance(value, dict)]
    return plain + "".join(f"[parameters.{name}]\n{_toml(value)}" for name, value in nested)
