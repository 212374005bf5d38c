"""What the documents tell people to type is typed here, and prints what they say it prints.

In a page, a block of `sh` is run; a block of `text` right after it is what it prints, `...` standing for anything that
changes from run to run.  Blocks of other languages are for reading.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.fakes.patience import run_patiently

HOME = Path(__file__).resolve().parents[2]
DOCS = HOME / "docs"
LIMIT_S = 240
"""For a whole page, without the time in which it had no processor: pages of 11 minutes by the wall passed, at a load of 15."""
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SETUP = 'make setup\nexport PATH="$PWD/.venv/bin:$PATH"\n'
"""Not run: the tests run in an environment that is set up."""


def blocks(page: Path) -> list[tuple[str, str | None]]:
    """(commands, what they print or None), in order."""
    found: list[tuple[str, str | None]] = []
    for language, content in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            found.append((content, None))
        else:
            assert found and found[-1][1] is None, f"{page.name}: a text block must follow its commands"
            found[-1] = (found[-1][0], content)
    return [each for each in found if each[0] != _SETUP]


def run(page: Path, folder: Path) -> list[tuple[str, str, str | None]]:
    """(commands, printed, expected) of every block, all run in one shell in `folder`."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name, module in (("tarim", "-m tarim.cli "), ("python3", "")):
        shim = bin_folder / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        shim.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    script = ["set -u", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]
    pairs = blocks(page)
    for number, (commands, _) in enumerate(pairs):
        script += [f"exec >out-{number}", commands.replace("8080", port), 'status=$?; [ "$status" -eq 0 ] || exit 90']
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
    environment.setdefault("PYTHONPATH", str(HOME / "src"))
    done = run_patiently(["bash", "-c", "\n".join(script)], limit_s=LIMIT_S, cwd=folder, env=environment)
    printed = [(folder / f"out-{n}").read_text() if (folder / f"out-{n}").exists() else "" for n in range(len(pairs))]
    assert done.returncode == 0, (done.stderr, printed)
    return [(commands, out, said) for (commands, said), out in zip(pairs, printed, strict=True)]


def matches(said: str, printed: str) -> bool:
    """Whether it printed that, `...` standing for anything within a line, and a line of it for any lines."""
    pattern = ""
    for line in said.rstrip("\n").splitlines():
        pattern += "(?:.*\n)*?" if line == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"[ ]*\n"
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("a ... c\n", "a b c\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n", "a\nb\n", False),
        ("a ... c\n", "a b d\n", False),
    ],
)
def test_the_comparison_can_fail(said: str, printed: str, same: bool) -> None:
    assert matches(said, printed) is same


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
SLOW_PAGES = [
    "tutorials/your-first-rule.md",
    "tutorials/your-first-rule.zh-CN.md",
    "how-to/backtest-a-rule.md",
    "tutorials/first-decision.zh-CN.md",
    "how-to/replay-a-file.md",
    "how-to/backfill-after-an-outage.md",
    "how-to/add-features.md",
    "how-to/write-a-ruleset.md",
    "how-to/cut-training-data.md",
    "how-to/train-and-use-a-model.md",
    "how-to/operate-the-service.md",
    "how-to/handle-holds.md",
    "how-to/lists.md",
    "how-to/screen-names.md",
    "how-to/find-gangs.md",
]


@needs_curl
@pytest.mark.parametrize(
    "name", ["tutorials/first-decision.md", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_PAGES)]
)
def test_a_page_does_what_it_says(name: str, tmp_path: Path) -> None:
    """Every command ends well and prints what the page shows."""
    for commands, printed, said in run(DOCS / name, tmp_path):
        if said is not None:
            assert matches(said, printed), f"{name}:\n{commands}\nprinted\n{printed}\nnot\n{said}"
