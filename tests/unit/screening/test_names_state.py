"""The fold over the records of name screening: who is listed as at when, what two persons cleared, what a screening settles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotFound, TarimError
from tarim.base.instants import DAY_MS
from tarim.screening import (
    BirthSpan,
    Confirmed,
    Edition,
    Found,
    GoodGuy,
    GoodGuyEnd,
    Kind,
    ListedName,
    ListEntry,
    Matches,
    NameBook,
    NameList,
    NamesState,
    Party,
    PartyKind,
    Quality,
    Register,
    Registered,
    Screening,
    Standing,
    check_edition,
    check_good_guy,
    confirmed_by,
    decode_edition,
    decode_names,
    diff_editions,
    encode_edition,
    encode_names,
    load_list,
    read_register,
    read_state,
)

ONE = Party(PartyKind.CUSTOMER, 7)
PAYEE = Party(PartyKind.PAYEE, 7)


def found(party: Party = ONE, entry: str = "X-1", digest: str = "a" * 32, score: int = 90) -> Found:
    return Found(party, "own", entry, digest, score, "Listed Name")


def edition(digest: str, replaces: str = "", at_ms: int = 1) -> Edition:
    return Edition("own", digest, replaces, "", "", 2, 2, 0, 0, "li", "wang", "why", at_ms)


def screening(
    name: str, settled: list[tuple[str, str]], *, full: bool = False, renewed: tuple[int, ...] = ()
) -> Screening:
    return Screening(name, {"own": "d"}, 82, 5, full, settled, list(renewed), "r", 1, 1, 1, 9)


def good_guy(until_ms: int = 100, digest: str = "a" * 32, reason: str = "another birthday") -> GoodGuy:
    return GoodGuy(ONE, "own", "X-1", digest, until_ms, reason, "li", "wang", 5)


def test_a_match_counts_until_it_is_cleared_and_again_after_the_end() -> None:
    state = NamesState()
    state.take(0, Matches("s1", [found(), found(entry="X-2", score=83)], 1))
    assert state.score(ONE, 10) == 90 and state.score(PAYEE, 10) == 0
    state.take(1, good_guy(until_ms=100))
    assert state.score(ONE, 10) == 83, "the other match still counts"
    assert state.score(ONE, 100) == 90, "the good guy has ended"
    (known,) = [each for each in state.every_match() if each.found.entry == "X-1"]
    assert state.standing(known, 99) is Standing.CLEARED and state.standing(known, 100) is Standing.OPEN
    state.take(2, GoodGuyEnd(ONE, "own", "X-1", "li", "seen again", 50))
    assert state.score(ONE, 60) == 90


def test_a_good_guy_is_for_the_entry_as_it_was_judged() -> None:
    state = NamesState()
    state.take(0, Matches("s1", [found()], 1))
    state.take(1, good_guy(until_ms=100))
    state.take(2, Matches("s2", [found(digest="b" * 32)], 2))
    assert state.score(ONE, 10) == 90


def test_a_screening_settles_what_it_asked_about_and_no_more() -> None:
    state = NamesState()
    other = Party(PartyKind.CUSTOMER, 8)
    state.take(0, Matches("s1", [found(), found(other, "X-2"), found(PAYEE, "X-1")], 1))
    state.take(1, screening("s1", []))
    assert state.match_count == 3
    state.take(2, Matches("s2", [found(other, "X-1")], 2))
    state.take(3, screening("s2", [("own", "X-1")]))
    assert {(each.found.party.token, each.found.entry) for each in state.every_match()} == {(8, "X-2"), (8, "X-1")}
    state.take(4, screening("s3", [], renewed=(8,)))
    assert state.match_count == 0 and state.matches == {}


def test_a_full_screening_leaves_payees_alone_and_keeps_what_was_confirmed() -> None:
    state = NamesState()
    state.take(0, Matches("s1", [found(), found(PAYEE)], 1))
    state.take(1, Confirmed(ONE, "own", "X-1", "li", "the same passport", 2))
    state.take(2, Matches("s2", [found(score=88)], 3))
    state.take(3, screening("s2", [], full=True))
    known = state.known(ONE, "own", "X-1")
    assert known.confirmed is not None and known.found.score == 88 and known.at_ms == 1
    assert state.score(PAYEE, 1) == 90
    with pytest.raises(Conflict):
        confirmed_by(state, Confirmed(ONE, "own", "X-1", "wang", "again", 3))


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (good_guy(reason=" "), DefinitionError),
        (good_guy(until_ms=10), DefinitionError),
        (good_guy(until_ms=900 * DAY_MS), DefinitionError),
        (good_guy(until_ms=100, digest="b" * 32), Conflict),
        (GoodGuy(ONE, "own", "X-9", "a" * 32, 100, "why", "li", "", 5), NotFound),
    ],
)
def test_a_good_guy_has_an_end_a_reason_and_a_match(wanted: GoodGuy, refusal: type[TarimError]) -> None:
    state = NamesState()
    state.take(0, Matches("s1", [found()], 1))
    check_good_guy(state, good_guy(until_ms=100), 10)
    with pytest.raises(refusal):
        check_good_guy(state, wanted, 10)


def test_an_edition_replaces_what_it_was_compared_with() -> None:
    state = NamesState()
    check_edition(state, edition("d1"))
    state.take(0, edition("d1"))
    for digest, replaces in (("d1", "d1"), ("d2", ""), ("d3", "d2")):
        with pytest.raises(Conflict):
            check_edition(state, edition(digest, replaces))
    check_edition(state, edition("d2", "d1"))


def test_the_book_is_the_fold_of_its_records(tmp_path: Path) -> None:
    records = [
        edition("d1", at_ms=10),
        Register([Registered(7, 1, b"sealed"), Registered(8, 2, b"other")], 20),
        Matches("", [found(PAYEE)], 30),
        Register([Registered(7, 3, b"sealed anew")], 40),
        edition("d2", "d1", at_ms=50),
    ]
    book = NameBook(tmp_path)
    for seq, record in enumerate(records):
        assert decode_names(encode_names(record)) == record
        book.take(seq * 3, encode_names(record))
    book.flush()
    assert book.applied_seq == 13 and book.state.register_seq == 10
    assert book.digests([7, 8, 9]) == {7: 3, 8: 2}
    assert [each.customer for each in read_register(tmp_path, 9)] == [8], "7 was registered anew later"
    assert [each.sealed for each in read_register(tmp_path, 10)] == [b"sealed anew", b"other"]
    assert read_state(tmp_path, 12).in_force["own"].digest == "d1"
    assert [book.state_at(at).in_force.get("own", edition("")).digest for at in (9, 10, 49, 50)] == [
        "",
        "d1",
        "d1",
        "d2",
    ]
    book.close()
    again = NameBook(tmp_path)
    assert (again.state.in_force, again.state.matches, again.state.register_seq) == (
        book.state.in_force,
        book.state.matches,
        10,
    )
    again.clear()
    assert again.applied_seq == 0 and again.customer_count == 0 and again.state.in_force == {}
    again.close()


def test_a_record_that_is_none_is_damage() -> None:
    for content in (b"", b"\x80", b"nonsense", encode_names(edition("d"))[:-3]):
        with pytest.raises(Damaged):
            decode_names(content)


# ------------------------------------------------------------------------------------------------------------ editions
ENTRIES = (
    ListEntry("B-2", "OWN", "P", Kind.ENTITY, (ListedName("Grand Bazaar"), ListedName("GB", Quality.WEAK))),
    ListEntry("A-1", "OWN", "", Kind.PERSON, (ListedName("张三丰"),), (BirthSpan.parse("1970-05"),), ("CN", "HK")),
)


def test_the_same_entries_are_the_same_edition_whatever_their_order() -> None:
    kept = encode_edition("own", NameList("OWN", "s", ENTRIES))
    assert kept == encode_edition("own", NameList("OWN", "s", ENTRIES[::-1]))
    again = decode_edition(kept)
    assert again.entries == ENTRIES[::-1] and again.name == "own"
    for damaged in (
        b"",
        b"{}",
        kept[:-2],
        kept.replace(b'"format":1', b'"format":2'),
        kept.replace(b"1970-05-01", b"1999-05-01"),
    ):
        with pytest.raises(Damaged):
            decode_edition(damaged)
    with pytest.raises(DefinitionError):
        encode_edition("No Name", NameList("OWN", "", ENTRIES))


def test_what_an_edition_changes_is_counted_and_shown() -> None:
    before = NameList("own", "", ENTRIES)
    changed = ListEntry("A-1", "OWN", "", Kind.PERSON, (ListedName("张三丰"), ListedName("Zhang Junbao")))
    added = ListEntry("C-3", "OWN", "", Kind.VESSEL, (ListedName("Sea Rose"),))
    diff = diff_editions(before, NameList("own", "", (changed, added)))
    assert (diff.entries, diff.added, diff.changed, diff.removed) == (2, 1, 1, 1)
    assert [each.id for each in (*diff.added_examples, *diff.changed_examples, *diff.removed_examples)] == [
        "C-3",
        "A-1",
        "B-2",
    ]


def test_a_list_of_the_banks_own_is_read_row_by_row(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "id,name,quality,kind,birth,country\nX,Al Pha,,person,1970;1971-05,cn;HK\nX,Alfa,weak,,,\nY,Be Ta,,,,\n"
    )
    first, second = load_list(file).entries
    assert [name.quality for name in first.names] == [Quality.PRIMARY, Quality.WEAK]
    assert len(first.births) == 2 and first.countries == ("CN", "HK") and second.kind is Kind.PERSON


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"who,what\n1,2\n",
        b"id,name,id\n1,2,3\n",
        b"id,name\nX-1\n",
        b"id,name\nX-1,\n",
        b"id,name\n,A B\n",
        b"id,name,kind\nX-1,A B,ghost\n",
        b"id,name,quality\nX-1,A B,good\n",
        b"id,name,birth\nX-1,A B,yesterday\n",
        b"id,name,country\nX-1,A B,China\n",
        "id,name\nX-1,Ren\xe9\n".encode("latin-1"),
        b'id,name\nX-1,"A B\n',
        b"id,name\nX-1," + b"x" * 600 + b"\n",
    ],
)
def test_a_file_that_is_none_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(content)
    with pytest.raises(TarimError) as refusal:
        load_list(file)
    assert refusal.value.http_status == 422 and "A B" not in str(refusal.value)
