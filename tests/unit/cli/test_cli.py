"""The command line's own promises: light, one line of trouble, the right status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tarim.cli import command_names, main
from tarim.journal import Journal, JournalLimits


def run(*argv: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    limits = JournalLimits(segment_bytes=8192, block_bytes_max=2048, free_bytes_min=0)
    with Journal.open(tmp_path / "j", limits) as journal:
        for index in range(40):
            journal.append(1 + index % 2, [b"x" * 300], 3)
    return tmp_path / "j"


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom tarim.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('numba', 'pyarrow', 'sklearn', 'lightgbm') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
    for name in command_names():
        assert name.replace("_", "-") in done.stdout


def test_verify_prints_the_digest_and_info_the_kinds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run("journal", "verify", str(folder), capsys=capsys)
    assert status == 0
    assert out.startswith("whole: ")
    digest = out.split()[-1]
    status, out, _ = run("journal", "verify", str(folder), "--expect", digest, "--json", capsys=capsys)
    assert (status, json.loads(out)["expected_seq"]) == (0, 120)
    status, out, _ = run("journal", "info", str(folder), "--json", capsys=capsys)
    assert json.loads(out)["positions_by_kind"] == {"1": 60, "2": 60}
    status, out, _ = run("journal", "info", str(folder), capsys=capsys)
    assert (status, "durable up to position 120" in out) == (0, True)


def test_verify_of_a_changed_copy_ends_with_status_1_and_names_the_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = min(folder.glob("*.seg"))
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.chmod(0o640)
    path.write_bytes(data)
    status, out, _ = run("journal", "verify", str(folder), capsys=capsys)
    assert status == 1
    assert f"WRONG {path.name} offset 128 position 0: the content of a block differs from its digest" in out


@pytest.mark.parametrize("argv", [("journal", "info", "/nowhere"), ("journal", "verify", "/nowhere")])
def test_expected_trouble_is_one_line_and_status_2(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(*argv, capsys=capsys)
    assert (status, out, err.strip()) == (2, "", "tarim: there is no folder /nowhere")


def test_a_wrong_digest_names_the_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run("journal", "verify", str(folder), "--expect", "xyz", capsys=capsys)
    assert (status, err.strip()) == (2, "tarim: expect: must be 64 hexadecimal digits")


def test_an_unknown_command_ends_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run("nonsense", capsys=capsys)
    assert status == 2
    assert "Usage" in err
