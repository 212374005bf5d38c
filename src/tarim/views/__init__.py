"""Views: what is made from the decisions' journal in memory, for people who look.

A `Follower` reads the journal once, beside whoever writes it, and hands it in blocks to every `Consumer`; nothing is locked or
written, and all of it can be made anew by reading again.  A view is a consumer with questions of its own:

    class Amounts:                                   a Consumer
        def take(self, block):                       events without a gap under one set of versions, and records before them
            self.total += int(block.rows[:, Col.AMOUNT_FEN].sum())

    follower = Follower(folder, [amounts, ...])
    follower.catch_up(progress)                      everything that is durable now
    follower.follow()                                what came since; called again and again by the views' thread
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.views.blocks import BLOCK_EVENTS, Block
    from tarim.views.follower import Follower, Progress
    from tarim.views.ports import Consumer
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "BLOCK_EVENTS",
    "Block",
    "Consumer",
    "Follower",
    "Progress",
]
