"""Identifiers of the link graph in full, read from the vault beside the service: a few for one use, kept nowhere."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path

from tarim.privacy import CustomerReader, MasterKey, Tokenizer
from tarim.views import Entity, Seen


class LinkNames:
    """See `tarim.api.link_views.RawNames`.  Any thread may call it.

    An entity's identifier lies sealed with a customer who used it, so the customers of its newest events are asked.  What came
    in the last seconds is not in the vault's index yet and has no name until it is.
    """

    def __init__(self, vault: Path, master: MasterKey) -> None:
        self._reader = CustomerReader(vault, master)
        self._tokenizer = Tokenizer(master.derive("tokens"))
        self._lock = threading.Lock()

    def of(self, seen: Seen, entities: Collection[Entity]) -> dict[Entity, str]:
        """Those that can be opened.  Raises Unavailable, Damaged."""
        wanted = set(entities)
        found: dict[Entity, str] = {}
        asked: set[int] = set()
        for customers in seen.customers_of(entities):
            for customer in customers:
                if wanted <= found.keys():
                    return found
                if customer not in asked:
                    asked.add(customer)
                    found |= self._of_customer(customer, wanted)
        return found

    def token(self, space: str, identifier: str) -> int:
        """Token, signed, of an identifier."""
        with self._lock:
            return self._tokenizer.token(space, identifier)

    def _of_customer(self, customer: int, wanted: set[Entity]) -> dict[Entity, str]:
        found = {}
        spaces = {field: (kind, kind.space) for kind in {entity.kind for entity in wanted} for field in kind.fields}
        for _, bundle in self._reader.bundles(customer):
            for field, (kind, space) in spaces.items():
                value = bundle.get(field)
                if value and (entity := Entity(kind, self.token(space, value))) in wanted:
                    found[entity] = value
        return found
