"""Training sets and runs in a data folder, for benchmarks and tests of what comes after training.

The rows are made from a seed, not cut from a journal; set and run are signed by the data folder's own key, the model is trained
by the laboratory, and everything is checked as if it were real.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.places import Places
from tarim.models.datasets.folder import put_dataset
from tarim.models.datasets.manifest import (
    DIVISIONS,
    FORMAT,
    LEADING,
    DatasetManifest,
    FeatureUse,
    Filters,
    LabelCounts,
    LabelRule,
    LeftOut,
    Operator,
    RoleRecord,
    SampleRole,
    Sampling,
    Span,
    Unlabelled,
    columns_of,
)
from tarim.privacy import Signer, load_master_key

START_MS: Final = 1_780_000_000_000
DAY_MS: Final = 86_400_000
ROWS: Final = 4_000
WORDS: Final = (
    "business_definition",
    "algorithm_rationale",
    "feature_rationale",
    "intended_use",
    "limitations",
    "fallback",
)


def signer_of(data: Path) -> Signer:
    """The data folder's signer."""
    return Signer.of(load_master_key(Places(data).master_key, {}))


def put_training_set(data: Path, *, seed: int = 0, features: str = "reference") -> Path:
    """A signed training set of made-up rows; its folder."""
    import hashlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen = feature_set(features)
    rng = np.random.default_rng(seed)
    table = np.round(rng.lognormal(2, 1, (ROWS, len(chosen.names))), 3)
    odds = -4 + 1.5 * np.log(table[:, 0]) + 0.8 * np.log(table[:, 1])
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-odds + 2.0))).astype(np.int64)
    occurred = START_MS + np.sort(rng.integers(0, 90 * DAY_MS, ROWS))
    roles = np.where(np.arange(ROWS) < 2_400, "training", np.where(np.arange(ROWS) < 3_200, "validation", "test"))
    leading: dict[str, Any] = {
        "seq": np.arange(ROWS),
        "occurred_ms": occurred,
        "known_ms": occurred + 7 * DAY_MS,
        "role": roles,
        "label": labels,
        "weight": np.ones(ROWS),
        "customer": rng.integers(1, 500, ROWS),
        "entity": rng.integers(1, 500, ROWS),
        "amount_fen": rng.integers(100, 10**6, ROWS),
    }
    assert list(leading) == list(LEADING)
    columns = leading | {name: np.full(ROWS, "any", object) for name in DIVISIONS}
    columns |= {name: table[:, at] for at, name in enumerate(chosen.names)}
    cutting = Places(data).datasets / ".cutting"
    cutting.mkdir(parents=True)
    file = cutting / "data.parquet"
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), file)
    content = file.read_bytes()
    counts = [("training", 0, 2_400), ("validation", 2_400, 3_200), ("test", 3_200, ROWS)]
    manifest = DatasetManifest(
        format=FORMAT,
        name=f"made from seed {seed}",
        operator=Operator("key", "engineer"),
        span=Span("journal", 0, ROWS, None, None, START_MS, START_MS + 100 * DAY_MS, "00" * 32, [], 0),
        filters=Filters([], [], [], "customer"),
        labels=LabelRule(7 * DAY_MS, [], Unlabelled.GENUINE),
        features=FeatureUse(features, chosen.version, list(chosen.names)),
        sampling=Sampling(seed, 1.0),
        roles=[_role(role, first, end, labels, occurred) for role, first, end in counts],
        population=ROWS,
        left_out=LeftOut(0, 0, 0, 0, 0, 0, 0),
        label_counts=LabelCounts(int(labels.sum()), 0, 0),
        sources=["bench"],
        acquired_first_ms=START_MS,
        acquired_last_ms=START_MS + 90 * DAY_MS,
        began_ms=START_MS,
        joined_ms=START_MS,
        ended_ms=START_MS,
        medium="bench",
        rows=ROWS,
        columns=columns_of(chosen.names),
        data_bytes=len(content),
        data_digest=hashlib.sha256(content).hexdigest(),
        software={},
    )
    return put_dataset(Places(data).datasets, cutting, manifest, signer_of(data))


def _role(role: str, first: int, end: int, labels: Any, occurred: Any) -> RoleRecord:
    return msgspec.convert(
        {
            "id": f"{role}-{'0' * 12}",
            "role": SampleRole(role),
            "from_ms": int(occurred[first]),
            "until_ms": int(occurred[end - 1]) + 1,
            "to_ms": int(occurred[end - 1]) + 1,
            "rows": end - first,
            "frauds": int(labels[first:end].sum()),
            "weight": float(end - first),
            "entities": 1,
            "amount_fen": 0,
            "first_seq": first,
            "last_seq": end - 1,
            "shares": [],
            "representation": [],
            "mark": "representative",
            "note_en": "",
            "note_zh": "",
        },
        RoleRecord,
    )


def put_trained_run(data: Path, dataset: Path, *, trees: int = 10, seed: int = 0, card: bool = True) -> str:
    """A run over the set, signed, with a complete card unless told otherwise; its id."""
    from tarim.models import load_dataset
    from tarim.models.lab import Plan, Samples, alternative, choice_of, put_run, train
    from tarim.models.registry import CardFacts, card_template

    loaded = load_dataset(dataset, signer_of(data))
    samples = Samples(
        features=loaded.features,
        labels=loaded.labels,
        names=loaded.names,
        occurred_ms=loaded.occurred_ms,
        known_ms=loaded.known_ms,
        amount_fen=loaded.amount_fen,
        customer=loaded.customer,
        role=loaded.role,
        weight=loaded.weight,
        digest=loaded.digest,
        feature_version=loaded.manifest.features.version,
    )
    params = {"num_trees": float(trees), "max_depth": 6.0, "num_leaves": 63.0, "min_data_in_leaf": 5.0}
    plan = Plan(params=params, seed=seed, early_stop=0, replicates=0, folds=0, calibration="none")
    run = train(samples, plan, Operator("key", "engineer"), SystemClock())
    record = run.record
    other = msgspec.structs.replace(alternative(record, {}, "made up for a benchmark"), run_id="another")
    choice = choice_of(record, (other,), "Made for a benchmark: nothing was compared.", Operator("key", "engineer"), 1)
    facts = CardFacts(
        record.run_id, record.model, record.dataset, record.kind, record.feature_version, {},
        compared=tuple(choice.listed()), choice=f"engineer: {choice.reason}",
        owners=(f"model_engineer: {len(record.features)} features",),
    )  # fmt: skip
    text = card_template(facts)
    for key in WORDS if card else ():
        text = text.replace(f'{key} = ""', f'{key} = "Made for a benchmark: rows from a seed, {key} in plain words."')
    files = {
        "card.toml": text.encode(),
        "choice.json": choice.content,
        "choice.sig": signer_of(data).sign(choice.content),
    }
    put_run(Places(data).runs, record, run.content, signer_of(data), files)
    return record.run_id


if __name__ == "__main__":
    import tempfile

    from bench.serving import new_data

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "data"
        new_data(home)
        begun = time.perf_counter()
        print(put_trained_run(home, put_training_set(home), trees=200), f"{time.perf_counter() - begun:.1f} s")
