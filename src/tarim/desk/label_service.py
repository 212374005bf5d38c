"""The decisions service, spoken to over HTTP: labels and orders go there, one request each.

200           it has the label; that it is in the journal is read from the journal
401 403       the desk's key is not taken: tried again with the key read anew
408 429 5xx   not now: tried again, later and later
other         it will never take it: the label is refused, for a person to look at
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tarim.base.errors import InputError, Unavailable
from tarim.base.instants import instant_text
from tarim.desk.labels import Label

TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 << 10
SUBJECT: Final = "tarim-desk"
"""The customer that a label's message names: a message needs one, and the service takes the event's own in its place."""
_AGAIN: Final = frozenset({401, 403, 408, 429})


class NotTaken(InputError):
    """The service will never take this message."""


class ServiceLink:
    """Posts to the service at a URL with the desk's own key.  One thread."""

    def __init__(self, url: str, key: Callable[[], str]) -> None:
        """key: gives the desk's API key; asked again after one was not taken.  Raises what `key` raises, when it is used."""
        self._address = urlsplit(url)
        self._key = key
        self._secret = ""

    def post(self, path: str, message: Mapping[str, Any]) -> None:
        """Have the service take a message.  Raises NotTaken, Unavailable (try again)."""
        self._secret = self._secret or self._key()
        status, detail = self._post(path, json.dumps(message).encode())
        if status == 200:
            return
        if status in (401, 403):
            self._secret = ""
        if status in _AGAIN or status >= 500:
            raise Unavailable(f"the decisions service answered {status}: {detail}")
        raise NotTaken(f"{status}: {detail}")

    def _post(self, path: str, body: bytes) -> tuple[int, str]:
        address = self._address
        host, port = address.hostname or "", address.port
        if address.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        try:
            connection.request("POST", address.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            return answer.status, _detail(answer.read(ANSWER_BYTES_MAX))
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the decisions service does not answer: {type(error).__name__}") from None
        finally:
            connection.close()


class LabelService(ServiceLink):
    """Tells labels to the service."""

    def tell(self, label: Label) -> None:
        """Have the service take a label.  Raises NotTaken, Unavailable (try again)."""
        self.post("/v1/decisions", message_of(label))


def message_of(label: Label) -> dict[str, str]:
    """The event that a label is."""
    return {
        "event_id": label.event_id,
        "source": label.source,
        "kind": "label",
        "occurred_at": instant_text(label.at_ms),
        "customer": SUBJECT,
        "refers_to": label.refers_to,
        "label": "fraud" if label.fraud else "genuine",
    }


def _detail(content: bytes) -> str:
    """What a refusal says; it never holds a value."""
    try:
        return str(json.loads(content).get("detail", ""))[:200]
    except (ValueError, AttributeError):
        return ""
