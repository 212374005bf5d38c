"""Documents, sealed packages and statistics."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotAllowed, NotFound, TooLarge
from tarim.bootstrap.half_year_pages import half_year_pages
from tarim.deadlines import load_schedule
from tarim.redress import CONTENT_BYTES_MAX, Filter, name_in, opened_package
from tarim.redress.domain import complaint_events as complaint
from tarim.redress.domain import request
from tarim.redress.domain.files import Approve, IllegalStep
from tests.fakes.redress import DECIDER, OTHER, START_MS, WORKER, House, house

CUSTOMER = 77
ASKED = request.Register(
    request.Authority.POLICE, "某市公安局", "协查〔2026〕9号", "刑事诉讼法第54条", "王警官 6123", "全部交易", START_MS
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is about crypto and files is tried on one database."""
    return f"sqlite:///{tmp_path / 'records.db'}"


def approved(at: House) -> tuple[str, str]:
    """A request with one approved document: its id, the document's digest."""
    file_id = at.redress.open(WORKER, "request", ASKED, customer=CUSTOMER)
    data = at.documents.add(WORKER, file_id, "流水", "text/csv", b"2026-05-01,100.00")
    with pytest.raises(DefinitionError, match="own document is missing"):
        at.redress.act(WORKER, file_id, request.Prepare([data], "as asked"))
    paper = at.documents.add(WORKER, file_id, "协查函", "application/pdf", b"%PDF-1.7 letter", authority=True)
    with pytest.raises(DefinitionError, match="not given back"):
        at.redress.act(WORKER, file_id, request.Prepare([data, paper], "as asked"))
    with pytest.raises(DefinitionError, match="not kept"):
        at.redress.act(WORKER, file_id, request.Prepare(["0" * 64], "as asked"))
    at.redress.act(WORKER, file_id, request.Prepare([data], "as asked"))
    with pytest.raises(IllegalStep):
        at.documents.give(WORKER, file_id, "王警官", passphrase="long enough, is it not")
    at.redress.act(DECIDER, file_id, Approve(at.redress.show(DECIDER, file_id).digest))
    return file_id, data


def certificate(key: object, days: int = 10) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "police")])
    begin = datetime.fromtimestamp(START_MS / 1000, UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, begin, begin + timedelta(days=days))  # type: ignore[attr-defined]
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()  # type: ignore[arg-type]


