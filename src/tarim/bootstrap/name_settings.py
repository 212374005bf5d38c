"""What can be set of name screening."""

from __future__ import annotations

from dataclasses import dataclass

from tarim.base.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class NameSettings:
    """Name screening."""

    threshold_percent: int = 82
    wait_ms_max: int = 50
    waiting_max: int = 1_024
    remembered_max: int = 1 << 18
    rescreen_after_s: int = 5
    nice: int = 10

    def __post_init__(self) -> None:
        if not 50 <= self.threshold_percent <= 100:
            raise DefinitionError("threshold_percent is 50 to 100")
        if self.nice > 19:
            raise DefinitionError("nice is at most 19")
