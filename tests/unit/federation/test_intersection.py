"""Common customers: exactly those both have, in the same order for both, and nothing for who is not to learn."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.errors import InputError, TooLarge
from tarim.federation import Role
from tarim.federation.errors import ProtocolBroken
from tarim.federation.intersection import IdentifierKind, intersect, normalised
from tarim.federation.points import hidden, multiplied, on_curve, point_of
from tests.fakes.federation import QueueChannel, together

BOTH = frozenset(Role)
CONTEXT = b"contract 1, run 1"
PRIME = 2**255 - 19


def common(first: list[bytes], second: list[bytes], learners: frozenset[Role] = BOTH, **more: int):
    return together(
        lambda end: intersect(end, Role.FIRST, first, CONTEXT, learners, **more),
        lambda end: intersect(end, Role.SECOND, second, CONTEXT, learners, **more),
    )


def _with_end(role: Role, held: list[bytes], end: QueueChannel, **more: int):
    return end, intersect(end, role, held, CONTEXT, BOTH, **more)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=6), unique=True, max_size=12),
    st.lists(st.binary(min_size=1, max_size=6), unique=True, max_size=12),
)
def test_common_ones_and_no_others_in_one_order(first: list[bytes], second: list[bytes]) -> None:
    mine, theirs = common(first, second)
    assert [first[place] for place in mine] == [second[place] for place in theirs]
    assert {first[place] for place in mine} == set(first) & set(second)


def test_only_the_named_one_learns() -> None:
    mine, theirs = common([b"a", b"b", b"c"], [b"c", b"a"], frozenset({Role.SECOND}))
    assert mine is None
    assert sorted(theirs) == [0, 1]


def test_padding_hides_how_many() -> None:
    (one, mine), (other, theirs) = together(
        partial(_with_end, Role.FIRST, [b"a"], padded_to=8),
        partial(_with_end, Role.SECOND, [b"b", b"a", b"c"], padded_to=8),
    )
    assert (list(mine), list(theirs)) == ([0], [1])
    sizes = {tuple(len(data) for step, data in end.sent) for end in (one, other)}
    assert sizes == {(8, 256, 256)}, "both sides' messages have the same sizes"


def test_runs_do_not_compare() -> None:
    """The same identifier under the same secret is another point in another context."""
    assert point_of(b"run 1", b"13800000000") != point_of(b"run 2", b"13800000000")
    assert point_of(b"run 1", b"x") != point_of(b"run 1x", b"")


def test_points_lie_on_the_curve_and_not_on_the_twist() -> None:
    """By Euler's criterion; public keys lie there too."""
    for number in range(60):
        u = int.from_bytes(point_of(b"c", b"%d" % number), "little")
        assert pow(u**3 + 486_662 * u**2 + u, (PRIME - 1) // 2, PRIME) == 1
        public = X25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        assert on_curve(int.from_bytes(public, "little"))
    draws = [on_curve(number) == (pow(number**3 + 486_662 * number**2 + number, (PRIME - 1) // 2, PRIME) == 1)
             for number in range(300)]  # fmt: skip
    assert all(draws)


def test_secrets_commute() -> None:
    one, other = bytes(range(32)), bytes(range(7, 39))
    assert multiplied(other, hidden(b"c", one, [b"x"])) == multiplied(one, hidden(b"c", other, [b"x"]))


def test_a_point_of_small_order_ends_the_run() -> None:
    with pytest.raises(ProtocolBroken):
        multiplied(bytes(range(32)), [bytes(32)])


def test_processes_give_the_same() -> None:
    held = [b"%d" % number for number in range(50)]
    mine, theirs = common(held, held[10:30], processes=2)
    assert [held[place] for place in mine] == [held[10:30][place] for place in theirs]
    assert len(mine) == 20


@pytest.mark.parametrize(
    ("kind", "alike"),
    [
        (IdentifierKind.PHONE, ["13912345678", "+86 139-1234-5678", "0086 13912345678", "１３９１２３４５６７８"]),
        (IdentifierKind.DOCUMENT, ["11010519491231002x", "110105 19491231 002X"]),
        (IdentifierKind.CARD, ["6222 0212 3456 7890", "6222-0212-3456-7890"]),
        (IdentifierKind.EMAIL, ["Li.Na@Example.com ", "li.na@example.com"]),
        (IdentifierKind.TEXT, [" C-001", "C-001"]),
    ],
)
def test_spellings_of_one_identifier_meet(kind: IdentifierKind, alike: list[str]) -> None:
    assert len({normalised(kind, text) for text in alike}) == 1


def test_what_cannot_be_an_identifier_is_refused() -> None:
    for kind, text in [(IdentifierKind.PHONE, "12a45"), (IdentifierKind.CARD, "62"), (IdentifierKind.TEXT, "  ")]:
        with pytest.raises(InputError) as error:
            normalised(kind, text)
        assert text not in error.value.detail
    with pytest.raises(TooLarge):
        normalised(IdentifierKind.TEXT, "x" * 257)
    with pytest.raises(InputError):
        intersect(QueueChannel.__new__(QueueChannel), Role.FIRST, [b"a", b"a"], CONTEXT, BOTH)


def test_what_goes_over_the_line_says_nothing_of_the_identifiers() -> None:
    """Two runs with the same sets send other points, and no point of a run is an identifier's own."""
    sent: list[set[bytes]] = []
    for _ in range(2):
        ends = [end for end, _ in together(*(partial(_with_end, role, [b"a", b"b"]) for role in Role))]
        points = b"".join(data for end in ends for step, data in end.sent if "points" in step)
        sent.append({points[start : start + 32] for start in range(0, len(points), 32)})
    assert not sent[0] & sent[1]
    assert not (sent[0] | sent[1]) & {point_of(CONTEXT, each) for each in (b"a", b"b")}
    assert np.all([len(each) == 4 + 2 for each in sent]), (
        "a common point looks the same to both once it carries both secrets"
    )
