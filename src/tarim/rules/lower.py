"""Checked trees → machine code: each condition becomes straight-line LLVM instructions inside one numba function.

The function is a loop over the events for each BLOCK_RULES rules, without a branch in it: every part of a condition is
computed, and conditions are joined bit by bit.  Nothing can fail, so nothing has to be left out.  Numba would read the same
from Python source, but takes ten times as long over a ruleset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS
from tarim.rules import checked
from tarim.rules.checked import Condition, Quantity
from tarim.rules.domain import HIT_WORDS, PROBES_MAX, RULES_MAX, Probe
from tarim.stream import Col

BLOCK_RULES: Final = 32
"""Divides 64, so that a block lies in one word of the hits."""

_I64: Final = ir.IntType(64)
_BIT: Final = ir.IntType(1)
_F64: Final = ir.DoubleType()
_NAN: Final = ir.Constant(_F64, float("nan"))


def lowered(conditions: Sequence[Condition], channels: Sequence[Sequence[int]], probes: Sequence[Probe]) -> Any:
    """The body of a kernel, to be called from a numba function with rows, features, scores, members and hits.

    Up to RULES_MAX conditions; `channels[k]` limits rule k to those channels (empty: all).  `probes` holds every probe of the
    conditions; its order is that of the bits of `members`.
    """
    assert len(conditions) == len(channels) <= RULES_MAX
    assert len(probes) <= PROBES_MAX
    bits = {probe: bit for bit, probe in enumerate(probes)}

    def body(typing_context: Any, rows: Any, features: Any, scores: Any, members: Any, hits: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = zip(signature.args, arguments, strict=True)
            arrays = [context.make_array(kind)(context, builder, value) for kind, value in kinds]
            for start in range(0, 64 * HIT_WORDS, BLOCK_RULES):
                block = slice(start, start + BLOCK_RULES)
                _write_block(builder, arrays, bits, start, list(zip(conditions[block], channels[block], strict=True)))
            return context.get_dummy_value()

        return types.void(rows, features, scores, members, hits), generate

    return intrinsic(body)


def _write_block(
    builder: Any,
    arrays: Sequence[Any],
    bits: Mapping[Probe, int],
    start: int,
    rules: Sequence[tuple[Condition, Sequence[int]]],
) -> None:
    """A loop over the events for the rules from `start` on; the first block of a word of the hits clears the word."""
    word, offset = divmod(start, 64)
    if not rules and offset:
        return
    with cgutils.for_range(builder, builder.extract_value(arrays[0].shape, 0)) as loop:
        event = _Event(builder, loop.index, arrays, bits)
        found = event.hits(word) if offset else ir.Constant(_I64, 0)
        for shift, (condition, channels) in enumerate(rules, offset):
            bit = builder.zext(event.rule(condition, channels), _I64)
            found = builder.or_(found, builder.shl(bit, ir.Constant(_I64, shift)))
        event.store_hits(word, found)


class _Event:
    """Writes instructions that read one event; what was read once is kept."""

    def __init__(self, builder: Any, index: Any, arrays: Sequence[Any], bits: Mapping[Probe, int]) -> None:
        self._builder = builder
        self._index = index
        self._rows, self._features, self._scores, self._members, self._hits = arrays
        self._bits = bits
        self._known: dict[object, Any] = {}

    def _address(self, array: Any, column: int) -> Any:
        """Of element [event, column] of a contiguous matrix."""
        builder = self._builder
        width = builder.extract_value(array.shape, 1)
        at = builder.add(builder.mul(self._index, width), ir.Constant(_I64, column))
        return builder.gep(array.data, [at])

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def hits(self, word: int) -> Any:
        return self._builder.load(self._address(self._hits, word))

    def store_hits(self, word: int, value: Any) -> None:
        self._builder.store(value, self._address(self._hits, word))

    def rule(self, condition: Condition, channels: Sequence[int]) -> Any:
        """One bit: whether the condition holds, and the event came in by one of `channels` (empty: any)."""
        holds = self.condition(condition)
        if not channels:
            return holds
        came = self._word(int(Col.CHANNEL))
        allowed = [self._builder.icmp_signed("==", came, ir.Constant(_I64, channel)) for channel in channels]
        return self._builder.and_(holds, reduce(self._builder.or_, allowed))

    def _word(self, column: int) -> Any:
        return self._once(("word", column), lambda: self._builder.load(self._address(self._rows, column)))

    def _number_of(self, column: int, absent: int | None) -> Any:
        builder = self._builder
        word = self._word(column)
        number = self._once(("number", column), lambda: builder.sitofp(word, _F64))
        if absent is None:
            return number
        return self._once(
            ("known", column, absent),
            lambda: builder.select(builder.icmp_signed("!=", word, ir.Constant(_I64, absent)), number, _NAN),
        )

    def _clock(self, unit_ms: int, shift: int, cycle: int) -> Any:
        """(local time // unit + shift) % cycle, as Python rounds: downwards."""
        builder = self._builder
        local = builder.add(self._word(int(Col.OCCURRED_MS)), ir.Constant(_I64, CHINA_OFFSET_MS + shift * unit_ms))
        period = ir.Constant(_I64, unit_ms * cycle)
        within = builder.srem(local, period)
        negative = builder.icmp_signed("<", within, ir.Constant(_I64, 0))
        within = builder.select(negative, builder.add(within, period), within)
        return builder.sitofp(builder.sdiv(within, ir.Constant(_I64, unit_ms)), _F64)

    def _band(self, starts: Sequence[float]) -> Any:
        builder, score, band = self._builder, self.quantity(checked.Score()), _NAN
        for index, start in enumerate(starts):
            reached = builder.fcmp_ordered(">=", score, ir.Constant(_F64, start))
            band = builder.select(reached, ir.Constant(_F64, float(index)), band)
        return band

    def quantity(self, node: Quantity) -> Any:
        """A float64, NaN when missing."""
        builder = self._builder
        match node:
            case checked.Constant():
                return ir.Constant(_F64, node.value)
            case checked.Feature():
                return self._once(node, lambda: builder.load(self._address(self._features, node.index)))
            case checked.Word():
                return self._number_of(node.column, node.absent)
            case checked.LocalHour():
                return self._once(node, lambda: self._clock(HOUR_MS, 0, 24))
            case checked.LocalWeekday():
                # 1970-01-01 was a Thursday, day 3 of the week.
                return self._once(node, lambda: self._clock(DAY_MS, 3, 7))
            case checked.Score():
                return self._once(node, lambda: builder.load(builder.gep(self._scores.data, [self._index])))
            case checked.ScoreBand():
                return self._once(node, lambda: self._band(node.starts))
            case checked.Negated():
                return builder.fneg(self.quantity(node.operand))
            case checked.Combined():
                left, right = self.quantity(node.left), self.quantity(node.right)
                if node.op == "/":
                    zero = builder.fcmp_ordered("==", right, ir.Constant(_F64, 0.0))
                    return builder.select(zero, _NAN, builder.fdiv(left, right))
                operation = {"+": builder.fadd, "-": builder.fsub, "*": builder.fmul}[node.op]
                return operation(left, right)

    def condition(self, node: Condition) -> Any:
        """One bit.  An ordered comparison is false when a side is NaN."""
        builder = self._builder
        match node:
            case checked.Always():
                return ir.Constant(_BIT, int(node.value))
            case checked.Relation():
                return builder.fcmp_ordered(node.op, self.quantity(node.left), self.quantity(node.right))
            case checked.OneOf():
                operand = self.quantity(node.operand)
                op, join = ("!=", builder.and_) if node.negated else ("==", builder.or_)
                return reduce(join, [builder.fcmp_ordered(op, operand, self.quantity(each)) for each in node.choices])
            case checked.Within():
                operand, low, high = self.quantity(node.operand), self.quantity(node.low), self.quantity(node.high)
                inside = builder.and_(
                    builder.fcmp_ordered("<=", low, operand), builder.fcmp_ordered("<=", operand, high)
                )
                if not node.negated:
                    return inside
                known = builder.and_(builder.fcmp_ordered("ord", operand, low), builder.fcmp_ordered("ord", low, high))
                return builder.and_(builder.not_(inside), known)
            case checked.IsMissing():
                operand = self.quantity(node.operand)
                return builder.fcmp_unordered("ord" if node.negated else "uno", operand, operand)
            case checked.Bit():
                masked = builder.and_(self._word(node.column), ir.Constant(_I64, node.mask))
                return builder.icmp_unsigned("!=", masked, ir.Constant(_I64, 0))
            case checked.Member():
                bit = self._bits[Probe(node.column, node.list_name)]
                word = self._once(("members", bit // 64), lambda: builder.load(self._address(self._members, bit // 64)))
                found = builder.trunc(builder.lshr(word, ir.Constant(_I64, bit % 64)), _BIT)
                if not node.negated:
                    return found
                present = builder.icmp_signed("!=", self._word(node.column), ir.Constant(_I64, 0))
                return builder.and_(present, builder.not_(found))
            case checked.Opposite():
                return builder.not_(self.condition(node.operand))
            case checked.All():
                return reduce(builder.and_, [self.condition(operand) for operand in node.operands])
            case checked.Any():
                return reduce(builder.or_, [self.condition(operand) for operand in node.operands])
