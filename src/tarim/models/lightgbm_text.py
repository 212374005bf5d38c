"""LightGBM's text model → Forest.  Source: the format that `Booster.save_model` writes, versions v3 and v4.

Everything we do not evaluate exactly is refused by name: several classes, categorical splits, linear leaves, averaged
forests, objectives whose output is not a probability.

A calibration is one line of ours behind the trees, `tarim_calibration={...}`, and so are the segments that are left to rules,
`tarim_rules_only=[...]`.  LightGBM itself reads past them, and gives the raw score of everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.models.calibration import Calibration, calibration_of
from tarim.models.domain import FEATURES_MAX, LEAVES_MAX, TREES_MAX, Forest, Missing, Tree
from tarim.models.rules_only import RulesOnly, rules_only_of

_CATEGORICAL: Final = 1
_DEFAULT_LEFT: Final = 2
_MISSING_SHIFT: Final = 2
_CALIBRATION: Final = "\ntarim_calibration="
_RULES_ONLY: Final = "\ntarim_rules_only="
_AFTER_PARAMETERS: Final = "\nend of parameters\n"


def read_forest(text: str) -> Forest:
    """The forest in a model file's text.  Raises DefinitionError saying what is damaged or not supported."""
    head, *trees = text.split("\nTree=")
    if not head.startswith("tree\n"):
        raise DefinitionError("not a LightGBM text model: the first line is not `tree`")
    if not trees:
        raise DefinitionError("the model has no trees")
    if "\nend of trees" not in trees[-1]:
        raise DefinitionError("the model file is cut short: `end of trees` is missing")
    if len(trees) > TREES_MAX:
        raise DefinitionError(f"the model has {len(trees)} trees, at most {TREES_MAX} are possible")
    header = dict(_pairs(head))
    names = tuple(header.get("feature_names", "").split(" "))
    if not 1 <= len(names) <= FEATURES_MAX or len(set(names)) != len(names) or not all(names):
        raise DefinitionError("the model's feature_names are missing, too many or not unique")
    if header.get("num_class") != "1" or header.get("num_tree_per_iteration") != "1":
        raise DefinitionError("the model has several classes; a score needs one")
    if "average_output" in head.split("\n"):
        raise DefinitionError("the model averages its trees (boosting=rf); train with boosting=gbdt")
    sigmoid = _sigmoid(header.get("objective", ""))
    return Forest(names, tuple(_tree(index, part, len(names)) for index, part in enumerate(trees)), sigmoid)


def read_calibration(text: str) -> Calibration | None:
    """The calibration in a model file's text, or None.  Raises DefinitionError."""
    document = _line_of(text, _CALIBRATION, "calibration")
    return None if document is None else calibration_of(document)


def with_calibration(text: str, calibration: Calibration) -> str:
    """A model file's text with a calibration in it."""
    return _with_line(text, _CALIBRATION, calibration.as_document())


def read_rules_only(text: str) -> RulesOnly:
    """The segments in a model file's text in which rules alone decide.  Raises DefinitionError."""
    document = _line_of(text, _RULES_ONLY, "list of segments for rules")
    return RulesOnly() if document is None else rules_only_of(document)


def with_rules_only(text: str, rules_only: RulesOnly) -> str:
    """A model file's text with these segments in it."""
    return _with_line(text, _RULES_ONLY, rules_only.as_document())


def _line_of(text: str, key: str, what: str) -> Any:
    """What a line of ours says, None when there is none."""
    _, found, rest = text.rpartition(key)
    if not found:
        return None
    try:
        return json.loads(rest.partition("\n")[0])
    except (ValueError, RecursionError):
        raise DefinitionError(f"the model's {what} is not JSON") from None


def _with_line(text: str, key: str, document: Any) -> str:
    before, found, after = text.partition(_AFTER_PARAMETERS)
    assert found and key not in text
    return f"{before}{found}{key.lstrip()}{json.dumps(document, sort_keys=True)}\n{after}"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            yield key, value.strip()


def _sigmoid(objective: str) -> float:
    name, *parameters = objective.split(" ")
    if name == "cross_entropy":
        return 1.0
    if name == "binary":
        for parameter in parameters:
            key, _, value = parameter.partition(":")
            if key == "sigmoid":
                return _number(value, "sigmoid")
    raise DefinitionError(f"objective {objective[:64]!r} gives no probability; train with objective=binary")


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DefinitionError(f"{what} is not a number") from None
    if not 0 < value < 1e6:
        raise DefinitionError(f"{what} is out of range")
    return value


