"""Sealed packages for authorities: documents with a manifest, encrypted to whoever is to have them (TS-21).

Inside is a ZIP archive, uncompressed: `manifest.json` (request, documents with titles and SHA-256) and the documents.

    to a certificate    CMS EnvelopedData (RFC 5652), AES-256-CBC, key wrapped for the RSA certificate; DER.  Opened with
                        `openssl cms -decrypt -inform DER -in FILE -inkey KEY -out package.zip`
    to a passphrase     16 bytes `TARIM-SEALED-1` CR LF, 16 bytes salt, 12 bytes nonce, AES-256-GCM ciphertext with its tag, the
                        first 44 bytes as additional data; key by scrypt (n 32,768, r 8, p 1).  Opened with
                        `tarim redress open-package`

CBC does not notice alteration by itself; the register's digest of the whole package does.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError, TooLarge

PACKAGE_BYTES_MAX: Final = 32 << 20
CERTIFICATE_CHARACTERS_MAX: Final = 16 << 10
PASSPHRASE_CHARACTERS_MIN: Final = 16
RSA_BITS_MIN: Final = 2_048
_MAGIC: Final = b"TARIM-SEALED-1\r\n"
_SALT_BYTES, _NONCE_BYTES = 16, 12
_HEAD_BYTES: Final = len(_MAGIC) + _SALT_BYTES + _NONCE_BYTES
_SCRYPT_N: Final = 1 << 15
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a package."""

    digest: str
    title: str
    media_type: str
    content: bytes


def packed(request: dict[str, str], parts: Sequence[Part]) -> tuple[bytes, str]:
    """The archive, the same bytes for the same parts, and the manifest's SHA-256.  Raises TooLarge."""
    if sum(len(part.content) for part in parts) > PACKAGE_BYTES_MAX:
        raise TooLarge(f"a package has at most {PACKAGE_BYTES_MAX:,} bytes; give it in several")
    documents = [
        {
            "name": _name(number, part),
            "sha256": part.digest,
            "title": part.title,
            "media_type": part.media_type,
            "bytes": len(part.content),
        }
        for number, part in enumerate(parts, 1)
    ]
    manifest = canonical_json({"request": request, "documents": documents})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json", _NO_TIME), manifest)
        for number, part in enumerate(parts, 1):
            archive.writestr(zipfile.ZipInfo(_name(number, part), _NO_TIME), part.content)
    return buffer.getvalue(), sha256(manifest).hexdigest()


def sealed_for_certificate(archive: bytes, pem: str, now: datetime) -> tuple[bytes, str]:
    """The package, and the certificate's SHA-256.  now: with a zone.

    Raises DefinitionError for what is no valid certificate of an RSA key of 2,048 bits or more.
    """
    if len(pem) > CERTIFICATE_CHARACTERS_MAX:
        raise TooLarge(f"a certificate has at most {CERTIFICATE_CHARACTERS_MAX:,} characters")
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
    except (ValueError, TypeError):
        raise DefinitionError("certificate: must be one X.509 certificate in PEM form") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise DefinitionError(f"certificate: its key must be RSA of {RSA_BITS_MIN:,} bits or more")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise DefinitionError("certificate: it is not valid today")
    builder = PKCS7EnvelopeBuilder().set_data(archive).add_recipient(certificate)
    package = builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.DER, [PKCS7Options.Binary])
    return package, certificate.fingerprint(hashes.SHA256()).hex()


def sealed_with_passphrase(archive: bytes, passphrase: str) -> bytes:
    """The package.  Raises DefinitionError for a short passphrase."""
    if len(passphrase) < PASSPHRASE_CHARACTERS_MIN or len(set(passphrase)) < PASSPHRASE_CHARACTERS_MIN // 2:
        raise DefinitionError(
            f"passphrase: must have {PASSPHRASE_CHARACTERS_MIN} characters or more, half of them different"
        )
    head = _MAGIC + os.urandom(_SALT_BYTES + _NONCE_BYTES)
    return head + AESGCM(_key(passphrase, head)).encrypt(head[-_NONCE_BYTES:], archive, head)


def opened_package(package: bytes, passphrase: str) -> bytes:
    """The archive of a package sealed with a passphrase.  Raises DefinitionError (no such package), Damaged, TooLarge."""
    if len(package) > 2 * PACKAGE_BYTES_MAX:
        raise TooLarge("this is larger than any package")
    head, sealed = package[:_HEAD_BYTES], package[_HEAD_BYTES:]
    if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC):
        raise DefinitionError("this is no package sealed with a passphrase")
    try:
        return AESGCM(_key(passphrase, head)).decrypt(head[-_NONCE_BYTES:], sealed, head)
    except InvalidTag:
        raise Damaged("another passphrase sealed this package, or it was altered") from None


def _key(passphrase: str, head: bytes) -> bytes:
    salt = head[len(_MAGIC) : len(_MAGIC) + _SALT_BYTES]
    return Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=8, p=1).derive(passphrase.encode())


def _name(number: int, part: Part) -> str:
    """A plain name in the archive; the title stands in the manifest."""
    return f"{number:03d}-{part.digest[:16]}"
