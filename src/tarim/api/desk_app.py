"""What the desk says of itself."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tarim.api.process_app import Process
from tarim.desk import DeskState


class DeskHealthBody(msgspec.Struct, frozen=True):
    """status: ok; behind: decisions of the last seconds are not shown yet; broken: the tables stand still, and why.

    acts_seq, followed_seq: the next position of either journal in the tables.  behind: positions of the decisions' journal
    not shown yet.  waiting_commands: commands that wait for their turn.
    """

    status: str
    version: str
    acts_seq: int
    followed_seq: int
    behind: int
    waiting_commands: int
    trouble: str


def desk_process(state: Callable[[], DeskState], version: str, behind_max: int) -> Process:
    """The desk as a process.  behind_max: with more positions not shown yet it says that it is behind."""

    def health() -> tuple[DeskHealthBody, bool]:
        now = state()
        status = "broken" if now.trouble else "behind" if now.behind > behind_max else "ok"
        body = DeskHealthBody(status, version, now.acts_seq, now.followed_seq, now.behind, now.waiting, now.trouble)
        return body, not now.trouble

    return Process("Tarim desk", "What people do after a decision.", "the desk works", version, DeskHealthBody, health)
