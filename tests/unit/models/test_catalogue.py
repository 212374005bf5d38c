"""The catalogue of features: complete, in both languages, with who answers for each (ML-10)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.model_runs import put_trained_run, put_training_set, signer_of
from bench.serving import new_data
from tarim.base.errors import DefinitionError
from tarim.bootstrap.packages import Packages
from tarim.bootstrap.places import Places
from tarim.cli import build_app
from tarim.models.catalogue import PAGE, feature_catalogue, page
from tarim.stream import Entity, FeatureSet, reference_features, scenario_features

PAYER = Entity("payer", key="account")


def test_the_page_is_current() -> None:
    """Otherwise: python -m tarim.models.catalogue docs/reference."""
    assert (Path(__file__).parents[3] / "docs" / "reference" / PAGE).read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("features", [reference_features(), scenario_features()])
def test_every_feature_of_the_product_is_explained_and_owned(features: FeatureSet) -> None:
    entries = feature_catalogue(features)
    assert [each.name for each in entries] == list(features.names)
    assert all(each.owner and re.search("[\u4e00-\u9fff]", each.zh) and each.en for each in entries)


def test_an_owner_is_of_a_set_or_of_one_feature_and_changes_no_number() -> None:
    features = (PAYER.count("1h"), PAYER.count("1d"))
    nobody, owned = (
        FeatureSet("mine", *features),
        FeatureSet("mine", *features, owner="a", owners={"payer_count_1d": "b"}),
    )
    assert nobody.owners == ("", "") and owned.owners == ("a", "b")
    assert nobody == owned and nobody.version == owned.version and hash(nobody) == hash(owned)
    with pytest.raises(DefinitionError, match="'payer_count_7d', which it does not have"):
        FeatureSet("mine", *features, owners={"payer_count_7d": "b"})
    for owner in ("x" * 65, "a\nb"):
        with pytest.raises(DefinitionError, match="64 printable"):
            FeatureSet("mine", *features, owner=owner)


def test_the_command_says_what_nobody_answers_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unowned.py").write_text(
        "from tarim.stream import Entity, FeatureSet\n"
        "FEATURES = FeatureSet('mine', Entity('payer', key='account').count('1h'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = CliRunner().invoke(build_app(["models"]), ["models", "features", "--features", "unowned:FEATURES"])
    assert found.exit_code == 1 and "NOBODY 无人负责" in found.output and "1 features have no owner" in found.output
    found = CliRunner().invoke(build_app(["models"]), ["models", "features", "--features", "reference"])
    assert found.exit_code == 0 and found.output.count("model_engineer") == len(reference_features().names)


def test_a_model_with_a_feature_that_nobody_answers_for_is_not_submitted(tmp_path: Path) -> None:
    data = tmp_path / "data"
    new_data(data)
    run = put_trained_run(data, put_training_set(data), trees=3)
    owned, unowned = reference_features(), FeatureSet("reference-46", *reference_features().features)
    card = Packages(Places(data), owned, signer_of(data)).submission(run).card.decode()
    assert '"model_engineer: 46 features",' in card and 'choice = "engineer: ' in card
    with pytest.raises(DefinitionError, match="nobody answers for 46 features"):
        Packages(Places(data), unowned, signer_of(data)).submission(run)
