"""The last step before numba: the same module in the form that compiles fast and runs fast.

*Accesses.*  Numba lets an index count from the end, which costs a comparison and a select at every access; the kernels
here never do that, so `A[i]` becomes `load1(A, i)`.

*Functions.*  Only entry points keep their signature and their place in the cache on disk; the others are compiled as
part of those, without wrappers for Python.  That halves the time of a first compile and leaves little to load later.

Only the compiled form is rewritten: the source one reads, and the form run in tests, keep brackets and signatures.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Final

_ARRAYS: Final = {"A": 1, "R": 2, "out": 2}
"""Names of the arrays in kernel sources, and their dimensions."""

INTRINSICS: Final = """
from numba import types
from numba.extending import intrinsic


def _pointer(context, builder, array_type, array, indices):
    made = context.make_array(array_type)(context, builder, array)
    if len(indices) == 1:
        return builder.gep(made.data, [indices[0]])
    width = builder.extract_value(made.shape, 1)
    return builder.gep(made.data, [builder.add(builder.mul(indices[0], width), indices[1])])


@intrinsic
def load1(typingctx, array, i):
    def codegen(context, builder, signature, args):
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1:]))

    return array.dtype(array, types.int64), codegen


@intrinsic
def store1(typingctx, array, i, value):
    def codegen(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, signature.args[0], args[0], args[1:2]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), codegen


@intrinsic
def load2(typingctx, array, i, j):
    def codegen(context, builder, signature, args):
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1:]))

    return array.dtype(array, types.int64, types.int64), codegen


@intrinsic
def store2(typingctx, array, i, j, value):
    def codegen(context, builder, signature, args):
        builder.store(args[3], _pointer(context, builder, signature.args[0], args[0], args[1:3]))
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, array.dtype), codegen
"""
"""Source of `load1`, `store1`, `load2`, `store2`, to stand at the head of a rewritten module."""


_INNER: Final = 'njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)'


class _Rewriter(ast.NodeTransformer):
    def __init__(self, entries: Collection[str]) -> None:
        self._entries = entries

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        self.generic_visit(node)
        for n, decorator in enumerate(node.decorator_list):
            if node.name not in self._entries and isinstance(decorator, ast.Call) and _name(decorator.func) == "njit":
                inline = [word for word in decorator.keywords if word.arg == "inline"]
                inner = ast.parse(_INNER, mode="eval").body
                assert isinstance(inner, ast.Call)
                inner.keywords += inline
                node.decorator_list[n] = inner
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load) and _is_array(node):
            return _call(f"load{_ARRAYS[node.value.id]}", node)  # type: ignore[attr-defined]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and _is_array(target):
            return _store(target, node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        target = node.target
        if isinstance(target, ast.Subscript) and _is_array(target):
            was = _call(f"load{_ARRAYS[target.value.id]}", target)  # type: ignore[attr-defined]
            return _store(target, ast.BinOp(was, node.op, node.value))
        return node


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_array(node: ast.Subscript) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in _ARRAYS


def _call(name: str, node: ast.Subscript, *more: ast.expr) -> ast.Call:
    indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return ast.Call(ast.Name(name, ast.Load()), [node.value, *indices, *more], [])


def _store(target: ast.Subscript, value: ast.expr) -> ast.Expr:
    assert isinstance(target.value, ast.Name)
    target.value.ctx = ast.Load()
    return ast.Expr(_call(f"store{_ARRAYS[target.value.id]}", target, value))


def lowered(source: str, entries: Collection[str]) -> str:
    """The module as numba gets it; index expressions must be free of effects.  `entries` are called from Python."""
    tree = _Rewriter(entries).visit(ast.parse(source))
    return INTRINSICS + ast.unparse(ast.fix_missing_locations(tree)) + "\n"
