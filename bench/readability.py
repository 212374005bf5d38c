"""How much of the code says what it is: docstrings of what is public, and lines of comment (ML-15, AS-13).

    python -m bench.readability [PACKAGE ...] [--json]

Modules, classes, functions and methods are counted over the syntax trees of src/tarim, package by package; nothing is
imported.  What begins with an underscore is its module's own matter; overloads, overrides and methods whose body is `...` need
no words of their own.  Status 1: something public says nothing.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1] / "src" / "tarim"
_FREE: Final = frozenset({"overload", "override"})

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Coverage:
    """Of one package: what should say what it is, how much does, lines of code and of comment, and what is silent."""

    package: str
    modules: int = 0
    wanted: int = 0
    told: int = 0
    code_lines: int = 0
    words_lines: int = 0
    silent: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Part that says what it is, in [0, 1]."""
        return self.told / self.wanted if self.wanted else 1.0


def coverage(root: Path = ROOT, packages: Sequence[str] = ()) -> list[Coverage]:
    """By package of `root`, in the order of names; all of them when none is named."""
    folders = [path for path in sorted(root.iterdir()) if (path / "__init__.py").exists()]
    return [_of_package(path) for path in folders if not packages or path.name in packages]


def _of_package(folder: Path) -> Coverage:
    found = Coverage(folder.name)
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        found.modules += 1
        docstrings = 0
        for name, node in _public(tree, path.relative_to(folder.parent).as_posix()):
            said = ast.get_docstring(node, clean=False)
            found.wanted += 1
            found.told += said is not None
            docstrings += len(said.splitlines()) if said is not None else 0
            if said is None:
                found.silent.append(name)
        comments = _comment_lines(text)
        found.words_lines += docstrings + comments
        found.code_lines += sum(1 for line in text.splitlines() if line.strip()) - docstrings - comments
    return found


def _public(tree: ast.Module, name: str) -> Iterator[tuple[str, Documented]]:
    """The module, its public classes, functions and methods, each with where it is."""
    yield name, tree
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _needs_words(node):
            yield f"{name}:{node.lineno} {node.name}", node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield f"{name}:{node.lineno} {node.name}", node
            for own in node.body:
                if isinstance(own, ast.FunctionDef | ast.AsyncFunctionDef) and _needs_words(own):
                    yield f"{name}:{own.lineno} {node.name}.{own.name}", own


def _needs_words(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    marks = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
    only = node.body[0]
    declared = (
        len(node.body) == 1
        and isinstance(only, ast.Expr)
        and isinstance(only.value, ast.Constant)
        and only.value.value is ...
    )
    return not node.name.startswith("_") and not marks & _FREE and not declared


def _comment_lines(text: str) -> int:
    """Lines that are a comment and nothing else."""
    lines = text.splitlines()
    found = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and lines[token.start[0] - 1].lstrip().startswith("#")
    }
    return len(found)


def main() -> None:
    """Print the report."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("package", nargs="*")
    arguments.add_argument("--json", action="store_true")
    asked = arguments.parse_args()
    found = coverage(packages=asked.package)
    if asked.json:
        print(json.dumps([{**asdict(each), "share": each.share} for each in found]))
    else:
        print(f"{'package':14} {'modules':>8} {'public':>8} {'told':>8} {'share':>8} {'code':>9} {'words':>9}")
        for each in found:
            print(
                f"{each.package:14} {each.modules:8,} {each.wanted:8,} {each.told:8,} {each.share:8.1%} {each.code_lines:9,} "
                f"{each.words_lines:9,}"
            )
        for name in (name for each in found for name in each.silent):
            print(f"silent: {name}")
    sys.exit(any(each.silent for each in found))


if __name__ == "__main__":
    main()
