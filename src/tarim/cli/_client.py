"""A small client of the service's routes, for commands that act on a running service."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Annotated, Any, Final

import typer

TIMEOUT_S: Final = 330.0
_ANSWER_BYTES_MAX: Final = 64 << 20

Url = Annotated[str, typer.Option(help="The running service. 服务地址。", envvar="TARIM_URL")]
URL_DEFAULT: Final = "http://127.0.0.1:8080"
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept. 事由（将留存）。", show_default=False)]


def ask(method: str, url: str, path: str, body: object = None, **query: str) -> Any:
    """What the service answers, decoded.  A refusal is printed, and ends the command with 1.

    The key, or the session of `tarim users sign-in`, comes from TARIM_KEY.
    """
    key = os.environ.get("TARIM_KEY", "")
    if not key:
        typer.echo("TARIM_KEY holds no API key. 环境变量 TARIM_KEY 未设置 API 密钥。", err=True)
        raise typer.Exit(1)
    asked = "?" + urllib.parse.urlencode(query) if query else ""
    return _answer(method, url, path + asked, body, {"Authorization": f"Bearer {key}"})


def ask_openly(method: str, url: str, path: str, body: object = None) -> Any:
    """As `ask`, of a route that is open to all."""
    return _answer(method, url, path, body, {})


def _answer(method: str, url: str, path: str, body: object, headers: dict[str, str]) -> Any:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        typer.echo(
            "the service's address begins with http:// or https://. 服务地址须以 http:// 或 https:// 开头。", err=True
        )
        raise typer.Exit(1)
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(url.rstrip("/") + path, data, headers, method=method)  # noqa: S310  checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read(_ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        typer.echo(_refusal(error.read(1 << 20), error.code), err=True)
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        typer.echo(f"the service at {url} cannot be reached: {reason}. 无法连接服务。", err=True)
    raise typer.Exit(1)


def quoted(part: str) -> str:
    """One part of a path."""
    return urllib.parse.quote(part, safe="")


def _refusal(content: bytes, status: int) -> str:
    try:
        problem = json.loads(content)
        return f"{problem['detail']} ({problem['title_zh']})"
    except (ValueError, KeyError, TypeError):
        return f"the service answered {status}. 服务返回 {status}。"
