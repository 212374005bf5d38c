"""Pages of lists, name screening and models against services that only remember: what is asked, offered to whom, and shown."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
from starlette.datastructures import UploadFile

from tarim.console import (
    lists,
    lists_changes,
    lists_words,
    models,
    models_acts,
    models_charts,
    models_words,
    names,
    names_lists,
    names_words,
)
from tarim.console.lists_shapes import Entry
from tarim.console.models_shapes import Model
from tarim.console.pages import Account, Go, View, Visit
from tarim.console.services import Refused, Visitor
from tarim.identity import ROLES, Role
from tarim.models import Curves, ModelAct, ModelState
from tarim.models.registry import CURVES_FORMAT, CalibrationPoints, RankingPoints, read_figures
from tarim.models.registry import Role as ModelRole
from tarim.screening import FIELDS_OF_LISTS, ListKind
from tests.fakes.console_pages import MAP, FakeService, html_of, run

AT = "2026-11-22T04:00:00.000Z"
NASTY = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
DIGEST = "ab" * 32
DEFINITION = {
    "name": "mules", "kind": "black", "field": "payee_account", "per_customer": False, "title_zh": "涉诈账户",
    "title_en": "Mules",
}  # fmt: skip
PREVIEW: dict[str, Any] = {
    "added": 2, "changed": 0, "removed": 1, "unchanged": 4, "refused": 0, "examples": [], "refusals": [],
}  # fmt: skip


def a_visit(service: FakeService, role: str = "analyst", login: str = "li.na", **more: Any) -> Visit:
    plain: dict[str, Any] = {
        "path": {}, "query": {}, "form": {}, "lists": {}, "uploads": {}, "language": "zh", "fragment": False,
    } | more  # fmt: skip
    account = Account(login=login, display_name=login, scopes=[scope.value for scope in ROLES[Role(role)].scopes])
    nobody: Any = None
    return Visit(
        account=account, serve=service, desk=nobody, views=nobody, csrf="t", visitor=Visitor(), url=MAP.url, **plain
    )  # type: ignore[arg-type]


def shown(handler: Any, visit: Visit) -> str:
    """The page's main part as HTML."""
    view = run(handler, visit)
    assert isinstance(view, View), view
    html = html_of(view.template, view.values, visit)
    return html[html.index("<main") :]


# ---- words -----------------------------------------------------------------------------------------------------------


def test_every_code_of_the_services_has_a_word() -> None:
    assert set(lists_words.kinds()) == set(lists_words.KIND_LEVELS) == {each.value for each in ListKind}
    assert set(lists_words.list_fields()) == set(FIELDS_OF_LISTS)
    assert set(models_words.states()) == {each.value for each in ModelState}
    assert set(models_words.acts()) >= {each.value for each in ModelAct}
    assert set(models_words.roles()) == {each.value for each in ModelRole} - {""}
    assert set(names_words.evidence()) == set(names_words.EVIDENCE_SPEAKS)


def test_a_rule_with_a_number_is_said_in_the_viewers_words() -> None:
    assert lists_words.row_rule("must have 1 to 64 printable characters") == "须为 1 至 64 个字符"
    assert lists_words.row_rule("is required") == "必填"
    assert lists_words.row_rule("something new") == "something new"


# ---- lists -----------------------------------------------------------------------------------------------------------

LISTS = {
    "GET /v1/lists": {"lists": [DEFINITION, DEFINITION | {"name": "payroll", "kind": "white", "title_zh": NASTY}]},
    "GET /v1/list-figures": {"at": AT, "lists": [
        {"name": "mules", "entries": 1234, "hits": 56, "last_hit_at": AT, "changed_at": AT, "waiting": 1}]},
}  # fmt: skip


def test_lists_are_shown_with_their_figures_and_found_by_name_and_kind() -> None:
    html = shown(lists.show_lists, a_visit(FakeService(LISTS)))
    assert "1,234" in html and ">56<" in html and "新建名单" in html
    assert "<img" not in html and "49" not in html.split("payroll")[0][-400:], "what people wrote stays text"
    only = shown(lists.show_lists, a_visit(FakeService(LISTS), query={"kind": "white"}))
    assert "payroll" in only and "/lists/mules" not in only
    assert "没有符合条件的名单" in shown(lists.show_lists, a_visit(FakeService(LISTS), query={"q": "absent"}))
    assert "新建名单" not in shown(lists.show_lists, a_visit(FakeService(LISTS), "auditor")), (
        "who may not is not offered it"
    )


