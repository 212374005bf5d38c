"""`tarim party init`, `card`, `serve`, `peers`, `data`, `contract`, `run`, `query`, `prepare`, `status`, `runs`: one company.

The person is the one the API key in TARIM_KEY is named after: `models` to prepare and run, `approve` to sign.
"""

from __future__ import annotations

import datetime
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._party_custody import register as register_custody
from tarim.cli._party_demo import demo_command
from tarim.cli._party_engines import register as register_engines
from tarim.cli._party_models import register as register_models
from tarim.cli._party_person import person_of
from tarim.cli._party_progress import progress
from tarim.cli._party_scorecards import register as register_scorecards

if TYPE_CHECKING:
    from tarim.federation import Contract, Party, Transcript

_Data = Annotated[Path, typer.Option(help="The party's folder. 参与方目录。")]
_DATA_DEFAULT = Path("var/party")
_Digest = Annotated[str, typer.Argument(help="The contract's digest, or its beginning. 合约摘要（可只写开头）。")]
_KEY = "TARIM_KEY"


def register(app: typer.Typer) -> None:
    """Add the group `party`."""
    group = typer.Typer(no_args_is_help=True, help="Compute together with another company. 与另一机构联合计算。")
    group.command("init")(init_command)
    group.command("card")(card_command)
    group.command("serve")(serve_command)
    group.command("run")(run_command)
    group.command("query")(query_command)
    group.command("prepare")(prepare_command)
    group.command("status")(status_command)
    group.command("runs")(runs_command)
    group.command("transcript")(transcript_command)
    group.command("alarms")(alarms_command)
    group.command("screening")(screening_command)
    group.command("picture")(picture_command)
    group.command("demo")(demo_command)
    peers = typer.Typer(no_args_is_help=True, help="Peers, known by their certificates. 对端，以证书为准。")
    peers.command("add")(add_peer_command)
    peers.command("list")(list_peers_command)
    peers.command("sets")(peer_sets_command)
    data = typer.Typer(no_args_is_help=True, help="This party's data sets. 本方数据集。")
    data.command("add")(add_data_command)
    data.command("list")(list_data_command)
    contract = typer.Typer(no_args_is_help=True, help="What both agreed to compute. 双方约定的计算。")
    contract.command("propose")(propose_command)
    contract.command("list")(list_contracts_command)
    contract.command("show")(show_contract_command)
    contract.command("sign")(sign_command)
    for each, name in ((peers, "peers"), (data, "data"), (contract, "contract")):
        group.add_typer(each, name=name)
    register_custody(group)
    register_engines(group)
    register_models(group)
    register_scorecards(group)
    app.add_typer(group, name="party")


def init_command(
    name: Annotated[str, typer.Option(help="Small letters, digits, hyphens. 名称：小写字母、数字、连字符。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Make a party: its keys, its certificate, its database. 创建参与方：密钥、证书、数据库。"""
    from tarim.federation import make_party

    made = make_party(data, name, datetime.datetime.now(datetime.UTC))
    typer.echo(f"{name}: {data}")
    typer.echo(f"certificate (read it to the other party) 证书指纹（请与对端核对）: {made}")


def card_command(data: _Data = _DATA_DEFAULT) -> None:
    """Print this party's card, for the other party to add. 输出本方名片，供对端登记。"""
    import msgspec

    with _party(data) as party:
        card = party.card
    typer.echo(json.dumps(msgspec.to_builtins(card), indent=2))
    typer.echo(f"Read the certificate to the other party 请与对端核对证书指纹: {card.member.certificate}", err=True)


def serve_command(
    data: _Data = _DATA_DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on. 监听地址。")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any. 端口，0为任意。")] = 8_600,
) -> None:
    """Answer the other parties until stopped. 应答对端，直至停止。"""
    from tarim.base.errors import Unavailable
    from tarim.federation import Serving

    with _party(data) as party:
        try:
            serving = Serving(party, host, port)
        except OSError as error:
            raise Unavailable(f"{host} port {port}: {error.strerror}") from None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: serving.stop())
        serving.run(lambda: typer.echo(f"{party.name} listens on {host} port {serving.port} 已监听"))


