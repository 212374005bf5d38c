"""Reporting put together: reports to the authority, risk reports and the batch file, over an open desk.

DATA/
    codes.toml            code tables of the bank in the place of ours (`tarim.reporting`), if there are any
    divisions.csv         division codes in force (GB/T 2260), six digits in the first column, if the bank keeps them
    desk/suspicious/      contents, packages and receipts of suspicious transaction reports, sealed
    desk/reports/         risk reports as they were filed: PDF and Excel
    desk/outbox/          batch files for neighbouring systems, unless settings name another folder
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog

from tarim.base.errors import InputError, TarimError
from tarim.base.files import text_of
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.places import Places
from tarim.bootstrap.report_settings import ReportSettings
from tarim.cases import EvidenceFiles
from tarim.deadlines import load_schedule
from tarim.desk import Desk, RuleWords
from tarim.privacy import CustomerReader, MasterKey, Tokenizer
from tarim.reporting import (
    BatchTable,
    CaseTables,
    Codes,
    Contents,
    CountedTables,
    Figures,
    JournalTally,
    Letterhead,
    OutboxFolder,
    PeriodKind,
    RenderRisk,
    ReportFiles,
    ReportStore,
    RiskBatch,
    RiskReports,
    RiskyEvents,
    SuspiciousReports,
    package_of,
    packaged_codes,
    read_codes,
    read_divisions,
    risk_pages,
    risk_workbook,
)

CODES_NAME: Final = "codes.toml"
DIVISIONS_NAME: Final = "divisions.csv"
RENDER_S_MAX: Final = 120.0
_FILE_BYTES_MAX: Final = 4 << 20
_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64
_ACCOUNTS: Final = ("account", "payee_account")


class RenderJob(msgspec.Struct, frozen=True):
    """What `tarim reports render` is given: a risk report to be set, figures and no personal data."""

    figures: Figures
    kind: PeriodKind
    letterhead: Letterhead
    person: str
    at_ms: int


def rendered_apart(form: str) -> RenderRisk:
    """Sets a risk report in a process of its own: charts and pages take seconds that people at the desk would wait."""

    def render(figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> bytes:
        job = msgspec.json.encode(RenderJob(figures, kind, letterhead, person, at_ms))
        return answer_of(["reports", "render", form], purpose="a risk report", seconds_max=RENDER_S_MAX, given=job)

    return render


def render(form: str, job: bytes) -> bytes:
    """The document of a job, `pdf` or `xlsx`.  Raises InputError, Unavailable."""
    try:
        told = msgspec.json.decode(job, type=RenderJob)
    except msgspec.MsgspecError:
        raise InputError("this is no risk report to be set") from None
    make = {"pdf": risk_pages, "xlsx": risk_workbook}.get(form)
    if make is None:
        raise InputError("a risk report comes as pdf or xlsx")
    return make(told.figures, told.kind, told.letterhead, told.person, told.at_ms)


class VaultValues:
    """See `tarim.reporting.RawValues`.  Any thread may call it."""

    def __init__(self, reader: CustomerReader, tokenizer: Tokenizer) -> None:
        self._reader = reader
        self._tokenizer = tokenizer
        self._lock = threading.Lock()

    def accounts(self, owners: Mapping[int, Collection[int]]) -> dict[int, str]:
        """The account number behind each token; owners: token of an account -> tokens of customers who dealt with it."""
        wanted = {_signed(of): of for of in owners}
        found: dict[int, str] = {}
        with self._lock:
            for _, bundle in self._reader.bundles_of({_signed(each) for of in owners.values() for each in of}):
                for name in _ACCOUNTS:
                    number = bundle.get(name, "").strip(" ")
                    asked = wanted.get(self._tokenizer.token("account", number)) if number else None
                    if asked is not None:
                        found.setdefault(asked, number)
        return found

    def names(self, customer: int, accounts: Collection[int]) -> dict[int, str]:
        """Names that this customer gave for the accounts it paid to; the newest of each."""
        wanted = {_signed(of): of for of in accounts if of}
        found: dict[int, str] = {}
        with self._lock:
            for _, bundle in self._reader.bundles(_signed(customer)):
                number, name = bundle.get("payee_account", "").strip(" "), bundle.get("payee_name", "")
                asked = wanted.get(self._tokenizer.token("account", number)) if number and name else None
                if asked is not None:
                    found[asked] = name
        return found

    def customer_token(self, number: str) -> int:
        """The unsigned token of a customer's number."""
        with self._lock:
            return self._tokenizer.token("customer", number) % _WHOLE

    def indexed_seq(self) -> int:
        """Everything sealed below this position of the decisions' journal can be told.  Raises Unavailable."""
        return self._reader.applied_seq


