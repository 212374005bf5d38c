"""Who is let in by a node that should not be?  Each attempt asks a listening node for what a peer may ask, its data sets.

plain           no TLS at all
nameless        TLS without a certificate
stranger        TLS with a certificate that was never pinned, of a node that has pinned this one
impostor        the other way round: a node dials, and somebody else than the pinned peer answers
outsider        a pinned peer, here a custodian, begins a run of a contract that it is no party to
peer            the pinned peer: has to be let in, or the attempts show nothing
"""

from __future__ import annotations

import datetime
import secrets
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.contract_nodes import Companies
from tarim.base.errors import TarimError
from tarim.bootstrap.clock import SystemClock
from tarim.federation import Party, make_party
from tarim.federation.node.book import Peer
from tarim.federation.node.conversations import BeginRun, ask

_HOST: Final = "127.0.0.1"
_WAIT_S: Final = 2.0
_GREETING: Final = b"TFD2" + bytes(60)


def let_in(companies: Companies, home: Path) -> list[str]:
    """Names of the attempts that got an answer; home: for the stranger's folder.  Of a right node: `peer` alone."""
    data, bank = companies.party("data"), companies.party("bank")
    port = companies.nodes["bank"].serving.port
    make_party(home / "stranger", "stranger", datetime.datetime.now(datetime.UTC))
    with (home / "stranger" / "party.toml").open("a") as settings:
        settings.write(f"patience_s = {_WAIT_S}\n")
    with Party(home / "stranger", {}, SystemClock()) as stranger:
        stranger.add_peer(bank.card, bank.certificate, _HOST, port, "engineer")
        there = Peer("stranger", _HOST, port, stranger.certificate, stranger.member.signing_key)
        data.add_peer(stranger.card, stranger.certificate, _HOST, port, "engineer")
        attempts: dict[str, Callable[[], object]] = {
            "plain": lambda: _plain(port),
            "nameless": lambda: _nameless(port),
            "stranger": lambda: stranger.offered_by(stranger.book.peer("bank")),
            "impostor": lambda: data.offered_by(there),
            "outsider": lambda: _outsider(companies),
            "peer": lambda: data.offered_by(data.book.peer("bank")),
        }
        return [name for name, attempt in attempts.items() if _answered(attempt)]


def _answered(attempt: Callable[[], object]) -> bool:
    try:
        return bool(attempt())
    except (TarimError, OSError):
        return False


def _plain(port: int) -> bytes:
    with socket.create_connection((_HOST, port), _WAIT_S) as plain:
        plain.sendall(_GREETING)
        answer = plain.recv(64)
    return b"" if answer[:1] == b"\x15" else answer  # a TLS alert is a refusal


def _nameless(port: int) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((_HOST, port), _WAIT_S) as bare, context.wrap_socket(bare) as nameless:
        nameless.sendall(_GREETING)
        return nameless.recv(64)


def _outsider(companies: Companies) -> object:
    """The bank's custodian, whom it has pinned, wants to compute under a contract of the bank and the data company."""
    outsider, contracts = companies.party("vault-bank"), companies.party("bank").book.contracts()
    run = secrets.token_hex(32)
    with outsider.talk(outsider.book.peer("bank"), bytes.fromhex(run)[:16]) as link:
        return ask(link, BeginRun(contracts[0].signed.contract.digest, run, "engineer"))
