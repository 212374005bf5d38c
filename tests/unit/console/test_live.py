"""What viewers of the live page share and what they do not, and the figures, charts and words made of what the views answer."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from tarim.console import live, live_hub
from tarim.console.levels_figures import Histogram, figures_of
from tarim.console.live_hub import Hub, Hubs, Kind, Viewer, Wanted
from tarim.console.live_views import Counts, Feed, Hit, Row, Series, Span, bars_told, figures_shown, trend_told
from tarim.console.log import _personal
from tarim.console.pages import Account
from tarim.console.services import Client, Refused, Service
from tarim.console.words import speak

PLAIN = Kind(scores=False, figures=False)


def a_row(seq: int, outcome: str = "pass", scenario: str = "", channel: str = "mobile") -> Row:
    reasons = [Hit("r", scenario, "中", "en")] if scenario else []
    return Row(
        seq, "2026-11-22T04:00:00.000Z", f"e{seq}", "core", "transfer", channel, "0a1b2c3d", 100, 0.5, outcome, reasons
    )


def a_span(decided: int, declined: int) -> Span:
    return Span(decided, declined, declined / decided if decided else None, decided / 60)


def some_counts(**changes: Any) -> Counts:
    outcomes = [Series("pass", [8, 9]), Series("challenge", [1, 0]), Series("delay", [0, 1]), Series("block", [1, 2])]
    outcomes += [Series("notice", [0, 0]), Series("suspend", [0, 0])]
    given: dict[str, Any] = {
        "window": "1h", "from_at": "2026-11-22T04:00:00Z", "step_s": 60, "outcomes": outcomes,
        "scenarios": [Series("mule", [1, 2]), Series("cash_out", [0, 0]), Series("fan_in", [3, 3])],
        "span": a_span(22, 3), "before": a_span(20, 1), "rate_s": 60, "rate": a_span(30, 0), "rate_before": a_span(20, 0),
    }  # fmt: skip
    return Counts(**given | changes)


class FakeAsking:
    """Answers from a list of rows, takes few at once, and remembers in whose name it was asked."""

    def __init__(self, rows: list[Row], most: int = 100) -> None:
        self.rows, self.most = rows, most
        self.asked: list[tuple[str, str]] = []
        self.over: set[str] = set()
        self.down = False
        self.figures_asked = 0

    async def feed(self, views: Client, after: int, outcome: str, scenario: str, limit: int) -> Feed:
        name = cast(str, views)
        self.asked.append((name, f"{outcome} {scenario}".strip()))
        if self.down:
            raise Refused(503, "no_answer", "", "")
        if name in self.over:
            raise Refused(401, "not-allowed", "", "")
        fits = [
            row
            for row in self.rows
            if row.seq > after and outcome in ("", row.outcome) and (not scenario or scenario in row.scenarios)
        ]
        shown = fits[::-1][: self.most]
        return Feed(shown, shown[0].seq if shown else after, len(fits) - len(shown), 0)

    async def counts(self, views: Client, window: str) -> Counts:
        return some_counts(window=window)

    async def latency_ms(self, serve: Client) -> float | None:
        self.figures_asked += 1
        return 3.0


def viewer(name: str, wanted: Wanted = Wanted()) -> Viewer:  # noqa: B008  frozen
    return Viewer(cast(Client, name), cast(Client, name), wanted)


async def until(fits: Callable[[], bool]) -> None:
    for _ in range(400):
        if fits():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it does not come to that")


def run(
    monkeypatch: pytest.MonkeyPatch, asking: FakeAsking, test: Callable[[Hub], Awaitable[None]], kind: Kind = PLAIN
) -> None:
    monkeypatch.setattr(live_hub, "TICK_S", 0.01)

    async def within() -> None:
        await test(Hub(asking, kind))

    asyncio.run(within())


def test_many_viewers_are_one_question_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = FakeAsking([a_row(1), a_row(2)])

    async def test(hub: Hub) -> None:
        with hub.joined(viewer("a")):
            await until(lambda: hub.rows(-1, Wanted()) != [])
            one = len(asking.asked)
            for _ in range(5):
                await hub.changed(1)
            alone = len(asking.asked) - one
            with hub.joined(viewer("b")), hub.joined(viewer("c")):
                before = len(asking.asked)
                for _ in range(5):
                    await hub.changed(1)
                assert len(asking.asked) - before <= alone + 1
        assert [row.seq for row in hub.rows(-1, Wanted())] == [1, 2]

    run(monkeypatch, asking, test)
    assert {name for name, _ in asking.asked} == {"a"}


def test_nobody_there_asks_nothing_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = FakeAsking([a_row(1)])

    async def test(hub: Hub) -> None:
        with hub.joined(viewer("a")):
            await until(lambda: hub.rows(-1, Wanted()) != [])
        await until(lambda: hub.rows(-1, Wanted()) == [])
        asked = len(asking.asked)
        await asyncio.sleep(0.05)
        assert len(asking.asked) == asked and hub.watched == 0

    run(monkeypatch, asking, test)


def test_a_viewer_whose_session_is_over_is_known_and_another_is_asked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = FakeAsking([a_row(1)])

    async def test(hub: Hub) -> None:
        first, second = viewer("a"), viewer("b")
        with hub.joined(first), hub.joined(second):
            await until(lambda: hub.rows(-1, Wanted()) != [])
            asking.over.add("a")
            asking.rows.append(a_row(2))
            await until(lambda: len(hub.rows(-1, Wanted())) == 2)
            assert first.refused and not second.refused and not hub.trouble

    run(monkeypatch, asking, test)


def test_a_service_that_does_not_answer_is_trouble_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = FakeAsking([a_row(1)])

    async def test(hub: Hub) -> None:
        with hub.joined(viewer("a")):
            asking.down = True
            await until(lambda: hub.trouble == "no_answer")
            asking.down = False
            await until(lambda: not hub.trouble and hub.rows(-1, Wanted()) != [])

    run(monkeypatch, asking, test)


def test_a_filter_misses_nothing_where_more_comes_than_a_question_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty decisions, ten to a question: the one that was blocked was not among the newest ten."""
    asking = FakeAsking([a_row(1)], most=10)

    async def test(hub: Hub) -> None:
        blocked = Wanted(outcome="block")
        with hub.joined(viewer("a")), hub.joined(viewer("b", blocked)):
            await until(lambda: hub.after == 1)
            asking.rows += [a_row(2, "block", "mule"), *(a_row(seq) for seq in range(3, 42))]
            await until(lambda: hub.after == 41)
            assert [row.seq for row in hub.rows(-1, blocked)] == [2]
            assert [row.seq for row in hub.rows(35, Wanted())] == list(range(36, 42))

    run(monkeypatch, asking, test)
    assert ("a", "block") in asking.asked


