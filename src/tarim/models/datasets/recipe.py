"""What is to be cut: which events become rows, which features they keep, and how they get their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.models.datasets.manifest import Filters, LabelRule, Sampling
from tarim.stream import Channel, Kind

ENTITIES: Final = ("customer", "account", "payee_account", "device_id", "ip", "merchant_id")
"""Fields of which every row may be asked to have a value."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What becomes a row, and how it gets its label.

    feature_names: those of the engine's vector, in its order.  chosen_names: the columns that are kept, in order.
    """

    filters: Filters
    labels: LabelRule
    sampling: Sampling
    feature_names: tuple[str, ...]
    chosen_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises DefinitionError naming what is unknown."""
        for what, wanted, known in (
            ("kind", self.filters.kinds, [kind.name.lower() for kind in Kind if kind is not Kind.LABEL]),
            ("channel", self.filters.channels, [channel.name.lower() for channel in Channel]),
            ("entity", [self.filters.entity], ENTITIES),
            ("feature", self.chosen_names, self.feature_names),
        ):
            unknown = [each for each in wanted if each not in known]
            if unknown:
                listed = f"; known are {', '.join(known)}" if what != "feature" else " in the feature set"
                raise DefinitionError(f"there is no {what} {unknown[0][:64]!r}{listed}")
        if not 0.0 < self.sampling.genuine_share <= 1.0:
            raise DefinitionError("the share of genuine rows that are kept lies above 0 and is at most 1")
        if not 0 <= self.sampling.seed < 1 << 63:
            raise DefinitionError("a seed lies between 0 and 2**63 - 1")
        if not self.chosen_names or len(set(self.chosen_names)) != len(self.chosen_names):
            raise DefinitionError("a training set has at least one feature, and none twice")
