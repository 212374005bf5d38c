"""Files while a watch list is in force: nobody is asked about payees' names, and rules see that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from tarim.bootstrap.file_journal import FileJournal
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.replaying import replay
from tarim.bootstrap.settings import settings_of
from tarim.decisions import RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.screening import Edition, Found, Matches, Party, PartyKind, encode_names
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
when = "customer_name_score >= 82"
outcome = "suspend"
weight = 90
scenario = "sanctions"
reason = "客户与制裁名单相似"
reason_en = "the customer is alike to a sanctioned party"
"""
NAMES = ("张三", None, "Li Na\u3000", "Wang Wei")
"""The third has a space that only the rules for single messages look at: its row goes their way."""


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
    match = Found(
        Party(PartyKind.CUSTOMER, house.tokenizer.token("customer", "C3")), "own", "X-1", "a" * 32, 91, "Wang"
    )
    now_ms = house.clock.now_ms()
    for record in (
        Edition("own", "d" * 64, "", "", "", 1, 1, 0, 0, "li", "wang", "why", now_ms),
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
    assert [bool(flags & Flag.NAME_UNSCREENED) for flags in rows[:, Col.FLAGS]] == [True, False, True, True]
    assert rows[:, Col.CUSTOMER_NAME_SCORE].tolist() == [0, 0, 0, 91]
    assert not rows[:, Col.PAYEE_NAME_SCORE].any()


def test_rows_of_a_file_say_that_their_payees_were_not_screened(tmp_path: Path) -> None:
    """Rules stop what was not screened, in a replay and in files looked at for a backtest; without a list nothing is said."""
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
        assert (found.outcomes["pass"], found.outcomes["notice"], found.outcomes["suspend"]) == (1, 2, 1)
        repeated = replay(house, [_events()], None)
        assert (repeated.events, repeated.repeated, repeated.conflicts) == (0, len(NAMES), 0)
    _check(_judged(places.journal)[len(NAMES) :])
    deciding = FileJournal(settings, places, house.features, environment, "backtest", lambda: False)
    assert deciding.lists_digest
    assert deciding.decide(tmp_path / "looked", [_events()], None, lambda _done: None) == (len(NAMES), 0)
    _check(_judged(tmp_path / "looked"))
