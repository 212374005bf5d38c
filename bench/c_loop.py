"""The C loop: the engine's own kernel, statement by statement in C, built by the machine's C compiler.

The kernel that numba compiles is plain Python over arrays of words.  Here the same text becomes C, mechanically: same
arena, same layout, same algorithm, same prefetches, so that the ratio says what numba costs against `gcc -O3
-march=native` and nothing else.  The result has to be bit-identical, and is checked.  Without a compiler the ratio is
reported as not measured; nothing else needs one.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import inspect
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from tarim.stream import Engine, FeatureSet, Rows
from tarim.stream.kernels import arena

FLAGS = ("-O3", "-march=native", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-shared", "-fPIC")
_TYPES = {
    "i8": "i64",
    "f8": "double",
    "void": "void",
    "i8[::1]": "i64 *",
    "i8[:,::1]": "i64 *",
    "f8[:,::1]": "double *",
}
_HEAD = """#include <stdint.h>
#include <math.h>
#include <stdlib.h>
typedef int64_t i64;
static inline i64 imax(i64 a, i64 b) { return a > b ? a : b; }
static inline i64 imin(i64 a, i64 b) { return a < b ? a : b; }
static inline void prefetch(i64 *A, i64 k) { __builtin_prefetch(A + k, 1, 3); }
"""
_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitAnd: "&",
    ast.BitXor: "^", ast.Div: "/",
}  # fmt: skip
_COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class NotTranslated(Exception):
    """The kernel uses a construct this translator does not know; the C loop is then not measured."""


@dataclass(frozen=True)
class _Signature:
    result: str
    arguments: tuple[str, ...]


class _Function:
    """One kernel function on its way to C: every name is an int64, or a double once something fractional is put in it."""

    def __init__(
        self, node: ast.FunctionDef, signature: _Signature, known: dict[str, _Signature], widths: dict[str, int]
    ):
        self.node = node
        self.signature = signature
        self.known = known
        self.widths = widths
        self.parameters = {a.arg: t for a, t in zip(node.args.args, signature.arguments, strict=True)}
        self.doubles: set[str] = {name for name, kind in self.parameters.items() if kind == "double"}
        self.locals: list[str] = []
        self._infer()

    def _infer(self) -> None:
        while True:
            before = len(self.doubles)
            for node in ast.walk(self.node):
                targets: list[ast.expr] = []
                value: ast.expr | None = None
                if isinstance(node, ast.Assign):
                    targets, value = node.targets, node.value
                elif isinstance(node, ast.AugAssign):
                    targets, value = [node.target], node.value
                elif isinstance(node, ast.For):
                    targets = [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        if target.id not in self.parameters and target.id not in self.locals:
                            self.locals.append(target.id)
                        if value is not None and self.is_double(value):
                            self.doubles.add(target.id)
            if len(self.doubles) == before:
                return

    def is_double(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id="NAN"):
                return True
            case ast.Name(id=name):
                return name in self.doubles
            case ast.Constant(value=value):
                return isinstance(value, float)
            case ast.BinOp(op=ast.Div()):
                return True
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                return self.is_double(left) or self.is_double(right)
            case ast.UnaryOp(operand=operand):
                return self.is_double(operand)
            case ast.Subscript(value=ast.Name(id=name)):
                return self.parameters.get(name) == "double *"
            case ast.Call(func=ast.Name(id="float")) | ast.Call(func=ast.Attribute(attr="sqrt")):
                return True
            case ast.Call(func=ast.Name(id="max" | "min" | "abs"), args=args):
                return any(self.is_double(a) for a in args)
            case ast.Call(func=ast.Name(id=name)) if name in self.known:
                return self.known[name].result == "double"
        return False

    def text(self) -> str:
        parameters = ", ".join(f"{kind} {name}" for name, kind in self.parameters.items())
        lines = [f"static {self.signature.result} {self.node.name}({parameters}) {{"]
        lines += [f"  {'double' if name in self.doubles else 'i64'} {name} = 0;" for name in self.locals]
        for statement in self.node.body:
            lines += [f"  {line}" for line in self.statement(statement)]
        return "\n".join([*lines, "}", ""])

    def block(self, body: list[ast.stmt]) -> Iterator[str]:
        for statement in body:
            yield from (f"  {line}" for line in self.statement(statement))

    def statement(self, node: ast.stmt) -> Iterator[str]:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case ast.Expr(value=value):
                yield f"{self.expression(value)};"
            case ast.Assign(targets=[target], value=value):
                yield f"{self.expression(target)} = {self.expression(value)};"
            case ast.AugAssign(target=target, op=op, value=value):
                yield f"{self.expression(target)} {_BINARY[type(op)]}= {self.expression(value)};"
            case ast.Return(value=value):
                yield "return;" if value is None else f"return {self.expression(value)};"
            case ast.Break():
                yield "break;"
            case ast.Continue():
                yield "continue;"
            case ast.While(test=test, body=body):
                yield f"while ({self.expression(test)}) {{"
                yield from self.block(body)
                yield "}"
            case ast.If(test=test, body=body, orelse=orelse):
                yield f"if ({self.expression(test)}) {{"
                yield from self.block(body)
                if orelse:
                    yield "} else {"
                    yield from self.block(orelse)
                yield "}"
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=args), body=body):
                yield from self.loop(name, args, body, node.lineno)
            case _:
                raise NotTranslated(ast.unparse(node).splitlines()[0])

    def loop(self, name: str, args: list[ast.expr], body: list[ast.stmt], line: int) -> Iterator[str]:
        start, stop = ("0", self.expression(args[0])) if len(args) == 1 else map(self.expression, args[:2])
        step = ast.literal_eval(args[2]) if len(args) == 3 else 1
        if not isinstance(step, int) or step == 0:
            raise NotTranslated(f"range step {ast.unparse(args[2])}")
        walk, end = f"{name}_{line}", f"{name}_{line}_end"
        until = "<" if step > 0 else ">"
        yield f"for (i64 {walk} = {start}, {end} = {stop}; {walk} {until} {end}; {walk} += {step}) {{"
        yield f"  {name} = {walk};"
        yield from self.block(body)
        yield "}"

    def expression(self, node: ast.expr) -> str:
        text = self.expression
        match node:
            case ast.Name(id="NAN"):
                return "NAN"
            case ast.Name(id=name):
                if name in self.parameters or name in self.locals:
                    return name
                value = getattr(arena, name)
                assert isinstance(value, int)
                return f"({value}LL)"
            case ast.Constant(value=bool(value)):
                return str(int(value))
            case ast.Constant(value=int(value)):
                return f"{value}LL"
            case ast.Constant(value=float(value)):
                return repr(value)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return f"((double)({text(left)}) / (double)({text(right)}))"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return f"({text(left)} {_BINARY[type(op)]} {text(right)})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{text(operand)})"
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return f"(~{text(operand)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(!{text(operand)})"
            case ast.BoolOp(op=op, values=values):
                return "(" + (" && " if isinstance(op, ast.And) else " || ").join(map(text, values)) + ")"
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                sides = [left, *comparators]
                pairs = zip(sides, ops, sides[1:], strict=False)
                return "(" + " && ".join(f"{text(a)} {_COMPARE[type(op)]} {text(b)}" for a, op, b in pairs) + ")"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({text(test)} ? {text(body)} : {text(orelse)})"
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Tuple(elts=[row, column])):
                return f"{name}[{text(row)} * {self.widths[name]} + {text(column)}]"
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                return f"{name}[{text(index)}]"
            case ast.Call():
                return self.call(node)
        raise NotTranslated(ast.unparse(node))

    def call(self, node: ast.Call) -> str:
        args = [self.expression(a) for a in node.args]
        match node.func:
            case ast.Attribute(attr="int64"):
                return args[0] if len(args) == 1 else "0"
            case ast.Attribute(attr="isnan" | "sqrt" as name):
                return f"{name}({args[0]})"
            case ast.Name(id="float"):
                return f"((double)({args[0]}))"
            case ast.Name(id="abs"):
                return f"fabs({args[0]})" if self.is_double(node) else f"llabs({args[0]})"
            case ast.Name(id="max" | "min" as name):
                if self.is_double(node):
                    raise NotTranslated(ast.unparse(node))
                return f"i{name}({', '.join(args)})"
            case ast.Name(id=name) if name in self.known:
                return f"{name}({', '.join(args)})"
        raise NotTranslated(ast.unparse(node))


def _signature_of(node: ast.FunctionDef) -> _Signature | None:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="njit"), args=[ast.Constant(value=str(text))]):
                result, _, rest = text.partition("(")
                arguments = [part.strip() for part in rest.rstrip(")").replace("[:,", "[:;").split(",")]
                return _Signature(_TYPES[result], tuple(_TYPES[a.replace("[:;", "[:,")] for a in arguments))
    return None


def c_source(kernel_source: str, row_words: int, features: int) -> str:
    """The kernel module and the arena functions it calls, as one C file with `process` exported.

    Raises NotTranslated when the kernel uses something outside the subset.
    """
    functions: list[tuple[ast.FunctionDef, _Signature]] = []
    for text in (inspect.getsource(arena), kernel_source):
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and (signature := _signature_of(node)) and node.name != "prefetch":
                functions.append((node, signature))
    known = {node.name: signature for node, signature in functions} | {"prefetch": _Signature("void", ("i64 *", "i64"))}
    wanted = _reached("process", {node.name: node for node, _ in functions})
    parts = [_HEAD]
    kept = [(node, signature) for node, signature in functions if node.name in wanted]
    parts += [f"static {s.result} {node.name}({', '.join(s.arguments)});" for node, s in kept]
    widths = {"R": row_words, "out": features}
    parts += [_Function(node, signature, known, widths).text() for node, signature in kept]
    parts.append("i64 run(i64 *A, i64 *R, double *out, i64 lo, i64 hi) { return process(A, R, out, lo, hi); }\n")
    return "\n".join(parts)


def _reached(name: str, functions: dict[str, ast.FunctionDef]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in seen or current not in functions:
            continue
        seen.add(current)
        for node in ast.walk(functions[current]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                waiting.append(node.func.id)
    return seen


class CLoop:
    """An engine whose `process` is the C loop; its state lies in an ordinary engine's arena."""

    def __init__(self, features: FeatureSet, folder: Path) -> None:
        """Translate and build into `folder`, once a kernel text.  Raises NotTranslated, or OSError without a compiler."""
        self.engine = Engine(features)
        self._columns = len(self.engine.names)
        self._run = _built(c_source(self.engine.kernel_source, 32, self._columns), folder)

    def process(self, rows: Rows, out: npt.NDArray[np.float64]) -> None:
        words = self.engine._words
        done = self._run(words.ctypes.data, rows.ctypes.data, out.ctypes.data, 0, len(rows))
        assert done == len(rows), f"the C loop stopped at row {done}"


def compiler() -> str | None:
    """The C compiler of this machine, if any."""
    return shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")


def _built(source: str, folder: Path) -> Callable[..., int]:
    found = compiler()
    if found is None:
        raise OSError("no C compiler found")
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(" ".join((source, *FLAGS)).encode()).hexdigest()[:16]
    text, library = folder / "feature_loop.c", folder / f"feature_loop_{digest}.so"
    if not library.exists():
        text.write_text(source, encoding="utf-8")
        subprocess.run([found, *FLAGS, "-o", str(library), str(text), "-lm"], check=True, capture_output=True)
    function = ctypes.CDLL(str(library)).run
    function.restype = ctypes.c_int64
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    return cast(Callable[..., int], function)
