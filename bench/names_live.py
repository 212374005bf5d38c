"""Name screening through the real path: a child process over a register of sealed names, and events through a real service.

    re-screening    the command the service starts, from its start to its kept result: reading, opening, indexing, asking
    as at           a random history of records, asked at random instants, against looking through it again
    events          one event after the other, with payees' names that were never asked before

python -m bench.names_live [--first CUSTOMERS]      with --first: what asking that many customers about everything costs
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench.acceptance import Line, Run, at_most, none
from bench.name_cases import real_entries
from bench.names import CHANGED_ENTRIES, CUSTOMERS, ENTRIES, RESCREEN_S_MOST, customer_names, large_list
from bench.serving import Served, new_data, serving
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.places import API_KEYS_FILE, Places, make_data_folder
from tarim.bootstrap.rescreening import decode_screening, kept_screenings
from tarim.identity import Scope, create_key
from tarim.privacy import Tokenizer, Vault, load_master_key, pack_fields
from tarim.screening import (
    Edition,
    Found,
    GoodGuy,
    GoodGuyEnd,
    ListEntry,
    Matches,
    NameBook,
    NameList,
    NamesState,
    Party,
    PartyKind,
    Record,
    Register,
    Registered,
    Screening,
    encode_edition,
    encode_names,
)
from tests.naive.names import edition_at, score_at

THRESHOLD: Final = 82
_BATCH: Final = 1_000
_EVENT_MS_MOST: Final = 50.0


def lines(run: Run) -> Iterator[Line]:
    """All lines."""
    yield from judge_as_at(run)
    yield from judge_rescreening(run)
    yield from judge_events(run)


# --------------------------------------------------------------------------------------------------------- re-screening
def _fill(places: Places, names: Sequence[str], before: Sequence[ListEntry], after: Sequence[ListEntry]) -> int:
    """A data folder in which everybody was screened against `before`, and `after` has come into force; the next position."""
    master = load_master_key(places.master_key, {})
    tokenizer, seq = Tokenizer(master.derive("tokens")), 0
    artefacts, book = Artefacts(places.artefacts), NameBook(places.names)
    with Vault.open(places.vault, master) as vault:
        for start in range(0, len(names), _BATCH):
            part = names[start : start + _BATCH]
            tokens = [tokenizer.token("customer", f"B{start + place}") for place in range(len(part))]
            bundles = [pack_fields({"customer_name": name}) for name in part]
            blobs = vault.seal_bundles(np.array(tokens, np.int64), bundles)
            register = [Registered(token, 1, blob) for token, blob in zip(tokens, blobs, strict=True)]
            book.take(seq, encode_names(Register(register, seq)))
            seq += 1
    digests = [artefacts.keep(encode_edition("all", NameList("all", "", tuple(each)))) for each in (before, after)]
    first = Edition("all", digests[0], "", "", "", len(before), len(before), 0, 0, "one", "two", "first", seq)
    book.take(seq, encode_names(first))
    screened = Screening("s", {"all": digests[0]}, THRESHOLD, seq, True, [], [], "", len(names), len(before), 0, seq)
    book.take(seq + 1, encode_names(screened))
    second = Edition(
        "all", digests[1], digests[0], "", "", len(after), CHANGED_ENTRIES, 0, 0, "one", "two", "next", seq
    )
    book.take(seq + 2, encode_names(second))
    book.close()
    return seq + 3


def judge_rescreening(run: Run) -> Iterator[Line]:
    """A hundred entries come; the child asks all customers about them."""
    count = run.pick(CUSTOMERS, 1_000)
    entries = list(real_entries())
    random.Random(6).shuffle(entries)
    changed, before = (
        entries[:CHANGED_ENTRIES],
        entries[CHANGED_ENTRIES : CHANGED_ENTRIES + run.pick(len(entries), 1_000)],
    )
    planted = [entry.names[0].text for entry in changed]
    with tempfile.TemporaryDirectory() as folder:
        places = make_data_folder(Path(folder) / "data")
        to_seq = _fill(places, [*customer_names(count, seed=5), *planted], before, [*before, *changed])
        command = [sys.executable, "-m", "tarim.cli", "names", "screen-all", "--data", str(places.data)]
        command += ["--threshold", str(THRESHOLD), "--to-seq", str(to_seq)]
        begun = time.perf_counter()
        child = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "src"}, check=True
        )
        taken_s = time.perf_counter() - begun
        digest = json.loads(child.stdout.splitlines()[-1])["digest"]
        result = decode_screening(kept_screenings(places).get(digest))
    assert result.entries == CHANGED_ENTRIES and result.customers == count + len(planted) and not result.full
    matched = {each.entry for each in result.found}
    lost = sum(entry.id not in matched for entry in changed)
    note = f"{count:,} customers, process start, reading and opening included; {len(result.found):,} matches"
    yield at_most("names, re-screening in the service's child", RESCREEN_S_MOST, taken_s, " s", note)
    yield none("names, planted customers", "entry without its customer", lost, f"of {len(changed)}")


# ---------------------------------------------------------------------------------------------------------------- as at
def judge_as_at(run: Run) -> Iterator[Line]:
    """Random records, then questions about random instants: what was in force, whose score counted."""
    chance = random.Random(11)
    count, asked = run.pick(1_000, 200), run.pick(10_000, 500)
    parties = [Party(kind, token) for kind in PartyKind for token in range(20)]
    records: list[Record] = []
    for at_ms in range(count):
        records.append(_random_record(chance, parties, at_ms))
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        book = NameBook(Path(folder))
        for seq, record in enumerate(records):
            book.take(seq, encode_names(record))
        states: dict[int, NamesState] = {}
        for _ in range(asked):
            at_ms, party, list_name = chance.randrange(count), chance.choice(parties), chance.choice(("own", "un"))
            if at_ms not in states:
                states[at_ms] = book.state_at(at_ms)
            state = states[at_ms]
            present = state.in_force.get(list_name)
            wrong += ("" if present is None else present.digest) != edition_at(records[: at_ms + 1], list_name, at_ms)
            wrong += state.score(party, at_ms) != score_at(records[: at_ms + 1], party, at_ms)
        book.close()
    yield none(
        "names, as at past instants", "answer other than the twin's", wrong, f"of {2 * asked:,}; {count:,} records"
    )


def _random_record(chance: random.Random, parties: Sequence[Party], at_ms: int) -> Record:
    list_name, entry, party = chance.choice(("own", "un")), f"X-{chance.randrange(5)}", chance.choice(parties)
    digest = chance.choice("ab")
    match chance.randrange(10):
        case 0:
            return Edition(list_name, f"{at_ms:x}", "", "", "", 1, 1, 0, 0, "one", "two", "why", at_ms)
        case 1:
            settled = [(list_name, entry)] * chance.randrange(2)
            return Screening(f"s{at_ms}", {}, 82, 0, chance.random() < 0.1, settled, [], "", 0, 0, 0, at_ms)
        case 2 | 3:
            return GoodGuy(party, list_name, entry, digest, at_ms + chance.randrange(1, 99), "why", "one", "two", at_ms)
        case 4:
            return GoodGuyEnd(party, list_name, entry, "one", "why", at_ms)
        case _:
            return Matches("", [Found(party, list_name, entry, digest, chance.randrange(82, 101), "x")], at_ms)


# --------------------------------------------------------------------------------------------------------------- events
def judge_events(run: Run) -> Iterator[Line]:
    """Events with names that nobody has asked about, and the same names again, one request at a time."""
    entries = real_entries()
    listed = entries if not run.quick else entries[:1_000]
    names = list(dict.fromkeys(customer_names(run.pick(2_000, 100), seed=8)))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        for person in ("first", "second"):
            keys[person] = create_key(data / API_KEYS_FILE, person, list(Scope), 1)[1]
        with serving(data, keys) as served:
            _import(served, listed)
            with served.client() as client:
                fresh_ms = _sent(client, names, "fresh")
                known_ms = _sent(client, names, "known")
            metrics = served.client("metrics").get("/metrics").text
    unscreened = sum(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("tarim_names_unscreened ")
    )
    p50, p99 = np.percentile(fresh_ms, [50, 99])
    known_50, known_99 = np.percentile(known_ms, [50, 99])
    note = f"{len(names):,} events, {len(listed):,} entries; p50 {p50:.2f}; name known: p50 {known_50:.2f}, p99 {known_99:.2f}"
    yield at_most("names, event with a new payee, ms p99", _EVENT_MS_MOST, float(p99), note=note)
    yield none("names, events one by one", "event decided before its payee was screened", int(unscreened))


def _import(served: Served, entries: Sequence[ListEntry]) -> None:
    """The entries as the bank's own list, by two persons."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("id", "name", "quality", "kind"))
    for entry in entries:
        for name in entry.names:
            writer.writerow((entry.id, name.text, name.quality.value, entry.kind.value))
    body: dict[str, Any] = {"list_name": "all", "reason": "bench", "propose": True}
    body["files"] = {"own.csv": base64.b64encode(text.getvalue().encode()).decode()}

    def ask(who: str, path: str, content: object) -> Any:
        headers = {"Authorization": f"Bearer {served.keys[who]}"}
        answer = httpx.post(served.url + path, json=content, headers=headers, timeout=300)
        assert answer.status_code < 300, answer.text
        return answer.json()

    proposal = ask("first", "/v1/name-lists:import", body)["proposal"]
    ask("second", f"/v1/proposals/{proposal['id']}", {"verdict": "approve", "digest": proposal["digest"]})


