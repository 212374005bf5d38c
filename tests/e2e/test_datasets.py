"""Training data out of a journal: what production computed, what was known, and every changed byte."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench.serving import new_data
from tarim.base.errors import Damaged, InputError, NotAllowed, NotFound, TarimError
from tarim.base.instants import DAY_MS
from tarim.bootstrap.datasets import Cut, cut_dataset, cut_files, signer_of
from tarim.bootstrap.house import House
from tarim.bootstrap.lists import ListDesk
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.models import Dataset, DatasetManifest, SampleRole, find_dataset, load_dataset, read_manifest, verify_dataset
from tarim.models.datasets import Unlabelled, every_dataset
from tarim.screening import RawRow, define_list

CHINA = timezone(timedelta(hours=8))
START = datetime(2026, 1, 5, tzinfo=CHINA)


def tarim(*arguments: object, env: dict[str, str] | None = None, status: int = 0) -> str:
    """Run a command; what it printed on standard output.  Raises what the command raises."""
    words = [str(each) for each in arguments]
    done = CliRunner().invoke(build_app([words[0]]), words, env=env, catch_exceptions=False)
    assert done.exit_code == status, done.output
    return done.stdout


class Bank:
    """A data folder, and the keys of its persons by scope."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.keys = new_data(self.data)

    def environment(self, scope: str = "models", **settings: str) -> dict[str, str]:
        return {"TARIM_KEY": self.keys[scope], **settings}

    def cut(self, cut: Cut, **settings: str) -> tuple[Path, DatasetManifest]:
        environment = self.environment(**settings)
        return cut_dataset(settings_of(self.data, environment), Places(self.data), environment, cut)

    @property
    def signer(self) -> Any:
        return signer_of(Places(self.data), {})


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Twenty days of a small bank with labels, replayed: bank/sim, bank/data, bank/out."""
    made = Bank(tmp_path_factory.mktemp("bank"))
    size = ("--customers", 1200, "--events-per-day", 800, "--days", 20, "--crime-share", 0.03, "--labels")
    tarim("simulate", made.folder / "sim", *size, "--late-share", 0.05, "--late-ms-max", 3_000_000)
    files = sorted((made.folder / "sim").glob("events-*.parquet"))
    tarim("replay", *files, "--data", made.data, "--no-snapshot", "--out", made.folder / "out")
    return made


WHOLE = Cut("whole", label_delay_ms=2 * DAY_MS)


def test_features_are_those_production_computed_byte_for_byte(bank: Bank) -> None:
    folder, manifest = bank.cut(WHOLE)
    dataset = load_dataset(folder, bank.signer)
    live = pq.read_table(bank.folder / "out" / "features.parquet")
    at = np.searchsorted(live["seq"].to_numpy(), dataset.seq)
    assert len(dataset) == manifest.rows > 5_000 and dataset.features.shape == (manifest.rows, 46)
    for place, name in enumerate(dataset.names):
        column = np.ascontiguousarray(dataset.features[:, place])
        assert live[name].to_numpy()[at].tobytes() == column.tobytes(), name
    assert {role.role for role in manifest.roles} == {SampleRole.TRAINING, SampleRole.VALIDATION, SampleRole.TEST}
    for role in manifest.roles:
        rows = dataset.rows_of(role.role)
        assert len(rows) == role.rows and dataset.labels[rows].sum() == role.frauds
        occurred = dataset.occurred_ms[rows]
        assert role.from_ms <= occurred.min() and occurred.max() < role.until_ms == role.to_ms - 2 * DAY_MS
        assert (dataset.known_ms[rows] <= occurred + 2 * DAY_MS).all()
    assert manifest.roles[0].frauds > 10 and dataset.weight.tolist() == [1.0] * len(dataset)


def test_every_event_is_a_row_or_left_out_for_a_reason(bank: Bank) -> None:
    _, manifest = bank.cut(
        replace(
            WHOLE,
            kinds=("transfer", "login"),
            unlabelled=Unlabelled.LEFT_OUT,
            starts_ms={SampleRole.TEST: ms(10)},
            label_delay_ms=5 * DAY_MS,
        )
    )
    left = manifest.left_out
    events = pq.read_metadata(bank.folder / "out" / "features.parquet").num_rows
    assert sum(getattr(left, name) for name in left.__struct_fields__) + manifest.rows == events
    assert left.filtered and left.gap and left.unlabelled and left.labels == manifest.label_counts.all
    assert manifest.population == events - left.labels - left.filtered - left.unauthorised


def test_the_same_cut_gives_the_same_bytes_wherever_it_starts(bank: Bank, tmp_path: Path) -> None:
    """Again, from a snapshot, and out of the files; the samples have the same ids."""
    span = replace(WHOLE, from_ms=ms(8), to_ms=ms(20), label_delay_ms=DAY_MS)
    first, second = (bank.cut(span)[1] for _ in range(2))
    assert first.data_digest == second.data_digest and first.digest != second.digest  # the times of the cuts differ
    tarim("snapshot", "--data", bank.data)
    later = Bank(tmp_path)
    shutil.rmtree(later.data)
    shutil.copytree(bank.data, later.data)
    later.keys = bank.keys
    with House(settings_of(later.data, {}), Places(later.data), {}) as house:
        decide(house, [event(f"after{at}", 20.5 + at / 4) for at in range(8)])
    warm = replace(span, from_ms=ms(20), to_ms=None, starts_ms={SampleRole.TEST: ms(21)}, label_delay_ms=0)
    from_snapshot = later.cut(warm)[1]
    shutil.rmtree(later.data / "snapshots")
    assert later.cut(warm)[1].data_digest == from_snapshot.data_digest
    from tarim.intake import read_file

    files = sorted((bank.folder / "sim").glob("events-*.parquet"))
    environment = bank.environment(TARIM_DATASETS_SOURCES="cards, app, core")
    settings = settings_of(bank.data, environment)
    tables = (table for path in files for table in read_file(path))
    _, out_of_files = cut_files(settings, Places(bank.data), environment, span, tables, ["00"] * len(files))
    assert out_of_files.rows == first.rows and out_of_files.span.kind == "files"
    assert [role.frauds for role in out_of_files.roles] == [role.frauds for role in first.roles]


def ms(day: float) -> int:
    return int((START + timedelta(days=day)).timestamp() * 1000)


def event(event_id: str, day: float, **more: object) -> dict[str, object]:
    at = (START + timedelta(days=day)).isoformat(timespec="milliseconds")
    base: dict[str, object] = {"event_id": event_id, "source": "core", "kind": "transfer", "occurred_at": at}
    person = sum(map(ord, event_id)) % 7
    base |= {"customer": f"C{person}", "account": f"62000000000000{person:02}", "payee_account": f"P{person % 3}"}
    return base | {"amount_fen": 100_000 + person} | more


def label(about: str, day: float, fraud: bool, dated: float | None = None) -> dict[str, object]:
    at = (START + timedelta(days=day if dated is None else dated)).isoformat(timespec="milliseconds")
    said: dict[str, object] = {"event_id": f"label-{about}-{day}-{fraud}", "source": "core", "kind": "label"}
    said |= {"customer": f"C{sum(map(ord, about)) % 7}"}
    return said | {"occurred_at": at, "refers_to": about, "label": "fraud" if fraud else "genuine"}


def decide(house: House, events: list[dict[str, object]]) -> None:
    """One at a time, in this order."""
    for each in events:
        taken = house.service.take(house.intake.messages(json.dumps([each]).encode()))
        assert not taken.refused, taken.refused
    house.service.commit()


def story(folder: Path, planted: list[dict[str, object]], listed_day: float | None = None) -> Bank:
    """Thirty days of ten transfers each, labels where they are planted, and a payee listed at the end of a day."""
    made = Bank(folder)
    (made.data / "master.key").write_bytes(base64.b64encode(bytes(range(32))))  # so that tokens are the same
    days = [event(f"e{at}", at / 10) for at in range(300)]
    days += [label(f"e{at}", at / 10 + 2, True) for at in range(3, 200, 10)]
    journal = sorted([*days, *planted], key=lambda each: str(each.get("comes", each["occurred_at"])))
    with House(settings_of(made.data, {}), Places(made.data), {}, lenient=True) as house:
        desk = ListDesk(house.lists, house.service)
        for day in range(40):
            until = (START + timedelta(days=day + 1)).isoformat(timespec="milliseconds")
            begin = (START + timedelta(days=day)).isoformat(timespec="milliseconds")
            today = [each for each in journal if begin <= str(each.get("comes", each["occurred_at"])) < until]
            decide(house, [{name: value for name, value in each.items() if name != "comes"} for each in today])
            if day == listed_day:
                for proposal in (
                    lambda: house.lists.propose_list(define_list("suspects", "black", "payee_account"), "A", "because"),
                    lambda: house.lists.propose_entries("suspects", [RawRow(1, {"value": "P1"})], "A", "police", "x")[
                        0
                    ],
                ):
                    made_one = proposal().proposal
                    asyncio.run(desk.approve(made_one.id, "B", made_one.digest))
    return made


SPAN = Cut(
    "story", to_ms=ms(25), starts_ms={SampleRole.VALIDATION: ms(15), SampleRole.TEST: ms(20)}, label_delay_ms=3 * DAY_MS
)


def loaded(made: Bank) -> Dataset:
    return load_dataset(made.cut(SPAN)[0], made.signer)


def same_rows(one: Dataset, other: Dataset) -> bool:
    """Whether all columns but the positions are the same, to the bit: what is planted moves positions."""
    columns = ("features", "labels", "occurred_ms", "known_ms", "weight", "amount_fen", "customer", "entity", "role")
    same = all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in columns[:-1])
    return (
        same
        and one.role.tolist() == other.role.tolist()
        and {name: values.tolist() for name, values in one.segments.items()}
        == {name: values.tolist() for name, values in other.segments.items()}
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The set of the story with nothing planted."""
    return loaded(story(tmp_path_factory.mktemp("told"), []))


