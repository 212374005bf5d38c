"""Open-loop load on the decision service: how long does an answer take when nobody waits for anybody?

Arrivals are drawn beforehand (Poisson, seeded) and do not slow down when the service does; a latency runs from the
*intended* moment of sending to the last byte of the answer, so a stall is charged to every request that fell into it
(coordinated omission, Tene 2013).  One process, one epoll, keep-alive connections; a request that finds all
connections busy waits for one on its own time.  The sender is compiled (`load_sender`): it shares the processors with
the service, and what it takes the service does not get.

    python -m bench.service_load --url http://127.0.0.1:8080 --key KEY --rate 10000 --seconds 10
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import numpy as np

from bench import load_sender

CONNECTIONS: Final = 64
CUSTOMERS: Final = 20_000
"""Customers active in the minutes measured."""
DRAIN_S: Final = 5.0
"""How long to wait for answers after the last request was due."""

_CHANNELS: Final = ("mobile", "mobile", "mobile", "pc", "atm", "pos")
_KINDS: Final = ("transfer", "transfer", "payment", "payment", "payment", "login")


def bodies(
    count: int,
    seed: int = 1,
    customers: int = CUSTOMERS,
    start: datetime | None = None,
    rate: float = 1_000,
    *,
    everyone: bool = False,
) -> list[bytes]:
    """`count` encoded events of a retail bank: some customers busier than others, in the order of their time.

    The customers' activity is that of the reference workload (Zipf-Mandelbrot, exponent 0.8, shift 50).  Event times
    begin now and go on at `rate` a second, as the events are sent.  `everyone`: customer i sends event i, a transfer.
    """
    rng = np.random.default_rng(seed)
    activity = np.cumsum((np.arange(1, customers + 1) + 50.0) ** -0.8)
    customer = np.searchsorted(activity, rng.random(count) * activity[-1]) * 7919 % customers
    if everyone:
        customer = np.arange(count) % customers
    payee = rng.integers(0, customers, count)
    amount = np.maximum(1, rng.lognormal(9.5, 1.6, count)).astype(np.int64)
    kind = np.zeros(count, np.int64) if everyone else rng.integers(0, len(_KINDS), count)
    channel = rng.integers(0, len(_CHANNELS), count)
    city = rng.integers(0, 14, count)
    first = start or datetime.now(UTC)
    run = f"{seed:x}{time.time_ns() & 0xFFFFFFFF:08x}"
    encoded: list[bytes] = []
    for i in range(count):
        who = int(customer[i])
        event: dict[str, Any] = {
            "event_id": f"{run}-{i:08d}",
            "source": "load",
            "kind": _KINDS[kind[i]],
            "occurred_at": (first + timedelta(seconds=i / rate)).isoformat(timespec="milliseconds"),
            "customer": f"C{who:08d}",
            "channel": _CHANNELS[channel[i]],
            "device_id": f"D{who:08d}-{who % 2}",
            "ip": f"10.{who % 200}.{who // 256 % 256}.{who % 256}",
        }
        if event["kind"] != "login":
            event["account"] = f"62220000{who:08d}"
            event["amount_fen"] = int(amount[i])
        if event["kind"] == "transfer":
            event["payee_account"] = f"62220000{int(payee[i]):08d}"
        elif event["kind"] == "payment":
            event["merchant_id"] = f"M{int(payee[i]) % 5000:05d}"
            event["merchant_category"] = 5411
        if city[i] < 5:
            event["location_permitted"] = True
            event["city"] = 650100 + 100 * int(city[i])
        encoded.append(json.dumps(event, separators=(",", ":")).encode())
    return encoded


def introduce(url: str, key: str, customers: int, batch: int = 25) -> None:
    """One event of every customer, in small batches: their data keys exist then, and their identifiers lie in the vault."""
    encoded = bodies(customers, seed=0, customers=customers, everyone=True)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for at in range(0, customers, batch):
            body = b'{"events":[' + b",".join(encoded[at : at + batch]) + b"]}"
            answer = client.post("/v1/decisions:batch", content=body, headers={"Content-Type": "application/json"})
            answer.raise_for_status()


def arrivals_ns(rate: float, seconds: float, seed: int = 2) -> np.ndarray:
    """Intended moments of sending, nanoseconds from the start: Poisson arrivals at `rate` a second."""
    count = int(rate * seconds)
    gaps = np.random.default_rng(seed).exponential(1e9 / rate, count)
    return np.cumsum(gaps).astype(np.int64)


def requests_of(encoded: Sequence[bytes], host: str, key: str, path: str = "/v1/decisions") -> list[bytes]:
    """Whole HTTP/1.1 requests, ready to send."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    return [head + str(len(body)).encode() + b"\r\n\r\n" + body for body in encoded]


