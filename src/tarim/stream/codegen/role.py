"""Pieces every generated function is made of: a ring's locals, an event's values, a feature's number."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tarim.stream.codegen.layout import Writer, condition_source
from tarim.stream.definitions import Feature
from tarim.stream.events import COLUMN_OF_FIELD, Col
from tarim.stream.kernels import arena
from tarim.stream.plan import Acc, Role, Window


class RoleText:
    """Writes the functions of one role."""

    def __init__(self, writer: Writer, role: Role) -> None:
        self.w = writer
        self.role = role
        self.r = role.index
        self.width = role.width
        self.bits = role.flag_bits
        self.ones = (1 << self.bits) - 1
        self.value_word = {i: 1 + i for i in range(len(role.values))}
        self.key_word = {i: 1 + len(role.values) + i for i in range(len(role.keys))}

    def function(self, name: str, arguments: str, signature: str) -> AbstractContextManager[None]:
        self.w()
        self.w()
        self.w(f'@njit("{signature}", cache=True, error_model="numpy", nogil=True)')
        return self.w.block(f"def {name}_{self.r}({arguments}):")

    def ring(self, at: str = "e") -> None:
        w = self.w
        w(f"blk = A[{at} + 1] >> 6")
        w(f"lg = A[{at} + 1] & 63")
        w("mk = (1 << lg) - 1")
        w(f"start = A[{at} + 2] >> 32")
        w(f"head = A[{at} + 2] & {arena.LOW32}")

    def o(self, position: str) -> str:
        return f"blk + ({position} & mk) * {self.width}"

    def state(self, *key: object) -> str:
        return f"A[st + {self.role.state[key]}]"

    def limit(self, offset_ms: int, floor: bool) -> str:
        at = f"t - {offset_ms}"
        if floor:
            at = f"max({at}, floor)"
        return f"(({at}) << {self.bits}) | {self.ones}"

    def event_values(self) -> None:
        """Locals x0.. (values), k0.. (keys) and c0.. (conditions as 0/1) of event i."""
        w = self.w
        for i, column in enumerate(self.role.values):
            w(f"x{i} = R[i, {int(column)}]")
        for i, column in enumerate(self.role.keys):
            w(f"k{i} = R[i, {int(column)}]")
        for i, condition in enumerate(self.role.conditions):
            if condition.reads_outcome:
                w(f"c{i} = 0")
            else:
                w(f"c{i} = 1 if ({condition_source(condition)}) else 0")

    def flags(self, live: bool) -> str:
        parts = [f"(t << {self.bits})"]
        if live:
            parts += [f"((1 if k{key} != 0 else 0) << {bit})" for bit, key in enumerate(self.role.live)]
        parts += [f"(c{i} << {self.role.condition_bit(i)})" for i in range(len(self.role.conditions))]
        return " | ".join(parts)

    def store(self, position: str, live: bool) -> None:
        w = self.w
        w(f"o = {self.o(position)}")
        w(f"A[o] = {self.flags(live)}")
        for i in self.value_word:
            w(f"A[o + {self.value_word[i]}] = x{i}")
        for i in self.key_word:
            w(f"A[o + {self.key_word[i]}] = k{i}")
        if self.role.labelled:
            w(f"A[o + {self.width - 1}] = R[i, {int(Col.SEQ)}]")

    def insert_at_j(self) -> None:
        """Move the events from position j on by one, and put event i, without live bits, in their place."""
        w = self.w
        with w.block("for p in range(head, j, -1):"):
            w(f"o = {self.o('p')}")
            w(f"q = {self.o('(p - 1)')}")
            for word in range(self.width):
                w(f"A[o + {word}] = A[q + {word}]")
        self.store("j", False)
        w("head += 1")
        w("A[e + 2] = (start << 32) | head")

    def needed(self, windows: list[Window], at: int) -> list[Acc]:
        """Aggregates that the window at index `at` or a longer one reads, in a stable order."""
        needed: list[Acc] = []
        for window in windows[at:]:
            needed += [acc for acc in window.accs if acc not in needed]
        return needed

    def emit_missing(self) -> None:
        for index in self.own_features():
            self.w(f"out[i, {index}] = NAN")

    def own_features(self) -> list[int]:
        indices = [index for window in self.role.windows for index, _ in window.features]
        return sorted(indices + [index for index, _ in self.role.since_last])

    def emit_since(self, last: str) -> None:
        for index, feature in self.role.since_last:
            w = self.w
            with w.block(f"if {last} > t - {feature.window_ms} and {last} > 0:"):
                w(f"out[i, {index}] = t - {last}")
            with w.block("else:"):
                w(f"out[i, {index}] = NAN")

    def emit(self, index: int, feature: Feature, n: str, value: dict[Acc, str], window: Window) -> None:
        """out[i, index] from the aggregates named in `value`; `n` counts the window's events."""
        role = self.role
        w = self.w
        where = -1 if feature.where is None else role.conditions.index(feature.where)
        field = -1
        if feature.column and feature.op not in ("distinct", "is_new"):
            field = role.values.index(COLUMN_OF_FIELD[feature.column])
        target = f"out[i, {index}]"
        match feature.op:
            case "count" | "delayed_count":
                w(f"{target} = {n if where < 0 else value['where_count', -1, where]}")
            case "share":
                w(f"{target} = {value['where_count', -1, where]} / float({n})")
            case "sum" | "in_out_ratio":
                w(f"{target} = {value['sum', field, -1] if where < 0 else value['where_sum', field, where]}")
            case "mean":
                w(f"{target} = {value['sum', field, -1]} / float({n})")
            case "min" | "max":
                w(f"{target} = {value[feature.op, field, -1]}")
            case "ratio":
                total = value["sum", field, -1]
                w(f"{target} = float(x{field} * ({n})) / {total} if {total} != 0 else 0.0")
            case "std" | "zscore":
                total = value["sum", field, -1]
                squares = f"{value['square_high', field, -1]}, {value['square_low', field, -1]}"
                w(f"v = spread({n}, {total}, {squares})")
                if feature.op == "std":
                    w(f"{target} = np.sqrt(v) / ({n}) if v > 0.0 else 0.0")
                else:
                    w(f"{target} = (x{field} * ({n}) - {total}) / np.sqrt(v) if v > 0.0 else 0.0")
            case "percentile":
                w(f"{target} = {value['ordered', field, -1].format(others=0, factor=feature.factor)} / 100.0")
            case "over_percentile":
                with w.block(f"if {n} > 1:"):
                    w(f"v = float({value['ordered', field, -1].format(others=1, factor=feature.factor)})")
                    w(f"{target} = 100.0 * x{field} / v if v != 0.0 else NAN")
                with w.block("else:"):
                    w(f"{target} = NAN")
            case "outliers":
                w(f"{target} = {value['outliers', field, -1].format(factor=feature.factor)}")
            case "distinct":
                key = role.keys.index(COLUMN_OF_FIELD[feature.column])
                w(f"{target} = {value['distinct', key, -1]}")
            case "is_new":
                key = role.keys.index(COLUMN_OF_FIELD[feature.column])
                with w.block(f"if k{key} == 0:"):
                    w(f"{target} = NAN")
                with w.block("else:"):
                    w(f"{target} = 0.0 if {value['previous', key, -1]} > t - {window.length_ms} else 1.0")
            case "first_seen":
                w(f"{target} = t - {value['first', -1, -1]}")
            case "label_count":
                w(f"{target} = {value['label', -1, -1]}")
            case "label_rate":
                w(f"{target} = {value['label', -1, -1]} / float({n}) if {n} > 0 else 0.0")
            case "label_run":
                w(f"{target} = a_run")
            case "label_run_age":
                w(f"{target} = t - a_begin if a_run > 0 else NAN")
            case "label_run_min":
                w(f"{target} = a_least_{field} if a_run > 0 else NAN")
            case "since_fraud" | "since_clear":
                newest = feature.op.replace("since", "a")
                w(f"{target} = t - {newest} if {newest} >= 0 else NAN")
            case _:
                raise AssertionError(feature.op)
