"""The naive twin of `tarim.decisions.kernels.effect`: one rule of one event at a time, with sets and whole numbers."""

from __future__ import annotations

from collections.abc import Iterable

WHOLE = 10_000
_WORD = 1 << 64


def part_of(customer: int, rule_id: str) -> int:
    """Where a customer stands among 0 ... 9,999 for one rule."""
    salt = 0xCBF29CE484222325
    for byte in rule_id.encode():
        salt = ((salt ^ byte) * 0x100000001B3) % _WORD
    mixed = (customer % _WORD) ^ salt
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) % _WORD
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % _WORD
    return (mixed ^ (mixed >> 31)) % WHOLE


def has_effect(
    rule_id: str,
    customer: int,
    received_ms: int,
    held_back: Iterable[str],
    shares: dict[str, int],
    suppressions: Iterable[tuple[int, str, int]],
) -> bool:
    """Whether a rule that holds has an effect.  suppressions: (customer, rule or `*`, until_ms)."""
    if rule_id in held_back:
        return False
    share = shares.get(rule_id, WHOLE)
    if share < WHOLE and (customer == 0 or part_of(customer, rule_id) >= share):
        return False
    return not any(
        customer == whom != 0 and rule in (rule_id, "*") and received_ms < until_ms
        for whom, rule, until_ms in suppressions
    )
