"""A ruleset made ready by one process for another, which has decisions to make and no time to read rules.

Reading, checking and compiling 250 rules takes seconds, and each slice of the interpreter it gets is one that decisions wait
for.  The process that prepares writes the machine code into the cache and hands over what else a `Ruleset` is made of; to load
that takes a few milliseconds, most of them without the interpreter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.errors import Damaged
from tarim.rules.compile import Ruleset, source_of
from tarim.rules.domain import Band, Probe, Rule
from tarim.rules.kernel_cache import load_kept, load_kernel
from tarim.rules.ruleset import check_ruleset


class _Prepared(msgspec.Struct, frozen=True, array_like=True):
    """What a ruleset is made of besides its text.  kernel: the name its machine code is kept under."""

    name: str
    version: str
    feature_names: tuple[str, ...]
    rules: tuple[Rule, ...]
    bands: tuple[Band, ...]
    probes: tuple[Probe, ...]
    kernel: str


_encode = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(_Prepared)


def prepare_ruleset(text: str, feature_names: Sequence[str], cache_folder: Path) -> bytes:
    """Check and compile a ruleset into the cache; what `load_prepared` takes.  Raises RulesetInvalid, Unavailable."""
    checked = check_ruleset(text, feature_names)
    kernel = load_kernel(source_of(checked), cache_folder).__module__
    return _encode(
        _Prepared(
            checked.name,
            checked.version,
            checked.feature_names,
            checked.rules,
            checked.bands,
            checked.probes,
            kernel,
        )
    )


def load_prepared(prepared: bytes, text: str, feature_names: Sequence[str], cache_folder: Path) -> Ruleset:
    """The ruleset that another process prepared from this text over these features in the same cache.

    Raises Damaged when it was prepared from another text or for other features, or the cache has not its machine code.
    """
    try:
        found = _decoder.decode(prepared)
    except msgspec.MsgspecError:
        raise Damaged("what prepared the ruleset wrote nonsense") from None
    if found.version != hashlib.sha256(text.encode()).hexdigest() or found.feature_names != tuple(feature_names):
        raise Damaged("the ruleset was prepared from another text, or for other features")
    kernel = load_kept(found.kernel, cache_folder)
    return Ruleset(found.name, found.version, text, found.feature_names, found.rules, found.bands, found.probes, kernel)
