"""A canary through every error path of every route: what is typed in a wrong place is nowhere afterwards (DP-16, SE-02).

Every route that either process describes is asked with planted personal values in its path, query, headers and body, whole and
broken, without a key, with a wrong one and with the right one.  Then answers to refusals, logs, figures and the audit trail
are searched for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bench.serving import Served, desk_serving, new_data, serving
from tarim.audit import Result, line_of
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.identity import Scope, create_key

PHONE, CARD, PAPER, NAME, MAIL = (
    "13917654321",
    "6225881234567890123",
    "11010519491231002X",
    "欧阳靖雯",
    "ouyang.jingwen@example.com",
)
PLANTED = (PHONE, CARD, PAPER, NAME, MAIL)
TRACES = tuple(json.dumps(each)[1:-1] for each in PLANTED) + tuple(quote(each) for each in PLANTED) + PLANTED


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    made = tmp_path_factory.mktemp("canary") / "data"
    keys = new_data(made)
    keys["all"] = create_key(made / API_KEYS_FILE, "everything", list(Scope), 1)[1]
    return made, keys


@pytest.fixture(scope="module", params=["serve", "desk"])
def served(request: pytest.FixtureRequest, data: tuple[Path, dict[str, str]]) -> Iterator[Served]:
    limits = {"TARIM_PROBING_UNKNOWN_KEYS_MAX": "100000", "TARIM_PROBING_SWEEP_VALUES_MAX": "400"}
    with (serving if request.param == "serve" else desk_serving)(*data, **limits) as running:
        yield running


def planted_in(schema: dict[str, Any], whole: dict[str, Any], value: str, depth: int = 0) -> Any:
    """A body of this shape with the value wherever a text may stand, and beyond where one may not."""
    if "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        schema = next((each for each in schema["anyOf"] if each.get("type") != "null"), schema["anyOf"][0])
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    match schema.get("type"):
        case "object" if depth < 4:
            return {
                name: planted_in(part, whole, value, depth + 1) for name, part in schema.get("properties", {}).items()
            }
        case "array":
            return [planted_in(schema.get("items", {}), whole, value, depth + 1)] if depth < 4 else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return value


def bodies(operation: dict[str, Any], whole: dict[str, Any], value: str) -> Iterator[bytes]:
    """Of the right shape, with a member too many, of the wrong shape, and no JSON."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        yield b""
        return
    made = planted_in(content["schema"], whole, value)
    yield json.dumps(made).encode()
    if isinstance(made, dict):
        yield json.dumps(made | {value: value}).encode()
        yield json.dumps({key: {value: [value]} for key in made}).encode()
    yield json.dumps([value]).encode()
    yield f'{{"x": "{value}'.encode()


def tried(served: Served) -> Iterator[httpx.Response]:
    """Answers of every route to everything."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        whole = client.get("/openapi.json").json()
        keys = {"": None, "wrong": "", "scoped": served.keys["metrics"], "all": served.keys["all"]}
        number = 0
        for path, operations in whole["paths"].items():
            for method, operation in operations.items():
                for content in bodies(operation, whole, PLANTED[number % len(PLANTED)]):
                    number += 1
                    value = PLANTED[number % len(PLANTED)]
                    place = re.sub(r"\{[a-z_]+\}", lambda _, value=value: quote(value), path)
                    query = {each["name"]: value for each in operation.get("parameters", []) if each["in"] == "query"}
                    for kind, key in keys.items():
                        if kind != "all" and number % 5:
                            continue
                        headers = {
                            "x-request-id": quote(value),
                            "idempotency-key": quote(value),
                            "cookie": f"a={quote(value)}",
                        }
                        if key is not None:
                            headers["authorization"] = f"Bearer {key or quote(value)}"
                        more = {"params": query | {quote(value): value}} if number % 2 else {}
                        yield client.request(method, place, content=content, headers=headers, **more)
        yield client.get(f"/v1/{quote(NAME)}/{CARD}")
        yield client.request("BREW", f"/v1/health?{PHONE}")


def test_what_is_planted_is_nowhere_afterwards(served: Served) -> None:
    """Answers that are not refusals may give back what was sent to them; they are counted, not searched.

    Nor is the reason of an act that was carried out: it is a person's words about rules and models, with numbers taken out.
    """
    statuses: dict[int, int] = {}
    leaks: list[str] = []
    for answer in tried(served):
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        if answer.status_code >= 400:
            leaks += [
                f"{answer.request.method} {answer.request.url.path}: {answer.text}"
                for each in TRACES
                if each in answer.text
            ]
    assert not leaks, leaks[:10]
    assert {401, 403, 404, 422} <= set(statuses) and statuses[422] >= 50, statuses
    assert 500 not in statuses, statuses
    with served.client("metrics") as client:
        figures = client.get("/metrics").text
    with OpenTrail.open(AuditSettings(), Places(served.data), {}) as trail:
        found = [
            each if each.entry.result is not Result.DONE else replace(each, entry=replace(each.entry, reason=""))
            for each in trail.store.read()
        ]
    entries = [line_of(each).decode() for each in found]
    assert len(entries) > 100
    log = (served.data / "service.log").read_text(encoding="utf-8")
    for where, text in (("figures", figures), ("log", log), *(("trail", entry) for entry in entries)):
        for each in TRACES:
            assert each not in text, f"{where}: {text[:2_000]}"