def test_lists_are_shown_while_nothing_can_be_counted() -> None:
    busy = Refused(409, "conflict", "", "a change of lists is being put in force")
    html = shown(lists.show_lists, a_visit(FakeService(LISTS | {"GET /v1/list-figures": busy})))
    assert "涉诈账户" in html and "变更生效中" in html


def an_entry(**changes: Any) -> dict[str, Any]:
    plain = dict.fromkeys(
        ("customer_token", "source", "reason", "valid_from", "valid_to", "added_by", "approved_by"), ""
    )
    return plain | {"token": "0" * 15 + "1", "masked": "****2233", "added_at": AT, "removed": False} | changes


@pytest.mark.parametrize(
    ("changes", "at", "stands"),
    [({}, AT, "valid"), ({"valid_from": "2026-11-23T00:00:00Z"}, AT, "later"), ({"valid_to": AT}, AT, "expired"),
     ({"valid_to": "2099-01-01T00:00:00Z"}, "", "valid"), ({"valid_to": "2026-11-23T00:00:00Z"}, "2026-11-24", "expired")],
)  # fmt: skip
def test_an_entry_stands_as_at_an_instant(changes: dict[str, str], at: str, stands: str) -> None:
    assert lists.standing(msgspec.convert(an_entry(**changes), Entry), at) == stands


ONE = {
    "GET /v1/lists/mules": {"definition": DEFINITION, "changes": []},
    "GET /v1/lists/mules/entries": {"entries": [an_entry(reason=NASTY)], "next": "0" * 16 + "-" + "0" * 16},
}


def test_ticked_entries_are_removed_by_token_and_a_typed_one_is_added() -> None:
    proposed = {"preview": PREVIEW, "proposal": a_proposal()}
    service = FakeService(ONE | {"POST /v1/lists/mules/entries": proposed})
    html = shown(lists.show_list, a_visit(service, path={"name": "mules"}))
    assert 'value="0000000000000001||****2233"' in html and "<img" not in html
    assert 'name="entry"' not in shown(lists.show_list, a_visit(service, "auditor", path={"name": "mules"}))
    form = {"act": "remove", "source": "branch", "reason": "cleared"}
    ticked = {"entry": ["0000000000000001||****2233"]}
    made = run(lists_changes.propose_entries, a_visit(service, path={"name": "mules"}, form=form, lists=ticked))
    assert isinstance(made, Go) and made.names == {"id": "p1"}
    removed = {"operation": "remove", "token": "0000000000000001", "customer_token": "", "masked": "****2233"}
    assert service.asked[-1][1]["entries"] == [removed]
    form = {"act": "add", "values": " A1 \n\nA2\n", "source": "police", "reason": "x", "valid_to": "2030-01-01"}
    run(lists_changes.propose_entries, a_visit(service, path={"name": "mules"}, form=form))
    given = {"customer": "", "valid_from": "", "valid_to": "2030-01-01"}
    assert service.asked[-1][1]["entries"] == [{"value": "A1", **given}, {"value": "A2", **given}]
    html = shown(lists_changes.propose_entries, a_visit(service, path={"name": "mules"}, form={"act": "remove"}))
    assert "请先勾选要移除的条目" in html


def test_a_value_is_looked_up_in_a_body_and_a_fault_is_told_beside_it() -> None:
    entry = an_entry()
    service = FakeService(
        ONE | {"POST /v1/lists/mules/as-at": {"at": AT, "member": True, "entry": entry, "history": [entry]}}
    )
    form = {"value": "6222020200112233", "at": "2026-11-22T12:00"}
    html = shown(lists.look_up, a_visit(service, path={"name": "mules"}, form=form))
    assert "在名单上" in html
    asked = next(given for path, given in service.asked if path.startswith("POST"))
    assert asked == {"value": "6222020200112233", "customer": "", "at": "2026-11-22T12:00:00+08:00"}
    html = shown(lists.look_up, a_visit(service, path={"name": "mules"}, form=form | {"at": "soon"}))
    assert "时间无效" in html


