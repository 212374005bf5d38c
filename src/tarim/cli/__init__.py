"""The command line: parse, call one use case, print.

Every module beside this one is a command (or a group of commands) of the same name and exposes `register(app)`:

    journal.py      tarim journal verify FOLDER, tarim journal info FOLDER

Module names starting with an underscore are helpers.  `tarim journal ...` imports the one module it needs; only
`tarim --help` imports them all, so they stay light: numba, Arrow and the rest are imported in a command's body.

An expected trouble (the TarimError tree) prints one line to standard error and ends with status 2, no traceback.
"""

from __future__ import annotations

import gc
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from tarim import __version__
from tarim.base.errors import TarimError

__all__ = ["build_app", "command_names", "main"]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_TROUBLE = 2
EXIT_INTERRUPTED = 130

_GARBAGE_YOUNG = 50_000
"""New objects after which Python looks for cycles among them.  With its own 700 it looks 500 times while the modules of a
service are loaded, which make none, and takes a fifth of the start for it."""


def command_names() -> list[str]:
    """Names of all commands, in alphabetical order: the modules of this package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tarim {__version__}")
        raise typer.Exit


def build_app(names: Sequence[str]) -> typer.Typer:
    """The application with the named command modules registered."""
    app = typer.Typer(
        name="tarim",
        help="Judge a bank's transactions while they happen. 交易发生时即作风险判断。",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its tracebacks show local variables, which may hold personal data
    )

    @app.callback()
    def tarim(
        version: bool = typer.Option(
            False, "--version", callback=_print_version, is_eager=True, help="Print the version and stop. 显示版本。"
        ),
    ) -> None:
        """Judge a bank's transactions while they happen. 交易发生时即作风险判断。"""

    for name in names:
        import_module(f"{__name__}.{name}").register(app)
    return app


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit the process with its status; `argv` leaves out the program's name."""
    gc.set_threshold(_GARBAGE_YOUNG, *gc.get_threshold()[1:])
    arguments = list(sys.argv[1:] if argv is None else argv)
    wanted = arguments[0].replace("-", "_") if arguments else ""
    names = command_names()
    app = build_app([wanted] if wanted in names else names)
    try:
        app(args=arguments, prog_name="tarim")
    except TarimError as error:
        print(f"tarim: {error.detail}", file=sys.stderr)
        sys.exit(EXIT_TROUBLE)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(EXIT_FAILED)
