"""The published description is true: no server error, no answer that is not documented."""

from __future__ import annotations

from pathlib import Path

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
