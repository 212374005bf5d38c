"""`tarim datasets cut`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.cli._datasets import print_manifest
from tarim.cli._progress import Bar
from tarim.cli._wall_time import FORMATS, instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tarim.bootstrap.datasets import Cut
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import Settings
    from tarim.models import DatasetManifest, SampleRole, Unlabelled

MAPPING_BYTES_MAX = 1 << 20

_Name = Annotated[str, typer.Argument(help="What to call the set. 数据集名称。", show_default=False)]
_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_From = Annotated[
    datetime | None, typer.Option("--from", formats=FORMATS, help="Beginning of the span, in China. 起（含）。")
]
_To = Annotated[
    datetime | None,
    typer.Option("--to", formats=FORMATS, help="End of the span, itself outside; nothing later counts. 止（不含）。"),
]
_Validation = Annotated[datetime | None, typer.Option(formats=FORMATS, help="Where validation begins. 验证样本起点。")]
_Test = Annotated[datetime | None, typer.Option(formats=FORMATS, help="Where test begins. 测试样本起点。")]
_Trial = Annotated[
    datetime | None, typer.Option(formats=FORMATS, help="Where the trial sample begins. 试运行样本起点。")
]
_LabelDelay = Annotated[str, typer.Option(help="A label counts when it is known this long after the event. 标签延迟。")]
_LabelSource = Annotated[
    list[str] | None, typer.Option(help="Whose labels count; may be repeated. 采信的标签来源，可重复。")
]
_Unlabelled = Annotated[
    str, typer.Option(help="Events nobody spoke about: genuine or left_out. 无标签的事件：视为正常或不取。")
]
_Kind = Annotated[list[str] | None, typer.Option(help="Kind of event; may be repeated. 事件类型，可重复。")]
_Channel = Annotated[list[str] | None, typer.Option(help="Channel; may be repeated. 渠道，可重复。")]
_EventSource = Annotated[
    list[str] | None, typer.Option(help="Source of the events; may be repeated. 事件来源，可重复。")
]
_Entity = Annotated[
    str, typer.Option(help="What every row must have: customer, account, payee_account, ... 每行须具备的主体。")
]
_Features = Annotated[str, typer.Option(help="Feature set; the one in force if not given. 特征集。")]
_Feature = Annotated[list[str] | None, typer.Option(help="A feature to keep; all if not given. 保留的特征，可重复。")]
_GenuineShare = Annotated[
    float, typer.Option(help="Share of genuine training rows that are kept, weighted. 正常样本的抽样比例。")
]
_Seed = Annotated[int, typer.Option(help="Of the sample. 抽样随机种子。")]
_Events = Annotated[
    list[Path] | None, typer.Option(help="A file of events instead of the journal. 以事件文件代替流水日志，可重复。")
]
_Source = Annotated[str | None, typer.Option(help="Name of the source, for files without one. 来源名称。")]
_Mapping = Annotated[Path | None, typer.Option(help="How other columns become the envelope's, TOML. 列映射文件。")]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON. 以 JSON 输出。")]


def cut_command(
    name: _Name,
    data: _Data = Path("var/tarim"),
    from_time: _From = None,
    to_time: _To = None,
    validation_from: _Validation = None,
    test_from: _Test = None,
    trial_from: _Trial = None,
    label_delay: _LabelDelay = "7d",
    label_source: _LabelSource = None,
    unlabelled: _Unlabelled = "genuine",
    kind: _Kind = None,
    channel: _Channel = None,
    event_source: _EventSource = None,
    entity: _Entity = "customer",
    features: _Features = "",
    feature: _Feature = None,
    genuine_share: _GenuineShare = 1.0,
    seed: _Seed = 0,
    events: _Events = None,
    source: _Source = None,
    mapping: _Mapping = None,
    as_json: _Json = False,
) -> None:
    """Cut a training set by replay, in the name of the API key in TARIM_KEY (scope models). 以回放方式截取训练数据。

    Features are those production computed; a label counts only if it was known in time. The service may run.
    """
    from tarim.base.instants import duration_ms
    from tarim.bootstrap.datasets import Cut

    cut = Cut(
        name=name,
        from_ms=instant(from_time),
        to_ms=instant(to_time),
        starts_ms=_starts_ms(validation_from, test_from, trial_from),
        kinds=tuple(kind or ()),
        channels=tuple(channel or ()),
        sources=tuple(event_source or ()),
        entity=entity,
        label_delay_ms=0 if label_delay == "0" else duration_ms(label_delay),
        label_sources=tuple(label_source or ()),
        unlabelled=_unlabelled(unlabelled),
        features=features,
        chosen=tuple(feature or ()),
        seed=seed,
        genuine_share=genuine_share,
    )
    folder, manifest = _cut(data, cut, events or [], source, mapping)
    if as_json:
        typer.echo(json.dumps({"digest": manifest.digest, "folder": str(folder), "rows": manifest.rows}))
    else:
        print_manifest(manifest)
        typer.echo(f"kept 已留存: {folder}")


def _starts_ms(validation: datetime | None, test: datetime | None, trial: datetime | None) -> dict[SampleRole, int]:
    """Where the parts begin that somebody said it of."""
    from tarim.models import SampleRole

    said = {SampleRole.VALIDATION: validation, SampleRole.TEST: test, SampleRole.TRIAL: trial}
    return {role: at_ms for role, time in said.items() if (at_ms := instant(time)) is not None}


def _unlabelled(text: str) -> Unlabelled:
    from tarim.base.errors import InputError
    from tarim.models import Unlabelled

    if text not in Unlabelled._value2member_map_:
        raise InputError("--unlabelled must be genuine or left_out")
    return Unlabelled(text)


def _cut(
    data: Path, cut: Cut, files: Sequence[Path], source: str | None, mapping: Path | None
) -> tuple[Path, DatasetManifest]:
    """The set, out of the journal or of files; the audit trail has it under the caller's name."""
    import os

    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.datasets import cut_dataset
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    settings, places = settings_of(data, os.environ), Places(data)
    with recorded(places, os.environ, "datasets.cut") as act, Bar() as bar:
        if files:
            folder, manifest = _cut_files(settings, places, cut, files, source, mapping, bar)
        else:
            folder, manifest = cut_dataset(settings, places, os.environ, cut, progress=bar.progress)
        act.kind, act.id = "dataset", manifest.digest
    return folder, manifest


def _cut_files(
    settings: Settings,
    places: Places,
    cut: Cut,
    files: Sequence[Path],
    source: str | None,
    mapping: Path | None,
    bar: Bar,
) -> tuple[Path, DatasetManifest]:
    import os

    from tarim.base.errors import NotFound, TooLarge
    from tarim.bootstrap.datasets import cut_files
    from tarim.bootstrap.file_journal import file_digest
    from tarim.cli._replaying import count_rows
    from tarim.intake import Mapping, read_file

    for path in (*files, *([] if mapping is None else [mapping])):
        if not path.is_file():
            raise NotFound(f"{path} is not a file")
    if mapping is not None and mapping.stat().st_size > MAPPING_BYTES_MAX:
        raise TooLarge(f"{mapping.name} is larger than {MAPPING_BYTES_MAX} bytes")
    columns = None if mapping is None else Mapping.from_toml(mapping.read_text(encoding="utf-8"))
    return cut_files(
        settings,
        places,
        os.environ,
        cut,
        (table for path in files for table in read_file(path, mapping=columns, limits=settings.intake)),
        [file_digest(path) for path in files],
        source=source,
        events=count_rows(files) or 0,
        progress=bar.progress,
    )
