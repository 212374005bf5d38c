"""Compiled kernels in a folder: a module named by the digest of its source, and numba's machine code beside it.

Two processes may meet here: a source is written once and never replaced while it is whole, because numba takes a newer
source for another program and compiles again.  The folder is made for its owner alone, since what lies in it is run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, Unavailable

SIGNATURE: Final = "void(int64[:, ::1], float64[:, ::1], float64[::1], uint64[:, ::1], uint64[:, ::1])"

_Floats = npt.NDArray[np.float64]
_Bits = npt.NDArray[np.uint64]
Kernel = Callable[[npt.NDArray[np.int64], _Floats, _Floats, _Bits, _Bits], None]
"""rows int64[n, 32], features float64[n, F], scores float64[n], members uint64[n, 4], hits uint64[n, 4] (written)."""


def load_kernel(source: str, folder: Path | None) -> Kernel:
    """`evaluate` of a kernel's source, compiled.

    With a folder the machine code is kept there and a later process loads it without compiling; with None it is compiled
    for this process only.  Raises Unavailable when the folder cannot be written.
    """
    if folder is None:
        module = ModuleType("tarim_ruleset_kernel")
        exec(compile(source, "<ruleset kernel>", "exec"), module.__dict__)  # noqa: S102, our own compiler wrote it
        return _compiled(module, cache=False)
    return _compiled(_module(_keep(source, folder)), cache=True)


def load_kept(name: str, folder: Path) -> Kernel:
    """The kernel whose module has this name (a kernel's `__module__`), kept in the folder by another process.

    Raises Damaged when it is not there, or is not what was kept under that name.
    """
    path = folder / f"{name}.py"
    try:
        content = path.read_bytes()
    except OSError:
        raise Damaged(f"the compiled rules {name} are gone; publish the ruleset again") from None
    if _path(content, folder) != path:
        raise Damaged(f"the compiled rules {name} are not what was kept; publish the ruleset again")
    return _compiled(_module(path), cache=True)


def _compiled(module: ModuleType, *, cache: bool) -> Kernel:
    kernel: Kernel = numba.njit(SIGNATURE, cache=cache)(module.evaluate)
    return kernel


def _keep(source: str, folder: Path) -> Path:
    content = source.encode()
    path = _path(content, folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _same(path, content):
            return _with_byte_code(path)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():  # not what it should be: torn by a crash, or tampered with
                os.replace(temporary, path)
            else:
                _link_first(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return _with_byte_code(path)
    except OSError as error:
        raise Unavailable(f"the folder of compiled rules cannot be used: {error.strerror}") from error


def _with_byte_code(path: Path) -> Path:
    """The same, its byte code beside it, whatever the environment says of byte code.

    A process that reads 250 rules anew holds its interpreter for 30 ms at a stretch, and its decisions with it.
    """
    if not Path(importlib.util.cache_from_source(str(path))).exists():
        py_compile.compile(str(path), doraise=True)
    return path


def _path(content: bytes, folder: Path) -> Path:
    return folder / f"tarim_ruleset_{hashlib.sha256(content).hexdigest()[:32]}.py"


def _link_first(temporary: str, path: Path) -> None:
    """Give the file its name unless another process was first."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # numba looks a cached function's globals up by the module's name
    spec.loader.exec_module(module)
    return module
