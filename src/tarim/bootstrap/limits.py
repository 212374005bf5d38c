"""`docs/reference/limits.md`: every limit in the code with its value, and what happens at it.

    python -m tarim.bootstrap.limits docs/reference

Values are read from the code.  A limit that can be set is named after its setting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from tarim.bootstrap.desk_settings import AT_LIMITS as DESK_LIMITS
from tarim.bootstrap.identity_settings import AT_LIMITS as IDENTITY_LIMITS
from tarim.bootstrap.views_settings import AT_LIMITS as VIEWS_LIMITS

PAGE: Final = "limits.md"

AT_SETTINGS: Final = {
    **DESK_LIMITS,
    **IDENTITY_LIMITS,
    **VIEWS_LIMITS,
    "service.head_bytes_max": "431, and the connection is closed",
    "service.pipelined_requests_max": "reading that connection pauses until answers went out",
    "service.connections_max": "a further connection is answered 503",
    "service.request_s_max": "408, and the connection is closed",
    "service.idle_s_max": "the connection is closed",
    "service.stop_s_max": "a stop gives up waiting",
    "service.group_requests_max": "the rest is the next group",
    "service.group_bytes_max": "the rest is the next group; one larger request is a group of its own",
    "service.waiting_requests_max": "503 with Retry-After, at once",
    "service.waiting_bytes_max": "503 with Retry-After, at once",
    "engine.memory_bytes_max": "503 for everything (`broken`) until the service is restarted with more",
    "seen.events_max": "the oldest are forgotten: sent again, they count as new",
    "probing.events_per_s_max": "429 with Retry-After, and an alarm",
    "probing.burst_events_max": "429 with Retry-After, and an alarm",
    "probing.events_per_day_max": "429 with Retry-After until midnight in China, and an alarm",
    "probing.sweep_values_max": "429 for that customer or device by that key for a while, and an alarm",
    "probing.grid_events_max": "429 for that customer by that key for a while, and an alarm",
    "probing.slow_values_max": "429 for that customer or device by that key for a while, and an alarm",
    "probing.stranger_values_max": "an alarm: the sweep belongs to no customer who could be refused",
    "probing.unknown_keys_max": "429 for that address unless it shows a key that was assigned, and an alarm",
    "probing.score_decimals_max": "the score is rounded",
    "journal.segment_bytes": "the segment is sealed, the next one begins",
    "journal.block_bytes_max": "413: the record is refused",
    "journal.free_bytes_min": "503 before anything was decided",
    "journal.segments_max": "503; drop or archive old segments",
    "intake.message_bytes_max": "413",
    "intake.batch_bytes_max": "413",
    "intake.batch_events_max": "413",
    "intake.xml_bytes_max": "the file is refused",
    "intake.file_bytes_max": "the file is refused",
    "intake.line_bytes_max": "the file is refused at that line",
    "intake.table_rows_max": "the table is refused; replay cuts smaller ones",
    "intake.future_tolerance_ms": "422: nobody can push an entity's windows into the future",
    "intake.age_ms_max": "422",
    "names.wait_ms_max": "the event is decided and flagged `payee_name_unscreened`; the name is screened afterwards",
    "names.waiting_max": "events with a further new name are decided and flagged at once",
    "names.remembered_max": "names of payees asked longest ago are screened again when they return",
    "vault.keys_max": "503 for events of new customers; those known go on",
    "vault.unwrapped_keys_max": "keys are unwrapped again when needed",
    "vault.ready_keys": "more are made ahead when half are used",
    "vault.sealed_before_slots": "older combinations are sealed again: more bytes, nothing lost",
    "vault.index_batches_max": "the writer waits for the vault's index",
    "vault.index_cached_bytes_max": "chunks of the index are read again from the disk",
    "audit.waiting_entries_max": "503: an act whose entry would wait is refused",
    "audit.group_entries_max": "the next transaction",
}
FIXED: Final = (
    ("tarim.stream.definitions:FEATURES_MAX", "features of a set", "the definition is refused"),
    ("tarim.workspace.domain:DRAFTS_MAX", "drafts of rulesets that one person keeps", "409; discard one"),
    ("tarim.workspace.domain:DRAFT_CHARACTERS_MAX", "characters of a draft", "413"),
    ("tarim.workspace.domain:SAVED_VIEWS_MAX", "saved views of one person for one page", "409; delete one"),
    ("tarim.workspace.domain:FILTERS_MAX", "filters of a saved view", "422"),
    (
        "tarim.stream.definitions:WINDOW_MS_MAX",
        "window + delay + lateness, milliseconds",
        "the definition is refused",
    ),
    ("tarim.stream.plan:FLAG_BITS_MAX", "flag bits of an entity", "the definition is refused"),
    (
        "tarim.stream.plan:RING_LG_MAX",
        "binary logarithm of the events that one entity remembers",
        "503 for everything (`broken`): the engine stops and says so, rather than forget",
    ),
    (
        "tarim.stream.graph.definitions:DEGREE_MAX",
        "edges a graph reads of an account in one direction",
        "the definition is refused",
    ),
    (
        "tarim.stream.graph.definitions:VISITS_MAX",
        "edges a graph's search reads further away",
        "the definition is refused",
    ),
    (
        "tarim.stream.graph.definitions:MEMORY_LG_MAX",
        "binary logarithm of the edges that one account remembers in one direction",
        "the definition is refused",
    ),
    (
        "tarim.stream.graph.definitions:LISTS_MAX",
        "lists that the features of one set name",
        "the definition is refused",
    ),
    ("tarim.graph.domain:ELEMENTS_MAX", "elements of one `tarim graph` run", "the run is refused"),
    (
        "tarim.graph.domain:PAIRS_MAX",
        "pairs read by one `tarim graph` run",
        "pairs are put together; half as many different ones are refused",
    ),
    ("tarim.graph.service:HOPS_MAX", "hops of `tarim graph rings`", "refused"),
    ("tarim.stream.events:AMOUNT_FEN_MAX", "largest amount of an event, fen", "422"),
    ("tarim.intake.domain:EXTRA_MAX", "largest free number either way", "422"),
    ("tarim.intake.checks:EVENT_ID_MAX", "characters of an event_id", "422"),
    ("tarim.intake.files:_HEADER_COLUMNS_MAX", "columns of a file", "the file is refused"),
    ("tarim.intake.mapping:TEXT_BYTES_MAX", "bytes of a mapping file", "refused"),
    ("tarim.intake.iso20022:DEPTH_MAX", "depth of an XML file", "the file is refused"),
    ("tarim.rules.domain:RULES_MAX", "rules of a ruleset", "the ruleset is refused"),
    ("tarim.rules.domain:BANDS_MAX", "score bands of a ruleset", "the ruleset is refused"),
    ("tarim.rules.domain:RULESET_CHARS_MAX", "characters of a ruleset", "the ruleset is refused"),
    ("tarim.rules.domain:EXPRESSION_CHARS_MAX", "characters of a rule's expression", "the ruleset is refused"),
    ("tarim.rules.domain:EXPRESSION_DEPTH_MAX", "depth of a rule's expression", "the ruleset is refused"),
    ("tarim.rules.parse:NUMBER_CHARS_MAX", "characters of a number in an expression", "the ruleset is refused"),
    ("tarim.rules.domain:PROBES_MAX", "different questions to the lists in a ruleset", "the ruleset is refused"),
    ("tarim.rules.structure:ITEMS_MAX", "members of a group in the structured form", "the structure is refused"),
    ("tarim.rules.domain:REASON_CHARS_MAX", "characters of a reason", "the ruleset is refused"),
    ("tarim.rules.domain:WEIGHT_MAX", "weight of a rule", "the ruleset is refused"),
    ("tarim.models.domain:MODEL_BYTES_MAX", "bytes of a model file", "the model is refused"),
    ("tarim.models.domain:TREES_MAX", "trees of a model", "the model is refused"),
    ("tarim.models.domain:LEAVES_MAX", "leaves of a tree", "the model is refused"),
    ("tarim.models.domain:FEATURES_MAX", "features of a model", "the model is refused"),
    ("tarim.models.datasets.manifest:ROWS_MAX", "rows of a training set", "the cut is refused; sample, or cut less"),
    ("tarim.models.datasets.manifest:MANIFEST_BYTES_MAX", "bytes of a training set's manifest", "the cut is refused"),
    ("tarim.models.datasets.manifest:SOURCES_MAX", "sources of a training set", "the cut is refused"),
    ("tarim.models.datasets.time_rules:LABEL_DELAY_MS_MAX", "label delay, milliseconds", "the cut is refused"),
    (
        "tarim.models.datasets.checks:JUDGED_ROWS_MAX",
        "rows whose labels a check judges",
        "every fraud and a seeded share of the genuine are judged",
    ),
    ("tarim.models.datasets.checks.findings:FINDINGS_MAX", "findings of one check", "further ones are counted"),
    ("tarim.models.datasets.checks.findings:SEQS_NAMED_MAX", "events named by a finding", "further ones are counted"),
    ("tarim.cli._datasets_cut:MAPPING_BYTES_MAX", "bytes of a mapping file for `tarim datasets cut`", "refused"),
    ("tarim.models.registry.card:CARD_BYTES_MAX", "bytes of a model card", "the model is not taken"),
    (
        "tarim.models.registry.card:WORDS_CHARACTERS_MAX",
        "characters of a text of a model card",
        "the model is not taken",
    ),
    ("tarim.decisions.registry:ENTRIES_MAX", "models of a registry", "409 for a further one"),
    ("tarim.decisions.registry:CHALLENGERS_MAX", "models that score beside the champion", "409 for a further one"),
    ("tarim.decisions.registry:LEDGER_REMEMBERED", "lines of the ledger of models", "older ones are in the journal"),
    ("tarim.bootstrap.packages:SCRIPT_BYTES_MAX", "bytes of a deployment's script", "413"),
    ("tarim.api.models:EXPORT_BYTES_MAX", "bytes of a model that is handed out", "413"),
    ("tarim.journal.adapters.folder:SEQ_MAX", "positions of a journal", "503"),
    (
        "tarim.decisions.holds.fold:OPEN_MAX",
        "payments held at once, about 600 bytes each",
        "503 before anything was decided, until some are closed",
    ),
    ("tarim.decisions.holds.fold:FIRED_MAX", "holds that one tick fires", "the rest waits for the next second"),
    ("tarim.decisions.holds.fold:CLOSED_KEPT", "closed holds that can be looked up", "404; the journal has them"),
    ("tarim.decisions.holds.fold:CHANGES_KEPT", "changes of holds that can be polled", "404 for an older `since`"),
    (
        "tarim.api.lookups:ACTORS_MAX",
        "persons and keys whose lookups of personal data are counted",
        "who was quiet for longest is counted anew",
    ),
    ("tarim.api.lookups:REMEMBERED_MAX", "lookups remembered of one of them", "the oldest are counted anew"),
    (
        "tarim.cases.adapters.dossier:PLACED_MAX",
        "newest alerts of a case of which it is shown where their events came from",
        "of older ones it is not shown",
    ),
    (
        "tarim.decisions.switch_reviews:REVIEWS_OPEN_MAX",
        "pauses and stops by one person that wait for a review",
        "503: a further one is refused until some are reviewed",
    ),
    (
        "tarim.decisions.switch_reviews:REVIEWS_CLOSED_REMEMBERED",
        "reviews that were closed and are still listed",
        "older ones are on the audit trail and in the journal",
    ),
    ("tarim.decisions.holds.domain:REASON_CHARACTERS_MAX", "characters of a person's reason", "422"),
    ("tarim.decisions.treatment:TEXT_BYTES_MAX", "bytes of a treatment", "it is refused"),
    ("tarim.decisions.treatment:RIGHTS_MAX", "rights of a treatment", "it is refused"),
    ("tarim.decisions.treatment:PEOPLE_MAX", "people of a right", "it is refused"),
    ("tarim.decisions.verification:BANDS_MAX", "amount bands of a treatment", "it is refused"),
    ("tarim.decisions.verification:LIMITS_MAX", "limits by verification methods of a treatment", "it is refused"),
    ("tarim.decisions.verification:CUSTOMERS_MAX", "customers' own limits", "422 for a new one"),
    ("tarim.decisions.snapshots:KEPT", "snapshots kept", "older ones are removed"),
    ("tarim.decisions.decided:_RECORDS_CACHED", "decoded records kept for looking up", "read again from the journal"),
    ("tarim.privacy.tokens:CACHED_PER_SPACE", "identifiers remembered per token space", "the older half is forgotten"),
    ("tarim.identity.limits:ADDRESSES_MAX", "addresses watched for unknown keys", "the quietest is forgotten"),
    ("tarim.decisions.probing:SUBJECTS_MAX", "customers and devices refused at once", "the oldest is let go"),
    (
        "tarim.decisions.probe_settings:VALUES_MAX",
        "values of a sweep or events of a grid that can be set",
        "refused at the start",
    ),
    ("tarim.api.probing:ALARMS_KEPT", "alarms about probing that are shown", "older ones are in the log"),
    ("tarim.models.watch.baseline:DAYS_MAX", "days of a baseline of the watch", "refused"),
    (
        "tarim.models.watch.baseline:SAMPLE_EVENTS_MAX",
        "events from which a baseline's bins are cut",
        "every second is dropped",
    ),
    (
        "tarim.models.watch.drift:ALARMS_KEPT",
        "alarms of the watch that are kept",
        "the older of those that are over go",
    ),
    ("tarim.models.watch.maturity:EVENTS_MAX", "events that are measured at once", "refused; choose a shorter journal"),
    ("tarim.models.watch.trials:TRIALS_KEPT_MAX", "trials of challengers whose figures are kept", "the oldest go"),
    ("tarim.bootstrap.watch_files:BASELINE_BYTES_MAX", "bytes of a baseline", "refused"),
    ("tarim.identity.keys:KEYS_MAX", "API keys", "refused"),
    ("tarim.identity.keys:PRESENTED_CHARACTERS_MAX", "characters of a presented key", "401"),
    ("tarim.bootstrap.house:ARTEFACT_BYTES_MAX", "bytes of a rules or model file", "refused at the start"),
    ("tarim.bootstrap.settings:SETTINGS_BYTES_MAX", "bytes of settings.toml", "refused at the start"),
    (
        "tarim.decisions.backtest_counts:EXAMPLES",
        "events shown of a rule in a backtest, and as many of fraud",
        "the others are only counted",
    ),
    (
        "tarim.decisions.backtest:OVERLAPS_SHOWN",
        "live rules named for a rule in a backtest",
        "those with fewer events in common are left out",
    ),
    (
        "tarim.decisions.backtest:LIVE_RULES_MAX",
        "different live rules in the span of a backtest",
        "503: choose a shorter span",
    ),
    (
        "tarim.decisions.backtest_counts:CITIES_MAX",
        "cities told apart in a backtest",
        "events of others count as `other`",
    ),
    ("tarim.bootstrap.replaying:CHUNK_EVENTS", "events of one chunk of a replay, and of its record", "the next chunk"),
    ("tarim.screening.lists.domain:LISTS_MAX", "lists", "503 for a further one"),
    ("tarim.screening.names.domain:ENTRIES_MAX", "entries of a watch list", "the list is refused"),
    ("tarim.screening.names.domain:TEXT_CHARACTERS_MAX", "characters of a name", "422"),
    ("tarim.screening.names.sources:FILE_BYTES_MAX", "bytes of a publisher's file", "the file is refused"),
    ("tarim.screening.names.screening:CUSTOMERS_MAX", "customers asked together about what changed", "asked in parts"),
    ("tarim.screening.names.records:REGISTERED_MAX", "customers of one register request", "422"),
    (
        "tarim.screening.names.state:MATCHES_MAX",
        "matches of names",
        "a screening fails; new payees' matches are not noted",
    ),
    ("tarim.screening.names.state:LISTS_MAX", "watch lists", "503 for one more"),
    ("tarim.screening.names.state:GOOD_GUYS_MAX", "good guys", "503 for one more"),
    ("tarim.screening.names.state:VALID_DAYS_MAX", "days a good guy may last", "422"),
    ("tarim.deadlines.domain.clocks:LENGTH_MAX", "units of a deadline's period", "the file of deadlines is refused"),
    ("tarim.deadlines.domain.deadline:PAUSES_MAX", "pauses of a clock", "422"),
    ("tarim.reporting.domain.suspicious:SUBJECTS_MAX", "subjects of a suspicious transaction report", "422; divide it"),
    ("tarim.reporting.domain.suspicious:TRANSACTIONS_MAX", "transactions of one", "422; divide it"),
    ("tarim.reporting.domain.suspicious:LISTED_MAX", "crimes, features, phones and the like of one", "422"),
    ("tarim.reporting.service.contents:CONTENT_BYTES_MAX", "bytes of its content", "413"),
    ("tarim.reporting.service.suspicious:OPEN_OF_CASE_MAX", "reports of one case under way", "409"),
    ("tarim.reporting.service.suspicious:RECEIPT_BYTES_MAX", "bytes of a receipt", "422"),
    ("tarim.reporting.service.suspicious:STAFF_MAX", "rows of the register of staff", "413"),
    (
        "tarim.reporting.domain.validation:FAULTS_MAX",
        "faults of a report that are named",
        "further ones are not looked for",
    ),
    ("tarim.reporting.adapters.message:XML_BYTES_MAX", "bytes of a report as XML", "413"),
    ("tarim.reporting.domain.code_tables:TEXT_BYTES_MAX", "bytes of a bank's code tables", "the desk does not start"),
    ("tarim.reporting.domain.days:PERIOD_DAYS_MAX", "days of a risk report", "422"),
    ("tarim.reporting.domain.batch:ROWS_MAX", "events behind a batch file", "413: no file is made"),
    ("tarim.redress.domain.files:TEXT_CHARACTERS_MAX", "characters of a text of redress", "422"),
    ("tarim.redress.domain.files:NOTES_MAX", "notes of a file of redress", "422"),
    ("tarim.redress.domain.files:DOCUMENTS_MAX", "documents of a file of redress", "422"),
    ("tarim.redress.domain.files:STEPS_MAX", "recoveries, payouts, rounds and the like of a file, of each", "422"),
    ("tarim.redress.domain.roster:SHIFTS_MAX", "shifts of a duty roster", "422"),
    ("tarim.redress.adapters.contents:CONTENT_BYTES_MAX", "bytes of a document of redress", "413"),
    (
        "tarim.redress.adapters.package:PACKAGE_BYTES_MAX",
        "bytes of what an authority is given at once",
        "413: give several",
    ),
    (
        "tarim.redress.adapters.rows:FILES_MAX",
        "files of redress looked at for one list",
        "further ones are on the next page",
    ),
    (
        "tarim.audit.domain.entry:DETAIL_ITEMS_MAX",
        "items of an audit entry's detail",
        "the entry is refused: a fault of ours",
    ),
    ("tarim.audit.domain.query:PAGE_MAX", "entries of one page of a search of the audit trail", "422"),
    ("tarim.audit.domain.examine:FAULTS_MAX", "faults of an audit trail that are named", "further ones are counted"),
    ("tarim.audit.domain.unfinished:OPEN_MAX", "acts without an outcome that are named", "further ones are not named"),
    ("tarim.audit.adapters.exports:EXPORT_ENTRIES_MAX", "entries of one export of the audit trail", "422; take two"),
    ("tarim.audit.adapters.exports:EXPORTS_OPEN_MAX", "exports of the audit trail that wait", "503 for a further one"),
    ("tarim.audit.adapters.exports:LINES_MAX", "lines of one page of an export", "the next page"),
    (
        "tarim.audit.adapters.anchor_file:FILE_BYTES_MAX",
        "bytes of a file of anchors",
        "it is not read: move it away, kept",
    ),
    ("tarim.bootstrap.name_files:FILES_BYTES_MAX", "bytes of the files of one import of a watch list", "422"),
    ("tarim.screening.lists.membership:ENTRIES_MAX", "entries of all lists together", "503 for a change beyond it"),
    (
        "tarim.screening.lists.membership:PROBES_MAX",
        "different questions of a ruleset to lists",
        "the ruleset is refused",
    ),
    ("tarim.screening.lists.codec:PART_ENTRIES", "entries of one record of a change", "the next record"),
    ("tarim.screening.lists.proposals:PROPOSALS_OPEN_MAX", "changes of lists that wait", "503 for a further one"),
    ("tarim.screening.lists.reading:ROWS_MAX", "rows of a file of entries", "the file is refused"),
    ("tarim.screening.lists.reading:LINE_CHARACTERS_MAX", "characters of its lines", "the file is refused"),
    ("tarim.screening.lists.reading:XLSX_BYTES_MAX", "bytes of an Excel file of entries", "the file is refused"),
    ("tarim.screening.lists.reading:XLSX_UNPACKED_BYTES_MAX", "bytes it unpacks to", "the file is refused"),
    (
        "tarim.bootstrap.list_files:FILE_BYTES_MAX",
        "bytes of a file of entries sent to the service",
        "413 or 422; cut the file in two",
    ),
    ("tarim.views.known:LABELS_KEPT", "labels that the views know of", "the oldest are not shown any more"),
    ("tarim.views.known:OVERRIDES_KEPT", "overrides that the views know of", "the oldest are not shown any more"),
    ("tarim.views.known:SOURCES_MAX", "sources that an id is looked for at", "further ones have to be named"),
    ("tarim.views.rulebook:SCENARIOS_MAX", "scenarios counted apart", "further ones are counted as `other`"),
    ("tarim.views.rulebook:RULESETS_KEPT", "rulesets whose words are kept by the views", "the oldest are read again"),
    ("tarim.views.minutes:MINUTES_KEPT", "minutes that decisions are counted by", "older ones are forgotten"),
    ("tarim.simulation.settings:CUSTOMERS_MAX", "customers of a simulated bank", "refused"),
    ("tarim.simulation.settings:EVENTS_PER_DAY_MAX", "events a day of a simulated bank", "refused"),
    ("tarim.simulation.settings:DAYS_MAX", "days of a simulation", "refused"),
)
"""(module:name, what it limits, what happens at it) of limits that cannot be set."""


def fixed() -> Iterator[tuple[str, int, str, str]]:
    """(module:name, value, what, at it) of each fixed limit."""
    for place, what, happens in FIXED:
        module, _, name = place.partition(":")
        yield place, int(getattr(import_module(module), name)), what, happens


def page() -> str:
    """The whole page."""
    lines = [
        "<!-- Written by `python -m tarim.bootstrap.limits docs/reference`; do not edit. -->",
        "",
        "# Limits",
        "",
        "Everything that could grow has a maximum, and something is said when it is reached.",
        "",
        "## That can be set",
        "",
        "Meanings, types and defaults are in [settings](settings.md).",
        "",
        "| setting | when it is reached |",
        "| --- | --- |",
    ]
    lines += [f"| `{name}` | {happens} |" for name, happens in AT_SETTINGS.items()]
    lines += ["", "## That are fixed", "", "| limit | value | when it is reached | in the code |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [f"| {what} | {value:,} | {happens} | `{place}` |" for place, value, what, happens in fixed()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
