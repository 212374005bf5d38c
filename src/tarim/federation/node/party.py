"""One party: its folder open (see `home`), and everything it does with others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tarim.base.instants import Clock
from tarim.federation.node.agreements import Agreements
from tarim.federation.node.assisting import Assistance
from tarim.federation.node.home import Home
from tarim.federation.node.questions import Questions
from tarim.federation.node.records import Records
from tarim.federation.node.runs import Runs
from tarim.federation.node.stocking import Stocking


class Party(Home):
    """A party's folder, open.  Close it, or use it as a context; several processes may have it open.

    agreements: its contracts; runs: what it computes; stocking: what it makes ahead; questions: what it asks and answers;
    assistance: what it computes along as a third node; records: what it wrote down.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], clock: Clock) -> None:
        """Raises NotFound, DefinitionError, Unavailable."""
        super().__init__(folder, environment, clock)
        self.agreements, self.records = Agreements(self), Records(self)
        self.stocking = Stocking(self, self.records)
        self.questions = Questions(self, self.agreements, self.records)
        self.assistance = Assistance(self, self.records)
        self.runs = Runs(self, self.agreements, self.records, self.stocking)

    def __enter__(self) -> Party:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