def comes(said: dict[str, object], day: float) -> dict[str, object]:
    """Something that reaches the journal on a later day than it is dated."""
    return said | {"comes": (START + timedelta(days=day)).isoformat(timespec="milliseconds")}


def test_what_came_after_the_span_changes_no_byte(told: Dataset, tmp_path: Path) -> None:
    after = [label(f"e{at}", 26, True) for at in range(0, 240, 7)]
    found = loaded(story(tmp_path, after, listed_day=25))
    assert found.manifest.data_digest == told.manifest.data_digest
    assert found.manifest.roles == told.manifest.roles


def test_what_was_not_known_in_time_changes_no_row(told: Dataset, tmp_path: Path) -> None:
    """Labels after the delay, and labels that are dated back but came after it."""
    beyond_delay = [label(f"e{at}", at / 10 + 3.5, True) for at in (11, 51, 91, 171)]
    dated_back = [comes(label(f"e{at}", at / 10 + 5, True, dated=at / 10 + 1), at / 10 + 5) for at in (12, 52, 162)]
    found = loaded(story(tmp_path, [*beyond_delay, *dated_back], listed_day=None))
    assert same_rows(found, told)
    assert found.manifest.label_counts.frauds_late == 6 and told.manifest.label_counts.frauds_late == 0


