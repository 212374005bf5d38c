"""The second engine as the federation uses it: the same columns and plans in, the same parts of a model out.

A model comes back as additive parts modulo 2^64 of the two companies, like one trained by this project's own protocols: it is
kept, asked and judged by the two of them alone.  The custodian computes along in the training and keeps nothing.

Who learns what: nobody anything of the columns, labels, weights, sums or leaves; each company the splits of its own columns;
all nodes the public parameters (rows, columns, candidates, plan) and the lengths and times of messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.federation.channel import Channel
from tarim.federation.errors import ProtocolBroken
from tarim.federation.intersection import SET_MAX
from tarim.federation.learning.boosting import Bins, BoostingPlan, JointTrees, Loss, Tree
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded, Widths
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS, Plan
from tarim.federation.learning.precision import PENALTY
from tarim.federation.randomness import Bits
from tarim.federation.second_engine.jobs import BoostingJob, Done, IntersectionJob, Job, LogisticJob
from tarim.federation.second_engine.kinds import Kind, Method, require_secure
from tarim.federation.second_engine.worker import Array, Progress, run_worker
from tarim.federation.session import Role
from tarim.federation.sharing import Share

LOGISTIC_FRACTION_BITS: Final = 26
BOOSTING_FRACTION_BITS: Final = 18
"""Of SPU's fixed point, as `spu_worker.logistic` and `spu_worker.boosting` state it."""
SHIFT_MAX: Final = LOGISTIC_FRACTION_BITS
BOOSTING_ROWS_MAX: Final = 1 << 19
_DOMAIN: Final = b"tarim second engine, identifier\0"
_HASHED_BYTES: Final = 16