class ReportingHouse:
    """Use cases over an open desk.  `start` files what is due from now on; close it before the desk."""

    def __init__(
        self,
        desk: Desk,
        places: Places,
        settings: ReportSettings,
        artefacts: Artefacts,
        master: MasterKey,
        names_of: Callable[[str], Collection[str]],
    ) -> None:
        """names_of: every name of the human behind a name.  Raises DefinitionError for files of the bank that are wrong."""
        folder = places.data / "desk"
        values = VaultValues(CustomerReader(places.vault, master), Tokenizer(master.derive("tokens")))
        head = Letterhead(
            settings.institution_code,
            settings.branch_code,
            settings.bank_name,
            settings.bank_name_en,
            settings.division_code,
        )
        codes = load_codes(places.data)
        sealed = EvidenceFiles(folder / "suspicious", desk.texts)
        contents = Contents(sealed, desk.texts, values, codes, desk.now_ms)
        self.suspicious = SuspiciousReports(
            desk,
            ReportStore(),
            contents,
            package_of,
            CaseTables(places.journal),
            values,
            _People(names_of),
            head,
            load_schedule(places.data),
        )
        tally = JournalTally(places.journal, lambda version: RuleWords.of(artefacts.get(version)))
        self.risk = RiskReports(
            desk,
            CountedTables(),
            tally,
            ReportFiles(folder / "reports"),
            rendered_apart("pdf"),
            rendered_apart("xlsx"),
            head,
        )
        outbox = OutboxFolder(Path(settings.batch_folder) if settings.batch_folder else folder / "outbox")
        self.batch = RiskBatch(desk, RiskyEvents(places.journal), values, BatchTable(), outbox)
        self.codes = codes
        self._every_s = settings.check_every_s if settings.scheduled == "yes" else 0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def uses(self) -> tuple[SuspiciousReports, RiskReports, RiskBatch, Codes]:
        """What the routes work with."""
        return self.suspicious, self.risk, self.batch, self.codes

    def start(self) -> None:
        """File risk reports and make batches when they are due, until closed."""
        if self._every_s:
            self._thread = threading.Thread(target=self._work, name="reports-due", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Finish what is under way."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        log = structlog.get_logger("tarim.reporting")
        while not self._closing.wait(self._every_s):
            try:
                self.risk.file_due(lambda: not self._closing.is_set())
                self.batch.make_due()
            except TarimError as error:
                log.error("reports-due", detail=error.detail, code=error.code)
            except Exception as error:  # the supervisor: said, and tried again
                log.error("reports-due", detail=type(error).__name__, exc_info=True)


class _People:
    def __init__(self, names_of: Callable[[str], Collection[str]]) -> None:
        self.names_of = names_of


def load_codes(folder: Path) -> Codes:
    """The code tables in force: those of the bank over the product's.  Raises DefinitionError, TooLarge."""
    text, divisions = (text_of(folder / name, _FILE_BYTES_MAX) or "" for name in (CODES_NAME, DIVISIONS_NAME))
    if not text and not divisions:
        return packaged_codes()
    return read_codes(text, packaged_codes(), read_divisions(divisions) if divisions else frozenset())


def _signed(token: int) -> int:
    return (token + _HALF) % _WHOLE - _HALF