def test_what_was_known_in_time_counts(told: Dataset, tmp_path: Path) -> None:
    """The same plants, early enough: the tests above can fail."""
    made = story(tmp_path, [label(f"e{at}", at / 10 + 2.5, True) for at in (11, 51, 91)], listed_day=4)
    found = loaded(made)
    assert not same_rows(found, told)
    assert found.labels.sum() == told.labels.sum() + 3 and (found.features == told.features).sum() > 0
    listed = found.segments["listed"] == "yes"
    assert listed.any() and (~listed[found.occurred_ms >= ms(5)]).any() and found.occurred_ms[listed].min() >= ms(5)
    assert set(told.segments["listed"]) == {"no"}


def test_only_the_sources_of_labels_that_are_named_count(told: Dataset, tmp_path: Path) -> None:
    """A label comes from the source of its event; another source's is not believed."""
    made = story(tmp_path, [event("x", 3.01, source="shop"), label("x", 4, True) | {"source": "shop"}])
    everybody = load_dataset(made.cut(SPAN)[0], made.signer)
    assert everybody.labels.sum() == told.labels.sum() + 1
    named = load_dataset(made.cut(replace(SPAN, label_sources=("core",)))[0], made.signer)
    assert named.labels.sum() == told.labels.sum() and len(named) == len(everybody) == len(told) + 1


def test_a_sample_keeps_every_fraud_and_weighs_the_rest(told: Dataset, bank: Bank) -> None:
    whole = load_dataset(bank.cut(WHOLE)[0], bank.signer)
    part = load_dataset(bank.cut(replace(WHOLE, genuine_share=0.25, seed=3))[0], bank.signer)
    training, sampled = whole.rows_of("training"), part.rows_of("training")
    assert whole.labels[training].sum() == part.labels[sampled].sum()
    assert part.weight[sampled].sum() == pytest.approx(len(training), rel=0.03)
    assert set(part.weight[part.labels == 1]) == {1.0} and 4.0 in part.weight[sampled]
    assert len(part.rows_of("test")) == len(whole.rows_of("test"))
    assert part.manifest.left_out.sampled == len(training) - len(sampled)