def a_proposal(**changes: Any) -> dict[str, Any]:
    return {
        "id": "p1", "what": "list", "digest": DIGEST, "author": "li.na", "proposed_at": AT, "reason": "why",
        "state": "proposed", "decider": "", "note": "", "list_name": "mules", "entries": 3,
    } | changes  # fmt: skip


@pytest.mark.parametrize(("role", "login", "approve", "withdraw", "said"), [
    ("analyst", "li.na", False, True, "您是提案人"), ("reviewer", "li.na", False, False, "您是提案人"),
    ("reviewer", "wang.wei", True, False, "双人复核"), ("auditor", "zhou", False, False, "等待有审批权限的另一人"),
])  # fmt: skip
def test_nobody_is_offered_to_approve_an_own_proposal(
    role: str, login: str, approve: bool, withdraw: bool, said: str
) -> None:
    service = FakeService(LISTS | {
        "GET /v1/list-proposals": {"proposals": [a_proposal()]},
        "GET /v1/list-proposals/p1": {"preview": PREVIEW, "proposal": a_proposal()},
    })  # fmt: skip
    html = shown(lists_changes.show_proposal, a_visit(service, role, login, path={"id": "p1"}))
    assert said in html and ('value="approve"' in html) is approve and ("/withdraw" in html) is withdraw


def test_an_approval_names_what_was_looked_at_and_a_refusal_is_shown() -> None:
    answers = LISTS | {
        "GET /v1/list-proposals": {"proposals": [a_proposal()]},
        "GET /v1/list-proposals/p1": {"preview": PREVIEW, "proposal": a_proposal()},
        "POST /v1/list-proposals/p1": Refused(403, "four-eyes", "须由另一人复核", "another person has to"),
    }
    service = FakeService(answers)
    form = {"verdict": "approve", "digest": DIGEST, "note": " fine "}
    html = shown(lists_changes.decide, a_visit(service, "reviewer", "li.na", path={"id": "p1"}, form=form))
    assert "须由另一人复核" in html
    assert ("POST /v1/list-proposals/p1", {"verdict": "approve", "digest": DIGEST, "note": "fine"}) in service.asked


def test_a_file_is_looked_at_first_and_rows_that_are_refused_are_named() -> None:
    refused = PREVIEW | {
        "refused": 1,
        "refusals": [{"row": 4, "field": "valid_to", "rule": "must be later than valid_from"}],
    }
    service = FakeService(LISTS | {"POST /v1/lists:import": {"preview": refused, "proposal": None}})

    def upload(name: str) -> dict[str, UploadFile]:
        return {"file": UploadFile(io.BytesIO(b"value\nA1\n"), filename=name)}

    form = {"name": "mules", "source": "110", "reason": "x", "act": "look"}
    html = shown(lists_changes.import_file, a_visit(service, form=form, uploads=upload("Entries.CSV")))
    assert "必须晚于生效时间" in html and 'value="propose"' not in html
    body = service.asked[-2][1]
    assert (body["format"], body["content"], body["propose"], body["replace"]) == ("csv", b"value\nA1\n", False, False)
    html = shown(lists_changes.import_file, a_visit(FakeService(LISTS), form=form, uploads=upload("x.exe")))
    assert "请选择一个 CSV 或 Excel" in html, "and the service is not asked"


# ---- names -----------------------------------------------------------------------------------------------------------

IN_FORCE = {"GET /v1/name-lists": {"lists": [], "customers": 3, "behind": True, "screening": ""}}


def test_an_explanation_is_in_the_viewers_language_and_words_stay_text() -> None:
    match = {
        "list": "own", "entry": "X-1", "source": "OWN", "programme": "", "kind": "person", "name": NASTY, "quality": "weak",
        "score": 0.95, "name_score": 0.89, "evidence": ["birth-same-day"], "countries": ["RU"], "births": [],
        "pairs": [{"asked": "wladimir", "listed": "vladimir", "similarity": 0.97},
                  {"asked": "", "listed": "x", "similarity": 0}],
        "explanation": [{"zh": "出生日期完全相同", "en": "The day of birth is the same"}],
    }  # fmt: skip
    service = FakeService(IN_FORCE | {"POST /v1/names:screen": {"editions": {"own": DIGEST}, "matches": [match]}})
    form = {"name": "Wladimir", "countries": "ru， cn"}
    for language, said in (("zh", "出生日期完全相同"), ("en", "The day of birth is the same")):
        html = shown(names.screen, a_visit(service, form=form, language=language))
        assert said in html and ">95<" in html and "0.97" in html and "<img" not in html
    assert service.asked[0][1]["countries"] == ["RU", "CN"]


