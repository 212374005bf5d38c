"""Do cases hold what they promise: every pair of state and act, one winner of every race, four eyes, quick lists?

states       each command is tried on a case in each state, by persons who otherwise may; fifty persons take the same cases
four eyes    each act that takes two is tried alone, by another name of the same human, and by who worked on the case before
lists        pages in every order and under every filter, first and deep, on SQLite and PostgreSQL
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select, text

from bench.acceptance import Line, Run, at_most, none
from tarim.base.errors import Conflict, TarimError
from tarim.cases import (
    TRANSITIONS,
    Basis,
    CaseEvent,
    CaseState,
    Filter,
    Finding,
    IllegalTransition,
    Measure,
    Page,
    SamePerson,
    Sort,
    Verdict,
    VerdictCause,
    Wish,
    contents,
    lifecycle,
    money,
    page_of_cases,
    rules,
)
from tarim.cases.adapters.tables import CASE, HISTORY
from tarim.identity import Scope
from tests.fakes.cases import NOON_MS, CaseRoom, a_caller, a_decision
from tests.fakes.records import cluster

RACERS, RACED, RACED_QUICK = 50, 200, 40
CASES, CASES_QUICK = 300_000, 5_000
"""The bar `load` has a million alerts; here every order meets every filter."""
PAGES, PAGES_QUICK = 20, 5
PAGE_MS_MAX = 200
RIGHT: Final = Finding(Verdict.RIGHT, VerdictCause.CONFIRMED_BY_CUSTOMER)
WORKER, SECOND, CHIEF = "li.na", "wang.wei", "chief"
_ALL = (Scope.CASES_READ, Scope.CASES_WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN)
_E = CaseEvent

Act = Callable[..., Any]
Step = Callable[[CaseRoom], object]
_ACTS: Final[tuple[tuple[str, tuple[CaseEvent, ...], str, Act, tuple[Any, ...]], ...]] = (
    ("assign", (_E.ASSIGN,), CHIEF, lifecycle.assign, ("somebody.else",)),
    ("unassign", (_E.UNASSIGN,), CHIEF, lifecycle.unassign, ("why",)),
    ("start", (_E.START,), WORKER, lifecycle.start, ()),
    ("lock", (_E.LOCK,), WORKER, lifecycle.lock, (5,)),
    ("submit", (_E.SUBMIT,), WORKER, lifecycle.submit, (Wish.CLOSE, "why")),
    ("withdraw", (_E.WITHDRAW,), WORKER, lifecycle.withdraw, ()),
    ("return", (_E.RETURN,), SECOND, lifecycle.send_back, ("why",)),
    ("approve", (_E.APPROVE_CLOSE,), SECOND, lifecycle.approve, ("why",)),
    ("ask reopen", (_E.ASK_REOPEN,), WORKER, lifecycle.ask_reopen, ("why",)),
    ("agree to reopen", (_E.APPROVE_REOPEN,), SECOND, lifecycle.decide_reopen, (True, "why")),
    ("refuse to reopen", (_E.REFUSE_REOPEN,), SECOND, lifecycle.decide_reopen, (False, "why")),
    ("escalate", (_E.ESCALATE,), CHIEF, lifecycle.escalate, ("why",)),
    ("note", (_E.NOTE,), WORKER, contents.note, ("text",)),
    ("reveal", (_E.REVEAL,), WORKER, contents.reveal, ("why",)),
    ("follow up", (_E.DIARY,), WORKER, contents.follow_up, (NOON_MS + 10**9, "ask again")),
    ("review", (_E.REVIEW,), WORKER, contents.review, (1, RIGHT, "why")),
    ("rescore", (_E.ALERT,), CHIEF, contents.rescore, (1, 0.9, "m")),
    ("ask release", (_E.ASK_RELEASE,), WORKER, money.ask_release, (1, "why")),
    ("refuse payment", (_E.REFUSE_PAYMENT,), WORKER, money.refuse_payment, (1, "why")),
    ("restrict", (_E.RESTRICT,), WORKER, money.restrict, (Measure.LIMIT_ONLINE, Basis.AML_LAW, "Art. 38", "why")),
)


def states(run: Run) -> Iterator[Line]:
    """The bar `states`, as far as it lies in cases: pairs, and races."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="tarim-cases-") as folder:
        room = CaseRoom(f"sqlite:///{folder}/pairs.db", Path(folder))
        room.follow(a_decision(1))
        for state in CaseState:
            for name, events, person, command, args in _ACTS:
                allowed = any((state, event) in TRANSITIONS for event in events)
                if _happens(room, state, person, command, args) != allowed:
                    wrong.append(f"{name} in {state.value}")
        room.database.close()
        yield none(
            "states, pairs decided otherwise than the table",
            "pair differs",
            len(wrong),
            "; ".join(wrong) or f"{len(CaseState)} states x {len(_ACTS)} commands, over the tables",
        )
        yield from _races(run, Path(folder))


