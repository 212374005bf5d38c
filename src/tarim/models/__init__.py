"""Models: load, train, evaluate in plain form.

`load_model` reads a LightGBM text file or a logistic regression and scores batches of features, equal to the library that
trained it; `train_small` trains either on exported features; `auc`, `average_precision`, `precision_at_k` and
`card_precision_top_k` say how good scores are.
"""

from tarim.models.metrics import auc, average_precision, card_precision_top_k, precision_at_k
from tarim.models.model import Model, load_model, model_from_bytes
from tarim.models.training import Trained, train_small

__all__ = [
    "Model",
    "Trained",
    "auc",
    "average_precision",
    "card_precision_top_k",
    "load_model",
    "model_from_bytes",
    "precision_at_k",
    "train_small",
]
