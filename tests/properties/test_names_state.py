"""Laws of name screening's fold: as at any instant it says what looking through the whole history says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tarim.screening import (
    Edition,
    Found,
    GoodGuy,
    GoodGuyEnd,
    Matches,
    NameBook,
    Party,
    PartyKind,
    Record,
    Screening,
    encode_names,
)
from tests.naive.names import edition_at, score_at

PARTIES = [Party(kind, token) for kind in PartyKind for token in (1, 2)]
parties = st.sampled_from(PARTIES)
entries = st.sampled_from(["X-1", "X-2"])
lists = st.sampled_from(["own", "un"])
digests = st.sampled_from(["a", "b"])
screenings = st.sampled_from(["", "s1", "s2"])


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Up to 30 records, an instant apart or two."""
    records: list[Record] = []
    at_ms = 0
    for _ in range(draw(st.integers(0, 30))):
        at_ms += draw(st.integers(0, 2))
        records.append(_record(draw, at_ms))
    return records


def _record(draw: st.DrawFn, at_ms: int) -> Record:
    list_name, entry, party = draw(lists), draw(entries), draw(parties)
    match draw(st.integers(0, 4)):
        case 0:
            return Edition(list_name, draw(st.sampled_from("pqr")), "", "", "", 1, 1, 0, 0, "li", "wang", "why", at_ms)
        case 1:
            score = draw(st.integers(82, 100))
            return Matches(draw(screenings), [Found(party, list_name, entry, draw(digests), score, "x")], at_ms)
        case 2:
            settled = draw(st.lists(st.tuples(lists, entries), max_size=2))
            renewed = draw(st.lists(st.sampled_from([1, 2]), max_size=1))
            return Screening(draw(screenings), {}, 82, 0, draw(st.booleans()), settled, renewed, "", 0, 0, 0, at_ms)
        case 3:
            return GoodGuy(
                party, list_name, entry, draw(digests), at_ms + draw(st.integers(1, 9)), "why", "li", "wang", at_ms
            )
        case _:
            return GoodGuyEnd(party, list_name, entry, "li", "why", at_ms)


@given(histories())
def test_as_at_any_instant_the_fold_says_what_the_history_says(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        book = NameBook(Path(folder))
        for seq, record in enumerate(records):
            book.take(seq, encode_names(record))
        last_ms = records[-1].at_ms if records else 0
        for at_ms in range(-1, last_ms + 2):
            state = book.state_at(at_ms)
            for party in PARTIES:
                assert state.score(party, at_ms) == score_at(records, party, at_ms)
            for list_name in ("own", "un"):
                present = state.in_force.get(list_name)
                assert ("" if present is None else present.digest) == edition_at(records, list_name, at_ms)
        book.close()
