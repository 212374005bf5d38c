"""A custodian: a node that holds one party's sealed shares of every training step, and gives them back on both parties' word.

FOLDER/custody/RUN-ROLE/
    contract.json    the contract, with both signatures
    STEP.json        digest, the party's signature, this custodian's receipt
    STEP.share       the sealed shares

It can read nothing of them; see `custody`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import structlog

from tarim.audit import Entry
from tarim.audit import Store as Trail
from tarim.base.errors import Damaged, NotFound, TooLarge
from tarim.base.instants import Clock
from tarim.federation.channel import Channel
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.node.book import Peer
from tarim.federation.node.contract import Contract, Member, Signed
from tarim.federation.node.conversations import GiveShares, KeepShares, Kept, Sealed, Steps, Wanted, hear, say
from tarim.federation.node.custody import SEALED_BYTES_MAX, held_bytes, release_bytes, require_signature
from tarim.federation.session import Role
from tarim.privacy import Signer

STEPS_MAX: Final = 1_000
RUN_BYTES_MAX: Final = 64 << 30
_CONTRACT_FILE: Final = "contract.json"


@dataclass(frozen=True, slots=True)
class HeldRun:
    """What is held of a run.  party: whose shares; bytes: of all steps."""

    run: str
    party: str
    contract: str
    steps: int
    bytes: int


class _Note(msgspec.Struct, frozen=True):
    sealed: Sealed
    receipt: str


class Custodian:
    """Holds shares.  Threads of one process use it."""

    def __init__(self, folder: Path, member: Member, signer: Signer, trail: Trail, clock: Clock) -> None:
        self._folder, self._member, self._signer = folder / "custody", member, signer
        self._trail, self._clock = trail, clock
        self._log: Any = structlog.get_logger("tarim.custodian")

    def allowed(self, hello: KeepShares | GiveShares, peer: Peer) -> Role:
        """Which party it is that asks.  Raises ContractBreach when this is not its custodian, or both did not consent."""
        contract = hello.signed.require(self._clock.now_ms())
        contract.check()
        role = contract.role_of(peer.certificate)
        if contract.custodian(role) != self._member:
            raise ContractBreach("the contract names another custodian", known=True)
        if isinstance(hello, GiveShares):
            content = release_bytes(contract.digest, hello.run)
            for each in Role:
                require_signature(contract.member(each), content, hello.consents[each], "the consent")
            if not self._steps(hello.run, role):
                raise NotFound("no shares of that run are held here")
        return role

    def keep(self, link: Channel, hello: KeepShares, role: Role) -> int:
        """Take in the steps of a run until the party has no more; how many.  Raises ContractBreach, Damaged, TooLarge."""
        contract, folder = hello.signed.contract, self._run_folder(hello.run, role)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / _CONTRACT_FILE, msgspec.json.encode(hello.signed))
        held = self._steps(hello.run, role)
        used = sum((folder / f"{step}.share").stat().st_size for step in held)
        try:
            return self._take(link, hello, role, used)
        finally:
            self._note("custody.kept", contract, role, hello.run, len(self._steps(hello.run, role)))

    def _take(self, link: Channel, hello: KeepShares, role: Role, used: int) -> int:
        contract, folder, taken = hello.signed.contract, self._run_folder(hello.run, role), 0
        while (header := hear(link, "shares, of a step", Sealed | None)) is not None:
            (sealed,) = link.receive("shares, sealed", (np.uint8, (-1,)))
            used += sealed.size
            if sealed.size > SEALED_BYTES_MAX or used > RUN_BYTES_MAX or not 0 < header.step <= STEPS_MAX:
                raise TooLarge(f"a run's shares are at most {STEPS_MAX} steps and {RUN_BYTES_MAX} bytes")
            content = sealed.tobytes()
            if hashlib.sha256(content).hexdigest() != header.digest:
                raise Damaged("the shares are not those of the digest")
            signed = held_bytes(contract.digest, hello.run, role, header.step, header.digest)
            require_signature(contract.member(role), signed, header.signature, "what is to be held")
            receipt = self._signer.sign(signed).hex()
            _write(folder / f"{header.step}.share", content)
            _write(folder / f"{header.step}.json", msgspec.json.encode(_Note(header, receipt)))
            say(link, "shares, kept", Kept(receipt))
            taken += 1
        return taken

    def give(self, link: Channel, hello: GiveShares, role: Role) -> int:
        """Give back one step of those that are held; which.  Raises NotFound, ProtocolBroken."""
        held = self._steps(hello.run, role)
        say(link, "steps held", Steps(tuple(held)))
        step: int = hear(link, "step wanted", Wanted).step
        if step not in held:
            raise ProtocolBroken("a step is asked for that is not held")
        folder = self._run_folder(hello.run, role)
        self._note("custody.given-back", hello.signed.contract, role, hello.run, step)
        say(link, "shares, of a step", self._read(folder, step).sealed)
        link.send("shares, sealed", np.frombuffer((folder / f"{step}.share").read_bytes(), np.uint8))
        return step

    def runs(self) -> list[HeldRun]:
        """What is held."""
        found = []
        for folder in sorted(self._folder.glob("*-*")):
            run, role = folder.name.split("-")
            signed = msgspec.json.decode((folder / _CONTRACT_FILE).read_bytes(), type=Signed)
            steps = self._steps(run, Role(int(role)))
            size = sum((folder / f"{step}.share").stat().st_size for step in steps)
            contract = signed.contract
            found.append(HeldRun(run, contract.member(Role(int(role))).name, contract.digest, len(steps), size))
        return found

    def _steps(self, run: str, role: Role) -> list[int]:
        return sorted(int(path.stem) for path in self._run_folder(run, role).glob("[0-9]*.json"))

    def _read(self, folder: Path, step: int) -> _Note:
        try:
            return msgspec.json.decode((folder / f"{step}.json").read_bytes(), type=_Note)
        except (OSError, msgspec.MsgspecError):
            raise Damaged(f"the note of step {step} cannot be read") from None

    def _run_folder(self, run: str, role: Role) -> Path:
        return self._folder / f"{run}-{int(role)}"

    def _note(self, act: str, contract: Contract, role: Role, run: str, step: int) -> None:
        who = contract.member(role).name
        self._trail.record(
            Entry(
                self._clock.now_ms(), who, "key", act, f"run:{run}", detail={"step": step, "contract": contract.digest}
            )
        )
        self._log.info(act, party=who, run=run, step=step)


def _write(path: Path, content: bytes) -> None:
    """Whole and durable, or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
