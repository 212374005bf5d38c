"""The OpenAPI 3.1 description: written from the same types that decode and encode, and tested to be true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tarim.api.answers import BatchBody, DecisionBody
from tarim.api.problems import MEDIA_TYPE, TITLES, ProblemBody
from tarim.api.routes import Route, described
from tarim.intake import IntakeLimits
from tarim.privacy import FIELDS, Role
from tarim.stream import AMOUNT_FEN_MAX, Channel, Kind, NetworkKind, Result, Verification

_REF: Final = "#/components/schemas/{name}"
_EVENT_ID: Final = r"^[!-~]{1,64}$"
_SOURCE: Final = r"^[a-z0-9-]{1,32}$"
_REQUIRED: Final = ["event_id", "source", "kind", "occurred_at", "customer"]


def _names(enum: type[Kind] | type[Channel] | type[Result] | type[NetworkKind]) -> list[str]:
    return [member.name.lower() for member in enum]


_SHAPES: Final[dict[str, dict[str, Any]]] = {
    "event_id": {"type": "string", "pattern": _EVENT_ID},
    "source": {"type": "string", "pattern": _SOURCE},
    "kind": {"enum": _names(Kind)},
    "occurred_at": {"type": "string", "format": "date-time"},
    "customer_type": {"enum": ["individual", "corporate"]},
    "amount_fen": {"type": "integer", "minimum": 0, "maximum": AMOUNT_FEN_MAX},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "default": "CNY"},
    "channel": {"enum": _names(Channel), "default": "unknown"},
    "result": {"enum": _names(Result), "default": "unknown"},
    "network_kind": {"enum": _names(NetworkKind), "default": "unknown"},
    "verification": {
        "type": "array",
        "uniqueItems": True,
        "items": {"enum": [each.name.lower() for each in Verification if each.name and each]},
    },
    "location_permitted": {"type": "boolean", "default": False},
    "history_authorised": {"type": "boolean", "default": True},
    "label": {"enum": ["fraud", "genuine"]},
    "city": {"anyOf": [{"type": "string", "pattern": "^[1-9][0-9]{5}$"}, {"type": "integer"}]},
    "merchant_category": {"anyOf": [{"type": "string", "pattern": "^[0-9]{4}$"}, {"type": "integer"}]},
    "ip_port": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1, "maximum": 65535}]},
    "latitude": {"anyOf": [{"type": "string"}, {"type": "number", "minimum": -90, "maximum": 90}]},
    "longitude": {"anyOf": [{"type": "string"}, {"type": "number", "minimum": -180, "maximum": 180}]},
    "refers_to": {"type": "string", "pattern": _EVENT_ID},
    **{f"extra_{index}": {"type": "integer"} for index in range(4)},
}


def _event_schema() -> dict[str, Any]:
    properties = {}
    for name, field in FIELDS.items():
        shape = dict(_SHAPES.get(name, {"type": "string", "minLength": 1, "maxLength": field.length_max}))
        shape["description"] = f"{field.doc} / {field.doc_zh} [{field.data_class.value}]"
        if field.role is Role.TOKEN:
            shape["description"] += " (becomes a token; the raw value is sealed)"
        properties[name] = shape
    return {
        "title": "Event",
        "description": "One event of a channel, flat.  Further rules by kind: account and amount_fen for money, "
        "payee_account for a transfer, refers_to and label for a label.",
        "type": "object",
        "properties": properties,
        "required": _REQUIRED,
        "additionalProperties": False,
    }


def _answer(name: str, text: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}
    return {"description": text, "content": content, **({"headers": headers} if headers else {})}


def refusals_of(*statuses: int) -> dict[str, Any]:
    """The answers of these statuses, and of those that any request may get."""
    schema = {"schema": {"$ref": _REF.format(name="ProblemBody")}}
    refusals: dict[str, Any] = {}
    often = (429,) if 401 in statuses else ()  # where a key is needed it may be asked too often, or unknown too often
    for status in (*statuses, *often, 400, 405, 408, 431, 500, 503):
        title, title_zh = TITLES[status]
        refusals[str(status)] = {"description": f"{title} / {title_zh}", "content": {MEDIA_TYPE: schema}}
    for status in (*often, 503):
        refusals[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return refusals


def describe(version: str, routes: Sequence[Route] = ()) -> dict[str, Any]:
    """The whole description, ready to be encoded; `routes` beside those that are always there."""
    _, components = msgspec.json.schema_components((DecisionBody, BatchBody, ProblemBody), ref_template=_REF)
    paths, more = described(routes, refusals_of, _REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tarim",
            "version": version,
            "description": "Decides on events while they happen.  An answer is durable before it is sent, and a retry "
            "gets the first answer.  交易发生时即作决策；答复之前决策已落盘，重试得到首次答复。",
        },
        "components": {
            "schemas": {**components, **more, "HealthBody": _HEALTH, "Event": _event_schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an API key"}},
        },
        "paths": {**_deciding(), **_about_itself(), **paths},
    }


_HEALTH: Final[dict[str, Any]] = {
    "title": "HealthBody",
    "type": "object",
    "properties": {
        "status": {"enum": ["ok", "broken"]},
        "version": {"type": "string"},
        "next_seq": {"type": "integer"},
    },
    "required": ["status", "version", "next_seq"],
}
_REPLAYED: Final = {
    "Tarim-Replayed": {
        "schema": {"enum": ["true"]},
        "description": "the event was decided before; this is the first answer, unchanged",
    }
}
_DIGEST: Final = {
    "name": "Content-Digest",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
    "description": "RFC 9530; compared with the body when it is there",
}
_BACKFILL: Final = {
    "name": "backfill",
    "in": "query",
    "required": False,
    "schema": {"enum": ["true", "false"]},
    "description": "the events are fed after an outage and are marked so",
}


def _deciding() -> dict[str, Any]:
    """The paths of decisions."""
    event = {"$ref": _REF.format(name="Event")}
    events = {"type": "array", "items": event, "minItems": 1, "maxItems": IntakeLimits().batch_events_max}
    wrapped = {
        "type": "object",
        "properties": {"events": events},
        "required": ["events"],
        "additionalProperties": False,
    }
    named = [
        {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string", "pattern": _EVENT_ID}},
        {"name": "source", "in": "query", "required": True, "schema": {"type": "string", "pattern": _SOURCE}},
    ]
    one = {
        "200": _answer("DecisionBody", "the decision, durable", _REPLAYED),
        **refusals_of(401, 403, 409, 413, 415, 422),
    }
    many = {
        "200": _answer("BatchBody", "for each event its decision, durable, or why it was refused"),
        **refusals_of(401, 403, 413, 415, 422),
    }
    read = {"200": _answer("DecisionBody", "the decision"), **refusals_of(401, 403, 404, 413, 422)}
    every = "Decide on many events, in their order; a malformed one refuses them all"
    return {
        "/v1/decisions": {
            "post": _operation("decide", "Decide on one event", one, parameters=[_DIGEST, _BACKFILL], body=event)
        },
        "/v1/decisions:batch": {
            "post": _operation(
                "decide_batch", every, many, parameters=[_DIGEST, _BACKFILL], body={"anyOf": [events, wrapped]}
            )
        },
        "/v1/decisions/{event_id}": {
            "get": _operation(
                "read_decision", "The decision on an event, as it was first answered", read, parameters=named
            )
        },
    }


def _about_itself() -> dict[str, Any]:
    """The paths of health, figures and this description."""
    broken = {
        "description": "it does not, and has to be restarted",
        "content": {
            "application/json": {"schema": {"$ref": _REF.format(name="HealthBody")}},
            MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="ProblemBody")}},
        },
    }
    health = {"200": _answer("HealthBody", "it does"), **refusals_of(413), "503": broken}
    figures = {
        "200": {"description": "the figures", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **refusals_of(401, 403, 413),
    }
    description = {
        "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
        **refusals_of(413),
    }
    return {
        "/v1/health": {"get": _operation("health", "Whether the service decides", health, open_to_all=True)},
        "/metrics": {"get": _operation("metrics", "Figures in the Prometheus text format", figures)},
        "/openapi.json": {"get": _operation("description", "This description", description, open_to_all=True)},
    }


def _operation(
    name: str,
    summary: str,
    responses: dict[str, Any],
    *,
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
    open_to_all: bool = False,
) -> dict[str, Any]:
    """One operation; body: the schema of what is sent."""
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "security": [] if open_to_all else [{"key": []}],
    }
    if parameters is not None:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    operation["responses"] = responses
    return operation
