"""The examples of `tarim party demo`: what each company holds, and that most customers are common."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tarim.base.errors import NotFound
from tarim.cli._party_examples import CREDIT_FILES, KEY, LABEL, UCI_FILE, Name, written

SHARED = Path(os.environ.get("TARIM_SHARED", "../shared"))
FILES = {Name.DEPOSITS: [UCI_FILE], Name.DURATION: [UCI_FILE], Name.CREDIT: list(CREDIT_FILES.values())}


def held(folder: Path) -> dict[str, dict[str, list]]:
    return {name: pq.read_table(folder / f"{name}.parquet").to_pydict() for name in ("data", "bank")}


@pytest.mark.parametrize("name", list(Name))
def test_each_company_has_its_columns_and_the_bank_the_label(tmp_path: Path, name: Name) -> None:
    for file in FILES[name]:
        if not (SHARED / "data" / file).exists():
            pytest.skip(f"{file} is not there")
    found = written(name, SHARED / "data", tmp_path)
    tables = held(tmp_path)
    for company, columns in found.columns.items():
        assert set(tables[company]) == {KEY, *columns} | ({LABEL} if company == "bank" else set())
        assert len(set(tables[company][KEY])) == len(tables[company][KEY])
    common = set(tables["data"][KEY]) & set(tables["bank"][KEY])
    assert len(common) > 0.8 * len(tables["data"][KEY])
    assert len(set(tables["bank"][LABEL])) == 2
    assert ("duration" in found.columns["bank"]) is (name is Name.DURATION)


def test_without_files_deposits_are_made_up_and_others_say_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARIM_SHARED", str(tmp_path / "nothing"))
    assert "made-up" in written(Name.DEPOSITS, None, tmp_path).data
    assert set(held(tmp_path)["bank"]) >= {KEY, LABEL, "campaign", "poutcome"}
    for name in (Name.DURATION, Name.CREDIT):
        with pytest.raises(NotFound, match="--files FOLDER"):
            written(name, None, tmp_path)
    with pytest.raises(NotFound, match=UCI_FILE):
        written(Name.DEPOSITS, tmp_path, tmp_path)