@pytest.mark.parametrize(("figures", "latency_ms"), [(True, 3.0), (False, None)])
def test_figures_of_the_service_are_asked_for_those_who_may_read_them(
    monkeypatch: pytest.MonkeyPatch, figures: bool, latency_ms: float | None
) -> None:
    asking = FakeAsking([a_row(1)])

    async def test(hub: Hub) -> None:
        with hub.joined(viewer("a")):
            await until(lambda: bool(hub.counts))
            await hub.changed(1)
            assert hub.latency_ms == latency_ms

    run(monkeypatch, asking, test, Kind(scores=False, figures=figures))
    assert bool(asking.figures_asked) == figures


def test_viewers_of_another_kind_have_another_hub() -> None:
    """What is answered to somebody with more rights is for others with them alone."""

    class AnyService:
        pass

    service, other = cast(Service, AnyService()), cast(Service, AnyService())
    hubs = Hubs(FakeAsking([]))
    kinds = [Kind(scores, figures) for scores in (False, True) for figures in (False, True)]
    assert len({id(hubs.of(service, kind)) for kind in kinds}) == 4
    assert hubs.of(service, PLAIN) is hubs.of(service, PLAIN)
    assert hubs.of(service, PLAIN) is not hubs.of(other, PLAIN)
    assert hubs.watched(service) == 0


class FakeService:
    """Remembers nothing; `leaving` as the console's own."""

    leaving = False


class FakeClient:
    """A service that says what it is told to say; a `Refused` is raised."""

    def __init__(self, service: FakeService, **answers: Any) -> None:
        self.service, self.answers = service, answers

    async def get(self, path: str, shape: Any, **_query: Any) -> Any:
        found = self.answers[path.rsplit("/", 1)[-1]]
        if isinstance(found, Exception):
            raise found
        return msgspec.convert(found, shape)


def events_of(monkeypatch: pytest.MonkeyPatch, account: Any, most: int = 20) -> list[str]:
    """Names of the first events of a stream that was opened by somebody with the scope `read`."""
    monkeypatch.setattr(live_hub, "TICK_S", 0.005)
    monkeypatch.setattr(live, "TICK_S", 0.005)
    monkeypatch.setattr(live, "CHECK_S", 0.02)
    monkeypatch.setattr(live, "_hubs", Hubs(FakeAsking([a_row(1)])))
    service = FakeService()
    views = FakeClient(service)
    opened = Account(login="li.na", scopes=["self", "read"])
    visit: Any = SimpleNamespace(
        account=opened, language="zh", views=views, serve=views, desk=FakeClient(service, account=account),
        may=lambda *scopes: any(each.value in opened.scopes for each in scopes),
    )  # fmt: skip

    async def read() -> list[str]:
        found: list[str] = []
        async for part in live._events(visit, Wanted()):
            found += re.findall(r"^event: (\w+)", part.decode(), re.MULTILINE)
            if len(found) >= most:
                break
        return found

    return asyncio.run(read())