def _silent(_phase: str, _done: int, _all: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class SecondEngine:
    """SPU at one node.

    python: the worker's interpreter, of `second_engine_readiness`.  rank: 0 and 1 the companies, 2 the custodian.
    channels: to every other node by rank, None at its own.  All nodes make the same calls, a custodian `assist` with the public
    shape of what the companies compute.
    Raises InsecureDealer when it is made, and in every call WorkerFailed, PeerLost, ProtocolBroken.
    """

    kind: Kind
    python: Path
    rank: int
    channels: Sequence[Channel | None]
    insecure_dealer: bool = False
    progress: Progress = _silent

    def __post_init__(self) -> None:
        require_secure(self.kind, insecure_dealer=self.insecure_dealer)
        if len(self.channels) != self.kind.nodes or self.channels[self.rank] is not None:
            raise InputError(f"{self.kind.value} computes at {self.kind.nodes} nodes, each linked to every other one")

    def logistic(self, own: Encoded, theirs: Widths, labels: Bits | None, plan: Plan) -> tuple[JointModel, Done]:
        """A joint logistic regression, as `learning.logistic.train` has it.  Raises InputError.

        labels: at the SECOND company, one for each row.
        """
        role = self._company(labels, len(own))
        first, second = (own.widths, theirs) if role is Role.FIRST else (theirs, own.widths)
        rows = plan.course(len(own)).rows
        arrays: dict[str, Array] = {"own": own.scaled[:rows].astype(np.int32) - own.widths.offsets.astype(np.int32)}
        if labels is not None:
            arrays["labels"] = labels[:rows]
        found, done = self._run(self._logistic_job(first, second, rows, plan), arrays)
        kept = Share(_words(found, "weights", (len(first) + len(second) + 1,)), WEIGHT_FRACTION_BITS + _SPARE_BITS)
        # v = w / 2^7 with 26 fraction bits is w with 19; the bias comes last there and first in a model
        weights = kept.truncated(_SPARE_BITS, role).part()
        return JointModel(Share(np.roll(weights, 1), WEIGHT_FRACTION_BITS), first, second), done

    def boosting(
        self, bins: Binned, own: Bins, theirs: Bins, labels: Bits | None, plan: BoostingPlan
    ) -> tuple[JointTrees, Done]:
        """Joint trees with log loss, as `learning.boosting.Boosting` has them.  Raises InputError.

        labels: at the SECOND company, one for each row.
        """
        role = self._company(labels, len(bins))
        first, second = (own, theirs) if role is Role.FIRST else (theirs, own)
        job = self._boosting_job(first, second, len(bins), plan)
        arrays: dict[str, Array] = {
            "ways": np.stack([bins[:, column] <= last for column, last in own.candidates], axis=1).astype(np.int8)
        }
        if labels is not None:
            arrays["labels"] = labels
        found, done = self._run(job, arrays)
        nodes = (1 << plan.depth) - 1
        leaves = _words(found, "leaves", (plan.trees, nodes + 1))
        places = np.asarray(found["places"]).reshape(plan.trees, nodes).astype(np.int64)
        if places.min() < -1 or places.max() >= len(own.candidates):
            raise ProtocolBroken("a split was opened that this company does not have")
        return JointTrees(plan.depth, [_tree(role, own, *each) for each in zip(places, leaves, strict=True)]), done

    def assist(self, work: Plan | BoostingPlan, rows: int, first: Sequence[int], second: Sequence[int]) -> Done:
        """The custodian's part of a training.

        rows: of a company.  first, second: widths of the companies' columns for logistic regression, bins for trees.
        """
        if self.kind is not Kind.ABY3 or self.rank < len(Role):
            raise InputError("only the third node of ABY3 assists")
        if isinstance(work, Plan):
            whole = work.course(rows).rows
            return self._run(self._logistic_job(Widths(tuple(first)), Widths(tuple(second)), whole, work), {})[1]
        return self._run(self._boosting_job(Bins(tuple(first)), Bins(tuple(second)), rows, work), {})[1]

    def _company(self, labels: Bits | None, rows: int) -> Role:
        if self.rank >= len(Role):
            raise InputError("a custodian has no columns; it assists")
        role = Role(self.rank)
        if (labels is None) is not (role is Role.FIRST) or (labels is not None and len(labels) != rows):
            raise InputError("the second party gives one label for each row, the first party none")
        return role

    def _logistic_job(
        self, first: Widths, second: Widths, rows: int, plan: Plan
    ) -> Callable[[tuple[int, ...]], LogisticJob]:
        require_plan(plan)
        plan.check(rows)
        decay = 0.0 if plan.l2_log2 is None else 2.0 ** (plan.l2_log2 + plan.learning_rate_log2)
        return lambda lines: LogisticJob(
            protocol=self.kind.value,
            rank=self.rank,
            lines=lines,
            rows=rows,
            columns=(len(first), len(second)),
            batch_rows=plan.course(rows).batch,
            epochs=plan.epochs,
            value_fraction_bits=FRACTION_BITS,
            shift=_shift(plan),
            decay=decay,
        )

    def _boosting_job(
        self, first: Bins, second: Bins, rows: int, plan: BoostingPlan
    ) -> Callable[[tuple[int, ...]], BoostingJob]:
        require_plan(plan)
        if not 2 <= rows < BOOSTING_ROWS_MAX:
            raise InputError(f"the second engine trains trees on 2 to {BOOSTING_ROWS_MAX - 1} rows")
        return lambda lines: BoostingJob(
            protocol=self.kind.value,
            rank=self.rank,
            lines=lines,
            rows=rows,
            candidates=(len(first.candidates), len(second.candidates)),
            trees=plan.trees,
            depth=plan.depth,
            step=2.0**plan.step_log2,
            penalty=PENALTY,
        )

    def _run(self, job: Callable[[tuple[int, ...]], Job], arrays: Mapping[str, Array]) -> tuple[dict[str, Array], Done]:
        return run_worker(self.python, job, arrays, self.channels, self.progress)


def require_plan(plan: Plan | BoostingPlan) -> None:
    """Nothing for a plan that the second engine can follow, whatever the rows.  Raises InputError."""
    if plan.stop is not None:
        raise InputError("the second engine has no early stop: leave early_stop out")
    if isinstance(plan, BoostingPlan):
        plan.check()
        if plan.loss is not Loss.LOG:
            raise InputError("the second engine trains trees with log loss only")
        if plan.sample < 1:
            raise InputError("the second engine grows every tree on all rows: leave sample out")
        return
    plan.check(plan.least_rows)
    if plan.batch_rows is None or plan.batch_rows & (plan.batch_rows - 1):
        raise InputError("the second engine's batches hold a power of two of rows")
    if plan.kept_steps is not None:
        raise InputError("the second engine has no steps to keep: leave custody_steps out")
    if _shift(plan) > SHIFT_MAX:
        raise InputError(
            f"the second engine's steps divide by 2^{SHIFT_MAX} at most: take batches of at most "
            f"{1 << SHIFT_MAX - 2 * FRACTION_BITS - 2} rows at a learning rate of 1, or half as many for each half of it"
        )


def _shift(plan: Plan) -> int:
    """A step of the descent divides by two to the power of this."""
    return plan.least_rows.bit_length() - 1 + 2 * FRACTION_BITS + 2 - plan.learning_rate_log2


_SPARE_BITS: Final = LOGISTIC_FRACTION_BITS - FRACTION_BITS - 2 - WEIGHT_FRACTION_BITS


def intersect_by(
    method: Method,
    python: Path,
    channel: Channel,
    role: Role,
    identifiers: Sequence[bytes],
    context: bytes,
    learners: frozenset[Role],
    progress: Progress = _silent,
) -> tuple[npt.NDArray[np.int64] | None, Done]:
    """Common customers by libpsi, with the meaning of `intersection.intersect`: places in an order common to both, None for
    who does not learn.

    Identifiers are hashed with the context before the worker sees them.  Both learn how many the other side has: there is no
    padding.  Raises InputError for repeated identifiers, TooLarge, WorkerFailed, PeerLost, ProtocolBroken.
    """
    if len(identifiers) > SET_MAX:
        raise TooLarge(f"a set has at most {SET_MAX} identifiers")
    if not identifiers or not learners:
        raise InputError("a set holds one identifier or more, and somebody learns the result")
    prefix = hashlib.sha256(_DOMAIN + len(context).to_bytes(4, "little") + context)
    hashed = [_hashed(prefix, each) for each in identifiers]
    places = {each: place for place, each in enumerate(hashed)}
    if len(places) != len(hashed):
        raise InputError("an identifier stands in the set more than once; drop the repetitions first")

    def job(lines: tuple[int, ...]) -> IntersectionJob:
        return IntersectionJob(role, lines, method.value, tuple(sorted(learners)))

    channels = [None if each is role else channel for each in Role]
    found, done = run_worker(python, job, {"identifiers": np.array(hashed)}, channels, progress)
    if role not in learners:
        return None, done
    try:
        return np.array([places[each] for each in found["common"].tolist()], np.int64), done
    except KeyError:
        raise ProtocolBroken("the intersection has an identifier that this side does not have") from None


def _hashed(prefix: hashlib._Hash, identifier: bytes) -> bytes:
    own = prefix.copy()
    own.update(identifier)
    return own.hexdigest()[: 2 * _HASHED_BYTES].encode()


def _words(found: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    words = np.asarray(found[name], np.uint64)
    if words.shape != shape:
        raise ProtocolBroken("the second engine left a part of another shape than agreed")
    return words


def _tree(role: Role, own: Bins, places: npt.NDArray[np.int64], leaves: npt.NDArray[np.uint64]) -> Tree:
    """A tree of this company's splits, by place among its candidates, -1 for the other's."""
    candidates = own.candidates
    splits = {node: candidates[place] for node, place in enumerate(places.tolist()) if place >= 0}
    owners = np.where(places >= 0, int(role), 1 - int(role)).astype(np.int64)
    spare = BOOSTING_FRACTION_BITS - LEAF_FRACTION_BITS
    part = Share(leaves, BOOSTING_FRACTION_BITS).truncated(spare, role).part()
    return Tree(owners, splits, part)
