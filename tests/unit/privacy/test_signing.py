"""A signature belongs to its bytes and to its house, and the key is never shown."""

import pickle

import pytest

from tarim.base.errors import Damaged, NotAllowed
from tarim.privacy import SIGNATURE_BYTES, MasterKey, Signer

MASTER = MasterKey(bytes(range(32)))


def test_a_signature_is_checked_by_whoever_has_the_same_master_key() -> None:
    signature = Signer.of(MASTER).sign(b"manifest")
    assert len(signature) == SIGNATURE_BYTES
    assert signature == Signer.of(MASTER).sign(b"manifest")
    Signer.of(MASTER).verify(b"manifest", signature)


def test_every_changed_bit_is_found() -> None:
    signer = Signer.of(MASTER)
    content, signature = b"manifest of a training set", signer.sign(b"manifest of a training set")
    for place in range(len(content)):
        with pytest.raises(Damaged):
            signer.verify(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :], signature)
    for place in range(len(signature)):
        with pytest.raises(Damaged):
            signer.verify(content, signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :])
    for other in (b"", signature[:-1], signature + b"0"):
        with pytest.raises(Damaged):
            signer.verify(content, other)


def test_another_house_is_another_signer() -> None:
    other = Signer.of(MasterKey(bytes(32)))
    assert other.public_key_hex != Signer.of(MASTER).public_key_hex
    with pytest.raises(Damaged, match="another installation"):
        other.verify(b"manifest", Signer.of(MASTER).sign(b"manifest"))


def test_the_key_is_not_shown_or_carried_away() -> None:
    signer = Signer.of(MASTER)
    assert MASTER.derive("signing").hex() not in repr(signer)
    with pytest.raises(NotAllowed):
        pickle.dumps(signer)
