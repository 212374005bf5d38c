"""Encryption: parameters by the standard's table, exact products over the whole ring, and errors by name."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError, TooLarge
from tarim.federation import ProtocolBroken, Role
from tarim.federation.encryption import exchange, library, parameters
from tarim.federation.encryption.exchange import Holder, Other
from tarim.federation.encryption.layout import MASK, Layout, stride_for_columns
from tarim.federation.learning import logistic
from tarim.federation.learning.encoding import Widths
from tarim.federation.learning.encrypted_products import EncryptedOwnColumns, EncryptedTheirColumns, layouts
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.product_forms import (
    CIPHERTEXT_BYTES,
    KEY_BYTES,
    REPLY_BYTES,
    Form,
    Line,
    cheapest,
    cost,
)
from tarim.federation.sharing import open_to
from tests.fakes.federation import QueueChannel, in_session, together
from tests.unit.federation.test_learning import made_up

TOP = (1 << parameters.PLAIN_BITS) - 1


def ring(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Numbers of the whole ring, its edges among them."""
    draw = np.random.default_rng(seed)
    found = draw.integers(0, TOP, shape, np.uint64, endpoint=True)
    edges = np.array([0, 1, TOP, TOP // 2, TOP // 2 + 1], np.uint64)
    return np.where(draw.random(shape) < 0.3, draw.choice(edges, shape), found)


def multiplied(layout: Layout, matrix: np.ndarray, vector: np.ndarray, numbers: np.ndarray, seed: int = 9):
    """(X v, X^T s) as the holder learns them, the first with its masks taken off."""
    masks = ring((layout.blocks, layout.stride), seed)

    def hold(channel: QueueChannel):
        holder = Holder(channel)
        holder.send(layout.encoded(matrix))
        rows = [holder.take(np.arange(layout.stride)) for _ in range(layout.blocks)]
        columns = [holder.take(layout.places_of_columns(group)) for group in range(layout.groups)]
        return np.concatenate(rows), np.concatenate(columns)

    def multiply(channel: QueueChannel) -> None:
        other = Other(channel)
        kept = other.receive(layout.polynomials)
        blocks = [kept[at : at + layout.groups] for at in range(0, len(kept), layout.groups)]
        of_rows = [other.multiplier(each) for each in layout.for_rows(vector)]
        for block, mask in zip(blocks, masks, strict=True):
            other.reply(zip(block, of_rows, strict=True), layout.columns, np.arange(layout.stride), mask)
        starts = range(0, layout.rows, layout.stride)
        of_columns = [other.multiplier(layout.for_columns(numbers[at : at + layout.stride])) for at in starts]
        for group in range(layout.groups):
            terms = [(block[group], each) for block, each in zip(blocks, of_columns, strict=True)]
            other.reply(terms, layout.rows, layout.places_of_columns(group))

    (rows, columns), _ = together(hold, multiply)
    return (rows - masks.reshape(-1))[: layout.rows] & MASK, columns


def test_the_modulus_is_within_the_standards_table_for_128_bits() -> None:
    assert library.context().parameters_set()
    key = library.context().key_context_data()
    bits = key.total_coeff_modulus_bit_count()
    assert bits == sum(parameters.PRIME_BITS) <= parameters.SECURITY_TABLE_128[parameters.DEGREE]
    assert key.parms().poly_modulus_degree() == parameters.DEGREE
    assert all(prime % (2 * parameters.DEGREE) == 1 for prime in library.primes())
    seal = library.seal()
    for degree, most in parameters.SECURITY_TABLE_128.items():
        assert seal.CoeffModulus.MaxBitCount(degree, seal.SEC_LEVEL_TYPE.TC128) == most


def test_noise_flood_and_plaintext_fit_the_modulus() -> None:
    whole, first = sum(parameters.PRIME_BITS[:-1]), parameters.PRIME_BITS[0]
    assert parameters.FLOOD_BITS - parameters.NOISE_BITS_MAX >= 40
    assert max(parameters.FLOOD_BITS, parameters.NOISE_BITS_MAX) + 1 < whole - parameters.PLAIN_BITS - 1
    left = parameters.FLOOD_BITS - (whole - first)
    assert (1 << left) + (1 << 10) < 1 << (first - parameters.PLAIN_BITS - 1)
    parameters.require_hidden(1 << 24)
    with pytest.raises(TooLarge, match="terms"):
        parameters.require_hidden(1 << 26)


@pytest.mark.parametrize(("rows", "columns", "stride"), [(40, 5, 16), (5, 3, 1), (9_000, 2, 8_192), (300, 40, 256)])
def test_products_are_exact_over_the_whole_ring(rows: int, columns: int, stride: int) -> None:
    matrix, vector, numbers = ring((rows, columns), 1), ring((columns,), 2), ring((rows,), 3)
    by_rows, by_columns = multiplied(Layout(rows, columns, stride), matrix, vector, numbers)
    assert np.array_equal(by_rows, (matrix @ vector) & MASK)
    assert np.array_equal(by_columns, (matrix.T @ numbers) & MASK)


def test_coefficients_are_read_as_they_are() -> None:
    """By SEAL's own accessor, one after the other."""
    words = ring((parameters.DEGREE,), 11)
    held = library.plaintext(words)
    assert np.array_equal(library.coefficients(held), words)
    assert library.coefficients(library.seal().Plaintext()).size == 0
    seal, context = library.seal(), library.context()
    public = seal.PublicKey()
    seal.KeyGenerator(context).create_public_key(public)
    sealed = seal.Ciphertext(context)
    seal.Encryptor(context, public).encrypt(held, sealed)
    array = sealed.dyn_array()
    assert library.coefficients(sealed).tolist() == [array.at(place) for place in range(array.size())]


def test_a_product_with_nought_is_nought() -> None:
    matrix = ring((8, 2), 4)
    by_rows, by_columns = multiplied(Layout(8, 2, 8), matrix, np.zeros(2, np.uint64), np.zeros(8, np.uint64))
    assert not by_rows.any() and not by_columns.any()


def test_multipliers_are_those_of_schoolbook_multiplication() -> None:
    """The layout by itself, without any encryption: polynomials modulo x^DEGREE + 1."""
    layout = Layout(3, 2, 4)
    matrix, vector, numbers = ring((3, 2), 5), ring((2,), 6), ring((3,), 7)
    (polynomial,) = layout.encoded(matrix)
    (of_rows,) = layout.for_rows(vector)

    def coefficient(a: np.ndarray, b: np.ndarray, place: int) -> int:
        total = 0
        for i in np.flatnonzero(a).tolist():
            j = (place - i) % parameters.DEGREE
            total += int(a[i]) * int(b[j]) * (1 if i + j < parameters.DEGREE else -1)
        return total % (1 << parameters.PLAIN_BITS)

    found = [coefficient(polynomial, of_rows, row) for row in range(3)]
    assert found == ((matrix @ vector) & MASK).tolist()
    found = [coefficient(polynomial, layout.for_columns(numbers), place) for place in layout.places_of_columns(0)]
    assert found == ((matrix.T @ numbers) & MASK).tolist()


def test_flood_is_one_number_modulo_every_prime() -> None:
    floods = exchange.flood()
    primes = library.primes()
    low = np.array([5, 0, (1 << 60) - 1], np.uint64)
    high = np.array([(1 << 56) - 1, 0, (1 << 56) - 1], np.uint64)
    for prime, row in zip(primes, floods, strict=True):
        assert row.max() < prime and np.unique(row).size == parameters.DEGREE
        expected = [((int(h) << 60) + int(each)) % prime for h, each in zip(high, low, strict=True)]
        assert exchange._reduced(high, low, prime).tolist() == expected


def test_every_reply_is_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood that is too high drowns the result, so it is there; the ordinary one leaves room for it."""
    matrix, vector = ring((4, 2), 1), ring((2,), 2)

    def first_rows() -> np.ndarray:
        return multiplied(Layout(4, 2, 4), matrix, vector, np.zeros(4, np.uint64))[0]

    assert np.array_equal(first_rows(), (matrix @ vector) & MASK)
    draw = np.random.default_rng(3)
    high = [int(each) << 62 for each in draw.integers(0, 1 << 60, parameters.DEGREE)]
    monkeypatch.setattr(
        exchange, "flood", lambda: np.array([[each % prime for each in high] for prime in library.primes()], np.uint64)
    )
    assert not np.array_equal(first_rows(), (matrix @ vector) & MASK)


def test_the_second_polynomial_of_a_reply_is_fresh() -> None:
    """Two products with the same result from different multipliers: both are as random as an encryption of zero."""
    layout = Layout(2, 2, 2)
    matrix = np.array([[1, 1], [1, 1]], np.uint64)
    seen: list[np.ndarray] = []
    for vector in ([1, TOP // 2], [TOP // 4, TOP // 4 + 2]):

        def hold(channel: QueueChannel):
            holder = Holder(channel)
            holder.send(layout.encoded(matrix))
            _, second = channel.receive("encryption, reply", (np.uint64, (2,)), (np.uint64, (parameters.DEGREE,)))
            return second

        def multiply(channel: QueueChannel, vector=vector) -> None:
            other = Other(channel)
            kept = other.receive(1)
            multipliers = [other.multiplier(each) for each in layout.for_rows(np.array(vector, np.uint64))]
            other.reply(zip(kept, multipliers, strict=True), 2, np.arange(2))

        seen.append(together(hold, multiply)[0])
    assert not np.array_equal(seen[0], seen[1])
    for second in seen:  # as random as a fresh one: its mean is half the prime, to six deviations
        prime = library.primes()[0]
        assert abs(second.astype(np.float64).mean() / prime - 0.5) < 6 / np.sqrt(12 * len(second))


def broken(of_holder=None, of_other=None) -> None:
    """An exchange in which one side's bytes are changed on their way."""

    def bent(channel: QueueChannel, change):
        send = channel.send
        channel.send = lambda step, *arrays: send(step, *(change(step, each) for each in arrays))  # type: ignore[method-assign]
        return channel

    def hold(channel: QueueChannel):
        holder = Holder(bent(channel, of_holder) if of_holder else channel)
        holder.send([ring((parameters.DEGREE,), 8)])
        return holder.take(np.arange(4))

    def multiply(channel: QueueChannel) -> None:
        other = Other(bent(channel, of_other) if of_other else channel)
        (kept,) = other.receive(1)
        other.reply([(kept, other.multiplier(ring((parameters.DEGREE,), 9)))], parameters.DEGREE, np.arange(4))

    together(hold, multiply)


@pytest.mark.parametrize("step", ["encryption, public key", "encryption, ciphertext"])
@pytest.mark.parametrize("change", [
    lambda content: content[:-7],
    lambda content: content[:10],
    lambda content: content[:0],
    lambda content: np.concatenate([content, np.zeros(1 << 20, np.uint8)]),
    lambda content: np.concatenate([content[:200], content[200:] ^ np.uint8(1)]),
    lambda content: np.random.default_rng(1).integers(0, 256, len(content), np.uint8),
])  # fmt: skip
def test_what_is_cut_short_or_damaged_ends_by_name(step: str, change) -> None:
    with pytest.raises(ProtocolBroken):
        broken(of_holder=lambda said, content: change(content) if said == step else content)


def test_a_reply_with_numbers_beyond_the_prime_ends_by_name() -> None:
    with pytest.raises(ProtocolBroken, match="reply"):
        broken(of_other=lambda _step, numbers: numbers | np.uint64(1 << 63))


def test_no_secret_key_is_ever_written() -> None:
    seal = library.seal()
    with pytest.raises(AssertionError):
        library.public_bytes(seal.KeyGenerator(library.context()).secret_key())


def test_layouts_that_cannot_be() -> None:
    for rows, columns, stride in [(1, 1, 3), (1, 1, 16_384), (0, 1, 8), (1, 0, 8)]:
        with pytest.raises(InputError):
            Layout(rows, columns, stride)
    assert [stride_for_columns(each) for each in (1, 2, 3, 20, 8_192)] == [8_192, 4_096, 2_048, 256, 1]
    with pytest.raises(InputError):
        stride_for_columns(8_193)


def test_encrypted_products_are_the_shares_that_training_needs() -> None:
    rows, _, _ = made_up(96, 2)

    def side(session):
        if session.first:
            return EncryptedOwnColumns(session, rows, 32).take(32, 64, 32, 0)
        return EncryptedTheirColumns(session, rows.widths, 96, 32).give(32, 64, 32, 0)

    taken, given = in_session(side)
    x = rows.scaled[32:]
    for b in range(2):
        part = slice(32 * b, 32 * b + 32)
        assert not np.any((taken.rows[part] + given.rows[part] - x[part] @ given.vectors[b]) & MASK)
        assert not np.any((taken.columns[b] + given.columns[b] - x[part].T @ given.numbers[part]) & MASK)


def test_training_over_a_slow_line_gives_the_model_of_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, labels = made_up(256, 4)
    plan = Plan(batch_rows=128, epochs=2, line=Line(0.01))
    assert cheapest(plan.line, first.widths, second.widths, 256, 128, 2) is Form.TRANSFERS, "few rows: keys cost more"

    def act(session):
        own, theirs = (first, second.widths) if session.first else (second, first.widths)
        model = train(session, own, theirs, None if session.first else labels, plan)
        return open_to(session, model.weights, Role.SECOND, "the weights")

    monkeypatch.setattr(logistic, "cheapest", lambda *_: Form.ENCRYPTED)
    weights = in_session(act)[1]
    assert np.abs(weights - trained_in_the_clear(first, second, labels, plan)).max() < 2e-3


def test_the_cost_model_counts_what_goes_over_the_line() -> None:
    rows, batch = 128, 64
    first, _, _ = made_up(rows, 2)
    counted: dict[str, int] = {}

    def side(channel: QueueChannel, own: bool) -> None:
        session = type("Held", (), {"channel": channel})()
        if own:
            EncryptedOwnColumns(session, first, batch).take(0, rows, batch, 0)
        else:
            EncryptedTheirColumns(session, first.widths, rows, batch).give(0, rows, batch, 0)
        counted["own" if own else "other"] = sum(len(content) for _, content in channel.sent)

    together(lambda channel: side(channel, True), lambda channel: side(channel, False))
    both = cost(Form.ENCRYPTED, first.widths, first.widths, rows, batch, 1)
    assert both.to_first_bytes == both.to_second_bytes
    assert abs((counted["own"] + counted["other"]) / both.to_first_bytes - 1) < 0.01
    polynomials = sum(each.polynomials for each in dict.fromkeys(layouts(rows, len(first.widths), batch)))
    assert abs(counted["own"] / (KEY_BYTES + CIPHERTEXT_BYTES * polynomials) - 1) < 0.01
    assert counted["other"] == 2 * 2 * REPLY_BYTES + 8 * (rows + 2 * len(first.widths))


def test_the_form_follows_the_line_and_the_sizes() -> None:
    data, bank = Widths((8,) * 2 + (1,) * 18), Widths((8,) * 5 + (1,) * 17)
    many, few = (data, bank, 32_768, 8_192, 10), (data, bank, 1_024, 1_024, 1)
    assert cheapest(None, *many) is Form.TRANSFERS
    assert cheapest(Line(50), *many) is Form.ENCRYPTED
    assert cheapest(Line(10_000), *many) is Form.TRANSFERS
    assert cheapest(Line(10), *few) is Form.TRANSFERS
    assert cheapest(Line(10), data, bank, 1 << 24, 1_024, 10) is Form.TRANSFERS, "more ciphertexts than are kept"
    lines = [Line(speed) for speed in (1, 10, 100, 1_000, 10_000)]
    forms = [cheapest(line, *many) for line in lines]
    assert forms == sorted(forms, key=lambda form: form is Form.TRANSFERS), "encryption for the slow ones"
    for form in Form:
        times = [cost(form, *many).seconds(line) for line in lines]
        assert times == sorted(times, reverse=True)
    with pytest.raises(InputError, match="Mbit"):
        Line(0)
