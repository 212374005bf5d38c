"""What every graph feature means, computed slowly from the definition: the naive twin of the graph kernels.

For each event the twin makes every account's list of transfers anew from all events journalled before.  Nothing is kept
between two events but the past ones and the labels.  O(events squared): for tests only.

The rules, as docs/explanation/graph-features.md states them, for an event *e* at time t with position q in the journal:

* The order of two transfers is that of (time, position).  *e* is later than all it sees.
* An account remembers, in each direction, its newest `2**memory_lg` transfers that are newer than the watermark less
  the horizon less the lateness.  An event that is older than that joins nothing.
* Of an account a search reads its newest `degree_max` transfers that are not later than the transfer they lead to (for
  what is looked at in no order: not later than *e*) and newer than t - within; *e* itself comes on top.
* An account stands on a list when *e* was received, by the changes whose closing record lies before *e* in the journal.
* Beyond the accounts of *e* a search reads `visits_max` transfers, in the order stated with it, and then stops.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tarim.stream import Col, FeatureSet, GraphFeature, Kind, ListedFeature, Rows
from tests.naive.features import condition_of

NAN = math.nan
Event = Sequence[int]


@dataclass(frozen=True)
class Edge:
    """A transfer; `other` is whom the list it lies in does not belong to."""

    at: tuple[int, int]
    other: int
    fen: int


@dataclass(frozen=True)
class ListStep:
    """A record about a list, at a position of the journal: a part of a change, or (index -1) its closing record."""

    seq: int
    change: str
    name: str = ""
    index: int = -1
    entries: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """First second and second after the last by account; (0, 0) takes off."""


class Listed:
    """Who stands on which list, by the records taken so far."""

    def __init__(self) -> None:
        self.periods: dict[tuple[str, int], tuple[int, int]] = {}
        self.waiting: dict[tuple[str, int], tuple[int, int]] = {}
        self.change = ""

    def take(self, step: ListStep) -> None:
        if step.index == 0:
            self.waiting = {}
        if step.index >= 0:
            self.change = step.change
            self.waiting |= {(step.name, account): period for account, period in step.entries.items()}
        else:
            if step.change == self.change:
                self.periods |= self.waiting
            self.waiting, self.change = {}, ""

    def on(self, lists: Sequence[str], second: int) -> set[int]:
        return {who for (name, who), (first, end) in self.periods.items() if name in lists and first <= second < end}


@dataclass
class View:
    """What a feature of one event may see."""

    feature: GraphFeature
    event: Event
    edge: bool
    after_ms: int
    out: dict[int, list[Edge]]
    into: dict[int, list[Edge]]
    used: dict[int, list[Edge]]
    users: dict[int, list[Edge]]
    convicted: set[int]
    marked: set[int]
    """Whom hops are counted to."""

    @property
    def now(self) -> tuple[int, int]:
        return self.event[Col.OCCURRED_MS], self.event[Col.SEQ]

    def read(self, edges: Sequence[Edge], until: tuple[int, int] | None = None) -> list[Edge]:
        """The newest edges that may be read of a list, newest first, then those of them that come before `until`."""
        until = until or self.now
        seen = [edge for edge in edges if self.after_ms < edge.at[0] <= until[0]]
        return [edge for edge in seen[::-1][: self.feature.graph.degree_max] if edge.at < until]

    def alike(self, fen: int, reference: int) -> bool:
        ppm = self.feature.tolerance_ppm
        return ppm < 0 or abs(fen - reference) * 1_000_000 <= ppm * reference


def compute(features: FeatureSet, rows: Rows, steps: Sequence[ListStep] = ()) -> list[list[float]]:
    """Every graph feature of every row; rows and records about lists in journal order."""
    assert all(isinstance(feature, GraphFeature) for feature in features.features)
    graph = features.features[0].graph  # type: ignore[attr-defined]
    moved = condition_of(graph.when)
    horizon_ms = max(feature.window_ms for feature in graph_horizon(features))
    keep_ms = duration(graph.convicted_for)
    past: list[Event] = []
    labels: dict[int, list[tuple[int, int]]] = defaultdict(list)
    newest_ms = 0
    found = []
    listed, ahead = Listed(), list(steps)
    for event in rows.tolist():
        while ahead and ahead[0].seq < event[Col.SEQ]:
            listed.take(ahead.pop(0))
        if event[Col.KIND] == Kind.LABEL:
            found.append([NAN] * len(features.features))
            if event[Col.REFERS_SEQ] >= 0:
                for side in graph.convicts:
                    account = event[Col.ACCOUNT if side == "account" else Col.PAYEE]
                    if account:
                        of = [each for each in labels[account] if each[1] != event[Col.REFERS_SEQ]]
                        if event[Col.LABEL] == 1:
                            of.append((event[Col.OCCURRED_MS], event[Col.REFERS_SEQ]))
                            of = sorted(of, key=lambda each: each[0])[-(1 << graph.memory_lg) :]
                        labels[account] = of
            continue
        t = event[Col.OCCURRED_MS]
        newest_ms = max(newest_ms, t)
        floor_ms = newest_ms - horizon_ms - features.lateness_ms
        live = [each for each in past if each[Col.OCCURRED_MS] > floor_ms]
        edges = [each for each in live if is_edge(each) and moved(each)]
        uses = [each for each in live if each[Col.ACCOUNT] and each[Col.DEVICE]]
        places = 1 << graph.memory_lg
        lists = (
            remembered(edges, Col.ACCOUNT, Col.PAYEE, places),
            remembered(edges, Col.PAYEE, Col.ACCOUNT, places),
            remembered(uses, Col.ACCOUNT, Col.DEVICE, places),
            remembered(uses, Col.DEVICE, Col.ACCOUNT, places),
        )
        convicted = {
            account for account, of in labels.items() if any(known_ms > newest_ms - keep_ms for known_ms, _ in of)
        }
        values = []
        for feature in features.features:
            assert isinstance(feature, GraphFeature)
            after_ms = max(t - feature.window_ms, floor_ms)
            marked = convicted
            if isinstance(feature, ListedFeature):
                marked = listed.on(feature.lists, event[Col.RECEIVED_MS] // 1_000)
            edge = is_edge(event) and moved(event)
            values.append(value_of(View(feature, event, edge, after_ms, *lists, convicted, marked)))
        found.append(values)
        past.append(event)
    return found


def graph_horizon(features: FeatureSet) -> list[GraphFeature]:
    """A feature as long as the graph's horizon."""
    graph = features.features[0].graph  # type: ignore[attr-defined]
    return [graph.scatter_gather()]


