"""Kernels called by kernels, with the arguments that stay the same bound beforehand.

A call from Python to compiled code costs about 60 ns for every array it hands over, and as much as a small kernel for the
interpreter's part.  What is bound costs nothing: its addresses lie in a table, an array of words, and the kernel makes its
arrays from them.  A kernel is bound by its address, so another one takes its place without anything being compiled again.

    words of a table   4 for each argument: of an array its address and up to three lengths, of a number its bits
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

_WORDS: Final = 4
_DIMENSIONS_MAX: Final = _WORDS - 1
_I64: Final = ir.IntType(64)
TABLE: Final = types.int64[::1]
BOUND: Final = types.UniTuple(types.int64, 3)
"""What a kernel sees of a Bound: its address, and where its table lies and ends."""

Words = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bound:
    """A kernel with its table; `kept` are the arrays that the table points into, which live as long."""

    address: int
    table: Words
    kept: tuple[object, ...]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a bound kernel holds addresses of this process; send the model's content instead")


def bind(kernel: Any, *arguments: Any) -> Bound:
    """The kernel's address, and a table that `unpacked` finds the arguments in: C-contiguous arrays, int, float.

    kernel: compiled by `njit` for one signature.  An argument may itself be Bound; its kind is BOUND.
    """
    return Bound(address_of(kernel), table_of(*arguments), arguments)


def table_of(*arguments: Any) -> Words:
    """The table of arguments, which must live as long as it is used."""
    table = np.zeros(_WORDS * len(arguments), np.int64)
    for index, argument in enumerate(arguments):
        words = table[_WORDS * index : _WORDS * (index + 1)]
        if isinstance(argument, np.ndarray):
            assert argument.flags.c_contiguous and argument.ndim <= _DIMENSIONS_MAX
            words[0], words[1 : 1 + argument.ndim] = argument.ctypes.data, argument.shape
        elif isinstance(argument, Bound):
            words[:3] = words_of(argument)
        elif isinstance(argument, float):
            words[:1].view(np.float64)[0] = argument
        else:
            words[0] = argument
    return table


def words_of(bound: Bound) -> tuple[int, int, int]:
    """What a kernel sees as BOUND."""
    return bound.address, bound.table.ctypes.data, len(bound.table)


def address_of(kernel: Any) -> int:
    """Where the machine code of a kernel, compiled for one signature, begins; it stays there as long as the kernel lives."""
    (compiled,) = kernel.overloads.values()
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    return address


def unpacked(*kinds: Any) -> Any:
    """For kernels: `unpacked(...)(table)` is the tuple of arguments of these numba types."""
    whole = types.Tuple(kinds)

    def body(_typing: Any, table: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            words = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            made = [_argument(context, builder, words, _WORDS * index, kind) for index, kind in enumerate(kinds)]
            return context.make_tuple(builder, whole, made)

        return whole(table), generate

    return intrinsic(body)


def _argument(context: Any, builder: Any, words: Any, at: int, kind: Any) -> Any:
    def word(offset: int) -> Any:
        return builder.load(builder.gep(words, [ir.Constant(_I64, at + offset)]))

    if isinstance(kind, types.Array):
        return _array(context, builder, kind, word(0), [word(1 + axis) for axis in range(kind.ndim)])
    if kind == BOUND:
        return context.make_tuple(builder, kind, [word(0), word(1), word(2)])
    return builder.bitcast(word(0), context.get_value_type(kind))


def _array(context: Any, builder: Any, kind: Any, address: Any, shape: list[Any]) -> Any:
    """An array over memory that somebody else keeps."""
    made = context.make_array(kind)(context, builder)
    size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [size]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(address, made.data.type)
    arrayobj.populate_array(made, data, shape, strides, size, meminfo=None)
    return made._getvalue()


@intrinsic
def call(_typing: Any, address: Any, arguments: Any) -> Any:
    """Call the kernel at an address, which returns nothing, with a tuple of just the types that it was compiled for."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args[1].types
        _call(context, builder, values[0], kinds, cgutils.unpack_tuple(builder, values[1], len(kinds)))
        return context.get_dummy_value()

    return types.void(types.int64, arguments), generate


@intrinsic
def call_bound(_typing: Any, bound: Any, arguments: Any) -> Any:
    """Call what an argument of kind BOUND stands for, with its table and then a tuple of the other arguments."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args[1].types
        address, table, length = cgutils.unpack_tuple(builder, values[0], 3)
        rest = cgutils.unpack_tuple(builder, values[1], len(kinds))
        _call(context, builder, address, (TABLE, *kinds), [_array(context, builder, TABLE, table, [length]), *rest])
        return context.get_dummy_value()

    return types.void(BOUND, arguments), generate


def _call(context: Any, builder: Any, address: Any, kinds: Any, values: Any) -> None:
    """As numba's own wrapper for callers in C takes them."""
    function = ir.FunctionType(context.get_value_type(types.void), [context.get_value_type(kind) for kind in kinds])
    builder.call(builder.inttoptr(address, function.as_pointer()), values)
