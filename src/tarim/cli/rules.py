"""`tarim rules check FILE`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tarim.cli.publishing import add_to


def register(app: typer.Typer) -> None:
    """Add the group `rules`."""
    group = typer.Typer(no_args_is_help=True, help="Write and check rules. 编写并检查规则。")
    group.command("check")(check_command)
    add_to(group)
    group.callback()(_group)
    app.add_typer(group, name="rules")


def _group() -> None:
    """Write and check rules. 编写并检查规则。"""


def check_command(
    file: Annotated[Path, typer.Argument(help="A ruleset, TOML. 规则集文件（TOML）。", show_default=False)],
    features: Annotated[
        Path | None,
        typer.Option(
            help="A text file of feature names, one a line; without it the 46 reference features. "
            "特征名称文件，每行一个；缺省为 46 个参考特征。"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON. 以 JSON 输出。")] = False,
) -> None:
    """Check a ruleset without putting it in force. 检查规则集，不发布。

    Status 0: good. Status 1: each fault on a line, `line:column`, in both languages.
    """
    from tarim.rules import RulesetInvalid, check_ruleset

    text = _text(file)
    names = _feature_names(features)
    try:
        checked = check_ruleset(text, names)
    except RulesetInvalid as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "problems": [asdict(p) for p in error.problems]}, ensure_ascii=False))
        else:
            for problem in error.problems:
                typer.echo(f"{file}:{problem.place()}: {problem.text_en} | {problem.text_zh}")
            typer.echo(f"{len(error.problems)} problems. 共 {len(error.problems)} 处问题。")
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(
            json.dumps({"ok": True, "name": checked.name, "rules": len(checked.rules), "version": checked.version})
        )
    else:
        typer.echo(
            f"{checked.name}: {len(checked.rules)} rules, {len(checked.bands)} score bands, version {checked.version[:16]}."
            f" 共 {len(checked.rules)} 条规则，{len(checked.bands)} 个评分带，检查通过。"
        )


def _text(file: Path) -> str:
    from tarim.base.errors import InputError, NotFound, TooLarge

    bytes_max = 4_000_000
    try:
        if file.stat().st_size > bytes_max:
            raise TooLarge(f"{file.name} is larger than {bytes_max} bytes")
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"there is no file {file}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file.name} is not UTF-8 text") from None


def _feature_names(file: Path | None) -> tuple[str, ...]:
    if file is not None:
        return tuple(line.strip() for line in _text(file).splitlines() if line.strip())
    from tarim.stream import reference_features

    return reference_features().names
