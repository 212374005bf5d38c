"""Rights: given by two, taken by one, ended by time; and every way around the second person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tarim.base.errors import Conflict, DefinitionError, FieldError, NotAllowed, NotFound, TarimError
from tarim.base.instants import DAY_MS
from tarim.identity import Change, ChangeKind, KeyId, Role, Scope, caller_of_key
from tests.fakes.identity import ANOTHER, OFFICE, House, Person


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House.at(tmp_path)
    yield made
    made.close()


def wish(house: House, login: str, role: Role = Role.ANALYST, lent_by: str = "") -> Change:
    return Change(ChangeKind.GRANT, login, role, house.clock.now_ms() + 20 * DAY_MS, lent_by)


def newcomer(house: House, admins: tuple[Person, Person], login: str = "carl") -> Person:
    return house.person(admins, login, reach=False)


def test_one_alone_gives_nothing(house: House) -> None:
    admins = house.administrators()
    newcomer(house, admins)
    proposal, change = house.granting.propose(house.caller(admins[0]), wish(house, "carl"), "new colleague")
    with pytest.raises(NotAllowed, match="same person"):
        house.granting.approve(house.caller(admins[0]), proposal.id, proposal.digest)
    with pytest.raises(NotAllowed):
        house.granting.reject(house.caller(admins[0]), proposal.id, "no")
    assert house.administration.user("carl").holding.roles == frozenset()
    house.granting.approve(house.caller(admins[1]), proposal.id, proposal.digest)
    record = house.administration.user("carl")
    assert record.holding.roles == {Role.ANALYST} and record.grants[0].approved_by == "beth" and change.login == "carl"
    with pytest.raises(Conflict):
        house.granting.approve(house.caller(admins[1]), proposal.id, proposal.digest)


def test_nobody_has_two_accounts(house: House) -> None:
    """The alias: a second login for the same member of staff, however it is written."""
    admins = house.administrators()
    caller = house.caller(admins[0])
    for number in ("S101", " s101 ", "Ｓ１０１"):
        with pytest.raises(Conflict, match="nobody has two"):
            house.administration.create(caller, "adam.two", number, "Adam")
    for login in ("adam", "ADAM", "ａｄａｍ"):
        with pytest.raises(Conflict, match="login is somebody's"):
            house.administration.create(caller, login, "S999", "Adam")
    with pytest.raises(FieldError):
        house.administration.create(caller, "аdam", "S999", "Adam")  # a Cyrillic а


def test_neither_author_nor_decider_is_meant(house: House) -> None:
    admins = house.administrators()
    third = house.person(admins, "cleo", Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed, match="own account"):
        house.granting.propose(house.caller(third), Change(ChangeKind.REACH, "cleo", branches=("b1",)), "me")
    proposal, _ = house.granting.propose(house.caller(admins[0]), Change(ChangeKind.RESET, "cleo"), "lost")
    with pytest.raises(NotAllowed, match="own account"):
        house.granting.approve(house.caller(third), proposal.id, proposal.digest)


def test_what_is_approved_is_what_was_looked_at(house: House) -> None:
    admins = house.administrators()
    newcomer(house, admins)
    proposal, _ = house.granting.propose(house.caller(admins[0]), wish(house, "carl"), "new")
    with pytest.raises(Conflict, match="other content"):
        house.granting.approve(house.caller(admins[1]), proposal.id, wish(house, "carl", Role.REVIEWER).digest)
    house.clock.move(days=8)
    with pytest.raises(Conflict, match="too long"):
        house.granting.approve(house.caller(admins[1]), proposal.id, proposal.digest)


def test_a_role_that_changed_midway_does_not_help(house: House) -> None:
    """The author's role ends between proposal and approval; the decider's ends after the page was loaded."""
    admins = house.administrators()
    third = house.person(admins, "cleo", Role.ADMINISTRATOR)
    newcomer(house, admins)
    proposal, _ = house.granting.propose(house.caller(third), wish(house, "carl"), "new")
    loaded = house.caller(third)
    (grant,) = house.administration.user("cleo").grants
    house.administration.revoke(house.caller(admins[0]), grant.id, "left the post")
    with pytest.raises(NotAllowed, match="may not propose any more"):
        house.granting.approve(house.caller(admins[1]), proposal.id, proposal.digest)
    again, _ = house.granting.propose(house.caller(admins[0]), wish(house, "carl"), "new")
    assert Scope.USERS_APPROVE in loaded.scopes
    with pytest.raises(NotAllowed, match="no scope"):
        house.granting.approve(loaded, again.id, again.digest)
    forged = replace(loaded, scopes=frozenset(Scope), authenticated_ms=house.clock.now_ms())
    with pytest.raises(NotAllowed, match="no scope"):
        house.granting.approve(forged, again.id, again.digest)


def test_a_delegate_is_not_a_second_person_for_its_principal(house: House) -> None:
    admins = house.administrators()
    helper = newcomer(house, admins, "helper")
    newcomer(house, admins)
    cleo = house.person(admins, "cleo", Role.ADMINISTRATOR)
    proposal, _ = house.granting.propose(
        house.caller(admins[0]), wish(house, "helper", Role.ADMINISTRATOR, "cleo"), "holiday"
    )
    house.granting.approve(house.caller(admins[1]), proposal.id, proposal.digest)
    mine, _ = house.granting.propose(house.caller(cleo), wish(house, "carl"), "new")
    with pytest.raises(NotAllowed, match="same person stands behind"):
        house.granting.approve(house.caller(helper), mine.id, mine.digest)
    theirs, _ = house.granting.propose(house.caller(helper), wish(house, "carl", Role.OPERATOR), "new")
    with pytest.raises(NotAllowed, match="same person stands behind"):
        house.granting.approve(house.caller(cleo), theirs.id, theirs.digest)
    house.granting.approve(house.caller(admins[0]), theirs.id, theirs.digest)


def test_a_lent_role_ends_by_time_and_with_its_owner(house: House) -> None:
    admins = house.administrators()
    owner = house.person(admins, "cleo", Role.ADMINISTRATOR)
    helper = newcomer(house, admins, "helper")
    house.grant(admins, "helper", Role.ADMINISTRATOR, days=5, lent_by="cleo")
    assert Scope.USERS_APPROVE in house.caller(helper).scopes
    proposal, _ = house.granting.propose(house.caller(admins[0]), Change(ChangeKind.RESET, "cleo"), "lost")
    house.clock.move(days=5)
    with pytest.raises(NotAllowed):
        house.granting.approve(house.caller(helper), proposal.id, proposal.digest)
    house.grant(admins, "helper", Role.ADMINISTRATOR, days=5, lent_by="cleo")
    assert Scope.USERS_APPROVE in house.caller(helper).scopes
    house.administration.disable(house.caller(admins[0]), "cleo", "left")
    assert house.caller(helper).scopes == {Scope.SELF}
    assert owner.login == "cleo"


def test_only_what_one_has_of_the_own_can_be_lent(house: House) -> None:
    admins = house.administrators()
    house.person(admins, "ann", Role.ANALYST)
    newcomer(house, admins)
    for lender in ("carl", "adam"):
        with pytest.raises(Conflict, match="to lend"):
            house.granting.propose(house.caller(admins[0]), wish(house, "carl", Role.ANALYST, lender), "lend")
    house.grant(admins, "carl", Role.ANALYST, days=9, lent_by="ann")
    house.person(admins, "dora")
    with pytest.raises(Conflict, match="to lend"):
        house.granting.propose(house.caller(admins[0]), wish(house, "dora", Role.ANALYST, "carl"), "lend on")


def test_revoked_and_expired_grants_stop_at_the_next_request(house: House) -> None:
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    signed = house.signed(person)
    assert Scope.AUTHOR in house.directory.caller_of_session(signed.token, OFFICE).scopes
    (grant,) = house.administration.user("carl").grants
    house.administration.revoke(house.caller(admins[0]), grant.id, "moved")
    assert house.directory.caller_of_session(signed.token, OFFICE).scopes == {Scope.SELF}
    with pytest.raises(Conflict, match="ended already"):
        house.administration.revoke(house.caller(admins[0]), grant.id, "moved")
    house.grant(admins, "carl", Role.ANALYST, days=1)
    assert Scope.AUTHOR in house.caller(person).scopes
    house.clock.move(days=1)
    assert house.caller(person).scopes == {Scope.SELF}


def test_conflicts_of_duty_are_seen_at_proposal_and_at_approval(house: House) -> None:
    admins = house.administrators()
    house.person(admins, "carl", Role.ANALYST)
    with pytest.raises(Conflict, match="does not go together with analyst"):
        house.granting.propose(house.caller(admins[0]), wish(house, "carl", Role.REVIEWER), "both")
    house.person(admins, "dora")
    first, _ = house.granting.propose(house.caller(admins[0]), wish(house, "dora", Role.REVIEWER), "one")
    second, _ = house.granting.propose(house.caller(admins[0]), wish(house, "dora", Role.ANALYST), "other")
    house.granting.approve(house.caller(admins[1]), first.id, first.digest)
    with pytest.raises(Conflict, match="does not go together with reviewer"):
        house.granting.approve(house.caller(admins[1]), second.id, second.digest)


def test_a_reset_takes_everything_back(house: House) -> None:
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    signed = house.signed(person)
    initial = house.agreed(admins, Change(ChangeKind.RESET, "carl"))
    for attempt in (lambda: house.directory.caller_of_session(signed.token, OFFICE), lambda: house.signed(person)):
        with pytest.raises(NotAllowed):
            attempt()
    house.clock.move(minutes=30)
    again = house.settle("carl", initial, ANOTHER)
    assert Scope.AUTHOR in house.caller(again).scopes


def test_who_may_work_is_whoever_has_the_right_now_for_that_place(tmp_path: Path) -> None:
    house = House.empty(tmp_path)
    admins = house.administrators()
    house.person(admins, "carl", Role.ANALYST)
    who_may = house.directory.who_may
    assert who_may(Scope.CASES_WORK) == ["carl"] and who_may(Scope.CASES_REVIEW) == []
    (seen,) = [house.administration.user("carl").user]
    inside = ("" if seen.branches == ("*",) else seen.branches[0], "" if seen.queues == ("*",) else seen.queues[0])
    assert who_may(Scope.CASES_WORK, *inside) == ["carl"]
    assert who_may(Scope.CASES_WORK, "elsewhere") == (["carl"] if seen.branches == ("*",) else [])
    house.administration.disable(house.caller(admins[0]), "carl", "long leave")
    assert who_may(Scope.CASES_WORK) == []


def test_a_disabled_account_is_opened_by_two(house: House) -> None:
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    signed = house.signed(person)
    house.administration.disable(house.caller(admins[0]), "carl", "long leave")
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(signed.token, OFFICE)
    with pytest.raises(NotAllowed):
        house.signed(person)
    house.agreed(admins, Change(ChangeKind.ENABLE, "carl"))
    house.clock.move(minutes=30)
    house.signed(person)


def test_two_administrators_stay(house: House) -> None:
    admins = house.administrators()
    with pytest.raises(Conflict, match="two administrators have to stay"):
        house.administration.disable(house.caller(admins[0]), "beth", "alone at last")
    (grant,) = house.administration.user("beth").grants
    with pytest.raises(Conflict, match="two administrators have to stay"):
        house.administration.revoke(house.caller(admins[0]), grant.id, "alone at last")
    with pytest.raises(Conflict, match="there are two administrators"):
        house.administration.create_first("mallory", "S666", "Mallory")


def test_destructive_acts_need_a_recent_proof(house: House) -> None:
    admins = house.administrators()
    newcomer(house, admins)
    proposal, _ = house.granting.propose(house.caller(admins[0]), wish(house, "carl"), "new")
    stale = house.caller(admins[1])
    house.clock.move(minutes=6)
    for act in (
        lambda: house.granting.approve(stale, proposal.id, proposal.digest),
        lambda: house.administration.create(stale, "dora", "S555", "Dora"),
        lambda: house.administration.disable(stale, "carl", "x"),
    ):
        with pytest.raises(NotAllowed, match="sign in again"):
            act()


def test_a_key_manages_no_users(house: House) -> None:
    """Not even one that bears an administrator's login and every scope."""
    admins = house.administrators()
    key = caller_of_key(KeyId("0" * 12, admins[0].login, frozenset(Scope)))
    with pytest.raises(NotAllowed):
        house.granting.propose(key, Change(ChangeKind.RESET, "beth"), "by key")
    with pytest.raises(NotAllowed):
        house.account.read(key)


