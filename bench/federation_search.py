"""Is anything of either side on the line?  Every kind of contract carried out by whole nodes, and all they send searched.

    python -m bench.federation_search [--rows N] [KIND ...]

Searched is what nodes send before TLS hides it (conversations, custody, stock, both lanes) and what they log, for all that
`federation_secrets` names.  A number's eight bytes come by chance once in 10^11 runs; what is shorter is searched in runs.
At the end those knock who must not be let in (`federation_strangers`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.contract_kinds import HELLOS, NAMES, chosen, missing
from bench.contract_nodes import Companies
from bench.contract_tables import tables
from bench.federation_secrets import Secret, secrets_of
from bench.federation_strangers import let_in
from tarim.federation import second_engine_readiness

HEAD_BYTES: Final = 8
"""What is searched is that long or longer."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_TABLE_BITS: Final = 20
_PIECE: Final = 1 << 22


def leaks(frames: Sequence[tuple[str, bytes]], secrets: Iterable[Secret]) -> list[str]:
    """`what in step`, each once, of secrets that frames hold.  All secrets are searched at once."""
    by_head: dict[int, list[tuple[int, str, bytes]]] = defaultdict(list)
    for what, content in secrets:
        if len(content) >= HEAD_BYTES:
            at = _telling(content)
            by_head[int.from_bytes(content[at : at + HEAD_BYTES], "little")].append((at, what, content))
    heads = np.array(list(by_head), np.uint64)
    table = np.zeros(1 << _TABLE_BITS, bool)
    table[_mixed(heads)] = True
    line = b"".join(content for _, content in frames)
    ends = np.cumsum([len(content) for _, content in frames])
    found: dict[str, None] = {}
    for start in range(0, max(0, len(line) - HEAD_BYTES + 1), _PIECE):
        count = min(_PIECE, len(line) - HEAD_BYTES + 1 - start)
        words = np.ndarray((count,), "<u8", line, start, (1,))
        near = np.flatnonzero(table[_mixed(words)])
        for place in near[np.isin(words[near], heads)].tolist():
            for at, what, content in by_head[int(words[place])]:
                begin = start + place - at
                if begin >= 0 and line.startswith(content, begin):
                    found[f"{what} in {frames[int(np.searchsorted(ends, begin, side='right'))][0]}"] = None
    return list(found)


def _telling(content: bytes) -> int:
    """Where eight bytes begin that are least like filling, or enough unlike it."""
    best, most = 0, 0
    for at in range(min(len(content), 256) - HEAD_BYTES + 1):
        different = len(set(content[at : at + HEAD_BYTES]))
        if different > most:
            best, most = at, different
        if most >= HEAD_BYTES // 2:
            break
    return best


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed: npt.NDArray[np.uint64] = (words * _MIX) >> np.uint64(64 - _TABLE_BITS)
    return mixed


def measured(rows: int, names: Iterable[str] = NAMES) -> dict[str, Any]:
    """Figures of the search; names: of kinds.  Those that need the second engine are left out where it is absent, and why."""
    kinds, left_out = chosen(names), ""
    possible = missing(kinds, HELLOS)
    engine = second_engine_readiness() if any(kind.engine for kind in kinds) else None
    if engine is not None and not engine.ready:
        kinds, left_out = [kind for kind in kinds if not kind.engine], engine.why_not
    where: dict[str, list[str]] = {}
    searched = line_bytes = 0
    said: set[str] = set()
    with (
        tempfile.TemporaryDirectory(prefix="tarim-search-") as folder,
        Companies(Path(folder), tables(rows, 2 * rows // 3, 1)) as companies,
    ):
        for kind in kinds:
            seen = companies.carried_out(kind)
            secrets = list(secrets_of(companies, kind, seen))
            logs = [("the log", each.encode()) for each in seen.logs]
            if found := leaks(seen.frames + logs, secrets):
                where[kind.name] = found[:10]
            searched += len(secrets)
            line_bytes += sum(len(content) for _, content in seen.frames)
            said |= seen.hellos()
        answered = let_in(companies, Path(folder))
    not_searched = missing(kinds, said)
    return {
        "kinds": len(kinds),
        "line_mb": round(line_bytes / 1e6, 1),
        "searched": searched,
        "found": sum(map(len, where.values())),
        "where": where,
        "left_out": left_out,
        "let_in": [name for name in answered if name != "peer"],
        "peer_let_in": "peer" in answered,
        "not_searched": sorted(not_searched if not left_out else not_searched & possible),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("kinds", nargs="*", default=list(NAMES))
    options = parser.parse_args()
    print(json.dumps(measured(options.rows, options.kinds), indent=1))


if __name__ == "__main__":
    main()
