"""What a graph feature is: a number about the transfers around an event, several accounts deep, declared like the others.

    money = Graph("money", horizon="7d")
    FEATURES = FeatureSet("mine", money.fan_in("payee_account"), money.cycles(3), money.hops_to_convicted("payee_account"))

A graph's edges are the transfers (its `when`) from `account` to another `payee_account`.  A feature of event *e* at *t*
reads edges that were journalled no later than *e* and lie in `(t - within, t]`; edges are in order of time, those of one
millisecond in order of the journal.  Every cap is part of the definition (docs/explanation/graph-features.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tarim.base.errors import DefinitionError
from tarim.base.instants import duration_ms
from tarim.stream.definitions import WINDOW_MS_MAX, Condition, Entity, Feature

Side = Literal["account", "payee_account"]

MOVED: Final = Condition("moved", ("kind", "==", "transfer"), ("result", "!=", "failed"))
"""Transfers that moved money."""
HOPS_MAX: Final = 8
DEGREE_MAX: Final = 1024
VISITS_MAX: Final = 65_536
MEMORY_LG_MAX: Final = 16
LISTS_MAX: Final = 16
"""Different lists that the features of one set name."""

_SIDES: Final = {"account": "payer", "payee_account": "payee"}
_LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Graph:
    """Transfers between accounts as a graph that moves with time.

    horizon        how far back any pattern may reach
    when           which events are edges
    degree_max     edges read of one account in one direction, the newest ones: a hub is read no further (1-1024)
    visits_max     edges read beyond the two accounts of the event by one search (1-65,536)
    memory_lg      an account remembers its newest 2**memory_lg edges in each direction (2-16)
    convicts       whom a label `fraud` convicts: the accounts of the labelled event in these fields
    convicted_for  how long after the label's time
    """

    name: str
    horizon: str = "7d"
    when: Condition = MOVED
    degree_max: int = 64
    visits_max: int = 512
    memory_lg: int = 12
    convicts: tuple[Side, ...] = ("payee_account",)
    convicted_for: str = "180d"

    def __post_init__(self) -> None:
        if self.when.reads_outcome:
            raise DefinitionError(f"graph {self.name!r}: `when` cannot depend on the outcome")
        for word, value, low, high in (
            ("degree_max", self.degree_max, 1, DEGREE_MAX),
            ("visits_max", self.visits_max, 1, VISITS_MAX),
            ("memory_lg", self.memory_lg, 2, MEMORY_LG_MAX),
        ):
            if not low <= value <= high:
                raise DefinitionError(f"graph {self.name!r}: {word} {value} does not lie in {low} to {high}")
        if not self.convicts or any(side not in _SIDES for side in self.convicts):
            raise DefinitionError(f"graph {self.name!r}: `convicts` names account, payee_account or both")
        if not 0 < duration_ms(self.convicted_for) <= WINDOW_MS_MAX or duration_ms(self.horizon) <= 0:
            raise DefinitionError(f"graph {self.name!r}: horizon and convicted_for are from 1 ms to 366 days")

    @property
    def entity(self) -> Entity:
        """The pair of accounts that its features belong to."""
        return Entity(self.name, key=("account", "payee_account"), when=self.when)

    def fan_in(self, of: Side, within: str = "") -> GraphFeature:
        """How many different accounts paid the account; *e* counts."""
        return self._feature("fan_in", within, of=of)

    def fan_out(self, of: Side, within: str = "") -> GraphFeature:
        """How many different accounts the account paid; *e* counts."""
        return self._feature("fan_out", within, of=of)

    def cycles(self, hops: int, within: str = "", tolerance: float | None = None) -> GraphFeature:
        """In how many ways *e* closes a cycle of 2 to 4 transfers: money that left the payee is back with it.

        The transfers follow each other in time over different accounts.  With a tolerance, every amount lies within
        that share of *e*'s.
        """
        if not 2 <= hops <= 4:
            raise DefinitionError(f"cycles have 2 to 4 hops, not {hops}")
        return self._feature("cycles", within, hops=hops, tolerance=tolerance)

    def scatter_gather(self, within: str = "") -> GraphFeature:
        """Through how many different accounts, the payer one of them, one source's money has reached the payee."""
        return self._feature("scatter_gather", within)

    def gather_scatter(self, within: str = "") -> GraphFeature:
        """The largest n such that n different accounts paid the payer, and then it paid n different ones."""
        return self._feature("gather_scatter", within)

    def chain(self, tolerance: float, within: str = "", hops: int = 4) -> GraphFeature:
        """Transfers, up to `hops`, in the longest chain that *e* ends: each passes on what the one before brought."""
        if not 2 <= hops <= HOPS_MAX:
            raise DefinitionError(f"chains have 2 to {HOPS_MAX} hops, not {hops}")
        return self._feature("chain", within, hops=hops, tolerance=tolerance)

    def dwell(self, tolerance: float, within: str = "") -> GraphFeature:
        """Milliseconds since the payer received about the amount that it now sends on; NaN when it did not."""
        return self._feature("dwell", within, tolerance=tolerance)

    def hops_to_convicted(self, of: Side, hops: int = 3, within: str = "") -> GraphFeature:
        """Fewest transfers, in either direction, between the account and a convicted one; NaN beyond `hops` (0 to 3)."""
        if not 0 <= hops <= 3:
            raise DefinitionError(f"hops to a convicted account are 0 to 3, not {hops}")
        return self._feature("hops_to_convicted", within, of=of, hops=hops)

    def hops_to_listed(self, of: Side, lists: Sequence[str], hops: int = 3, within: str = "") -> ListedFeature:
        """Fewest transfers, in either direction, between the account and one on some of the lists; NaN beyond `hops` (0 to 3).

        An account stands on a list as rules have it: when *e* was received, by the changes in force in *e*'s place of the
        journal.
        """
        if not 0 <= hops <= 3:
            raise DefinitionError(f"hops to a listed account are 0 to 3, not {hops}")
        if isinstance(lists, str) or not lists or len(set(lists)) < len(lists) or len(lists) > LISTS_MAX:
            raise DefinitionError(f"graph {self.name!r}: `lists` names 1 to {LISTS_MAX} lists, each once")
        if not all(_LIST_NAME.fullmatch(each) for each in lists):
            raise DefinitionError(f"graph {self.name!r}: a list's name has lower-case letters, digits and underscores")
        plain = self._feature("hops_to_listed", within, of=of, hops=hops)
        return ListedFeature(
            self.entity, plain.op, "", plain.window, graph=self, of=of, hops=hops, tolerance_ppm=-1, lists=tuple(lists)
        )

    def shared_device(self, of: Side, within: str = "") -> GraphFeature:
        """How many other accounts used a device that the account used."""
        return self._feature("shared_device", within, of=of)

    def shared_device_convicted(self, of: Side, within: str = "") -> GraphFeature:
        """How many of those accounts are convicted."""
        return self._feature("shared_device_convicted", within, of=of)

    def _feature(
        self, op: str, within: str, *, of: Side | None = None, hops: int = 0, tolerance: float | None = None
    ) -> GraphFeature:
        if of is not None and of not in _SIDES:
            raise DefinitionError(f"graph {self.name!r}: {of!r} is neither account nor payee_account")
        if tolerance is not None and not 0 <= tolerance <= 1:
            raise DefinitionError(f"graph {self.name!r}: a tolerance is a share from 0 to 1, not {tolerance}")
        ppm = -1 if tolerance is None else round(tolerance * 1_000_000)
        return GraphFeature(
            self.entity, op, "", within or self.horizon, graph=self, of=of or "", hops=hops, tolerance_ppm=ppm
        )


