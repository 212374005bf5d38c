"""The laboratory: from a training set to a model, a record that can be repeated, and figures that can be believed.

plan         what a run is asked to do
samples      what it learns from
split        parts in the order of time; folds
binning      bins, weight of evidence, information value
selection    which features, and why
fit          LightGBM, logistic regression plain and over weights of evidence
calibrate    from raw scores to probabilities
thresholds   by cost and by capacity
importance   gain, permutation, contributions
groups       figures by segment, and the gaps
stability    PSI by period
crossval     forward in time, several seeds
tuning       Optuna within a budget
workers      processes with caps
coverage     what was hardly learned, and is left to rules
record       the signed record, and its folder
choice       why this run, of those that were compared
train        one run, and the same run again
tree_rules   rules read off a shallow tree
report       a run to look at
"""

from tarim.models.lab.choice import CHOICE, Alternative, Choice, alternative, choice_of, read_choice
from tarim.models.lab.crossval import CrossValidation, FoldResult
from tarim.models.lab.fit import Fitted, fit_model
from tarim.models.lab.importance import contributions
from tarim.models.lab.plan import KINDS, PARAMETERS, Kind, Plan, plan_of, read_plan_values
from tarim.models.lab.record import (
    RunRecord,
    every_run,
    find_run,
    put_run,
    read_model,
    read_run,
    run_folders,
)
from tarim.models.lab.report import make_comparison, make_report
from tarim.models.lab.samples import Samples, samples_of
from tarim.models.lab.selection import FeatureNote
from tarim.models.lab.split import split_by_time
from tarim.models.lab.thresholds import Threshold
from tarim.models.lab.train import STEPS, Run, test_rows, train, train_again
from tarim.models.lab.tree_rules import Bound, Candidate, tree_rules
from tarim.models.lab.tuning import Budget, Tuning
from tarim.models.lab.workers import Caps, give_way

__all__ = [
    "CHOICE",
    "KINDS",
    "PARAMETERS",
    "STEPS",
    "Alternative",
    "Bound",
    "Budget",
    "Candidate",
    "Caps",
    "Choice",
    "CrossValidation",
    "FeatureNote",
    "Fitted",
    "FoldResult",
    "Kind",
    "Plan",
    "Run",
    "RunRecord",
    "Samples",
    "Threshold",
    "Tuning",
    "alternative",
    "choice_of",
    "contributions",
    "every_run",
    "find_run",
    "fit_model",
    "give_way",
    "make_comparison",
    "make_report",
    "plan_of",
    "put_run",
    "read_choice",
    "read_model",
    "read_plan_values",
    "read_run",
    "run_folders",
    "samples_of",
    "split_by_time",
    "test_rows",
    "train",
    "tree_rules",
    "train_again",
]
