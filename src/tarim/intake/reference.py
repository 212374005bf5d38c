"""The reference pages of this context, written from the definitions: `python -m tarim.intake.reference DOCS_FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tarim.base.errors import TarimError
from tarim.intake import domain as rules
from tarim.intake.domain import IntakeLimits
from tarim.intake.problems import TITLES
from tarim.privacy import FIELDS, REFUSED, Role
from tarim.stream import COLUMN_OF_FIELD

ENVELOPE_PAGE: Final = "envelope.md"
ERRORS_PAGE: Final = "errors.md"

_KINDS_NEEDING: Final = {
    "account": "transfer, payment, withdrawal, deposit",
    "amount_fen": "transfer, payment, withdrawal, deposit",
    "payee_account": "transfer",
    "refers_to": "label",
    "label": "label",
}
_ALWAYS: Final = ("event_id", "source", "kind", "occurred_at", "customer")
_RULES: Final = {
    "event_id": (rules.EVENT_ID,),
    "source": (rules.SOURCE,),
    "kind": (rules.KIND,),
    "occurred_at": (rules.OCCURRED_SHAPE, rules.OCCURRED_YEARS, rules.OCCURRED_FUTURE),
    "customer_type": (rules.CUSTOMER_TYPE, rules.INDIVIDUALS_ONLY),
    "amount_fen": (rules.AMOUNT,),
    "currency": (rules.CURRENCY,),
    "channel": (rules.CHANNEL,),
    "result": (rules.RESULT,),
    "verification": (rules.VERIFICATION,),
    "ip": (rules.IP,),
    "ip_port": (rules.IP_PORT,),
    "network_kind": (rules.NETWORK_KIND,),
    "location_permitted": (rules.IS_TRUTH,),
    "latitude": (rules.LATITUDE, rules.NEEDS_PERMISSION),
    "longitude": (rules.LONGITUDE, rules.NEEDS_PERMISSION),
    "city": (rules.CITY,),
    "merchant_category": (rules.MERCHANT_CATEGORY,),
    "history_authorised": (rules.IS_TRUTH,),
    "legal_basis": (rules.LEGAL_BASIS,),
    "refers_to": (rules.EVENT_ID, rules.ONLY_FOR_REFERRING),
    "label": (rules.LABEL, rules.ONLY_FOR_LABEL),
    "extra_0": (rules.EXTRA,),
    "extra_1": (rules.EXTRA,),
    "extra_2": (rules.EXTRA,),
    "extra_3": (rules.EXTRA,),
}
_DEFAULTS: Final = {
    "customer_type": "individual",
    "currency": "CNY",
    "channel": "unknown",
    "result": "unknown",
    "network_kind": "unknown",
    "history_authorised": "true",
    "location_permitted": "false",
    "legal_basis": IntakeLimits().legal_basis_default,
}
_HEAD: Final = "<!-- Written by `python -m tarim.intake.reference docs/reference`; do not edit. -->\n\n"


def rules_of(name: str) -> tuple[str, ...]:
    """The rules a field's value is held to."""
    if name in _RULES:
        return _RULES[name]
    last = rules.NO_SPACE if FIELDS[name].role is Role.TOKEN else rules.NO_CONTROL
    return (rules.LENGTHS[name], last)


def _required(name: str) -> str:
    if name in _ALWAYS:
        return "always"
    needing = _KINDS_NEEDING.get(name)
    return f"for {needing}" if needing else ""


