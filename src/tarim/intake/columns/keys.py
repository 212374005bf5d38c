"""Rules on several fields of an event, and the keys by which an event and its content are known again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.assemble import CONTENT_COLUMNS, CONTENT_FLAGS, CONTENT_SPACE, CONTENT_TEXTS, Assembler
from tarim.intake.columns.texts import doubt_unless_graphic
from tarim.intake.columns.work import Work, by_value, is_present, is_text
from tarim.intake.kernels.content import gather
from tarim.privacy import ColumnDigester
from tarim.stream import Col, Kind

_EVENT_KEYS: Final = ColumnDigester()
_CONTENT_COLUMNS: Final = np.array(CONTENT_COLUMNS, np.int64)


def doubt_together(work: Work) -> None:
    """Rules on several fields of an event."""
    rows = work.rows
    kind = rows[:, Col.KIND]
    money = np.isin(kind, [int(one) for one in rules.MONEY_KINDS])
    has_amount = (
        is_present(work.columns["amount_fen"]) if "amount_fen" in work.columns else np.zeros(len(rows), np.bool_)
    )
    work.doubtful |= money & ((rows[:, Col.ACCOUNT] == 0) | ~has_amount)
    work.doubtful |= (kind == Kind.TRANSFER) & (rows[:, Col.PAYEE] == 0)
    is_label = kind == Kind.LABEL
    work.doubtful |= (rows[:, Col.LABEL] >= 0) != is_label
    column = work.columns.get("refers_to")
    if column is None:
        work.doubtful |= is_label
        return
    doubt_unless_graphic(work, "refers_to", checks.EVENT_ID_MAX)
    present = is_present(column)
    work.doubtful |= present & ~np.isin(kind, [int(one) for one in rules.REFERRING_KINDS])
    work.doubtful |= is_label & ~present
    if is_text(column):
        work.texts["refers_to"] = column


def fill_event_keys(work: Work, source: str | None) -> list[str]:
    """Fill in the keys of the events and of those they refer to; the source of each row."""
    count = len(work.rows)
    column = work.columns.get("source")
    if column is None or column.null_count == count:
        if source is None:
            work.doubtful[:] = True
            return [""] * count
        converted: list[Any] = [source]
        indices = np.zeros(count, np.int64)
    else:
        converted, indices = by_value(work, "source", checks.source, source)
        work.doubtful |= np.array([one is None for one in converted])[indices]
    event_ids = work.columns["event_id"]
    refers = work.texts.get("refers_to")
    for number in np.unique(indices).tolist():
        if converted[number] is None:
            continue
        places = np.flatnonzero(indices == number)
        prefix = f"{converted[number]}\0".encode()
        taken = None if len(places) == count else pa.array(places)
        for ids, col in ((event_ids, Col.EVENT_KEY), (refers, Col.REFERS_KEY)):
            if ids is not None and is_text(ids):
                asked = ids if taken is None else ids.take(taken)
                work.rows[places, col] = _EVENT_KEYS.of_column(asked, prefix=prefix)
    return [converted[number] or "" for number in indices.tolist()] if len(converted) > 1 else [source or ""] * count


def fill_content_keys(work: Work, assembler: Assembler) -> None:
    """Fill in what two events of one content have in common, as the message path does."""
    count = len(work.rows)
    named = [(index, work.hashes[name]) for index, name in enumerate(CONTENT_TEXTS, 1) if name in work.hashes]
    hashes = np.zeros((len(named), count), np.int64)
    for at, (_, hashed) in enumerate(named):
        hashes[at] = hashed
    words = np.empty(count * (len(CONTENT_COLUMNS) + 2 * len(named)), np.int64)
    ends = np.empty(count + 1, np.int64)
    indices = np.array([index for index, _ in named], np.int64)
    gather(work.rows, _CONTENT_COLUMNS, int(Col.FLAGS), CONTENT_FLAGS, indices, hashes, words, ends)
    digester = assembler.tokenizer.columns(CONTENT_SPACE)
    work.rows[:, Col.CONTENT_KEY] = digester.of_bytes(words.view(np.uint8), ends)
