"""Models: load, train, evaluate in plain form.

`load_model` reads a LightGBM text file or a logistic regression and scores batches of features, equal to the library that
trained it; `fit_model` makes either, and `tarim.models.lab` whole runs on training sets; `auc`, `average_precision`,
`precision_at_k` and `card_precision_top_k` say how good scores are.  `load_dataset` reads a signed training set.
`Drift` watches a model in use.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.models.catalogue import feature_catalogue
    from tarim.models.datasets import (
        Dataset,
        DatasetManifest,
        SampleRole,
        Unlabelled,
        check_dataset,
        dataset_folders,
        every_dataset,
        find_dataset,
        load_dataset,
        read_manifest,
        verify_dataset,
    )
    from tarim.models.divisions import ROW_DIVISIONS
    from tarim.models.domain import MODEL_BYTES_MAX
    from tarim.models.explain import Explainer, Explanation, Part
    from tarim.models.lab import Budget, Caps, Plan, RunRecord, fit_model, plan_of, read_plan_values
    from tarim.models.meanings import meaning
    from tarim.models.metrics import auc, average_precision, card_precision_top_k, precision_at_k
    from tarim.models.model import Model, load_model, model_from_bytes
    from tarim.models.registry import (
        ACTS_ALONE,
        PACKAGE_FORMAT,
        CardFacts,
        Curves,
        ModelAct,
        ModelEntry,
        ModelState,
        PackageManifest,
        Role,
        RunFigures,
        card_template,
        check_card,
        check_service_number,
        read_curves,
        read_figures,
        read_package,
        service_number,
    )
    from tarim.models.rules_only import listed, segment_texts
    from tarim.models.sentences import Sentence
    from tarim.models.watch import (
        Alarm,
        Baseline,
        BaselineMaker,
        Days,
        Drift,
        Maturity,
        Measure,
        RetrainingProposal,
        Sample,
        Standing,
        TrialFigures,
        Trials,
        WatchSettings,
        latest_mature,
        proposal_of,
        read_baseline,
    )
    from tarim.models.watch import together as trials_together
    from tarim.models.watermark import Mark, Recogniser, Verdict, embed, embed_within, mark_bytes, read_mark
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "ACTS_ALONE",
    "MODEL_BYTES_MAX",
    "PACKAGE_FORMAT",
    "ROW_DIVISIONS",
    "Alarm",
    "Baseline",
    "BaselineMaker",
    "Budget",
    "Caps",
    "CardFacts",
    "Curves",
    "Dataset",
    "DatasetManifest",
    "Days",
    "Drift",
    "Explainer",
    "Explanation",
    "Mark",
    "Maturity",
    "Measure",
    "Model",
    "ModelAct",
    "ModelEntry",
    "ModelState",
    "PackageManifest",
    "Part",
    "Plan",
    "Recogniser",
    "RetrainingProposal",
    "Role",
    "RunFigures",
    "RunRecord",
    "Sample",
    "SampleRole",
    "Sentence",
    "Standing",
    "TrialFigures",
    "Trials",
    "Unlabelled",
    "Verdict",
    "WatchSettings",
    "auc",
    "average_precision",
    "card_precision_top_k",
    "card_template",
    "feature_catalogue",
    "check_card",
    "check_dataset",
    "check_service_number",
    "dataset_folders",
    "embed",
    "embed_within",
    "every_dataset",
    "find_dataset",
    "fit_model",
    "latest_mature",
    "listed",
    "load_dataset",
    "load_model",
    "meaning",
    "mark_bytes",
    "model_from_bytes",
    "plan_of",
    "precision_at_k",
    "proposal_of",
    "read_baseline",
    "read_manifest",
    "read_mark",
    "read_curves",
    "read_figures",
    "read_package",
    "read_plan_values",
    "segment_texts",
    "service_number",
    "trials_together",
    "verify_dataset",
]