def add_peer_command(
    card: Annotated[Path, typer.Argument(help="Its card. 对端名片。", exists=True, dir_okay=False)],
    fingerprint: Annotated[str, typer.Option(help="Of its certificate, as it was read to you. 经人核对的证书指纹。")],
    host: Annotated[str, typer.Option(help="Where its node listens. 对端地址。")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="And on which port. 对端端口。")] = 8_600,
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Know a peer by its certificate. 登记对端证书。"""
    from tarim.federation import read_card

    with _party(data) as party:
        name = party.add_peer(read_card(card), fingerprint, host, port, person_of(data, "models")).name
    typer.echo(f"{name} is known now 已登记")


def list_peers_command(data: _Data = _DATA_DEFAULT) -> None:
    """List the peers. 列出对端。"""
    with _party(data) as party:
        for peer in party.book.peers():
            typer.echo(f"{peer.name}  {peer.host}:{peer.port}  {peer.certificate}")


def peer_sets_command(
    name: Annotated[str, typer.Argument(help="The peer's name. 对端名称。")], data: _Data = _DATA_DEFAULT
) -> None:
    """Data sets that a peer offers. 对端提供的数据集。"""
    with _party(data) as party:
        for each in party.offered_by(party.book.peer(name)).sets:
            _say_set(each)


def add_data_command(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV. 数据文件。", exists=True, dir_okay=False)],
    name: Annotated[str, typer.Option(help="What contracts call it. 名称。")],
    key: Annotated[str, typer.Option(help="Column that customers are found by. 客户标识列。")],
    purpose: Annotated[list[str], typer.Option(help="What it may be used for; may be repeated. 允许的用途，可重复。")],
    contract_number: Annotated[str, typer.Option(help="Under which contract it was got. 数据来源合同号。")],
    acquired: Annotated[str, typer.Option(help="When it was got, YYYY-MM-DD. 获取日期。")],
    medium: Annotated[str, typer.Option(help="And on what. 介质或通道。")],
    data_class: Annotated[
        list[str] | None, typer.Option("--class", help="COLUMN=C1, C2 or C3; C2 if not said. 字段级别。")
    ] = None,
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Register a data set by its digest. 以摘要登记数据集。"""
    from tarim.federation import registered

    classes = dict(each.split("=", 1) for each in data_class or [] if "=" in each)
    with _party(data) as party:
        person = person_of(data, "models")
        found = registered(
            file, name, key, purposes=tuple(purpose), contract_number=contract_number, acquired=acquired,
            medium=medium, classes=classes,
        )  # fmt: skip
        party.book.add_set(found, person, party.clock.now_ms())
    _say_set(found)


def list_data_command(data: _Data = _DATA_DEFAULT) -> None:
    """List this party's data sets. 列出本方数据集。"""
    with _party(data) as party:
        for each in party.book.sets():
            _say_set(each)


