"""Every pain.001 and pacs.008 sample becomes events; every other message is refused by name."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from tarim.intake import EventBatch, Intake, Integrity, UnsupportedFile, event_key, read_file
from tarim.intake.iso20022 import minor_units
from tarim.privacy import Tokenizer
from tarim.stream import AMOUNT_FEN_MAX, Channel, Col, Kind
from tests.corpus.malformed import PAIN
from tests.fakes.clock import FakeClock

SHARED = Path(os.environ.get("TARIM_SHARED", Path(__file__).parents[4] / "shared"))
SAMPLES = SHARED / "data" / "iso20022"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"the ISO 20022 samples are not in {SAMPLES}; set TARIM_SHARED"
)
TOKENIZER = Tokenizer(bytes(range(32)))


def events(path: Path, **more: str) -> EventBatch:
    intake = Intake(TOKENIZER, clock=FakeClock(1_800_000_000_000))
    (table,) = list(read_file(path, **more))  # type: ignore[arg-type]
    batch, refusals = intake.table(table, source="iso20022")
    assert refusals == []
    return batch


def taken(name: str) -> bool:
    return "pain.001" in name or "pacs.008" in name


def samples() -> list[tuple[str, str]]:
    """File name and message kinds of every sample, from the index beside them."""
    if not SAMPLES.is_dir():
        return []
    with (SAMPLES / "INDEX.csv").open(encoding="utf-8") as file:
        return [(Path(row[0]).name, row[1]) for row in csv.reader(file) if row and row[0].endswith(".xml")]


@needs_samples
@pytest.mark.parametrize(("name", "kinds"), samples())
def test_each_sample_maps_or_is_refused(name: str, kinds: str) -> None:
    if not taken(kinds):
        with pytest.raises(UnsupportedFile, match=r"pain\.001 and pacs\.008"):
            list(read_file(SAMPLES / name))
        return
    batch = events(SAMPLES / name)
    text = (SAMPLES / name).read_text(encoding="utf-8-sig")
    assert len(batch) == text.count("<CdtTrfTxInf>") > 0
    assert len(set(batch.event_ids)) == len(batch)
    assert (batch.rows[:, Col.KIND] == Kind.TRANSFER).all()
    for col in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE):
        assert (batch.rows[:, col] != 0).all()
    assert ((batch.rows[:, Col.AMOUNT_FEN] > 0) & (batch.rows[:, Col.AMOUNT_FEN] <= AMOUNT_FEN_MAX)).all()


@needs_samples
def test_ten_of_the_samples_are_to_map() -> None:
    assert sum(taken(kinds) for _, kinds in samples()) == 10


@needs_samples
def test_a_sample_maps_to_what_one_reads_in_it() -> None:
    batch = events(SAMPLES / "salesking__pain.001.001.03.ch.02.xml", zone="+01:00")
    assert batch.event_ids == ["MSG-01/ENDTOENDID-001", "MSG-01/ENDTOENDID-002", "MSG-01/ENDTOENDID-003"]
    assert batch.rows[:, Col.AMOUNT_FEN].tolist() == [394_975, 847_925, 342_100]
    assert batch.rows[:, Col.CURRENCY].tolist() == [0x434846, 0x434846, 0x455552]
    assert batch.rows[0, Col.OCCURRED_MS] == np.datetime64("2010-02-15T06:30:00", "ms").astype(np.int64)
    assert (batch.rows[:, Col.ACCOUNT] == TOKENIZER.token("account", "CH5481230000001998736")).all()
    assert (batch.rows[:, Col.CUSTOMER] == TOKENIZER.token("customer", "CH5481230000001998736")).all()
    assert batch.rows[0, Col.PAYEE] == TOKENIZER.token("account", "01-39139-1")
    assert batch.rows[2, Col.PAYEE] == TOKENIZER.token("account", "DE62007620110623852957")
    assert batch.rows[0, Col.CHANNEL] == Channel.UNKNOWN
    assert batch.notes[2] == {"payee_bank": "DEUTDEFF", "order_id": "ENDTOENDID-003", "legal_basis": "contract"}
    assert batch.rows[0, Col.EVENT_KEY] == event_key("iso20022", "MSG-01/ENDTOENDID-001")


def written(folder: Path, text: str) -> Path:
    (folder / "pain.xml").write_text(text, encoding="utf-8")
    return folder / "pain.xml"


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.12", "pain.001.999.99"])
def test_every_version_is_taken(tmp_path: Path, version: str) -> None:
    assert len(events(written(tmp_path, PAIN.replace("pain.001.001.09", version)))) == 1


def test_an_equal_id_twice_and_ids_that_do_not_fit_get_a_digest(tmp_path: Path) -> None:
    start, end = PAIN.index("<CdtTrfTxInf>"), PAIN.index("</CdtTrfTxInf>") + len("</CdtTrfTxInf>")
    tx = PAIN[start:end]
    more = tx + tx.replace("E1", "NOTPROVIDED") + tx.replace("E1", "x" * 64) + tx.replace("E1", "with a space")
    ids = events(written(tmp_path, PAIN.replace(tx, tx + more))).event_ids
    assert ids[0] == "M1/E1"
    assert all(len(one) == 36 and one.startswith("iso-") for one in ids[1:])
    assert len(set(ids)) == 5
    assert events(written(tmp_path, PAIN.replace(tx, tx + more))).event_ids == ids, "the same file, the same events"


def test_parties_without_account_are_known_by_name_and_bank(tmp_path: Path) -> None:
    account = "<CdtrAcct><Id><IBAN>DE21500500001234567897</IBAN></Id></CdtrAcct>"
    first = events(written(tmp_path, PAIN.replace(account, "")))
    again = events(written(tmp_path, PAIN.replace(account, "").replace("E1", "E2")))
    other = events(written(tmp_path, PAIN.replace(account, "").replace("<Cdtr><Nm>", "<Cdtr><Nm>Another ")))
    assert first.rows[0, Col.PAYEE] == again.rows[0, Col.PAYEE] != other.rows[0, Col.PAYEE]


def test_a_requested_date_stands_in_for_a_missing_moment(tmp_path: Path) -> None:
    dated = PAIN.replace("<CreDtTm>2026-10-01T12:00:00</CreDtTm>", "").replace(
        "<PmtInf>", "<PmtInf><ReqdExctnDt><Dt>2026-10-02</Dt></ReqdExctnDt>"
    )
    batch = events(written(tmp_path, dated))
    assert batch.rows[0, Col.OCCURRED_MS] == np.datetime64("2026-10-01T16:00:00", "ms").astype(np.int64)


def test_more_transactions_than_stated_are_taken_and_fewer_refused(tmp_path: Path) -> None:
    assert len(events(written(tmp_path, PAIN.replace("<NbOfTxs>1", "<NbOfTxs>0")))) == 1
    with pytest.raises(Integrity, match="states 3 transactions and has 1"):
        events(written(tmp_path, PAIN.replace("<NbOfTxs>1", "<NbOfTxs>3")))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.34", "CNY", 1234),
        ("12.340", "CNY", 1234),
        ("+.5", "CNY", 50),
        ("7.", "CNY", 700),
        ("0.29", "EUR", 29),
        ("1234567890123456.78", "EUR", 123456789012345678),
        ("100", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("1.2345", "KWD", "1.2345"),
        ("12.5", "JPY", "12.5"),
        ("1e2", "CNY", "1e2"),
        ("-1", "CNY", "-1"),
        ("", "CNY", "missing"),
    ],
)
def test_amounts_are_exact_or_left_for_refusal(text: str, currency: str, minor: int | str) -> None:
    assert minor_units(text, currency) == minor


def test_a_large_file_streams(tmp_path: Path) -> None:
    start, end = PAIN.index("<CdtTrfTxInf>"), PAIN.index("</CdtTrfTxInf>") + len("</CdtTrfTxInf>")
    tx = PAIN[start:end]
    many = "".join(tx.replace("E1", f"E{number}") for number in range(20_000))
    path = written(tmp_path, PAIN.replace(tx, many).replace("<NbOfTxs>1<", "<NbOfTxs>20000<"))
    sizes = [batch.num_rows for batch in read_file(path)]
    assert sum(sizes) == 20_000 and max(sizes) == 8_192
