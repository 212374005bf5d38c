"""Where events came from: network address with port, and location, of what lies sealed of their customer (IN-08, IN-09).

An address is sealed once for each customer and is known by its token, which stands in the journal's row of every event; port
and location are sealed with each event that brings them.  What several events of a table brought lies with the first of them:
of such nobody can say whose it was, and it is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tarim.base.errors import NotFound
from tarim.bootstrap.journal_looking import JournalLook
from tarim.decisions import RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.stream import Col

Bundle = dict[str, str]


class EventPlaces:
    """Looks the events up in the decisions' journal, beside whoever writes it.  Any thread may call it."""

    def __init__(self, journal: Path, token_of: Callable[[str], int]) -> None:
        """token_of: signed, of a network address."""
        self._journal = JournalLook(journal)
        self._token_of = token_of

    def close(self) -> None:
        """Let the journal's files go."""
        self._journal.close()

    def of(self, seqs: Sequence[int], bundles: Sequence[tuple[int, Bundle]]) -> dict[str, list[str]]:
        """`ip` ("10.1.2.3:443", without a port where none was sent) and `location` ("31.23, 121.47") of events at positions.

        bundles: what lies sealed of their customer.  What cannot be told is left out; values once each, in the order of `seqs`.
        Raises Damaged.
        """
        addresses = {self._token_of(bundle["ip"]): bundle["ip"] for _, bundle in bundles if "ip" in bundle}
        own: dict[int, Bundle] = {}
        for seq, bundle in bundles:
            own[seq] = {} if seq in own else bundle
        found: dict[str, dict[str, None]] = {}
        for seq, token in zip(seqs, self._tokens(seqs) if addresses else [0] * len(seqs), strict=True):
            brought = own.get(seq, {})
            if token in addresses:
                found.setdefault("ip", {})[_with_port(addresses[token], brought.get("ip_port", ""))] = None
            if "latitude" in brought and "longitude" in brought:
                found.setdefault("location", {})[f"{brought['latitude']}, {brought['longitude']}"] = None
        return {name: list(values) for name, values in found.items()}

    def _tokens(self, seqs: Sequence[int]) -> list[int]:
        """Tokens of the events' addresses, 0 where there is none or the event is not kept."""
        if not self._journal.there:
            return [0] * len(seqs)
        with self._journal.looking() as (log, _):
            return [_address_of(log, seq) for seq in seqs]


def _address_of(log: FolderReader, seq: int) -> int:
    try:
        record = log.read_at(seq)
    except NotFound:
        return 0
    if record.kind != RecordKind.EVENTS:
        return 0
    return int(decode_events(record).rows[seq - record.first_seq, Col.ADDRESS])


def _with_port(address: str, port: str) -> str:
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