def _tree(index: int, text: str, feature_count: int) -> Tree:
    where = f"tree {index}"
    body = text.split("\nend of trees")[0]
    fields = dict(_pairs(body.partition("\n")[2]))
    if fields.get("num_cat", "0") != "0":
        raise DefinitionError(f"{where} splits on a category; encode categories as numbers before training")
    if fields.get("is_linear", "0") != "0":
        raise DefinitionError(f"{where} has linear leaves; train with linear_tree=false")
    leaf_value = _floats(fields, "leaf_value", where)
    if not np.isfinite(leaf_value).all():
        raise DefinitionError(f"{where}: a leaf's value is not finite")
    nodes = len(leaf_value) - 1
    if not 0 <= nodes < LEAVES_MAX or fields.get("num_leaves") != str(nodes + 1):
        raise DefinitionError(f"{where}: the number of leaves does not agree, or is over {LEAVES_MAX}")
    feature, decision, left, right = (
        _integers(fields, key, where, nodes) for key in ("split_feature", "decision_type", "left_child", "right_child")
    )
    threshold = _floats(fields, "threshold", where) if nodes else np.empty(0)
    if len(threshold) != nodes:
        raise DefinitionError(f"{where}: the number of thresholds does not agree")
    missing = decision >> _MISSING_SHIFT & 3
    if (decision & _CATEGORICAL).any():
        raise DefinitionError(f"{where} splits on a category; encode categories as numbers before training")
    if nodes and (missing.max() > Missing.NAN or feature.min() < 0 or feature.max() >= feature_count):
        raise DefinitionError(f"{where}: a split's type or feature does not exist")
    depth = _depth(left, right, where)
    node_count, leaf_count = (
        _counts(fields, "internal_count", where, nodes),
        _counts(fields, "leaf_count", where, nodes + 1),
    )
    default_left = (decision & _DEFAULT_LEFT) != 0
    return Tree(feature, threshold, missing, default_left, left, right, leaf_value, depth, node_count, leaf_count)


def _counts(fields: dict[str, str], key: str, where: str, count: int) -> npt.NDArray[np.int64]:
    """Training rows by node or leaf; empty when the file does not say."""
    return _integers(fields, key, where, count) if fields.get(key) else np.zeros(0, np.int64)


def _floats(fields: dict[str, str], key: str, where: str) -> npt.NDArray[np.float64]:
    try:
        values = np.array([float(value) for value in fields.get(key, "").split()], np.float64)
    except ValueError:
        raise DefinitionError(f"{where}: {key} holds something that is not a number") from None
    if np.isnan(values).any():
        raise DefinitionError(f"{where}: {key} holds a NaN")
    return values


def _integers(fields: dict[str, str], key: str, where: str, count: int) -> npt.NDArray[np.int64]:
    try:
        values = np.array([int(value) for value in fields.get(key, "").split()], np.int64)
    except (ValueError, OverflowError):
        raise DefinitionError(f"{where}: {key} holds something that is not a whole number") from None
    if len(values) != count:
        raise DefinitionError(f"{where}: {key} has {len(values)} entries instead of {count}")
    return values


def _depth(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], where: str) -> int:
    """Splits on the longest way down.  Raises DefinitionError unless the children make one tree, parents first."""
    nodes = len(left)
    children = np.sort(np.concatenate([left, right]))
    if not np.array_equal(children, np.concatenate([np.arange(-nodes - 1, 0), np.arange(1, nodes)])) and nodes:
        raise DefinitionError(f"{where}: the children do not make a tree")
    levels = np.zeros(nodes, np.int64)
    for node in range(nodes):
        for child in (int(left[node]), int(right[node])):
            if 0 <= child <= node:
                raise DefinitionError(f"{where}: a node comes before its parent")
            if child > 0:
                levels[child] = levels[node] + 1
    return int(levels.max()) + 1 if nodes else 0


def with_leaf_values(text: str, values: Sequence[npt.NDArray[np.float64]]) -> str:
    """The model file with other leaf values, by tree; everything else stays, and the sizes of its parts are told anew."""
    head, *parts = text.split("\nTree=")
    assert len(parts) == len(values)
    trees = []
    for part, own in zip(parts, values, strict=True):
        written = " ".join(repr(float(value)) for value in own)
        trees.append(re.sub(r"(?m)^leaf_value=.*$", "leaf_value=" + written, part, count=1))
    # LightGBM finds a tree by these sizes: bytes from its `Tree=` to the next one, or to the end of the trees.
    sizes = [len(f"Tree={tree}\n".encode()) for tree in trees[:-1]]
    sizes.append(len(f"Tree={trees[-1].split('end of trees')[0]}".encode()))
    head = re.sub(r"(?m)^tree_sizes=.*$", "tree_sizes=" + " ".join(map(str, sizes)), head, count=1)
    return "\nTree=".join([head, *trees])