def test_files_go_under_the_names_their_publisher_gives_them() -> None:
    diff = {"entries": 1, "added": 1, "changed": 0, "removed": 0} | dict.fromkeys(
        ("added_examples", "changed_examples", "removed_examples"), ()
    )
    service = FakeService(
        {"POST /v1/name-lists:import": {"digest": DIGEST, "dated": "", "diff": diff, "proposal": None}}
    )

    def given(main: str, **beside: str) -> Any:
        files = {name: UploadFile(io.BytesIO(b"x"), filename=file) for name, file in {"main": main, **beside}.items()}
        html = shown(
            names_lists.import_files, a_visit(service, form={"list_name": "ofac", "reason": "x"}, uploads=files)
        )
        return html, service.asked[-1][1]["files"] if service.asked else None

    assert set(given("SDN.csv", alt="alt.csv", add="")[1]) == {"sdn.csv", "alt.csv"}
    assert set(given("consolidatedList.xml")[1]) == {"consolidated.xml"}
    assert set(given("own-2026.csv")[1]) == {"own.csv"}
    assert "无法识别文件" in given("list.csv")[0]


def test_a_page_of_matches_offers_to_each_role_what_it_may() -> None:
    match = {
        "party": "customer", "token": "0" * 16, "masked": "V*** K***", "list_name": "own", "entry": "X-1",
        "entry_digest": "1" * 32, "listed": "KOZHYN", "score": 96, "standing": "open", "since": AT,
        "screening": "", "confirmed_by": "", "reason": "",
    }  # fmt: skip
    service = FakeService({"GET /v1/name-matches": {"count": 61, "matches": [match]}})
    for role, confirms, clears in (("analyst", False, True), ("investigator", True, False), ("auditor", False, False)):
        html = shown(names.show_matches, a_visit(service, role, query={"offset": "30"}))
        assert ("/matches/confirm" in html) is confirms and ("/matches/clear" in html) is clears
        assert "offset=60" in html
    run(names.show_matches, a_visit(service, query={"standing": "../x", "offset": "-1"}))
    assert service.asked[-1][1] == {"standing": "open", "limit": names.MATCHES_SHOWN}


# ---- models ----------------------------------------------------------------------------------------------------------


def a_model(**changes: Any) -> dict[str, Any]:
    return {
        "version": DIGEST, "service": "TM000001-95", "name": "cards", "state": "live", "role": "champion", "share": 0,
        "paused": False, "manifest": "cd" * 32, "author": "chen", "submitted_at": AT, "approver": "liu", "approved_at": AT,
        "live_at": AT,
    } | changes  # fmt: skip


def a_measure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def figures() -> dict[str, Any]:
    measures = {"auc": a_measure(0.9, 0.88, 0.92), "calibration_error": a_measure(0.01)}
    assessed = {"rows": 100, "frauds": 10, "alerts": 20, "threshold": 0.4, "top": 100, "measures": measures}
    note = {
        "name": "amount", "chosen": True, "reason_en": "kept", "reason_zh": "保留", "words": NASTY, "iv": 0.3, "missing": 0.1,
        "gain": 0.6, "permutation": None,
    }  # fmt: skip
    group = {"segment": "channel", "rows": 50, "frauds": 5}
    return {
        "run_id": "r1", "started_ms": 1, "ended_ms": 2, "dataset": "ef" * 32, "model": DIGEST, "iterations": 5, "libraries": {},
        "parts": {"test": {"rows": 100, "frauds": 10, "first_ms": 1, "last_ms": 2}}, "notes": [note], "metrics": assessed,
        "thresholds": [{"chosen_by": "cost", "score": 0.4, "alerts_per_day": 2.0}], "uncalibrated_error": 0.1,
        "segments": [group | {"value": "mobile", "assessment": assessed}, group | {"value": "atm", "assessment": None}],
        "gaps": [{"segment": "channel", "measure": "auc", "best": "mobile", "worst": "atm", "gap": 0.2, "apart": True}],
        "stability": [{"name": "", "period": "2026-10", "rows": 50, "psi": 0.05},
                      {"name": "amount", "period": "2026-10", "rows": 50, "psi": 0.3},
                      {"name": "amount", "period": "2026-11", "rows": 50, "psi": 0.1}],
    }  # fmt: skip


