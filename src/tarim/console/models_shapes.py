"""What pages of models take from the service: only the fields they show.  Instants are ISO texts, "" = never."""

from __future__ import annotations

import msgspec

from tarim.models import Curves, RunFigures


class Model(msgspec.Struct):
    """A model in the registry.  share: hundredths of a percent of the customers whom a challenger judges."""

    version: str
    service: str
    name: str
    state: str
    role: str
    share: int
    paused: bool
    manifest: str
    author: str
    submitted_at: str
    approver: str
    approved_at: str
    live_at: str


class Models(msgspec.Struct):
    """The registry.  champion: version, "" for none."""

    champion: str
    rules_only: bool
    closed: bool
    models: list[Model]


class Package(msgspec.Struct):
    """A signed package: what it names by digest.  made_ms: ms since the epoch."""

    service: str
    name: str
    model: str
    kind: str
    features: str
    run_id: str
    run: str
    dataset: str
    card: str
    operator: str
    made_ms: int


class Detail(msgspec.Struct):
    """A model with its package and card (TOML), both empty for one that has none."""

    model: Model
    package: Package | None
    card: str


class Run(msgspec.Struct):
    """What the run found; curves: None when no report of it was drawn."""

    version: str
    figures: RunFigures
    curves: Curves | None


class Line(msgspec.Struct):
    """A line of the ledger."""

    seq: int
    at: str
    act: str
    version: str
    service: str
    operator: str
    approver: str
    result: str
    detail: str
    script: str


class Ledger(msgspec.Struct):
    """Newest first."""

    lines: list[Line]


class Script(msgspec.Struct):
    """The script of a deployment."""

    script: str


class ModelProposal(msgspec.Struct):
    """What a proposal about a model would do."""

    id: str
    digest: str
    author: str
    proposed_at: str
    reason: str
    act: str
    version: str
    service: str
    share: int
    script: str


class ModelProposals(msgspec.Struct):
    """Open ones, the oldest first."""

    proposals: list[ModelProposal]


class Standing(msgspec.Struct):
    """A watched column over the last 24 whole hours of the events' own time; None where nothing can be said."""

    column: str
    psi: float | None
    threshold: float | None
    events: int
    missing_share: float | None
    alarmed: bool


class Alarm(msgspec.Struct):
    """A column that has shifted.  actual, expected: shares by bin, first what is missing."""

    column: str
    text_en: str
    text_zh: str
    raised_at: str
    ended_at: str
    psi: float
    threshold: float
    actual: list[float]
    expected: list[float]


class Measure(msgspec.Struct):
    """How a model did in a period and segment; figures None until the labels have had time to arrive."""

    model: str
    segment: str
    begin: str
    end: str
    mature: bool
    matures_at: str
    events: int
    labelled: int
    fraud: int
    alerts: int
    auc: float | None
    ks: float | None
    ap: float | None
    alert_precision: float | None


class Watch(msgspec.Struct):
    """The watch.  baseline: "" when there is none, and then nothing is watched."""

    baseline: str
    model: str
    since_seq: int
    until: str
    taken: int
    missed: int
    too_late: int
    columns: list[Standing]
    alarms: list[Alarm]
    measures: list[Measure]
    proposals: list[str]


class Shift(msgspec.Struct):
    """A shift, as a proposal to train again gives it as evidence."""

    column: str
    psi: float
    threshold: float


class Switch(msgspec.Struct):
    """A switch that is set."""

    what: str
    target: str
    value: int
    reason: str
    author: str
    approver: str
    at: str