def _happens(room: CaseRoom, state: CaseState, person: str, command: Act, args: Sequence[Any]) -> bool:
    """Whether a command is taken for a case put into a state; the tables stay as they were."""
    values = {"state": state.value, "assignee": WORKER, "submitted_by": WORKER, "unreviewed": 0, "done": 0}
    values |= {"wish": Wish.CLOSE.value if state is CaseState.SUBMITTED else ""}
    with room.database.engine.connect() as connection:
        connection.execute(CASE.update().values(**values))
        acting = room.acting(
            a_caller(person, *_ALL), version=room.means.reading.case(connection, "CASE-2026-000001").version
        )
        try:
            drafts = command(acting, connection, *args)
        except IllegalTransition:
            return False
        except Conflict:
            return False
        finally:
            connection.rollback()
    return bool(drafts)


def _races(run: Run, folder: Path) -> Iterator[Line]:
    cases = run.pick(RACED, RACED_QUICK)
    room = CaseRoom(f"sqlite:///{folder}/races.db", folder)
    room.follow(*(a_decision(seq, customer=seq) for seq in range(1, cases + 1)))
    refs = [f"CASE-2026-{no:06d}" for no in range(1, cases + 1)]

    def race(number: int) -> int:
        order, won = random.Random(number).sample(refs, cases), 0
        for ref in order:
            try:
                room.do(f"racer-{number}", lifecycle.assign, f"racer-{number}", ref=ref)
                room.do(f"racer-{number}", lifecycle.start, ref=ref)
                won += 1
            except TarimError:
                continue
        return won

    with ThreadPoolExecutor(RACERS) as pool:
        won = sum(pool.map(race, range(RACERS)))
    with room.database.reading() as connection:
        started = connection.execute(select(HISTORY.c.case_no).where(HISTORY.c.event == "start")).scalars().all()
    wrong = abs(won - cases) + (len(started) - len(set(started))) + abs(len(started) - cases)
    yield none("states, races with none or two winners", "case astray", wrong, f"{RACERS} persons, {cases} cases")
    room.database.close()


def four_eyes(run: Run) -> Iterator[Line]:
    """The bar `four eyes`, for cases: each act alone, under another name, and by a former worker; then by a second person."""
    passed, tried, kept_out = [], 0, []
    with tempfile.TemporaryDirectory(prefix="tarim-cases-") as folder:
        for number, (name, prepare, decide) in enumerate(_TWO_PERSON_ACTS):
            room = CaseRoom(f"sqlite:///{folder}/{number}.db", Path(folder))
            room.people.same = [{WORKER, "lina2"}, {"former", "former2"}]
            room.follow(a_decision(1), a_decision(2))
            room.do("former", lifecycle.assign, "former")
            room.do("former", lifecycle.start)
            room.do(a_caller(CHIEF, *_ALL), lifecycle.assign, WORKER)
            room.do(WORKER, lifecycle.start)
            prepare(room)
            for person in (WORKER, "lina2", "former", "former2"):
                if name in _BY_ASKER_ONLY and person.startswith("former"):
                    continue  # who worked on the case is not who asked for this
                tried += 1
                try:
                    decide(room, person)
                    passed.append(f"{name} by {person}")
                except SamePerson:
                    continue
            try:
                decide(room, SECOND)
            except TarimError as error:
                kept_out.append(f"{name}: {error.detail}")
            room.database.close()
    yield none("four eyes, cases: got through alone", "act", len(passed), "; ".join(passed) or f"{tried} tries")
    yield none("four eyes, cases: a second person kept out", "act", len(kept_out), "; ".join(kept_out))


