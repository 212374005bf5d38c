"""`docs/reference/cli.md`, written from the commands themselves: python -m tarim.cli._reference docs/reference."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from tarim.cli import build_app, command_names

PAGE = "cli.md"


def commands() -> Iterator[tuple[str, Any]]:
    """(`tarim journal verify`, the command) of every command, groups left out."""
    app: Any = typer.main.get_command(build_app(command_names()))
    yield from _below("tarim", app)


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in sorted(command.commands):
        yield from _below(f"{path} {name}", command.commands[name])


def page() -> str:
    """The whole page."""
    lines = [
        "<!-- Written by `python -m tarim.cli._reference docs/reference`; do not edit. -->",
        "",
        "# Commands",
        "",
        "`tarim COMMAND --help` says the same.  Status: 0 done; 1 done, and something is wrong with what was looked at; 2",
        "could not be done, one line on standard error says why; 130 interrupted.  Results go to standard output, progress",
        "and remarks to standard error.",
        "",
    ]
    for path, command in commands():
        lines += [f"## {path}", "", *_help(command), "", f"    {path}{_usage(command)}", ""]
        options = [each for each in command.params if each.name != "help"]
        if options:
            lines += ["| | default | |", "| --- | --- | --- |", *(_row(each) for each in options), ""]
    return "\n".join(lines).rstrip() + "\n"


def _help(command: Any) -> list[str]:
    return re.sub(r"\n\s*\n\s*", "\n\n", (command.help or "").strip()).splitlines()


def _usage(command: Any) -> str:
    words = [(each.metavar or each.name).upper() for each in command.params if each.param_type_name == "argument"]
    many = [each.nargs == -1 for each in command.params if each.param_type_name == "argument"]
    shown = "".join(f" {word}{'...' if several else ''}" for word, several in zip(words, many, strict=True))
    return shown + (" [OPTIONS]" if any(each.param_type_name == "option" for each in command.params) else "")


def _row(each: Any) -> str:
    if each.param_type_name == "argument":
        name, default = f"`{(each.metavar or each.name).upper()}`", "required"
    else:
        name = "`" + "`, `".join([*each.opts, *each.secondary_opts]) + "`"
        default = "required" if each.required else _default(each.default)
        if each.envvar:
            default = f"`${each.envvar}`"
    return f"| {name} | {default} | {(each.help or '').replace('|', chr(92) + '|')} |"


def _default(value: Any) -> str:
    if value is None or value == "" or callable(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if not hasattr(value, "strftime") else f"`{value:%Y-%m-%d}`"


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