# ---- who, and from whom ----------------------------------------------------------------------------------------------


def test_an_anonymous_cut_is_refused(bank: Bank) -> None:
    settings, places = settings_of(bank.data, {}), Places(bank.data)
    before = (
        sorted(path.name for path in (bank.data / "datasets").iterdir()) if (bank.data / "datasets").exists() else []
    )
    for environment, words in (
        ({}, "anonymous run is refused"),
        ({"TARIM_KEY": "nobody's"}, "not known"),
        (bank.environment("read"), "no scope models"),
    ):
        with pytest.raises(NotAllowed, match=words):
            cut_dataset(settings, places, environment, WHOLE)
    after = (
        sorted(path.name for path in (bank.data / "datasets").iterdir()) if (bank.data / "datasets").exists() else []
    )
    assert before == after


def test_a_source_that_is_not_registered_is_refused(bank: Bank) -> None:
    with pytest.raises(NotAllowed, match="source 'cards': it is not registered"):
        bank.cut(WHOLE, TARIM_DATASETS_SOURCES="core, app")
    assert bank.cut(replace(WHOLE, sources=("core", "app")), TARIM_DATASETS_SOURCES="core, app")[1].sources == [
        "app",
        "core",
    ]
    file = bank.folder / "strange.jsonl"
    file.write_text("".join(json.dumps(event(f"s{at}", at / 10)) + "\n" for at in range(200)), encoding="utf-8")
    from tarim.intake import read_file

    environment = bank.environment()
    for where in ("", "core"):
        settings = settings_of(bank.data, {"TARIM_DATASETS_SOURCES": where})
        cut = replace(WHOLE, label_delay_ms=0)
        if where:
            assert cut_files(settings, Places(bank.data), environment, cut, read_file(file), ["00"])[1].rows > 100
        else:
            with pytest.raises(NotAllowed, match="not registered"):
                cut_files(settings, Places(bank.data), environment, cut, read_file(file), ["00"])
    assert not [path for path in (bank.data / "datasets").iterdir() if path.name.startswith(".")]


def test_a_cut_without_rows_leaves_nothing(bank: Bank) -> None:
    with pytest.raises(InputError, match="no event of the span becomes a row"):
        bank.cut(replace(WHOLE, kinds=("reversal",)))
    with pytest.raises(InputError, match="nothing of it is left"):
        bank.cut(replace(WHOLE, label_delay_ms=30 * DAY_MS))
    assert not [path for path in (bank.data / "datasets").iterdir() if path.name.startswith(".")]


# ---- every changed byte ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(told: Dataset) -> tuple[Path, Any]:
    """A small set and its signer."""
    return told.folder, signer_of(Places(told.folder.parents[1]), {})


def copies(folder: Path, into: Path) -> Iterator[Path]:
    """Fresh copies of a set, under its own name."""
    for at in range(10_000):
        copied = into / str(at) / folder.name
        shutil.copytree(folder, copied)
        yield copied
        shutil.rmtree(copied.parent)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "data.parquet"])