def _sent(client: httpx.Client, names: Sequence[str], run_name: str) -> list[float]:
    """Milliseconds of each decision."""
    taken = []
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for number, name in enumerate(names):
        event = {
            "event_id": f"{run_name}-{number}",
            "source": "bench",
            "kind": "transfer",
            "occurred_at": at,
            "customer": f"C{number % 100}",
            "account": f"62220202001{number % 100:05}",
            "payee_account": f"62220202009{number:05}",
            "payee_name": name,
            "amount_fen": 1_000,
        }
        begun = time.perf_counter()
        answer = client.post("/v1/decisions", json=event)
        taken.append((time.perf_counter() - begun) * 1_000)
        assert answer.status_code == 200, answer.text
    return taken


# ------------------------------------------------------------------------------------------------------ first screening
def first_screening(customers: int) -> dict[str, float]:
    """A share of all customers asked about all entries, by the command the service starts; what all would take, in seconds.

    Processor time of the child: with no customers, which is starting and reading the lists, and for each customer more.
    """
    entries = large_list(list(real_entries()), ENTRIES).entries
    used_s = []
    for count in (1, customers):
        with tempfile.TemporaryDirectory() as folder:
            places = make_data_folder(Path(folder) / "data")
            to_seq = _fill(places, customer_names(count, seed=9), entries, entries)
            command = [sys.executable, "-m", "tarim.cli", "names", "screen-all", "--full", "--data", str(places.data)]
            command += ["--threshold", str(THRESHOLD), "--to-seq", str(to_seq)]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONPATH": "src"}, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    each_s = (used_s[1] - used_s[0]) / (customers - 1)
    return {
        "customers": customers,
        "entries": len(entries),
        "lists_cpu_s": round(used_s[0], 1),
        "customer_cpu_ms": round(each_s * 1e3, 3),
        "whole_customers": CUSTOMERS,
        "whole_cpu_s": round(used_s[0] + each_s * CUSTOMERS),
    }


if __name__ == "__main__":
    if "--first" in sys.argv:
        print(json.dumps(first_screening(int(sys.argv[sys.argv.index("--first") + 1]))))
    else:
        for line in lines(Run("--quick" in sys.argv, time.monotonic() + 900)):
            print(line)
