"""Contents of suspicious transaction reports: kept sealed, named by digest, checked against every rule."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec

from tarim.base.errors import Damaged, DefinitionError, TooLarge
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.cases import masked_text
from tarim.desk import Texts
from tarim.reporting.domain.code_tables import Codes
from tarim.reporting.domain.days import local_datetime
from tarim.reporting.domain.filing import Filing
from tarim.reporting.domain.rules import Context
from tarim.reporting.domain.suspicious import Report
from tarim.reporting.domain.validation import Fault, FaultyReport, faults_of
from tarim.reporting.ports import RawValues, SealedFiles

CONTENT_BYTES_MAX: Final = 16 << 20
FILE_BYTES_MAX: Final = 16 << 20
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Report).decode


def token_of(number: str) -> int:
    """The token under which a report's texts and files are sealed: its own, for it outlives the customer's other data."""
    return int.from_bytes(sha256(f"report {number}".encode()).digest()[:8], "little")


class Contents:
    """Reads, writes and checks them."""

    def __init__(
        self, files: SealedFiles, texts: Texts, values: RawValues, codes: Codes, now_ms: Callable[[], int]
    ) -> None:
        self._files = files
        self._texts = texts
        self._values = values
        self._now_ms = now_ms
        self.codes = codes

    def put(self, number: str, content: bytes) -> str:
        """Keep bytes of a report; their digest.  Raises TooLarge, Unavailable."""
        if len(content) > FILE_BYTES_MAX:
            raise TooLarge(f"a file of a report has at most {FILE_BYTES_MAX:,} bytes")
        digest = sha256(content).hexdigest()
        self._files.put(token_of(number), digest, content)
        return digest

    def get(self, number: str, digest: str) -> bytes:
        """Bytes of a report.  Raises NotFound, Damaged."""
        return self._files.get(token_of(number), digest)

    def encoded(self, report: Report) -> bytes:
        """A report as bytes.  Raises TooLarge."""
        content = _encode(report)
        if len(content) > CONTENT_BYTES_MAX:
            raise TooLarge(f"a report has at most {CONTENT_BYTES_MAX:,} bytes; divide it into several")
        return content

    def of(self, filing: Filing) -> Report:
        """The content of a report.  Raises NotFound, Damaged."""
        try:
            return _decode(self.get(filing.number, filing.digest))
        except msgspec.MsgspecError:
            raise Damaged(f"the content of report {filing.number} cannot be read") from None

    def faults(self, report: Report) -> tuple[Fault, ...]:
        """Everything that is wrong with it now."""
        return faults_of(report, Context(self.codes, f"{local_datetime(self._now_ms()):%Y%m%d%H%M%S}"))

    def require_sound(self, filing: Filing) -> None:
        """Nothing for a report without a fault.  Raises FaultyReport with all of them."""
        faults = self.faults(self.of(filing))
        if faults:
            raise FaultyReport(faults)

    def subjects(self, report: Report) -> set[str]:
        """Tokens of its subjects, 16 hexadecimal digits each."""
        return {f"{self._values.customer_token(each.customer):016x}" for each in report.subjects if each.customer}

    def reason(self, number: str, reason: str, *, needed: bool = False) -> dict[str, Any]:
        """A reason, sealed, for the body of an act.  Raises DefinitionError."""
        text = reason.strip()
        if needed and not text:
            raise DefinitionError("this needs a reason")
        if len(text) > NOTE_CHARACTERS_MAX:
            raise DefinitionError(f"a reason has at most {NOTE_CHARACTERS_MAX} characters")
        return {"reason": self._texts.seal(token_of(number), text) if text else {}}

    def opened(self, sealed: dict[str, Any]) -> str:
        """A reason of the tables, numbers and addresses in it masked; "" for none."""
        return masked_text(self._texts.open_or_none(sealed) or "") if sealed else ""