def test_a_package_goes_to_a_certificate_or_a_passphrase_and_is_on_the_register(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        file_id, data = approved(at)
        assert at.redress.is_held(CUSTOMER)
        package = at.documents.give(WORKER, file_id, "王警官", passphrase="long enough, is it not")
        archive = opened_package(package.content, "long enough, is it not")
        with zipfile.ZipFile(io.BytesIO(archive)) as inside:
            manifest = inside.read("manifest.json")
            listed = json.loads(manifest)
            assert sha256(manifest).hexdigest() == package.manifest
            assert listed["request"]["number"] == "协查〔2026〕9号"
            (document,) = listed["documents"]
            assert document["sha256"] == data and inside.read(document["name"]) == b"2026-05-01,100.00"
        key = rsa.generate_private_key(65_537, 2_048)
        pem = certificate(key)
        sealed = at.documents.give(WORKER, file_id, "王警官", certificate=pem)
        loaded = x509.load_pem_x509_certificate(pem.encode())
        assert pkcs7_decrypt_der(sealed.content, loaded, key, []) == archive
        assert b"2026-05-01" not in package.content + sealed.content
        shown = at.redress.show(WORKER, file_id)
        assert [each["package"] for each in shown.content["given"]] == [package.digest, sealed.digest]
        assert shown.content["given"][1]["sealed_for"] == loaded.fingerprint(hashes.SHA256()).hex()
        assert "王警官" not in repr(shown) and shown.clocks[0].standing == "met"
        assert shown.content["approver"] == "wang.wei"
        with pytest.raises(Damaged, match="passphrase"):
            opened_package(package.content, "another passphrase!")
        with pytest.raises(Damaged):
            opened_package(package.content[:-1] + b"x", "long enough, is it not")
        with pytest.raises(DefinitionError, match="no package"):
            opened_package(b"PK\x03\x04", "long enough, is it not")


def test_what_cannot_seal_a_package_is_refused(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        file_id, _ = approved(at)
        key = rsa.generate_private_key(65_537, 2_048)
        for given, said in (
            ({}, "one of the two"),
            ({"passphrase": "x" * 20}, "half of them different"),
            ({"passphrase": "short"}, "16 characters"),
            ({"certificate": "no pem"}, "PEM"),
            ({"certificate": certificate(ec.generate_private_key(ec.SECP256R1()))}, "RSA"),
            ({"certificate": certificate(key, days=1)}, "not valid today"),
        ):
            at.clock.at_ms = START_MS + 3_600_000
            with pytest.raises(DefinitionError, match=said):
                at.documents.give(WORKER, file_id, "王警官", **given)
        assert at.redress.show(WORKER, file_id).state == "approved"


def test_a_document_is_encrypted_where_it_lies_and_shown_only_in_full_views(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        file_id = at.redress.open(WORKER, "request", ASKED, customer=CUSTOMER)
        digest = at.documents.add(WORKER, file_id, "流水", "text/csv", b"6222020000000001")
        assert not any(b"6222020000000001" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        with pytest.raises(Conflict, match="already"):
            at.documents.add(WORKER, file_id, "again", "text/csv", b"6222020000000001")
        with pytest.raises(TooLarge):
            at.documents.add(WORKER, file_id, "large", "text/csv", bytes(CONTENT_BYTES_MAX + 1))
        with pytest.raises(NotAllowed, match="reveal"):
            at.documents.content(WORKER, file_id, digest, START_MS, 60_000)
        document, content = at.documents.content(OTHER, file_id, digest, START_MS, 60_000)
        assert content == b"6222020000000001" and document.title == "流水"
        with pytest.raises(NotFound):
            at.documents.content(OTHER, file_id, "0" * 64, START_MS, 60_000)
        kept = at.redress.find(WORKER, file_id)[1].documents[0].stored
        path = tmp_path / "contents" / kept[:2] / kept
        path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01")
        with pytest.raises(Damaged):
            at.documents.content(OTHER, file_id, digest, START_MS, 60_000)


def test_a_half_year_is_counted_and_signed_once(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        ids = [
            at.redress.open(
                WORKER,
                "complaint",
                complaint.Take(kind, channel, complaint.Category.PRIVACY, "text", "contact", START_MS),
            )
            for kind, channel in (
                (complaint.ComplaintKind.COMPLAINT, complaint.Channel.FAX),
                (complaint.ComplaintKind.COMPLAINT, complaint.Channel.COMMENT_BOOK),
                (complaint.ComplaintKind.PRIVACY_QUESTION, complaint.Channel.ONLINE),
                (complaint.ComplaintKind.RIGHTS_REQUEST, complaint.Channel.MAIL),
            )
        ]
        at.redress.act(WORKER, ids[1], complaint.TakeBack("never mind"))
        for event in (
            complaint.Assign("li.na", "data-protection"),
            complaint.Understand("u"),
            complaint.FindCause(complaint.Cause.PROCESS, "c"),
            complaint.Settle(True, "s"),
            complaint.Answer(complaint.Channel.FAX, "a"),
            complaint.Close(),
        ):
            at.redress.act(WORKER, ids[0], event)
        with pytest.raises(DefinitionError, match="not over yet"):
            at.reviews.sign(OTHER, "2026H1", at.reviews.half_year(OTHER, "2026H1").digest, "none")
        at.later(24 * 45)  # 16 July: the privacy question and the rights request
        found = at.reviews.half_year(OTHER, "2026H1")
        counts = found.counts
        assert (counts.total, counts.closed, counts.withdrawn, counts.founded) == (4, 1, 1, 1)
        assert counts.by_channel == {"comment-book": 1, "fax": 1, "mail": 1, "online": 1}
        assert counts.clocks["complaint-handling"].kept == 2 and counts.clocks["privacy-question"].late == 1
        assert "rights-request" not in counts.clocks  # nobody was verified, so its clock never began (RT-02)
        assert "| 受理 received | 4 | 0 |" in found.draft
        assert found.clock.due_at == "2026-07-21T10:00:00.000Z" and found.clock.standing == "warned"
        with pytest.raises(Conflict, match="changed"):
            at.reviews.sign(OTHER, "2026H1", "0" * 64, "none")
        with pytest.raises(NotAllowed):
            at.reviews.sign(WORKER, "2026H1", found.digest, "none")
        at.reviews.sign(OTHER, "2026H1", found.digest, "the process is changed")
        at.redress.act(WORKER, ids[2], complaint.TakeBack("never mind"))
        again = at.reviews.half_year(OTHER, "2026H1")
        assert (again.signed_by, again.digest, again.counts) == ("zhao.min", found.digest, counts)
        assert again.clock.standing == "met"
        with pytest.raises(Conflict, match="signed already"):
            at.reviews.sign(OTHER, "2026H1", found.digest, "again")
        assert at.reviews.half_year(OTHER, "2026H2").before == counts
        assert len(at.redress.listed(WORKER, Filter("complaint"), 10)) == 4


def test_a_half_year_is_set_as_pages(tmp_path: Path, url: str) -> None:
    """The same counts and time give the same bytes; words stand in both languages, unknown ones as they are."""
    with house(tmp_path, url) as at:
        taken = complaint.Take(
            complaint.ComplaintKind.COMPLAINT,
            complaint.Channel.FAX,
            complaint.Category.FEES,
            "text",
            "contact",
            START_MS,
        )
        at.redress.open(WORKER, "complaint", taken)
        found = at.reviews.half_year(OTHER, "2026H1")
        first, again = (half_year_pages(found, load_schedule(), "测试银行", START_MS) for _ in range(2))
    assert first.startswith(b"%PDF-1.7") and first == again
    assert name_in("Channel", "fax") == ("传真", "Fax") and name_in("department", "own") == ("own", "")
