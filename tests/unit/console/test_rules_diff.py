"""Two texts side by side: every line of both is there once, in order, and what changed within a line is marked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.console.rules_diff import Line, side_by_side

OLD = "one\ntwo\nthree\nwhen = 'amount_fen >= 50_000 yuan'\nfive\nsix\nseven\neight\nnine"
NEW = "one\ntwo\nthree\nwhen = 'amount_fen >= 20_000 yuan'\nfive\nsix\nseven\neight\nnew\nnine"


def text(pieces: tuple[tuple[str, bool], ...]) -> str:
    return "".join(piece for piece, _ in pieces)


def sides(lines: list[Line]) -> tuple[list[str], list[str]]:
    return [text(each.before) for each in lines if each.left and each.kind != "gap"], [
        text(each.after) for each in lines if each.right
    ]


def test_a_changed_line_stands_beside_itself_with_the_difference_marked() -> None:
    lines = side_by_side(OLD, NEW)
    changed = next(each for each in lines if each.kind == "changed")
    assert (changed.left, changed.right) == (4, 4)
    assert [piece for piece, differs in changed.before if differs] == ["5"]
    assert [piece for piece, differs in changed.after if differs] == ["2"]
    added = next(each for each in lines if each.kind == "new")
    assert (added.left, added.right, text(added.after)) == (0, 9, "new")


def test_lines_far_from_a_difference_are_counted_and_left_out() -> None:
    many = "\n".join(str(at) for at in range(40))
    (first, *_, last) = side_by_side(many, many.replace("20", "twenty"))
    assert (first.kind, first.left, last.kind, last.left) == ("gap", 17, "gap", 16)
    assert len(side_by_side(many, many.replace("20", "twenty"), whole=True)) == 41
    assert [each.kind for each in side_by_side(many, many)] == ["gap"]
    assert side_by_side("", "") == []


LINES = st.lists(st.sampled_from(["a", "b", "rule one", "rule two", ""]), max_size=12).map("\n".join)


@settings(deadline=None)
@given(old=LINES, new=LINES)
def test_nothing_is_lost_and_nothing_is_invented(old: str, new: str) -> None:
    before, after = sides(side_by_side(old, new, whole=True))
    assert before == old.splitlines() and after == new.splitlines()
    numbers = [each.right for each in side_by_side(old, new, whole=True) if each.right]
    assert numbers == sorted(numbers)
