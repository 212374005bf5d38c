"""`tarim datasets cut|list|show|check|verify`: training data out of the journal."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._datasets import print_list, print_manifest
from tarim.cli._progress import Bar
from tarim.cli._wall_time import FORMATS, instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tarim.bootstrap.datasets import Cut
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import Settings
    from tarim.models import DatasetManifest
    from tarim.privacy import Signer

MAPPING_BYTES_MAX = 1 << 20

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_DATA = Path("var/tarim")
_Set = Annotated[
    str, typer.Argument(help="The set's digest, or how it begins. 数据集摘要或其开头。", show_default=False)
]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON. 以 JSON 输出。")]


def register(app: typer.Typer) -> None:
    """Add the group `datasets`."""
    group = typer.Typer(
        no_args_is_help=True, help="Training data: cut, look at, check, verify. 训练数据的截取、查看、检查与验签。"
    )
    group.command("cut")(cut_command)
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("check")(check_command)
    group.command("verify")(verify_command)
    app.add_typer(group, name="datasets")


def cut_command(
    name: Annotated[str, typer.Argument(help="What to call the set. 数据集名称。", show_default=False)],
    data: _Data = _DATA,
    from_time: Annotated[
        datetime | None, typer.Option("--from", formats=FORMATS, help="Beginning of the span, in China. 起（含）。")
    ] = None,
    to_time: Annotated[
        datetime | None,
        typer.Option(
            "--to", formats=FORMATS, help="End of the span, itself outside; nothing later counts. 止（不含）。"
        ),
    ] = None,
    validation_from: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Where validation begins. 验证样本起点。")
    ] = None,
    test_from: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Where test begins. 测试样本起点。")
    ] = None,
    trial_from: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Where the trial sample begins. 试运行样本起点。")
    ] = None,
    label_delay: Annotated[
        str, typer.Option(help="A label counts when it is known this long after the event. 标签延迟。")
    ] = "7d",
    label_source: Annotated[
        list[str] | None, typer.Option(help="Whose labels count; may be repeated. 采信的标签来源，可重复。")
    ] = None,
    unlabelled: Annotated[
        str, typer.Option(help="Events nobody spoke about: genuine or left_out. 无标签的事件：视为正常或不取。")
    ] = "genuine",
    kind: Annotated[list[str] | None, typer.Option(help="Kind of event; may be repeated. 事件类型，可重复。")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Channel; may be repeated. 渠道，可重复。")] = None,
    event_source: Annotated[
        list[str] | None, typer.Option(help="Source of the events; may be repeated. 事件来源，可重复。")
    ] = None,
    entity: Annotated[
        str, typer.Option(help="What every row must have: customer, account, payee_account, ... 每行须具备的主体。")
    ] = "customer",
    features: Annotated[str, typer.Option(help="Feature set; the one in force if not given. 特征集。")] = "",
    feature: Annotated[
        list[str] | None, typer.Option(help="A feature to keep; all if not given. 保留的特征，可重复。")
    ] = None,
    genuine_share: Annotated[
        float, typer.Option(help="Share of genuine training rows that are kept, weighted. 正常样本的抽样比例。")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the sample. 抽样随机种子。")] = 0,
    events: Annotated[
        list[Path] | None,
        typer.Option(help="A file of events instead of the journal. 以事件文件代替流水日志，可重复。"),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Name of the source, for files without one. 来源名称。")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How other columns become the envelope's, TOML. 列映射文件。")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Cut a training set by replay, in the name of the API key in TARIM_KEY (scope models). 以回放方式截取训练数据。

    Features are those production computed; a label counts only if it was known in time. The service may run.
    """
    import os

    from tarim.base.errors import InputError
    from tarim.base.instants import duration_ms
    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.datasets import Cut
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.models import SampleRole, Unlabelled

    if unlabelled not in Unlabelled._value2member_map_:
        raise InputError("--unlabelled must be genuine or left_out")
    starts = {
        SampleRole.VALIDATION: instant(validation_from),
        SampleRole.TEST: instant(test_from),
        SampleRole.TRIAL: instant(trial_from),
    }
    cut = Cut(
        name=name,
        from_ms=instant(from_time),
        to_ms=instant(to_time),
        starts_ms={role: at_ms for role, at_ms in starts.items() if at_ms is not None},
        kinds=tuple(kind or ()),
        channels=tuple(channel or ()),
        sources=tuple(event_source or ()),
        entity=entity,
        label_delay_ms=0 if label_delay == "0" else duration_ms(label_delay),
        label_sources=tuple(label_source or ()),
        unlabelled=Unlabelled(unlabelled),
        features=features,
        chosen=tuple(feature or ()),
        seed=seed,
        genuine_share=genuine_share,
    )
    settings, places = settings_of(data, os.environ), Places(data)
    with recorded(places, os.environ, "datasets.cut") as act, Bar() as bar:
        if events:
            folder, manifest = _cut_files(settings, places, cut, events, source, mapping, bar)
        else:
            from tarim.bootstrap.datasets import cut_dataset

            folder, manifest = cut_dataset(settings, places, os.environ, cut, progress=bar.progress)
        act.kind, act.id = "dataset", manifest.digest
    if as_json:
        typer.echo(json.dumps({"digest": manifest.digest, "folder": str(folder), "rows": manifest.rows}))
    else:
        print_manifest(manifest)
        typer.echo(f"kept 已留存: {folder}")


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


