"""From a plan to callable kernels: write the generated module once, compile it with numba, keep the machine code on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numba

from tarim.stream import lowering
from tarim.stream.codegen import HELPER_IMPORT, kernel_source
from tarim.stream.kernels import arena, ordered
from tarim.stream.plan import Plan

_HELPERS: Final = (arena, ordered)
"""Modules whose functions the generated one calls; each may import what stands before it."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Entry points of one feature set: `process(A, rows, out, lo, hi)`, `settle` where outcomes matter, `adopt` a role,
    `list_part` and `list_close` where features look at lists.
    """

    process: Callable[..., int]
    settle: Callable[..., None] | None
    adopt: tuple[Callable[..., None], ...]
    source: str
    list_part: Callable[..., None] | None = None
    list_close: Callable[..., None] | None = None


def cache_folder() -> Path:
    """Where generated kernels and their machine code are kept: TARIM_CACHE_DIR or the user's cache folder."""
    configured = os.environ.get("TARIM_CACHE_DIR")
    base = Path(configured) if configured else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tarim"
    return base / "kernels"


def compile_plan(plan: Plan, *, jit: bool = True) -> Kernels:
    """Kernels of a plan.  With `jit=False` the same source runs as Python, slowly: for tests.

    A first compile takes some seconds; afterwards the machine code comes from the cache folder.
    """
    source = kernel_source(plan)
    adopt = [f"adopt_{role.index}" for role in plan.directories]
    lists = ("list_part", "list_close") if plan.graph and plan.graph.lists else ()
    namespace = _compiled(source, ("process", "settle", *adopt, *lists)) if jit else _interpreted(source)
    return Kernels(
        namespace["process"],
        namespace.get("settle"),
        tuple(namespace[name] for name in adopt),
        source,
        *(namespace[name] for name in lists),
    )


@lru_cache(maxsize=64)
def _interpreted(source: str) -> dict[str, Any]:
    plain = source.replace("from numba import njit\n", "")
    namespace: dict[str, Any] = {"njit": lambda *_args, **_options: lambda function: function}
    exec(compile(plain, "<tarim features>", "exec"), namespace)  # noqa: S102  the text is our own generator's
    return namespace


def _whole(source: str) -> str:
    """One module with the helpers' own functions in it."""
    head, _, body = source.partition(HELPER_IMPORT)
    assert body, "the generated module imports the helpers"
    return "\n".join([*(_without_imports(helper) for helper in _HELPERS), head, body])


def _without_imports(helper: ModuleType) -> str:
    """A helper's source for a module that has the other helpers in it already."""
    lines = _text(helper).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("from __future__ import", "from tarim.")))


def _text(module: ModuleType) -> str:
    assert module.__file__ is not None
    return Path(module.__file__).read_text(encoding="utf-8")


@lru_cache(maxsize=64)
def _compiled(source: str, entries: tuple[str, ...]) -> dict[str, Any]:
    whole = _whole(source)
    digest = (
        hashlib.sha256()
    )  # of what the file is made from: making it takes half a second, which no start has to pay again
    for part in (whole, *entries, _text(lowering), numba.__version__, sys.version):
        digest.update(part.encode() + b"\0")
    name = f"features_{digest.hexdigest()[:24]}"
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(lowering.lowered(whole, entries))
        os.replace(temporary, path)  # two processes may race; both write the same text
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)