def drive(
    url: str,
    key: str,
    encoded: Sequence[bytes],
    due_ns: np.ndarray,
    connections: int = CONNECTIONS,
    drain_s: float = DRAIN_S,
) -> dict[str, Any]:
    """Send `encoded[i]` at `due_ns[i]`; the figures of the answers, in milliseconds.  drain_s: waited for the last ones.

    Raises ConnectionError when the service closes a connection with a request under way, or answers what cannot be read.
    """
    return judged(deliver(url, key, encoded, due_ns, connections, drain_s), due_ns)


def deliver(
    url: str,
    key: str,
    encoded: Sequence[bytes],
    due_ns: np.ndarray,
    connections: int = CONNECTIONS,
    drain_s: float = DRAIN_S,
) -> load_sender.Sent:
    """What became of each request.  Raises ConnectionError, as `drive`."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    requests = requests_of(encoded[: len(due_ns)], f"{host}:{port}", key)
    assert len(requests) == len(due_ns), "fewer bodies than arrivals"
    load_sender.warm_up()
    sockets = [socket.create_connection((host, port)) for _ in range(connections)]
    try:
        for each in sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.setblocking(False)
        return load_sender.send(sockets, requests, due_ns, int(drain_s * 1e9))
    finally:
        for each in sockets:
            each.close()


def latencies_ns(sent: load_sender.Sent, due_ns: np.ndarray) -> np.ndarray:
    """From the intended moment to the whole answer, shape (n,); of those never answered, the length of the run."""
    return np.where(sent.answered_ns < 0, sent.took_ns, sent.answered_ns - due_ns)


def judged(sent: load_sender.Sent, due_ns: np.ndarray) -> dict[str, Any]:
    """The figures of a run."""
    latency_ns, unanswered = latencies_ns(sent, due_ns), sent.answered_ns < 0
    statuses, counts = np.unique(sent.statuses[~unanswered], return_counts=True)
    done = int(np.count_nonzero(~unanswered))
    return figures(latency_ns / 1e6) | {
        "asked": len(due_ns),
        "answered": done,
        "rate_per_s": round(done / (sent.took_ns / 1e9), 1),
        "statuses": {str(status): int(times) for status, times in zip(statuses, counts, strict=True)},
        "sender_late_ms_p99": round(float(np.percentile(sent.late_ns, 99)) / 1e6, 3),
    }


def figures(latency_ms: np.ndarray) -> dict[str, float]:
    """Percentiles and maximum of latencies in milliseconds."""
    names = {"latency_ms_p50": 50, "latency_ms_p99": 99, "latency_ms_p999": 99.9, "latency_ms_max": 100}
    return {name: round(float(np.percentile(latency_ms, at)), 3) for name, at in names.items()}


def run(
    url: str,
    key: str,
    rate: float,
    seconds: float,
    connections: int = CONNECTIONS,
    seed: int = 1,
    customers: int = CUSTOMERS,
) -> dict[str, Any]:
    """Draw bodies and arrivals, drive them, and give the figures."""
    due_ns = arrivals_ns(rate, seconds, seed)
    return {"asked_rate_per_s": rate, "seconds": seconds} | drive(
        url, key, bodies(len(due_ns), seed, customers, rate=rate), due_ns, connections
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Open-loop load on the decision service.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", default=os.environ.get("TARIM_KEY", ""))
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(run(options.url, options.key, options.rate, options.seconds, options.connections, options.seed)))


if __name__ == "__main__":
    main()
