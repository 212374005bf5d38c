"""What either party keeps to itself and a contract touches, in every form it might slip out in: for `federation_search`.

    identifiers   as they are written, normalised, hashed without a secret, and as points before they are multiplied
    values        every number of a continuous column by itself: eight bytes either way round, and as text
    columns       every column in runs of rows: as it lies in the file, as bins, as encoded whole numbers and their bits;
                  in the order of the file, of the common customers, and of every set of rows that was trained on or judged
    rows          every row's encoded numbers and bits
    labels        in runs that leave out none: bytes, packed bits either way round, words of eight bytes, floating point
    models        every word of either party's part, the weights and leaves in whole, every edge of a bin; weights of scorecards

What is so short or so alike that it is found wherever something is filled up is left out: a run has `_RARER` values or more
that are not its median, and rows are taken together until they have `_TELLING_BITS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.contract_kinds import Kind
from bench.contract_nodes import Companies, Seen
from tarim.federation import Role
from tarim.federation.intersection import IdentifierKind, normalised
from tarim.federation.learning.boosting import bin_edges, binned
from tarim.federation.learning.preparation import coarse, drawn_in, levels
from tarim.federation.node.models import ModelPart
from tarim.federation.node.trainings import encoded_rows
from tarim.federation.points import point_of

FEW: Final = 8
"""A column of at most so many values is searched in runs of RUN_FEW rows, others in runs of RUN rows."""
RUN: Final = 16
RUN_FEW: Final = 64
_STEP: Final = 8
_TELLING_BITS: Final = 64
"""Of encoded rows, so that they do not come by chance."""
_RARER: Final = 8
"""A run has at least so many values that are not its median."""

Secret = tuple[str, bytes]
"""What it is, and its bytes."""
Places = npt.NDArray[np.int64]


def secrets_of(companies: Companies, kind: Kind, seen: Seen) -> Iterator[Secret]:
    """Everything of either party that a contract of this kind touched."""
    for role in Role:
        texts = [str(each) for each in companies.tables[role]["phone"]]
        contexts = {each.context for each in seen.found}
        for text in texts:
            yield from _of_identifier(text, contexts)
    orders = _orders(seen)
    for role in Role:
        yield from _of_table(companies, kind, role, seen, orders[role])
    for first, second in seen.parts:
        yield from _of_models(first, second)
    for weight in kind.weights:
        for form in ("<f8", ">f8"):
            yield "weight of a scorecard", np.array(weight, form).tobytes()
        yield "weight of a scorecard", repr(weight).encode()[:12]


def _of_identifier(text: str, contexts: Iterable[bytes]) -> Iterator[Secret]:
    plain = normalised(IdentifierKind.PHONE, text)
    yield "identifier", text.encode()
    yield "identifier", plain
    yield "identifier", np.int64(plain.decode()).tobytes()
    for name in ("md5", "sha1", "sha256", "sm3"):
        digest = hashlib.new(name, plain)
        yield "hash of an identifier", digest.digest()[:16]
        yield "hash of an identifier", digest.hexdigest()[:16].encode()
    for context in contexts:
        yield "point of an identifier", point_of(context, plain)


def _orders(seen: Seen) -> tuple[list[Places], list[Places]]:
    """Own rows of each party in every order that they were used in, beside that of the file."""
    found: tuple[list[Places], list[Places]] = ([], [])
    common = [{each.role: each.places for each in seen.found[at : at + 2]} for at in range(0, len(seen.found) - 1, 2)]
    common += [dict(zip(Role, (part.rows for part in parts), strict=True)) for parts in seen.parts]
    for both in common:
        if any(each is None for each in both.values()):
            continue
        first, second = both[Role.FIRST], both[Role.SECOND]
        assert first is not None and second is not None
        place = np.full(1 + int(second.max()), -1)
        place[second] = np.arange(len(second))
        found[Role.FIRST].append(first)
        found[Role.SECOND].append(second)
        for order in seen.label_orders:
            at = np.where(order < len(place), place[np.minimum(order, len(place) - 1)], -1)
            if (at >= 0).all():
                found[Role.FIRST].append(first[at])
                found[Role.SECOND].append(order)
    return _once(found[0]), _once(found[1])


def _once(orders: list[Places]) -> list[Places]:
    return list({order.tobytes(): order for order in orders}.values())


def _of_table(companies: Companies, kind: Kind, role: Role, seen: Seen, orders: list[Places]) -> Iterator[Secret]:
    rows = companies.rows(role, kind)
    every = [*orders, np.arange(len(rows))]
    columns = [np.unique(raw.values, return_inverse=True)[1].astype(float) if raw.values.dtype.kind != "f" else raw.values
               for raw in rows.raw()]  # fmt: skip
    for raw, column in zip(rows.raw(), columns, strict=True):
        if raw.values.dtype.kind == "f" and len(np.unique(column)) > len(column) // 2:
            for value in column[np.isfinite(column)]:
                yield f"value of {raw.name}", value.astype("<f8").tobytes()
                yield f"value of {raw.name}", value.astype(">f8").tobytes()
                yield f"value of {raw.name}", repr(float(value)).encode()[:12]
        yield from _of_column(raw.name, np.nan_to_num(column), every)
    if role is Role.SECOND and kind.label:
        yield from _of_labels(rows.labels(), every)
    if not columns or not orders:
        return
    common = orders[0]
    encoded = encoded_rows(rows, common)
    place = np.full(len(rows), 0)
    place[common] = np.arange(len(common))
    for order in orders:
        integers, bits = encoded.integers[place[order]], encoded.bits[place[order]]
        run = -(-_TELLING_BITS // encoded.widths.total)
        for at in range(0, len(order) - run + 1, -(-run // 2)):
            for what in ("<u1", "<i4", "<u8"):
                yield "encoded rows", integers[at : at + run].astype(what).tobytes()
            yield "bits of rows", np.packbits(bits[at : at + run].reshape(-1), bitorder="little").tobytes()
        for number in range(integers.shape[1]):
            yield from _of_column("an encoded column", integers[:, number], [np.arange(len(order))])
    for codes in _codes(columns, rows, seen, role, orders):
        run = -(-_TELLING_BITS // int(sum(max(1, np.log2(len(np.unique(column)))) for column in codes.T)))
        for order in orders:
            for at in range(0, len(order) - run + 1, -(-run // 2)):
                yield "rows of bins", codes[order[at : at + run]].astype(np.uint8).tobytes()
            for number in range(codes.shape[1]):
                yield from _of_column("a column of bins", codes[:, number], [order])


def _codes(columns: list[Any], rows: Any, seen: Seen, role: Role, orders: list[Places]) -> Iterator[Places]:
    """Columns as trees and screening see them, (rows of the file, columns)."""
    filled = [np.where(np.isfinite(each), each, np.nanmedian(each)) for each in columns]
    edges = {part.edges for parts in seen.parts for part in (parts[role],) if part.edges}
    edges |= {tuple(tuple(bin_edges(column[order]).tolist()) for column in filled) for order in orders}
    for each in edges:
        if len(each) == len(filled):
            yield np.stack([binned(column, np.array(at)) for column, at in zip(filled, each, strict=True)], axis=1)
    cut = [coarse(raw.values[orders[0]], 4, 20).codes(raw.values) for raw in rows.raw()]
    yield np.stack(cut, axis=1)
    yield np.stack([levels(drawn_in(column))[1] for column in filled], axis=1)


def _of_column(name: str, column: npt.NDArray[Any], orders: Iterable[Places]) -> Iterator[Secret]:
    run = RUN if len(np.unique(column)) > FEW else RUN_FEW
    whole = bool((column == np.rint(column)).all())
    for order in orders:
        for at in _starts(len(order), run):
            part = column[order[at : at + run]]
            if (part != np.median(part)).sum() < _RARER:  # found wherever something is filled up, and says nothing
                continue
            for kind in ("<f4", "<f8", *(("<u1", "<i4", "<i8") if whole else ())):
                with np.errstate(invalid="ignore"):
                    yield f"run of {name}", part.astype(kind).tobytes()


def _of_labels(labels: npt.NDArray[np.uint8], orders: Iterable[Places]) -> Iterator[Secret]:
    for order in orders:
        for at in _starts(len(order), RUN_FEW):
            part = labels[order[at : at + RUN_FEW]]
            if len(part) >= RUN_FEW // 2:
                for kind in ("<u1", "<i4", "<u8", "<f4", "<f8"):
                    yield "labels", part.astype(kind).tobytes()
            for bits in ("little", "big"):
                yield "labels, packed", np.packbits(part, bitorder=bits).tobytes()


def _starts(rows: int, run: int) -> range:
    """Beginnings of runs, such that none of the rows is left out."""
    return range(0, max(1, rows - run + _STEP), _STEP)


def _of_models(first: ModelPart, second: ModelPart) -> Iterator[Secret]:
    words = [[np.frombuffer(part.weights, np.uint64), *(np.frombuffer(tree.leaves, np.uint64) for tree in part.trees)]
             for part in (first, second)]  # fmt: skip
    for one, other in zip(*words, strict=True):
        for word in (*one, *other):
            yield "word of a part of a model", word.tobytes()
        whole = one + other
        for at in range(len(whole) - 1):
            yield "weights or leaves", whole[at : at + 2].tobytes()
            yield "weights or leaves", whole[at : at + 2].view(np.int64).astype(np.float64).tobytes()
    for part in (first, second):
        for edge in (edge for column in part.edges for edge in column if edge != round(edge, 1)):
            yield "edge of a bin", np.float64(edge).tobytes()
