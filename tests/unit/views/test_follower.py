"""One pass over the journal gives every view what it says: in order, once, and however it is cut."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import NotFound
from tarim.decisions import HoldState, RecordKind
from tarim.stream import Col, Outcome
from tarim.views import BLOCK_EVENTS, CURRENT_S_MAX, Block, Consumer, Entities, Follower, Known, Live, Views
from tests.fakes.desk import RULESET, DecisionsWritten
from tests.fakes.view_blocks import VERSIONS


class Notes:
    """A consumer that writes down what it was given."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.told: list[tuple[str, int]] = []

    def take(self, block: Block) -> None:
        for record in block.before:
            self.told.append((RecordKind(record.kind).name, record.first_seq))
        for row in block.rows.tolist():
            self.told.append(("event", row[Col.SEQ]))
        assert block.rows[:, Col.SEQ].tolist() == list(range(block.first_seq, block.first_seq + len(block)))
        assert len(block) <= BLOCK_EVENTS and (not len(block) or block.versions.ruleset == "rules-1")
        self.seqs += block.rows[:, Col.SEQ].tolist()


def followed(folder: Path, consumer: Consumer, step: int | None = None) -> Follower:
    follower = Follower(folder, [consumer])
    while follower.at < follower.durable_seq:
        follower.follow(step)
    assert not follower.behind
    follower.close()
    return follower


@pytest.fixture
def written(tmp_path: Path) -> Iterator[DecisionsWritten]:
    with DecisionsWritten(tmp_path / "journal") as made:
        yield made


def test_records_come_in_order_once_however_they_are_cut(written: DecisionsWritten, tmp_path: Path) -> None:
    seqs = written.group([{}, {"outcome": Outcome.SUSPEND, "hold_s": 600}, {}])
    ticked = written.tick(written.at_ms + 1)
    seqs.append(written.decided())
    overridden = written.overridden(seqs[1], Outcome.BLOCK)
    refused = written.tick(written.at_ms + 2)
    whole = Notes()
    assert followed(tmp_path / "journal", whole).at == refused + 1
    assert whole.told == [
        *(("event", seq) for seq in seqs[:3]),
        ("TICK", ticked),
        ("event", seqs[3]),
        ("OVERRIDE", overridden),
        ("TICK", refused),
    ]
    for step in (1, 2, 5):
        pieces = Notes()
        followed(tmp_path / "journal", pieces, step)
        assert pieces.told == whole.told


def test_what_comes_later_is_followed_by_the_thread(written: DecisionsWritten, tmp_path: Path) -> None:
    notes = Notes()
    with Views(Follower(tmp_path / "journal", [notes]), 5) as views:
        views.catch_up()
        assert views.state.followed_seq == 0
        views.start()
        last = [written.decided() for _ in range(5)][-1]
        for _ in range(200):
            if views.state.followed_seq > last:
                break
            time.sleep(0.01)
        assert notes.seqs[-1] == last and views.state.behind == 0 and not views.state.trouble


def test_who_asks_waits_for_what_was_durable_by_then(written: DecisionsWritten, tmp_path: Path) -> None:
    notes = Notes()
    written.decided()
    with Views(Follower(tmp_path / "journal", [notes]), 60_000) as views:
        views.catch_up()
        views.start()
        for _ in range(20):  # the thread would look again in a minute
            last = written.decided()
            views.current()
            assert notes.seqs[-1] == last


def test_views_that_stand_still_keep_nobody_waiting(written: DecisionsWritten, tmp_path: Path) -> None:
    class Failing:
        def take(self, block: Block) -> None:
            if block.first_seq:
                raise ZeroDivisionError

    written.decided()
    with Views(Follower(tmp_path / "journal", [Failing()]), 60_000) as views:
        views.catch_up()
        views.start()
        written.decided()
        begun = time.monotonic()
        views.current()
        views.current()
        assert views.state.trouble == "ZeroDivisionError" and time.monotonic() - begun < CURRENT_S_MAX


def test_a_consumer_that_fails_stops_the_views_and_is_named(written: DecisionsWritten, tmp_path: Path) -> None:
    class Failing:
        def take(self, block: Block) -> None:
            raise ZeroDivisionError

    with Views(Follower(tmp_path / "journal", [Failing()]), 5) as views:
        views.start()
        written.decided()
        for _ in range(200):
            if views.state.trouble:
                break
            time.sleep(0.01)
        assert views.state.trouble == "ZeroDivisionError"


