"""Records that hold no events, as the engine is told of them: it passes over their positions, and learns who is listed.

Every walk through the journal goes by this one function, so that features say the same live, after a restart, in a backtest
and in training.
"""

from __future__ import annotations

from typing import Final

from tarim.decisions.ports import FeatureEngine, LogRecord
from tarim.decisions.records import RecordKind
from tarim.screening import ListPart, decode_list_record

EVERYBODY: Final = 0
"""The customer of an entry that is nobody's own."""


def pass_over(engine: FeatureEngine, record: LogRecord) -> None:
    """Take a record without events into the engine.  Raises Damaged, Unavailable at the engine's memory limit.

    Entries of each customer's own lists list nobody: an account is not suspect because one customer trusts or names it.
    """
    if record.kind == RecordKind.LIST and engine.lists:
        change = decode_list_record(record.payload)
        if isinstance(change, ListPart):
            entries = change.entries()
            everybody = entries.customers == EVERYBODY
            engine.list_part(
                change.change, change.list_name, change.index, entries.tokens[everybody], entries.periods[everybody]
            )
        else:
            engine.list_close(change.change)
    engine.pass_over(record.first_seq, record.count)
