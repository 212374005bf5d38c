"""Signing in: first time, every time, wrongly, too often, from elsewhere; and what each attack meets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from tarim.base.errors import Conflict, FieldError, NotAllowed, NotFound, TarimError, TooOften, UnknownKey
from tarim.identity import MIGRATIONS, Pending, Role, Scope, Visitor
from tarim.identity.adapters import doorway, people
from tarim.identity.adapters.doorway import USUAL_MAX
from tarim.identity.adapters.tables import FAILURES, SESSIONS, TRIES, USERS, USUAL
from tarim.identity.office import digest_of
from tarim.records import differences
from tests.fakes.identity import ANOTHER, AWAY, OFFICE, PASSWORD, House, Person
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House.at(tmp_path)
    yield made
    made.close()


def refused(
    house: House, person: Person, visitor: Visitor = AWAY, password: str = "wrong", code: str = "000000"
) -> TarimError:
    """What a wrong sign-in is answered."""
    with pytest.raises((NotAllowed, TooOften)) as found:
        house.door.sign_in(person.login, password, code, visitor)
    return found.value


def alarms(house: House) -> set[str]:
    return {alarm.kind for alarm in house.administration.alarms(100)}


def test_the_whole_way_on_both_databases(database_url: str) -> None:  # noqa: F811
    """First administrators, a person with a role, a sign-in; the tables are what the scripts make."""
    house = House(database_url)
    try:
        admins = house.administrators()
        person = house.person(admins, "carl", Role.INVESTIGATOR)
        caller = house.caller(person)
        assert Scope.CASES_WORK in caller.scopes and caller.may_see("b1", "q1") and caller.name == "carl"
        assert {session.id for session in house.account.sessions(caller)} >= {caller.session}
        assert refused(house, person).http_status == 401
        with house.office.database.reading() as connection:
            assert differences(connection, [MIGRATIONS]) == []
    finally:
        house.close()


def test_a_first_sign_in_lets_nothing_be_done_before_codes_and_an_own_password(tmp_path: Path) -> None:
    house = House.empty(tmp_path)
    _, initial = house.administration.create_first("adam", "S1", "Adam")
    signed = house.door.sign_in("adam", initial, "", OFFICE)
    assert signed.session.pending == (Pending.ENROL, Pending.PASSWORD)
    caller = house.directory.caller_of_session(signed.token, OFFICE)
    assert caller.scopes == {Scope.SELF}
    with pytest.raises(Conflict, match="one-time codes first"):
        house.account.set_password(caller, initial, PASSWORD)
    with pytest.raises(NotAllowed):
        house.administration.create(caller, "eve", "S9", "Eve")
    person = house.settle("adam", initial)
    assert Scope.USERS_MANAGE in house.caller(person).scopes
    house.close()


def test_an_initial_password_lasts_three_days(house: House) -> None:
    _, initial = house.administration.create(house.caller(house.administrators()[0]), "carl", "S1", "Carl")
    house.clock.move(days=3)
    assert "is not right" in refused(house, Person("carl"), OFFICE, initial, "").detail


def test_what_is_kept_holds_no_secret(house: House) -> None:
    admins = house.administrators()
    signed = house.signed(admins[0])
    with house.office.database.reading() as connection:
        everything = repr([connection.execute(select(table)).all() for table in MIGRATIONS.metadata.sorted_tables])
    for secret in (PASSWORD, signed.token, admins[0].secret, *admins[0].recovery, admins[0].device):
        assert secret and secret not in everything and secret.replace("-", "") not in everything
    assert digest_of(signed.token) in everything and "$argon2id$" in everything
    with house.office.database.reading() as connection:
        assert len(connection.execute(select(USERS.c.password)).all()) == 2


def test_a_code_is_used_once_and_in_order(house: House) -> None:
    admins = house.administrators()
    code = house.code(admins[0])
    house.signed(admins[0], code=code)
    refused(house, admins[0], OFFICE, PASSWORD, code)
    assert "replay" in alarms(house) and "identity.alarm.replay" in house.trail.acts()
    before = house.code(admins[0])
    house.signed(admins[0], code=house.code(admins[0]))
    refused(house, admins[0], OFFICE, PASSWORD, before)


def test_a_code_counts_a_step_aside_and_no_further(house: House) -> None:
    admins = house.administrators()
    code = house.code(admins[0])
    house.clock.move(seconds=30)
    house.signed(admins[0], code=code)
    code = house.code(admins[0])
    house.clock.move(seconds=60)
    refused(house, admins[0], OFFICE, PASSWORD, code)


def test_a_recovery_code_opens_once(house: House) -> None:
    person = house.administrators()[0]
    assert house.signed(person, code=person.recovery[0]).recovery_left == 9
    refused(house, person, OFFICE, PASSWORD, person.recovery[0])
    assert house.signed(person, code=person.recovery[1].lower()).recovery_left == 8


def test_a_recovery_code_of_another_person_does_not_open(house: House) -> None:
    adam, beth = house.administrators()
    refused(house, adam, OFFICE, PASSWORD, beth.recovery[0])


def test_nothing_tells_an_unknown_login_from_a_known_one(house: House) -> None:
    """The same words, the same status, the same phrase form, the same lock; the password is hashed either way."""
    person = house.administrators()[0]
    counted: list[str] = []
    verify = house.office.hasher.verify
    house.office.hasher.verify = lambda kept, typed: counted.append(kept) or verify(kept, typed)  # type: ignore[method-assign, func-returns-value]
    answers = {}
    for login in (person.login, "nobody"):
        visitor = Visitor("198.51.100.7" if login == "nobody" else "203.0.113.9", "x")
        house.clock.move(minutes=60)
        found = []
        for _ in range(6):
            error = refused(house, Person(login), visitor)
            found.append((type(error), error.detail, error.http_status))
            house.clock.move(seconds=20)
        answers[login] = found
    assert answers[person.login] == answers["nobody"]
    assert [type_ for type_, _, _ in answers["nobody"]] == [NotAllowed] * 5 + [TooOften]
    assert len(counted) == 10 and counted.count("") == 5
    house.clock.move(minutes=60)
    shown = [house.door.start(login, OFFICE) for login in (person.login, "nobody", "nobody", "no login!")]
    assert all(len(start.phrase.split()) == 3 and start.second_factor for start in shown)
    assert shown[1] == shown[2]


def test_five_failures_lock_alarm_and_an_administrator_unlocks(house: House) -> None:
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    for _ in range(5):
        refused(house, person)
        house.clock.move(seconds=9)
    error = refused(house, Person(person.login), AWAY, PASSWORD, house.code(person))
    assert isinstance(error, TooOften) and error.retry_after_s > 60
    assert "locked" in alarms(house)
    assert house.administration.user("carl").locked_until_ms
    with pytest.raises(Conflict, match="own account"):
        house.administration.unlock(house.caller(admins[0]), "adam", "me")
    house.administration.unlock(house.caller(admins[0]), "carl", "called back")
    house.door.sign_in("carl", PASSWORD, house.code(person), AWAY)


def test_who_fails_elsewhere_does_not_lock_the_owner_out(house: House) -> None:
    """A device that was signed in from before has a counter of its own."""
    person = house.administrators()[0]
    house.signed(person)
    assert person.device
    for _ in range(6):
        refused(house, Person(person.login))
        house.clock.move(seconds=9)
    house.signed(person)


def test_guesses_sent_at_once_are_counted_one_by_one(house: House) -> None:
    person = house.administrators()[0]

    def guess(number: int) -> type[BaseException]:
        try:
            house.door.sign_in(person.login, f"guess {number}", "", AWAY)
        except TarimError as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(guess, range(40)))
    assert found.count(NotAllowed) == 5 and found.count(TooOften) == 35


def test_spraying_is_banned_and_alarmed(house: House) -> None:
    """One password, many logins, one address: at the sixth the address is banned, for logins that exist too."""
    person = house.administrators()[0]
    for number in range(6):
        refused(house, Person(f"user{number}"), AWAY, "Spring2026!!")
        house.clock.move(seconds=7 + number)
    assert isinstance(refused(house, Person(person.login), AWAY, PASSWORD, house.code(person)), TooOften)
    assert "spraying" in alarms(house)
    with pytest.raises(TooOften):
        house.door.start(person.login, AWAY)
    house.signed(person, OFFICE)
    house.clock.move(minutes=16)
    house.door.sign_in(person.login, PASSWORD, house.code(person), AWAY)


def test_stuffing_from_many_addresses_is_alarmed_and_no_code_is_waived(tmp_path: Path) -> None:
    house = House.at(tmp_path, second_factor="unusual", siege_logins_max=12)
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    house.signed(person)
    visitor = Visitor(OFFICE.address, OFFICE.agent, person.device)
    assert not house.door.start("carl", visitor).second_factor
    house.signed(person, code="")
    for number in range(13):
        refused(house, Person(f"leaked{number}"), Visitor(f"198.51.{number}.7", "bot"), "leaked", "")
    assert "stuffing" in alarms(house)
    assert house.door.start("carl", visitor).second_factor
    house.close()


def test_a_banned_address_leaves_nothing_behind(house: House) -> None:
    """Neither tries nor entries of the trail: who has no account cannot fill the disk."""
    for number in range(6):
        refused(house, Person(f"user{number}"))
    with house.office.database.reading() as connection:
        before = len(connection.execute(select(TRIES)).all()), len(connection.execute(select(FAILURES)).all())
    told = len(house.trail.events)
    for number in range(30):
        assert isinstance(refused(house, Person(f"more{number}")), TooOften)
    with house.office.database.reading() as connection:
        assert before == (len(connection.execute(select(TRIES)).all()), len(connection.execute(select(FAILURES)).all()))
    assert len(house.trail.events) == told


def test_devices_are_remembered_up_to_a_number(house: House) -> None:
    person = house.administrators()[0]
    for number in range(USUAL_MAX + 3):
        with house.office.writing() as connection:
            doorway.keep_usual(connection, "somebody", "device", f"mark{number}", number)
    with house.office.database.reading() as connection:
        marks = connection.execute(select(USUAL.c.mark).where(USUAL.c.user == "somebody")).scalars().all()
    assert len(marks) == USUAL_MAX and "mark2" not in marks and "mark3" in marks and person.device


def test_a_script_is_banned_by_its_rhythm(house: House) -> None:
    for number in range(8):
        refused(house, Person(f"user{number % 4}"), AWAY)
        house.clock.move(seconds=5)
    assert "script" in alarms(house)
    assert isinstance(refused(house, Person("somebody")), TooOften)


def test_an_unusual_place_is_alarmed_and_proves_less(house: House) -> None:
    person = house.administrators()[0]
    house.signed(person)
    signed = house.door.sign_in(person.login, PASSWORD, house.code(person), AWAY)
    assert signed.session.unusual and signed.session.authenticated_ms == 0 and "unusual" in alarms(house)
    caller = house.directory.caller_of_session(signed.token, AWAY)
    with pytest.raises(NotAllowed, match="sign in again"):
        house.administration.create(caller, "carl", "S77", "Carl")
    again = house.door.reauthenticate(signed.session, PASSWORD, house.code(person), AWAY)
    house.administration.create(house.directory.caller_of_session(again.token, AWAY), "carl", "S77", "Carl")


def test_an_unusual_place_is_challenged_where_a_code_is_waived_elsewhere(tmp_path: Path) -> None:
    house = House.at(tmp_path, second_factor="unusual")
    person = house.person(house.administrators(), "carl", Role.ANALYST)
    house.signed(person)
    house.signed(person, code="")
    away = Visitor(AWAY.address, AWAY.agent, person.device)
    assert house.door.start("carl", away).second_factor
    refused(house, person, away, PASSWORD, "")
    house.close()


def test_sessions_have_new_ids_and_old_tokens_end(house: House) -> None:
    """Fixation: a token shown at sign-in is never taken over, and ends; one from before a new proof is worth nothing."""
    person = house.administrators()[0]
    first = house.signed(person)
    second = house.door.sign_in(person.login, PASSWORD, house.code(person), OFFICE, first.token)
    third = house.door.reauthenticate(second.session, PASSWORD, house.code(person), OFFICE)
    assert len({first.token, second.token, third.token}) == 3
    assert len({first.session.id, second.session.id, third.session.id}) == 3
    assert third.session.until_ms == second.session.until_ms
    for old in (first, second):
        with pytest.raises(NotAllowed):
            house.directory.caller_of_session(old.token, OFFICE)
    fixed = "ts_" + "A" * 43
    signed = house.door.sign_in(person.login, PASSWORD, house.code(person), OFFICE, fixed)
    assert signed.token != fixed
    with pytest.raises(UnknownKey):
        house.directory.caller_of_session(fixed, OFFICE)


@pytest.mark.parametrize("elsewhere", [Visitor("203.0.113.9", "browser"), Visitor("10.1.2.3", "curl")])
def test_a_stolen_session_ends_and_is_alarmed(house: House, elsewhere: Visitor) -> None:
    person = house.administrators()[0]
    signed = house.signed(person)
    house.directory.caller_of_session(signed.token, Visitor("10.1.2.99", "browser"))  # the same network
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(signed.token, elsewhere)
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(signed.token, OFFICE)
    assert "theft" in alarms(house) and "identity.alarm.theft" in house.trail.acts()


def test_sessions_end_when_idle_and_when_over(house: House) -> None:
    person = house.administrators()[0]
    signed = house.signed(person)
    for _ in range(45):
        house.clock.move(minutes=13)
        house.directory.caller_of_session(signed.token, OFFICE)
    house.clock.move(minutes=16)
    with pytest.raises(NotAllowed, match="over"):
        house.directory.caller_of_session(signed.token, OFFICE)
    signed = house.signed(person)
    for _ in range(46):
        house.clock.move(minutes=13)
        house.directory.caller_of_session(signed.token, OFFICE)
    house.clock.move(minutes=3)
    with pytest.raises(NotAllowed, match="over"):
        house.directory.caller_of_session(signed.token, OFFICE)


def test_a_page_that_asks_by_itself_keeps_no_session_in_use(house: House) -> None:
    """It is answered as long as the person's own acts keep the session, and no longer."""
    signed = house.signed(house.administrators()[0])
    for _ in range(7):
        house.clock.move(minutes=2)
        house.directory.caller_of_session(signed.token, replace(OFFICE, background=True))
    house.clock.move(minutes=2)
    with pytest.raises(NotAllowed, match="over"):
        house.directory.caller_of_session(signed.token, OFFICE)


