"""Events become features: definitions, windows, state, kernels, snapshots."""

from tarim.stream.events import (
    AMOUNT_FEN_MAX,
    COLUMN_OF_FIELD,
    ROW_WORDS,
    Channel,
    Col,
    Flag,
    Kind,
    NetworkKind,
    Outcome,
    Result,
    Rows,
    Verification,
    empty_rows,
)

__all__ = [
    "AMOUNT_FEN_MAX",
    "COLUMN_OF_FIELD",
    "ROW_WORDS",
    "Channel",
    "Col",
    "Flag",
    "Kind",
    "NetworkKind",
    "Outcome",
    "Result",
    "Rows",
    "Verification",
    "empty_rows",
]
