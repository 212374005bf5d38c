"""Lists: definitions, what people type, membership, four eyes, as at, previews."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import (
    Conflict,
    Damaged,
    DefinitionError,
    FieldError,
    InputError,
    NotAllowed,
    NotFound,
    Unavailable,
)
from tarim.intake import Intake
from tarim.privacy import FIELDS, Tokenizer
from tarim.screening import (
    FIELDS_OF_LISTS,
    FOREVER_S,
    REMOVED,
    Closing,
    ContentDigest,
    Difference,
    Entries,
    ListBook,
    ListProbe,
    ListProposal,
    Membership,
    RawRow,
    count_hits,
    define_list,
    encode_closing,
    encode_part,
    period_of,
)
from tarim.screening.kernels import members as kernel
from tarim.screening.lists import domain
from tarim.stream import COLUMN_OF_FIELD, Col, empty_rows
from tests.fakes.clock import FakeClock

KEY = bytes(range(32))
DAY_MS = 86_400_000


class Desk:
    """A book with a journal in memory: what is approved is in force at once."""

    def __init__(self, folder: Path, journal: list[bytes] | None = None) -> None:
        self.clock = FakeClock(1_760_000_000_000)
        self.journal = [] if journal is None else journal
        self.book = ListBook(folder, Membership(), Tokenizer(KEY), self.clock)

    def approve(self, found: ListProposal, person: str = "li") -> None:
        approval = self.book.approve(found.proposal.id, person, found.proposal.digest)
        first = len(self.journal)
        for payload in self.book.records(approval):
            self.journal.append(payload)
            self.book.membership.apply(payload)
        self.book.settle(approval, range(first, len(self.journal)))

    def make(self, name: str, kind: str, field: str = "") -> None:
        self.approve(self.book.propose_list(define_list(name, kind, field), "zhang", "needed"))

    def put(self, name: str, *rows: dict[str, str], reason: str = "fraud") -> None:
        found, _ = self.book.propose_entries(name, raw(*rows), "zhang", "police", reason)
        self.approve(found)

    def member(self, name: str, value: str, customer: str = "", at_ms: int | None = None) -> bool:
        """Whether an event received at an instant finds the value."""
        tokenizer = Tokenizer(KEY)
        definition = self.book.membership.lists[name]
        column = COLUMN_OF_FIELD[definition.field]
        rows = empty_rows(1)
        rows[0, Col.RECEIVED_MS] = self.clock.at_ms if at_ms is None else at_ms
        rows[0, Col.CUSTOMER] = tokenizer.token("customer", customer) if customer else 0
        rows[0, column] = tokenizer.token(FIELDS[definition.field].space, value)
        bits = np.zeros((1, 4), np.uint64)
        self.book.membership.members(rows, (ListProbe(column, name),), bits)
        return bool(bits[0, 0])


def raw(*rows: dict[str, str]) -> list[RawRow]:
    return [RawRow(number, cells) for number, cells in enumerate(rows, 2)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# ---- words -------------------------------------------------------------------------------------------------------------


def test_kinds_of_trust_know_whose_entries_they_hold() -> None:
    assert define_list("d", "trusted_devices").field == "device_id"
    assert define_list("d", "trusted_devices").per_customer
    assert not define_list("a", "suspect_addresses").per_customer
    assert define_list("b", "black", "customer").title_zh == "b"
    assert define_list("w", "white", "payee_account", per_customer=True).per_customer


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [
        ("Bad", "black", "ip"),
        ("1st", "black", "ip"),
        ("x" * 65, "black", "ip"),
        ("x", "purple", "ip"),
        ("x", "black", ""),
        ("x", "black", "city"),
        ("x", "trusted_devices", "ip"),
    ],
)
def test_a_wrong_definition_is_refused(name: str, kind: str, field: str) -> None:
    with pytest.raises(DefinitionError):
        define_list(name, kind, field)


def test_a_list_of_customers_is_not_a_customers_own() -> None:
    with pytest.raises(DefinitionError):
        define_list("x", "white", "customer", per_customer=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1", "****"), ("1234567", "****7"), ("6222020200112233", "****2233"), ("x" * 64, "****xxxx")],
)
def test_a_masked_form_shows_four_characters_at_most(value: str, shown: str) -> None:
    assert domain.masked(value) == shown


@pytest.mark.parametrize(
    ("field", "value"),
    [("customer", " C1 "), ("account", "6222"), ("payee_account", "6222"), ("device_id", "D-1"), ("merchant_id", "M"),
     ("ip", "::ffff:10.0.0.1"), ("ip", "2001:DB8:0::1")],
)  # fmt: skip
def test_an_identifier_gets_the_token_that_intake_gives_it(field: str, value: str, tmp_path: Path) -> None:
    """Otherwise an entry would never be met."""
    tokenizer = Tokenizer(KEY)
    event = {
        "event_id": "e", "source": "s", "kind": "payment", "occurred_at": "2025-10-01T12:00:00+08:00", "customer": "C",
        "account": "A", "merchant_id": "M0", "amount_fen": 1,
    } | {field: value}  # fmt: skip
    seen = intake_of(tmp_path, tokenizer, event)
    mine = tokenizer.token(FIELDS[field].space, domain.canonical(field, value))
    assert seen[COLUMN_OF_FIELD[field]] == mine


def intake_of(folder: Path, tokenizer: Tokenizer, event: dict[str, object]) -> np.ndarray:
    import json

    from tarim.intake import IntakeLimits
    from tarim.privacy import Vault, VaultLimits, create_master_key, load_master_key

    create_master_key(folder / "master.key")
    vault = Vault.open(folder / "vault", load_master_key(folder / "master.key", {}), VaultLimits())
    try:
        intake = Intake(tokenizer, vault, IntakeLimits(), clock=FakeClock(1_760_000_000_000))
        return intake.message(json.dumps(event).encode()).rows[0]
    finally:
        vault.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [("ip", "10.0.0"), ("ip", "fe80::1%eth0"), ("account", ""), ("account", "6 2"), ("account", "x" * 65)],
)
def test_a_wrong_identifier_is_refused_without_naming_it(field: str, value: str) -> None:
    with pytest.raises(FieldError) as caught:
        domain.canonical(field, value)
    assert not value or value not in caught.value.detail


def test_every_list_field_is_a_token_of_the_row() -> None:
    assert all(FIELDS[field].space and field in COLUMN_OF_FIELD for field in FIELDS_OF_LISTS)


def test_the_kernel_and_the_row_agree_on_their_words() -> None:
    assert (kernel._RECEIVED_MS, kernel._CUSTOMER) == (Col.RECEIVED_MS, Col.CUSTOMER)
    assert kernel.FOREVER_S == domain.FOREVER_S == FOREVER_S


def test_a_period_is_one_word_and_back() -> None:
    for from_s, to_s in ((0, 1), (0, FOREVER_S), (4_000_000_000, 4_200_000_000), (5, 6)):
        assert domain.period_bounds(period_of(from_s, to_s)) == (from_s, to_s)
    assert domain.period_bounds(REMOVED) == (0, 0)


# ---- membership --------------------------------------------------------------------------------------------------------


def test_an_entry_counts_from_its_approval_on(desk: Desk) -> None:
    desk.make("mules", "black", "payee_account")
    found, preview = desk.book.propose_entries("mules", raw({"value": "622202"}), "zhang", "police", "fraud")
    assert preview.counts == {Difference.ADDED: 1}
    assert not desk.member("mules", "622202")
    desk.approve(found)
    assert desk.member("mules", "622202")
    assert not desk.member("mules", "622203")


def test_a_validity_is_judged_when_the_event_was_received(desk: Desk) -> None:
    """To the second: from its first, up to but without its last."""
    desk.make("addresses", "suspect_addresses")
    desk.put("addresses", {"value": "10.0.0.1", "valid_from": "2026-01-31", "valid_to": "2026-02-01T00:00:05+08:00"})
    begin = domain.written_ms("x", "2026-01-31T00:00:00+08:00")
    assert [desk.member("addresses", "10.0.0.1", at_ms=at) for at in (begin - 1, begin)] == [False, True]
    end = begin + DAY_MS + 5_000
    assert [desk.member("addresses", "10.0.0.1", at_ms=at) for at in (end - 1, end)] == [True, False]


def test_a_customers_own_entry_counts_for_nobody_else(desk: Desk) -> None:
    desk.make("devices", "trusted_devices")
    desk.put("devices", {"value": "D1", "customer": "C1"})
    assert desk.member("devices", "D1", "C1")
    assert not desk.member("devices", "D1", "C2")
    assert not desk.member("devices", "D1")


def test_a_list_that_there_is_not_has_no_entries_until_it_is_made(desk: Desk) -> None:
    probes = (ListProbe(Col.PAYEE, "later"),)
    rows = empty_rows(1)
    rows[0, Col.RECEIVED_MS] = desk.clock.at_ms
    rows[0, Col.PAYEE] = Tokenizer(KEY).token("account", "1")
    bits = np.full((1, 4), 7, np.uint64)
    desk.book.membership.members(rows, probes, bits)
    assert not bits.any()
    desk.make("later", "black", "account")
    desk.put("later", {"value": "1"})
    desk.book.membership.members(rows, probes, bits)
    assert bits.tolist() == [[1, 0, 0, 0]]


def test_each_probe_has_its_bit(desk: Desk) -> None:
    desk.make("mules", "black", "payee_account")
    desk.put("mules", {"value": "1"})
    rows = empty_rows(3)
    rows[:, Col.RECEIVED_MS] = desk.clock.at_ms
    rows[1, Col.PAYEE] = Tokenizer(KEY).token("account", "1")
    probes = tuple(ListProbe(Col.PAYEE, "mules" if place in (0, 63, 64, 255) else f"no{place}") for place in range(256))
    bits = np.zeros((3, 4), np.uint64)
    desk.book.membership.members(rows, probes, bits)
    assert bits.tolist() == [[0] * 4, [1 | 1 << 63, 1, 0, 1 << 63], [0] * 4]


def test_a_change_takes_effect_with_its_closing_record_only() -> None:
    """Parts that are never closed leave nothing behind, whatever comes after them."""
    definition = define_list("mules", "black", "payee_account")
    membership = Membership()

    def closing(change: str, parts: list[bytes], entries: int, *, new: bool = False) -> bytes:
        content = ContentDigest()
        for part in parts:
            content.add(part)
        of = definition if new else None
        digest = content.hexdigest(of)
        return encode_closing(Closing(change, "mules", of, len(parts), entries, digest, "a", "b", "r", "", 1, 2))

    def part(change: str, token: int) -> bytes:
        one = np.ones(1, np.int64)
        return encode_part(
            change, "mules", 0, Entries(one * 0, one * token, one * period_of(0, 9), ["s"], ["r"], ["*"])
        )

    def on_list(token: int) -> bool:
        rows = empty_rows(1)
        rows[0, Col.PAYEE] = token
        bits = np.zeros((1, 4), np.uint64)
        membership.members(rows, (ListProbe(Col.PAYEE, "mules"),), bits)
        return bool(bits.any())

    membership.apply(closing("new", [], 0, new=True))
    membership.apply(part("a", 5))
    assert not on_list(5)
    membership.apply(part("b", 6))
    membership.apply(closing("b", [part("b", 6)], 1))
    assert (on_list(5), on_list(6)) == (False, True)
    membership.apply(part("c", 7))
    with pytest.raises(Damaged):
        membership.apply(closing("c", [part("c", 8)], 1))
    with pytest.raises(Damaged):
        membership.apply(closing("new", [], 0, new=True))
    with pytest.raises(Damaged):
        membership.apply(b"\x93\x01")


def test_lists_have_a_maximum(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.book.membership.entries_max = 2
    desk.make("mules", "black", "account")
    with pytest.raises(Unavailable):
        desk.put("mules", {"value": "1"}, {"value": "2"}, {"value": "3"})
    desk.put("mules", {"value": "1"}, {"value": "2"})


# ---- four eyes ---------------------------------------------------------------------------------------------------------


def test_nobody_decides_on_what_he_proposed(desk: Desk) -> None:
    found = desk.book.propose_list(define_list("mules", "black", "account"), "zhang", "needed")
    proposal = found.proposal
    with pytest.raises(NotAllowed):
        desk.book.approve(proposal.id, "zhang", proposal.digest)
    with pytest.raises(NotAllowed):
        desk.book.reject(proposal.id, "zhang", "no")
    with pytest.raises(NotAllowed):
        desk.book.withdraw(proposal.id, "li")
    with pytest.raises(Conflict):
        desk.book.approve(proposal.id, "li", "0" * 64)
    assert not desk.book.membership.lists
    desk.approve(found)
    with pytest.raises(Conflict):
        desk.book.approve(proposal.id, "wang", proposal.digest)


def test_a_rejected_or_withdrawn_change_never_happens(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    for close in (lambda p: desk.book.reject(p, "li", "wrong"), lambda p: desk.book.withdraw(p, "zhang")):
        found, _ = desk.book.propose_entries("mules", raw({"value": "1"}), "zhang", "police", "fraud")
        close(found.proposal.id)
        with pytest.raises(Conflict):
            desk.book.approve(found.proposal.id, "li", found.proposal.digest)
        with pytest.raises(NotFound):
            desk.book.preview_of(found)
    assert not desk.member("mules", "1")


def test_one_list_of_a_name(desk: Desk) -> None:
    first = desk.book.propose_list(define_list("mules", "black", "account"), "zhang", "one")
    second = desk.book.propose_list(define_list("mules", "white", "account"), "zhang", "two")
    desk.approve(first)
    with pytest.raises(Conflict):
        desk.approve(second)
    with pytest.raises(Conflict):
        desk.book.propose_list(define_list("mules", "white", "account"), "zhang", "three")


def test_two_changes_are_not_put_in_force_at_the_same_time(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    found, _ = desk.book.propose_entries("mules", raw({"value": "1"}), "zhang", "police", "fraud")
    with desk.book.one_approval(found.proposal.id):
        assert desk.book.approving
        with pytest.raises(Conflict), desk.book.one_approval("another"):
            pass
        with pytest.raises(Conflict, match="being put in force"):
            desk.book.withdraw(found.proposal.id, "zhang")
    desk.book.withdraw(found.proposal.id, "zhang")


def test_after_a_history_that_could_not_be_written_nothing_is_approved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a change would be missing in the middle; a start makes it up from the journal."""
    desk.make("mules", "black", "account")
    found, _ = desk.book.propose_entries("mules", raw({"value": "1"}), "zhang", "police", "fraud")

    def full(seq: int, payload: bytes) -> None:
        raise Unavailable("disk full")

    monkeypatch.setattr(desk.book.history, "put", full)
    with pytest.raises(Unavailable, match="disk full"):
        desk.approve(found)
    with pytest.raises(Unavailable, match="restart"), desk.book.one_approval("another"):
        pass


