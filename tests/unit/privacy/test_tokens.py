"""Tokens are stable, secret without the key, and the same one at a time or a column at once."""

from hashlib import blake2b

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.base.errors import DefinitionError
from tarim.privacy import ColumnDigester, Tokenizer

KEY = bytes(range(32))
RAW = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_token_is_the_keyed_digest_as_written() -> None:
    digest = blake2b(b"6222020200112233", digest_size=8, key=KEY, person=b"account").digest()
    assert Tokenizer(KEY).token("account", " 6222020200112233  ") == int.from_bytes(digest, "little", signed=True)


def test_keys_and_spaces_keep_tokens_apart() -> None:
    tokens = {
        Tokenizer(key).token(space, "1") for key in (KEY, bytes(32)) for space in ("account", "customer", "device")
    }
    assert len(tokens) == 6


@given(st.lists(st.none() | RAW, max_size=60))
def test_a_column_has_the_tokens_of_its_values(values: list[str | None]) -> None:
    tokenizer = Tokenizer(KEY, cached_per_space=8)
    expected = [0 if value is None else Tokenizer(KEY).token("account", value) for value in values]
    array = pa.array(values, pa.string())
    forms = (values, array, array.cast(pa.large_string()), pa.chunked_array([array, array]), array.dictionary_encode())
    for form in forms:
        got = tokenizer.tokens("account", form).tolist()
        assert got == expected * (2 if isinstance(form, pa.ChunkedArray) else 1)
    assert tokenizer.tokens("account", pa.concat_arrays([array, array]).slice(len(values))).tolist() == expected


def test_long_columns_of_few_and_of_many_values() -> None:
    tokenizer = Tokenizer(KEY)
    for many in (50, 20_000):
        values = [f"A{number % many}" for number in range(20_000)] + [None]
        got = tokenizer.tokens("account", values).tolist()
        assert got[-1] == 0 and got[123] == tokenizer.token("account", "A" + str(123 % many))
        assert len(set(got)) == many + 1


def test_the_cache_is_bounded_and_shows_nothing() -> None:
    tokenizer = Tokenizer(KEY, cached_per_space=16)
    for number in range(1000):
        tokenizer.token("account", f"canary-{number}")
    assert len(tokenizer.space("account")) <= 16
    assert "canary" not in repr(tokenizer) + repr(tokenizer.space("account"))


def test_keys_and_spaces_of_the_wrong_size_are_refused() -> None:
    for action in (
        lambda: Tokenizer(b"short"),
        lambda: Tokenizer(KEY, cached_per_space=1),
        lambda: Tokenizer(KEY).token("a" * 17, "x"),
        lambda: Tokenizer(KEY).token("", "x"),
    ):
        with pytest.raises(DefinitionError):
            action()


@given(
    st.binary(max_size=64),
    st.binary(max_size=16),
    st.binary(max_size=200),
    st.lists(st.one_of(st.binary(max_size=20), st.binary(max_size=400)), min_size=1, max_size=30),
)
def test_the_column_hash_is_that_of_the_standard_library(
    key: bytes, person: bytes, prefix: bytes, values: list[bytes]
) -> None:
    found = ColumnDigester(key, person).of_column(pa.array(values, pa.binary()), prefix=prefix)
    digests = [blake2b(prefix + value, digest_size=8, key=key, person=person).digest() for value in values]
    assert found.tolist() == [int.from_bytes(digest, "little", signed=True) for digest in digests]


def test_texts_are_compared_with_their_spaces() -> None:
    tokenizer = Tokenizer(KEY)
    assert tokenizer.text("a") != tokenizer.text("a ")
    assert tokenizer.texts(pa.array(["a ", None, ""])).tolist() == [tokenizer.text("a "), 0, tokenizer.text("")]
