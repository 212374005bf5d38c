"""The comparison of views finds a message that depends on its sender's input, and a mask that is short or biased."""

from __future__ import annotations

import numpy as np
import pytest

from bench.federation_privacy import _chance, as_numbers, evenness, likeness, views
from tarim.federation.encryption import library
from tarim.federation.encryption.parameters import DEGREE


def test_a_mask_that_is_missing_is_seen_and_noise_is_not() -> None:
    draw = np.random.default_rng(2)
    noise = [np.bincount(np.frombuffer(draw.bytes(50_000), np.uint8), minlength=256) for _ in range(2)]
    assert _chance(*noise) > 1e-6
    plain = noise[1].copy()
    plain[0] += 2_000
    assert _chance(noise[0], plain) < 1e-12


def test_bytes_that_are_not_even_are_seen_and_even_ones_are_not() -> None:
    draw = np.random.default_rng(3)
    assert evenness(draw.bytes(80_000)) > 1e-6
    short = draw.integers(0, 2**62, 10_000, dtype=np.uint64)
    assert evenness(short.tobytes()) < 1e-12, "a mask two bits short"
    biased = np.where(draw.random(80_000) < 0.04, 0, draw.integers(0, 256, 80_000)).astype(np.uint8)
    assert evenness(biased.tobytes()) < 1e-12


def test_samples_that_differ_in_their_words_alone_are_told_apart() -> None:
    """Sorted by their high bytes, or moved by a constant: what bytes alone may not show, words do."""
    draw = np.random.default_rng(4)
    one, other = (draw.integers(0, 2**64, 20_000, dtype=np.uint64) for _ in range(2))
    assert likeness(one.tobytes(), other.tobytes()) > 1e-6
    assert likeness(one.tobytes(), (other >> np.uint64(1)).tobytes()) < 1e-12


def test_ciphertexts_are_taken_out_of_their_compression_and_a_plaintext_in_one_is_seen() -> None:
    names, context = library.seal(), library.context()
    encryptor = names.Encryptor(context, names.KeyGenerator(context).secret_key())
    plain = library.plaintext(np.arange(DEGREE, dtype=np.uint64))
    content = library.public_bytes(encryptor.encrypt_symmetric(plain))
    taken = as_numbers("encryption, ciphertext", content)
    assert len(taken) == 2 * len(library.primes()) * DEGREE * 6 and evenness(taken) > 1e-6
    bare = names.Ciphertext(context)
    names.Encryptor(context, names.KeyGenerator(context).secret_key()).encrypt_zero_symmetric(bare)
    words = library.coefficients(bare).copy()
    words[:DEGREE] = np.arange(DEGREE)
    assert evenness(as_numbers("encryption, reply", words.tobytes())) < 1e-12
    assert as_numbers("weights, masked", b"as it is") == b"as it is"


@pytest.mark.slow
def test_a_view_is_alike_and_even_whatever_the_other_side_has() -> None:
    """Every protocol of the bench, each side's input fixed while the other's is replaced."""
    found = views(256, 1)
    assert (found.lengths, found.differing, found.uneven) == ([], [], [])
    assert found.compared >= 40 and found.even >= 12
