"""The connection between two parties: real sockets and TLS; cuts, strangers, wrong steps and sizes."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarim.federation import PeerLost, ProtocolBroken
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, PeerUnknown, Pinned, make_certificate
from tarim.federation.adapters.ports import Dialler, Listening

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def parties(tmp_path: Path) -> dict[str, Path]:
    folders = {name: tmp_path / name for name in ("bank", "data", "stranger")}
    for name, folder in folders.items():
        folder.mkdir()
        make_certificate(folder, name, NOW)
    return folders


def pinned(parties: dict[str, Path], own: str, peer: str) -> Pinned:
    return Pinned(parties[own], parties[peer] / CERTIFICATE_FILE)


@contextmanager
def linked(
    parties: dict[str, Path], through: int | None = None, patience_s: float = 20.0
) -> Iterator[tuple[Link, Link]]:
    run_id = os.urandom(16)
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        dial = Dialler("127.0.0.1", through or listening.port, pinned(parties, "data", "bank"), run_id)
        one = Link(listening.run(run_id), patience_s=patience_s)
        other = Link(dial, patience_s=patience_s)
        yield one, other
        closing = threading.Thread(target=one.close)
        closing.start()
        other.close()
        closing.join()


def test_arrays_arrive_as_they_were_sent(parties: dict[str, Path]) -> None:
    large = np.random.default_rng(1).integers(0, 2**63, 3_000_000).astype(np.uint64)
    with linked(parties) as (one, other):
        for link, peer in ((one, other), (other, one)):
            link.send("step", large, np.arange(6, dtype=np.uint8).reshape(2, 3))
            link.send("nothing", np.empty((0, 2), np.uint64))
            link.send("open end", np.ones((7, 4), np.uint64))
            found, small = peer.receive("step", (np.uint64, large.shape), (np.uint8, (2, 3)))
            assert np.array_equal(found, large) and small[1, 2] == 5
            assert peer.receive("nothing", (np.uint64, (0, 2)))[0].shape == (0, 2)
            assert peer.receive("open end", (np.uint64, (-1, 4)))[0].shape == (7, 4)
        assert one.traffic.sent_bytes == other.traffic.received_bytes == large.nbytes + 6 + 7 * 32
        assert (one.traffic.rounds, other.traffic.rounds) == (1, 0)


@pytest.mark.parametrize(
    ("sent", "expected", "says"),
    [
        (("other step", np.zeros(2)), ("step", (float, (2,))), "another step"),
        (("step", np.zeros(2)), ("step", (float, (3,))), "shorter"),
        (("step", np.zeros(4)), ("step", (float, (3,))), "longer"),
        (("step", np.zeros(5)), ("step", (float, (-1, 2))), "part of a row"),
    ],
)
def test_a_message_that_is_not_the_expected_one_ends_the_run(
    parties: dict[str, Path], sent: Any, expected: Any, says: str
) -> None:
    with linked(parties) as (one, other), pytest.raises(ProtocolBroken, match=says):
        one.send(*sent)
        other.receive(expected[0], expected[1])


def test_who_shows_another_certificate_or_none_is_refused(parties: dict[str, Path]) -> None:
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        stranger = Dialler("127.0.0.1", listening.port, pinned(parties, "stranger", "bank"), bytes(16))
        link = Link(stranger, patience_s=5)
        with pytest.raises(PeerUnknown, match="another certificate of this party"):
            link.receive("step", (float, (1,)))
        link.close(whole=False)
        impostor = Dialler("127.0.0.1", listening.port, pinned(parties, "data", "stranger"), bytes(16))
        with pytest.raises(PeerUnknown):
            impostor(True, time.monotonic() + 2)
        with socket.create_connection(("127.0.0.1", listening.port)) as plain:
            plain.sendall(b"TFD2" + bytes(60))
            plain.settimeout(5)
            with suppress(ConnectionResetError):
                assert b"TFD2" not in plain.recv(100)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", listening.port)) as bare, context.wrap_socket(bare) as nameless:
            nameless.settimeout(5)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                assert nameless.recv(1) == b""
                raise ConnectionError
        with pytest.raises(PeerLost, match="did not connect"):
            listening.wait(bytes(16), True, time.monotonic() + 0.2)
        assert len(listening.refused) >= 3


class Relay:
    """Stands between the two and can cut everything, change a byte, or hold back what goes to the dialling side."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.passes_back = threading.Event()
        self.passes_back.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self.spoil = False
        self.blocked = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if self.blocked:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [near, far]
            for source, target, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=(source, target, back), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.spoil and len(data) > 1_000:
                    self.spoil = False
                    data = data[:500] + bytes([data[500] ^ 1]) + data[501:]
                if back:
                    self.passes_back.wait(5)
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the thread that reads it

    def cut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()


def _talk(link: Link, first: bool, rounds: int, between: Callable[[int], None]) -> int:
    total = 0
    for number in range(rounds):
        mine = np.full(20_000, number, np.uint64)
        if first:
            between(number)
            link.send("there", mine)
            (got,) = link.receive("back", (np.uint64, (20_000,)))
        else:
            (got,) = link.receive("there", (np.uint64, (20_000,)))
            link.send("back", got + mine)
        total += int(got.sum())
    return total


@pytest.mark.parametrize("spoil", [False, True])
def test_a_cut_or_spoilt_line_is_taken_up_again_and_nothing_is_lost_or_doubled(
    parties: dict[str, Path], spoil: bool
) -> None:
    run_id = os.urandom(16)
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        relay = Relay(listening.port)
        dial = Dialler("127.0.0.1", relay.port, pinned(parties, "data", "bank"), run_id)

        def trouble(number: int) -> None:
            if number % 7 == 3:
                if spoil:
                    relay.spoil = True
                else:
                    relay.cut()

        found: list[int] = []

        def answer() -> None:
            with Link(listening.run(run_id), patience_s=20) as one:
                found.append(_talk(one, False, 40, lambda _: None))

        answering = threading.Thread(target=answer)
        answering.start()
        with Link(dial, patience_s=20) as other:
            total = _talk(other, True, 40, trouble)
        answering.join()
        assert total == 2 * 20_000 * sum(range(40)) and found == [20_000 * sum(range(40))]


