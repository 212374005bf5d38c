"""What contact needs from outside: raw values of a payment, a wire, and the clock of the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RawPayment:
    """Raw values of one payment: personal, opened for one use and kept nowhere.  "" = the event did not have it.

    payee_names: those it may have carried.  A name is sealed once for a customer and payee, so of a payment that brought
    nothing new the journal says only that its name is one of those; the payee's account is always its own.
    """

    customer: str = field(repr=False)
    account: str = field(repr=False)
    payee_account: str = field(repr=False)
    payee_names: tuple[str, ...] = field(repr=False)


class RawValues(Protocol):
    """Opens what was sealed with a payment."""

    def of_payment(self, seq: int, customer: int) -> RawPayment:
        """Of the event at this position of the decisions' journal, a customer's (token, unsigned).

        Raises NotFound when the customer's key was destroyed, Unavailable when it cannot be read now.
        """

    def device(self, device_id: str) -> int:
        """Token, unsigned, of a device; 0 of ""."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a sending.  status: of HTTP, 0 when there was no answer; trouble: what kind, without content."""

    status: int
    trouble: str = ""


class Wire(Protocol):
    """Posts to a URL and waits a limited time."""

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Sent: ...
