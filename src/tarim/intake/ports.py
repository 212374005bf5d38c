"""What intake needs from outside: somewhere to seal raw values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tarim.privacy import SealKeys


class Sealer(Protocol):
    """The vault, as intake sees it; `tarim.privacy.Vault` is one."""

    def known(self, key: int) -> bool:
        """Whether the combination lies sealed in the journal."""
        ...

    def needs_sealing(self, keys: SealKeys) -> npt.NDArray[np.bool_]:
        """Which combinations do not, shape (n,); of equal ones only one is marked."""
        ...

    def remember(self, keys: SealKeys) -> None:
        """The combinations lie sealed in the journal from now on."""
        ...

    def seal_bundles(self, customers: npt.NDArray[np.int64], bundles: Sequence[bytes]) -> list[bytes]:
        """Ciphertext of each bundle under its customer's data key, whose durability is not in question any more."""
        ...
