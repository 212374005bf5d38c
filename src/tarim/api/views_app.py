"""What the views say of themselves."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tarim.api.process_app import Process
from tarim.views import ViewsState


class ViewsHealthBody(msgspec.Struct, frozen=True):
    """status: ok; behind: decisions of the last seconds are not shown yet; broken: the views stand still, and why.

    from_seq: the first position they know of; followed_seq: the next; behind: positions not shown yet.
    """

    status: str
    version: str
    from_seq: int
    followed_seq: int
    behind: int
    trouble: str


def views_process(state: Callable[[], ViewsState], version: str, behind_max: int) -> Process:
    """The views as a process.  behind_max: with more positions not shown yet they say that they are behind."""

    def health() -> tuple[ViewsHealthBody, bool]:
        now = state()
        status = "broken" if now.trouble else "behind" if now.behind > behind_max else "ok"
        return ViewsHealthBody(
            status, version, now.from_seq, now.followed_seq, now.behind, now.trouble
        ), not now.trouble

    return Process(
        "Tarim views",
        "What is made from the decisions' journal for people who look.",
        "the views follow the journal",
        version,
        ViewsHealthBody,
        health,
    )
