"""Who is given the decisions' journal, block by block."""

from __future__ import annotations

from typing import Protocol

from tarim.views.blocks import Block


class Consumer(Protocol):
    """A view that is made from the decisions' journal and from nothing else.

    The follower's one thread calls `take`, in the journal's order, each position once; requests read in other threads, so a
    consumer guards what it keeps with a lock of its own and holds it for milliseconds.  Where blocks are cut changes nothing:
    the same journal in smaller or larger pieces makes the same view.  A consumer bounds its memory by itself, says at what,
    and raises nothing for content; what it raises stops all views.
    """

    def take(self, block: Block) -> None:
        """Take in the records before the block's events, then the events."""