def propose_command(
    file: Annotated[Path, typer.Argument(help="The contract, TOML. 合约文件。", exists=True, dir_okay=False)],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Write a contract down here and at the peer; both sign it then. 提出合约，送达对端，待双方签署。"""
    from tarim.federation import contract_of, read_draft

    draft = read_draft(file.read_text(encoding="utf-8"))
    with _party(data) as party:
        person = person_of(data, "models")
        names = {draft.first.party, draft.second.party} - {party.name}
        peer = party.book.peer(names.pop() if len(names) == 1 else "")
        offered = party.offered_by(peer)
        sets = {party.name: party.book.sets(), peer.name: offered.sets}
        custodians = {party.name: party.custodian, peer.name: offered.custodian}
        third = party.book.peer(draft.third).member if draft.third else None
        contract = contract_of(draft, (party.member, peer.member), sets, party.clock.now_ms(), custodians, third)
        party.agreements.propose(contract, person)
    typer.echo(contract.digest)
    typer.echo("Proposed; another person signs it here, and one at the peer. 已提出，待另一人及对端签署。", err=True)


def list_contracts_command(data: _Data = _DATA_DEFAULT) -> None:
    """List the contracts. 列出合约。"""
    with _party(data) as party:
        for kept in party.book.contracts():
            contract = kept.signed.contract
            state = "signed 双方已签" if kept.signed.complete else "open 待签"
            typer.echo(
                f"{contract.digest[:12]}  {contract.number}  {contract.algorithm.value}  {kept.peer}  {state}  "
                f"{kept.used}/{contract.uses}"
            )


def show_contract_command(digest: _Digest, data: _Data = _DATA_DEFAULT) -> None:
    """A contract in full, with who has signed. 合约全文与签署情况。"""
    import msgspec

    with _party(data) as party:
        kept = party.book.contract(digest)
    content = msgspec.to_builtins(kept.signed)
    typer.echo(json.dumps(content | {"used": kept.used}, ensure_ascii=False, indent=2))


def sign_command(digest: _Digest, data: _Data = _DATA_DEFAULT) -> None:
    """Sign a contract that another person wrote. 签署他人提出的合约。"""
    with _party(data) as party:
        kept = party.agreements.sign(digest, person_of(data, "approve"))
    everybody = (
        "signed by all three nodes 三方均已签署"
        if len(kept.signed.contract.nodes) > 2
        else "signed by both 双方均已签署"
    )
    done = everybody if kept.signed.complete else "signed here, not yet by the peer 本方已签，对端未签"
    typer.echo(done)


def run_command(
    digest: _Digest,
    resume: Annotated[
        str, typer.Option(help="A run to go on from, by its shares in custody. 从保管的分片恢复某次计算。")
    ] = "",
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Compute what a contract says, with the peer. 按合约与对端联合计算。"""
    with _party(data) as party:
        person = person_of(data, "models")
        contract = party.book.contract(digest).signed.contract
        with progress() as told:
            transcript = party.runs.carry_out(digest, person, told, resume)
    _say_transcript(transcript, contract)


def query_command(
    digest: _Digest,
    keys: Annotated[
        typer.FileText, typer.Option(help="A customer's key a line; - for standard input. 客户标识，每行一个。")
    ],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Ask about customers, by the keys of a file; one answer a line. 按客户标识查询，每行一个结果。"""
    wanted = [line.strip() for line in keys if line.strip()]
    with _party(data) as party:
        answers = party.questions.ask(digest, wanted, person_of(data, "models"))
    for each in answers.tolist():
        typer.echo(each)


def prepare_command(
    digest: _Digest,
    rows: Annotated[
        int,
        typer.Option(min=1, help="Questions, or rows of a training times its epochs. 查询条数，或训练行数乘以轮数。"),
    ],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Make ahead, with the peer, what questions or a training need; used once. 与对端预先生成查询或训练所需材料，只用一次。"""
    with _party(data) as party:
        person = person_of(data, "models")
        with progress() as told:
            level = party.stocking.prepare(digest, rows, person, told)
    typer.echo(f"{level.packets} packets ready 份已备, {level.bytes / 1e6:.1f} MB")


def status_command(data: _Data = _DATA_DEFAULT) -> None:
    """This party, what runs, and what was made ahead. 本方概况、进行中的计算与预备材料。"""
    with _party(data) as party:
        party.records.settle()
        contracts, runs = party.book.contracts(), party.book.runs()
        typer.echo(f"{party.name}  {party.certificate}")
        typer.echo(f"peers 对端: {len(party.book.peers())}  data sets 数据集: {len(party.book.sets())}")
        typer.echo(
            f"contracts 合约: {sum(kept.signed.complete for kept in contracts)} signed 已签, "
            f"{sum(not kept.signed.complete for kept in contracts)} open 待签"
        )
        typer.echo(f"runs 计算: {len(runs)}, {sum(run.transcript == '' for run in runs)} under way 进行中")
        for digest, level in party.stocking.levels().items():
            typer.echo(
                f"made ahead 预备 {digest[:12]}: {level.packets} packets 份, {level.rows:,} of their 256 parts left 剩余, "
                f"{level.bytes / 1e6:.1f} MB"
            )


def runs_command(data: _Data = _DATA_DEFAULT) -> None:
    """List the runs. 列出各次计算。"""
    from tarim.base.instants import instant_text

    with _party(data) as party:
        party.records.settle()
        for run in party.book.runs():
            typer.echo(f"{run.run[:12]}  {instant_text(run.begun_ms)}  {run.contract[:12]}  {run.state}")


def transcript_command(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning. 计算编号（可只写开头）。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """A run's transcript, after its signature was checked. 计算记录，先验签名。"""
    from tarim.federation import verify_transcript

    with _party(data) as party:
        found = party.book.run(run)
        verify_transcript(found.transcript, found.signature, party.member.signing_key)
    typer.echo(json.dumps(json.loads(found.transcript), ensure_ascii=False, indent=2))
    typer.echo(f"signature 签名: {found.signature}", err=True)


def alarms_command(data: _Data = _DATA_DEFAULT) -> None:
    """Attempts that were refused: how many of each kind, and the newest. 试探告警：各类次数与最近记录。"""
    from tarim.cli._party_probing import say_alarms

    with _party(data) as party:
        say_alarms(party.alarms)


def screening_command(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning. 计算编号（可只写开头）。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """What a run found out about columns: this party's own, and what was opened. 字段筛查结果。"""
    from tarim.cli._party_screening import say_screened

    with _party(data) as party:
        say_screened(party.records.screened(run))


def picture_command(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning. 计算编号（可只写开头）。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Draw what each side sent in a run, as SVG. 绘制双方所发送内容的示意图。"""
    from tarim.federation import picture, verify_transcript

    with _party(data) as party:
        found = party.book.run(run)
        transcript = verify_transcript(found.transcript, found.signature, party.member.signing_key)
    typer.echo(picture(transcript))


@contextmanager
def _party(data: Path) -> Iterator[Party]:
    from tarim.base.listening import log_to_stderr
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party

    log_to_stderr()  # what a command prints is its answer alone
    with Party(data, os.environ, SystemClock()) as party:
        yield party


def _say_set(found: Any) -> None:
    typer.echo(f"{found.name}  {found.digest[:12]}  {found.rows:,} rows 行  {', '.join(found.purposes)}")
    for column in found.columns:
        typer.echo(f"    {column.name}  {column.kind}  {column.data_class}")


def _say_transcript(transcript: Transcript, contract: Contract) -> None:
    typer.echo(f"run 计算 {transcript.run[:12]}  {transcript.state}  {contract.purpose}")
    for name, count in transcript.rows.items():
        typer.echo(f"    {name}: {count:,} rows 行")
    if isinstance(transcript.iterations, dict):
        said = ", ".join(f"{count} {name}" for name, count in transcript.iterations.items())
        typer.echo(f"    training 训练: {said}")
    for step in transcript.steps:
        typer.echo(
            f"    {step.name}: {step.took_ms / 1e3:.1f} s, {step.sent_bytes / 1e6:.1f} MB sent 发送, "
            f"{step.received_bytes / 1e6:.1f} MB received 接收, {step.rounds} rounds 轮"
        )
    if transcript.custody:
        last, size = transcript.custody[-1], sum(each.bytes for each in transcript.custody)
        typer.echo(
            f"    custody 保管: {last.custodian}, {len(transcript.custody)} steps 步, {size / 1e6:.1f} MB sealed 密封"
        )
    for opened in transcript.opened:
        typer.echo(f"    opened 公开 {opened.what} -> {opened.to}")
    for name, value in transcript.result.items():
        typer.echo(f"    {name} = {value}")
    if any(opened.what == "scores" and opened.to == transcript.party for opened in transcript.opened):
        typer.echo(f"    scores 评分: tarim party scorecards scores {transcript.run[:12]}")
    if transcript.model:
        typer.echo(f"    model 模型: {transcript.model}")
