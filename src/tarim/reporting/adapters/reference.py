"""`docs/reference/suspicious-transaction-report.md`: every field, rule and code table, and how far each is known.

python -m tarim.reporting.adapters.reference docs/reference
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tarim.reporting.domain import cross_rules, documents
from tarim.reporting.domain.code_tables import packaged_codes
from tarim.reporting.domain.fields import Field, Nested, placed
from tarim.reporting.domain.rules import PLAIN, Rule
from tarim.reporting.domain.suspicious import Report

PAGE: Final = "suspicious-transaction-report.md"
_HEAD: Final = """<!-- Written by `python -m tarim.reporting.adapters.reference docs/reference`; do not edit. -->

# The suspicious transaction report

How to make one: [Report a suspicion](../how-to/report-a-suspicion.md).

## What is known, and what is ours

The central bank's notice on the elements of these reports and its message format were not at hand.

- **Secondary**: names of elements, their nesting, `@N` where there is no value, what several fields mean, tables marked so.
  Templates and comments in public repositories of banks' systems show them for the message of banks (`BSTR`); nothing official
  was compared.
- **Ours**: code tables marked so. Replace them (`DATA/codes.toml`) before anything is filed.
- **Ours**: lengths, patterns, rules over several fields, the schema `bstr.xsd` and its namespace.
- **Standards**: check digits, currencies, countries and provinces, after GB 11643, GB 32100, GB 11714, ISO/IEC 7812-1,
  ISO 4217, ISO 3166-1 and GB/T 2260.
- **Secondary**: that a report is due in five working days; the bank's own period goes into `DATA/deadlines.toml`.

So the XML is a well-formed, validated document in the shape of the authority's message, and **not** a file that its client is
known to take.  Whoever has the official schema compares element by element with the table below; a difference is changed in one
table of the code.

"""


def page() -> str:
    """The page's text."""
    return _HEAD + "\n".join([*_fields(), *_rules(), *_codes()]) + "\n"


def _fields() -> Iterator[str]:
    yield "## Fields"
    yield ""
    yield "Every text is also *plain*: " + PLAIN.en + "."
    yield ""
    yield "| place | element | 名称 | name | required | rules |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield from _walk(Report, (), "")
    yield ""


def _walk(shape: type, elements: tuple[str, ...], path: str) -> Iterator[str]:
    for item, element, inner in placed(shape, elements):
        place = f"{path}{item.attribute}" + ("[]" if item.listed_max else "")
        if isinstance(item, Nested):
            yield from _walk(item.of, inner, f"{place}.")
            continue
        assert isinstance(item, Field)
        rules = "; ".join(rule.en for rule in item.rules if rule is not PLAIN).replace("|", "\\|")
        yield f"| `{place}` | `{element}` | {item.zh} | {item.en} | {'yes' if item.required else ''} | {rules} |"


def _rules() -> Iterator[str]:
    found = {
        rule.id: rule for module in (documents, cross_rules) for rule in vars(module).values() if isinstance(rule, Rule)
    }
    yield "## Rules over several fields"
    yield ""
    yield "| rule | 规则 | in English |"
    yield "| --- | --- | --- |"
    for name, rule in found.items():
        yield f"| `{name}` | {rule.zh} | {rule.en} |"
    yield ""


def _codes() -> Iterator[str]:
    yield "## Code tables"
    yield ""
    yield "| table | known | codes |"
    yield "| --- | --- | --- |"
    for name, table in packaged_codes().tables.items():
        codes = ", ".join(f"{code} {zh}" for code, (zh, _) in table.words.items())
        yield f"| `{name}` | {table.mark} | {codes} |"


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
