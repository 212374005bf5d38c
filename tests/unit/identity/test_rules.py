"""The rules of identity, without a database: roles, passwords, lockout, siege, names, two persons."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tarim.base.errors import Conflict, DefinitionError, FieldError, NotAllowed
from tarim.base.instants import DAY_MS, MINUTE_MS
from tarim.bootstrap import permissions
from tarim.identity.domain.changes import Change, ChangeKind, check_grant, require_two
from tarim.identity.domain.lockout import FOR_GOOD, Failures, tried
from tarim.identity.domain.passwords import RULES, faults_of
from tarim.identity.domain.phrases import WORDS, phrase_at, phrase_of
from tarim.identity.domain.policy import IdentitySettings
from tarim.identity.domain.roles import CONFLICTS, MACHINE, ROLES, SERVICES, Role, conflicts, scopes_of, sensitive
from tarim.identity.domain.sessions import network_of
from tarim.identity.domain.siege import Figures, alarms_of, machine_like
from tarim.identity.domain.users import Grant, display_name_of, holding, login_of, places_of, staff_number_of
from tarim.identity.keys import Scope

POLICY = IdentitySettings()
PERSONAL = ("zhang.wei", "张伟民", "A10234", "青山 明月 古琴")


def test_the_page_of_permissions_is_current() -> None:
    """Otherwise: python -m tarim.bootstrap.permissions docs/reference."""
    kept = Path(__file__).resolve().parents[3] / "docs/reference" / permissions.PAGE
    assert kept.read_text(encoding="utf-8") == permissions.page()


def test_every_role_is_in_the_matrix_and_every_scope_of_a_person_is_somebodys() -> None:
    assert set(ROLES) == set(Role)
    assert scopes_of(Role) == set(Scope) - SERVICES - {Scope.SELF}
    assert scopes_of([]) == frozenset()


def test_who_makes_never_decides() -> None:
    """No role, and no pair of roles that one person may hold, joins making and deciding of the same thing."""
    pairs = (
        (Scope.AUTHOR, Scope.APPROVE),
        (Scope.MODELS, Scope.APPROVE),
        (Scope.CASES_WORK, Scope.CASES_REVIEW),
        (Scope.REPORTS_WRITE, Scope.REPORTS_APPROVE),
        (Scope.REDRESS_WORK, Scope.REDRESS_DECIDE),
        (Scope.REQUESTS_WORK, Scope.REQUESTS_APPROVE),
    )
    allowed = [{role} for role in Role]
    allowed += [set(pair) for pair in combinations(Role, 2) if frozenset(pair) not in CONFLICTS]
    for roles in allowed:
        scopes = scopes_of(roles)
        for makes, decides in pairs:
            assert not {makes, decides} <= scopes, (roles, makes)


def test_auditors_and_administrators_do_nothing_else() -> None:
    for alone in (Role.AUDITOR, Role.ADMINISTRATOR):
        assert all(conflicts(alone, [other]) == [other] for other in Role if other is not alone)
    assert not scopes_of([Role.AUDITOR]) & {
        Scope.CASES_WORK,
        Scope.AUTHOR,
        Scope.APPROVE,
        Scope.USERS_MANAGE,
        Scope.REVEAL,
    }
    assert sensitive([]) and sensitive([Role.ANALYST, Role.REVIEWER]) and not sensitive([Role.ANALYST])
    assert MACHINE.isdisjoint(
        {Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.MODELS, Scope.USERS_APPROVE, Scope.REVEAL}
    )


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("Short-7a", "length"),
        ("x" * 129, "length"),
        ("onlysmallletters", "kinds"),
        ("P@ssw0rd2026!", "weak"),
        ("Password123456!", "weak"),
        ("WelcomeBeijing1!", "weak"),
        ("Woaini-1314520", "weak"),
        ("Qwertyuiop123!", "weak"),
        ("Tarim2026!!!!!", "weak"),
        ("Xy-123456789012", "row"),
        ("Aa1-Aa1-Aa1-Aa1-", "row"),
        ("Kies-zhang.wei-77", "personal"),
        ("Kies-iew.gnahz-77", "personal"),
        ("Moos张伟民-Ufer77", "personal"),
        ("Moos-a10234-Ufer", "personal"),
        ("Ｐ＠ｓｓｗ０ｒｄ２０２６！", "weak"),
    ],
)
def test_bad_passwords_are_refused(password: str, fault: str) -> None:
    assert fault in faults_of(password, PERSONAL, POLICY) and RULES[fault][1]


@pytest.mark.parametrize(
    "password", ["Granit-Fluss-88-Kiesel", "korrekt pferd batterie klammer vier", "雪落长安 Wind 43 Ufer"]
)
def test_good_passwords_are_taken(password: str) -> None:
    assert faults_of(password, PERSONAL, POLICY) == []


def test_failures_lock_longer_and_longer_until_somebody_unlocks() -> None:
    now_ms, found, locked_s = 1_000_000, Failures(), []
    for _ in range(6):
        for _ in range(POLICY.failures_max):
            found = tried(found, now_ms, POLICY)
        assert found.locked(now_ms)
        locked_s.append((found.locked_until_ms - now_ms) // 1000)
        now_ms = found.locked_until_ms
    assert locked_s[:5] == [900, 1800, 3600, 7200, 14400] and found.locked_until_ms == FOR_GOOD


def test_failures_far_apart_do_not_add_up() -> None:
    found = Failures()
    for number in range(40):
        found = tried(found, 1 + number * 4 * MINUTE_MS, POLICY)
        assert not found.locked(1 + number * 4 * MINUTE_MS)


def test_attacks_are_told_from_people() -> None:
    hand = (0, 7_000, 12_500, 31_000, 36_000, 52_000, 90_000, 97_000)
    timer = tuple(range(0, 40_000, 5_000))
    assert machine_like(timer) and machine_like(tuple(range(0, 800, 100))) and not machine_like(hand)
    assert not machine_like(timer[:7])
    assert alarms_of(Figures(8, 1, 1, hand), POLICY) == []
    assert alarms_of(Figures(8, 1, 1, timer), POLICY) == ["script"]
    assert alarms_of(Figures(21, 1, 1, hand), POLICY) == ["brute-force"]
    assert alarms_of(Figures(6, 6, 6, ()), POLICY) == ["spraying"]
    assert alarms_of(Figures(1, 1, 31, ()), POLICY) == ["stuffing"]


def test_logins_and_staff_numbers_have_one_form() -> None:
    assert login_of("  Zhang.Wei ") == login_of("ＺＨＡＮＧ．ｗｅｉ") == "zhang.wei"
    assert staff_number_of("ａ-10 234") == "A-10234"
    assert display_name_of(" 张伟 ") == "张伟"
    for bad in ("", "zhаng", "zhang wei", "-x", "x--y", "a" * 33, "张伟", "a\u200bb", "x'; drop table"):  # a Cyrillic а
        with pytest.raises(FieldError):
            login_of(bad)
    for bad in ("", "1", "工号", "A" * 33):
        with pytest.raises(FieldError):
            staff_number_of(bad)
    with pytest.raises(FieldError):
        display_name_of("a\u202eb")
    assert places_of("branches", ["*"]) == ("*",) and places_of("branches", ["b", "a", "a"]) == ("a", "b")
    with pytest.raises(FieldError):
        places_of("branches", ["*", "a"])


def test_phrases_are_words_of_the_list() -> None:
    assert len(set(WORDS)) == 64 and phrase_of(WORDS[:3]) == " ".join(WORDS[:3])
    assert phrase_at(1 << 127).split() and len({phrase_at(number) for number in range(64**2)}) == 64**2
    for bad in ([], ["我自己"] * 3, list(WORDS[:4])):
        with pytest.raises(FieldError):
            phrase_of(bad)


def test_a_lent_role_is_worth_what_its_owner_has() -> None:
    def grant(role: Role, for_user: str = "", **more: int) -> Grant:
        return Grant("g", "u", role, 0, more.get("until_ms", 100), for_user, "a", "b", "r", more.get("ended_ms", 0))

    grants = [
        grant(Role.ANALYST),
        grant(Role.OPERATOR, "owner"),
        grant(Role.REVIEWER, ended_ms=5),
        grant(Role.AUDITOR, until_ms=9),
    ]
    with_owner = holding(grants, frozenset({("owner", Role.OPERATOR)}), 10)
    assert with_owner.roles == {Role.ANALYST, Role.OPERATOR} and with_owner.stands_for(Scope.OPERATE) == {"owner"}
    assert with_owner.stands_for(Scope.AUTHOR) == frozenset()
    assert holding(grants, frozenset(), 10).roles == {Role.ANALYST}
    assert Role.AUDITOR in holding(grants, frozenset(), 8).roles


def test_two_persons_have_nobody_in_common_and_neither_is_meant() -> None:
    require_two({"a"}, {"b"}, "c")
    for author, decider, subject in (
        ({"a"}, {"a"}, "c"),
        ({"a", "x"}, {"b", "x"}, "c"),
        ({"a"}, {"b"}, "a"),
        ({"a"}, {"b"}, "b"),
    ):
        with pytest.raises(NotAllowed):
            require_two(author, decider, subject)


def test_grants_end_and_do_not_clash() -> None:
    check_grant(Role.ANALYST, [Role.INVESTIGATOR], 30 * DAY_MS, 0, False, POLICY)
    for role, held, until_ms, lent in (
        (Role.REVIEWER, [Role.ANALYST], DAY_MS, False),
        (Role.ANALYST, [], 366 * DAY_MS, False),
        (Role.ANALYST, [], 31 * DAY_MS, True),
        (Role.ANALYST, [], 0, False),
    ):
        with pytest.raises(Conflict):
            check_grant(role, held, until_ms, 0, lent, POLICY)
    change = Change(ChangeKind.GRANT, "x", Role.ANALYST, 5)
    assert change.digest != Change(ChangeKind.GRANT, "x", Role.ANALYST, 6).digest


def test_settings_that_mean_nothing_are_refused() -> None:
    for bad in (
        {"second_factor": "never"},
        {"proxies": "nowhere"},
        {"password_characters_min": 4},
        {"openid_second_factor": "x"},
    ):
        with pytest.raises(DefinitionError):
            IdentitySettings(**bad)  # type: ignore[arg-type]


def test_networks() -> None:
    assert (
        network_of("10.1.2.3") == "10.1.2.0/24"
        and network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
        and network_of("") == ""
    )