def curves() -> Curves:
    ranking = RankingPoints([0.9, 0.5, 0.1], [10, 40, 100], [8, 9, 10], [800, 900, 1_000])
    calibration = CalibrationPoints([0.1], [0.1], [0.05], [0.2], [100])
    return Curves(CURVES_FORMAT, DIGEST, "ef" * 32, 100, 10, 1_000, 5.0, 0, ranking, calibration)


REGISTRY = {
    "GET /v1/models": {"champion": DIGEST, "rules_only": False, "closed": False, "models": [
        a_model(), a_model(version="12" * 32, role="challenger", share=1250, name=NASTY)]},
    "GET /v1/model-proposals": {"proposals": []},
    f"GET /v1/models/{DIGEST}": {"model": a_model(), "package": None, "card": ""},
    f"GET /v1/models/{DIGEST}/run": {"version": DIGEST, "figures": figures(), "curves": None},
    "GET /v1/model-ledger": {"lines": []},
}  # fmt: skip


def test_what_may_be_done_with_a_model_depends_on_its_state_and_the_person() -> None:
    def acts(person: str, **changes: Any) -> set[str]:
        return set(models.possible_acts(a_visit(FakeService({}), person), msgspec.convert(a_model(**changes), Model)))

    assert acts("model_engineer") == {"retire"} and acts("operator") == {"pause"} and acts("analyst") == set()
    assert acts("operator", role="challenger", paused=True) == {"resume", "stand-down"}
    assert acts("model_engineer", state="approved", role="") == {"publish", "challenge", "retire"}
    assert acts("model_engineer", state="retired", role="") == set() == acts("operator", state="approved", role="")


def test_a_model_without_curves_says_so_and_draws_nothing() -> None:
    service = FakeService(REGISTRY)
    html = shown(models.show_model, a_visit(service, "model_engineer", path={"model": DIGEST}))
    assert "没有曲线数据" in html and "data-chart" not in html and "0.900" in html
    answer = run(models.chart_data, a_visit(service, path={"model": DIGEST}))
    assert msgspec.json.decode(answer.body)["curves"] is None
    installed = FakeService(
        REGISTRY | {f"GET /v1/models/{DIGEST}": {"model": a_model(manifest=""), "package": None, "card": ""}}
    )
    assert "没有训练运行的记录" in shown(models.show_model, a_visit(installed, path={"model": DIGEST}))
    assert not [path for path, _ in installed.asked if path.endswith("/run")]


def test_every_count_beside_the_threshold_follows_from_the_same_points() -> None:
    found = models_charts.operating(curves(), 1)
    assert (found.precision, found.recall, found.share, found.per_day) == (9 / 40, 0.9, 0.4, 8.0)
    assert (found.false_alarms, found.money_recall, found.lift) == (31 / 90, 0.9, 0.9 / 0.4)
    plain = msgspec.json.encode(figures())
    data = models_charts.curve_data(curves(), read_figures(plain))
    assert data["ks"]["gap"] == pytest.approx(8 / 10 - 2 / 90, abs=1e-6)
    assert data["roc"][0] == [0, 0] and data["roc"][-1] == [1, 1] and data["thresholds"]["chosen"] == 0.4
    stability = models_charts.stability_data(read_figures(plain))
    assert stability["features"] == {"names": ["amount"], "psi": [0.3], "periods": ["2026-10"]}, (
        "of each the worst period"
    )


def test_features_groups_and_registry_are_shown_and_words_stay_text() -> None:
    service = FakeService(REGISTRY)
    for handler, said in (
        (models.show_features, "&lt;img"),
        (models.show_groups, "1 项分群差距超出随机波动"),
        (models.show_card, "没有模型卡"),
        (models.show_models, "挑战者 · 12.50% 客户"),
    ):
        html = shown(handler, a_visit(service, "model_engineer", path={"model": DIGEST}))
        assert said in html and "<img" not in html, handler


