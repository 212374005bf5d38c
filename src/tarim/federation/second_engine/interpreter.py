"""Which interpreter runs the worker, and whether SPU is installed there.

TARIM_FEDERATION_SPU_PYTHON names it; without it this process's own is asked.  An environment of its own is the better way:
`requirements-spu.lock` brings JAX, which nothing else here needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.errors import Unavailable

INTERPRETER: Final = "TARIM_FEDERATION_SPU_PYTHON"
SPU_VERSION: Final = "0.10.0.dev20251211"
"""The version that the worker was written for and tested with; its shares are read by their layout."""
_PROBE_S: Final = 60.0
_FOLDER: Final = Path(__file__).parent


class SecondEngineAbsent(Unavailable):
    """SPU is not installed where it was looked for."""

    code = "second-engine-absent"


@dataclass(frozen=True)
class Readiness:
    """Whether the second engine can be used.  why_not: "" when it can.

    versions: by package; beside them `confinement`, `whole` or what the kernel refuses of it (`spu_worker.confinement`).
    """

    interpreter: Path
    why_not: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return not self.why_not

    def require(self) -> Path:
        """The interpreter.  Raises SecondEngineAbsent."""
        if self.why_not:
            raise SecondEngineAbsent(f"tarim[spu] is not installed 未安装: {self.why_not}")
        return self.interpreter


def interpreter() -> Path:
    """The interpreter that workers are started with."""
    return Path(os.environ.get(INTERPRETER) or sys.executable)


def command(python: Path, call: str, *arguments: str) -> list[str]:
    """The command line that has an interpreter call this of the worker, shut off from its user's settings."""
    start = f"import sys; sys.path.append(sys.argv[1]); from spu_worker import main; main.{call}(*sys.argv[2:])"
    return [str(python), "-I", "-c", start, str(_FOLDER), *arguments]


def second_engine_readiness(python: Path | None = None) -> Readiness:
    """Ask the interpreter; imports SPU there, which takes a second."""
    asked = python or interpreter()
    try:
        with tempfile.TemporaryDirectory(prefix="tarim-spu-") as folder:
            answer = subprocess.run(  # noqa: S603 -- the operator's own setting
                command(asked, "probe", folder), capture_output=True, text=True, timeout=_PROBE_S, check=False, cwd=folder,
                env=environment(Path(folder)),
            )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = "it does not answer" if isinstance(error, subprocess.TimeoutExpired) else error.strerror
        return Readiness(asked, f"{asked}: {reason}")
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or ["it ended without a word"]
        return Readiness(asked, f"{asked}: {lines[-1][:300]}")
    versions = msgspec.json.decode(answer.stdout.splitlines()[-1], type=dict[str, str])
    if versions["spu"] != SPU_VERSION:
        return Readiness(asked, f"{asked}: spu {versions['spu']}, but {SPU_VERSION} is needed", versions)
    return Readiness(asked, "", versions)


def environment(folder: Path) -> dict[str, str]:
    """What a worker's process may know of its surroundings: no key, no token; temporary files in its own folder.

    One OpenMP thread: SPU multiplies matrices with two that wait for each other by spinning, at every 256 rows of the inner
    dimension; with more processes than cores a histogram of 36,168 rows took forty times the processor time.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    home = {"HOME": str(folder), "TMPDIR": str(folder)}
    return kept | home | {"JAX_PLATFORMS": "cpu", "OMP_THREAD_LIMIT": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
