"""Set intersection by libpsi, which comes with SPU: RR22 (Raghuraman, Rindal, CCS 2022) or ECDH on Curve25519.

Identifiers come hashed (32 hex digits each).  Learns: the receivers which of their identifiers the other side has too; both
sides how many the other one has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import spu.psi as psi

from .lines import Line
from .node import connected, require_agreement


def run(
    rank: int,
    lines: list[Line | None],
    job: dict[str, Any],
    folder: Path,
    progress: Callable[[str, int, int], None],
    agreed: str,
) -> None:
    """Leaves out/common.npy at who learns: the identifiers in common, (n,) of S32, in an order common to both."""
    link = connected(rank, lines)
    require_agreement(link, agreed)
    mine = np.load(folder / "identifiers.npy")
    source, target = folder / "identifiers.csv", folder / "common.csv"
    source.write_bytes(b"id\n" + b"\n".join(mine.tolist()) + b"\n")
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
            output_params=psi.OutputParams(path=str(target)),
        ),
        link,
    )
    progress("common customers", 1, 1)
    if rank in learners:
        found = target.read_bytes().split()[1:]
        np.save(folder / "out" / "common.npy", np.array(found, "S32"))
    os.remove(source)
