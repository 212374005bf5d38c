"""Does any page, fragment or export of the console show an unmasked value of a planted customer outside an audited full view?

As every role everything is asked for that pages lead to (`tests.fakes.console_web.crawl`), the planted customers' cases and
decisions besides, and the exports that a form gives.  Answers are searched for document number, card, telephone and name of
every planted customer, as written, as HTML and as JSON.  A full view of one case, with its reason, has to show them, and to
be on the trail.

    python -m bench.console_masking
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from bench.acceptance import Line, Run, at_least, none
from bench.console_bank import shared_bank
from tarim.identity import Role
from tests.fakes.console_bank import Bank
from tests.fakes.console_web import AGENT, Web, crawl

QUICK_ROLES: Final = (Role.INVESTIGATOR, Role.AUDITOR)
REASON: Final = "masking bar"
EXPORTS: Final = (("/cases/export", {"reason": REASON, "form": "csv"}), ("/links/export", {"reason": REASON}))


@dataclass
class Searched:
    """Answers, and what was found in them."""

    planted: tuple[str, ...]
    answers: int = 0
    shown: int = 0
    found: list[str] = field(default_factory=list)

    def look(self, where: str, status: int, text: str) -> None:
        """Search one answer."""
        self.answers += 1
        self.shown += status == 200
        plain = html.unescape(text)
        for value in self.planted:
            if any(form in each for each in (text, plain) for form in (value, json.dumps(value)[1:-1])):
                self.found.append(f"{where}: a value of {len(value)} characters")


def searched(bank: Bank, roles: tuple[Role, ...], limit: int) -> Searched:
    """Everything that these roles are shown."""
    search = Searched(tuple(value for each in bank.planted for value in each.planted))
    for role in roles:
        web = Web(bank.url, bank.session(role.value, AGENT))
        for answer in crawl(web, limit=limit):
            search.look(f"{role.value} {answer.address}", answer.status, answer.text)
        for address in _directly(bank):
            for fragment in (False, True):
                said = web.get(address, fragment=fragment)
                search.look(f"{role.value} {address}", said.status_code, said.text)
        for address, form in EXPORTS:
            said = web.post(address, form)
            search.look(f"{role.value} POST {address}", said.status_code, said.text)
        web.close()
    for command in bank.commands:
        search.look(f"log of {command}", 200, bank.log_of(command))
    return search


def _directly(bank: Bank) -> Iterator[str]:
    """Addresses of the planted customers' cases and decisions, which a crawl may leave out for their number."""
    for each in bank.planted:
        case = bank.cases[f"planted-{each.number}"]
        yield from (f"/cases/{case}", f"/cases/{case}/print", f"/decisions/core/planted-{each.number}")
        yield f"/search?q={quote(case)}"


def full_view(bank: Bank) -> bool:
    """Whether a case is shown in full to who has just proved who he is, and is on the trail for it."""
    planted = bank.planted[0]
    address = f"/cases/{bank.cases['planted-0']}/reveal"
    before = len(_views(bank))
    web = Web(bank.url, bank.session("investigator", AGENT))
    shown = web.post(address, {"reason": REASON}).text
    web.close()
    whole = all(value in shown for value in (planted.card, planted.name, planted.phone))
    return whole and len(_views(bank)) == before + 1


def _views(bank: Bank) -> list[object]:
    """The investigator's full views of cases, as the trail has them."""
    entries = bank.desk("auditor", "GET", "/v1/audit/entries", None, limit=200)["entries"]
    who = bank.staff["investigator"].login
    return [each for each in entries if (each["act"], each["result"], each["who"]) == ("reveal_case", "done", who)]


def lines(run: Run) -> Iterator[Line]:
    """The bar `masking`."""
    bank = shared_bank()
    found = searched(bank, QUICK_ROLES if run.quick else tuple(Role), run.pick(2_000, 60))
    note = f"of {found.answers:,} answers, {found.shown:,} of them given" + "".join(f"; {e}" for e in found.found[:3])
    yield none("masking, unmasked values", "planted value", len(found.found), note)
    yield at_least("masking, full view shown and on the trail", 1, int(full_view(bank)))


if __name__ == "__main__":
    one = shared_bank()
    result = searched(one, tuple(Role), 2_000)
    print(f"{result.answers} answers, {result.shown} given; {len(result.found)} found", *result.found[:20], sep="\n")
    print("full view:", full_view(one))