def test_keys_stand_for_persons_once_there_are_any(tmp_path: Path) -> None:
    """The alias of key and account: a key may act only under the login of a person who may, and is that person."""

    def key(name: str) -> KeyId:
        return KeyId("0" * 12, name, frozenset(Scope))

    house = House.empty(tmp_path)
    assert house.directory.caller_of_key(key("anybody"), Scope.APPROVE).name == "anybody"
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    for name in ("anybody", "Carl", "carl ", "adam"):
        with pytest.raises(NotAllowed, match="act of a person"):
            house.directory.caller_of_key(key(name), Scope.AUTHOR)
    caller = house.directory.caller_of_key(key("carl"), Scope.AUTHOR)
    assert caller.name == "carl" and Scope.AUTHOR in caller.scopes
    assert caller.scopes.isdisjoint({Scope.APPROVE, Scope.OPERATE, Scope.USERS_MANAGE, Scope.SELF})
    with pytest.raises(NotAllowed):
        house.directory.caller_of_key(key("carl"), Scope.APPROVE)
    service = house.directory.caller_of_key(key("core-banking"), Scope.DECIDE)
    assert Scope.DECIDE in service.scopes and Scope.AUTHOR not in service.scopes
    (grant,) = house.administration.user("carl").grants
    house.administration.revoke(house.caller(admins[0]), grant.id, "moved")
    with pytest.raises(NotAllowed):
        house.directory.caller_of_key(key("carl"), Scope.AUTHOR)
    assert person.login == "carl"
    house.close()


