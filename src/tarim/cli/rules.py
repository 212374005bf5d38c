"""`tarim rules check|format|structure FILE` and `tarim rules explain-names`; publishing is in `publishing`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.cli._publishing import add_to
from tarim.cli._texts import draft_text

if TYPE_CHECKING:
    from tarim.rules import RulesetInvalid


def register(app: typer.Typer) -> None:
    """Add the group `rules`."""
    group = typer.Typer(no_args_is_help=True, help="Write and check rules. 编写并检查规则。")
    group.command("check")(check_command)
    group.command("format")(format_command)
    group.command("structure")(structure_command)
    group.command("explain-names")(explain_names_command)
    add_to(group)
    group.callback()(_group)
    app.add_typer(group, name="rules")


def _group() -> None:
    """Write and check rules. 编写并检查规则。"""


_File = Annotated[Path, typer.Argument(help="A ruleset, TOML. 规则集文件（TOML）。", show_default=False)]
_Features = Annotated[
    Path | None,
    typer.Option(
        help="A text file of feature names, one a line; without it the 46 reference features. "
        "特征名称文件，每行一个；缺省为 46 个参考特征。"
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON. 以 JSON 输出。")]


def check_command(file: _File, features: _Features = None, as_json: _AsJson = False) -> None:
    """Check a ruleset without putting it in force. 检查规则集，不发布。

    Status 0: good. Status 1: each fault on a line, `line:column`, in both languages.
    """
    from tarim.rules import RulesetInvalid, check_ruleset

    text = draft_text(file)
    names = _feature_names(features)
    try:
        checked = check_ruleset(text, names)
    except RulesetInvalid as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "problems": [asdict(p) for p in error.problems]}, ensure_ascii=False))
        else:
            _tell(file, error)
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


def format_command(
    file: _File,
    write: Annotated[bool, typer.Option("--write", help="Change the file instead of printing. 直接改写文件。")] = False,
) -> None:
    """Write every condition in its canonical form; comments and order stay. 统一条件的写法，保留注释和顺序。

    Status 0: done. Status 1: a condition does not parse, and nothing was changed.
    """
    from tarim.rules import RulesetInvalid, format_ruleset

    text = draft_text(file)
    try:
        formatted = format_ruleset(text)
    except RulesetInvalid as error:
        _tell(file, error)
        raise typer.Exit(1) from None
    if not write:
        typer.echo(formatted, nl=False)
    elif formatted != text:
        temporary = file.with_name(file.name + ".new")
        temporary.write_bytes(formatted.encode())
        temporary.replace(file)


def structure_command(file: _File, features: _Features = None) -> None:
    """Print each rule's condition as groups and rows, JSON for a visual editor. 以分组与行（JSON）输出各规则的条件。

    Status 0: done. Status 1: the ruleset has faults, each on a line.
    """
    from tarim.rules import RulesetInvalid, check_ruleset, parse_expression, to_structure

    try:
        rules = check_ruleset(draft_text(file), _feature_names(features)).rules
    except RulesetInvalid as error:
        _tell(file, error)
        raise typer.Exit(1) from None
    found = [{"id": rule.id, "when": to_structure(parse_expression(rule.when))} for rule in rules]
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def explain_names_command(features: _Features = None, as_json: _AsJson = False) -> None:
    """Print every name a rule may use, with its unit, values and meaning. 输出规则可用的全部名称及其含义。"""
    from tarim.rules import explain_names

    notes = explain_names(_feature_names(features))
    if as_json:
        typer.echo(json.dumps([asdict(note) for note in notes], ensure_ascii=False))
        return
    for note in notes:
        what = " ".join(part for part in (note.kind, note.unit, ", ".join(note.values)) if part)
        typer.echo(f"{note.name}: {what}. {note.text_en} | {note.text_zh}")


def _tell(file: Path, error: RulesetInvalid) -> None:
    for problem in error.problems:
        typer.echo(f"{file}:{problem.place()}: {problem.text_en} | {problem.text_zh}")
    typer.echo(f"{len(error.problems)} problems. 共 {len(error.problems)} 处问题。")


def _feature_names(file: Path | None) -> tuple[str, ...]:
    if file is not None:
        return tuple(line.strip() for line in draft_text(file).splitlines() if line.strip())
    from tarim.stream import reference_features

    return reference_features().names
