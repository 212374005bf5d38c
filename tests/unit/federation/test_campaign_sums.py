"""Campaign sums: exact for whom the contract opens them to, withheld for small groups, and masked on the way."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError, TooLarge
from tarim.federation import ProtocolBroken, Role
from tarim.federation.encryption import sums
from tarim.federation.encryption.sums import GroupSums, Shape, give_groups, give_values, reportable, summed_in_the_clear
from tests.fakes.federation import together

FIRST, SECOND = frozenset({Role.FIRST}), frozenset({Role.SECOND})


def made_up(rows: int, columns: int, groups: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    values = np.round(draw.normal(0, 50_000, (rows, columns)), 2)
    offered = draw.integers(0, groups + 1, rows)
    return values, (offered[:, None] == np.arange(groups)).astype(np.uint8)


def run(values: np.ndarray, members: np.ndarray, shape: Shape, learners: frozenset[Role]):
    return together(
        lambda channel: give_values(channel, values, shape, learners),
        lambda channel: give_groups(channel, members, shape, learners),
    )


def same(found: GroupSums | None, clear: GroupSums) -> bool:
    assert found is not None
    return np.array_equal(found.sums, clear.sums, equal_nan=True) and np.array_equal(found.sizes, clear.sizes)


@pytest.mark.parametrize("learners", [FIRST, SECOND, FIRST | SECOND])
def test_sums_are_exact_for_whom_they_are_opened_to(learners: frozenset[Role]) -> None:
    values, members = made_up(3_000, 3, 4)
    members[:, 2] = 0
    members[:7, 2] = 1
    shape = Shape(3_000, 3, 4, 50, 7)
    clear = summed_in_the_clear(values, members, shape)
    assert clear.sizes.tolist()[2] == -1 and np.isnan(clear.sums[2]).all() and (clear.sizes[[0, 1, 3]] > 500).all()
    expected = members[:, 0].astype(float) @ values
    assert np.abs(clear.sums[0] - expected).max() < 3_000 * 2.0**-8
    for role, found in zip(Role, run(values, members, shape, learners), strict=True):
        assert same(found, clear) if role in learners else found is None


def test_the_first_party_decrypts_uniform_numbers_when_the_second_alone_learns() -> None:
    values, members = made_up(200, 2, 1)
    values[:] = 1.0
    shape = Shape(200, 2, 1, 10, 0)
    seen = []
    for _ in range(2):

        def hold(channel):
            give_values(channel, values, shape, SECOND)
            return dict(channel.sent)["opening: campaign sums"]

        seen.append(together(hold, lambda channel: give_groups(channel, members, shape, SECOND))[0])
    assert seen[0] != seen[1], "fresh masks"
    assert all(np.frombuffer(each, np.uint64).min() > 1 << 30 for each in seen), "far from the sums of about 100"


def test_groups_that_would_say_too_much_are_withheld() -> None:
    members = np.zeros((1_000, 5), np.uint8)
    members[:300, 0] = 1
    members[:295, 1] = 1  # all but five of the first
    members[:300, 2] = 1  # the first once more: no difference, nothing new
    members[300:349, 3] = 1  # too small
    members[300:600, 4] = 1
    assert reportable(members, 50).tolist() == [True, False, True, False, True]
    assert not reportable(np.zeros((100, 1), np.uint8), 10).any()


def test_no_group_to_report() -> None:
    values, members = made_up(40, 1, 2)
    first, second = run(values, members, Shape(40, 1, 2, 100, 2), FIRST | SECOND)
    assert first.sizes.tolist() == second.sizes.tolist() == [-1, -1]


def test_what_does_not_fit_is_refused() -> None:
    for columns, groups in ((0, 1), (257, 1), (1, 257)):
        with pytest.raises(TooLarge):
            Shape(10, columns, groups, 10, 0)
    with pytest.raises(TooLarge, match="ciphertexts"):
        Shape(1 << 24, 4, 1, 10, 0)
    with pytest.raises(InputError, match="at least"):
        Shape(10, 1, 1, 9, 0)
    shape = Shape(20, 1, 1, 10, 20)
    with pytest.raises(InputError, match="fewer bits"):
        together(lambda channel: give_values(channel, np.full((20, 1), 1e7), shape, FIRST), lambda _channel: None)
    with pytest.raises(InputError, match="zeros and ones"):
        together(
            lambda _channel: None, lambda channel: give_groups(channel, np.full((20, 1), 2, np.uint8), shape, FIRST)
        )


def test_a_size_below_the_agreed_one_ends_the_run_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when the other party's own check fails it: what it then sends is refused."""
    values, members = made_up(40, 1, 1)
    members[:] = 0
    members[:3] = 1
    monkeypatch.setattr(sums, "reportable", lambda members, _least: np.ones(members.shape[1], bool))
    with pytest.raises(ProtocolBroken, match="size"):
        run(values, members, Shape(40, 1, 1, 10, 0), FIRST)