def test_reach_is_whose_objects_one_sees(house: House) -> None:
    admins = house.administrators()
    person = newcomer(house, admins)
    assert not house.caller(person).may_see("b1", "q1")
    house.agreed(admins, Change(ChangeKind.REACH, "carl", branches=("b1", "b2"), queues=("q1",)))
    caller = house.caller(person)
    seen = {(branch, queue) for branch in ("b1", "b2", "b3") for queue in ("q1", "q2") if caller.may_see(branch, queue)}
    assert seen == {("b1", "q1"), ("b2", "q1")}


def test_what_is_not_there_or_without_reason_is_refused(house: House) -> None:
    admins = house.administrators()
    caller = house.caller(admins[0])
    for act in (
        lambda: house.administration.user("nobody"),
        lambda: house.administration.revoke(caller, "f" * 16, "x"),
        lambda: house.granting.approve(caller, "f" * 16, "0" * 64),
        lambda: house.granting.propose(caller, wish(house, "nobody"), "x"),
        lambda: house.administration.end_sessions(caller, "beth", "x", "f" * 16),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(DefinitionError):
        house.administration.end_sessions(caller, "beth", " ")
    with pytest.raises(TarimError):
        house.granting.propose(caller, Change(ChangeKind.GRANT, "beth"), "no role")
    assert house.administration.end_sessions(caller, "beth", "check") >= 1
