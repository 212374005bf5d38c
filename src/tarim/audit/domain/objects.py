"""How objects are named on the trail: `kind:id`, and never by what a stranger made up.

The id of an act that was carried out is an id of ours or of a sender, which names no person.  The id of one that was refused
may be anything, a telephone number typed into the wrong place for instance: it stands there as it is only when it has the
shape of ids that we make, else as a keyed digest.  Who knows the id finds the entry; who reads the trail does not learn it.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from tarim.audit.domain.entry import CHARACTERS_MAX, plain

_OURS: Final = re.compile(r"(?=[0-9a-f-]*[a-f])[0-9a-f-]{8,64}|[A-Z]{2,10}-[0-9]{4}-[0-9]{6}|[0-9]{1,5}")
_MASK_BYTES: Final = 8


def is_ours(name: str) -> bool:
    """Whether a name has the shape of ids that this house makes."""
    return _OURS.fullmatch(name) is not None


class Objects:
    """Names of one installation's trail."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes, of this purpose alone."""
        self._key = key

    def known(self, kind: str, name: str) -> str:
        """Of an object that is there."""
        return plain(f"{kind}:{name}", CHARACTERS_MAX["object"])

    def unproven(self, kind: str, name: str) -> str:
        """Of one that may not be there."""
        return self.known(kind, name if is_ours(name) else self._mask(name))

    def both(self, text: str) -> tuple[str, ...]:
        """What to search for when somebody asks for the object `kind:id`: both forms."""
        kind, colon, name = text.partition(":")
        return (text, self.known(kind, self._mask(name))) if colon else (text,)

    def _mask(self, name: str) -> str:
        return "#" + blake2b(name.encode("utf-8", "replace"), key=self._key, digest_size=_MASK_BYTES).hexdigest()
