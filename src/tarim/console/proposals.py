"""Proposals as every page knows them: where one stands, and what another person's form says to it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Proposal(msgspec.Struct):
    """A proposal and where it stands.  digest: what an approval has to name."""

    id: str
    what: str
    digest: str
    author: str
    proposed_at: str
    reason: str
    state: str
    decider: str
    note: str


def verdict_of(form: Mapping[str, str]) -> dict[str, str]:
    """The body of a decision: approval of what has the digest that was looked at, or else a rejection."""
    approve = form.get("verdict") == "approve"
    return {
        "verdict": "approve" if approve else "reject",
        "digest": form.get("digest", "") if approve else "",
        "note": form.get("note", "").strip(),
    }