def envelope_page() -> str:
    """The envelope: every field with its meaning, rule, class, purposes and what becomes of it."""
    limits = IntakeLimits()
    lines = [
        _HEAD + "# The envelope",
        "",
        "One event is one flat JSON object, one CSV line, or one row of a table; the names are the same everywhere.",
        "事件的字段名在JSON、CSV、Parquet、规则与特征中完全一致。",
        "",
        "| field | meaning | 含义 | required | default | rule |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, field in FIELDS.items():
        held = "; ".join(rules_of(name))
        lines.append(
            f"| `{name}` | {field.doc} | {field.doc_zh} | {_required(name)} | {_DEFAULTS.get(name, '')} | {held} |"
        )
    lines += [
        "",
        "## What becomes of a field",
        "",
        "A *token* is a keyed 64-bit hash; the raw value goes into the vault, encrypted under a key of the customer's own.",
        "A *sealed* value goes into the vault only.  A *fact* is a number the engine computes on.  A *note* is business text",
        "kept beside the event.  Classes are those of JR/T 0171-2020; a feature or rule may read only fields that serve its",
        "purpose.",
        "",
        "| field | becomes | class | purposes | word of the row |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, field in FIELDS.items():
        column = COLUMN_OF_FIELD.get(name)
        what = f"token ({field.space})" if field.role is Role.TOKEN else field.role.value
        purposes = ", ".join(sorted(field.purposes))
        lines.append(f"| `{name}` | {what} | {field.data_class} | {purposes} | {column.name if column else ''} |")
    lines += [
        "",
        "## Never accepted",
        "",
        "| field | reason |",
        "| --- | --- |",
        *(f"| `{name}` | {reason} |" for name, reason in REFUSED.items()),
        "",
        "## Forms",
        "",
        "- **JSON**: numbers as numbers, `verification` as a list, no `null` (leave the field out), no key twice.  `city`,",
        "  `merchant_category`, `ip_port`, `latitude` and `longitude` may be numbers or text.",
        "- **CSV**: UTF-8, comma, a header of field names; an empty cell is absent; `verification` is joined by `|`.",
        "- **Parquet**: text, whole numbers, booleans, lists of text; `occurred_at` as text or as a timestamp with a zone.",
        "- **JSON lines**: one message a line.",
        "- **ISO 20022**: pain.001 and pacs.008 of every version.",
        "",
        "Spaces around an identifier are dropped.  An address is brought to its shortest form.",
        f"A message is at most {limits.message_bytes_max} bytes, a batch {limits.batch_events_max} events and",
        f"{limits.batch_bytes_max} bytes, an XML file {limits.xml_bytes_max} bytes.  An event may be dated",
        f"{limits.future_tolerance_ms // 1000} seconds ahead of its receipt.",
        "",
    ]
    return "\n".join(lines)


def _classes(base: type[TarimError]) -> list[type[TarimError]]:
    return [base, *(found for child in base.__subclasses__() for found in _classes(child))]


def errors_page() -> str:
    """Every error code with its HTTP status and titles, and every rule in both languages."""
    found = {kind.code: kind for kind in reversed(_classes(TarimError)) if kind.__module__.startswith("tarim.")}
    lines = [
        _HEAD + "# Errors",
        "",
        "Every error is a problem document (RFC 9457, `application/problem+json`):",
        "",
        "```json",
        '{"type": "urn:tarim:problem:invalid-field", "title": "A field breaks a rule", "title_zh": "字段不符合规则",',
        ' "status": 422, "detail": "amount_fen: must be a whole number of minor units, 0 to 1000000000000 (got text)",',
        ' "field": "amount_fen", "field_zh": "金额（分）", "rule": "must be a whole number of minor units, ...",',
        ' "rule_zh": "须为最小货币单位的整数，...", "got": "text"}',
        "```",
        "",
        "`got` says of what type or shape the value was, never the value itself.  For a batch, `index` is the event's place,",
        "counted from 0; nothing of the batch was taken.",
        "",
        "| code | status | title | 标题 |",
        "| --- | --- | --- | --- |",
    ]
    for code, (title, title_zh) in TITLES.items():
        status = "401 or 403" if code == "not-allowed" else str(found[code].http_status)
        lines.append(f"| `{code}` | {status} | {title} | {title_zh} |")
    lines += ["", "## Rules", "", "| rule | 规则 |", "| --- | --- |"]
    lines += [f"| {rule} | {rule_zh} |" for rule, rule_zh in rules.RULES_ZH.items()]
    lines.append("")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Write both pages into a folder."""
    (folder / ENVELOPE_PAGE).write_text(envelope_page(), encoding="utf-8")
    (folder / ERRORS_PAGE).write_text(errors_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
