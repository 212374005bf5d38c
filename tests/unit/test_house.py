"""The house itself: lock files that install anywhere, a Makefile and documents that say what is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_by_hash_and_name_no_host(name: str) -> None:
    text = (HOME / name).read_text()
    assert not re.search(r"://|--(index-url|extra-index-url|find-links|trusted-host) ", text)
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)(\[[^]]*\])?==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
    names = re.findall(r"^[a-z0-9][^\n]*$", text, re.MULTILINE)
    assert len(pins) == len(names) > 20


def test_every_declared_dependency_is_locked_and_explained() -> None:
    project = (HOME / "pyproject.toml").read_text()
    declared = re.findall(r'^    "([a-z0-9-]+)>=', project, re.MULTILINE)
    locked = (HOME / "requirements-dev.lock").read_text()
    explained = (HOME / "docs/decisions/0001-dependencies.md").read_text()
    assert len(declared) > 20
    for name in declared:
        assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE), name
        assert name in explained, name


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make", "-C", str(HOME), "help"], capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "check", "bench", "accept-engine", "clean"):
        assert f"make {target} " in done.stdout


def test_links_in_the_documents_lead_somewhere() -> None:
    pages = [HOME / "README.md", HOME / "README.zh-CN.md", *sorted((HOME / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.relative_to(HOME)}: {target}"