@pytest.mark.parametrize(("first", "second", "better"), [
    ((0.9, 0.88, 0.92), (0.8, 0.78, 0.82), "first"), ((0.8, 0.78, 0.82), (0.9, 0.88, 0.92), "second"),
    ((0.9, 0.85, 0.95), (0.88, 0.83, 0.93), "neither"), ((0.9, None, None), (0.8, 0.7, 0.85), "unknown"),
])  # fmt: skip
def test_one_model_is_called_better_only_beyond_chance(first: Any, second: Any, better: str) -> None:
    class Found:
        def __init__(self, value: float, low: float | None, high: float | None) -> None:
            self.value, self.low, self.high = value, low, high

    assert models._better("auc", [Found(*first), Found(*second)]) == better
    other = {"first": "second", "second": "first"}.get(better, better)
    assert models._better("calibration_error", [Found(*first), Found(*second)]) == other


@pytest.mark.parametrize(("text", "share"), [("", 0), ("12.5", 1_250), ("100", 10_000), ("0.01", 1)])
def test_a_share_is_percent_as_people_write_it(text: str, share: int) -> None:
    assert models_acts._share(text) == share


@pytest.mark.parametrize("text", ["-1", "100.01", "0.005", "ten", "NaN", "1e9", "Infinity", "１０"])
def test_a_wrong_share_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        models_acts._share(text)


def test_an_act_is_proposed_where_two_are_needed_and_done_where_one_may() -> None:
    answers = {
        "POST /v1/models:challenge": a_proposal(), "POST /v1/models:stand-down": a_model(),
        "POST /v1/switches:throw": {
            "what": "pause_model", "target": DIGEST, "value": 1, "reason": "", "author": "", "approver": "", "at": AT,
        },
    }  # fmt: skip
    service = FakeService(answers | REGISTRY)

    def act(**form: str) -> Any:
        return run(
            models_acts.act, a_visit(service, "model_engineer", path={"model": DIGEST}, form={"reason": "x", **form})
        )

    assert act(act="challenge", share="12.5").page == "model_proposal"
    assert service.asked[-1][1] == {"model": DIGEST, "reason": "x", "share": 1_250}
    assert act(act="stand-down").page == "model"
    assert act(act="pause").page == "model" and service.asked[-1][1]["value"] == 1
    assert isinstance(act(act="format-disk"), View), "what is no act is asked again"


def test_the_watch_shows_what_shifted_and_what_cannot_be_said() -> None:
    alarm = {
        "column": "amount", "text_en": "amount has shifted", "text_zh": "amount 分布偏移", "raised_at": AT, "ended_at": "",
        "psi": 0.3, "threshold": 0.1, "actual": [0.1, 0.9], "expected": [0.5, 0.5],
    }  # fmt: skip
    column = {"column": "amount", "psi": 0.3, "threshold": 0.1, "events": 100, "missing_share": 0.1, "alarmed": True}
    measure = {
        "model": DIGEST, "segment": "all", "begin": AT, "end": AT, "mature": False, "matures_at": AT, "events": 10,
        "labelled": 0, "fraud": 0, "alerts": 1, "auc": None, "ks": None, "ap": None, "alert_precision": None,
    }  # fmt: skip
    watch = {
        "baseline": DIGEST, "model": DIGEST, "since_seq": 0, "until": AT, "taken": 100, "missed": 0, "too_late": 0,
        "columns": [column, column | {"column": "new", "psi": None}], "alarms": [alarm, alarm | {"ended_at": AT}],
        "measures": [measure], "proposals": ["ab" * 32],
    }  # fmt: skip
    html = shown(models_acts.show_watch, a_visit(FakeService(REGISTRY | {"GET /v1/models/watch": watch})))
    assert "amount 分布偏移" in html and "另有 1 列的事件太少" in html and "成熟" in html and "data-bins" in html
    none = watch | {"baseline": "", "columns": [], "alarms": []}
    assert "没有基线" in shown(models_acts.show_watch, a_visit(FakeService(REGISTRY | {"GET /v1/models/watch": none})))
