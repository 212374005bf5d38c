"""The usher: what happened to a payment, and nobody was told of, becomes an act that queues messages."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from tarim.contact.adapters import rows
from tarim.contact.adapters.rows import Pending
from tarim.contact.book import OPENED, TOLD
from tarim.contact.channels import Channels
from tarim.contact.domain.challenge import Challenge
from tarim.contact.domain.delivery import MessageKind
from tarim.contact.domain.notices import TOLD_BASES, NoticeKind
from tarim.decisions import Hold
from tarim.desk import SYSTEM, Desk, Draft, waiting_hold
from tarim.stream import Outcome

AT_ONCE: Final = 100
"""Things of one command."""
_ASKED: Final = (Outcome.CHALLENGE, Outcome.SUSPEND)
"""Holds that wait for the customer; one that waits for a time only does so when its verification was too weak."""

_Content = tuple[MessageKind, dict[str, Any]]


def usher(desk: Desk, channels: Channels) -> int:
    """Queue messages about what happened; how many things.  Raises Unavailable."""
    sources = channels.by_source.keys()
    if not sources:
        return 0
    waiting = desk.read(lambda connection: rows.pending_of(connection, sources, AT_ONCE)).result()
    if waiting:
        desk.perform(SYSTEM, lambda connection: _drafts(connection, waiting, channels))
    return len(waiting)


def _drafts(connection: Connection, waiting: Sequence[Pending], channels: Channels) -> list[Draft]:
    return [_draft(connection, each, channels) for each in waiting if rows.is_pending(connection, each.id)]


def _draft(connection: Connection, pending: Pending, channels: Channels) -> Draft:
    if pending.what == "opened":
        hold = waiting_hold(connection, pending.held_seq)
        if hold is None:  # it is over already, and its end is pending as well
            return _told(pending, [])
        if hold.kind in _ASKED or hold.strength:
            return _opened(connection, pending, hold, channels)
        return _told(pending, [_notice(NoticeKind.HELD)])
    if pending.what in ("restricted", "lifted"):
        restriction = (MessageKind.RESTRICTION, {"state": pending.what, **pending.content})
        notice = _notice(NoticeKind(pending.what), **pending.content)
        return _told(pending, [restriction, *([notice] if pending.content["basis"] in TOLD_BASES else [])])
    ended = [(MessageKind.HOLD, {"state": pending.what, **pending.content})] if pending.content else []
    return _told(pending, [*ended, _notice(NoticeKind(pending.what))])


def _opened(connection: Connection, pending: Pending, hold: Hold, channels: Channels) -> Draft:
    payment = rows.payment_at(connection, pending.held_seq)
    challenge = Challenge(
        id=secrets.token_hex(16),
        nonce=secrets.token_hex(16),
        seq=payment.seq,
        source=payment.source,
        event_id=payment.event_id,
        opened_ms=hold.opened_ms,
        until_ms=hold.until_ms,
        needed=max(1, hold.strength),
        shown=hold.verification,
        offered=channels.get(payment.source).methods,
        device=payment.device,
        attempts_left=max(1, hold.failures_left),
    )
    body = {"pending": pending.id, "challenge": msgspec.to_builtins(challenge)}
    return Draft(OPENED, str(payment.seq), body)


def _notice(kind: NoticeKind, **more: Any) -> _Content:
    return MessageKind.NOTICE, {"notice": kind.value, **more}


def _told(pending: Pending, messages: Sequence[_Content]) -> Draft:
    body = {
        "pending": pending.id,
        "source": pending.source,
        "happened_ms": pending.at_ms,
        "messages": [[kind.value, content] for kind, content in messages],
    }
    return Draft(TOLD, str(pending.held_seq), body)
