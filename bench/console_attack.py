"""Can somebody do harm through the console's pages?

xss       hostile text in every field that a channel or a person can fill, then every page as three roles: none of it may have
          become an element, an attribute, an address to be run or an evaluated expression; and given in every query and path
forgery   every act without its token, with another session's, and from another site's page: all refused, nothing done
framing   every answer forbids to be framed
ways out  addresses to go on to after signing in or choosing a language: none leads to another host
paths     addresses that climb out of the static files: nothing but ours is given
uploads   files that carry programs, bombs and lies, offered as evidence and lists: none is kept
altered   a static file altered on the disk is put back, and what is served never changes

    python -m bench.console_attack
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

from bench.acceptance import Line, Run, none
from bench.console_bank import shared_bank
from tarim.base.errors import Unavailable
from tarim.console.pages import Page
from tarim.console.site import PAGES
from tarim.console.static_files import StaticFiles
from tarim.console.vendoring import STATIC
from tests.fakes.console_bank import Bank
from tests.fakes.console_web import AGENT, Web, crawl

ELEMENT, ATTRIBUTE, PRODUCT = "tarim-x", "tarim-y", "258057"
HOSTILE: Final = (
    f"<{ELEMENT} onclick=alert(1)>",
    f"\"'><{ELEMENT}>",
    f'" {ATTRIBUTE}="1',
    f"' {ATTRIBUTE}='1",
    f"</script></template></textarea></title><{ELEMENT}>",
    "javascript:alert(1)",
    "{{ 507 * 509 }}${507*509}",
)
"""Each would leave its mark: an element or attribute of ours, an address to be run, or the product."""
CRAWLERS: Final = ("investigator", "auditor", "reviewer")
_NAMES: Final = re.compile(r"\{[a-z_]+(?::path)?\}")
_REACTS: Final = ("href", "src", "action", "formaction", "hx-get", "hx-post", "data-url")


class Marks(HTMLParser):
    """Marks of hostile text that came alive in HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)
        if PRODUCT in html:
            self.found.append("an evaluated expression")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        if tag == ELEMENT:
            self.found.append("an element")
        for name, value in attrs:
            if name == ATTRIBUTE:
                self.found.append("an attribute")
            if name in _REACTS and (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"an address to be run in {name}")


def plant(bank: Bank) -> int:
    """Hostile text where channels and people can write; how many fields took it."""
    taken = 0
    fields = ("customer", "account", "payee_account", "payee_name", "payee_phone", "device_id", "device_os", "app_version",
              "merchant_id", "event_id", "source")  # fmt: skip
    for number, text in enumerate(HOSTILE):
        for field in fields:
            value = text.replace(" ", "/")[:60] if field == "event_id" else text[:60]
            taken += _sent(bank, {"event_id": f"hostile-{number}-{field}", field: value})
        taken += sum(_wrote(bank, *act) for act in _acts(bank, text))
    return taken


def _sent(bank: Bank, fields: dict[str, object]) -> bool:
    try:
        bank.send(amount_fen=8_000_000, **fields)
    except AssertionError:
        return False  # refused, which is as good
    return True


