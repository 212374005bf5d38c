"""The register of customers' names: taken in, sealed under each customer's own key, and shown masked.

A raw name is in memory until it is sealed; what is kept is sealed bytes, and a keyed hash to know a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.errors import FieldError, NotFound
from tarim.bootstrap.names import NameDesk
from tarim.bootstrap.rescreening import subject_of
from tarim.privacy import FIELDS, REGISTER, Tokenizer, Vault, pack_fields
from tarim.screening import REGISTERED_MAX, BirthSpan, Register, Registered, Subject

SPACE: Final = "register"
"""Token space of what a customer registered."""


@dataclass(frozen=True, slots=True, repr=False)
class Named:
    """A customer and the name to register.  birth: 1970, 1970-05, 1970-05-21 or ""; countries: codes of two letters."""

    customer: str
    name: str
    birth: str = ""
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the customers of one request."""

    fresh: int
    changed: int
    unchanged: int


class NameRegister:
    """Takes names in.  tokenizer: nobody else's."""

    def __init__(self, desk: NameDesk, vault: Vault, tokenizer: Tokenizer) -> None:
        self._desk = desk
        self._vault = vault
        self._tokenizer = tokenizer
        self._one = asyncio.Lock()

    async def register(self, given: Sequence[Named]) -> Taken:
        """Register customers, durably; a screening follows.  Raises FieldError naming the place, Unavailable."""
        if not 1 <= len(given) <= REGISTERED_MAX:
            raise FieldError("customers", f"must have 1 to {REGISTERED_MAX} elements", f"{len(given)} elements")
        async with self._one:  # so that two requests about one customer are compared one after the other
            loop = asyncio.get_running_loop()
            sealed, taken = await loop.run_in_executor(None, self._sealed, given)
            if sealed:
                self._desk.append(Register(sealed, self._desk.now_ms()))
                self._desk.commit()
            return taken

    def _sealed(self, given: Sequence[Named]) -> tuple[list[Registered], Taken]:
        wanted: dict[int, tuple[int, bytes]] = {}
        for place, each in enumerate(given):
            token, values = self._checked(place, each)
            if token in wanted:
                raise FieldError(f"customers[{place}].customer", "must not be given twice")
            bundle = pack_fields({"customer": each.customer.strip(), **values})
            wanted[token] = (self._tokenizer.token(SPACE, "\n".join(values.values())), bundle)
        known = self._desk.book.digests(list(wanted))
        fresh = [token for token in wanted if token not in known]
        gone = dict(zip(wanted, self._vault.was_destroyed(np.array(list(wanted), np.int64)).tolist(), strict=True))
        changed = [
            token for token in wanted if token in known and (known[token] != wanted[token][0] or gone[token])
        ]  # a name of before the customer's keys were destroyed can be read by nobody: it is sealed again
        chosen = [*fresh, *changed]
        blobs = self._vault.seal_bundles(np.array(chosen, np.int64), [wanted[token][1] for token in chosen])
        sealed = [Registered(token, wanted[token][0], blob) for token, blob in zip(chosen, blobs, strict=True)]
        return sealed, Taken(len(fresh), len(changed), len(wanted) - len(chosen))

    def _checked(self, place: int, each: Named) -> tuple[int, dict[str, str]]:
        at = f"customers[{place}]"
        customer = each.customer.strip()
        if not 1 <= len(customer) <= FIELDS["customer"].length_max:
            raise FieldError(f"{at}.customer", f"must have 1 to {FIELDS['customer'].length_max} characters")
        try:
            subject = Subject(each.name.strip(), BirthSpan.parse(each.birth) if each.birth else None, each.countries)
        except FieldError as error:
            raise FieldError(f"{at}.{error.field}", error.rule, error.got) from None
        countries = " ".join(subject.countries)
        if len(countries) > REGISTER["customer_countries"].length_max:
            raise FieldError(f"{at}.countries", "must have at most 21 codes")
        values = {"customer_name": subject.name}
        values |= {"customer_birth": each.birth.strip()} if each.birth else {}
        values |= {"customer_countries": countries} if countries else {}
        return self._tokenizer.token(FIELDS["customer"].space, customer), values

    def masked(self, customer: int) -> str:
        """What people see of a customer's name: the first character of each word; "" without one, or destroyed.  Any thread."""
        sealed = self._desk.book.sealed_of(customer)
        if sealed is None:
            return ""
        try:
            name = subject_of(self._vault.open_sealed(customer, sealed)).name
        except NotFound:
            return ""
        return " ".join(word[0] + "*" * min(3, len(word) - 1) for word in name.split())
