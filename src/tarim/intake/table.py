"""A table of events, a column at a time: the same rules as for one message, and the same rows word for word.

Every column check says of each value either "surely good", with its word, or "doubtful".  A row with a doubtful value is
taken out, made into a message and put through the very functions of the message path (`assemble.py`), which either
refuse it with field and rule or give its row.  So the fast checks may be as narrow as is convenient; they only have to
be right when they say "good".
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tarim.intake import checks
from tarim.intake.assemble import Assembler
from tarim.intake.columns.finish import TableParts, finish
from tarim.intake.columns.keys import doubt_together, fill_content_keys, fill_event_keys
from tarim.intake.columns.plain import columns_of
from tarim.intake.columns.texts import doubt_unless_graphic, take_identifiers, take_texts
from tarim.intake.columns.words import take_codes, take_instants, take_numbers
from tarim.intake.columns.work import Ints, Work, is_present
from tarim.stream import Col, empty_rows


def read_table(
    batch: pa.RecordBatch, assembler: Assembler, received_ms: int | Ints, source: str | None, flags: int
) -> TableParts:
    """The good rows of a table and the refusals of the others.

    Raises FieldError about the table as a whole: a column that is not of the envelope, given twice, or missing.
    """
    columns = columns_of(batch, source, assembler.limits.table_rows_max)
    count = batch.num_rows
    work = Work(columns, empty_rows(count), np.zeros(count, np.bool_))
    received = np.broadcast_to(np.asarray(received_ms, np.int64), (count,))
    work.rows[:, Col.RECEIVED_MS] = received
    take_codes(work)
    take_instants(work, received, assembler)
    take_numbers(work)
    take_identifiers(work, assembler)
    take_texts(work, assembler)
    doubt_together(work)
    doubt_unless_graphic(work, "event_id", checks.EVENT_ID_MAX)
    work.doubtful |= ~is_present(columns["event_id"])
    sources = fill_event_keys(work, source)
    fill_content_keys(work, assembler)
    work.rows[:, Col.FLAGS] |= flags
    return finish(work, assembler, received, sources, flags)
