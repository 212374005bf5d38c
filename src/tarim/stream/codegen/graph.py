"""What happens to an event in the graph: `graph_run`, a block of events, and the text of the kernels it calls."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Final

from tarim.stream.codegen.layout import Writer, condition_source, graph_word, scratch_word
from tarim.stream.events import Col
from tarim.stream.graph import GraphFeature, GraphLayout, ListedFeature
from tarim.stream.kernels import arena
from tarim.stream.plan import Plan

_KERNELS: Final = ("graph_store", "graph_patterns", "graph_near", "graph_lists", "graph_marks")
_CONSTANTS: Final = "from tarim.stream.kernels.arena import DIRECTORY, ENTRY_WORDS, RING_CLASS, SLOTS, WATERMARK"
_OUT, _IN = 0, 1


@lru_cache(maxsize=1)
def graph_kernels() -> str:
    """Source of all graph kernels as one text, without the modules' imports of each other.

    It is compiled with the set's own module, as the arena is, and runs as Python where that one does; nothing imports it, so a
    process without graph features pays nothing for it.
    """
    folder = Path(arena.__file__).parent
    body: list[ast.stmt] = ast.parse(_CONSTANTS).body
    for name in _KERNELS:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        body += [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n\n".join(ast.unparse(node) for node in body)


class GraphWriter:
    """Writes the functions of a plan's graph."""

    def __init__(self, writer: Writer, plan: Plan, layout: GraphLayout) -> None:
        self.w = writer
        self.layout = layout
        self.g = graph_word(plan)
        self.marks, self.codes = scratch_word(plan, 0), scratch_word(plan, 1)

    def write(self) -> None:
        """The kernels, and `graph_run`, `graph_label`, `list_part`, `list_close`, `adopt_` for each store."""
        text = graph_kernels()
        assert "NAMED = 1\n" in text
        for line in (text if self.layout.lists else text.replace("NAMED = 1\n", "NAMED = 0\n")).splitlines():
            self.w(line)
        if self.layout.follows_labels:
            self.label()
        self.run()
        if self.layout.lists:
            self.changes()
        for n, store in enumerate(self.layout.stores):
            self.head(f"adopt_{store.index}", "A, packed", "void(i8[::1], i8[::1])")
            self.w(f"    adopt_store(A, {self.g}, {n}, packed)")

    def head(self, name: str, arguments: str, signature: str) -> None:
        w = self.w
        w()
        w()
        w(f'@njit("{signature}", cache=True, error_model="numpy", nogil=True)')
        w(f"def {name}({arguments}):")

    def label(self) -> None:
        """graph_label(A, R, i, wm): a label convicts or clears the accounts of the event it refers to."""
        w = self.w
        self.head("graph_label", "A, R, i, wm", "void(i8[::1], i8[:,::1], i8, i8)")
        w.depth += 1
        w(f"event = R[i, {int(Col.REFERS_SEQ)}]")
        with w.block("if event < 0:"):
            w("return")
        for side in self.layout.graph.convicts:
            w(f"account = R[i, {_column(side)}]")
            with w.block("if account != 0:"):
                with w.block(f"if R[i, {int(Col.LABEL)}] == 1:"):
                    w(
                        f"convict(A, {self.g}, account, event, R[i, {int(Col.OCCURRED_MS)}], "
                        f"wm - {self.layout.kept_ms}, wm)"
                    )
                with w.block("else:"):
                    w(f"clear(A, {self.g}, account, event)")
        w.depth -= 1

    def changes(self) -> None:
        """list_part(A, number, change, first, accounts, periods), list_close(A, change): records of a change of lists.

        number: of the list in the layout, -1 for one that no feature names.
        """
        w = self.w
        self.head(
            "list_part", "A, number, change, first, accounts, periods", "void(i8[::1], i8, i8, b1, i8[::1], i8[::1])"
        )
        w(f"    begin_part(A, {self.g}, change, first)")
        w("    if number >= 0:")
        w(f"        list_accounts(A, {self.g}, {len(self.layout.lists)}, number, accounts, periods)")
        self.head("list_close", "A, change", "void(i8[::1], i8)")
        w(f"    close_change(A, {self.g}, change)")

    def run(self) -> None:
        """graph_run(A, R, out, lo, hi): fetch; then for each event its features, and its place in the graph."""
        w = self.w
        layout, g = self.layout, self.g
        self.head("graph_run", "A, R, out, lo, hi", "void(i8[::1], i8[:,::1], f8[:,::1], i8, i8)")
        w.depth += 1
        for fetch in ("fetch_home", "fetch_newest"):
            with w.block("for i in range(lo, hi):"):
                for store in (_OUT, _IN):
                    for column in (Col.ACCOUNT, Col.PAYEE):
                        w(f"{fetch}(A, {g}, {store}, R[i, {int(column)}])")
        with w.block("for i in range(lo, hi):"):
            w(f"wm = A[{self.marks} + i - lo]")
            with w.block(f"if A[{self.codes} + i - lo] == 2:"):
                if layout.follows_labels:
                    w("graph_label(A, R, i, wm)")
                w("continue")
            w(f"floor = wm - {layout.kept_ms}")
            for name, column in (
                ("t", Col.OCCURRED_MS),
                ("seq", Col.SEQ),
                ("a", Col.ACCOUNT),
                ("b", Col.PAYEE),
                ("x", Col.AMOUNT_FEN),
                ("device", Col.DEVICE),
            ):
                w(f"{name} = R[i, {int(column)}]")
            w(f"edge = a != 0 and b != 0 and a != b and ({condition_source(layout.graph.when)})")
            w(f"A[{g} + CUT] = 0")
            if layout.lists:
                w(f"A[{g + layout.listing_word} + SECOND] = R[i, {int(Col.RECEIVED_MS)}] // 1000")
            self.features()
            w(f"A[{g} + CAPPED] += A[{g} + CUT]")
            with w.block("if t > floor:"):
                self.join()
            w(f"sweep_graph(A, {g}, wm)")
        w.depth -= 1

    def join(self) -> None:
        """The event takes its place in the graph."""
        w = self.w
        with w.block("if edge:"):
            w(f"put_edge(A, {self.g}, OUT, a, b, x, t, seq, floor)")
            w(f"put_edge(A, {self.g}, IN, b, a, x, t, seq, floor)")
            if self.layout.follows_labels:
                w(f"meet(A, {self.g}, a, b, t, floor, wm)")
            if self.layout.lists:
                w(f"meet_listed(A, {self.g}, a, b, t, floor, wm)")
        if self.layout.follows_devices:
            with w.block("if a != 0 and device != 0:"):
                w(f"put_link(A, {self.g}, USE, a, device, t, floor)")
                w(f"put_link(A, {self.g}, USERS, device, a, t, floor)")

    def features(self) -> None:
        """Every search once for all features that read what it finds."""
        w = self.w
        groups: dict[tuple[object, ...], list[tuple[int, GraphFeature]]] = {}
        for index, feature in self.layout.features:
            groups.setdefault(_search(feature), []).append((index, feature))
        for members in groups.values():
            feature = members[0][1]
            key = {"account": "a", "payee_account": "b", "": ""}[feature.of]
            with w.block(f"if {key} != 0:" if key else "if edge:"):
                w(f"after = max(t - {feature.window_ms}, floor)")
                self.search(feature, members, key)
            with w.block("else:"):
                for index, _ in members:
                    w(f"out[i, {index}] = NAN")

    def search(self, feature: GraphFeature, members: list[tuple[int, GraphFeature]], key: str) -> None:
        w = self.w
        g = self.g
        other = {"a": "b", "b": "a", "": ""}[key]
        index = members[0][0]
        match feature.op:
            case "fan_in" | "fan_out":
                own = (feature.op == "fan_out") == (key == "a")
                extra = f"{other} if edge else 0" if own else "0"
                store = "OUT" if feature.op == "fan_out" else "IN"
                w(f"out[i, {index}] = fan(A, {g}, {store}, {key}, {extra}, after, t)")
            case "cycles":
                hops = max(each.hops for _, each in members)
                w(f"cycles(A, {g}, a, b, x, t, after, {feature.tolerance_ppm}, {hops})")
                for column, each in members:
                    w(f"out[i, {column}] = A[{g} + RESULT + {each.hops - 2}]")
            case "scatter_gather" | "gather_scatter":
                w(f"out[i, {index}] = {feature.op}(A, {g}, a, b, t, after)")
            case "chain" | "dwell":
                hops = max(2, *(each.hops for _, each in members))
                w(f"chain(A, {g}, a, x, t, seq, after, {feature.tolerance_ppm}, {hops})")
                for column, each in members:
                    if each.op == "chain":
                        w(f"out[i, {column}] = min(A[{g} + RESULT], {each.hops})")
                    else:
                        w(f"dwell = A[{g} + RESULT + 1]")
                        w(f"out[i, {column}] = dwell if dwell >= 0 else NAN")
            case "hops_to_convicted" | "hops_to_listed":
                who = self.layout.bits_of(feature) if isinstance(feature, ListedFeature) else 0
                w(f"hops = hops_to_marked(A, {g}, {key}, {other} if edge else 0, t, after, wm, {who}, {feature.hops})")
                w(f"out[i, {index}] = hops if hops >= 0 else NAN")
            case "shared_device" | "shared_device_convicted":
                w(f"shared_device(A, {g}, {key}, {'device' if key == 'a' else '0'}, t, after, wm)")
                for column, each in members:
                    w(f"out[i, {column}] = A[{g} + RESULT + {int(each.op == 'shared_device_convicted')}]")
            case _:
                raise AssertionError(feature.op)


def _search(feature: GraphFeature) -> tuple[object, ...]:
    """What tells searches apart: features of one search share it."""
    match feature.op:
        case "cycles" | "chain" | "dwell":
            family = "cycles" if feature.op == "cycles" else "chain"
            return family, feature.window_ms, feature.tolerance_ppm
        case "shared_device" | "shared_device_convicted":
            return "shared_device", feature.of, feature.window_ms
    lists = feature.lists if isinstance(feature, ListedFeature) else ()
    return feature.op, feature.of, feature.window_ms, feature.hops, lists


def _column(side: str) -> int:
    return int(Col.ACCOUNT if side == "account" else Col.PAYEE)
