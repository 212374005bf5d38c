"""The hands of the demonstration's people: each asks the services in an own session, as the console and other programs do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tarim.base.errors import Unavailable
from tarim.bootstrap.demo_staff import AGENT, Employee
from tarim.identity import Role

TIMEOUT_S: Final = 60.0


class Hands:
    """Asks the desk and the decisions service.  Use it as a context."""

    def __init__(self, staff: Sequence[Employee], serve_url: str, desk_url: str) -> None:
        self._of = {each.role: each for each in reversed(staff)}  # of two administrators the first
        self._clients = {
            name: httpx.Client(base_url=url, headers={"User-Agent": AGENT}, timeout=TIMEOUT_S, trust_env=False)
            for name, url in (("serve", serve_url), ("desk", desk_url))
        }

    def person(self, role: Role) -> Employee:
        """Who has a role."""
        return self._of[role]

    def sign(self, role: Role, token: str) -> None:
        """Go on in another session."""
        self._of[role] = replace(self._of[role], token=token)

    def desk(self, role: Role, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """The desk's answer to whoever has the role.  Raises Unavailable with what it refused."""
        return self._ask("desk", role, method, path, body, query)

    def serve(self, role: Role, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """The decisions service's answer.  Raises Unavailable."""
        return self._ask("serve", role, method, path, body, query)

    def _ask(self, service: str, role: Role, method: str, path: str, body: object, query: dict[str, str | int]) -> Any:
        headers = {"Authorization": f"Bearer {self._of[role].token}"}
        try:
            answer = self._clients[service].request(method, path, json=body, params=query, headers=headers)
            said = answer.json() if answer.content else None
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"{service}: {method} {path}: {type(error).__name__}") from None
        if not answer.is_success:
            detail = said.get("detail", "") if isinstance(said, dict) else ""
            raise Unavailable(f"{service}: {method} {path} by {self._of[role].login}: {answer.status_code} {detail}")
        return said

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()
