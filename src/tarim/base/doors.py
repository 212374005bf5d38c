"""Front doors that open only as far as is asked for.

A context's `__init__` names what others may use.  Importing all of it would load every kernel of the context, and of those
below it, into a command that wants one dataclass of settings: two seconds of a processor.  So the front door states its
imports where type checkers and import-linter read them, and makes each when its name is first asked for:

    if TYPE_CHECKING:
        from tarim.privacy.vault import Vault, VaultLimits
    else:
        __getattr__ = front_door(__name__, __file__)

There is one list of names, the import statements themselves: they are read from the front door's own source.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def front_door(package: str, file: str) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562) that makes the imports under its `if TYPE_CHECKING:` one by one.

    package, file: `__name__` and `__file__` of the front door.  The function raises AttributeError for other names, as a
    module does, so that `from package import submodule` still works.
    """
    homes: dict[str, tuple[str, str]] = {}

    def attribute(name: str) -> object:
        if not homes:
            homes.update(promised(Path(file)))
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, known_there_as = homes[name]
        owner = import_module(module)
        if not hasattr(owner, known_there_as):  # a module of that package, as `from package import module` finds it
            import_module(f"{module}.{known_there_as}")
        found: object = getattr(owner, known_there_as)
        setattr(sys.modules[package], name, found)  # asked once
        return found

    return attribute


def promised(front: Path) -> dict[str, tuple[str, str]]:
    """Public name → (module, name there), of the imports under `if TYPE_CHECKING:` in a front door's source."""
    found: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(front.read_bytes()).body:
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"):
            continue
        for line in statement.body:
            assert isinstance(line, ast.ImportFrom) and line.module and not line.level, f"{front}:{line.lineno}"
            found |= {name.asname or name.name: (line.module, name.name) for name in line.names}
    return found
