"""Two ends of an encrypted computation: one holds the key and its matrix, the other multiplies and replies.

    holder -> other   the public key, then ciphertexts of its polynomials
    other -> holder   a reply for each result: sums of ciphertexts times the other's own polynomials

Who learns what: the other nothing (ciphertexts under a key it lacks; semantic security of BFV, 128 bits).  The holder learns
the coefficients named beforehand, plus masks where they are added, and nothing of how they came about: a reply holds a fresh
encryption of zero, so that its second polynomial is as random as a fresh one, and the noise of every coefficient sent is
flooded (2^-40 a coefficient at the largest sizes, see `parameters`); coefficients that no one asked for are not sent.
Semi-honest: an other that sends a made-up reply gets the holder to compute on what it likes, and no proof is asked for.

BFV and not CKKS: results are exact, and a decryption that is passed on carries no noise, with which a CKKS key can be found
(Li, Micciancio, "On the Security of Homomorphic Encryption on Approximate Numbers", EUROCRYPT 2021). Bytes: 0.5 MB for the
key, 189 kB a ciphertext, 65,536 and 8 for each number a reply.  One round. Sources: Fan, Vercauteren, ePrint 2012/144 (BFV);
Gentry, STOC 2009, section 4.3 (flooding).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from tarim.base.errors import TooLarge
from tarim.federation.channel import Channel, receive_one
from tarim.federation.encryption import library
from tarim.federation.encryption.layout import MASK, Places
from tarim.federation.encryption.parameters import DEGREE, FLOOD_BITS, require_hidden
from tarim.federation.errors import ProtocolBroken
from tarim.federation.randomness import Words, fresh_words

CIPHERTEXTS_MAX: Final = 4_096
"""That one side keeps of the other's: 0.4 MB each."""
_LOW_BITS: Final = 60


def require_room(ciphertexts: int) -> None:
    """Nothing when so many are kept.  Both sides ask, before anything is sent.  Raises TooLarge."""
    if ciphertexts > CIPHERTEXTS_MAX:
        raise TooLarge(
            f"{ciphertexts} ciphertexts of {DEGREE} numbers are more than the {CIPHERTEXTS_MAX} that are kept"
        )


class Holder:
    """The side with the key.  Fresh keys for each exchange; they end with it."""

    def __init__(self, channel: Channel) -> None:
        """Make keys and send the public one."""
        names, context = library.seal(), library.context()
        made, public = names.KeyGenerator(context), names.PublicKey()
        made.create_public_key(public)
        secret = made.secret_key()
        self._channel = channel
        self._encryptor = names.Encryptor(context, secret)
        self._decryptor = names.Decryptor(context, secret)
        channel.send("encryption, public key", np.frombuffer(library.public_bytes(public), np.uint8))

    def send(self, polynomials: Iterable[Words]) -> None:
        """Encrypt and send polynomials (DEGREE,), a message each."""
        for each in polynomials:
            sealed = self._encryptor.encrypt_symmetric(library.plaintext(each))
            self._channel.send("encryption, ciphertext", np.frombuffer(library.public_bytes(sealed), np.uint8))

    def take(self, places: Places) -> Words:
        """What the next reply says at these coefficients, modulo 2^PLAIN_BITS.  Raises ProtocolBroken."""
        first, second = self._channel.receive("encryption, reply", (np.uint64, (len(places),)), (np.uint64, (DEGREE,)))
        both = np.zeros((2, DEGREE), np.uint64)
        both[0, places], both[1] = first, second
        plain = library.seal().Plaintext()
        try:
            self._decryptor.decrypt(library.reply_of(both), plain)
        except (RuntimeError, ValueError):
            raise ProtocolBroken("a reply does not decrypt: it is none of this key's") from None
        found = np.zeros(DEGREE, np.uint64)
        coefficients = library.coefficients(plain)
        found[: len(coefficients)] = coefficients
        return found[places]


class Other:
    """The side that multiplies."""

    def __init__(self, channel: Channel) -> None:
        """Receive the public key.  Raises ProtocolBroken."""
        names, context = library.seal(), library.context()
        content = receive_one(channel, "encryption, public key", np.uint8, -1).tobytes()
        self._channel = channel
        self._encryptor = names.Encryptor(context, library.public_key(content))
        self._evaluator = names.Evaluator(context)

    def receive(self, count: int) -> list[Any]:
        """So many ciphertexts, ready to be multiplied.  Raises ProtocolBroken, TooLarge."""
        require_room(count)
        found = []
        for _ in range(count):
            each = library.ciphertext(receive_one(self._channel, "encryption, ciphertext", np.uint8, -1).tobytes())
            self._evaluator.transform_to_ntt_inplace(each)
            found.append(each)
        return found

    def multiplier(self, polynomial: Words) -> Any | None:
        """A polynomial (DEGREE,) ready to multiply with, as often as wanted; None for nought."""
        if not polynomial.any():
            return None
        made = library.plaintext(polynomial)
        self._evaluator.transform_to_ntt_inplace(made, library.context().first_parms_id())
        return made

    def reply(
        self, terms: Iterable[tuple[Any, Any | None]], numbers: int, places: Places, masks: Words | None = None
    ) -> None:
        """Send the sum of ciphertexts times multipliers at these coefficients, plus masks modulo 2^PLAIN_BITS.

        numbers: coefficients of all multipliers together that may be other than nought.  Raises TooLarge.
        """
        require_hidden(numbers)
        names, context, evaluator = library.seal(), library.context(), self._evaluator
        total = names.Ciphertext(context)
        self._encryptor.encrypt_zero(context.first_parms_id(), total)
        summed = None
        for ciphertext, multiplier in terms:
            if multiplier is None:
                continue
            product = names.Ciphertext(context)
            evaluator.multiply_plain(ciphertext, multiplier, product)
            if summed is None:
                summed = product
            else:
                evaluator.add_inplace(summed, product)
        if summed is not None:
            evaluator.transform_from_ntt_inplace(summed)
            evaluator.add_inplace(total, summed)
        evaluator.add_inplace(total, library.noise_of(flood()))
        if masks is not None:
            spread = np.zeros(DEGREE, np.uint64)
            spread[places] = masks & MASK
            evaluator.add_plain_inplace(total, library.plaintext(spread))
        evaluator.mod_switch_to_inplace(total, context.last_parms_id())
        both = library.coefficients(total).reshape(2, DEGREE)
        self._channel.send("encryption, reply", both[0, places], both[1])


def flood() -> Words:
    """Numbers uniform in [0, 2^FLOOD_BITS), one a coefficient, modulo each prime: shape (primes, DEGREE)."""
    low = fresh_words(DEGREE) & np.uint64((1 << _LOW_BITS) - 1)
    high = fresh_words(DEGREE) & np.uint64((1 << (FLOOD_BITS - _LOW_BITS)) - 1)
    return np.stack([_reduced(high, low, prime) for prime in library.primes()])


def _reduced(high: Words, low: Words, prime: int) -> Words:
    """Those of high 2^60 + low modulo a prime.

    2^60 modulo each prime is below 2^28, so high times that, by the prime, is below 2^31: a float has the quotient to one unit.
    """
    unit = (1 << _LOW_BITS) % prime
    assert unit < 1 << 28
    modulus, factor = np.uint64(prime), np.uint64(unit)
    quotient = (high.astype(np.float64) * unit / prime).astype(np.uint64)
    rest = (high * factor - quotient * modulus + modulus) % modulus
    found: Words = (rest + low % modulus) % modulus
    return found