def _reviewed(room: CaseRoom) -> None:
    for seq in (1, 2):
        room.do(WORKER, contents.review, seq, RIGHT, "why")


def _submitted(room: CaseRoom, wish: Wish = Wish.CLOSE) -> None:
    _reviewed(room)
    room.do(WORKER, lifecycle.submit, wish, "why")


def _closed(room: CaseRoom) -> None:
    _submitted(room)
    room.do("third", lifecycle.approve, "why", version=room.case().version)
    room.do(WORKER, lifecycle.ask_reopen, "why")


def _restricted(room: CaseRoom) -> None:
    room.do(WORKER, money.restrict, Measure.LIMIT_ONLINE, Basis.AML_LAW, "Art. 38", "why")


def _to_be_lifted(room: CaseRoom) -> None:
    _restricted(room)
    room.do(SECOND, money.decide_restriction, _number(room, "cases.restrict"), True, "why")
    room.do(WORKER, money.ask_lift, _number(room, "cases.restrict"), "why")


def _number(room: CaseRoom, kind: str) -> int:
    return next(act.seq for act in room.acts if act.kind == kind)


def _seen(room: CaseRoom, person: str, command: Act, *args: Any) -> None:
    room.do(person, command, *args, version=room.case().version)


def _rules_proposed(room: CaseRoom) -> None:
    room.perform(WORKER, lambda connection: rules.propose_rules(room.means, connection, "queues = []", "why"))


def _decide_rules(room: CaseRoom, person: str) -> None:
    number = _number(room, "cases.propose_rules")
    with room.database.reading() as connection:
        version = room.means.reading.rules(connection, number).version
    room.perform(person, lambda c: rules.decide_rules(room.means, c, person, number, version, True, "why"))


def _escalated_to(room: CaseRoom, person: str) -> None:
    room.do(a_caller(CHIEF, *_ALL), lifecycle.assign, person)


_BY_ASKER_ONLY: Final = ("lift a restriction", "assignment rules")
_TWO_PERSON_ACTS: Final[tuple[tuple[str, Step, Callable[[CaseRoom, str], None]], ...]] = (
    ("close", _submitted, lambda room, who: _seen(room, who, lifecycle.approve, "why")),
    (
        "report",
        lambda room: _submitted(room, Wish.REPORT),
        lambda room, who: _seen(room, who, lifecycle.approve, "why"),
    ),
    ("return", _submitted, lambda room, who: _seen(room, who, lifecycle.send_back, "why")),
    ("reopen", _closed, lambda room, who: _seen(room, who, lifecycle.decide_reopen, True, "why")),
    (
        "release",
        lambda room: room.do(WORKER, money.ask_release, 1, "why"),
        lambda room, who: _seen(room, who, money.approve_release, 1, "why"),
    ),
    (
        "turn a release down",
        lambda room: room.do(WORKER, money.ask_release, 1, "why"),
        lambda room, who: _seen(room, who, money.drop_release, 1, "why"),
    ),
    (
        "restrict",
        _restricted,
        lambda room, who: _seen(room, who, money.decide_restriction, _number(room, "cases.restrict"), True, "why"),
    ),
    (
        "lift a restriction",
        _to_be_lifted,
        lambda room, who: _seen(room, who, money.decide_lift, _number(room, "cases.restrict"), True, "why"),
    ),
    ("escalated case", lambda room: room.do(WORKER, lifecycle.escalate, "why"), _escalated_to),
    ("assignment rules", _rules_proposed, _decide_rules),
)


