"""Casework put together: commands, evidence, raw values beside the running service, and the sender of orders."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from tarim.base.instants import Clock
from tarim.bootstrap.desk_settings import DeskSettings
from tarim.bootstrap.event_places import EventPlaces
from tarim.bootstrap.places import Places
from tarim.cases import CaseStore, EvidenceFiles, Means, OrderSender, Personal
from tarim.desk import Desk, ServiceLink
from tarim.identity import Directory, Scope
from tarim.privacy import CustomerReader, MasterKey, Tokenizer

_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64
_SPACES: Final[Mapping[str, str]] = {
    "customer": "customer",
    "account": "account",
    "payee_account": "account",
    "device_id": "device",
}
"""Fields whose value is shown when its token is one of the case's, with the space of that token."""
_WITH_PAYEE: Final = ("payee_name", "payee_phone")
_OF_CUSTOMER: Final = ("customer_name",)


class CaseValues:
    """See `tarim.cases.PersonalValues`.  Any thread may call it."""

    def __init__(self, reader: CustomerReader, tokenizer: Tokenizer, journal: Path) -> None:
        self._reader = reader
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._places = EventPlaces(journal, self._address)

    def close(self) -> None:
        """Let the decisions' journal go."""
        self._places.close()

    def of_case(self, customer: int, tokens: Collection[int], seqs: Sequence[int]) -> Personal:
        """See `tarim.cases.PersonalValues`."""
        bundles = self._reader.bundles((customer + _HALF) % _WHOLE - _HALF)
        found: dict[str, dict[str, None]] = {}
        with self._lock:
            for _, bundle in bundles:
                ours = [name for name in _SPACES if name in bundle and self._token(name, bundle[name]) in tokens]
                ours += [name for name in _OF_CUSTOMER if name in bundle]
                if "payee_account" in ours:
                    ours += [name for name in _WITH_PAYEE if name in bundle]
                for name in ours:
                    found.setdefault(name, {})[bundle[name]] = None
        known = frozenset(value for _, bundle in bundles for value in bundle.values())
        of_parties = {name: list(values) for name, values in found.items()}
        return Personal(of_parties | self._places.of(seqs, bundles), known)

    def customer(self, number: str) -> int:
        """Token, unsigned, of a customer's number."""
        with self._lock:
            return self._tokenizer.token("customer", number) % _WHOLE

    def _address(self, address: str) -> int:
        with self._lock:
            return self._tokenizer.token("address", address)

    def _token(self, name: str, value: str) -> int:
        return self._tokenizer.token(_SPACES[name], value) % _WHOLE


class CasePeople:
    """See `tarim.cases.People`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def names_of(self, person: str) -> Collection[str]:
        """Every name that the human behind a name goes by."""
        return self._directory.names_of(person)

    def may_work(self, person: str, branch: str, queue: str) -> bool:
        """Whether a person works on cases of this branch and queue at present."""
        return self._directory.may(person, Scope.CASES_WORK, branch, queue)

    def workers(self, branch: str, queue: str) -> Sequence[str]:
        """Who works on cases of this branch and queue at present, "" = of any; by name."""
        return self._directory.who_may(Scope.CASES_WORK, branch, queue)


class CaseHouse:
    """Commands, values and sender over an open desk.  Close it before the desk."""

    def __init__(
        self,
        desk: Desk,
        places: Places,
        settings: DeskSettings,
        master: MasterKey,
        clock: Clock,
        directory: Directory,
        link: ServiceLink,
    ) -> None:
        evidence = EvidenceFiles(places.data / "desk" / "evidence", desk.texts)
        self.means = Means(CaseStore(), desk.texts, evidence, CasePeople(directory), clock.now_ms)
        self.values = CaseValues(
            CustomerReader(places.vault, master), Tokenizer(master.derive("tokens")), places.journal
        )
        self.sender = OrderSender(desk, link, self.means, settings.label_retry_s_max)

    def close(self) -> None:
        """Finish the order under way, and let the files go."""
        self.sender.close()
        self.values.close()
