"""Files while a watch list is in force: their payees' names are screened, and rules see what was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tarim.base.errors import NotFound
from tarim.bootstrap.file_journal import FileJournal
from tarim.bootstrap.house import House
from tarim.bootstrap.name_marks import FileNames
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.replaying import replay
from tarim.bootstrap.settings import settings_of
from tarim.decisions import RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.screening import (
    Edition,
    Found,
    Kind,
    ListedName,
    ListEntry,
    Matches,
    NameList,
    Party,
    PartyKind,
    encode_edition,
    encode_names,
)
from tarim.stream import Col, Flag, Rows

RULES = """name = "names"

[[rule]]
id = "unscreened"
when = "payee_name_unscreened"
outcome = "notice"
weight = 10
scenario = "sanctions"
reason = "收款人姓名未筛查"
reason_en = "the payee's name was not screened"

[[rule]]
id = "listed"
when = "customer_name_score >= 82 or payee_name_score >= 82"
outcome = "suspend"
weight = 90
scenario = "sanctions"
reason = "客户与制裁名单相似"
reason_en = "the customer is alike to a sanctioned party"
"""
NAMES = ("Volodymyr Kozhyn", None, "Kozhyn Volodymyr\u3000", "Wang Wei", "Li Na", "Volodymyr Kozhyn")
"""A listed one, none, the listed one in other words with a space that only the rules for single messages look at (its row goes
their way), two others, and the listed one again."""


def _events() -> pa.RecordBatch:
    count = len(NAMES)
    return pa.RecordBatch.from_pydict(
        {
            "event_id": [f"e{at}" for at in range(count)],
            "source": ["test"] * count,
            "kind": ["transfer"] * count,
            "occurred_at": ["2026-02-01T12:00:00+08:00"] * count,
            "customer": [f"C{at}" for at in range(count)],
            "account": ["A1"] * count,
            "payee_account": ["P1"] * count,
            "payee_name": list(NAMES),
            "amount_fen": [100] * count,
        }
    )


def _put_in_force(house: House) -> None:
    """A list, and a match of customer C3 with one of its entries."""
    entry = ListEntry("X-1", "own", "", Kind.PERSON, (ListedName("Volodymyr Kozhyn"),))
    digest = house.artefacts.keep(encode_edition("own", NameList("own", "", (entry,))))
    match = Found(
        Party(PartyKind.CUSTOMER, house.tokenizer.token("customer", "C3")), "own", "X-1", "a" * 32, 91, "Wang"
    )
    now_ms = house.clock.now_ms()
    for record in (
        Edition("own", digest, "", "", "", 1, 1, 0, 0, "li", "wang", "why", now_ms),
        Matches("", [match], now_ms),
    ):
        payload = encode_names(record)
        house.names.take(house.service.control(RecordKind.NAMES, payload), payload)
    house.service.commit()


def _judged(journal: Path) -> Rows:
    with FolderReader(journal) as reader:
        return np.concatenate(
            [np.array(decode_events(each).rows) for each in reader.read(0) if each.kind == RecordKind.EVENTS]
        )


def _check(rows: Rows) -> None:
    assert not np.any(rows[:, Col.FLAGS] & Flag.NAME_UNSCREENED)
    assert rows[:, Col.CUSTOMER_NAME_SCORE].tolist() == [0, 0, 0, 91, 0, 0]
    scores = rows[:, Col.PAYEE_NAME_SCORE].tolist()
    assert scores[0] == scores[5] == 100
    assert scores[2] >= 82
    assert scores[1] == scores[3] == scores[4] == 0


def test_names_of_files_are_screened_before_their_events_are_judged(tmp_path: Path) -> None:
    """In a replay, whose matches become work for people, and in files looked at for a backtest; without a list nothing is."""
    data = tmp_path / "data"
    make_data_folder(data)
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    environment = {"TARIM_POLICY_RULES_FILE": str(tmp_path / "rules.toml")}
    settings, places = settings_of(data, environment), Places(data)
    with House(settings, places, environment) as house:
        before = replay(house, [_events()], None)
        assert before.outcomes["pass"] == len(NAMES)
        _put_in_force(house)
        again = _events().set_column(0, "event_id", pa.array([f"f{at}" for at in range(len(NAMES))]))
        found = replay(house, [again], None, backfill=True)
        assert (found.outcomes["pass"], found.outcomes["notice"], found.outcomes["suspend"]) == (2, 0, 4)
        payee = Party(PartyKind.PAYEE, house.tokenizer.token("account", "P1"))
        known = house.names.state.known(payee, "own", "X-1")
        assert known.found.score == 100
        noted = house.journal.durable_seq
        repeated = replay(house, [_events()], None)
        assert (repeated.events, repeated.repeated, repeated.conflicts) == (0, len(NAMES), 0)
        assert house.journal.durable_seq == noted, "a match that is known is no news"
        house.intake.screen_names(FileNames(house.names.state, house.artefacts, 82, remembered_max=1))
        forgetful = [
            _events().set_column(0, "event_id", pa.array([f"{part}{at}" for at in range(len(NAMES))])) for part in "gh"
        ]
        assert replay(house, forgetful, None).outcomes["suspend"] == 8
    for start in range(len(NAMES), 4 * len(NAMES), len(NAMES)):
        _check(_judged(places.journal)[start : start + len(NAMES)])
    deciding = FileJournal(settings, places, house.features, environment, "backtest", lambda: False)
    assert deciding.lists_digest
    assert deciding.decide(tmp_path / "looked", [_events()], None, lambda _done: None) == (len(NAMES), 0)
    _check(_judged(tmp_path / "looked"))


def test_a_file_is_not_judged_against_a_list_that_is_gone(tmp_path: Path) -> None:
    """It would pass for screened."""
    data = tmp_path / "data"
    make_data_folder(data)
    settings, places = settings_of(data, {}), Places(data)
    with House(settings, places, {}) as house:
        _put_in_force(house)
        for kept in places.artefacts.iterdir():
            if b"Kozhyn" in kept.read_bytes():
                kept.unlink()
        with pytest.raises(NotFound, match="is not kept"):
            replay(house, [_events()], None)
