"""Verdicts on their way to the decisions service, over HTTP: which wait, which were refused, and trying again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tarim.api.desk_calls import looked_at, performed
from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, FieldError
from tarim.base.instants import instant_text
from tarim.desk import Desk, Draft, Label, label_of, labels_in, retried_draft
from tarim.identity import Scope

LABELS_MAX = 1_000


class LabelBody(msgspec.Struct, frozen=True):
    """A verdict as a label.  state: waiting, accepted or refused; trouble: why it was refused."""

    id: int
    source: str
    event_id: str
    label: str
    at: str
    state: str
    trouble: str


class LabelsBody(msgspec.Struct, frozen=True):
    """Labels of one state, the newest first, at most 1,000."""

    labels: list[LabelBody]


class LabelsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which labels."""

    state: Annotated[str, Meta(pattern="^(waiting|accepted|refused)$")] = "refused"


def desk_label_routes(desk: Desk) -> list[Route]:
    """The routes."""

    async def read(call: Call) -> LabelsBody:
        state = call.query.state
        found = await looked_at(desk, lambda connection: labels_in(connection, state, LABELS_MAX))
        return LabelsBody([_body(label) for label in found])

    async def retry(call: Call) -> LabelBody:
        number = call.path["id"]
        if not number.isdecimal() or len(number) > 18:
            raise FieldError("id", "must be a whole number")
        act_seq = int(number)

        def again(connection: object) -> list[Draft]:
            label = label_of(connection, act_seq)  # type: ignore[arg-type]
            if label.state != "refused":
                raise Conflict(f"the label is {label.state}: only one that was refused is sent again")
            return [retried_draft(label)]

        await performed(desk, call, again)
        return _body(await looked_at(desk, lambda connection: label_of(connection, act_seq)))

    return [
        Route(
            "GET", "/v1/labels", "read_labels", "Verdicts told to the decisions service / 处置结论回传情况",
            Scope.CASES_READ, read, LabelsBody, query=LabelsQuery,
        ),
        Route(
            "POST", "/v1/labels/{id}/retry", "retry_label", "Tell a refused verdict again / 重新回传被拒的结论",
            Scope.CASES_REVIEW, retry, LabelBody, refusals=(409,),
        ),
    ]  # fmt: skip


def _body(label: Label) -> LabelBody:
    return LabelBody(
        label.act_seq,
        label.source,
        label.refers_to,
        "fraud" if label.fraud else "genuine",
        instant_text(label.at_ms),
        label.state,
        label.trouble,
    )
