"""Time for tests."""

from __future__ import annotations

from dataclasses import dataclass

START_MS = 1_750_000_000_000


@dataclass
class FakeClock:
    """Stands still until it is moved.  at_ms: since the epoch, UTC."""

    at_ms: int = START_MS

    def now_ms(self) -> int:
        return self.at_ms
