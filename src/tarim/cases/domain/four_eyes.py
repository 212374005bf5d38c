"""Who may be the second person of a case: nobody who had a hand in what is decided, under any name (RM-04, SE-05).

`same` tells names of one human: `same(name)` gives every name that the human behind `name` goes by, the name itself included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from tarim.base.errors import NotAllowed
from tarim.base.four_eyes import require_person

Names = Callable[[str], Collection[str]]


class SamePerson(NotAllowed):
    """The second pair of eyes is the first one."""

    code = "four-eyes"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} takes a second person, and you had a hand in it", known=True)


def require_second(person: str, hands: Collection[str], same: Names, what: str) -> None:
    """Nothing when `person` is none of those who had a hand in it, under any of their names.

    hands: everyone who worked on the case, was in charge of it when it was submitted, submitted it or asked for it.
    Raises SamePerson (403), DefinitionError for what is no name.
    """
    require_person(person)
    mine = {person, *same(person)}
    theirs = set(hands)
    for name in hands:
        theirs.update(same(name))
    if mine & theirs:
        raise SamePerson(what)
