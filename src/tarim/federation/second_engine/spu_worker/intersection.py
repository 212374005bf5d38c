"""Set intersection by libpsi, which comes with SPU: RR22 (Raghuraman, Rindal, CCS 2022) or ECDH on Curve25519.

Identifiers come hashed (32 hex digits each).  Learns: the receivers which of their identifiers the other side has too; both
sides how many the other one has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import spu.psi as psi

from .lines import Line
from .node import connected, require_agreement

DIGITS: Final = 32
LOG: Final = "worker.log"
"""What this process and its libraries print."""


def run(
    rank: int,
    links: list[Line | None],
    job: dict[str, Any],
    folder: Path,
    progress: Callable[[str, int, int], None],
    agreed: str,
) -> None:
    """Leaves out/common.npy at who learns: the identifiers in common, (n,) of S32, in an order common to both."""
    link = connected(rank, links)
    require_agreement(link, agreed)
    mine = np.load(folder / "identifiers.npy")
    source, target = folder / "identifiers.csv", folder / "common.csv"
    lines = np.full((len(mine), DIGITS + 1), ord("\n"), np.uint8)
    lines[:, :DIGITS] = mine.view(np.uint8).reshape(-1, DIGITS)
    source.write_bytes(b"id\n" + lines.tobytes())
    progress("common customers", 0, 1)
    learners = job["learners"]
    psi.psi_execute(
        psi.PsiExecuteConfig(
            protocol_conf=psi.PsiProtocolConfig(
                protocol=getattr(psi.PsiProtocol, "PROTOCOL_" + job["method"].upper()),
                receiver_rank=learners[0],
                broadcast_result=len(learners) == 2,
                ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_25519),
            ),
            input_params=psi.InputParams(path=str(source), selected_keys=["id"], keys_unique=True),
            output_params=psi.OutputParams(path=str(target), disable_alignment=True),
        ),
        link,
    )
    if rank in learners:
        written = target.read_bytes()
        content = np.frombuffer(written, np.uint8)[written.index(b"\n") + 1 :].reshape(-1, DIGITS + 1)
        found = np.ascontiguousarray(content[:, :DIGITS]).view(f"S{DIGITS}")[:, 0]
        np.save(folder / "out" / "common.npy", np.sort(found))  # both sides' order; libpsi would start `sort` for it
    progress("common customers", 1, 1)
    _remove_trace(folder)


def _remove_trace(folder: Path) -> None:
    """Of its phases and their times, which libpsi leaves in /tmp for everybody to read; it names the file in its log."""
    for name in re.findall(rb"Trace has been written to (/tmp/psi_[\w-]+\.trace)", (folder / LOG).read_bytes()):
        Path(os.fsdecode(name)).unlink(missing_ok=True)
