"""Forms and words of redress and reports are whole: every event, state, field and value that the domain has."""

from __future__ import annotations

import enum
import re
from typing import Any

import msgspec
import pytest

from tarim.console import redress_field_words as field_words
from tarim.console import redress_words as words
from tarim.console.redress_contents import facts_of, filled
from tarim.console.redress_forms import Mistyped, body_of, inputs_of, instant_of
from tarim.console.redress_views import Clock, told, urgent
from tarim.console.refusals import said
from tarim.console.reports_form import Fault, Group, Row, known_part, parts_of, rows_of, values_of
from tarim.console.reports_typing import marks_of, with_typing
from tarim.console.reports_views import day_of, day_text, events, states
from tarim.console.users_views import scope_name
from tarim.console.words import LANGUAGES, Language, speak
from tarim.identity import SERVICES, Scope
from tarim.redress import KINDS, PLURALS, Kind
from tarim.reporting import ReportEvent, ReportState, packaged_codes
from tests.fakes.suspicious import report_of, sample

CHINESE = re.compile(r"[\u3400-\u9fff]")
ALL = [(kind, tag) for kind in KINDS.values() for tag in ("open-file", *kind.events) if kind.name in PLURALS]
BOTH = pytest.mark.parametrize("language", LANGUAGES)


def acts(kind: Kind) -> list[str]:
    return [tag for tag, event in kind.events.items() if not event.inner]


@BOTH
@pytest.mark.parametrize(("kind", "tag"), ALL, ids=lambda each: getattr(each, "name", each))
def test_every_field_of_every_event_has_a_label_and_a_way_to_type_it(kind: Kind, tag: str, language: Language) -> None:
    speak(language)
    if tag != "open-file" and kind.events[tag].inner:
        return
    for each in inputs_of(kind, tag):
        if each.name == "digest":
            continue  # of what is approved: no person types it
        assert bool(CHINESE.search(each.label)) == (language == "zh"), f"{tag}.{each.name}: {each.label}"
        for value, text in each.choices:
            assert bool(CHINESE.search(text)) == (language == "zh"), f"{tag}.{each.name}={value}"


@BOTH
def test_every_state_and_event_has_a_word(language: Language) -> None:
    speak(language)
    for kind in KINDS.values():
        for state in {state for state, _tag in kind.table} | set(kind.table.values()) | {kind.first}:
            assert state in words.states()[kind.name]
        for tag in (*kind.events, kind.opening.__struct_config__.tag):
            assert words.event_name(kind.name, str(tag)) != tag or language == "en", tag
    assert {each.value for each in ReportState} <= set(states())
    assert {each.value for each in ReportEvent} <= set(events())
    assert all(scope_name(each.value) != each.value for each in set(Scope) - SERVICES - {Scope.SELF})


def test_a_typed_form_is_what_the_event_takes() -> None:
    speak("en")
    loss = KINDS["loss"]
    body = body_of(
        loss, "decide_liability", {"customer_share_bp": "12.5", "text": "a\r\nb"}, {"faults": ["rule", "model"]}
    )
    assert body == {
        "event": "decide_liability",
        "faults": ["rule", "model"],
        "customer_share_bp": 1_250,
        "text": "a\nb",
    }
    taken = body_of(loss, "open-file", {"amount_fen": "12,345.6", "text": "x", "confirmed_ms": "2026-11-22T08:00"}, {})
    assert taken["amount_fen"] == 1_234_560 and taken["confirmed_ms"] == 1_795_305_600_000 and "case" not in taken
    shifts = "li.na, 2026-06-01 09:00, 2026-06-01 18:00, 0991-1\n"
    assert body_of(KINDS["roster"], "set", {"shifts": shifts}, {})["shifts"][0]["phone"] == "0991-1"


