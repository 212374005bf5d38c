"""`tarim datasets cut|list|show|check|verify`: training data out of the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarim.cli._datasets import print_list, print_manifest
from tarim.cli._datasets_cut import cut_command

if TYPE_CHECKING:
    from tarim.models import DatasetManifest
    from tarim.privacy import Signer

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