def test_no_journal_yet_is_nothing_to_follow(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "journal", [Notes()])
    assert follower.durable_seq == 0 and follower.follow() == 0


# ---- what became of events -------------------------------------------------------------------------------------------


def test_an_event_is_found_with_its_hold_its_override_and_its_newest_label(
    written: DecisionsWritten, tmp_path: Path
) -> None:
    first, second = written.group(
        [{"outcome": Outcome.SUSPEND, "hold_s": 600}, {"outcome": Outcome.CHALLENGE, "hold_s": 60, "event_id": "named"}]
    )
    written.refused(first, "wang.wei")
    written.overridden(second, Outcome.PASS)
    written.label(second, fraud=False)
    newest = written.label(second, fraud=True)
    known = Known(1 << 16)
    followed(tmp_path / "journal", known)
    assert known.find("bank", "named") == second
    assert known.sources == ("bank",)
    assert known.positions(("bank", "other"), f"e{first}") == [first]
    with pytest.raises(NotFound):
        known.find("other", "named")
    held = known.became(first)
    assert held.hold is not None and held.hold.state is HoldState.REFUSED
    assert held.override is None and held.label is None
    became = known.became(second)
    assert became.hold is not None and became.hold.state is HoldState.RELEASED
    assert became.override is not None and (became.override.outcome, became.override.approver) == ("pass", "wang.wei")
    assert became.label is not None and (became.label.seq, became.label.fraud) == (newest, True)


def test_an_act_about_a_hold_before_the_first_position_is_passed_over(
    written: DecisionsWritten, tmp_path: Path
) -> None:
    """Retention drops old records; a hold that was opened in them is not known, and what persons did with it stops nothing."""
    held = written.decided(outcome=Outcome.SUSPEND, hold_s=600)
    written.refused(held, "wang.wei")
    last = written.decided(outcome=Outcome.BLOCK)
    known = Known(1 << 16)
    follower = Follower(tmp_path / "journal", [known])
    assert follower.durable_seq == last + 1
    follower.at = held + 1
    follower.follow()
    assert known.became(held).hold is None
    assert known.find("bank", f"e{last}") == last


def test_an_event_sent_again_after_it_was_forgotten_is_found_at_its_last_position(
    written: DecisionsWritten, tmp_path: Path
) -> None:
    written.group([{"event_id": "twice"}, {}])
    _, again = written.group([{}, {"event_id": "twice"}])
    known = Known(1 << 16)
    followed(tmp_path / "journal", known)
    assert known.find("bank", "twice") == again


# ---- words and limits ------------------------------------------------------------------------------------------------


def test_a_ruleset_that_is_gone_leaves_counts_and_no_words(written: DecisionsWritten, tmp_path: Path) -> None:
    def gone(_version: str) -> bytes:
        raise NotFound("the artefact is not kept")

    written.decided(outcome=Outcome.BLOCK, rules=[0])
    live = Live(gone, (), 8)
    followed(tmp_path / "journal", live)
    (entry,) = live.newest(-1, None, "other", 8).entries
    assert not entry.book.known and entry.book.reasons(entry.decision) == []
    assert live.figures(written.at_ms, "1h").total.declined == 1


def test_words_are_those_of_the_ruleset_in_force(written: DecisionsWritten, tmp_path: Path) -> None:
    written.decided(outcome=Outcome.SUSPEND, rules=[0, 1])
    names = ("payer_count_10m", "payer_is_new_payee_30d")
    live = Live(lambda _version: RULESET, names, 8)
    followed(tmp_path / "journal", live)
    (entry,) = live.newest(-1, Outcome.SUSPEND, "account_takeover", 8).entries
    assert [zh.id for zh, _ in entry.book.reasons(entry.decision)] == ["new_payee", "many_transfers"]
    with pytest.raises(NotFound):
        live.newest(-1, None, "no_such_scenario", 8)


def test_identifiers_beyond_the_room_are_not_counted_and_that_is_said() -> None:
    entities = Entities(12)
    rows = np.zeros((40, 32), np.int64)
    rows[:, Col.SEQ], rows[:, Col.KIND], rows[:, Col.CUSTOMER] = np.arange(40), 1, np.arange(1, 41)
    entities.take(Block(0, VERSIONS, rows[:10].copy(), np.zeros((10, 12), np.int64)))
    assert not entities.full and len(entities) == 10
    entities.take(Block(10, VERSIONS, rows[10:].copy(), np.zeros((30, 12), np.int64)))
    assert entities.full and len(entities) == 24
    assert entities.find(1) is not None and entities.find(40) is None and entities.find(0) is None
