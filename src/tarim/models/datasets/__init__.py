"""Training sets: cut from the journal by replay, signed, checked before anything learns from them.

manifest     what a set says about itself
time_rules   roles, gaps, labels: only what was known at the time counts
segments     divisions of the population, and how far a role stands for it
cutting      events with their features become rows
folder       put on the disk, verified, loaded
checks       completeness, outliers, leaks, poison, coverage
"""

from tarim.models.datasets.checks import Checked, CheckReport, check_dataset, check_rows, near_copies
from tarim.models.datasets.cutting import Cutter, software
from tarim.models.datasets.folder import (
    DATA,
    Dataset,
    dataset_folders,
    every_dataset,
    find_dataset,
    load_dataset,
    put_dataset,
    read_manifest,
    verify_dataset,
)
from tarim.models.datasets.manifest import (
    FORMAT,
    DatasetManifest,
    FeatureUse,
    Filters,
    LabelCounts,
    LabelRule,
    Operator,
    RoleRecord,
    SampleRole,
    Sampling,
    Span,
    Unlabelled,
    columns_of,
)
from tarim.models.datasets.recipe import ENTITIES, Recipe
from tarim.models.datasets.time_rules import LabelBook, Period, periods

__all__ = [
    "DATA",
    "CheckReport",
    "Checked",
    "Cutter",
    "Dataset",
    "DatasetManifest",
    "ENTITIES",
    "FORMAT",
    "FeatureUse",
    "Filters",
    "LabelBook",
    "LabelCounts",
    "LabelRule",
    "Operator",
    "Period",
    "Recipe",
    "SampleRole",
    "RoleRecord",
    "Sampling",
    "Span",
    "Unlabelled",
    "check_dataset",
    "check_rows",
    "columns_of",
    "dataset_folders",
    "every_dataset",
    "find_dataset",
    "load_dataset",
    "near_copies",
    "periods",
    "put_dataset",
    "read_manifest",
    "software",
    "verify_dataset",
]