@pytest.mark.parametrize(
    ("kind", "tag", "form", "field"),
    [
        ("loss", "pay", {"fund": "FUND-1", "amount_fen": "1.234", "reference": "r"}, "amount_fen"),
        ("loss", "pay", {"fund": "FUND-1", "amount_fen": "-5", "reference": "r"}, "amount_fen"),
        ("loss", "pay", {"fund": "", "amount_fen": "5", "reference": "r"}, "fund"),
        ("loss", "decide_liability", {"customer_share_bp": "101", "text": "x"}, "faults"),
        ("complaint", "open-file", {"received_ms": "yesterday", "kind": "complaint"}, "channel"),
        ("roster", "set", {"shifts": "li.na tomorrow"}, "shifts"),
    ],
)
def test_a_mistyped_form_names_the_field(kind: str, tag: str, form: dict[str, str], field: str) -> None:
    with pytest.raises(Mistyped) as caught:
        body_of(KINDS[kind], tag, form, {})
    assert caught.value.field == field and caught.value.rule


def test_a_clock_is_told_in_words_and_the_urgent_one_first() -> None:
    speak("en")
    due = "2026-11-24T04:00:00.000Z"
    running = Clock("complaint-answer", "答复", "answered", "CM-03", due, due, "running")
    overdue = Clock("complaint-handling", "处理", "handled", "CM-02, house rule", due, due, "overdue")
    assert urgent([running, overdue]) is overdue and urgent([]) is None
    now_ms = instant_of("2026-11-22T08:00")
    assert told(running, {}, now_ms).left == "2 d 4 h left"
    assert told(overdue, {}, now_ms + 3 * 86_400_000).left == "20 h 0 min over"
    speak("zh")
    assert "行内规定" in told(overdue, {}, now_ms).source and told(overdue, {}, now_ms).word == "已逾期"


def test_sealed_texts_are_shown_in_their_places_only() -> None:
    content = {"text": "***", "entries": [{"what": "answer", "text": "***"}], "note": "kept"}
    shown = filled(content, {"entries[0].text": "in full"})
    assert shown == {"text": "***", "entries": [{"what": "answer", "text": "in full"}], "note": "kept"}
    facts, tables = facts_of("complaint", content)
    assert [fact.form for fact in facts] == ["sealed", "text"] and tables[0].rows[0][1].form == "sealed"


# ----------------------------------------------------------------------------------------------------- the report's form


def content() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(report_of(sample()))
    found["subjects"][0]["identity"]["name"] = "张**"
    found["conduct"] = "客户张**收到款项。"
    return found


def codes() -> dict[str, Any]:
    return {
        name: msgspec.convert({"mark": "ours", "words": dict(table.words)}, type=_table())
        for name, table in packaged_codes().tables.items()
    }


def _table() -> Any:
    from tarim.console.reports_form import Table

    return Table


def test_what_is_masked_stays_as_it_is_unless_it_is_typed_anew() -> None:
    found = content()
    unchanged = {"subjects[0].identity.name": [""], "subjects[0].occupation": [found["subjects"][0]["occupation"]]}
    assert values_of("subjects[0]", found, unchanged, full=False) == {}
    typed = unchanged | {"subjects[0].identity.name": ["李四"], "subjects[0].phones": ["13900000000\r\n 0991-2345678 "]}
    changed = values_of("subjects[0]", found, typed, full=False)
    assert changed == {"subjects[0].identity.name": "李四"}, "the same lines are no change"
    [conduct] = [
        row
        for group in rows_of("report", found, [], codes(), full=False)
        for row in group.rows
        if row.path == "conduct"
    ]
    assert conduct.locked, "a text with a masked name in it is not edited blind"


def test_nobody_changes_another_part_or_a_place_that_is_not_there() -> None:
    found = content()
    assert values_of("report", found, {"subjects[0].occupation": ["x"], "nonsense": ["y"]}, full=False) == {}
    assert known_part("subjects[7]", found) == "report" and known_part("../..", found) == "report"
    assert known_part("transactions[0]", found) == "transactions[0]"


