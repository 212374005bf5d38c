"""All routes together."""

from __future__ import annotations

from collections.abc import Sequence

from tarim.api.answers import Answers
from tarim.api.app import build_app
from tarim.api.auditing import Auditor
from tarim.api.connection import HttpLimits, Site
from tarim.api.decide import DecideRoute
from tarim.api.doors import Door
from tarim.api.figures import Figures
from tarim.api.network import RealAddress
from tarim.api.probing import Probes
from tarim.api.routes import Route
from tarim.decisions import DecisionService, GroupCommit


def build_site(
    service: DecisionService,
    desk: GroupCommit,
    door: Door,
    answers: Answers,
    figures: Figures,
    probes: Probes,
    limits: HttpLimits,
    auditor: Auditor,
    *,
    message_bytes_max: int,
    batch_bytes_max: int,
    version: str,
    more: Sequence[Route] = (),
) -> Site:
    """The site, with `more` routes beside its own; its `connection` method is the protocol a server needs."""
    routes = {
        b"/v1/decisions": DecideRoute(desk, door, answers, figures, probes, message_bytes_max, many=False),
        b"/v1/decisions:batch": DecideRoute(desk, door, answers, figures, probes, batch_bytes_max, many=True),
    }
    application = build_app(service, door, answers, figures, probes, version, auditor, more)
    larger = {route.path.encode(): route.body_bytes_max for route in more}
    return Site(dict(routes), RealAddress(application, door.network), limits, figures.refused, figures.failed, larger)
