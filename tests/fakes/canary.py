"""Canaries: planted personal values sent through every route that a process describes, in every place a text can stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from bench.serving import Served

PHONE, CARD, PAPER, NAME, MAIL = (
    "13917654321",
    "6225881234567890123",
    "11010519491231002X",
    "欧阳靖雯",
    "ouyang.jingwen@example.com",
)
DRAWS_PAGES = ("/v1/risk-reports",)
"""Takes seconds when all is well, and no text: only asked wrongly."""
PLANTED = (PHONE, CARD, PAPER, NAME, MAIL)
TRACES = tuple(json.dumps(each)[1:-1] for each in PLANTED) + tuple(quote(each) for each in PLANTED) + PLANTED


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
    """Of the right shape, with a member too many, and in turn of the wrong shape or no JSON."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        yield b""
        return
    made = planted_in(content["schema"], whole, value)
    yield json.dumps(made).encode()
    if isinstance(made, dict):
        yield json.dumps(made | {value: value}).encode()
    deep = {key: {value: [value]} for key in made} if isinstance(made, dict) else {value: value}
    wrong = [json.dumps([value]), f'{{"x": "{value}', json.dumps(deep)]
    yield wrong[len(operation["operationId"]) % len(wrong)].encode()


def sent_everywhere(served: Served) -> Iterator[httpx.Response]:
    """Answers of every route to everything."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        whole = client.get("/openapi.json").json()
        keys = {"": None, "wrong": "", "scoped": served.keys["metrics"], "all": served.keys["all"]}
        number = 0
        for path, operations in whole["paths"].items():
            for method, operation in operations.items():
                tried = list(bodies(operation, whole, PLANTED[number % len(PLANTED)]))
                for content in tried[path in DRAWS_PAGES :]:
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
