"""One decision in full over HTTP: masked here, where the view is made, and nowhere later (DP-06)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from tarim.api.answers import OUTCOME_ZH, VersionsBody
from tarim.api.rebuilds import FeatureBody, SourceQuery, feature_bodies, told_score
from tarim.api.routes import Call, Route
from tarim.api.views_live import HitBody, hits_of_entry
from tarim.base.errors import NotFound
from tarim.base.instants import instant_text
from tarim.bootstrap.views_looking import SPACES, DecisionLook, Looked
from tarim.cases import masked, short_token
from tarim.decisions import Override, effective_of, hits_of, outcome_of, score_of
from tarim.identity import Caller, Scope
from tarim.privacy import FIELDS, Role
from tarim.stream import COLUMN_OF_FIELD, Channel, Col, FeatureSet, Flag, Kind, NetworkKind, Verification
from tarim.stream import Result as Carried
from tarim.views import Became, Entry, Known, Live, RuleBook

_LABELS: Final = {0: "genuine", 1: "fraud"}
_COLUMN_NAMES: Final = {int(column): name for name, column in COLUMN_OF_FIELD.items()}


class FieldBody(msgspec.Struct, frozen=True):
    """A field of the message.  data_class: C1, C2 or C3; role: token, sealed, fact or note; zh, en: what it means.

    value: masked when `masked`, null when the message had none.  opened: False when the raw value cannot be read (the
    customer's key was destroyed, or the vault is not there); the value is then the first digits of its token.
    """

    name: str
    data_class: str
    role: str
    zh: str
    en: str
    value: str | None
    masked: bool
    opened: bool


class RuleHeldBody(msgspec.Struct, frozen=True):
    """A rule that held.  effective: whether it took effect; it did not when it was paused, in shadow, or not for this customer.

    lists: lists it asks, with the field it asks about.
    """

    id: str
    scenario: str
    outcome: str
    weight: int
    zh: str
    en: str
    effective: bool
    when: str
    lists: list[tuple[str, str]]


class HoldViewBody(msgspec.Struct, frozen=True):
    """The hold of the payment as it stands; proposed_by: who wants it released, "" for nobody."""

    id: int
    state: str
    cause: str
    opened_at: str
    until: str
    changed_at: str
    proposed_by: str


class OverrideViewBody(msgspec.Struct, frozen=True):
    """Another outcome in the decision's place, and who gave it."""

    outcome: str
    author: str
    approver: str
    reason: str
    at: str


class LabelViewBody(msgspec.Struct, frozen=True):
    """The newest label about the event: what it says, from whom, and when it came."""

    seq: int
    label: str
    source: str
    event_id: str
    at: str


class DecisionViewBody(msgspec.Struct, frozen=True):
    """A decision with everything that is known of it.

    payload: the message's fields in its order, masked.  features: what it was judged on, when that was kept with it (it is for
    scores in a band), else null: make the decision again to see them.  reasons: why, the heaviest first; rules: every rule that
    held.  rules_known: False when the ruleset is not kept any more.  judged_by: the model whose score counted, "" for none.
    lag_ms: from what happened to its receipt.  timings: of its parts; null, since the journal does not hold them.
    """

    seq: int
    event_id: str
    source: str
    received_at: str
    occurred_at: str
    lag_ms: int
    late: bool
    kind: str
    amount_fen: int
    outcome: str
    outcome_zh: str
    score: float | None
    payload: list[FieldBody]
    features: list[FeatureBody] | None
    reasons: list[HitBody]
    rules: list[RuleHeldBody]
    rules_known: bool
    versions: VersionsBody
    judged_by: str
    timings: None
    hold: HoldViewBody | None
    override: OverrideViewBody | None
    label: LabelViewBody | None


class DecisionDesk:
    """Shows decisions.  current: see `Views.current`.  decimals: as `told_score`."""

    def __init__(
        self,
        known: Known,
        live: Live,
        look: DecisionLook,
        features: FeatureSet,
        current: Callable[[], None],
        decimals: int,
    ) -> None:
        self._current = current
        self._known, self._live, self._look = known, live, look
        self._features, self._decimals = features, decimals

    def view(self, source: str, event_id: str, caller: Caller) -> DecisionViewBody:
        """One decision; blocks.  Raises NotFound, Unavailable, Damaged."""
        self._current()
        seq = self._known.find(source, event_id)
        looked = self._look.whole(seq)
        decided = looked.decided
        if (decided.source, decided.event_id) != (source, event_id):
            raise NotFound("no decision for that event")
        became = self._known.became(seq)
        book = self._live.book(decided.versions)
        row = decided.row.tolist()
        kept = decided.features if decided.versions.features == self._features.version else None
        outcome = outcome_of(decided.decision)
        return DecisionViewBody(
            seq,
            event_id,
            source,
            instant_text(row[Col.RECEIVED_MS]),
            instant_text(row[Col.OCCURRED_MS]),
            row[Col.RECEIVED_MS] - row[Col.OCCURRED_MS],
            bool(row[Col.FLAGS] & Flag.LATE),
            Kind(row[Col.KIND]).name.lower(),
            row[Col.AMOUNT_FEN],
            outcome.name.lower(),
            OUTCOME_ZH[outcome],
            told_score(score_of(decided.decision), caller, self._decimals),
            payload_of(looked),
            None if kept is None else feature_bodies(self._features, kept.tolist()),
            hits_of_entry(Entry(decided.row, decided.decision, book)),
            _rules(book, decided.decision),
            book.known,
            VersionsBody(decided.versions.features, decided.versions.ruleset, decided.versions.model),
            decided.model,
            None,
            _hold(became),
            None if became.override is None else _override(became.override),
            self._label(became),
        )

    def _label(self, became: Became) -> LabelViewBody | None:
        label = became.label
        if label is None:
            return None
        ((source, event_id),) = self._look.names_of([label.seq])
        return LabelViewBody(
            label.seq, "fraud" if label.fraud else "genuine", source, event_id, instant_text(label.received_ms)
        )


def payload_of(looked: Looked) -> list[FieldBody]:
    """Every field of the envelope, masked."""
    row = looked.decided.row.tolist()
    plain = _facts(row) | dict(looked.notes)
    plain |= {"event_id": looked.decided.event_id, "source": looked.decided.source, "refers_to": looked.refers_to}
    fields = []
    for name, field in FIELDS.items():
        raw = looked.personal.get(name, "")
        value: str | None
        value, opened, hidden = plain.get(name) or None, True, False
        if field.role in (Role.TOKEN, Role.SEALED):
            value, hidden = (masked(name, raw) if raw else None), bool(raw)
            if name in SPACES and not raw and row[COLUMN_OF_FIELD[name]]:
                value, opened, hidden = short_token(row[COLUMN_OF_FIELD[name]]), False, True
        fields.append(
            FieldBody(name, field.data_class.value, field.role.value, field.doc_zh, field.doc, value, hidden, opened)
        )
    return fields


def _facts(row: list[int]) -> dict[str, str]:
    """Facts of a row as text; "" for absent ones."""
    flags = row[Col.FLAGS]
    methods = [
        method.name.lower() for method in Verification if method and row[Col.VERIFICATION] & method and method.name
    ]
    currency = row[Col.CURRENCY]
    return {
        "kind": Kind(row[Col.KIND]).name.lower(),
        "occurred_at": instant_text(row[Col.OCCURRED_MS]),
        "amount_fen": str(row[Col.AMOUNT_FEN]),
        "currency": currency.to_bytes(3, "big").decode("ascii") if currency else "",
        "channel": Channel(row[Col.CHANNEL]).name.lower(),
        "result": Carried(row[Col.RESULT]).name.lower(),
        "verification": ", ".join(methods),
        "network_kind": NetworkKind(row[Col.NETWORK_KIND]).name.lower(),
        "location_permitted": "true" if flags & Flag.LOCATION_PERMITTED else "false",
        "history_authorised": "true" if flags & Flag.HISTORY_AUTHORISED else "false",
        "city": f"{row[Col.CITY]:06d}" if row[Col.CITY] else "",
        "merchant_category": f"{row[Col.MERCHANT_CATEGORY]:04d}" if row[Col.MERCHANT_CATEGORY] else "",
        "label": _LABELS.get(row[Col.LABEL], ""),
        **{f"extra_{n}": str(row[Col.EXTRA_0 + n]) if row[Col.EXTRA_0 + n] else "" for n in range(4)},
    }


def _rules(book: RuleBook, decision: np.ndarray) -> list[RuleHeldBody]:
    effective = set(effective_of(decision))
    held = []
    for index in hits_of(decision):
        if index >= len(book.rules):
            continue
        rule = book.rules[index]
        lists = [(probe.list_name, _COLUMN_NAMES.get(probe.column, "")) for probe in book.lists_of_rule[index]]
        held.append(
            RuleHeldBody(
                rule.id, rule.scenario, rule.outcome.name.lower(), rule.weight, rule.reason_zh, rule.reason_en,
                index in effective, rule.when.strip(), lists,
            )
        )  # fmt: skip
    return sorted(held, key=lambda each: (not each.effective, -each.weight, each.id))


def _hold(became: Became) -> HoldViewBody | None:
    hold = became.hold
    if hold is None:
        return None
    return HoldViewBody(
        hold.seq,
        hold.state.name.lower(),
        hold.cause.name.lower(),
        instant_text(hold.opened_ms),
        instant_text(hold.until_ms),
        instant_text(hold.changed_ms),
        hold.proposer,
    )


def _override(override: Override) -> OverrideViewBody:
    at = instant_text(override.at_ms)
    return OverrideViewBody(override.outcome, override.author, override.approver, override.reason, at)


def decision_view_routes(desk: DecisionDesk) -> list[Route]:
    """The routes."""

    async def view(call: Call) -> DecisionViewBody:
        return await asyncio.get_running_loop().run_in_executor(
            None, desk.view, call.query.source, call.path["event_id"], call.caller
        )

    return [
        Route("GET", "/v1/decisions/{event_id:path}/view", "view_decision", "A decision in full, masked / 决策详情（脱敏）",
              Scope.READ, view, DecisionViewBody, query=SourceQuery, personal=True, refusals=(503,)),
    ]  # fmt: skip
