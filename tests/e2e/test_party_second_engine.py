"""Two companies' nodes find their common customers by RR22, under a contract that says so; needs SPU (`make test-spu`)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tarim.federation import second_engine_readiness
from tests.e2e.test_party import ROWS, Company, agreed, companies, written

__all__ = ["companies"]


@pytest.fixture(scope="module")
def engine() -> None:
    if not (found := second_engine_readiness()).ready:
        pytest.skip(f"tarim[spu] is not installed: {found.why_not}")


@pytest.mark.slow
def test_common_customers_by_the_second_engine(
    engine: None, companies: tuple[Company, Company, dict[str, np.ndarray], Path]
) -> None:
    data, bank, _, home = companies
    file = written(home, "intersection", outputs='what = "common-customers"\nto = "bank"', label=False,
                   parameters='method = "rr22"')  # fmt: skip
    said = bank.tarim("run", agreed(data, bank, file), person="engineer")
    assert "opened 公开 common-customers -> bank" in said
    run = re.search(r"run 计算 (\w+)", said)[1]
    sides = [json.loads(company.tarim("transcript", run)) for company in (data, bank)]
    (sent, received), (heard, answered) = (
        [side["steps"][0][way] for way in ("sent_bytes", "received_bytes")] for side in sides
    )
    assert (sent, received) == (answered, heard) and sent > 10_000
    assert any(len(json.loads(each.read_text())) == 2 * ROWS // 3 for each in (bank.folder / "results").glob("*.json"))
    assert not (data.folder / "results").exists(), "the data company was to learn nothing"
