"""The views' house: journal, vault and artefacts opened for reading, and every view that is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tarim.base.instants import Clock
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.link_names import LinkNames
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.views_looking import DecisionLook
from tarim.privacy import MasterKey, load_master_key
from tarim.views import Consumer, Entities, Follower, Known, LinkStore, Live, RuleHits, Views


class ViewsHouse:
    """Everything open.  Close it, or use it as a context; `views.catch_up()` and `views.start()` are the caller's.

    Nothing below the data folder is locked or written: any number of these may run beside the service.
    """

    def __init__(
        self, settings: Settings, places: Places, environment: Mapping[str, str], *, clock: Clock | None = None
    ) -> None:
        """Raises NotFound (no master key), DefinitionError."""
        self.settings = settings
        self.places = places
        self.clock = clock or SystemClock()
        self.artefacts = Artefacts(places.artefacts)
        self.features = feature_set(settings.engine.features)
        self._master: MasterKey = load_master_key(places.master_key, environment)
        chosen = settings.views
        self.live = Live(self.artefacts.get, self.features.names, chosen.feed_decisions_max)
        self.known = Known(chosen.events_max)
        self.entities = Entities(chosen.entities_max)
        self.links = LinkStore(chosen.links_events_max)
        self.rule_hits = RuleHits(self.artefacts.get, self.features.names)
        consumers: list[Consumer] = [self.live, self.known, self.entities, self.links, self.rule_hits]
        self.views = Views(Follower(places.journal, consumers), chosen.follow_ms)
        self.look = DecisionLook(places.journal, places.vault, self._master)
        self.link_names = LinkNames(places.vault, self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop following and let go of the files."""
        self.views.close()
        self.look.close()
