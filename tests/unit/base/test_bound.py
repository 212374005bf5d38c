"""Bound kernels: what a kernel finds in its table is what was bound, and one kernel calls another by its address."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest
from numba import from_dtype, njit, types

from tarim.base.kernels.bound import BOUND, address_of, bind, call, call_bound, table_of, unpacked

PAIR = np.dtype([("weight", "f8"), ("place", "u4"), ("spare", "u4")])
_SUM = unpacked(
    types.float64[::1], types.uint16[:, ::1], types.int8[:, :, ::1], from_dtype(PAIR)[::1], types.float64, types.int64
)
_TWO = unpacked(BOUND, types.int64, types.int64)


@njit("void(int64[::1], float64[::1])")
def summed(table, out):
    numbers, matrix, cube, pairs, factor, offset = _SUM(table)
    out[0] = numbers.sum() * factor + offset
    out[1] = matrix[1, 2] + cube[1, 0, 2]
    for k in range(pairs.shape[0]):
        out[2] += pairs[k].weight * pairs[k].place
    out[3] = matrix.shape[0] * 100 + matrix.shape[1] * 10 + cube.shape[1]


@njit("void(float64[::1], float64)")
def scaled(out, factor):
    for k in range(out.shape[0]):
        out[k] *= factor


@njit("void(int64[::1], float64[::1])")
def summed_and_scaled(table, out):
    bound, address, times = _TWO(table)
    call_bound(bound, (out,))
    for _ in range(times):
        call(address, (out, 2.0))


def test_a_kernel_finds_what_was_bound_and_calls_by_address():
    """Arrays of one to three dimensions and of records, numbers, and another kernel with its own table."""
    pairs = np.array([(0.5, 4, 0), (2.0, 3, 0)], PAIR)
    matrix, cube = np.arange(6, dtype=np.uint16).reshape(2, 3), np.arange(-6, 6, dtype=np.int8).reshape(2, 2, 3)
    first = bind(summed, np.arange(4.0), matrix, cube, pairs, -1.5, 7)
    both = bind(summed_and_scaled, first, address_of(scaled), 3)
    del first, pairs, matrix, cube
    gc.collect()  # what is bound lives as long as what binds it
    out = np.zeros(4)
    summed_and_scaled(both.table, out)
    assert out.tolist() == [8 * (6 * -1.5 + 7), 8 * (5 + 2), 8 * (2.0 + 6.0), 8 * 232.0]


def test_arrays_with_gaps_are_not_bound():
    """A table holds no strides."""
    with pytest.raises(AssertionError):
        table_of(np.zeros((4, 4))[:, ::2])


def test_what_holds_addresses_does_not_leave_its_process():
    """Another process would call into the void."""
    with pytest.raises(TypeError, match="addresses of this process"):
        pickle.dumps(bind(scaled))
    with pytest.raises(TypeError, match="addresses of this process"):
        copy.deepcopy(bind(scaled))
