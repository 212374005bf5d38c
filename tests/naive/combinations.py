"""The naive twin of `tarim.privacy.kernels.combinations`: sets and whole numbers of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np

from tarim.privacy import SEALABLE, SEALED_TEXTS, SEALED_TOKENS


def name(customer: int, field: str, value: int) -> int:
    """The 64-bit name of a combination."""
    bit = SEALABLE.index(field)
    mixed = customer * 0x9E3779B97F4A7C15 + value * 0xC2B2AE3D27D4EB4F + (bit + 1) * 0x165667B19E3779F9
    mixed %= 1 << 64
    return (mixed ^ (mixed >> 29)) or 1


def combinations(tokens: Sequence[int], texts: Sequence[int]) -> Iterable[tuple[int, list[str]]]:
    """Of one event: each combination, and the fields that are sealed when it is new."""
    of_field = dict(zip(SEALED_TOKENS, tokens, strict=True))
    customer, payee = of_field["customer"], of_field["payee_account"]
    for field, token in of_field.items():
        if token:
            yield name(customer, field, token), [field]
    for field, hashed in zip(SEALED_TEXTS, texts, strict=True):
        if hashed:
            wrapped = (hashed + payee) % (1 << 64)
            yield name(customer, field, wrapped), [field, *(["payee_account"] if payee else [])]


def unsealed(known: Set[int], tokens: Sequence[Sequence[int]], texts: Sequence[Sequence[int]], need: Any) -> Any:
    """Sets the bits in `need`; the new combinations in order."""
    found: dict[int, None] = {}
    for place, (of_event, of_texts) in enumerate(zip(tokens, texts, strict=True)):
        for key, fields in combinations(of_event, of_texts):
            if key not in known and key not in found:
                found[key] = None
                need[place] |= sum(1 << SEALABLE.index(field) for field in fields)
    return np.array(list(found), np.uint64)