def duration(text: str) -> int:
    number, unit = (text[:-2], "ms") if text.endswith("ms") else (text[:-1], text[-1])
    return int(number) * {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]


def is_edge(event: Event) -> bool:
    return 0 not in (event[Col.ACCOUNT], event[Col.PAYEE]) and event[Col.ACCOUNT] != event[Col.PAYEE]


def remembered(events: Sequence[Event], key: Col, other: Col, places: int) -> dict[int, list[Edge]]:
    """By key, oldest first."""
    found: dict[int, list[Edge]] = defaultdict(list)
    for each in sorted(events, key=lambda each: (each[Col.OCCURRED_MS], each[Col.SEQ])):
        found[each[key]].append(Edge((each[Col.OCCURRED_MS], each[Col.SEQ]), each[other], each[Col.AMOUNT_FEN]))
    return defaultdict(list, {owner: edges[-places:] for owner, edges in found.items()})


def value_of(view: View) -> float:
    feature, event = view.feature, view.event
    a, b, fen = event[Col.ACCOUNT], event[Col.PAYEE], event[Col.AMOUNT_FEN]
    if feature.of:
        key, partner = (a, b) if feature.of == "account" else (b, a)
        if not key:
            return NAN
        match feature.op:
            case "fan_out" | "fan_in":
                own = {partner} if view.edge and (feature.op == "fan_out") == (feature.of == "account") else set()
                lists = view.out if feature.op == "fan_out" else view.into
                return len({edge.other for edge in view.read(lists[key])} | own)
            case "hops_to_convicted" | "hops_to_listed":
                hops = hops_of(view, key, partner if view.edge else 0)
                return NAN if hops is None else hops
            case "shared_device" | "shared_device_convicted":
                others = sharing(view, key, event[Col.DEVICE] if feature.of == "account" else 0)
                return len(others & view.convicted if feature.op.endswith("convicted") else others)
    if not view.edge:
        return NAN
    match feature.op:
        case "cycles":
            return cycles(view, a, b, fen)
        case "scatter_gather":
            return scatter_gather(view, a, b)
        case "gather_scatter":
            return gather_scatter(view, a, b)
        case "chain":
            return chain(view, a, fen)
        case "dwell":
            before = [edge for edge in view.read(view.into[a]) if view.alike(edge.fen, fen)]
            return view.now[0] - before[0].at[0] if before else NAN
    raise AssertionError(feature.op)


