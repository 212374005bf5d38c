"""What can be set: one frozen tree, from a TOML file and the environment, with a maximum for everything that grows.

    DATA/settings.toml            [service]
                                  port = 8080
    the environment, stronger     TARIM_SERVICE_PORT=8080

All faults are reported at once.  `docs/reference/settings.md` lists everything and is tested to be complete.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_type_hints

from tarim.base.errors import DefinitionError, NotFound
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.desk_settings import MEANINGS as DESK_MEANINGS
from tarim.bootstrap.desk_settings import DeskSettings
from tarim.bootstrap.identity_settings import MEANINGS as IDENTITY_MEANINGS
from tarim.bootstrap.name_settings import NameSettings
from tarim.bootstrap.report_settings import MEANINGS as REPORT_MEANINGS
from tarim.bootstrap.report_settings import ReportSettings
from tarim.bootstrap.views_settings import MEANINGS as VIEWS_MEANINGS
from tarim.bootstrap.views_settings import ViewsSettings
from tarim.decisions import IndicatorSettings, ProbeSettings
from tarim.identity import IdentitySettings
from tarim.intake import IntakeLimits
from tarim.journal import JournalLimits
from tarim.models import WatchSettings
from tarim.privacy import VaultLimits

SETTINGS_BYTES_MAX: Final = 1 << 20
FILE_NAME: Final = "settings.toml"
_PREFIX: Final = "TARIM_"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = 8080
    head_bytes_max: int = 16 << 10
    pipelined_requests_max: int = 16
    connections_max: int = 1_024
    request_s_max: int = 30
    idle_s_max: int = 75
    stop_s_max: int = 20
    group_requests_max: int = 256
    group_bytes_max: int = 1 << 20
    waiting_requests_max: int = 4_096
    waiting_bytes_max: int = 64 << 20
    thread_switch_us: int = 200


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The feature engine."""

    features: str = "reference"
    memory_bytes_max: int = 16 << 30
    memory_ahead_bytes: int = 128 << 20


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Rules, model and treatment; an empty name means the starter rules, no model, and the treatment that comes along."""

    rules_file: str = ""
    model_file: str = ""
    treatment_file: str = ""


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """Training data."""

    sources: str = ""
    medium: str = ""

    @property
    def registered(self) -> frozenset[str]:
        """The sources that are registered."""
        return frozenset(name.strip() for name in self.sources.split(",") if name.strip())


@dataclass(frozen=True, slots=True)
class SeenSettings:
    """The index of accepted events."""

    events_max: int = 1 << 25


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """Snapshots, written by a process of their own."""

    every_events: int = 250_000
    every_s: int = 900
    nice: int = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    datasets: DatasetSettings = field(default_factory=DatasetSettings)
    seen: SeenSettings = field(default_factory=SeenSettings)
    snapshots: SnapshotSettings = field(default_factory=SnapshotSettings)
    indicators: IndicatorSettings = field(default_factory=IndicatorSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    probing: ProbeSettings = field(default_factory=ProbeSettings)
    journal: JournalLimits = field(default_factory=JournalLimits)
    intake: IntakeLimits = field(default_factory=IntakeLimits)
    vault: VaultLimits = field(default_factory=VaultLimits)
    names: NameSettings = field(default_factory=NameSettings)
    desk: DeskSettings = field(default_factory=DeskSettings)
    views: ViewsSettings = field(default_factory=ViewsSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)


MEANINGS: Final[Mapping[str, str]] = {
    **DESK_MEANINGS,
    **IDENTITY_MEANINGS,
    **REPORT_MEANINGS,
    **VIEWS_MEANINGS,
    "service.host": "address to listen on",
    "service.port": "port to listen on; 0 takes a free one",
    "service.head_bytes_max": "longest request line and headers",
    "service.pipelined_requests_max": "requests of one connection not yet answered, before reading pauses",
    "service.connections_max": "open connections; one more is answered 503",
    "service.request_s_max": "longest time until a request is complete",
    "service.idle_s_max": "longest time a connection may be idle",
    "service.stop_s_max": "longest time a stop waits for answers under way",
    "service.group_requests_max": "requests decided and made durable together",
    "service.group_bytes_max": "bytes of their bodies; a single larger request is a group of its own",
    "service.waiting_requests_max": "requests not yet answered; one more is answered 503 with Retry-After",
    "service.waiting_bytes_max": "bytes of their bodies",
    "service.thread_switch_us": "how long one thread may hold the interpreter while another waits",
    "engine.features": "feature set: `reference`, `scenarios`, or `package.module:NAME` of a FeatureSet",
    "engine.memory_bytes_max": "address space of the engine's state; memory is used as the state grows",
    "engine.memory_ahead_bytes": "memory the service keeps ready beyond the state, so that growth never waits for it",
    "policy.rules_file": "rules (TOML), at the first start; empty: the starter rules",
    "policy.model_file": "model, at the first start; empty: none",
    "policy.treatment_file": "what follows from an outcome (TOML), at the first start; empty: the one built in",
    "datasets.sources": "sources that training data may come from, commas between; empty: those of the journal, and no file",
    "datasets.medium": "what identifies the storage of training data; empty: the file system's own number",
    "seen.events_max": "accepted events recognised when sent again, about 43 bytes each",
    "snapshots.every_events": "events between two snapshots",
    "snapshots.every_s": "seconds between two snapshots, when there are new events",
    "snapshots.nice": "niceness of the process that writes a snapshot",
    "indicators.window_min": "minutes of a business figure that are compared",
    "indicators.baseline_min": "minutes before them that they are compared with",
    "indicators.z_min": "deviation, in standard deviations, from which a warning is raised",
    "indicators.times_min": "change, up or down, from which a warning is raised",
    "indicators.events_min": "with fewer events in the window nothing is said",
    "watch.false_alarms_per_century": "alarms about nothing that are accepted in a hundred years, all columns together",
    "watch.persist_h": "hours in a row that a shift has to be seen before it is an alarm",
    "watch.batch_channel": "channel by which batches come, watched by its amounts only; empty: none",
    "watch.psi_min": "a shift (PSI, CSI) smaller than this is no alarm, however sure it is",
    "watch.events_min": "with fewer events of a column in 24 hours nothing is said about it",
    "watch.label_delay_days": "days after which an event without a label counts as genuine",
    "watch.period_days": "days of a period of AUC, KS, AP and alert precision",
    "watch.measure_every_s": "seconds between two computations of those figures, by a process of their own",
    "watch.save_every_s": "seconds between two times that the watch is kept on the disk",
    "probing.events_per_s_max": "events a second that one key may ask about; 0: no limit",
    "probing.burst_events_max": "events that a key may ask about at once, before the rate counts",
    "probing.events_per_day_max": "events a day (in China) that one key may ask about; 0: no limit",
    "probing.window_s": "seconds in which messages that differ little are counted",
    "probing.sweep_values_max": "different values of one field, all else the same, from which on it is a sweep; 0: never",
    "probing.grid_events_max": "different messages of one customer from which on they are a grid; 0: never",
    "probing.slow_window_s": "seconds in which what goes slower than `window_s` is counted",
    "probing.slow_values_max": "different values of one field in that time, all else the same, for a slow sweep; 0: never",
    "probing.stranger_values_max": "the same from customers never seen before, another for each value; only an alarm; 0: never",
    "probing.refuse_s": "seconds for which such a customer or device is refused",
    "probing.unknown_keys_max": "requests of an address with keys that were never assigned; beyond it a ban; 0: never",
    "probing.unknown_keys_s": "seconds in which they are counted",
    "probing.ban_s": "seconds for which such an address is refused unless it shows a key that was assigned",
    "probing.score_decimals_max": "decimals of a score told to a key without the scope `score`; 0: it is not told",
    "journal.segment_bytes": "size of a segment file, preallocated",
    "journal.block_bytes_max": "largest record",
    "journal.index_stride_bytes": "bytes of a segment per entry of its index in memory",
    "journal.free_bytes_min": "a new segment is refused when the disk would be left with less",
    "journal.segments_max": "segments kept; one more is refused",
    "intake.message_bytes_max": "largest message",
    "intake.batch_bytes_max": "largest batch",
    "intake.batch_events_max": "most events of a batch",
    "intake.xml_bytes_max": "largest XML file",
    "intake.file_bytes_max": "largest file",
    "intake.line_bytes_max": "longest line of a CSV or JSON lines file",
    "intake.table_rows_max": "most rows of one table",
    "intake.future_tolerance_ms": "how far ahead of the service's clock an event may be dated",
    "intake.age_ms_max": "an event older than this is refused",
    "intake.legal_basis_default": "legal basis of an event that states none",
    "vault.unwrapped_keys_max": "ciphers of data keys kept ready, about 2.4 KB each",
    "vault.keys_max": "data keys altogether, about 80 bytes each; beyond it new customers are refused",
    "vault.ready_keys": "data keys made ahead",
    "vault.sealed_before_slots": "combinations remembered as sealed, 12 bytes each; a power of two",
    "vault.index_batches_max": "batches waiting for the vault's index",
    "names.threshold_percent": "least score of a match, in hundredths; chosen on the stated test",
    "names.wait_ms_max": "longest time an event waits for the screening of its payee's name; then it is decided and flagged",
    "names.waiting_max": "names being screened; events with one more are decided and flagged at once",
    "names.remembered_max": "names of payees whose answer is remembered, about 100 bytes each",
    "names.rescreen_after_s": "seconds after a change until all customers are screened",
    "names.nice": "niceness of the process that screens all customers",
    "vault.index_cached_bytes_max": "memory for finding a customer's sealed values, 8 bytes a value",
    "audit.database_url": "database of the audit trail, SQLite or PostgreSQL, as a URL; empty: `DATA/audit.db`",
    "audit.anchors_folder": "where anchors are kept, best on another machine; empty: `DATA/anchors`",
    "audit.anchor_every_s": "seconds between two anchors, when there are new entries",
    "audit.keep_days": "days an entry is kept at least, 183 or more; older ones may be dropped once exported and anchored",
    "audit.waiting_entries_max": "entries that wait to be written; acts beyond it are refused",
    "audit.group_entries_max": "entries written in one transaction",
}
"""What each setting means; a test holds it complete."""

_LEAST: Final[Mapping[str, int]] = {
    "service.port": 0,
    "desk.port": 0,
    "desk.nice": 0,
    "desk.retention_days": 0,
    "identity.lookups_max": 0,
    "views.port": 0,
    "views.nice": 0,
    "snapshots.nice": 0,
    "names.nice": 0,
    "journal.free_bytes_min": 0,
    "probing.events_per_s_max": 0,
    "probing.events_per_day_max": 0,
    "probing.sweep_values_max": 0,
    "probing.grid_events_max": 0,
    "probing.slow_values_max": 0,
    "probing.stranger_values_max": 0,
    "probing.unknown_keys_max": 0,
    "probing.score_decimals_max": 0,
}


def sections() -> Iterator[tuple[str, type[Any]]]:
    """Names and types of the tree's branches."""
    yield from get_type_hints(Settings).items()


