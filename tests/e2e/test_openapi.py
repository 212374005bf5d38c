"""The published description is true: no server error, no answer that is not documented."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bench.serving import new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.identity import Scope, create_key

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory):
    data: Path = tmp_path_factory.mktemp("described") / "data"
    keys = new_data(data)
    now_ms = time.time_ns() // 1_000_000
    for scope in Scope:
        others = [other for other in Scope if other is not scope]
        keys[f"not-{scope.value}"] = create_key(data / API_KEYS_FILE, f"not-{scope.value}", others, now_ms)[1]
    with serving(data, keys) as running:
        schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
        yield schema, keys


@pytest.mark.parametrize(
    ("path", "method", "scope", "examples"),
    [
        ("/v1/decisions", "POST", "decide", 150),
        ("/v1/decisions:batch", "POST", "decide", 60),
        ("/v1/decisions/{event_id}", "GET", "read", 60),
        ("/v1/health", "GET", "", 5),
        ("/metrics", "GET", "metrics", 5),
        ("/openapi.json", "GET", "", 3),
        ("/v1/rulesets", "POST", "author", 25),
        ("/v1/rulesets", "GET", "read", 5),
        ("/v1/rulesets/{version}", "GET", "read", 15),
        ("/v1/rulesets/{version}/diff", "GET", "read", 25),
        ("/v1/rulesets:rollback", "POST", "operate", 15),
        ("/v1/rulesets:check", "POST", "read", 15),
        ("/v1/rulesets:edit", "POST", "read", 25),
        ("/v1/rulesets:merge", "POST", "read", 15),
        ("/v1/rulesets:names", "GET", "read", 1),
        ("/v1/rulesets:packs", "GET", "read", 1),
        ("/v1/proposals", "GET", "read", 5),
        ("/v1/proposals/{id}", "GET", "read", 5),
        ("/v1/proposals/{id}", "POST", "approve", 25),
        ("/v1/proposals/{id}", "DELETE", "author", 15),
        ("/v1/switches", "GET", "read", 5),
        ("/v1/switches", "POST", "author", 40),
        ("/v1/switches:throw", "POST", "operate", 40),
        ("/v1/overrides", "POST", "author", 25),
        ("/v1/overrides", "GET", "read", 25),
        ("/v1/indicators", "GET", "read", 3),
        ("/v1/backtests", "POST", "author", 15),
        ("/v1/backtests", "GET", "read", 5),
        ("/v1/backtests/{id}", "GET", "read", 10),
        ("/v1/backtests/{id}", "DELETE", "author", 10),
        ("/v1/holds", "GET", "read", 10),
        ("/v1/holds:changes", "GET", "read", 15),
        ("/v1/holds:order", "POST", "holds:order", 15),
        ("/v1/holds/{event_id}", "GET", "read", 25),
        ("/v1/holds/{event_id}", "POST", "operate", 25),
        ("/v1/limits", "PUT", "decide", 25),
        ("/v1/treatment", "GET", "read", 10),
        ("/v1/treatment", "POST", "author", 15),
    ],
)
def test_every_answer_is_as_described(described, path: str, method: str, scope: str, examples: int) -> None:
    """Requests made from the description, and broken ones: status, media type, headers and body are documented."""
    schema, keys = described
    operation = schema[path][method]
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    broken = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    headers = {"Authorization": f"Bearer {keys[scope]}"} if scope else {}
    statuses: set[int] = set()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(good if method == "GET" and "{" not in path else st.one_of(good, broken))
    def check(case) -> None:
        statuses.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

    check()
    assert statuses


def test_every_route_asks_for_a_key_with_its_own_scope(described) -> None:
    """All that is described is walked: 401 without a key, 403 with a key that has every scope but the right one."""
    schema, keys = described
    asked = 0
    client = httpx.Client(timeout=30)
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            if not operation["security"]:
                assert path in ("/v1/health", "/openapi.json"), f"{method} {path} is open to everybody"
                continue
            address = schema.config.base_url or schema.location.removesuffix("/openapi.json")
            url = address + re.sub(r"\{[a-z_]+\}", "x", path)
            call = {"method": method.upper(), "url": url, "json": {}}
            assert client.request(**call).status_code == 401, f"{method} {path}"
            scope = SCOPES.get((method, path)) or operation["description"].split("`")[1]
            statuses = {
                name: client.request(**call, headers={"Authorization": f"Bearer {keys[name]}"}).status_code
                for name in (scope, f"not-{scope}")
            }
            assert statuses[scope] != 403 == statuses[f"not-{scope}"], f"{method} {path}: {statuses}"
            asked += 1
    client.close()
    assert asked >= 15


SCOPES = {
    ("post", "/v1/decisions"): "decide",
    ("post", "/v1/decisions:batch"): "decide",
    ("get", "/v1/decisions/{event_id}"): "read",
    ("get", "/metrics"): "metrics",
}
"""Scopes of the routes that are described by hand."""
