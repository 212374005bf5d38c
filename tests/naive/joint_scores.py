"""Twins of `federation.kernels.scores`: one row, one leaf, one whole number at a time."""

from __future__ import annotations

from collections.abc import Sequence


def signed_total(flips: Sequence[int], products: Sequence[int]) -> int:
    """The products, those that are flipped taken off, modulo 2^64."""
    return sum(-product if flip else product for flip, product in zip(flips, products, strict=True)) % 2**64


def may_reach(bins: Sequence[int], columns: Sequence[int], lasts: Sequence[int], leaf: int) -> bool:
    """Whether no split with a column of its own (not -1) on the path leads away from the leaf, numbered from the left."""
    node = leaf + len(columns)
    while node:
        parent = (node - 1) // 2
        went_left = node == 2 * parent + 1
        if columns[parent] >= 0 and (bins[columns[parent]] <= lasts[parent]) is not went_left:
            return False
        node = parent
    return True


def leaf_share(told: tuple[int, int], value: int, of_first: int, of_second: int, of_both: int) -> int:
    """One side's share modulo 2^32 of A B v, where A and B are what was told against random a and b.

    value, of_first, of_second, of_both: its shares of v, a v, b v, a b v.
    """
    flip_first, flip_second = told
    total = 0
    for first_term in ((1, 0), (-1, 1)) if flip_first else ((1, 1),):  # A = 1 - a where flipped, else a
        for second_term in ((1, 0), (-1, 1)) if flip_second else ((1, 1),):
            share = {(0, 0): value, (1, 0): of_first, (0, 1): of_second, (1, 1): of_both}[first_term[1], second_term[1]]
            total += first_term[0] * second_term[0] * share
    return total % 2**32