def lists(run: Run) -> Iterator[Line]:
    """Pages of cases at full size."""
    cases, pages = run.pick(CASES, CASES_QUICK), run.pick(PAGES, PAGES_QUICK)
    with tempfile.TemporaryDirectory(prefix="tarim-cases-") as folder:
        yield from _listed(f"sqlite:///{folder}/cases.db", Path(folder), "SQLite", cases, pages)
    with cluster() as made, tempfile.TemporaryDirectory(prefix="tarim-cases-") as folder:
        yield from _listed(made.new_url(), Path(folder), "PostgreSQL", cases, pages)


def _listed(url: str, folder: Path, kind: str, cases: int, pages: int) -> Iterator[Line]:
    room = CaseRoom(url, folder)
    draw = random.Random(1)
    with room.database.writing() as connection:  # indexes after the rows: a tenth of the time
        for index in CASE.indexes:
            index.drop(connection)
        for at in range(0, cases, 10_000):
            connection.execute(insert(CASE), [_row(at + each + 1, draw) for each in range(min(10_000, cases - at))])
        for index in CASE.indexes:
            index.create(connection)
        connection.execute(text("ANALYZE"))
    every = Filter(None, None, open_only=False)
    filters = {
        "all": Filter(None, None),
        "with closed": every,
        "queue": Filter(None, None, queue="aml"),
        "branch": Filter(frozenset({"b7"}), None),
        "two branches, a queue": Filter(frozenset({"b7", "b8"}), frozenset({"fraud"})),
        "mine": Filter(None, None, assignee="p5"),
        "nobody's": Filter(None, None, assignee=""),
        "submitted": Filter(None, None, state="submitted"),
        "reopened, rare": Filter(None, None, state="reopened"),
        "scenario": Filter(None, None, scenario="s3"),
        "customer": Filter(None, None, open_only=False, customer=12_345),
        "overdue": Filter(None, None, overdue_at_ms=NOON_MS + 10**7),
        "a queue that has none": Filter(None, None, queue="none"),
    }
    took_ms: list[tuple[float, str]] = []
    with room.database.reading() as connection:
        for name, wanted in filters.items():
            for sort in Sort:
                cursor = ""
                for page in count():
                    begun = time.perf_counter()
                    _, cursor, _ = page_of_cases(connection, wanted, Page(sort, 50, cursor))
                    took_ms.append(((time.perf_counter() - begun) * 1e3, f"{name} by {sort.value}"))
                    if not cursor or page >= pages:
                        break
    room.database.close()
    worst = ", ".join(f"{what} {ms:.0f}" for ms, what in sorted(took_ms, reverse=True)[:5])
    p95 = statistics.quantiles([ms for ms, _ in took_ms], n=20)[-1]
    yield at_most(
        f"lists, p95 of a page, {kind}", PAGE_MS_MAX, round(p95, 1), " ms", f"{cases:,} cases; slowest: {worst}"
    )


def _row(no: int, draw: random.Random) -> dict[str, Any]:
    done = draw.random() < 0.8
    row: dict[str, Any] = {column.name: 0 for column in CASE.columns}
    open_state = "reopened" if draw.random() < 0.0001 else draw.choice(["new", "assigned", "working", "submitted"])
    return row | {
        "no": no,
        "ref": f"CASE-2026-{no:06d}",
        "group_key": f"customer:{no}",
        "customer": draw.randrange(100_000),
        "scenario": f"s{draw.randrange(20)}",
        "ring": "",
        "branch": f"b{draw.randrange(50)}",
        "queue": draw.choice(["fraud", "aml", "business", "general"]),
        "state": "closed" if done else open_state,
        "done": int(done),
        "priority": draw.randrange(1, 5),
        "act_by_ms": NOON_MS + draw.randrange(10**9),
        "due_ms": 0 if done else NOON_MS + draw.randrange(10**9),
        "money_fen": 0 if done else draw.randrange(10**7),
        "assignee": "" if draw.random() < 0.2 else f"p{draw.randrange(200)}",
        "lock_person": "",
        "submitted_by": "",
        "wish": "",
        "opened_ms": NOON_MS + no,
        "changed_ms": NOON_MS + draw.randrange(10**9),
        "version": 1,
    }
