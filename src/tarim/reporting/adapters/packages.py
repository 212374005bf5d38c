"""The package of an exported report: XML, its schema, PDF, and a manifest with their digests; the same bytes every time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Final

from tarim.base.instants import instant_text
from tarim.reporting.adapters.message import SCHEMA, check_message, message_of, schema_text
from tarim.reporting.adapters.suspicious_pages import report_pages
from tarim.reporting.domain.code_tables import Codes
from tarim.reporting.domain.days import local_text
from tarim.reporting.domain.filing import Filing
from tarim.reporting.domain.suspicious import Report

MANIFEST: Final = "manifest.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def package_of(filing: Filing, report: Report, codes: Codes) -> bytes:
    """The package of an approved report.  Raises Damaged when its XML breaks the schema, and as `pages.pdf`."""
    message = message_of(report, filing.number)
    check_message(message)
    people = [
        ("填报", "prepared by", f"{filing.submitted_by}　{local_text(filing.submitted_ms)}"),
        ("审批", "approved by", f"{filing.approved_by}　{local_text(filing.approved_ms)}"),
    ]
    return _packed(
        filing, message, report_pages(report, codes, filing.number, filing.digest, people, filing.approved_ms)
    )


def _packed(filing: Filing, message: bytes, pages: bytes) -> bytes:
    """The package of a report: `<number>.xml`, `<number>.pdf`, the schema, the manifest."""
    files = {
        f"{filing.number}.xml": message,
        f"{filing.number}.pdf": pages,
        SCHEMA: schema_text().encode(),
    }
    manifest = {
        "number": filing.number,
        "content_sha256": filing.digest,
        "submitted_by": filing.submitted_by,
        "approved_by": filing.approved_by,
        "approved_at": instant_text(filing.approved_ms),
        "files": {
            name: {"bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in files.items()
        },
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of these files, without times and owners."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