# ---- as at, history, what a crash leaves -----------------------------------------------------------------------------


def test_the_past_stays_as_it_was(desk: Desk) -> None:
    """Who was on the list then, why, from whom, and by whom it was put there."""
    desk.make("mules", "black", "account")
    desk.clock.at_ms += DAY_MS
    before = desk.clock.at_ms - 1
    desk.put("mules", {"value": "1"}, reason="first report")
    first = desk.clock.at_ms
    desk.clock.at_ms += DAY_MS
    desk.put("mules", {"value": "1"}, reason="second report")
    desk.clock.at_ms += DAY_MS
    desk.put("mules", {"value": "1", "operation": "remove"}, reason="cleared")
    found = [desk.book.as_at("mules", "1", "", at) for at in (before, first, first + DAY_MS, desk.clock.at_ms)]
    assert [each.member for each in found] == [False, True, True, False]
    entry = found[1].entry
    assert entry is not None
    assert (entry.reason, entry.source, entry.author, entry.approver) == ("first report", "police", "zhang", "li")
    assert [each.reason for each in found[0].versions] == ["first report", "second report", "cleared"]
    assert [len(desk.book.entries("mules", at)) for at in (before, first, desk.clock.at_ms)] == [0, 1, 0]


def test_changes_follow_one_another_even_when_the_clock_goes_back(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    desk.put("mules", {"value": "1"})
    at_ms = desk.clock.at_ms
    desk.clock.at_ms -= DAY_MS
    desk.put("mules", {"value": "1", "operation": "remove"})
    assert not desk.book.as_at("mules", "1", "", at_ms).member
    assert [change.at_ms for change in desk.book.history.changes("mules", 9)] == [at_ms] * 3


def test_a_proposal_that_the_journal_knows_is_closed_at_the_next_start(desk: Desk, tmp_path: Path) -> None:
    """The process ended between the journal's commit and the note in the book."""
    desk.make("mules", "black", "account")
    found, _ = desk.book.propose_entries("mules", raw({"value": "1"}), "zhang", "police", "fraud")
    approval = desk.book.approve(found.proposal.id, "li", found.proposal.digest)
    desk.journal += list(desk.book.records(approval))
    desk.book.close()
    again = Desk(tmp_path, desk.journal)
    for seq, payload in enumerate(again.journal):
        again.book.membership.apply(payload)
        if seq >= again.book.history.applied_seq:
            again.book.history.put(seq, payload)
    again.book.reconcile()
    assert not again.book.proposals()
    closed = again.book.proposal(found.proposal.id).proposal
    assert (closed.state, closed.decider) == ("approved", "li")
    assert again.member("mules", "1")


def test_the_history_is_made_again_from_the_journal(desk: Desk, tmp_path: Path) -> None:
    desk.make("mules", "black", "account")
    for number in range(5):
        desk.put("mules", {"value": f"a{number}"}, {"value": f"b{number}"})
    entries = desk.book.entries("mules", desk.clock.at_ms)
    desk.book.history.clear()
    assert desk.book.history.lists() == {}
    for seq, payload in enumerate(desk.journal):
        desk.book.history.put(seq, payload)
    assert desk.book.entries("mules", desk.clock.at_ms) == entries
    assert desk.book.history.record_seqs() == list(range(len(desk.journal)))
    desk.book.history.note_applied(100)
    assert desk.book.history.applied_seq == 100


# ---- previews ----------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_becomes_of_every_entry(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    desk.put("mules", {"value": "1"}, {"value": "2"}, {"value": "3"}, {"value": "4"})
    rows = raw(
        {"value": "1"},
        {"value": "2", "valid_to": "2030-01-01"},
        {"value": "3", "operation": "remove"},
        {"value": "5"},
        {"value": "5"},
        {"value": "6", "operation": "remove"},
        {"value": "7", "operation": "erase"},
        {"value": "8", "valid_from": "2026-02-30"},
        {"value": "9", "customer": "C"},
    )
    preview = desk.book.preview("mules", rows, "police", "fraud", replace=True)
    counts = {what.value: count for what, count in preview.counts.items()}
    assert counts == {"unchanged": 1, "changed": 1, "removed": 2, "added": 1}
    assert {(each.row, each.field) for each in preview.refused} == {
        (6, "value"), (7, "value"), (8, "operation"), (9, "valid_from"), (10, "customer")
    }  # fmt: skip
    with pytest.raises(InputError, match="5 rows are refused"):
        desk.book.propose_entries("mules", rows, "zhang", "police", "fraud", replace=True)
    assert not desk.book.proposals()
    good = rows[:4]
    found, _ = desk.book.propose_entries("mules", good, "zhang", "police", "fraud", replace=True)
    assert found.entries == 4
    assert desk.book.preview_of(found).changes == 4
    desk.approve(found)
    assert [desk.member("mules", value) for value in "12345"] == [True, True, False, False, True]
    with pytest.raises(Conflict, match="nothing would change"):
        desk.book.propose_entries("mules", [good[0]], "zhang", "police", "fraud")


def test_a_large_change_is_cut_into_parts_and_effective_at_once(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    found, _ = desk.book.propose_entries(
        "mules", raw(*({"value": f"a{number}"} for number in range(1_000))), "zhang", "police", "fraud"
    )
    assert (found.parts, found.entries) == (4, 1_000)
    approval = desk.book.approve(found.proposal.id, "li", found.proposal.digest)
    seen = []
    payloads = list(desk.book.records(approval))
    for payload in payloads:
        desk.book.membership.apply(payload)
        seen.append(desk.member("mules", "a0") + desk.member("mules", "a999"))
    assert seen == [0, 0, 0, 0, 2]
    desk.book.settle(approval, range(2, 2 + len(payloads)))
    page = desk.book.entries("mules", desk.clock.at_ms, None, 600)
    rest = desk.book.entries("mules", desk.clock.at_ms, (page[-1].customer, page[-1].token), 600)
    assert len({entry.token for entry in page + rest}) == 1_000


def test_nothing_shows_an_identifier(desk: Desk) -> None:
    desk.make("mules", "black", "account")
    row = RawRow(2, {"value": "6222020200112233"})
    found, preview = desk.book.propose_entries("mules", [row], "zhang", "police", "fraud")
    desk.approve(found)
    shown = [repr(row), repr(found), repr(preview), repr(desk.book.entries("mules", desk.clock.at_ms))]
    assert not any("6222020200112233" in text for text in shown)
    for path in Path(desk.book.history._path).parent.iterdir():
        assert b"6222020200112233" not in path.read_bytes()


def test_hits_are_counted_at_the_moment_of_each_event(desk: Desk) -> None:
    """Before, during and after an entry's time on the list; on customers' own lists for their owner only."""
    tokenizer = Tokenizer(KEY)
    desk.make("mules", "black", "payee_account")
    desk.make("devices", "trusted_devices")
    rows = empty_rows(4)
    rows[:, Col.RECEIVED_MS] = np.arange(4) + desk.clock.at_ms
    rows[:, Col.PAYEE] = [tokenizer.token("account", value) for value in ("1", "2", "1", "3")]
    rows[:, Col.DEVICE] = tokenizer.token("device", "D1")
    rows[:3, Col.CUSTOMER] = [tokenizer.token("customer", value) for value in ("C1", "C2", "C1")]
    steps: list[bytes | np.ndarray] = [*desk.journal, rows]
    at = len(desk.journal)
    desk.put("mules", {"value": "1"})
    desk.put("devices", {"value": "D1", "customer": "C1"})
    steps += [*desk.journal[at:], rows, rows[:2].copy()]
    at = len(desk.journal)
    desk.put("mules", {"value": "1", "operation": "remove"})
    steps += [*desk.journal[at:], rows]
    found = sorted(count_hits(Membership(), steps))
    begin, customer = desk.clock.at_ms, tokenizer.token("customer", "C1")
    assert found == [
        ("devices", customer, tokenizer.token("device", "D1"), 5, begin, begin + 2),
        ("mules", 0, tokenizer.token("account", "1"), 3, begin, begin + 2),
    ]
    desk.book.history.add_hits(found, 40)
    desk.book.history.add_hits([("mules", 0, found[1][2], 1, begin + 9, begin + 9)], 50)
    (hits,) = desk.book.history.hits("mules", 10)
    assert (hits.hits, hits.first_ms, hits.last_ms, hits.masked) == (4, begin, begin + 9, "****")
    assert desk.book.history.hits_seq == 50


def test_a_list_in_figures(desk: Desk) -> None:
    desk.make("mules", "black", "payee_account")
    desk.make("empty", "black", "account")
    assert {name: each.entries for name, each in desk.book.history.counted().items()} == {"empty": 0, "mules": 0}
    desk.clock.at_ms += DAY_MS
    desk.put("mules", {"value": "A1"}, {"value": "A2", "valid_to": "2001-01-01"}, {"value": "A3"})
    desk.put("mules", {"value": "A3", "operation": "remove"}, {"value": "A1", "reason": "another"})
    desk.book.history.add_hits([("mules", 0, 1, 3, 5_000, 9_000), ("mules", 0, 2, 4, 6_000, 7_000)], 9)
    found = desk.book.history.counted()
    assert found["mules"] == (2, 7, 9_000, desk.clock.at_ms), "an expired entry stands, a removed one does not"
    assert found["empty"] == (0, 0, 0, desk.clock.at_ms - DAY_MS)
    desk.put("mules", {"value": "A4"})
    assert desk.book.history.counted()["mules"].entries == 3, "counted again after a change"