def test_a_person_sets_shorter_limits_and_no_longer_ones(house: House) -> None:
    person = house.administrators()[0]
    signed = house.signed(person)
    caller = house.directory.caller_of_session(signed.token, OFFICE)
    with pytest.raises(TarimError, match="from 1 to 15"):
        house.account.set_limits(caller, 16, 0)
    house.account.set_limits(caller, 2, 1)
    house.clock.move(minutes=2)
    with pytest.raises(NotAllowed, match="over"):
        house.directory.caller_of_session(signed.token, OFFICE)
    assert house.signed(person).session.until_ms == house.clock.now_ms() + 3_600_000


def test_one_and_all_sessions_can_be_ended_and_others_not_seen(house: House) -> None:
    adam, beth = house.administrators()
    mine, other, hers = house.signed(adam), house.signed(adam), house.signed(beth)
    caller = house.directory.caller_of_session(mine.token, OFFICE)
    with pytest.raises(NotFound):
        house.account.end_session(caller, hers.session.id)
    house.account.end_session(caller, other.session.id)
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(other.token, OFFICE)
    house.directory.caller_of_session(hers.token, OFFICE)
    assert house.account.end_all(caller) >= 1
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(mine.token, OFFICE)


def test_the_oldest_of_too_many_sessions_ends(house: House) -> None:
    person = house.administrators()[0]
    signed = [house.signed(person) for _ in range(6)]
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(signed[0].token, OFFICE)
    house.directory.caller_of_session(signed[1].token, OFFICE)


