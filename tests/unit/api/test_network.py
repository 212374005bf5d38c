"""Where a request comes from, and which page may send it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tarim.api.network import Network, RealAddress
from tarim.base.errors import NotAllowed

NETWORK = Network(("10.0.0.0/8", "2001:db8::/32"), ("https://desk.bank.example",))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", ["1.2.3.4"], "203.0.113.5"),  # not a proxy of ours: what it writes is nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # the first was there when our proxy got it
        ("10.0.0.1", ["1.2.3.4", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("2001:db8::1", ["2001:470::9"], "2001:470::9"),
        ("10.0.0.1", [", ".join(["1.1.1.1"] * 5_000)], "1.1.1.1"),
    ],
)
def test_forwarding_headers_are_believed_from_our_proxies_only(peer: str, forwarded: list[str], address: str) -> None:
    assert NETWORK.address_of(peer, forwarded) == address
    assert Network().address_of(peer, forwarded) == peer


def test_the_application_sees_the_real_address() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])

    def scope(peer: tuple[str, int] | None) -> dict[str, Any]:
        return {"type": "http", "client": peer, "headers": [(b"x-forwarded-for", b"198.51.100.7")]}

    for peer in (("10.0.0.1", 5), ("203.0.113.5", 6), None):
        asyncio.run(RealAddress(application, NETWORK)(scope(peer), None, None))
    assert seen == [("198.51.100.7", 5), ("203.0.113.5", 6), None]


@pytest.mark.parametrize(
    ("method", "origin", "site", "ours"),
    [
        ("GET", "", "", True),
        ("GET", "", "same-origin", True),
        ("GET", "", "none", True),
        ("POST", "https://desk.bank.example", "same-origin", True),
        ("POST", "https://DESK.bank.example/", "", True),
        ("POST", "", "", False),
        ("POST", "null", "", False),
        ("DELETE", "https://desk.bank.example.evil", "", False),
        ("POST", "http://desk.bank.example", "", False),
        ("GET", "https://evil.example", "", False),
        ("GET", "", "cross-site", False),
        ("GET", "", "same-site", False),
    ],
)
def test_a_call_that_rests_on_a_cookie_comes_from_our_own_page(method: str, origin: str, site: str, ours: bool) -> None:
    if ours:
        NETWORK.check_page(method, origin, site)
    else:
        with pytest.raises(NotAllowed):
            NETWORK.check_page(method, origin, site)
