"""What the routes of redress work with, and how they wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from tarim.redress import Documents, HalfYearView, Redress, Reviews

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RedressDesk:
    """What the routes work with.

    token_of: unsigned, of a customer's identifier.  recent_ms: how long ago a person may have signed in for a full view.
    pages: the PDF of a half year, with the instant written into it.
    """

    redress: Redress
    documents: Documents
    reviews: Reviews
    token_of: Callable[[str], int]
    recent_ms: int
    pages: Callable[[HalfYearView, int], bytes]


async def aside(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What a function gives that waits for the desk."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *arguments, **named))