def _signer(data: Path) -> Signer:
    import os

    from tarim.bootstrap.datasets import signer_of
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of

    settings_of(data, os.environ)
    return signer_of(Places(data), os.environ)


def _folder(data: Path, name: str) -> Path:
    from tarim.bootstrap.datasets import FOLDER
    from tarim.models import find_dataset

    return find_dataset(data / FOLDER, name)


def list_command(data: _Data = _DATA, as_json: _Json = False) -> None:
    """The training sets there are, the latest last. 列出训练数据集。

    Status 1: one of them is not as it was signed.
    """
    from tarim.base.errors import TarimError
    from tarim.bootstrap.datasets import FOLDER
    from tarim.models import every_dataset

    found = list(every_dataset(data / FOLDER, _signer(data)))
    good = [(path, each) for path, each in found if not isinstance(each, TarimError)]
    bad = [(path, each) for path, each in found if isinstance(each, TarimError)]
    good.sort(key=lambda pair: (pair[1].ended_ms, pair[0].name))
    if as_json:
        listed: list[dict[str, Any]] = [_summary(manifest) for _, manifest in good]
        listed += [{"digest": path.name, "problem": error.detail} for path, error in bad]
        typer.echo(json.dumps(listed, ensure_ascii=False))
    else:
        print_list([manifest for _, manifest in good])
        for path, error in bad:
            typer.echo(f"{path.name}: {error.detail}", err=True)
    if bad:
        raise typer.Exit(1)


def _summary(manifest: DatasetManifest) -> dict[str, Any]:
    return {
        "digest": manifest.digest,
        "name": manifest.name,
        "rows": manifest.rows,
        "frauds": sum(role.frauds for role in manifest.roles),
        "features": len(manifest.features.names),
        "operator": manifest.operator.name,
        "ended_ms": manifest.ended_ms,
    }


def show_command(name: _Set, data: _Data = _DATA, as_json: _Json = False) -> None:
    """What a training set says about itself. 查看训练数据集清单。"""
    from tarim.models import read_manifest

    manifest = read_manifest(_folder(data, name), _signer(data))
    if as_json:
        typer.echo(manifest.content.decode(), nl=False)
    else:
        print_manifest(manifest)


def verify_command(
    name: Annotated[
        str, typer.Argument(help="The set's digest, or how it begins; all if not given. 数据集摘要。")
    ] = "",
    data: _Data = _DATA,
    as_json: _Json = False,
) -> None:
    """Compare training sets with what was signed, to the last byte. 验证训练数据集的签名与摘要。

    Status 1: one of them is not as it was signed.
    """
    from tarim.base.errors import TarimError
    from tarim.bootstrap.datasets import FOLDER
    from tarim.models import dataset_folders, verify_dataset

    signer = _signer(data)
    folders = [_folder(data, name)] if name else dataset_folders(data / FOLDER)
    problems = {}
    for folder in folders:
        try:
            verify_dataset(folder, signer)
        except TarimError as error:
            problems[folder.name] = error.detail
    if as_json:
        listed = [{"set": folder.name, "problem": problems.get(folder.name, "")} for folder in folders]
        typer.echo(json.dumps({"public_key": signer.public_key_hex, "sets": listed}, ensure_ascii=False))
    else:
        for folder in folders:
            problem = problems.get(folder.name)
            typer.echo(f"{folder.name}: {problem}" if problem else f"{folder.name}: as signed. 与签名一致。")
        typer.echo(f"public key 公钥: {signer.public_key_hex}")
    if problems:
        raise typer.Exit(1)


def check_command(
    name: _Set,
    data: _Data = _DATA,
    out: Annotated[Path | None, typer.Option(help="Write the report to a file, JSON. 将报告写入文件。")] = None,
    seed: Annotated[int, typer.Option(help="Of the cross-fitted scores. 交叉拟合的随机种子。")] = 0,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads that may be used. 可用线程数。")] = 2,
    as_json: _Json = False,
) -> None:
    """Look for gaps, outliers, leaks, poison and thin segments in a training set. 检查训练数据的质量与投毒迹象。

    Status 1: something was found that speaks against learning from it.
    """
    from tarim.base.errors import Unavailable
    from tarim.models import check_dataset, load_dataset

    report = check_dataset(load_dataset(_folder(data, name), _signer(data)), seed, threads)
    content = report.content
    if out is not None:
        try:
            out.write_bytes(content)
        except OSError as error:
            raise Unavailable(f"{out} cannot be written: {error.strerror}") from None
    typer.echo(content.decode() if as_json else report.text(), nl=False)
    if report.alarms:
        raise typer.Exit(1)