def _acts(bank: Bank, text: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    case = f"/v1/cases/{bank.cases['restricted']}"
    yield "investigator", "desk", f"{case}/note", {"text": text}
    yield "investigator", "desk", f"{case}/tag", {"tag": text[:32]}
    yield "investigator", "desk", f"{case}/follow-up", {"due_ms": 4_000_000_000_000, "text": text}
    named = {"name": f"{re.sub('[^ -~]|[/:*?<>|]', '_', text)[:60]}.txt", "content_base64": "aGVsbG8gd29ybGQ="}
    yield "investigator", "desk", "/v1/cases:evidence", {"case": bank.cases["restricted"], **named}
    complaint = {"kind": "complaint", "channel": "hotline", "category": "other", "text": text, "contact": text,
                 "received_ms": 1_780_000_000_000, "case": ""}  # fmt: skip
    yield "investigator", "desk", "/v1/complaints", {"file": complaint, "customer": ""}
    listed = {"name": f"hostile_{abs(hash(text)) % 10**6}", "kind": "grey", "field": "ip", "reason": text, "title_zh": text,
              "title_en": text}  # fmt: skip
    yield "analyst", "serve", "/v1/lists", listed
    entry = {"source": text[:60], "reason": text, "entries": [{"value": text[:60]}]}
    yield "analyst", "serve", "/v1/lists/fraud_accounts/entries", entry
    change = {"kind": "reset", "login": "sun.li"}
    yield "administrator", "desk", "/v1/changes", {"change": change, "reason": text}
    yield "operator", "serve", "/v1/switches:throw", {"what": "rule_paused", "target": "large_to_new_payee", "value": 0,
                                                      "reason": text}  # fmt: skip


def _wrote(bank: Bank, role: str, service: str, path: str, body: dict[str, Any]) -> bool:
    try:
        (bank.desk if service == "desk" else bank.serve)(role, "POST", path, body)
    except Unavailable:
        return False
    return True


def stored(bank: Bank, limit: int, roles: tuple[str, ...]) -> tuple[int, list[str]]:
    """(answers looked at, where hostile text came alive)."""
    looked, alive = 0, list[str]()
    for role in roles:
        web = Web(bank.url, bank.session(role, AGENT))
        for answer in crawl(web, limit=limit):
            looked += 1
            if answer.is_html:
                alive += [f"{role} {answer.address}: {mark}" for mark in Marks(answer.text).found]
            if answer.headers.get("x-frame-options") != "DENY" or "frame-ancestors 'none'" not in answer.headers.get(
                "content-security-policy", ""
            ):
                alive.append(f"{answer.address} can be framed")
        web.close()
    return looked, alive


def reflected(bank: Bank, texts: tuple[str, ...]) -> tuple[int, list[str]]:
    """Hostile text in queries and paths of every page, in the search, and in the form of signing in."""
    looked, alive = 0, list[str]()
    web, nobody = Web(bank.url, bank.session("investigator", AGENT)), Web(bank.url, "")

    def look(where: str, said: httpx.Response) -> None:
        nonlocal looked
        looked += 1
        if said.headers.get("content-type", "").startswith("text/html"):
            alive.extend(f"{where}: {mark}" for mark in Marks(said.text).found)

    for text in texts:
        for page in PAGES:
            if page.method == "GET" and page.name != "live_stream":
                address = _NAMES.sub(quote(text, safe=""), page.path)
                query = "&".join(
                    f"{name}={quote(text)}" for name in ("q", "next", "state", "sort", "tag", "at", "after")
                )
                look(page.name, web.get(f"{address}?{query}"))
        look("search", web.post("/search", {"q": text}))
        look("sign in", nobody.post("/sign-in", {"login": text, "password": text, "next": text}))
        look("no page", nobody.get("/" + quote(text)))
    web.close()
    nobody.close()
    return looked, alive


def forged(bank: Bank) -> tuple[int, list[str]]:
    """(tries, acts that were taken though a page of ours did not send them)."""
    web = Web(bank.url, bank.session("investigator", AGENT))
    other = Web(bank.url, bank.session("analyst", AGENT))
    from tarim.console.session import csrf_of

    ways: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("without a token", "", {}),
        ("with a made-up token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", {}),
        ("with another session's token", csrf_of(other.token), {}),
        ("from another site", csrf_of(web.token), {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        ("from a sister site", csrf_of(web.token), {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}),
        ("with a null origin", "", {"Origin": "null", "Sec-Fetch-Site": ""}),
    )
    tries, taken = 0, []
    for page in _acts_of("investigator"):
        for name, token, headers in ways:
            said = web.post(
                _NAMES.sub(bank.cases["assigned"], page.path), {"reason": "forged"}, csrf=token, headers=headers
            )
            tries += 1
            if said.status_code != 403:
                taken.append(f"{page.name} {name}: {said.status_code}")
    web.close()
    other.close()
    return tries, taken


def _acts_of(role: str) -> Iterator[Page]:
    from tarim.identity import ROLES, Role, Scope

    held = ROLES[Role(role)].scopes | {Scope.SELF}
    return (page for page in PAGES if page.method == "POST" and page.scopes & held)


def ways_out(bank: Bank) -> tuple[int, list[str]]:
    """Where one is sent on to."""
    wanted = ("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example",
              "http:evil.example", "/\t/evil.example", "javascript:alert(1)", "/..//evil.example", "/%0d%0aset-cookie:x=1",
              "evil.example", "///evil.example", "/a\r\nset-cookie: x=1")  # fmt: skip
    home, tries, out = urlsplit(bank.url).netloc, 0, []
    nobody = Web(bank.url, "")
    person = bank.staff["auditor"]
    for each in wanted:
        form = {"login": person.login, "password": person.password, "code": bank.code("auditor"), "next": each}
        answers = [nobody.get(f"/language/en?next={quote(each)}"), nobody.post("/sign-in/proof", form)]
        for said in answers:
            tries += 1
            leads = urlsplit(httpx.URL(bank.url).join(said.headers.get("location", "/")).__str__())
            if leads.netloc != home or "x=1" in str(said.headers.get_list("set-cookie")):
                out.append(f"{each!r} leads to {said.headers.get('location')!r}")
    nobody.close()
    return tries, out


def paths(bank: Bank) -> tuple[int, list[str]]:
    """Addresses that climb."""
    version = StaticFiles().version
    names = ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py", "..\\app.py", "vendor/../../app.py", "/etc/passwd",
             "%2fetc%2fpasswd", "vendor/vendor.json", "icons.txt", "console.css%00.py", "..%c0%afapp.py")  # fmt: skip
    given = []
    with httpx.Client(base_url=bank.url) as client:
        for name in names:
            said = client.get(f"/static/{version}/{name}", headers={"User-Agent": AGENT})
            if said.status_code == 200:
                given.append(f"{name}: {len(said.content)} bytes")
    return len(names), given


def hostile_files() -> dict[str, bytes]:
    """Files that nobody may keep, by name."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    return {
        "page.html": b"<!doctype html><script>alert(1)</script>",
        "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "picture.png": b"<svg onload=alert(1)>",
        "report.pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
        "tool.exe": b"MZ" + bytes(200),
        "tool.txt": b"MZ" + bytes(200),
        "archive.zip": bomb.getvalue(),
        "macro.xlsm": bomb.getvalue(),
        "empty.txt": b"",
        "notes.txt": b"<html><script>alert(1)</script></html>",
        "a.sh": b"#!/bin/sh\nrm -rf /\n",
        "large.txt": b"a" * (11 << 20),
    }


def uploads(bank: Bank) -> tuple[int, list[str]]:
    """(files offered, those that were kept)."""
    case = bank.cases["restricted"]
    web = Web(bank.url, bank.session("investigator", AGENT))
    analyst = Web(bank.url, bank.session("analyst", AGENT))

    def count() -> int:
        return len(bank.desk("investigator", "GET", f"/v1/cases/{case}")["evidence"])

    kept, tries = [], 0
    for name, content in hostile_files().items():
        before = count()
        web.post(f"/cases/{case}/evidence", files={"file": (name, content, "text/plain")})
        tries += 1
        if count() != before:
            kept.append(f"evidence {name}")
    waiting = len(bank.serve("analyst", "GET", "/v1/list-proposals")["proposals"])
    for name in ("archive.zip", "macro.xlsm", "tool.exe"):
        form = {"name": "fraud_accounts", "source": "x", "reason": "x", "propose": "1", "format": "xlsx"}
        said = analyst.post("/list-import", form, files={"file": ("entries.xlsx", hostile_files()[name], "text/plain")})
        tries += 1
        if said.status_code >= 500:
            kept.append(f"list {name}: {said.status_code}")
    if len(bank.serve("analyst", "GET", "/v1/list-proposals")["proposals"]) != waiting:
        kept.append("a list out of a hostile file")
    web.close()
    analyst.close()
    return tries, kept


def altered() -> tuple[int, list[str]]:
    """(files altered, those that were not put back or were served altered).  On a copy of the static files."""
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "static"
        shutil.copytree(STATIC, folder)
        files = StaticFiles(folder)
        before = {each: files.content(each) for each in files.names()}
        chosen = [each for each in before if each.endswith((".js", ".css", ".svg"))][:8]
        for place, each in enumerate(chosen):
            if place % 2:
                (folder / each).unlink()
            else:
                (folder / each).write_bytes(before[each] + b"\n/* altered */")
        wrong += [f"{each} served altered" for each in chosen if files.content(each) != before[each]]
        asyncio.run(_watched(files))
        wrong += [f"{each} not put back" for each in chosen if (folder / each).read_bytes() != before[each]]
        (folder / "vendor" / "htmx.js").write_bytes(b"alert(1)")
        try:
            StaticFiles(folder)
            wrong.append("a console starts with a third-party script that is not the one that was built")
        except Unavailable:
            pass
    return len(chosen) + 1, wrong


async def _watched(files: StaticFiles) -> None:
    task = asyncio.create_task(files.watch(0.01))
    await asyncio.sleep(0.5)
    task.cancel()


def lines(run: Run) -> Iterator[Line]:
    """The bar `attack`."""
    bank = shared_bank()
    taken = plant(bank)
    roles = CRAWLERS[: run.pick(3, 1)]
    looked, alive = stored(bank, run.pick(2_000, 60), roles)
    yield none(
        "attack, stored text that came alive", "place", len(alive), _note(alive, f"{taken} fields, {looked} answers")
    )
    looked, alive = reflected(bank, HOSTILE[: run.pick(len(HOSTILE), 1)])
    yield none("attack, reflected text that came alive", "place", len(alive), _note(alive, f"of {looked} answers"))
    for name, what, (tries, found) in (
        ("attack, forged acts taken", "act", forged(bank)),
        ("attack, ways out of the house", "way", ways_out(bank)),
        ("attack, files given beside the static ones", "file", paths(bank)),
        ("attack, hostile files kept", "file", uploads(bank)),
        ("attack, altered files not put back", "file", altered()),
    ):
        yield none(name, what, len(found), _note(found, f"of {tries} tries"))


def _note(found: list[str], text: str) -> str:
    return "; ".join([text, *found[:3]])


if __name__ == "__main__":
    for line in lines(Run(False, float("inf"))):
        print("PASS" if line.passed else "MISS", line.name, line.figure, flush=True)
