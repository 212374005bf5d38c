"""Brings the console's third-party scripts into what is built, where they are not there yet; the rest: pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_VENDORING = Path(__file__).parent / "src" / "tarim" / "console" / "vendoring.py"


class BuildWithScripts(build_py):
    """`build_py` after the scripts were built; an editable install leaves that to `make setup`."""

    def run(self) -> None:
        """Build."""
        if not self.editable_mode:
            vendoring = runpy.run_path(str(_VENDORING))
            if not vendoring["is_built"]():
                vendoring["build"]()
        super().run()


setup(cmdclass={"build_py": BuildWithScripts})
