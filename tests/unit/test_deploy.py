"""The systemd units of deploy/: what they start exists, systemd understands them, and they are shut as tightly as they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tarim.cli import build_app

UNITS = sorted((Path(__file__).resolve().parents[2] / "deploy" / "systemd").glob("*.service"))
EXPOSURE_MAX = 2.0
"""Of 10, as `systemd-analyze security` counts."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: the units are not looked at"
)


def command_of(unit: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
    program, *words = line.split()
    assert program == "/opt/tarim/bin/tarim"
    return list(words)


def test_every_long_running_process_has_a_unit() -> None:
    started = {" ".join(word for word in command_of(unit)[:2] if not word.startswith("-")) for unit in UNITS}
    assert started == {"serve", "desk", "views", "console", "party serve"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_command_takes_the_options_it_is_given(unit: Path) -> None:
    words = command_of(unit)
    names = [word for word in words if word.startswith("--")]
    verbs = words[: words.index(names[0])]
    told = CliRunner().invoke(build_app([verbs[0]]), [*verbs, "--help"], env={"COLUMNS": "200"}).stdout
    assert not [name for name in names if f"{name} " not in told]


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_to_say(unit: Path, tmp_path: Path) -> None:
    """With a program that exists in place of the one an installation has, and without other products' units."""
    text = unit.read_text("utf-8").replace("/opt/tarim/bin/tarim", sys.executable)
    copy = tmp_path / unit.name.replace("@", "@bank")
    copy.write_text(re.sub(r"^After=.*$", "", text, flags=re.MULTILINE), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_units_are_shut(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert float(exposure) <= EXPOSURE_MAX