def test_a_line_that_stays_cut_ends_the_run_on_both_sides(parties: dict[str, Path]) -> None:
    run_id = os.urandom(16)
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        relay = Relay(listening.port)
        dial = Dialler("127.0.0.1", relay.port, pinned(parties, "data", "bank"), run_id)
        one, other = Link(listening.run(run_id), patience_s=1.0), Link(dial, patience_s=1.0)
        other.send("step", np.zeros(3))
        one.receive("step", (float, (3,)))
        relay.blocked = True
        relay.cut()
        begin = time.monotonic()
        for link in (one, other):
            with pytest.raises(PeerLost):
                link.receive("never", (float, (1,)))
        assert time.monotonic() - begin < 5
        for link in (one, other):
            link.close(whole=False)


def test_a_run_that_the_other_side_does_not_know_any_more_ends_at_once(parties: dict[str, Path]) -> None:
    run_id = os.urandom(16)
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        relay = Relay(listening.port)
        dial = Dialler("127.0.0.1", relay.port, pinned(parties, "data", "bank"), run_id)
        one, other = Link(listening.run(run_id), patience_s=20), Link(dial, patience_s=20)
        other.send("step", np.zeros(3))
        one.receive("step", (float, (3,)))
        one.send("step", np.zeros(3))
        other.receive("step", (float, (3,)))
        listening.forget(run_id)  # as a node that was started anew
        relay.cut()
        begin = time.monotonic()
        with pytest.raises(PeerLost, match="does not know the run"):
            other.receive("never", (float, (1,)))
        assert time.monotonic() - begin < 5
        assert listening.arrivals.empty(), "it was not taken for a new run"
        for link in (one, other):
            link.close(whole=False)


def test_a_side_that_fails_tells_the_other_at_once(parties: dict[str, Path]) -> None:
    with linked(parties) as (one, other):
        one.close(whole=False)
        begin = time.monotonic()
        with pytest.raises(PeerLost, match="ended the run"):
            other.receive("step", (float, (1,)))
        assert time.monotonic() - begin < 2


def test_what_may_wait_lets_the_rest_pass_and_arrives_whole_through_cuts(parties: dict[str, Path]) -> None:
    """Messages of the second lane come in pieces, more of them than the window holds; each lane keeps its order."""
    run_id = os.urandom(16)
    large = np.random.default_rng(3).integers(0, 2**63, 2_000_000).astype(np.uint64)
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        relay = Relay(listening.port)
        dial = Dialler("127.0.0.1", relay.port, pinned(parties, "data", "bank"), run_id)
        one, other = Link(listening.run(run_id), patience_s=20), Link(dial, patience_s=20)
        found: list[bool] = []

        def take() -> None:
            for number in range(6):
                (came,) = one.beside().receive("large", (np.uint64, large.shape))
                found.append(np.array_equal(came, large + np.uint64(number)))
                if number in (1, 3):
                    relay.cut()

        def give() -> None:
            for number in range(6):
                other.beside().send("large", large + np.uint64(number))

        threads = [threading.Thread(target=each) for each in (take, give)]
        for thread in threads:
            thread.start()
        assert _both_talk(one, other, 30) == 30
        for thread in threads:
            thread.join(60)
        assert found == [True] * 6
        closing = threading.Thread(target=one.close)
        closing.start()
        other.close()
        closing.join()


def _both_talk(one: Link, other: Link, rounds: int) -> int:
    for number in range(rounds):
        other.send("small", np.full(3, number, np.uint64))
        (came,) = one.receive("small", (np.uint64, (3,)))
        one.send("back", came)
        assert int(other.receive("back", (np.uint64, (3,)))[0][0]) == number
    return rounds


def test_a_message_that_follows_another_does_not_wait_for_its_acknowledgement(parties: dict[str, Path]) -> None:
    """Or each would cost a round trip more on a long line."""
    with Listening("127.0.0.1", 0, lambda: pinned(parties, "bank", "data")) as listening:
        relay = Relay(listening.port)
        run_id = os.urandom(16)
        dial = Dialler("127.0.0.1", relay.port, pinned(parties, "data", "bank"), run_id)
        one, other = Link(listening.run(run_id), patience_s=20), Link(dial, patience_s=20)
        _both_talk(one, other, 1)
        relay.passes_back.clear()
        for number in range(8):
            other.send("step", np.full(1, float(number)))
            time.sleep(0.02)
        begin = time.monotonic()
        for _ in range(8):
            one.receive("step", (float, (1,)))
        assert time.monotonic() - begin < 0.5
        relay.passes_back.set()
        for link in (one, other):
            link.close(whole=False)


def test_a_link_that_is_closed_lets_go_whoever_waits_on_it(parties: dict[str, Path]) -> None:
    told: list[str] = []

    def wait(link: Link) -> None:
        try:
            link.beside().receive("never", (float, (1,)))
        except PeerLost as error:
            told.append(error.detail)

    with linked(parties) as (one, other):
        waiting = threading.Thread(target=wait, args=(one,))
        waiting.start()
        one.close(whole=False)
        waiting.join(5)
        assert told == ["this side has ended the run"]
        with pytest.raises(PeerLost, match="ended the run"):
            one.send("step", np.zeros(1))
        with pytest.raises(PeerLost):
            other.receive("step", (float, (1,)))
