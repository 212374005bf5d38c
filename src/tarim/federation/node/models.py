"""This side's part of joint models, on disk, sealed; and which of its rows the common customers are, in the common order.

A part says nothing about the model without the other party's.  It is sealed all the same (AES-256-GCM, NIST SP 800-38D, under a
key derived from the node's master key; the run's id is bound to it).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, NotFound
from tarim.federation.learning.boosting import JointTrees, Loss, Tree
from tarim.federation.learning.encoding import Widths
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS
from tarim.federation.sharing import Share
from tarim.privacy import MasterKey

_NONCE_BYTES: Final = 12
_SUFFIX: Final = ".part"


class TreePart(msgspec.Struct, frozen=True):
    """A tree's part; see `learning.boosting.Tree`."""

    owners: list[int]
    own: dict[int, tuple[int, int]]
    leaves: bytes


class ModelPart(msgspec.Struct, frozen=True):
    """What is kept.  places: own rows by common place, int64.  weights: of logistic regression; trees: of boosting.

    features: names of own columns.  edges: of their bins, of trees; loss: what trees were trained with; leaf_fraction_bits: of
    their leaves, 10 where it was not yet written down.
    """

    contract: str
    places: bytes
    weights: bytes = b""
    first: tuple[int, ...] = ()
    second: tuple[int, ...] = ()
    depth: int = 0
    trees: tuple[TreePart, ...] = ()
    loss: str = ""
    edges: tuple[tuple[float, ...], ...] = ()
    features: tuple[str, ...] = ()
    leaf_fraction_bits: int = 10

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Own row of each common place."""
        return np.frombuffer(self.places, np.int64)

    @property
    def logistic(self) -> JointModel:
        """The part of a logistic regression."""
        share = Share(np.frombuffer(self.weights, np.uint64).copy(), WEIGHT_FRACTION_BITS)
        return JointModel(share, Widths(self.first), Widths(self.second))


def part_of_logistic(
    contract: str, places: npt.NDArray[np.int64], model: JointModel, features: tuple[str, ...]
) -> ModelPart:
    """What is kept of a logistic regression."""
    weights = model.weights.part().tobytes()
    return ModelPart(contract, places.tobytes(), weights, model.first.bits, model.second.bits, features=features)


def part_of_trees(
    contract: str, places: npt.NDArray[np.int64], model: JointTrees, loss: Loss, edges: Sequence[npt.NDArray[np.float64]],
    features: tuple[str, ...],
) -> ModelPart:  # fmt: skip
    """What is kept of trees.  edges: of the bins of own columns."""

    def part(tree: Tree) -> TreePart:
        return TreePart(tree.owners.tolist(), dict(tree.own), tree.leaves.tobytes())

    trees = tuple(part(tree) for tree in model.trees)
    kept = tuple(tuple(each.tolist()) for each in edges)
    return ModelPart(
        contract, places.tobytes(), depth=model.depth, trees=trees, loss=loss.value, edges=kept, features=features,
        leaf_fraction_bits=LEAF_FRACTION_BITS,
    )  # fmt: skip


def trees_of(part: ModelPart) -> JointTrees:
    """The part of trees."""
    found, spare = JointTrees(part.depth), np.uint64(LEAF_FRACTION_BITS - part.leaf_fraction_bits)
    for tree in part.trees:
        leaves = np.frombuffer(tree.leaves, np.uint64) << spare
        found.trees.append(Tree(np.array(tree.owners, np.int64), dict(tree.own), leaves))
    return found


class ModelStore:
    """Parts by the run that trained them."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._key = AESGCM(master.derive("party-models"))

    def keep(self, run: str, part: ModelPart) -> None:
        """Keep a part, durably."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._key.encrypt(nonce, msgspec.msgpack.encode(part), run.encode())
        temporary = self._folder / f".{run}.new"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / f"{run}{_SUFFIX}")

    def get(self, run: str) -> ModelPart:
        """A part.  Raises NotFound, Damaged."""
        try:
            sealed = (self._folder / f"{run}{_SUFFIX}").read_bytes()
        except OSError:
            raise NotFound("this node has no part of a model of that run") from None
        try:
            content = self._key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], run.encode())
        except InvalidTag:
            raise Damaged("the part of a model does not open: it was altered, or is another run's") from None
        return msgspec.msgpack.decode(content, type=ModelPart)
