"""Not yet: an answer that depends on something under way elsewhere, and how to learn that it is worth asking again."""

from __future__ import annotations

from collections.abc import Callable

from tarim.base.errors import Unavailable


class Later(Unavailable):
    """Nothing is wrong; ask again when told.

    then: takes a function that is called once, in the caller's own loop, when asking again gives an answer.
    """

    def __init__(self, then: Callable[[Callable[[], None]], None]) -> None:
        super().__init__("the answer is not there yet")
        self.then = then
