"""Where a request really comes from, and whether a browser may send it here (SE-10, NS-07).

`X-Forwarded-For` is what anybody can write, so it is believed from our own proxies only, and only as far as they wrote it: from
the right, past further proxies of ours, to the first address that is none.  A cookie is sent by a browser whoever asks it
to, so a call that rests on one has to come from a page of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from tarim.base.errors import NotAllowed

HOPS_MAX: Final = 16
_FORWARDED: Final = b"x-forwarded-for"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset({"", "same-origin", "none"})
FOREIGN: Final = "this call comes from a page that is not ours. 请求来源不被允许。"

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Network:
    """Our proxies and our origins."""

    def __init__(self, proxies: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        """proxies: addresses or networks; origins: like `https://tarim.bank.example`."""
        self._proxies: list[IPv4Network | IPv6Network] = [ip_network(each) for each in proxies]
        self._origins = frozenset(each.rstrip("/").lower() for each in origins)

    def address_of(self, peer: str, forwarded: Iterable[str]) -> str:
        """The caller's address.  forwarded: values of X-Forwarded-For, in order."""
        if not self._proxies or not self._is_proxy(peer):
            return peer
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        for hop in reversed(hops[-HOPS_MAX:]):
            if _address(hop) is None:
                return peer  # what a proxy of ours never writes
            if not self._is_proxy(hop):
                return hop
            peer = hop
        return peer

    def check_page(self, method: str, origin: str, fetch_site: str) -> None:
        """Nothing for a call with a cookie that a page of ours sends.

        origin, fetch_site: the headers Origin and Sec-Fetch-Site, "" for none.  Raises NotAllowed (403).
        """
        if fetch_site.lower() not in _OURS:
            raise NotAllowed(FOREIGN, known=True)
        if (origin or method not in _SAFE) and origin.rstrip("/").lower() not in self._origins:
            raise NotAllowed(FOREIGN, known=True)

    def _is_proxy(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self._proxies)


class RealAddress:
    """An ASGI application whose requests bear the caller's address in place of the proxy's."""

    def __init__(self, application: Application, network: Network) -> None:
        self._application = application
        self._network = network

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        client = scope.get("client")
        if scope["type"] == "http" and client:
            forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
            scope["client"] = (self._network.address_of(client[0], forwarded), client[1])
        await self._application(scope, receive, send)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
