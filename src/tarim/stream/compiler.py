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
from typing import Any

import numba

from tarim.stream.codegen import kernel_source
from tarim.stream.kernels import arena
from tarim.stream.plan import Plan


@dataclass(frozen=True, slots=True)
class Kernels:
    """Entry points of one feature set: `process(A, rows, out, lo, hi)` and, where outcomes matter, `settle`."""

    process: Callable[..., int]
    settle: Callable[..., None] | None
    source: str


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
    namespace = _compiled(source) if jit else _interpreted(source)
    return Kernels(namespace["process"], namespace.get("settle"), source)


@lru_cache(maxsize=64)
def _interpreted(source: str) -> dict[str, Any]:
    plain = source.replace("from numba import njit\n", "")
    namespace: dict[str, Any] = {"njit": lambda *_args, **_options: lambda function: function}
    exec(compile(plain, "<tarim features>", "exec"), namespace)  # noqa: S102  the text is our own generator's
    return namespace


@lru_cache(maxsize=64)
def _compiled(source: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    for part in (source, Path(arena.__file__).read_text(encoding="utf-8"), numba.__version__, sys.version):
        digest.update(part.encode())
    name = f"features_{digest.hexdigest()[:24]}"
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(temporary, path)  # two processes may race; both write the same text
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)
