"""A value has one text, whatever the order it was put together in."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.base.canonical import canonical_json
from tarim.base.errors import DefinitionError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcZ标 ", max_size=4), inner, max_size=4),
    max_leaves=12,
)


class Pair(msgspec.Struct):
    zeta: float
    alpha: str


@given(PLAIN)
def test_what_is_written_is_read_back(value: object) -> None:
    assert msgspec.json.decode(canonical_json(value)) == value


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=6), st.randoms())
def test_order_does_not_matter(value: dict[str, int], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical_json(dict(items)) == canonical_json(value)


def test_the_form() -> None:
    assert canonical_json(Pair(0.1, "标")) == '{"alpha":"标","zeta":0.1}'.encode()
    assert canonical_json({"b": [1, True, None], "a": {2: "x"}}) == b'{"a":{"2":"x"},"b":[1,true,null]}'


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, {"a": [math.nan]}, Pair(math.nan, ""), object(), "\ud800"]
)
def test_what_has_no_one_text_is_refused(value: object) -> None:
    with pytest.raises(DefinitionError):
        canonical_json(value)
