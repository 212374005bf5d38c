"""Common customers of two companies over mutual TLS on one machine.

    python -m bench.federation_intersection [--rows N] [--processes P]

Each company has `rows` phone numbers, half of them in common.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from bench.two_parties import costs, together
from tarim.federation import Role
from tarim.federation.adapters.link import Link
from tarim.federation.intersection import intersect


def held(role: Role, rows: int) -> list[bytes]:
    """A company's identifiers, in an order of its own."""
    start = 0 if role is Role.FIRST else rows // 2
    order = np.random.default_rng(role).permutation(rows)
    return [b"%d" % (13_000_000_000 + start + int(place)) for place in order]


def prepare(role: Role, argument: tuple[int, int]) -> tuple[list[bytes], int]:
    """A company's identifiers, and how many processes it uses."""
    rows, processes = argument
    return held(role, rows), processes


def party(role: Role, link: Link, prepared: tuple[list[bytes], int]) -> list[bytes]:
    """One company: what it has in common with the other."""
    mine, processes = prepared
    found = intersect(link, role, mine, b"bench", frozenset(Role), processes=processes)
    assert found is not None
    return [mine[place] for place in found]


def measured(rows: int, processes: int = 1) -> dict[str, Any]:
    """Figures of one run.  Raises AssertionError when the result is wrong."""
    both = together(party, (rows, processes), prepare)
    one, other = (did.result for did in both)
    assert one == other and set(one) == set(held(Role.FIRST, rows)) & set(held(Role.SECOND, rows))
    return {"rows": rows, "common": len(one), "processes": processes} | costs(both)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measured(options.rows, options.processes)))


if __name__ == "__main__":
    main()
