"""Verification methods as customers meet them: which need a purpose of their own, which add a kind of factor (RM-17, RM-31).

Something known, held, or inherent: the strength of a set is how many of the three kinds are in it (`tarim.decisions`).  Two
methods that hang on one thing count once: a code that arrives on the very device the order comes from shows nothing more than
that device does, so it is no factor there (TS-02, TS-05).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from tarim.decisions import METHODS

CODE_METHOD: Final = "sms_code"

OWN_PURPOSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "face": "identity verification with kept images",
        "document": "identity verification with kept images",
    }
)
"""Methods that compare with images kept at counters and smart machines: the customer is told this purpose and may say no."""


def bits(methods: Collection[str]) -> int:
    """The methods as a bit set; every one of them has to be known."""
    return sum({int(METHODS[method]) for method in methods})


def names(methods: int) -> tuple[str, ...]:
    """The names of a bit set, in the order of METHODS."""
    return tuple(name for name, bit in METHODS.items() if methods & bit)