def test_passwords_are_changed_by_the_rules_and_end_other_sessions(house: House) -> None:
    person = house.administrators()[0]
    other = house.signed(person)
    caller = house.caller(person)
    with pytest.raises(NotAllowed, match="old password"):
        house.account.set_password(caller, "wrong", ANOTHER)
    for bad, rule in (
        (PASSWORD, "used before"),
        ("Password-2026!", "common"),
        ("Fels-adam-4711", "login"),
        ("kurz-7A", "characters"),
    ):
        with pytest.raises(FieldError, match=rule):
            house.account.set_password(caller, PASSWORD, bad)
    house.account.set_password(caller, PASSWORD, ANOTHER)
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(other.token, OFFICE)
    person.password = ANOTHER
    caller = house.caller(person)
    with pytest.raises(FieldError, match="used before"):
        house.account.set_password(caller, ANOTHER, PASSWORD)
    house.clock.move(days=181)
    assert house.signed(person).session.pending == (Pending.PASSWORD,)


def test_who_holds_a_session_cannot_guess_the_rest(house: House) -> None:
    """The old password, and the code that a sign-on by another house still needs, are counted as at the door."""
    admins = house.administrators()
    person = house.person(admins, "carl", Role.ANALYST)
    caller = house.caller(person)
    for _ in range(5):
        with pytest.raises(NotAllowed):
            house.account.set_password(caller, "wrong", ANOTHER)
    with pytest.raises(TooOften):
        house.account.set_password(caller, PASSWORD, ANOTHER)
    with house.office.database.reading() as connection:
        user = people.user_of_login(connection, "carl")
    assert user is not None

    def given(code: str) -> None:
        signed = house.door.admit(user, OFFICE, provider_factor=False)
        house.account.give_code(house.directory.caller_of_session(signed.token, OFFICE), code)

    for _ in range(5):
        with pytest.raises(NotAllowed):
            given("000000")
    with pytest.raises(TooOften):
        given(house.code(person))
    house.administration.unlock(house.caller(admins[0]), "carl", "called back")
    given(house.code(person))


