"""The wire: one POST over HTTP or HTTPS, within a limited time, following no redirection."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tarim.base.errors import DefinitionError
from tarim.contact.ports import Sent

TIMEOUT_S: Final = 10.0
_READ_BYTES_MAX: Final = 4_096


class HttpWire:
    """Posts; the server's certificate has to be valid for its name.  Any thread may call it.

    authorities: a file of certificates that are trusted, in place of the system's.
    """

    def __init__(self, authorities: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Raises DefinitionError for a file that holds no certificates."""
        try:
            self._context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
        except (OSError, ssl.SSLError) as error:
            raise DefinitionError(f"{authorities} holds no certificates: {error}") from None
        self._timeout_s = timeout_s

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Sent:
        """What came of it; the body of the answer is not looked at."""
        address = urlsplit(url)
        host, port = address.hostname or "", address.port
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        try:
            connection.request("POST", address.path, content, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read(_READ_BYTES_MAX)
            return Sent(answer.status, "" if answer.status < 300 else f"HTTP {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            return Sent(0, type(error).__name__)
        finally:
            connection.close()
