"""The reference channel as a process: callbacks for Tarim on one side, a front for customers on the other.

    POST /challenges, /codes, /notices, /holds, /restrictions     callbacks, signed by Tarim
    POST /orders                                                  a customer orders: an event, sent on to the decisions
    GET  /orders/{event_id}                                       what the customer sees of it: every message about it
    POST /orders/{event_id}/codes                                 {"device_id", "receiving_device_id"}: send me a code
    POST /orders/{event_id}/answers                               {"outcome", "method", "shown", "code", "device_id", "purpose"}
    GET  /messages                                                everything that was taken

`shown` is what stood on the customer's screen (account, payee_account, payee_name, amount_fen, currency); the channel takes the
digest of it, as it is, and not of what it believes to be right.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from tarim.base.errors import InputError, NotFound, TarimError, Unavailable
from tarim.simulation.channel.memory import Memory
from tarim.simulation.channel.signing import ChannelKey, check, signed

CALLBACKS: Final = {
    "/challenges": "challenge",
    "/codes": "code",
    "/notices": "notice",
    "/holds": "hold",
    "/restrictions": "restriction",
}
BODY_BYTES_MAX: Final = 1 << 20
TIMEOUT_S: Final = 10.0
_ANSWERED: Final = ("outcome", "method", "code", "device_id", "purpose")
_SHOWN: Final = ("account", "payee_account", "payee_name", "amount_fen", "currency")


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """source: of its events.  service_url, desk_url: the decisions service and the desk.  api_key: its key at both."""

    source: str
    service_url: str
    desk_url: str
    key: ChannelKey
    api_key: str = field(repr=False)


class ReferenceChannel:
    """What a channel does, without the wire."""

    def __init__(self, settings: ChannelSettings, memory: Memory) -> None:
        self._settings = settings
        self.memory = memory

    def callback(self, path: str, headers: Mapping[str, str], content: bytes) -> bool:
        """Take a message from Tarim; False when it was taken before.  Raises NotAllowed, Conflict."""
        message_id = check(self._settings.key, path, headers, content, int(time.time()))
        return self.memory.take(message_id, CALLBACKS[path], content)

    def order(self, event: dict[str, Any]) -> tuple[int, Any]:
        """A customer orders: remembered, and sent to the decisions; their answer."""
        event = {**event, "source": self._settings.source}
        self.memory.put_order(str(event["event_id"]), event)
        authorization = {"Authorization": f"Bearer {self._settings.api_key}"}
        return _post(self._settings.service_url, "/v1/decisions", json.dumps(event).encode(), authorization)

    def ask_code(self, event_id: str, asked: dict[str, Any]) -> tuple[int, Any]:
        """A customer wants a code; the desk's answer."""
        return self._to_desk(f"/v1/contact/challenges/{self._challenge(event_id)['challenge']}/codes", asked)

    def answer(self, event_id: str, answered: dict[str, Any]) -> tuple[int, Any]:
        """A customer answers; the desk's answer."""
        challenge = self._challenge(event_id)
        body: dict[str, Any] = {name: answered[name] for name in _ANSWERED if name in answered}
        if "shown" in answered:
            body["shown_digest"] = shown_digest(challenge["challenge"], challenge["nonce"], answered["shown"])
        return self._to_desk(f"/v1/contact/challenges/{challenge['challenge']}/answers", body)

    def _challenge(self, event_id: str) -> dict[str, Any]:
        found = self.memory.messages(event_id, "challenge")
        if not found:
            raise NotFound("no challenge for that order yet")
        content: dict[str, Any] = found[-1]["content"]
        return content

    def _to_desk(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        content = json.dumps(body).encode()
        headers = signed(self._settings.key, path, content, secrets.token_hex(16), int(time.time()))
        authorization = {"Authorization": f"Bearer {self._settings.api_key}"}
        return _post(self._settings.desk_url, path, content, headers | authorization)

    def serve(self, port: int) -> ThreadingHTTPServer:
        """A server on this machine; the caller runs it.  Port 0 takes a free one."""
        handler = type("Handler", (_Handler,), {"channel": self})
        return ThreadingHTTPServer(("127.0.0.1", port), handler)


def shown_digest(challenge: str, nonce: str, shown: Mapping[str, Any]) -> str:
    """The digest of what a customer was shown, as the guide defines it."""
    values = "".join(f"{name}:{str(shown.get(name, '')).strip(' ')}\n" for name in _SHOWN)
    return sha256(f"tarim-shown-1\nchallenge:{challenge}\nnonce:{nonce}\n{values}".encode()).hexdigest()


def _post(url: str, path: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Status and decoded answer.  Raises Unavailable."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", path, content, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read(BODY_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{url} did not answer: {type(error).__name__}") from None
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    channel: ClassVar[ReferenceChannel]
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        """What the customer sees, or everything."""
        self._answered(self._got)

    def do_POST(self) -> None:
        """A callback, or something a customer does."""
        self._answered(self._posted)

    def _got(self) -> tuple[int, Any]:
        path = self.path.partition("?")[0]
        if path == "/messages":
            return 200, self.channel.memory.messages()
        if path.startswith("/orders/"):
            event_id = unquote(path.removeprefix("/orders/"))
            return 200, {
                "order": self.channel.memory.order(event_id),
                "messages": self.channel.memory.messages(event_id),
            }
        raise NotFound("no such path")

    def _posted(self) -> tuple[int, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_BYTES_MAX:
            raise InputError(f"a body has at most {BODY_BYTES_MAX} bytes")
        content = self.rfile.read(length)
        if self.path in CALLBACKS:
            headers = {name.lower(): value for name, value in self.headers.items()}
            return 200, {"new": self.channel.callback(self.path, headers, content)}
        body = json.loads(content)
        if self.path == "/orders":
            return self.channel.order(body)
        event_id, _, what = unquote(self.path.removeprefix("/orders/")).rpartition("/")
        if what == "codes":
            return self.channel.ask_code(event_id, body)
        if what == "answers":
            return self.channel.answer(event_id, body)
        raise NotFound("no such path")

    def _answered(self, work: Any) -> None:
        try:
            status, body = work()
        except TarimError as error:
            status, body = error.http_status, {"detail": error.detail}
        except (ValueError, KeyError, TypeError):
            status, body = 422, {"detail": "the body is not what this path takes"}
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the base class
        """Say nothing: paths hold ids of customers' orders."""


def open_memory(folder: Path) -> Memory:
    """The memory in a folder, made when there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Memory(folder / "channel.db")
