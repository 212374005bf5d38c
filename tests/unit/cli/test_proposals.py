"""A proposal waits, is approved by the digest of what was looked at, or is rejected; each is said in both languages."""

from __future__ import annotations

import pytest

from tarim.cli._proposals import approval, rejection, tell_decided, tell_proposed


def test_only_an_approval_names_what_it_is_about() -> None:
    assert approval("ab", "fine") == {"verdict": "approve", "digest": "ab", "note": "fine"}
    assert rejection("too wide") == {"verdict": "reject", "digest": "", "note": "too wide"}


def test_what_waits_and_how_it_ended_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tell_proposed({"id": "p1", "digest": "ab"})
    tell_decided({"id": "p1", "state": "approved"})
    waits, digest, ended = capsys.readouterr().out.splitlines()
    assert waits.startswith("proposal p1 waits") and "待他人审批" in waits and digest.endswith(" ab")
    assert ended.startswith("proposal p1: approved.") and "提案状态" in ended