@BOTH
def test_a_fault_stands_at_its_field_and_a_structures_at_its_first(language: Language) -> None:
    speak(language)
    faults = [
        Fault("subjects[0].identity", "SENM", "身份", "identity", "identity", "均必填", "are all needed"),
        Fault("subjects[0].phones[0]", "SCTL", "电话", "phone", "phone", "须为电话", "must be a phone"),
    ]
    rows = {
        row.path: row for group in rows_of("subjects[0]", content(), faults, codes(), full=False) for row in group.rows
    }
    assert rows["subjects[0].identity.name"].fault and rows["subjects[0].phones"].fault
    assert bool(CHINESE.search(rows["subjects[0].phones"].fault)) == (language == "zh")
    assert [part.faults for part in parts_of(content(), faults)][:2] == [0, 2]
    assert all(CHINESE.search(row.label) for row in rows.values()) == (language == "zh")


def test_days_are_read_as_they_are_written() -> None:
    assert day_of(day_text(20_260_228)) == 20_260_228 and day_of("28.2.2026") == 0 and day_text(0) == ""


@pytest.mark.parametrize(
    ("detail", "zh", "en"),
    [
        ("the old password is not right. 原口令不正确。", "原口令不正确。", "the old password is not right."),
        ("password: too short. 口令太短。", "口令太短。", "password: too short."),
        (
            "the file is not complete: decision missing",
            "服务没有给出中文说明。",
            "the file is not complete: decision missing",
        ),
        ("仅中文",) * 3,
    ],
)
def test_a_refusal_is_said_in_one_language(detail: str, zh: str, en: str) -> None:
    speak("zh")
    assert said(detail) == zh
    speak("en")
    assert said(detail) == en


def test_values_of_enumerations_are_those_of_the_domain() -> None:
    speak("en")
    seen: dict[str, set[str]] = {}
    for kind in KINDS.values():
        for event in (kind.opening, *kind.events.values()):
            for found in _enumerations(event):
                seen[found.__name__] = {each.value for each in found}
    assert {name: set(table) for name, table in field_words.values().items()} == seen


def _enumerations(event: Any) -> list[type[enum.Enum]]:
    from tarim.redress import Text

    info: Any = msgspec.inspect.type_info(event[Text] if getattr(event, "__parameters__", ()) else event)
    found = []
    for field in info.fields:
        of = getattr(field.type, "item_type", field.type)
        if isinstance(of, msgspec.inspect.EnumType):
            found.append(of.cls)
    return found


def test_typing_that_was_not_saved_stands_beside_what_others_saved_meanwhile() -> None:
    """Typed fields keep their text; fields never touched show what is there now; only what differs on both sides is told."""

    def row(path: str, value: str, masked: str = "", form: str = "line") -> Row:
        return Row(path, "X", path, form, value, value.split("\n") if value else [], masked, False, False, [], "", "")

    shown = [
        Group("g", [row("name", ""), row("phone", "", "139****0000"), row("place", "A street"), row("codes", "01")])
    ]
    marks = marks_of(shown)
    now = [Group("g", [row("name", ""), row("phone", "", "138****1111"), row("place", "B street"), row("codes", "01")])]
    typed = {"name": ["Zhang"], "phone": ["13700000000"], "place": ["A street"], "codes": ["02"]}
    name, phone, place, codes = with_typing(now, typed, marks)[0].rows
    assert (name.value, name.now) == ("Zhang", "")
    assert (phone.value, phone.now) == ("13700000000", "138****1111")
    assert (place.value, place.now) == ("B street", ""), "never touched: what is there now, and no hint"
    assert (codes.value, codes.now) == ("02", "")
    assert "13900000000" not in marks and "street" not in marks
    for spoilt in ("", "{", "[]", '{"name": 1}'):
        kept = with_typing(now, typed, spoilt)[0].rows
        assert kept[0].value == "Zhang", "without marks everything that differs counts as typed"
