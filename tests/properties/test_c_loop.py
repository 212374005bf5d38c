"""The C loop is the engine's own kernel: same state, same features, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.c_loop import CLoop, compiler
from bench.reference_events import Shape, reference_rows
from tarim.stream import Engine, reference_features


@pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine; the C loop is a measurement only")
def test_the_c_loop_and_the_engine_agree_to_the_bit(tmp_path: Path):
    """Thirty busy customers, so that rings grow large, with late events and a queue a day late."""
    rows = reference_rows(Shape(events=6_000, customers=30, day_late_events=100))
    features = reference_features()
    ours, theirs = (np.full((len(rows), len(features.names)), -7.0) for _ in range(2))
    engine, loop = Engine(features), CLoop(features, tmp_path)
    engine.process(rows.copy(), ours)
    loop.process(rows.copy(), theirs)
    assert any(use.large_rings for use in engine.memory().entities)
    assert ours.tobytes() == theirs.tobytes()
    assert engine.memory() == loop.engine.memory()
