"""Contact put together: channels as the bank has set them, the wire to them, and the courier, in the desk's process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tarim.bootstrap.desk_settings import DeskSettings
from tarim.bootstrap.places import Places
from tarim.bootstrap.raw_values import JournalValues
from tarim.contact import Contact, Courier, Decisions, HttpWire, read_channels
from tarim.desk import Desk
from tarim.privacy import MasterKey


class ContactHouse:
    """Use cases and courier over an open desk.  Close it before the desk."""

    def __init__(
        self, desk: Desk, places: Places, settings: DeskSettings, master: MasterKey, service_key: Callable[[], str]
    ) -> None:
        """Raises DefinitionError for channels or certificates that cannot be used."""
        self._values = JournalValues(places.journal, places.vault, master)
        channels = read_channels(_path(settings.channels_file), master)
        wire = HttpWire(_path(settings.channel_authorities_file))
        self.contact = Contact(desk, channels, self._values)
        self.courier = Courier(desk, channels, self._values, wire, Decisions(settings.service_url, service_key))

    def close(self) -> None:
        """Finish what is under way."""
        self.courier.close()
        self._values.close()


def _path(name: str) -> Path | None:
    return Path(name) if name else None
