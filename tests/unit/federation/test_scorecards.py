"""Scorecards: sealed at their party; a contract lets the other party's columns be scored by one, to one of both."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import Damaged, DefinitionError, InputError, NotFound, TooLarge
from tarim.federation import Role, read_scorecard, registered
from tarim.federation.errors import ContractBreach
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.contract import Columns, Contract, Member, Opening
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.scorecards import FILE_BYTES_MAX, Scorecards
from tarim.federation.node.scoring import encrypted_scores, require_columns, scorer
from tarim.federation.node.terms import Output, ScoreTerms
from tarim.privacy import MasterKey
from tests.fakes.federation import QueueChannel, together

MEMBERS = (Member("data", "a" * 64, "b" * 64), Member("bank", "c" * 64, "d" * 64))
PURPOSE = "scores"


def written(folder: Path, content: Any) -> Path:
    path = folder / "card.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("{", DefinitionError, "cannot be read"),
        ({"weights": {}}, DefinitionError, "length >= 1"),
        ({"weights": {"a": "high"}}, DefinitionError, "float"),
        ({"weights": {"a": 1.0}, "cut": 3}, DefinitionError, "cut"),
        ({"weights": {"a": 600.0, "b": -600.0}}, InputError, "divide both"),
        ({"weights": {"a": 1.0}, "bias": 1e6}, InputError, "divide both"),
        (" " * (FILE_BYTES_MAX + 1), TooLarge, "at most"),
    ],
)
def test_what_is_no_scorecard_is_refused(tmp_path: Path, content: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        read_scorecard(written(tmp_path, content), "card")
    assert says in raised.value.detail  # type: ignore[attr-defined]


def test_a_scorecard_lies_sealed_and_its_digest_says_nothing_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, {"weights": {"income": 0.75}, "bias": -1.5})
    one, again = read_scorecard(path, "card"), read_scorecard(path, "card")
    assert one.digest != again.digest, "each has a salt of its own"
    key = MasterKey(os.urandom(32))
    store = Scorecards(tmp_path / "scorecards", key)
    for each in (one, again):
        store.keep(each)
    assert {each.digest for each in store.all()} == {one.digest, again.digest}
    assert (store.get(one.digest).model.weights.tolist(), store.get(one.digest).bias) == ([0.75], -1.5)
    file = next((tmp_path / "scorecards").glob(f"{one.digest}*"))
    assert b"income" not in file.read_bytes() and file.stat().st_mode & 0o077 == 0
    with pytest.raises(NotFound):
        store.get("0" * 64)
    with pytest.raises(Damaged):
        Scorecards(tmp_path / "scorecards", MasterKey(os.urandom(32))).get(one.digest)
    file.rename(file.with_name(f"{'1' * 64}.sealed"))
    with pytest.raises(Damaged):
        store.get("1" * 64)


def contract(
    first: tuple[str, ...] = ("income", "age"), second: tuple[str, ...] = (), to: str = "bank", **terms: Any
) -> Contract:
    columns = [Columns("e" * 64, "phone", IdentifierKind.TEXT, each) for each in (first, second)]
    wanted = ScoreTerms("f" * 64, **terms)
    return Contract("c", PURPOSE, wanted, *MEMBERS, *columns, (Opening(Output.SCORES, to),), 1, 2, 1)


def test_a_contract_names_columns_of_one_party_and_one_that_learns() -> None:
    contract().check()
    contract(first=(), second=("income",), to="data", scales=(10.0,)).check()
    assert (scorer(contract()), scorer(contract((), ("a",)))) == (Role.SECOND, Role.FIRST)
    for wrong in (contract(first=()), contract(second=("calls",)), contract(scales=(1.0,))):
        with pytest.raises(DefinitionError):
            wrong.check()
    both = msgspec.structs.replace(contract(), outputs=tuple(Opening(Output.SCORES, name) for name in ("data", "bank")))
    with pytest.raises(DefinitionError, match="to one party"):
        both.check()
    with pytest.raises(DefinitionError, match="nothing else"):
        msgspec.structs.replace(contract(), outputs=(Opening(Output.CURVE, "bank"),)).check()


def test_a_scorecard_of_other_columns_is_refused(tmp_path: Path) -> None:
    card = read_scorecard(written(tmp_path, {"weights": {"income": 0.5, "age": 0.25}}), "card")
    require_columns(contract(), card)
    for columns in (("age", "income"), ("income",), ("income", "age", "city")):
        with pytest.raises(ContractBreach, match="other columns"):
            require_columns(contract(columns), card)


def rows_of(folder: Path, columns: dict[str, Any]) -> tuple[Rows, Columns]:
    path = folder / "rows.parquet"
    count = len(next(iter(columns.values())))
    pq.write_table(pa.table({"phone": [str(each) for each in range(count)], **columns}), path)
    acquired = datetime.date(2026, 1, 31).isoformat()
    found = registered(
        path, "rows", "phone", purposes=(PURPOSE,), contract_number="1", acquired=acquired, medium="sftp"
    )
    wanted = Columns(found.digest, "phone", IdentifierKind.TEXT, tuple(columns))
    return Rows(found, wanted), wanted


@pytest.mark.parametrize("to", ["data", "bank"])
def test_a_gap_counts_as_nought_and_the_scores_go_to_whom_they_are_opened(tmp_path: Path, to: str) -> None:
    rows, _ = rows_of(tmp_path, {"income": [100.0, None, 300.0], "age": [30.0, 40.0, None]})
    agreed, places = contract(to=to, scales=(100.0, 10.0)), np.array([2, 0, 1])
    card = read_scorecard(written(tmp_path, {"weights": {"income": 2.0, "age": 1.0}, "bias": 0.5}), "card")

    def side(role: Role) -> Any:
        own = card if role is Role.SECOND else None
        return lambda end: encrypted_scores(end, role, agreed, agreed.terms, rows, places, own)  # type: ignore[arg-type]

    found = dict(zip(("data", "bank"), together(side(Role.FIRST), side(Role.SECOND)), strict=True))
    learned = found.pop(to)
    assert learned is not None and list(found.values()) == [None]
    assert (learned.rows, learned.scores) == ((2, 0, 1), (6.5, 5.5, 4.5))


@pytest.mark.parametrize(
    ("columns", "terms", "error", "says"),
    [
        ({"income": [1.0, 300.0]}, {}, InputError, "larger scale"),
        ({"income": ["high", "low"]}, {}, DefinitionError, "holds text"),
        ({"income": [1.0, float("inf")]}, {}, DefinitionError, "infinite"),
        ({"income": [1.0, 2.0, 3.0]}, {"customers_max": 2}, TooLarge, "lets 2 be scored"),
    ],
)
def test_what_cannot_be_scored_ends_before_anything_is_sent(
    tmp_path: Path, columns: dict[str, Any], terms: dict[str, Any], error: type[Exception], says: str
) -> None:
    rows, wanted = rows_of(tmp_path, columns)
    agreed, end = contract(wanted.features, to="data", **terms), QueueChannel(None, None)  # type: ignore[arg-type]
    with pytest.raises(error) as raised:
        encrypted_scores(end, Role.FIRST, agreed, agreed.terms, rows, np.arange(len(rows)), None)  # type: ignore[arg-type]
    assert says in raised.value.detail and not end.sent  # type: ignore[attr-defined]