@pytest.mark.parametrize(
    "account",
    [
        {"login": "li.na", "scopes": ["self"]},
        {"login": "li.na", "scopes": ["self", "read", "metrics"]},
        {"login": "li.na", "scopes": ["self", "read"], "pending": ["code"]},
        Refused(401, "not-allowed", "", ""),
    ],
)
def test_a_stream_ends_when_its_session_is_not_what_it_was(monkeypatch: pytest.MonkeyPatch, account: Any) -> None:
    assert events_of(monkeypatch, account, 1_000)[-1] == "over"


@pytest.mark.parametrize("account", [{"login": "li.na", "scopes": ["read", "self"]}, Refused(503, "no_answer", "", "")])
def test_a_stream_goes_on_while_its_session_does(monkeypatch: pytest.MonkeyPatch, account: Any) -> None:
    """Also while the desk does not answer: the views are asked with the session all the time."""
    found = events_of(monkeypatch, account)
    assert "over" not in found and {"found", "rows", "figures", "trend", "bars"} <= set(found)
    assert found.count("rows") == 1


@pytest.mark.parametrize(
    ("cases", "may_latency", "names"),
    [
        (128, False, ["rate", "declined", "held", "cases", "decided"]),
        (128, True, ["rate", "latency", "declined", "held", "cases"]),
        (None, True, ["rate", "latency", "declined", "held", "decided"]),
        (None, False, ["rate", "declined", "held", "decided", "blocked"]),
    ],
)
def test_there_are_five_figures_whatever_somebody_may_see(
    cases: int | None, may_latency: bool, names: list[str]
) -> None:
    speak("zh")
    assert [each.name for each in figures_shown(some_counts(), cases, 2.5, may_latency=may_latency)] == names


def test_a_figure_says_its_window_and_whether_its_change_is_good_for_us() -> None:
    speak("en")
    worse = {each.name: each for each in figures_shown(some_counts(), 5, None, may_latency=False)}
    assert (worse["declined"].value, worse["declined"].tone) == ("13.64%", "bad")
    assert worse["declined"].delta.startswith("against the hour before +8.64")
    assert worse["rate"].delta.endswith("+50.0%") and worse["rate"].tone == ""
    better = figures_shown(some_counts(before=a_span(10, 5)), 5, None, may_latency=False)
    assert {each.name: each.tone for each in better}["declined"] == "good"
    nothing = figures_shown(some_counts(span=a_span(0, 0), before=a_span(0, 0)), 1_000, None, may_latency=False)
    assert {each.name: each.value for each in nothing}["declined"] == "–"
    assert {each.name: each.value for each in nothing}["cases"] == "1,000+"
    assert all(each.window for each in nothing)


def test_a_minute_that_is_not_over_is_not_drawn_and_longer_steps_are() -> None:
    minutes, hours = trend_told(some_counts()), trend_told(some_counts(step_s=3_600))
    assert (minutes["passed"], minutes["held"], minutes["blocked"]) == ([8], [1], [1])
    assert (hours["passed"], hours["held"], hours["blocked"]) == ([8, 9], [1, 1], [1, 2])
    assert hours["at_ms"][1] - hours["at_ms"][0] == 3_600_000
    assert bars_told(some_counts()) == [{"scenario": "fan_in", "count": 6}, {"scenario": "mule", "count": 3}]


METRICS = """# TYPE tarim_decision_seconds histogram
tarim_decision_seconds_bucket{le="0.005"} 90
tarim_decision_seconds_bucket{le="0.01"} 99
tarim_decision_seconds_bucket{le="+Inf"} 100
tarim_decision_seconds_count 100
tarim_decision_seconds_sum 0.5
# TYPE tarim_decisions counter
tarim_decisions_total{outcome="pass"} 95
tarim_decisions_total{outcome="block"} 5
# TYPE tarim_open_holds gauge
tarim_open_holds 7
"""


def test_quantiles_are_read_off_a_histogram_and_nothing_is_said_beyond_it() -> None:
    figures = figures_of(METRICS)
    found = figures.histogram("tarim_decision_seconds")
    assert found.quantile_ms(0.45) == pytest.approx(2.5)
    assert found.quantile_ms(0.99) == pytest.approx(10.0)
    assert found.quantile_ms(0.999) == math.inf
    assert (found.within(0.005), found.within(0.02)) == (0.9, None)
    assert (figures.value("tarim_open_holds"), figures.value("no_such")) == (7, None)
    assert (figures.total("tarim_decisions_total"), figures.total("no_such")) == (100, None)
    assert Histogram((), ()).quantile_ms(0.5) is None and Histogram((), ()).within(1) is None


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("13812345678", True),
        ("138 1234 5678", True),
        ("6222020200112233", True),
        ("event:core/6222020200112233", True),
        ("li.na@example.cn", True),
        ("sign_in", False),
        ("case:CASE-2026-000007", False),
        ("session:9e8abc45683f2e47", False),
        ("127.0.0.1", False),
        ("zhang.hao", False),
    ],
)
def test_what_reads_like_personal_data_is_known(text: str, personal: bool) -> None:
    assert _personal(text) == personal