@dataclass(frozen=True, slots=True)
class GraphFeature(Feature):
    """A number about the transfers around an event; made by the methods of Graph."""

    graph: Graph = field(kw_only=True)
    of: Side | Literal[""] = field(kw_only=True)
    hops: int = field(kw_only=True)
    tolerance_ppm: int = field(kw_only=True)
    """Millionths by which amounts may differ; -1 when amounts do not matter."""

    def __post_init__(self) -> None:
        Feature.__post_init__(self)
        if not 0 < self.window_ms <= duration_ms(self.graph.horizon):
            raise DefinitionError(f"{self.name}: {self.window} is not within the graph's horizon {self.graph.horizon}")

    @property
    def name(self) -> str:
        """For example `money_fan_in_payee_7d`, `money_cycles_3_within_10pct_7d`."""
        parts = [self.graph.name, self.op, _SIDES.get(self.of, "")]
        if self.op in ("cycles", "chain", "hops_to_convicted", "hops_to_listed"):
            parts.append(str(self.hops))
        if self.tolerance_ppm >= 0:
            parts.append("within_" + f"{self.tolerance_ppm / 10_000:g}".replace(".", "_") + "pct")
        return "_".join(part for part in [*parts, self._more, self.window] if part)

    @property
    def _more(self) -> str:
        """What a kind of graph feature adds to the name."""
        return ""


@dataclass(frozen=True, slots=True)
class ListedFeature(GraphFeature):
    """A number about the way to accounts on lists."""

    lists: tuple[str, ...] = field(kw_only=True)
    """Their names.  A list that there is not, of another field or of each customer's own has no accounts."""

    @property
    def _more(self) -> str:
        return "on_" + "_or_".join(self.lists)
