"""The Fraud Detection Handbook: are the book's features reproduced, and how good is a model on Tarim's own?

    python -m bench.handbook [--shared FOLDER] [--only PART ...] [--json FILE]

features   the book's fifteen by plain NumPy from its definitions, and from the engine, against its published files
ablation   LightGBM on the book's features, on Tarim's windows, with medians, with runs of labels, without fitted windows
choosing   the parameters of the model, tried on weeks before the test weeks only

What is measured how, and what it does and does not say: docs/explanation/handbook.md.
"""

from bench.handbook.bars import line_names, lines
from bench.handbook.book import BOOK_FEATURES, RELATIVE_TOLERANCE, book_names, by_definition, compare
from bench.handbook.flow import by_engine, ledger_rows, own_columns
from bench.handbook.ledger import (
    DAY_MS,
    DELAY_MS,
    FEATURES,
    TRANSACTIONS,
    Ledger,
    book_order,
    read_ledger,
    read_published,
    taken,
)
from bench.handbook.measures import (
    PREQUENTIAL,
    SPLIT_A,
    SPLIT_LONG,
    VALIDATION,
    Measures,
    Split,
    card_precision,
    measure,
    parts,
)
from bench.handbook.sets import ALL_SET, BOOK_SET, FITTED, OWN_SET, WINDOWS_DAYS
from bench.handbook.training import PARAMETERS, TREES, Train, assess, matrix_of, mean_of, train_lightgbm, trainer

__all__ = [
    "ALL_SET",
    "BOOK_FEATURES",
    "BOOK_SET",
    "DAY_MS",
    "DELAY_MS",
    "FEATURES",
    "FITTED",
    "OWN_SET",
    "PARAMETERS",
    "PREQUENTIAL",
    "RELATIVE_TOLERANCE",
    "SPLIT_A",
    "SPLIT_LONG",
    "TRANSACTIONS",
    "TREES",
    "VALIDATION",
    "WINDOWS_DAYS",
    "Ledger",
    "Measures",
    "Split",
    "Train",
    "assess",
    "book_names",
    "book_order",
    "by_definition",
    "by_engine",
    "card_precision",
    "compare",
    "ledger_rows",
    "line_names",
    "lines",
    "matrix_of",
    "mean_of",
    "measure",
    "own_columns",
    "parts",
    "read_ledger",
    "read_published",
    "taken",
    "train_lightgbm",
    "trainer",
]
