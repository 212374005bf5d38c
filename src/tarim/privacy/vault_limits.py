"""How large the vault's memory may become; apart, because settings are read without opening a vault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VaultLimits:
    """Sizes of the vault's memory."""

    unwrapped_keys_max: int = 1 << 14
    """Ciphers of data keys at work."""
    keys_max: int = 1 << 23
    """Data keys altogether; beyond it new customers are refused."""
    ready_keys: int = 1 << 12
    """Keys made ahead at a time; half as many left start the making of more."""
    sealed_before_slots: int = 1 << 22
    index_batches_max: int = 256
    """Batches waiting for the index; the caller of `index` waits when there are more."""
    index_cached_bytes_max: int = 64 << 20
    """Of the index's customer tokens, 8 bytes a sealed value, for finding a customer's."""
