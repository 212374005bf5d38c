"""`tarim party demo`: two companies as real processes in folders of their own, from strangers to an answered question."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.cli._party_examples import KEY, LABEL, Example, Name, written
from tarim.cli._party_progress import progress

if TYPE_CHECKING:
    from tarim.federation import Party


def demo_command(
    folder: Annotated[Path, typer.Option(help="Where the two companies are set up. 两机构的目录。")] = Path(
        "var/party-demo"
    ),
    example: Annotated[
        Name,
        typer.Option(help="What they compute on: deposits, deposits-with-duration, credit-default. 演示所用的数据。"),
    ] = Name.DEPOSITS,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder of the example's Parquet files; deposits are made up without. 数据文件目录。"),
    ] = None,
) -> None:
    """Two companies and their custodians: common customers, a joint model, an answered question. 两机构与保管方联合演示。"""
    if folder.exists() and any(folder.iterdir()) and not (folder / ".tarim-party-demo").exists():
        raise typer.BadParameter(f"{folder} holds something else; name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / ".tarim-party-demo").touch()
    shown = written(example, files, folder)
    _say("数据 Data", shown.data)
    with ExitStack() as stack:
        data, bank = (stack.enter_context(_company(folder, name)) for name in ("data", "bank"))
        for party in (data, bank):
            _register(party, folder / f"{party.name}.parquet", shown.purpose)
        ports = {party.name: stack.enter_context(_serving(party)) for party in (data, bank)}
        vaults = [
            stack.enter_context(_company(folder, f"vault-{party.name}", custodian=True)) for party in (data, bank)
        ]
        ports |= {vault.name: stack.enter_context(_serving(vault)) for vault in vaults}
        for one, other in ((data, bank), *zip((data, bank), vaults, strict=True)):
            for here, there in ((one, other), (other, one)):
                here.add_peer(there.card, there.certificate, "127.0.0.1", ports[there.name], f"engineer.{here.name}")
                _say("互认证书 Pinned", f"{here.name} ← {there.name}: {there.certificate[:16]}…")
        screening = _agreed(data, bank, _contract("screening", shown, "information-values", "digits = 2", uses=1))
        figures = bank.runs.carry_out(screening, "engineer.bank").result
        best = sorted(figures.items(), key=lambda each: -each[1])[:3]
        _say("筛查 Screened", ", ".join(f"{name} {value}" for name, value in best))
        training = _agreed(data, bank, _contract("logistic", shown, "curve", "epochs = 5", uses=1, custody=True))
        with progress() as told:
            transcript = bank.runs.carry_out(training, "engineer.bank", told)
        for step in transcript.steps:
            _say("计算 Computed", f"{step.name}: {step.took_ms / 1e3:.1f} s, {step.rounds} rounds")
        _say("评估 Judged", ", ".join(f"{name} {value}" for name, value in transcript.result.items()))
        for vault in vaults:
            for held in vault.holding.runs():
                _say(
                    "保管 Held",
                    f"{vault.name}: {held.steps} steps of {held.party}, {held.bytes / 1e6:.1f} MB sealed 密封",
                )
        from tarim.federation import picture, verify_transcript

        kept = data.book.run(transcript.run)
        theirs = verify_transcript(kept.transcript, kept.signature, data.member.signing_key)
        (folder / "what-each-side-saw.svg").write_text(picture(transcript, theirs), encoding="utf-8")
        asking = _agreed(data, bank, _contract(
            "query", shown, "answer", f'question = "decision"\nmodels = ["{transcript.model}"]\ncut = {shown.cut}', uses=20,
            label=False,
        ))  # fmt: skip
        keys = _common_keys(folder)[:5]
        for key, answer in zip(keys, bank.questions.ask(asking, keys, "engineer.bank").tolist(), strict=True):
            _say("查询 Asked", f"{key}: {shown.answers[bool(answer)]}")
    _say("图 Picture", str(folder / "what-each-side-saw.svg"))
    typer.echo("双方各留一份签名记录 Each side keeps a signed transcript:")
    for name in ("data", "bank"):
        typer.echo(f"    tarim party runs --data {folder / name}")


def _say(what: str, text: str) -> None:
    typer.echo(f"{what:<16} {text}")


@contextmanager
def _company(folder: Path, name: str, *, custodian: bool = False) -> Iterator[Party]:
    import datetime

    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Kind, Party, make_party

    kind = Kind.CUSTODIAN if custodian else Kind.PARTY
    make_party(folder / name, name, datetime.datetime.now(datetime.UTC), kind)
    if not custodian:
        with (folder / name / "party.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'custodian = "vault-{name}"\n')
    _say("保管方 Custodian" if custodian else "机构 Company", f"{name}: {folder / name}")
    with Party(folder / name, os.environ, SystemClock()) as party:
        yield party


@contextmanager
def _serving(party: Party) -> Iterator[int]:
    """The party's node in a process of its own; its port."""
    with (party.folder / "node.log").open("w") as log:
        node = subprocess.Popen(  # noqa: S603  this very program
            [sys.executable, "-m", "tarim.cli", "party", "serve", "--port", "0", "--data", str(party.folder)],
            stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        assert node.stdout is not None
        found = re.search(r"port (\d+)", node.stdout.readline())
        if found is None:
            raise typer.Exit(1)
        yield int(found[1])
    finally:
        node.terminate()
        node.wait(30)


def _register(party: Party, file: Path, purpose: str) -> None:
    from tarim.federation import registered

    found = registered(
        file, party.name, KEY, purposes=(purpose,), contract_number="2026-D-1", acquired="2026-01-31", medium="sftp"
    )  # fmt: skip
    party.book.add_set(found, f"engineer.{party.name}", party.clock.now_ms())
    _say("数据集 Data set", f"{party.name}: {found.rows:,} rows, {found.digest[:16]}…")


def _contract(
    algorithm: str, shown: Example, what: str, parameters: str, *, uses: int, label: bool = True,
    custody: bool = False,
) -> str:  # fmt: skip
    def side(name: str) -> str:
        quoted = ", ".join(f'"{column}"' for column in shown.columns[name])
        return f'party = "{name}"\ndata_set = "{name}"\nkey = "{KEY}"\nkey_kind = "text"\nfeatures = [{quoted}]\n' + (
            f'label = "{LABEL}"\n' if name == "bank" and label else ""
        )

    return (
        f'number = "2026-014"\npurpose = "{shown.purpose}"\nalgorithm = "{algorithm}"\nuses = {uses}\nexpires = "2099-12-31"\n'
        f"custody = {str(custody).lower()}\n"
        f"[first]\n{side('data')}[second]\n{side('bank')}[parameters]\n{parameters}\n"
        f'[[outputs]]\nwhat = "{what}"\nto = "bank"\n'
    )


def _agreed(data: Party, bank: Party, text: str) -> str:
    """A contract proposed by the bank's engineer and signed by another person on each side; its digest."""
    from tarim.federation import contract_of, read_draft

    peer = bank.book.peer("data")
    offered = bank.offered_by(peer)
    sets = {"bank": bank.book.sets(), "data": offered.sets}
    custodians = {"bank": bank.custodian, "data": offered.custodian}
    contract = contract_of(read_draft(text), (bank.member, peer.member), sets, bank.clock.now_ms(), custodians)
    bank.agreements.propose(contract, "engineer.bank")
    for party in (bank, data):
        party.agreements.sign(contract.digest, f"officer.{party.name}")
    _say("合约 Contract", f"{contract.algorithm.value}, signed by both 双方已签: {contract.digest[:16]}…")
    return contract.digest


def _common_keys(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    held = [set(pq.read_table(folder / f"{name}.parquet", columns=[KEY])[KEY].to_pylist()) for name in
            ("data", "bank")]  # fmt: skip
    return sorted(held[0] & held[1])
