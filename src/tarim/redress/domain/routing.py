"""Which department gets a complaint, and what is told to somebody who wants to complain (CM-01, CM-05, CM-06)."""

from __future__ import annotations

import tomllib
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import DefinitionError, TooLarge
from tarim.redress.domain.complaint_events import Category, Channel
from tarim.redress.domain.files import Department

TEXT_CHARACTERS_MAX: Final = 64 << 10
Line = Annotated[str, Meta(max_length=300)]


class Association(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The self-regulatory body that takes complaints too.  contact, hours: "" = the bank has not stated them yet."""

    name_zh: Line
    name_en: Line
    contact: Line
    hours: Line


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Departments by category; how each channel is reached, "" = not stated yet."""

    departments: dict[Category, Department]
    channels: dict[Channel, Line]
    association: Association

    @property
    def unstated(self) -> list[str]:
        """Channels and contacts that customers are not told yet."""
        found = [channel.value for channel in Channel if not self.channels[channel]]
        return found + [f"association.{name}" for name in ("contact", "hours") if not getattr(self.association, name)]


def read_routing(text: str) -> Routing:
    """The routing of a TOML text.  Raises TooLarge, and DefinitionError when a category or channel is left out."""
    if len(text) > TEXT_CHARACTERS_MAX:
        raise TooLarge(f"routing: the text has more than {TEXT_CHARACTERS_MAX:,} characters")
    try:
        routing = msgspec.convert(tomllib.loads(text), Routing)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"routing: this is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise DefinitionError(f"routing: {error}") from None
    for category in Category:
        if category not in routing.departments:
            raise DefinitionError(f"routing: departments has nothing for {category.value}")
    for channel in Channel:
        if channel not in routing.channels:
            raise DefinitionError(f"routing: channels has nothing for {channel.value}")
    return routing