def cycles(view: View, a: int, b: int, fen: int) -> int:
    """Cycles of exactly `hops` transfers that e closes.  Order of reading: a's payers, newest first; theirs, newest first."""
    hops = view.feature.hops
    started = [edge for edge in view.read(view.out[b]) if view.alike(edge.fen, fen)]
    if hops == 2:
        return sum(1 for edge in started if edge.other == a)
    started = [edge for edge in started if edge.other != a]
    last = [edge for edge in view.read(view.into[a]) if edge.other != b and view.alike(edge.fen, fen)]
    if hops == 3:
        return sum(1 for end in last for edge in started if edge.other == end.other and edge.at < end.at)
    if not started:
        return 0
    between = ((end, middle) for end in last for middle in counted(view, view.into[end.other], end.at))
    return sum(
        1
        for end, middle in islice(between, view.feature.graph.visits_max)
        if middle.at < end.at and middle.other not in (a, b) and view.alike(middle.fen, fen)
        for edge in started
        if edge.other == middle.other and edge.at < middle.at
    )


def counted(view: View, edges: Sequence[Edge], until: tuple[int, int]) -> list[Edge]:
    """What is read of a list, transfers of the same instant as `until` and later in the journal included."""
    seen = [edge for edge in edges if view.after_ms < edge.at[0] <= until[0]]
    return seen[::-1][: view.feature.graph.degree_max]


def scatter_gather(view: View, a: int, b: int) -> int:
    """Order of reading: b's payers other than a by their newest transfer, newest first; their payers, newest first."""
    sources = {edge.other for edge in view.read(view.into[a])} - {b}
    through = {source: {a} for source in sources}
    if not sources:
        return 0
    newest: dict[int, Edge] = {}
    for edge in view.read(view.into[b]):
        if edge.other != a:
            newest.setdefault(edge.other, edge)
    steps = ((edge, first) for edge in newest.values() for first in counted(view, view.into[edge.other], edge.at))
    for edge, first in islice(steps, view.feature.graph.visits_max):
        if first.at < edge.at and first.other in through:
            through[first.other].add(edge.other)
    return max(len(middle) for middle in through.values())


def gather_scatter(view: View, a: int, b: int) -> int:
    paid = view.read(view.out[a])
    received = view.read(view.into[a])
    best = 0
    moments = [view.now, *(edge.at for edge in paid)]
    for moment in moments:
        senders = {edge.other for edge in received if edge.at < moment}
        receivers = {edge.other for edge in paid if edge.at >= moment} | {b}
        best = max(best, min(len(senders), len(receivers)))
    return best


def chain(view: View, a: int, fen: int) -> int:
    """Order of reading: level by level, in the order found; the first level is not counted against the visits."""
    level = [edge for edge in view.read(view.into[a]) if view.alike(edge.fen, fen)]
    left = view.feature.graph.visits_max
    length = 1
    while level and length < view.feature.hops:
        length += 1
        following = []
        for later in level:
            for edge in counted(view, view.into[later.other], later.at):
                if left == 0:
                    break
                left -= 1
                if edge.at < later.at and view.alike(edge.fen, later.fen):
                    following.append(edge)
        level = following
    return length


def hops_of(view: View, key: int, partner: int) -> int | None:
    """Order of reading: the partner first, then neighbours paid, then neighbours paid by, newest first, each once."""
    if key in view.marked:
        return 0
    if view.feature.hops >= 1:
        near = ([partner] if partner else []) + list(neighbours(view, key))
        if any(each in view.marked for each in near):
            return 1
    if view.feature.hops >= 2 and any(other in view.marked for each in near for other in neighbours(view, each)):
        return 2
    if view.feature.hops >= 3:
        steps = (other for each in dict.fromkeys(near) for other in neighbours(view, each))
        for other in islice(steps, view.feature.graph.visits_max):
            if any(last in view.marked for last in neighbours(view, other)):
                return 3
    return None


def neighbours(view: View, account: int) -> Iterator[int]:
    for lists in (view.out, view.into):
        yield from (edge.other for edge in view.read(lists[account]))


def sharing(view: View, key: int, device: int) -> set[int]:
    """Order of reading: the event's device first, then the account's, newest first, each once; their users, newest first."""
    devices = dict.fromkeys(([device] if device else []) + [edge.other for edge in view.read(view.used[key])])
    users = (edge.other for each in devices for edge in view.read(view.users[each]))
    return set(islice(users, view.feature.graph.visits_max)) - {key}