def every_setting() -> Iterator[tuple[str, type[Any], Any]]:
    """(`section.name`, type, default) of every setting."""
    for section, kind in sections():
        hints = get_type_hints(kind)
        for each in dataclasses.fields(kind):
            yield f"{section}.{each.name}", hints[each.name], each.default


def settings_of(data: Path, environment: Mapping[str, str]) -> Settings:
    """Settings of a data folder.  Raises NotFound for a folder that does not exist, DefinitionError."""
    if not data.is_dir():
        raise NotFound(f"{data} does not exist; make it with: tarim init --data {data}")
    return load_settings(data / FILE_NAME, environment)


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Settings from a TOML file, if there is one, and the environment.  Raises DefinitionError naming every fault."""
    given: dict[str, Any] = {}
    problems: list[str] = []
    if path is not None and path.exists():
        if path.stat().st_size > SETTINGS_BYTES_MAX:
            raise DefinitionError(f"{path} is larger than {SETTINGS_BYTES_MAX} bytes")
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DefinitionError(f"{path}: {error}") from None
        for section, values in document.items():
            if isinstance(values, dict):
                given |= {f"{section}.{name}": value for name, value in values.items()}
            else:
                given[section] = values
    known = {name: kind for name, kind, _ in every_setting()}
    variables = {f"{_PREFIX}{name.replace('.', '_').upper()}": name for name in known}
    for variable, name in variables.items():
        if variable in environment:
            text = environment[variable]
            given[name] = int(text) if known[name] is int and text.lstrip("-").isdigit() else text
    chosen: dict[str, dict[str, Any]] = {section: {} for section, _ in sections()}
    for name, value in given.items():
        if name not in known:
            close = get_close_matches(name, known, 1)
            problems.append(f"unknown setting {name!r}" + (f"; do you mean {close[0]!r}?" if close else ""))
        elif type(value) is not known[name]:
            problems.append(f"{name} must be of type {known[name].__name__}, not {type(value).__name__}")
        elif isinstance(value, int) and value < _LEAST.get(name, 1):
            problems.append(f"{name} must be at least {_LEAST.get(name, 1)}")
        else:
            section, _, field_name = name.partition(".")
            chosen[section][field_name] = value
    branches = {}
    for section, kind in sections():
        try:
            branches[section] = kind(**chosen[section])
        except DefinitionError as error:
            problems.append(f"{section}: {error.detail}")
    if not problems:
        settings = Settings(**branches)
        problems = _related(settings)
    if problems:
        raise DefinitionError("settings: " + "; ".join(problems))
    return settings


def _related(settings: Settings) -> list[str]:
    """Faults between settings."""
    problems = []
    if settings.service.port > 65_535:
        problems.append("service.port must be at most 65535")
    if settings.service.waiting_bytes_max < settings.intake.batch_bytes_max:
        problems.append("service.waiting_bytes_max must hold one batch (intake.batch_bytes_max)")
    # A batch's record: at most 512 bytes of words an event, and what lies beside them.
    if settings.journal.block_bytes_max < 2 * settings.intake.batch_bytes_max + 512 * settings.intake.batch_events_max:
        problems.append("journal.block_bytes_max must hold twice a batch (intake.batch_bytes_max)")
    if settings.snapshots.nice > 19:
        problems.append("snapshots.nice must be at most 19")
    return problems


def reference_page() -> str:
    """`docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "In `DATA/settings.toml`, a table for each section, or in the environment: `service.port` is",
        "`TARIM_SERVICE_PORT`.  The environment is stronger.  All faults are reported at once, and nothing starts.",
        "This page is written by `tarim.bootstrap.settings.reference_page` and tested to be up to date.",
        "",
        "| setting | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name, kind, default in every_setting():
        shown = f"{default:,}" if isinstance(default, int) else f"`{default}`" if default else "empty"
        lines.append(f"| `{name}` | {kind.__name__} | {shown} | {MEANINGS[name]} |")
    return "\n".join(lines) + "\n"
