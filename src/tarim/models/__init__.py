"""Models: load, train, evaluate in plain form.

`load_model` reads a LightGBM text file or a logistic regression and scores batches of features, equal to the library that
trained it; `train_small` trains either on exported features; `auc`, `average_precision`, `precision_at_k` and
`card_precision_top_k` say how good scores are.  `load_dataset` reads a signed training set.
`Drift` watches a model in use.
"""

from tarim.models.datasets import (
    Dataset,
    DatasetManifest,
    SampleRole,
    dataset_folders,
    find_dataset,
    load_dataset,
    read_manifest,
    verify_dataset,
)
from tarim.models.metrics import auc, average_precision, card_precision_top_k, precision_at_k
from tarim.models.model import Model, load_model, model_from_bytes
from tarim.models.registry import (
    ACTS_ALONE,
    PACKAGE_FORMAT,
    CardFacts,
    ModelAct,
    ModelEntry,
    ModelState,
    PackageManifest,
    Role,
    card_template,
    check_card,
    check_service_number,
    read_package,
    service_number,
)
from tarim.models.training import Trained, train_small
from tarim.models.watch import (
    Alarm,
    Baseline,
    BaselineMaker,
    Drift,
    Maturity,
    Measure,
    RetrainingProposal,
    Sample,
    Standing,
    WatchSettings,
    latest_mature,
    proposal_of,
    read_baseline,
)

__all__ = [
    "ACTS_ALONE",
    "Alarm",
    "Baseline",
    "BaselineMaker",
    "CardFacts",
    "Dataset",
    "DatasetManifest",
    "Drift",
    "Maturity",
    "Measure",
    "Model",
    "ModelAct",
    "ModelEntry",
    "ModelState",
    "PACKAGE_FORMAT",
    "PackageManifest",
    "RetrainingProposal",
    "Role",
    "Sample",
    "SampleRole",
    "Standing",
    "Trained",
    "WatchSettings",
    "auc",
    "average_precision",
    "card_precision_top_k",
    "card_template",
    "check_card",
    "check_service_number",
    "dataset_folders",
    "find_dataset",
    "latest_mature",
    "load_dataset",
    "load_model",
    "model_from_bytes",
    "precision_at_k",
    "proposal_of",
    "read_baseline",
    "read_manifest",
    "read_package",
    "service_number",
    "train_small",
    "verify_dataset",
]