def test_what_changes_sign_in_needs_a_recent_proof(house: House) -> None:
    person = house.administrators()[0]
    signed = house.signed(person)
    house.clock.move(minutes=6)
    caller = house.directory.caller_of_session(signed.token, OFFICE)
    for act in (
        lambda: house.account.begin_codes(caller),
        lambda: house.account.renew_recovery(caller),
        lambda: house.account.set_password(caller, PASSWORD, ANOTHER),
    ):
        with pytest.raises(NotAllowed, match="sign in again"):
            act()


def test_a_setup_of_codes_is_of_one_person_and_an_hour(house: House) -> None:
    adam, beth = house.administrators()
    setup = house.account.begin_codes(house.caller(adam))
    with pytest.raises(FieldError, match="given to you"):
        house.account.confirm_codes(house.caller(beth), setup.setup, "000000")
    house.clock.move(minutes=61)
    with pytest.raises(FieldError, match="older than an hour"):
        house.account.confirm_codes(house.caller(adam), setup.setup, "000000")


def test_weaker_hashes_are_made_anew_at_sign_in(tmp_path: Path) -> None:
    house = House.at(tmp_path)
    person = house.administrators()[0]
    stronger = House.at(tmp_path, hash_rounds=2)
    stronger.clock.at_ms = house.clock.now_ms()
    stronger.signed(person)
    with stronger.office.database.reading() as connection:
        kept = connection.execute(select(USERS.c.password).where(USERS.c.login == person.login)).scalar_one()
    assert "t=2" in kept
    stronger.signed(person)
    house.close()
    stronger.close()


@pytest.mark.parametrize(
    "typed", ["adam' OR '1'='1", 'adam"; DROP TABLE identity_users;--', "ad\x00am", "𝖆" * 64, "%", "_", ""]
)
def test_injection_is_a_login_that_nobody_has(house: House, typed: str) -> None:
    house.administrators()
    assert refused(house, Person(typed), AWAY, typed, typed).http_status == 401
    house.door.start(typed, OFFICE)
    with house.office.database.reading() as connection:
        assert len(connection.execute(select(USERS.c.id)).all()) == 2


def test_what_was_typed_as_a_login_is_not_kept(house: House) -> None:
    """Many a password is typed where the login belongs."""
    typed = "granit-fluss-88"
    refused(house, Person(typed))
    with house.office.database.reading() as connection:
        everything = repr([connection.execute(select(table)).all() for table in (FAILURES, TRIES, SESSIONS)])
    assert typed not in everything and all(typed not in repr(event) for event in house.trail.events)
