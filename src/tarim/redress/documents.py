"""Documents of files, and the sealed packages an authority is given (TS-21, CM-12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from tarim.base.errors import DefinitionError, NotFound
from tarim.identity import Caller, Scope
from tarim.redress.adapters.contents import Contents
from tarim.redress.adapters.package import Part, packed, sealed_for_certificate, sealed_with_passphrase
from tarim.redress.domain.files import AddDocument, Document
from tarim.redress.domain.request import REQUEST, Give, Request
from tarim.redress.domain.request import State as RequestState
from tarim.redress.work import Redress


@dataclass(frozen=True, slots=True)
class Package:
    """A sealed package.  digest, manifest: SHA-256 of its bytes, and of the list of what is inside."""

    content: bytes
    digest: str
    manifest: str
    sealed_for: str


class Documents:
    """Keeps documents and makes packages.  Waits, like `Redress`."""

    def __init__(self, redress: Redress, contents: Contents) -> None:
        self._redress = redress
        self._contents = contents
        self._desk = redress.parts.desk

    def add(
        self, caller: Caller, file_id: str, title: str, media_type: str, content: bytes, *, authority: bool = False
    ) -> str:
        """Keep a document with a file; its SHA-256.  authority: it is the authority's own paper.

        Raises NotFound, NotAllowed, IllegalStep, DefinitionError, TooLarge, Unavailable.
        """
        kind, file = self._redress.find(caller, file_id)
        caller.require(kind.work_scope)
        kind.advance(file.state, "add_document")
        stored, key = self._contents.put(content)
        digest = sha256(content).hexdigest()
        event = AddDocument(digest, stored, key, title, media_type, len(content), authority)
        self._redress.act_inner(caller, file_id, event)
        return digest

    def content(self, caller: Caller, file_id: str, digest: str, now_ms: int, within_ms: int) -> tuple[Document, bytes]:
        """A document and its content; it is a full view.  Raises NotFound, NotAllowed, Damaged."""
        caller.require(Scope.REVEAL)
        caller.require_recent(now_ms, within_ms)
        _, file = self._redress.find(caller, file_id)
        document = next((each for each in file.documents if each.digest == digest), None)
        if document is None:
            raise NotFound("the file has no such document")
        return document, self._opened(document)

    def give(
        self, caller: Caller, file_id: str, recipient: str, *, certificate: str = "", passphrase: str = ""
    ) -> Package:
        """Seal what two persons approved, for one recipient, and record that it was given.

        certificate: PEM of an RSA certificate; passphrase: told to the recipient on another way; one of the two.
        Raises IllegalStep before two persons approved, DefinitionError, NotFound when a document was destroyed.
        """
        _, file = self._redress.find(caller, file_id)
        if not isinstance(file, Request):
            raise NotFound("there is no such request")
        REQUEST.advance(file.state, "give")
        assert file.state in (RequestState.APPROVED, RequestState.GIVEN)
        if bool(certificate) == bool(passphrase):
            raise DefinitionError(
                "a package is sealed for a certificate or with a passphrase: give one of the two. 证书和口令须二选一。"
            )
        kept = {document.digest: document for document in file.documents}
        parts = [
            Part(digest, kept[digest].title, kept[digest].media_type, self._opened(kept[digest]))
            for digest in file.approved
        ]
        register = {"id": file.id, "authority": file.authority.value, "office": file.office, "number": file.number}
        archive, manifest = packed(register, parts)
        if certificate:
            now = datetime.fromtimestamp(self._desk.now_ms() / 1000, UTC)
            content, sealed_for = sealed_for_certificate(archive, certificate, now)
        else:
            content, sealed_for = sealed_with_passphrase(archive, passphrase), "passphrase"
        digest = sha256(content).hexdigest()
        self._redress.act_inner(caller, file_id, Give(digest, manifest, len(content), sealed_for, recipient))
        return Package(content, digest, manifest, sealed_for)

    def _opened(self, document: Document) -> bytes:
        return self._contents.get(document.stored, self._desk.texts.open(document.key), document.digest)
