"""A ruleset that another process prepared is the one that would have been compiled here, or it is refused."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Damaged
from tarim.rules import HIT_WORDS, MEMBER_WORDS, compile_ruleset, load_prepared, prepare_ruleset
from tarim.stream import Channel, Col, empty_rows

NAMES = ("a", "b")
TEXT = """name = "made elsewhere"

[[policy.bands]]
at_least = 0.5
outcome = "challenge"
name = "high"
reason = "高"
reason_en = "high"

[[rule]]
id = "one"
when = 'a > 3 and device_id in list "bad" or score >= 0.5'
outcome = "suspend"
weight = 10
scenario = "test"
reason = "测试"
reason_en = "test"
channels = ["mobile"]
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    folder = tmp_path_factory.mktemp("cache")
    return prepare_ruleset(TEXT, NAMES, folder), folder


def test_it_is_the_ruleset_that_would_be_compiled_here(prepared: tuple[bytes, Path]) -> None:
    made, folder = prepared
    loaded, compiled = load_prepared(made, TEXT, NAMES, folder), compile_ruleset(TEXT, NAMES)
    for name in ("name", "version", "text", "feature_names", "rules", "bands", "probes"):
        assert getattr(loaded, name) == getattr(compiled, name), name
    assert isinstance(loaded.rules[0].channels[0], Channel)
    rows = empty_rows(6)
    rows[:, Col.CHANNEL] = [Channel.MOBILE, Channel.MOBILE, Channel.MOBILE, Channel.MOBILE, Channel.ATM, Channel.MOBILE]
    features = np.array([[9.0, 0], [9, 0], [1, 0], [1, 0], [9, 0], [np.nan, 0]])
    scores = np.array([np.nan, 0.1, 0.9, 0.1, 0.9, np.nan])
    members = np.zeros((6, MEMBER_WORDS), np.uint64)
    members[[0, 4, 5], 0] = 1
    hits = [np.zeros((6, HIT_WORDS), np.uint64) for _ in range(2)]
    loaded.evaluate(rows, features, scores, members, hits[0])
    compiled.evaluate(rows, features, scores, members, hits[1])
    assert hits[0][:, 0].tolist() == hits[1][:, 0].tolist() == [1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("what", ["text", "features", "bytes"])
def test_what_was_prepared_from_something_else_is_refused(prepared: tuple[bytes, Path], what: str) -> None:
    made, folder = prepared
    text = TEXT + "# another\n" if what == "text" else TEXT
    names = ("b", "a") if what == "features" else NAMES
    with pytest.raises(Damaged):
        load_prepared(made[:-3] if what == "bytes" else made, text, names, folder)


def test_a_cache_that_has_lost_it_or_was_tampered_with_is_named(prepared: tuple[bytes, Path], tmp_path: Path) -> None:
    made, folder = prepared
    with pytest.raises(Damaged, match="are gone"):
        load_prepared(made, TEXT, NAMES, tmp_path)
    (source,) = folder.glob("*.py")
    (tmp_path / source.name).write_text(source.read_text() + "\n")
    with pytest.raises(Damaged, match="not what was kept"):
        load_prepared(made, TEXT, NAMES, tmp_path)


def test_byte_code_lies_beside_it_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    for _ in range(2):  # the second time the source is there already
        compile_ruleset(TEXT, NAMES, tmp_path)
        (source,) = tmp_path.glob("*.py")
        code = Path(importlib.util.cache_from_source(str(source)))
        assert code.exists()
        code.unlink()
