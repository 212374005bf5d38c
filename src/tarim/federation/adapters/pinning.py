"""Mutual TLS between two parties, each other's certificate pinned: no authority is believed, only the very certificate.

A common authority would not be enough: it would let any of its members pose as any party.  Each side presents its own
certificate, asks for the other's, and compares its SHA-256 with the one that was exchanged between people beforehand.
TLS 1.3 only.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tarim.federation.errors import FederationError

CERTIFICATE_FILE: Final = "certificate.pem"
KEY_FILE: Final = "key.pem"
VALID_DAYS: Final = 825


class PeerUnknown(FederationError):
    """The other side is not the party whose certificate is pinned."""

    http_status = 403
    code = "peer-unknown"


def make_certificate(folder: Path, name: str, now: datetime.datetime) -> str:
    """A key and a self-signed certificate of a party in `folder`; the fingerprint.  Raises FileExistsError."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file_name, content in (
        (KEY_FILE, private),
        (CERTIFICATE_FILE, certificate.public_bytes(serialization.Encoding.PEM)),
    ):
        with os.fdopen(os.open(folder / file_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    return fingerprint(folder / CERTIFICATE_FILE)


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate's DER form, hex: what people read to each other."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))).hexdigest()


_REFUSALS: Final = (
    "UNKNOWN_CA",
    "BAD_CERTIFICATE",
    "CERTIFICATE_REQUIRED",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED",
)


def require_welcome(error: BaseException) -> None:
    """Nothing for a broken line.  Raises PeerUnknown when the other side refused this party's certificate.

    With TLS 1.3 who dials learns that at its first read.
    """
    if isinstance(error, ssl.SSLError) and any(word in (error.reason or "") for word in _REFUSALS):
        raise PeerUnknown("the other side has another certificate of this party pinned") from None


class Pinned:
    """TLS of one party towards the peers whose certificates it knows.

    own: folder with this party's key and certificate; peers: their certificates.
    """

    def __init__(self, own: Path, *peers: Path) -> None:
        self.peers = {fingerprint(peer) for peer in peers}
        """Fingerprints of the certificates."""
        self._contexts = {server: _context(own, peers, server=server) for server in (True, False)}

    def wrapped(self, connection: socket.socket, *, server: bool) -> ssl.SSLSocket:
        """The connection, encrypted, once the other side has shown a pinned certificate.

        Raises PeerUnknown for another certificate or none, and for whoever does not speak TLS; OSError when it breaks.
        """
        try:
            secured = self._contexts[server].wrap_socket(connection, server_side=server)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise  # the line broke
        except ssl.SSLError as error:
            raise PeerUnknown(f"the other side was refused: {error.reason or 'no TLS'}") from None
        if shown_by(secured) not in self.peers:
            secured.close()
            raise PeerUnknown("the other side showed another certificate than a pinned one")
        return secured


def shown_by(connection: ssl.SSLSocket) -> str:
    """Fingerprint of the certificate that the other side showed; "" for none."""
    shown = connection.getpeercert(binary_form=True)
    return hashlib.sha256(shown).hexdigest() if shown else ""


def _context(own: Path, peers: Sequence[Path], *, server: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if server:
        context.num_tickets = 0  # nothing may arrive that is not part of the protocol
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate itself is pinned; names say nothing more
    context.verify_mode = ssl.CERT_REQUIRED
    for peer in peers:
        context.load_verify_locations(peer)
    context.load_cert_chain(own / CERTIFICATE_FILE, own / KEY_FILE)
    return context
