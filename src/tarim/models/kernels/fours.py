"""Four float64 in one register: a step that is the same for each point of an integral, done for all of them at once.

Numba turns loops over long arrays into vector instructions, not four multiplications side by side; these do it.  A four is a
tuple to numba and to the reader; the tuples vanish when the kernel is compiled.  A four in an array is found by the index of
its first number, unsigned, which costs no test for negative ones.
"""

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

FOUR: Final = types.UniTuple(types.float64, 4)
_LANES: Final = 4
_VECTOR: Final = ir.VectorType(ir.DoubleType(), _LANES)
_INDEX: Final = ir.IntType(32)
_ALIGNED: Final = 8  # bytes that every array of float64 is aligned to


def _to_vector(builder: Any, four: Any) -> Any:
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(_LANES):
        vector = builder.insert_element(vector, builder.extract_value(four, lane), ir.Constant(_INDEX, lane))
    return vector


def _to_four(builder: Any, vector: Any) -> Any:
    four = ir.Constant(ir.ArrayType(ir.DoubleType(), _LANES), ir.Undefined)
    for lane in range(_LANES):
        four = builder.insert_value(four, builder.extract_element(vector, ir.Constant(_INDEX, lane)), lane)
    return four


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())


@intrinsic
def load_four(_typing: Any, array: Any, at: Any) -> Any:
    """The four that begins at an index of an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return _to_four(builder, builder.load(pointer, align=_ALIGNED))

    return FOUR(array, types.uint64), generate


@intrinsic
def store_four(_typing: Any, array: Any, at: Any, four: Any) -> Any:
    """Write a four where an index of an array says."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(_to_vector(builder, arguments[2]), pointer, align=_ALIGNED)
        return context.get_dummy_value()

    return types.void(array, types.uint64, FOUR), generate


@intrinsic
def four_times(_typing: Any, number: Any) -> Any:
    """A number in all four places."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, arguments[0], ir.Constant(_INDEX, 0))
        places = ir.Constant(ir.VectorType(_INDEX, _LANES), None)
        return _to_four(builder, builder.shuffle_vector(first, undefined, places))

    return FOUR(types.float64), generate


def _of_two(instruction: str) -> Any:
    def operation(_typing: Any, left: Any, right: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            left, right = (_to_vector(builder, argument) for argument in arguments)
            return _to_four(builder, getattr(builder, instruction)(left, right))

        return FOUR(FOUR, FOUR), generate

    return intrinsic(operation)


minus: Final = _of_two("fsub")
times: Final = _of_two("fmul")
