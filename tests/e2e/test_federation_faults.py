"""Two real nodes, and a fault at some moment of a run: what lives ends in time, nothing is opened by half."""

from __future__ import annotations

import pytest

from bench.federation_faults import FAULTS, measured


@pytest.mark.slow
def test_no_hang_and_no_half_opened_result_whatever_dies() -> None:
    """Each fault twice, in either algorithm; `bench.federation_faults` takes fifty moments."""
    found = measured(2 * len(FAULTS), seed=7)
    assert found["troubles"] == {}
    assert found["met_a_run"] > len(FAULTS), "most faults have to meet a run"
