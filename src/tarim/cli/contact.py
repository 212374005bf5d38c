"""tarim contact: what channels were asked and sent, their keys, and a reference channel to try things out with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tarim.cli._client import ask, quoted

DESK_URL_DEFAULT: Final = "http://127.0.0.1:8090"
DATA_DEFAULT: Final = Path("var/tarim")
API_KEY: Final = "TARIM_CHANNEL_API_KEY"
SECRET: Final = "TARIM_CHANNEL_SECRET"

_Url = Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")]
_Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many. 最多条数。")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Contact with customers through their channels. 客户触达与验证。", no_args_is_help=True)
    group.command("challenges")(challenges_command)
    group.command("messages")(messages_command)
    group.command("retry")(retry_command)
    group.command("key")(key_command)
    group.command("reference-channel")(reference_channel_command)
    app.add_typer(group, name="contact")


def challenges_command(
    state: Annotated[str, typer.Option(help="open, passed, failed, denied or closed. 状态。")] = "open",
    limit: _Limit = 50,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """List challenges, the newest first. 列出验证请求。"""
    for each in ask("GET", url, "/v1/contact/challenges", state=state, limit=str(limit))["challenges"]:
        left = ", ".join(each["methods_left"])
        typer.echo(f"{each['id']}  {each['until']}  {each['state']:7}  {each['source']}  {each['event_id']}  {left}")


def messages_command(
    state: Annotated[str, typer.Option(help="queued, delivered, refused or given_up. 状态。")] = "refused",
    limit: _Limit = 50,
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """List messages of the outbox, the newest first. 列出待发与已发消息。"""
    for each in ask("GET", url, "/v1/contact/messages", state=state, limit=str(limit))["messages"]:
        typer.echo(
            f"{each['id']}  {each['created_at']}  {each['kind']:11}  {each['destination']:16}  {each['state']}"
            + (f"  {each['trouble']}" if each["trouble"] else "")
        )


def retry_command(
    message: Annotated[str, typer.Argument(help="The message's id. 消息编号。", show_default=False)],
    url: _Url = DESK_URL_DEFAULT,
) -> None:
    """Send a message again that was refused or given up. 重新发送被拒或逾期的消息。"""
    answer: dict[str, Any] = ask("POST", url, f"/v1/contact/messages/{quoted(message)}/retry")
    typer.echo(f"{answer['id']}  {answer['state']}")


def key_command(
    source: Annotated[str, typer.Argument(help="The channel's source. 渠道的来源标识。", show_default=False)],
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = DATA_DEFAULT,
) -> None:
    """Print what a channel needs for signed messages; with hmac-sha256 this is a secret. 打印渠道签名所需的密钥信息。"""
    import base64
    import os

    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.contact import read_channels
    from tarim.privacy import load_master_key

    file = settings_of(data, os.environ).desk.channels_file
    channels = read_channels(Path(file) if file else None, load_master_key(Places(data).master_key, os.environ))
    key = channels.get(source).key
    typer.echo(f"key_id      {key.id}")
    typer.echo(f"algorithm   {key.algorithm}")
    if key.algorithm == "hmac-sha256":
        typer.echo(f"secret      {base64.b64encode(key.secret).decode()}")
    else:
        typer.echo(f"public_key  {base64.b64encode(bytes.fromhex(channels.public_key_hex)).decode()}")


def reference_channel_command(
    folder: Annotated[Path, typer.Argument(help="Where it keeps what it took. 存放目录。", show_default=False)],
    source: Annotated[str, typer.Option(help="Source of its events. 来源标识。", show_default=False)],
    key_id: Annotated[str, typer.Option(help="As `tarim contact key` prints it. 密钥编号。", show_default=False)],
    tarim_public_key: Annotated[
        str, typer.Option(help="ed25519: base64, as `tarim contact key` prints it. 公钥；HMAC 时留空。")
    ] = "",
    service: Annotated[str, typer.Option(help="The decisions service. 决策服务地址。")] = "http://127.0.0.1:8080",
    desk: Annotated[str, typer.Option(help="The desk. 工作台服务地址。")] = DESK_URL_DEFAULT,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one. 监听端口。")] = 8095,
) -> None:
    """Run a channel to try things out with, until told to stop; not for real customers. 运行参考渠道（仅供联调）。

    TARIM_CHANNEL_API_KEY holds its API key (scopes decide and contact:callback), TARIM_CHANNEL_SECRET in base64 the secret of
    hmac-sha256, or with --tarim-public-key its private key of ed25519.
    """
    import base64
    import os
    import signal
    import threading

    from tarim.base.errors import DefinitionError
    from tarim.simulation import ChannelSettings, ReferenceChannel, ed25519_key, hmac_key, open_memory

    try:
        secret = base64.b64decode(os.environ[SECRET], validate=True)
        public = base64.b64decode(tarim_public_key, validate=True)
        api_key = os.environ[API_KEY]
        signing = ed25519_key(key_id, secret, public) if public else hmac_key(key_id, secret)
    except (KeyError, ValueError):
        raise DefinitionError(
            f"{API_KEY} and {SECRET} have to be set, {SECRET} and --tarim-public-key as base64. 须设置密钥环境变量"
        ) from None
    memory = open_memory(folder)
    settings = ChannelSettings(source, service, desk, signing, api_key)
    server = ReferenceChannel(settings, memory).serve(port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    host, taken = str(server.server_address[0]), server.server_address[1]
    typer.echo(f"listening on http://{host}:{taken}")
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        memory.close()