def test_every_changed_byte_is_found(name: str, signed: tuple[Path, Any], tmp_path: Path) -> None:
    """All bytes of signature and a spread of those of the manifest and of the data: header, pages, footer, length, magic."""
    folder, signer = signed
    copied = next(copies(folder, tmp_path))
    verify_dataset(copied, signer)
    content = bytearray((folder / name).read_bytes())
    chosen = (
        range(len(content))
        if len(content) < 2_000
        else sorted(
            {*range(64), *range(len(content) - 64, len(content)), *range(0, len(content), max(1, len(content) // 400))}
        )
    )
    for place in chosen:
        changed = bytes(content[:place]) + bytes([content[place] ^ (1 << place % 8)]) + bytes(content[place + 1 :])
        (copied / name).write_bytes(changed)
        with pytest.raises(Damaged):
            verify_dataset(copied, signer)
    for changed in (bytes(content[:-1]), bytes(content) + b" ", b""):
        (copied / name).write_bytes(changed)
        with pytest.raises(Damaged):
            load_dataset(copied, signer)
    (copied / name).unlink()
    with pytest.raises(NotFound):
        verify_dataset(copied, signer)


def test_files_of_other_sets_and_foreign_files_are_found(signed: tuple[Path, Any], bank: Bank, tmp_path: Path) -> None:
    """A whole set under another name, another house's signature, data of another set, and a file that does not belong."""
    folder, signer = signed
    renamed = tmp_path / "0123456789abcdef"
    shutil.copytree(folder, renamed)
    with pytest.raises(Damaged, match="holds the training set"):
        verify_dataset(renamed, signer)
    with pytest.raises(Damaged, match="another installation"):
        verify_dataset(folder, bank.signer)
    copied = next(copies(folder, tmp_path))
    other = bank.cut(WHOLE)[0]
    shutil.copy(other / "data.parquet", copied / "data.parquet")
    with pytest.raises(Damaged, match="not the file whose digest was signed"):
        verify_dataset(copied, signer)
    shutil.copy(folder / "data.parquet", copied / "data.parquet")
    (copied / "notes.txt").write_text("by hand", encoding="utf-8")
    with pytest.raises(Damaged, match=r"notes\.txt does not belong"):
        verify_dataset(copied, signer)


def test_a_manifest_tells_what_the_standard_asks_for(told: Dataset) -> None:
    """Acquisition, join, medium, volume, dimensions, form, roles with windows and marks (AS-10, AS-14)."""
    manifest = told.manifest
    assert manifest.medium and manifest.rows == len(told) and manifest.data_bytes > 0
    assert len(manifest.columns) == 15 + len(manifest.features.names)
    assert 0 < manifest.acquired_first_ms <= manifest.acquired_last_ms <= manifest.began_ms
    assert manifest.began_ms <= manifest.joined_ms <= manifest.ended_ms
    assert manifest.operator.name == "models" and manifest.features.set_name == "reference-46"
    assert len(manifest.span.journal_digest) == 64 and manifest.software.keys() >= {"tarim", "pyarrow", "numpy"}
    for role in manifest.roles:
        assert role.id.startswith(role.role.value) and role.note_en and role.note_zh
        assert {each.division for each in role.representation} == {
            "kind", "channel", "amount", "region", "source", "listed",
        }  # fmt: skip
        assert sum(each.rows for each in role.shares if each.division == "kind") == role.rows


# ---- the command line ------------------------------------------------------------------------------------------------


def test_the_commands(bank: Bank, tmp_path: Path) -> None:
    where = ("--data", bank.data)
    options = ("--label-delay", "5d", "--test-from", "2026-01-16")
    made = json.loads(tarim("datasets", "cut", "by hand", *where, *options, "--json", env=bank.environment()))
    digest = made["digest"]
    assert find_dataset(bank.data / "datasets", digest) == Path(made["folder"])
    listed = json.loads(tarim("datasets", "list", *where, "--json"))
    assert digest in [each["digest"] for each in listed]
    assert "by hand" in tarim("datasets", "list", *where)
    shown = tarim("datasets", "show", digest[:8], *where)
    assert digest in shown and "training-" in shown
    assert json.loads(tarim("datasets", "show", digest[:8], *where, "--json"))["rows"] == made["rows"]
    assert "as signed" in tarim("datasets", "verify", digest, *where)
    report = tmp_path / "report.json"
    text = tarim("datasets", "check", digest[:8], *where, "--out", report, "--threads", 1)
    assert "cross-fitted AUC" in text and "rules decide here" in text
    assert json.loads(report.read_bytes())["dataset"] == digest
    with pytest.raises(NotFound):
        tarim("datasets", "show", "0" * 16, *where)
    with pytest.raises(InputError, match="at least 4"):
        tarim("datasets", "show", "zz", *where)
    with pytest.raises(NotAllowed):
        tarim("datasets", "cut", "nobody's", *where, env={"TARIM_KEY": ""})


def test_a_damaged_set_is_named_beside_the_good_ones(bank: Bank, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(bank.data, data, ignore=shutil.ignore_patterns("journal", "snapshots"))
    first = sorted((data / "datasets").iterdir())[0]
    (first / "manifest.sig").write_bytes(bytes(64))
    found = dict(every_dataset(data / "datasets", bank.signer))
    assert isinstance(found[first], TarimError) and len(found) > 1
    assert sum(isinstance(each, TarimError) for each in found.values()) == 1
    assert first.name in tarim("datasets", "verify", "--data", data, status=1)
    with pytest.raises(Damaged):
        read_manifest(first, bank.signer)
