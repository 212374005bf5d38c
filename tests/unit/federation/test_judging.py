"""Cross-validation and importance between two sides: only what is agreed is opened, and what tells is found to tell."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import DefinitionError
from tarim.federation import Contract, Member, Role, Session, registered
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.contract import Columns, Opening
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.engines import PROTOCOLS, Engine
from tarim.federation.node.judging import cross_validated, importances, shares_gained
from tarim.federation.node.terms import BoostingTerms, CrossTerms, LogisticTerms, Output
from tarim.federation.node.trainings import Side, training_of
from tests.fakes.federation import in_session

ROWS = 400
MEMBERS = (Member("data", "1" * 64, "1" * 64), Member("bank", "2" * 64, "2" * 64))


@pytest.fixture
def data_sets(tmp_path: Path):
    """Each side's rows, in one order: what tells is `income` and `plan` of the first party and `balance` of the second."""
    draw = np.random.default_rng(1)
    income, age, balance = draw.normal(size=(3, ROWS))
    plan = draw.choice(["basic", "gold", "none"], ROWS)
    label = (1.5 * income + 1.5 * (plan == "gold") + balance + draw.normal(0, 0.5, ROWS) > 1).astype(int)
    keys = [str(number) for number in range(ROWS)]
    tables = {"first": {"income": income, "age": age, "plan": plan}, "second": {"balance": balance, "y": label}}
    found = []
    for name, columns in tables.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"key": keys} | columns), path)
        found.append(
            registered(path, name, "key", purposes=("p",), contract_number="c", acquired="2026-01-01", medium="m")
        )
    return found


def contract_of(data_sets, terms, what: Output) -> Contract:
    columns = [
        Columns(each.digest, "key", IdentifierKind.TEXT, features, label)
        for each, features, label in zip(data_sets, (("income", "age", "plan"), ("balance",)), ("", "y"), strict=True)
    ]
    contract = Contract("c", "p", terms, *MEMBERS, *columns, (Opening(what, "bank"),), 1, 2, 1)
    contract.check()
    return contract


def side_of(session: Session, contract: Contract, data_sets) -> Side:
    rows, places = Rows(data_sets[session.role], contract.data(session.role)), np.arange(ROWS)
    labels = None if session.first else rows.labels()[places]
    return Side(session.channel, contract, session.role, rows, places, labels)


@pytest.mark.parametrize("model", [LogisticTerms(batch_rows=64, epochs=4), BoostingTerms(trees=1, depth=1)])
def test_cross_validation_judges_each_row_once_a_seed(data_sets, model) -> None:
    terms = CrossTerms(model, folds=2, seeds=(1, 7))
    contract = contract_of(data_sets, terms, Output.CURVE)

    def act(session: Session):
        side = side_of(session, contract, data_sets)
        found = cross_validated(session, side, training_of(side, model), terms, lambda *_: None)
        return found, [(each.what, each.recipient) for each in session.openings]

    (nothing, _), (found, opened) = in_session(act)
    assert nothing == {}
    areas = [value for name, value in found.items() if name.startswith("seed") and name.endswith("auc")]
    assert len(areas) == 4 and len(set(areas)) > 1, "folds and seeds differ"
    assert found["auc mean"] == pytest.approx(np.mean(areas), abs=1e-4)
    assert found["auc spread"] == pytest.approx(np.std(areas), abs=1e-4)
    assert found["auc mean"] > (0.9 if isinstance(model, LogisticTerms) else 0.65)
    curves = [each for each in opened if not each[0].startswith(("whose", "the split"))]
    assert curves == [("curve", Role.SECOND)] * 4


def test_a_column_that_tells_is_important_and_one_that_does_not_is_not(data_sets) -> None:
    terms = LogisticTerms(batch_rows=64, epochs=4)
    contract = contract_of(data_sets, terms, Output.IMPORTANCE)

    def act(session: Session):
        side = side_of(session, contract, data_sets)
        training, rows = training_of(side, terms), np.arange(ROWS)
        model = training.fit(session, rows, lambda *_: None, lambda _: None, None)
        return importances(session, side, training, model, rows, lambda *_: None)

    nothing, found = in_session(act)
    assert nothing == {}
    assert found.keys() == {f"importance {name}" for name in ("data.income", "data.age", "data.plan", "bank.balance")}
    assert min(found["importance data.income"], found["importance bank.balance"], found["importance data.plan"]) > 0.03
    assert abs(found["importance data.age"]) < 0.01


@pytest.mark.parametrize("what", [Output.GAIN, Output.CURVE])
def test_gain_by_column_is_opened_where_the_contract_names_it_and_not_counted_elsewhere(
    data_sets, what: Output
) -> None:
    terms = BoostingTerms(trees=1, depth=2)
    contract = contract_of(data_sets, terms, what)

    def act(session: Session):
        side = side_of(session, contract, data_sets)
        training, kept = training_of(side, terms), []
        model = training.fit(session, np.arange(ROWS), lambda *_: None, kept.append, None)
        opened = len(session.openings)
        if what is Output.GAIN:
            # As at a run that goes on from custody: what was gained is part of the state.
            model = training.fit(session, np.arange(ROWS), lambda *_: None, lambda _: None, kept[0])
        found = shares_gained(session, side, model) if what is Output.GAIN else {}
        return [len(tree.gained) for tree in model.trees.trees], found, session.openings[opened:]

    (counted, nothing, opened), (_, found, _) = in_session(act)
    assert nothing == {}
    if what is Output.CURVE:
        assert counted == [0] and found == {} and not opened
        return
    assert counted == [4] and [(each.what, each.recipient, each.shape) for each in opened] == [
        ("gain", Role.SECOND, (4,))
    ]
    assert list(found) == [f"gain {name}" for name in ("data.income", "data.age", "data.plan", "bank.balance")]
    assert sum(found.values()) == pytest.approx(1, abs=0.004) and found["gain data.income"] > 0.4


def test_gain_is_opened_of_trees_by_the_own_engine_alone(data_sets) -> None:
    trees = contract_of(data_sets, BoostingTerms(trees=1, depth=1), Output.GAIN)
    for terms in (LogisticTerms(), CrossTerms(BoostingTerms())):
        with pytest.raises(DefinitionError, match=r"opens .*, and nothing else"):
            msgspec.structs.replace(trees, terms=terms).check()
    with pytest.raises(DefinitionError, match="does not count what columns gain"):
        msgspec.structs.replace(trees, protocol=PROTOCOLS[Engine.CHEETAH]).check()
