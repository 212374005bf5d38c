"""What intake needs from outside: somewhere to seal raw values, and somebody who screens names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.later import Later
from tarim.privacy import SealKeys
from tarim.stream import Rows


class Sealer(Protocol):
    """The vault, as intake sees it; `tarim.privacy.Vault` is one."""

    def unsealed(
        self, tokens: npt.NDArray[np.int64], texts: npt.NDArray[np.int64], need: npt.NDArray[np.int64]
    ) -> SealKeys:
        """Add to need[i] the bits of what event i brings that does not lie sealed in the journal; the new combinations.

        tokens: shape (n, 6), those of `tarim.privacy.SEALED_TOKENS`; texts: shape (n, 2), keyed hashes of SEALED_TEXTS;
        0 where absent.  Of equal combinations in the same call only the first counts.
        """
        ...

    def remember(self, keys: SealKeys) -> None:
        """The combinations lie sealed in the journal from now on."""
        ...

    def seal_bundles(self, customers: npt.NDArray[np.int64], bundles: Sequence[bytes]) -> list[bytes]:
        """Ciphertext of each bundle under its customer's data key, whose durability is not in question any more."""
        ...


class NameScreen(Protocol):
    """Screening of payees' names, as intake sees it.  Names are handed over for a moment and kept by nobody."""

    def is_answered(self, name_token: int) -> bool:
        """Whether `mark` knows what to say about this name now."""
        ...

    def ask(self, names: Mapping[int, str]) -> Later | None:
        """Have these names screened, by keyed hash; None when they are not to be waited for.  Raises TarimError."""
        ...

    def mark(self, rows: Rows, name_tokens: npt.NDArray[np.int64]) -> None:
        """Write what is known about the names into rows that are about to be judged; name_tokens: shape (n,), 0 = no name."""
        ...
